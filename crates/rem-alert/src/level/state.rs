use std::sync::Arc;

use rem_time::Timestamp;

use super::recent::Recent;
use super::watch::Watch;
use super::{Levels, Truth};

/// What is remembered of the samples of one monitor, for its [`Levels`]. It is
/// small: tens of bytes for each level.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelState {
    pub(super) watches: Box<[Watch]>,
    pub(super) groups: Box<[GroupState]>,
    pub(super) recent: Option<Box<Recent>>,
    /// When it was last looked at.
    pub(super) last: Option<Timestamp>,
    /// When the newest sample that came was taken, or watching began.
    pub(super) sampled: Option<Timestamp>,
    /// Nanoseconds that have gone by: a line that never runs backwards.
    pub(super) line: u64,
    /// Where on the line the newest sample came.
    pub(super) sampled_line: u64,
}

/// Whether a group of levels matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupState {
    /// True if all its levels match, unknown while nothing is known of one.
    pub truth: Truth,
    /// Since when; `None` while it has never been known.
    pub since: Option<Timestamp>,
}

impl LevelState {
    /// The state of a group, by its index in [`Levels::groups`]; unknown if there is none.
    pub fn group(&self, index: usize) -> GroupState {
        self.groups.get(index).copied().unwrap_or_default()
    }

    /// Whether a level matches, by its index in [`Levels::levels`].
    pub fn level(&self, index: usize) -> Truth {
        self.watches
            .get(index)
            .map(Watch::truth)
            .unwrap_or_default()
    }

    /// The condition of a level on the newest sample: that of `clear` while it
    /// matches and has one. Unknown also when the newest sample is too old.
    pub fn newest(&self, index: usize) -> Truth {
        self.watches
            .get(index)
            .map(|watch| watch.newest)
            .unwrap_or_default()
    }

    /// When the newest sample that came was taken, or watching began.
    pub fn sampled(&self) -> Option<Timestamp> {
        self.sampled
    }

    /// The alerts that are on.
    pub fn alerts(&self, levels: &Levels) -> Vec<Arc<str>> {
        let on = levels.alerts.iter().filter(|slot| self.any(&slot.groups));
        on.map(|slot| Arc::clone(&slot.name)).collect()
    }

    /// Whether any alert is on.
    pub fn has_alerts(&self, levels: &Levels) -> bool {
        levels.alerts.iter().any(|slot| self.any(&slot.groups))
    }

    fn any(&self, groups: &[u16]) -> bool {
        let mut groups = groups.iter().map(|group| self.group(usize::from(*group)));
        groups.any(|group| group.truth.is_true())
    }
}
