//! What the desk is told.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use rem_time::{Span, Timestamp};

/// An alert of a subject fires or is clear, as a level decided it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The alert's name, without `@`.
    pub alert: Arc<str>,
    /// The node it is about: `machine:web-01`, `monitor:web-01/apache/http`. What
    /// stands behind a `#` is a part of the node, such as a mount.
    pub subject: Arc<str>,
    /// Whether it fires.
    pub firing: bool,
    /// When the sample was taken that decided it.
    pub at: Timestamp,
    /// What was found, for people: `no answer for 30 s`.
    pub message: String,
    /// What holds and pages know it by: `machine`, `service`, `location` …
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// The numbers behind it, by name, as they are shown.
    pub values: BTreeMap<Arc<str>, Arc<str>>,
    /// Which of the ladders is climbed.
    pub ladder: Option<Arc<str>>,
    /// The interval of the monitor it comes from.
    pub every: Span,
}

impl Report {
    /// An alert that fires at `at`, with nothing beside it.
    pub fn fires(alert: &str, subject: &str, at: Timestamp) -> Self {
        Self {
            alert: alert.into(),
            subject: subject.into(),
            firing: true,
            at,
            every: Span::from_seconds(60),
            ..Self::default()
        }
    }

    /// The same alert, clear.
    pub fn clears(alert: &str, subject: &str, at: Timestamp) -> Self {
        Self {
            firing: false,
            ..Self::fires(alert, subject, at)
        }
    }

    /// With what was found.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// With a label.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }

    /// On a ladder.
    #[must_use]
    pub fn ladder(mut self, name: &str) -> Self {
        self.ladder = Some(name.into());
        self
    }
}

/// A node was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluated {
    /// The node.
    pub node: Arc<str>,
    /// When the sample was taken.
    pub at: Timestamp,
    /// It looks bad, but its levels have not decided yet: what waits for it goes
    /// on waiting.
    pub doubtful: bool,
}

/// What a person does with open alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Quiet for a time; then the paging begins anew.
    Snooze(Span),
    /// Quiet until it is over.
    Complete,
    /// A remark.
    Comment(Arc<str>),
    /// It is mine: I alone am paged.
    Take,
    /// It is somebody else's.
    Reassign(Arc<str>),
    /// The next of the ladder at once.
    Escalate,
}

/// Which open alerts are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One, by its number: `12` of `web-down@machine:web-01#12`.
    Episode(u64),
    /// Those of these numbers that are still open.
    Episodes(Vec<u64>),
    /// Those of an alert about a subject.
    Key {
        /// The alert.
        alert: Arc<str>,
        /// The subject.
        subject: Arc<str>,
    },
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Episode(number) => write!(f, "#{number}"),
            Self::Episodes(numbers) => write!(f, "one of {} alerts", numbers.len()),
            Self::Key { alert, subject } => write!(f, "{alert}@{subject}"),
        }
    }
}
