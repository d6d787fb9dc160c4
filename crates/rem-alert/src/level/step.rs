use std::sync::Arc;

use rem_time::Timestamp;

use super::compile::{Group, StateSlot};
use super::evaluate::Given;
use super::recent::RecentSeries;
use super::watch::Memory;
use super::{Action, GroupState, LevelState, Levels, Sample, Source, StateValue, Status, Truth};

/// Something that became different, or that is to be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The group it comes from, as an index in [`Levels::groups`].
    pub group: usize,
    /// What it is.
    pub what: What,
}

/// What became different, or is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The group matches, no longer matches, or (after a reload) is not known.
    Became {
        /// What it was.
        was: Truth,
        /// What it is now.
        is: Truth,
    },
    /// An alert is on, of this and maybe more groups of the monitor.
    AlertOn(Arc<str>),
    /// No group of the monitor keeps this alert on any longer.
    AlertOff(Arc<str>),
    /// Run this job.
    Trigger(Arc<str>),
    /// A state has this value now; it comes with each sample, changed or not, so
    /// that whoever records states has a row for each. `None` is unknown.
    State {
        /// The state.
        name: Arc<str>,
        /// Its value.
        value: Option<StateValue>,
    },
}

/// States set in the course of one step.
type Set = Vec<(Arc<str>, Option<StateValue>)>;

impl Levels {
    /// Judges a sample. Allocates nothing while nothing changes and no state is set.
    ///
    /// A look that was due and did not come is a [`Sample::missing`]. Should the
    /// clock step back, no time goes by; the windows over samples do not care.
    pub fn step(
        &self,
        state: &mut LevelState,
        sample: &Sample<'_>,
        source: &dyn Source,
        now: Timestamp,
    ) -> Vec<Change> {
        self.pass(state, now);
        let came = sample.status != Status::Unknown || !sample.readings.is_empty();
        if came || state.sampled.is_none() {
            state.sampled = Some(sample.at);
        }
        state.sampled_line = state.line;
        if came && !self.keep.tracked.is_empty() {
            let mut recent = state.recent.take().unwrap_or_default();
            self.keep
                .push(&mut recent, &Given::plain(sample, source, now));
            state.recent = Some(recent);
        }
        self.judge(state, sample, source, now, true)
    }

    /// Lets time go by without a sample: windows over time move on, and conditions
    /// that ask for `age()` or `count(x, 10m)` are looked at again, with nothing
    /// known of the newest sample but its age; what comes out counts as a sample
    /// if it is known.
    pub fn tick(&self, state: &mut LevelState, source: &dyn Source, now: Timestamp) -> Vec<Change> {
        self.pass(state, now);
        // A sample from the future: the clock has stepped back.
        state.sampled = Some(state.sampled.map_or(now, |at| at.min(now)));
        self.judge(state, &Sample::missing(now), source, now, false)
    }

    /// When [`tick`](Self::tick) should be called next because a window over time
    /// may change; at times too early, never too late. Conditions that ask for
    /// `age()` or `count` are not in it: they want a tick with each interval.
    pub fn next_tick(&self, state: &LevelState) -> Option<Timestamp> {
        let last = state.last?;
        let windows = self
            .rules
            .iter()
            .zip(&state.watches)
            .filter_map(|(rule, watch)| {
                let is_clearing = watch.is_clearing();
                let memory = if is_clearing {
                    &watch.clear
                } else {
                    &watch.when
                };
                memory.changes_in(rule.needs(is_clearing), state.line, watch.standing)
            });
        let stale = self.stand.and_then(|stand| {
            let until = state.sampled_line.saturating_add(stand.as_nanos());
            let is_known = state.watches.iter().any(|watch| watch.newest.is_known());
            (until > state.line && is_known).then(|| until - state.line)
        });
        let nanos = windows.chain(stale).min()?;
        Some(last + rem_time::Span::from_nanos(nanos))
    }

    /// Time goes by for the windows over time.
    fn pass(&self, state: &mut LevelState, now: Timestamp) {
        let nanos = state.last.map_or(0, |last| now.since(last).as_nanos());
        state.last = Some(now);
        if nanos == 0 {
            return;
        }
        let from = state.line;
        let to = from.saturating_add(nanos);
        state.line = to;
        if !self.is_timed && self.stand.is_none() {
            return;
        }
        let stale_from = self.stand.map_or(u64::MAX, |stand| {
            state.sampled_line.saturating_add(stand.as_nanos())
        });
        let middle = stale_from.clamp(from, to);
        let levels = self.levels.iter().zip(&self.rules);
        for ((level, rule), watch) in levels.zip(&mut state.watches) {
            let is_clearing = watch.is_clearing();
            let needs = rule.needs(is_clearing);
            let stale = level.unknown.counts(Truth::Unknown, is_clearing);
            let memory = match is_clearing {
                true => &mut watch.clear,
                false => &mut watch.when,
            };
            memory.pass(needs, from, middle, watch.standing);
            if middle < to && watch.looked {
                memory.pass(needs, middle, to, stale);
                watch.standing = stale;
                watch.newest = Truth::Unknown;
            }
        }
    }

    fn judge(
        &self,
        state: &mut LevelState,
        sample: &Sample<'_>,
        source: &dyn Source,
        now: Timestamp,
        is_sample: bool,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut set: Set = Vec::new();
        // Out of the state, so that it can be looked at while the rest is changed.
        let recent = state.recent.take();
        for (at, group) in self.groups.iter().enumerate() {
            let given = Given {
                sample,
                sampled: state.sampled,
                source,
                recent: recent.as_deref().map(|recent| RecentSeries {
                    keep: &self.keep,
                    recent,
                }),
                set: &set,
                now,
            };
            let mut truth = Truth::True;
            for member in group.members.clone() {
                self.look(state, member, &given, is_sample);
                truth = truth.and(state.watches[member].truth());
            }
            let was = state.groups[at].truth;
            if truth != was {
                state.groups[at] = GroupState {
                    truth,
                    since: Some(now),
                };
                self.became(at, group, (was, truth), &mut changes);
            }
            let mut fresh: Set = Vec::new();
            for slot in &group.states {
                let is_due = is_sample || changes.iter().any(|change| slot.has_group(change.group));
                let value = is_due.then(|| self.state_value(slot, state, &given));
                if let Some((by, value)) = value.flatten() {
                    changes.push(Change {
                        group: by,
                        what: What::State {
                            name: Arc::clone(&slot.name),
                            value: value.clone(),
                        },
                    });
                    fresh.push((Arc::clone(&slot.name), value));
                }
            }
            set.append(&mut fresh);
        }
        state.recent = recent;
        if !changes.is_empty() {
            self.switch_alerts(state, &mut changes);
        }
        changes
    }

    /// Looks at one level.
    fn look(&self, state: &mut LevelState, at: usize, given: &Given<'_>, is_sample: bool) {
        let (level, rule) = (&self.levels[at], &self.rules[at]);
        let watch = &mut state.watches[at];
        let is_clearing = watch.is_clearing();
        let needs = rule.needs(is_clearing);
        let (condition, memory) = match (&level.clear, is_clearing) {
            (Some((condition, _)), true) => (condition, &mut watch.clear),
            _ => (&level.when, &mut watch.when),
        };
        if is_sample {
            watch.newest = condition.truth_given(given);
            watch.standing = level.unknown.counts(watch.newest, is_clearing);
            if let Some(held) = watch.standing {
                memory.push(needs, held);
                watch.looked = true;
            }
        } else if rule.follows_clock {
            let truth = condition.truth_given(given);
            if truth.is_known() {
                watch.newest = truth;
                watch.standing = Some(truth.is_true());
                memory.push(needs, truth.is_true());
                watch.looked = true;
            }
        }
        let matches = memory.matches(needs);
        let becomes = match is_clearing {
            true => !matches,
            false => matches,
        };
        if becomes == watch.active {
            return;
        }
        watch.active = becomes;
        watch.looked = true;
        if watch.clear != Memory::Off {
            watch.when.forget();
            watch.clear.forget();
            watch.standing = None;
        }
    }

    fn became(
        &self,
        at: usize,
        group: &Group,
        (was, is): (Truth, Truth),
        changes: &mut Vec<Change>,
    ) {
        changes.push(Change {
            group: at,
            what: What::Became { was, is },
        });
        if !is.is_true() {
            return;
        }
        let levels = &self.levels[group.members.clone()];
        for action in levels.iter().flat_map(|level| &level.actions) {
            if let Action::Trigger(job) = action {
                changes.push(Change {
                    group: at,
                    what: What::Trigger(Arc::clone(job)),
                });
            }
        }
    }

    /// What a state is now, and by which group; `None` if nobody says yet.
    fn state_value(
        &self,
        slot: &StateSlot,
        state: &LevelState,
        given: &Given<'_>,
    ) -> Option<(usize, Option<StateValue>)> {
        let first = |wanted: Truth| {
            let mut setters = slot.setters.iter();
            setters.find(|(group, _, _)| state.groups[*group].truth == wanted)
        };
        let matching = first(Truth::True);
        let (group, level, action) = matching.or_else(|| first(Truth::False))?;
        let Action::State {
            value, otherwise, ..
        } = &self.levels[*level].actions[*action]
        else {
            return None;
        };
        let value = match (matching, otherwise) {
            (Some(_), _) => value.value_given(given),
            (None, Some(otherwise)) => otherwise.value_given(given),
            (None, None) => Some(StateValue::Number(0.0)),
        };
        Some((*group, value))
    }

    /// An alert is on while any group of the monitor that names it matches.
    pub(super) fn switch_alerts(&self, state: &LevelState, changes: &mut Vec<Change>) {
        for slot in &self.alerts {
            let came_from = |group: u16| {
                changes.iter().find_map(|change| match change.what {
                    What::Became { was, .. } if change.group == usize::from(group) => Some(was),
                    _ => None,
                })
            };
            let Some(by) = slot
                .groups
                .iter()
                .find(|group| came_from(**group).is_some())
            else {
                continue;
            };
            let is = |group: &u16| state.groups[usize::from(*group)].truth.is_true();
            let was = |group: &u16| came_from(*group).map_or_else(|| is(group), Truth::is_true);
            let what = match (slot.groups.iter().any(was), slot.groups.iter().any(is)) {
                (false, true) => What::AlertOn(Arc::clone(&slot.name)),
                (true, false) => What::AlertOff(Arc::clone(&slot.name)),
                _ => continue,
            };
            changes.push(Change {
                group: usize::from(*by),
                what,
            });
        }
    }
}

impl StateSlot {
    fn has_group(&self, group: usize) -> bool {
        self.setters.iter().any(|(setter, _, _)| *setter == group)
    }
}
