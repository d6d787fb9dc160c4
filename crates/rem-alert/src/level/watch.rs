use std::collections::VecDeque;

use rem_time::Span;

use super::window::Needs;
use super::{Truth, UnknownAs};

/// Most stretches of time a `20% of 10m` window remembers. At the limit the
/// oldest goes first: the window then matches a little later.
const STRETCHES_MAX: usize = 512;

/// What is remembered of one window.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Memory {
    /// There is no such window.
    #[default]
    Off,
    /// Up to 64 samples; the newest is the lowest bit.
    Bits { bits: u64, seen: u8 },
    /// More than that.
    Wide(Box<Wide>),
    /// For how long the condition has held, and whether it held last.
    Held { nanos: u64, on: bool },
    /// When the condition held.
    Times(Box<Times>),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Wide {
    pub(super) words: Box<[u64]>,
    /// Where the next sample goes.
    pub(super) next: u16,
    pub(super) seen: u16,
    pub(super) matches: u16,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Times {
    /// From and to, on the line of [`LevelState`](super::LevelState), oldest first.
    pub(super) stretches: VecDeque<(u64, u64)>,
}

impl Memory {
    pub(super) fn for_window(needs: Needs) -> Self {
        match needs {
            Needs::Samples { of, .. } if of <= 64 => Self::Bits { bits: 0, seen: 0 },
            Needs::Samples { of, .. } => Self::Wide(Box::new(Wide {
                words: vec![0; usize::from(of).div_ceil(64)].into(),
                ..Wide::default()
            })),
            Needs::Held(_) => Self::Held {
                nanos: 0,
                on: false,
            },
            Needs::Time { .. } => Self::Times(Box::default()),
        }
    }

    pub(super) fn forget(&mut self) {
        match self {
            Self::Off => {}
            Self::Bits { bits, seen } => (*bits, *seen) = (0, 0),
            Self::Wide(wide) => {
                wide.words.fill(0);
                (wide.next, wide.seen, wide.matches) = (0, 0, 0);
            }
            Self::Held { nanos, on } => (*nanos, *on) = (0, false),
            Self::Times(times) => times.stretches.clear(),
        }
    }

    /// A sample came, on which the condition held or not.
    pub(super) fn push(&mut self, needs: Needs, held: bool) {
        match (self, needs) {
            (Self::Bits { bits, seen }, Needs::Samples { of, .. }) => {
                let mask = u64::MAX >> (64 - of.clamp(1, 64));
                *bits = (*bits << 1 | u64::from(held)) & mask;
                *seen = seen.saturating_add(1).min(of as u8);
            }
            (Self::Wide(wide), Needs::Samples { of, .. }) => wide.push(of, held),
            (Self::Held { nanos, on }, _) => {
                *on = held;
                if !held {
                    *nanos = 0;
                }
            }
            _ => {}
        }
    }

    /// Time went by, from one point of the line to another, while the newest
    /// word was that the condition held, did not, or is not known.
    pub(super) fn pass(&mut self, needs: Needs, from: u64, to: u64, held: Option<bool>) {
        match (self, needs) {
            (Self::Held { nanos, on }, _) => match held {
                Some(true) => {
                    *on = true;
                    *nanos = nanos.saturating_add(to - from);
                }
                Some(false) => (*nanos, *on) = (0, false),
                None => {}
            },
            (Self::Times(times), Needs::Time { of, .. }) => {
                if held == Some(true) && from < to {
                    times.add(from, to);
                }
                times.cut(to.saturating_sub(of.as_nanos()));
            }
            _ => {}
        }
    }

    pub(super) fn matches(&self, needs: Needs) -> bool {
        match (self, needs) {
            (Self::Bits { bits, .. }, Needs::Samples { need, .. }) => {
                bits.count_ones() >= u32::from(need)
            }
            (Self::Wide(wide), Needs::Samples { need, .. }) => wide.matches >= need,
            (Self::Held { nanos, on }, Needs::Held(span)) => *on && *nanos >= span.as_nanos(),
            (Self::Times(times), Needs::Time { need, .. }) => times.covered() >= need.as_nanos(),
            _ => false,
        }
    }

    /// Matches, or held seconds, so far.
    pub(super) fn so_far(&self, needs: Needs) -> SoFar {
        match (self, needs) {
            (Self::Bits { bits, seen }, _) => {
                SoFar::Samples(bits.count_ones() as u16, u16::from(*seen))
            }
            (Self::Wide(wide), _) => SoFar::Samples(wide.matches, wide.seen),
            (Self::Held { nanos, .. }, _) => SoFar::Time(Span::from_nanos(*nanos)),
            (Self::Times(times), _) => SoFar::Time(Span::from_nanos(times.covered())),
            (Self::Off, _) => SoFar::Samples(0, 0),
        }
    }

    /// In how many nanoseconds time alone may change whether it matches.
    pub(super) fn changes_in(&self, needs: Needs, line: u64, held: Option<bool>) -> Option<u64> {
        match (self, needs) {
            (Self::Held { nanos, .. }, Needs::Held(span)) if held == Some(true) => {
                let missing = span.as_nanos().saturating_sub(*nanos);
                (missing > 0).then_some(missing)
            }
            (Self::Times(times), Needs::Time { need, of }) => {
                let (covered, need) = (times.covered(), need.as_nanos());
                match (covered >= need, held == Some(true)) {
                    (false, true) => Some(times.fills_in(need - covered, line, of.as_nanos())),
                    (true, false) => {
                        let at = times.leaves_at(covered - need) + of.as_nanos();
                        Some(at.saturating_sub(line).max(1))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

pub(super) enum SoFar {
    /// Matches, of how many seen.
    Samples(u16, u16),
    Time(Span),
}

impl Wide {
    pub(super) fn push(&mut self, of: u16, held: bool) {
        let (word, bit) = (usize::from(self.next / 64), 1_u64 << (self.next % 64));
        let Some(word) = self.words.get_mut(word) else {
            return;
        };
        if *word & bit != 0 {
            self.matches -= 1;
            *word &= !bit;
        }
        if held {
            self.matches += 1;
            *word |= bit;
        }
        self.seen = (self.seen + 1).min(of);
        self.next = (self.next + 1) % of;
    }
}

impl Times {
    pub(super) fn add(&mut self, from: u64, to: u64) {
        match self.stretches.back_mut() {
            Some(last) if last.1 == from => last.1 = to,
            _ => self.stretches.push_back((from, to)),
        }
        if self.stretches.len() > STRETCHES_MAX {
            self.stretches.pop_front();
        }
    }

    /// Forgets what was before `from`.
    fn cut(&mut self, from: u64) {
        while let Some(first) = self.stretches.front_mut() {
            if first.1 > from {
                first.0 = first.0.max(from);
                break;
            }
            self.stretches.pop_front();
        }
    }

    fn covered(&self) -> u64 {
        self.stretches.iter().map(|(from, to)| to - from).sum()
    }

    /// How long the condition has to go on to hold until `missing` more is covered,
    /// with old stretches leaving the window of `of` meanwhile.
    fn fills_in(&self, missing: u64, line: u64, of: u64) -> u64 {
        // The end of the window gains only where it moves through time not covered.
        let start = i128::from(line) - i128::from(of);
        let (mut edge, mut missing) = (start, i128::from(missing));
        for (from, to) in &self.stretches {
            let gap = (i128::from(*from) - edge).max(0);
            if missing <= gap {
                break;
            }
            missing -= gap;
            edge = edge.max(i128::from(*to));
        }
        u64::try_from(edge + missing - start).unwrap_or(u64::MAX)
    }

    /// Where the oldest `excess` nanoseconds and one more end.
    fn leaves_at(&self, mut excess: u64) -> u64 {
        for (from, to) in &self.stretches {
            let length = to - from;
            if excess < length {
                return from + excess + 1;
            }
            excess -= length;
        }
        self.stretches.back().map_or(0, |(_, to)| *to)
    }
}

/// What is remembered of one level.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Watch {
    pub(super) when: Memory,
    pub(super) clear: Memory,
    /// Whether the level matches.
    pub(super) active: bool,
    /// Whether any sample has counted yet.
    pub(super) looked: bool,
    /// The condition on the newest sample, or on `clear` while it matches.
    pub(super) newest: Truth,
    /// What the newest sample counts as, until the next.
    pub(super) standing: Option<bool>,
}

impl Watch {
    pub(super) fn truth(&self) -> Truth {
        match (self.active, self.looked) {
            (true, _) => Truth::True,
            (false, true) => Truth::False,
            (false, false) => Truth::Unknown,
        }
    }

    /// Whether the condition to clear is the one that is looked at.
    pub(super) fn is_clearing(&self) -> bool {
        self.active && self.clear != Memory::Off
    }
}

impl UnknownAs {
    /// What a truth counts as in the window of `when`, or of `clear`.
    pub(super) fn counts(self, truth: Truth, is_clearing: bool) -> Option<bool> {
        match (truth, self) {
            (Truth::True, _) => Some(true),
            (Truth::False, _) => Some(false),
            (Truth::Unknown, Self::Ignore) => None,
            (Truth::Unknown, Self::Bad) => Some(!is_clearing),
            (Truth::Unknown, Self::Good) => Some(is_clearing),
        }
    }
}
