use std::collections::VecDeque;
use std::sync::Arc;

use rem_time::{Span, Timestamp};

use super::recent::Recent;
use super::watch::{Memory, Times, Watch, Wide};
use super::window::Needs;
use super::{Change, GroupState, LevelState, Levels, Subject, Truth, What};

/// A [`LevelState`] as plain data, to be written down.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SavedState {
    /// When it was last looked at.
    pub last: Option<Timestamp>,
    /// When the newest sample that came was taken.
    pub sampled: Option<Timestamp>,
    /// How long the newest sample, or its absence, has stood at `last`.
    pub stood: Span,
    /// One for each level.
    pub levels: Vec<SavedLevel>,
    /// One for each group.
    pub groups: Vec<SavedGroup>,
    /// The samples in memory.
    pub series: Vec<SavedSeries>,
}

/// What is remembered of one level.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedLevel {
    /// Of the [`Level`](super::Level): only a level that is the same gets it back.
    pub fingerprint: u64,
    /// Whether it matches.
    pub active: bool,
    /// Whether any sample has counted.
    pub looked: bool,
    /// The condition on the newest sample.
    pub newest: Truth,
    /// What the newest sample counts as.
    pub standing: Option<bool>,
    /// The window of `when`.
    pub when: SavedWindow,
    /// The window of `clear`.
    pub clear: SavedWindow,
}

/// What is remembered of one window.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum SavedWindow {
    /// There is no such window.
    #[default]
    None,
    /// Whether the condition held, the oldest sample first.
    Samples(Vec<bool>),
    /// For how long it has held, and whether it held last.
    Held {
        /// So long.
        span: Span,
        /// And still does.
        on: bool,
    },
    /// When it held: stretches that began and ended so long before `last`, the
    /// oldest first.
    Times(Vec<(Span, Span)>),
}

/// Whether a group matched.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedGroup {
    /// Its name.
    pub name: Arc<str>,
    /// Whether it matched, and since when.
    pub state: GroupState,
}

/// The newest samples of one series, the oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedSeries {
    /// Which series.
    pub subject: Subject,
    /// When, and what.
    pub points: Vec<(Timestamp, Option<f64>)>,
}

impl Levels {
    /// The state as plain data.
    pub fn save(&self, state: &LevelState) -> SavedState {
        let levels = self
            .rules
            .iter()
            .zip(&state.watches)
            .map(|(rule, watch)| SavedLevel {
                fingerprint: rule.fingerprint,
                active: watch.active,
                looked: watch.looked,
                newest: watch.newest,
                standing: watch.standing,
                when: watch.when.save(state.line),
                clear: watch.clear.save(state.line),
            });
        let groups = self.groups.iter().zip(&state.groups);
        SavedState {
            last: state.last,
            sampled: state.sampled,
            stood: Span::from_nanos(state.line - state.sampled_line),
            levels: levels.collect(),
            groups: groups
                .map(|(group, state)| SavedGroup {
                    name: Arc::clone(&group.name),
                    state: *state,
                })
                .collect(),
            series: self.save_series(state),
        }
    }

    fn save_series(&self, state: &LevelState) -> Vec<SavedSeries> {
        let Some(recent) = &state.recent else {
            return Vec::new();
        };
        let tracked = &self.keep.tracked;
        let series = tracked.iter().enumerate().map(|(column, series)| {
            let values = recent.values.iter().skip(column).step_by(tracked.len());
            let known = values.map(|value| Some(*value).filter(|value| !value.is_nan()));
            SavedSeries {
                subject: series.subject.clone(),
                points: recent.at.iter().copied().zip(known).collect(),
            }
        });
        series.collect()
    }

    /// A state from plain data, after a restart. A level that is not in it, or has
    /// changed since, starts with nothing known. The time in between counts neither
    /// as held nor as not held. Data that no state could have written does no harm.
    pub fn restore(&self, saved: &SavedState) -> LevelState {
        let mut state = self.kept(saved);
        for watch in &mut state.watches {
            watch.standing = None;
        }
        state
    }

    /// A state for these levels from one for their predecessors, while watching goes
    /// on. A level that did not change keeps everything. The changes switch off what
    /// the predecessors had on and these do not: alerts, and groups that are gone
    /// from true; their group is an index in the old [`Levels::groups`].
    pub fn reload(&self, old: &Self, state: &LevelState) -> (LevelState, Vec<Change>) {
        let mut new = self.kept(&old.save(state));
        new.last = state.last;
        let on = new.alerts(self);
        let mut changes = Vec::new();
        for (at, group) in old.groups.iter().enumerate() {
            let was = state.group(at).truth;
            let is = self
                .groups
                .iter()
                .position(|kept| kept.name == group.name)
                .map_or(Truth::Unknown, |kept| new.group(kept).truth);
            if was.is_true() && !is.is_true() {
                changes.push(Change {
                    group: at,
                    what: What::Became { was, is },
                });
            }
        }
        for slot in &old.alerts {
            let mut groups = slot.groups.iter().map(|group| usize::from(*group));
            let by = groups.find(|group| state.group(*group).truth.is_true());
            if let Some(group) = by.filter(|_| !on.contains(&slot.name)) {
                changes.push(Change {
                    group,
                    what: What::AlertOff(Arc::clone(&slot.name)),
                });
            }
        }
        (new, changes)
    }

    fn kept(&self, saved: &SavedState) -> LevelState {
        let mut state = self.start();
        state.last = saved.last;
        state.sampled = saved.sampled;
        // Room on the line for what was before.
        state.line = u64::MAX / 2;
        state.sampled_line = state.line.saturating_sub(saved.stood.as_nanos());
        let mut taken = vec![false; saved.levels.len()];
        for (rule, watch) in self.rules.iter().zip(&mut state.watches) {
            let mut levels = saved.levels.iter().zip(&taken);
            let found =
                levels.position(|(level, taken)| !taken && level.fingerprint == rule.fingerprint);
            let Some(at) = found else {
                continue;
            };
            taken[at] = true;
            let level = &saved.levels[at];
            *watch = Watch {
                when: Memory::restore(&level.when, rule.window, state.line),
                clear: match rule.clear {
                    Some(clear) => Memory::restore(&level.clear, clear, state.line),
                    None => Memory::Off,
                },
                active: level.active,
                looked: level.looked || level.active,
                newest: level.newest,
                standing: level.standing,
            };
        }
        for (group, state_of) in self.groups.iter().zip(&mut state.groups) {
            let truths = state.watches[group.members.clone()]
                .iter()
                .map(Watch::truth);
            let truth = truths.fold(Truth::True, Truth::and);
            let known = saved.groups.iter().find(|saved| saved.name == group.name);
            if let Some(known) = known.filter(|known| known.state.truth == truth) {
                *state_of = known.state;
            }
        }
        state.recent = self.restore_series(&saved.series);
        state
    }

    fn restore_series(&self, saved: &[SavedSeries]) -> Option<Box<Recent>> {
        let tracked = &self.keep.tracked;
        let columns = tracked.iter().map(|tracked| {
            let of = |saved: &&SavedSeries| saved.subject == tracked.subject;
            saved.iter().find(of)
        });
        // A new series has no past here: all is asked of the source until it has.
        let columns: Vec<&SavedSeries> = columns.collect::<Option<_>>()?;
        let at: VecDeque<Timestamp> = columns.first()?.points.iter().map(|(at, _)| *at).collect();
        let length = at.len().min(usize::from(self.keep.samples));
        let is_even = columns.iter().all(|column| column.points.len() == at.len());
        let first = at.len() - length;
        let values = (first..at.len()).flat_map(|row| {
            let value =
                |column: &&SavedSeries| column.points.get(row).and_then(|(_, value)| *value);
            let values: Vec<f64> = columns
                .iter()
                .map(|c| value(c).unwrap_or(f64::NAN))
                .collect();
            values
        });
        let recent = Recent {
            values: values.collect(),
            at: at.iter().skip(first).copied().collect(),
        };
        (is_even && length > 0).then(|| Box::new(recent))
    }
}

impl Memory {
    fn save(&self, line: u64) -> SavedWindow {
        let ago = |at: u64| Span::from_nanos(line.saturating_sub(at));
        match self {
            Self::Off => SavedWindow::None,
            Self::Bits { bits, seen } => {
                SavedWindow::Samples((0..*seen).rev().map(|i| bits >> i & 1 == 1).collect())
            }
            Self::Wide(wide) => SavedWindow::Samples(wide.samples()),
            Self::Held { nanos, on } => SavedWindow::Held {
                span: Span::from_nanos(*nanos),
                on: *on,
            },
            Self::Times(times) => {
                let stretches = times.stretches.iter();
                SavedWindow::Times(stretches.map(|(from, to)| (ago(*from), ago(*to))).collect())
            }
        }
    }

    fn restore(saved: &SavedWindow, needs: Needs, line: u64) -> Self {
        let mut memory = Self::for_window(needs);
        match (&mut memory, saved) {
            (Self::Bits { .. } | Self::Wide(_), SavedWindow::Samples(samples)) => {
                for held in samples {
                    memory.push(needs, *held);
                }
            }
            (Self::Held { nanos, on }, SavedWindow::Held { span, on: was_on }) => {
                (*nanos, *on) = (span.as_nanos(), *was_on);
            }
            (Self::Times(times), SavedWindow::Times(stretches)) => {
                **times = Times::restore(stretches, line);
                memory.pass(needs, line, line, None);
            }
            _ => {}
        }
        memory
    }
}

impl Wide {
    fn samples(&self) -> Vec<bool> {
        let capacity = self.words.len() * 64;
        let held = |at: usize| self.words[at / 64] >> (at % 64) & 1 == 1;
        let (next, seen) = (usize::from(self.next), usize::from(self.seen));
        match next >= seen {
            true => (next - seen..next).map(held).collect(),
            // The ring has come round: its size is what has been seen.
            false => (next..seen.min(capacity))
                .chain(0..next)
                .map(held)
                .collect(),
        }
    }
}

impl Times {
    fn restore(stretches: &[(Span, Span)], line: u64) -> Self {
        let mut times = Self::default();
        let mut end = 0;
        for (from, to) in stretches {
            let from = line.saturating_sub(from.as_nanos()).max(end);
            let to = line.saturating_sub(to.as_nanos());
            if from < to {
                times.add(from, to);
                end = to;
            }
        }
        times
    }
}
