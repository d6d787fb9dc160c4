use std::sync::Arc;

use rem_time::{Span, Timestamp};

use super::state::Hold;

/// What happened to an episode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The levels fire. Saying so again changes nothing.
    Fire(Parents),
    /// The levels no longer fire.
    Clear,
    /// A parent was looked at: the result of a sample taken at `at` is in.
    Evaluated {
        /// The parent's node.
        parent: Arc<str>,
        /// When the sample was taken.
        at: Timestamp,
    },
    /// A parent alerts now, so it explains this alert.
    ParentFire {
        /// The parent's node.
        parent: Arc<str>,
    },
    /// A parent no longer alerts.
    ParentClear {
        /// The parent's node.
        parent: Arc<str>,
        /// When it cleared.
        at: Timestamp,
        /// When the subject of this alert was last looked at.
        sampled: Option<Timestamp>,
        /// The interval of the subject's monitor: the longest wait for a fresh sample.
        every: Span,
    },
    /// The subject itself was looked at; it fires still, or [`Event::Clear`] comes as well.
    Sampled {
        /// When the sample was taken.
        at: Timestamp,
    },
    /// Acknowledged until an instant. The last one wins and may shorten.
    Snooze {
        /// Until when.
        until: Timestamp,
        /// Who.
        by: Arc<str>,
    },
    /// Acknowledged until the alert is over.
    Complete {
        /// Who.
        by: Arc<str>,
    },
    /// Held by a person for a time.
    Force(Hold),
    /// The forced hold ends early.
    EndForce {
        /// Who.
        by: Arc<str>,
    },
    /// A maintenance window covers the subject; a later one replaces an earlier.
    Maintenance(Hold),
    /// No maintenance window covers the subject any more.
    EndMaintenance,
    /// Another user shall look at it, at once.
    Reassign {
        /// Whom to page.
        to: Arc<str>,
        /// Who said so.
        by: Arc<str>,
    },
    /// The next step of the ladder shall be paged, at once.
    Escalate {
        /// Who said so.
        by: Arc<str>,
    },
    /// A user takes it over: they alone are paged for the tries of one step.
    Take {
        /// Who.
        by: Arc<str>,
    },
    /// No contact of any user of a page works: the next step comes at once.
    Unreachable {
        /// The page's number.
        message: u32,
    },
    /// A remark for the timeline.
    Comment {
        /// Who.
        by: Arc<str>,
        /// What they wrote.
        text: Arc<str>,
    },
    /// Time has passed: at a wake-up, after a restart, after a reload.
    Wake,
    /// The alert is no longer configured.
    Removed {
        /// Why, for the note and the timeline.
        why: Arc<str>,
    },
}

/// The nodes this alert's subject depends on, as they are when it fires. They
/// count when the event opens an episode or fires it again, not while it fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parents {
    /// All whose monitors may explain the alert, transitive over the graph.
    pub all: Arc<[Arc<str>]>,
    /// Those of them that alert at this moment.
    pub alerting: Arc<[Arc<str>]>,
    /// The longest interval of their monitors.
    pub every: Span,
}

impl Event {
    /// A fire of a subject without parents.
    pub fn fire() -> Self {
        Self::Fire(Parents::default())
    }

    /// The person who did it; `None` when it happened by itself.
    pub fn by(&self) -> Option<&Arc<str>> {
        match self {
            Self::Snooze { by, .. }
            | Self::Complete { by }
            | Self::EndForce { by }
            | Self::Reassign { by, .. }
            | Self::Escalate { by }
            | Self::Take { by }
            | Self::Comment { by, .. } => Some(by),
            Self::Force(hold) | Self::Maintenance(hold) => Some(&hold.by),
            Self::Fire(_)
            | Self::Clear
            | Self::Evaluated { .. }
            | Self::ParentFire { .. }
            | Self::ParentClear { .. }
            | Self::Sampled { .. }
            | Self::EndMaintenance
            | Self::Unreachable { .. }
            | Self::Wake
            | Self::Removed { .. } => None,
        }
    }
}

impl Default for Parents {
    /// No parents.
    fn default() -> Self {
        Self {
            all: Arc::from([]),
            alerting: Arc::from([]),
            every: Span::ZERO,
        }
    }
}
