use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rem_time::Timestamp;

use super::ladder::{Ladder, Timer};

/// One alert about one subject. The value outlives its episodes: idle, it keeps
/// the number of the last one and its holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Episode {
    /// Counts the episodes of this alert and subject; 0 before the first.
    pub number: u64,
    /// When this episode began.
    pub opened: Timestamp,
    /// What the levels say.
    pub condition: Condition,
    /// Waiting for the parents' monitors after the first fire.
    pub settle: Option<Box<Settle>>,
    /// The parents that alert now, sorted.
    pub parents: Vec<Arc<str>>,
    /// Waiting for a fresh sample after the last parent cleared.
    pub recheck: Option<Recheck>,
    /// Held by a person.
    pub forced: Option<Box<Hold>>,
    /// Held by a maintenance window.
    pub maintenance: Option<Box<Hold>>,
    /// What people answered.
    pub ack: Ack,
    /// Whom to page next, and when.
    pub ladder: Ladder,
    /// A page was made and nobody answered it: survives the episode.
    pub unacked: bool,
    /// A page was made in this episode or in the one whose debt it inherited.
    pub communicated: bool,
    /// The user who took it or whom it was given to.
    pub owner: Option<Arc<str>>,
    /// The users who got a page, sorted.
    pub told: Vec<Arc<str>>,
    /// How often it fired again inside the clear delay.
    pub flaps: u32,
    /// Messages made so far; numbers start at 1.
    pub messages: u32,
    /// Pages below this number must not leave any more.
    pub live_from: u32,
}

/// What the levels say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Condition {
    /// Nothing is open.
    #[default]
    Clear,
    /// They fire.
    Firing {
        /// Since when.
        since: Timestamp,
    },
    /// They do not fire, but not yet for the whole clear delay.
    Clearing(Timer),
    /// It is over, and nobody ever acknowledged it.
    Recovered {
        /// Since when.
        since: Timestamp,
    },
}

/// Waiting for the parents' monitors.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Settle {
    /// The least wait.
    pub least: Timer,
    /// The longest wait.
    pub most: Timer,
    /// The parents not looked at since it began.
    pub waiting: Vec<Arc<str>>,
}

/// Waiting for a fresh sample of the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Recheck {
    /// A sample counts when it was taken at this instant or later.
    pub fresh_from: Timestamp,
    /// The longest wait.
    pub most: Timer,
}

/// Why nothing is sent for a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hold {
    /// Until when, on the clock: a promise to people, so a clock that is set
    /// does not move it.
    pub until: Timestamp,
    /// Who said so.
    pub by: Arc<str>,
    /// Why.
    pub why: Arc<str>,
}

/// What people answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ack {
    /// Nothing.
    #[default]
    None,
    /// Be quiet until then.
    Snoozed {
        /// From when, until when.
        timer: Timer,
        /// Who.
        by: Arc<str>,
    },
    /// Be quiet until it is over.
    Complete {
        /// Who.
        by: Arc<str>,
    },
}

/// What an episode shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Display {
    /// Nothing is open.
    Idle,
    /// Waiting for a parent's or its own newest sample.
    Settling,
    /// Something explains or silences it.
    Held(HeldBy),
    /// People are being paged.
    Communicating,
    /// Acknowledged for a time.
    Snoozed,
    /// Acknowledged.
    Acknowledged,
    /// Clear, but not for long enough.
    Clearing,
    /// Over, and nobody ever acknowledged it.
    RecoveredUnacked,
}

/// What holds an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HeldBy {
    /// A parent alerts.
    Dependency,
    /// A person: a known problem.
    Forced,
    /// A maintenance window.
    Maintenance,
}

/// The identity of an episode: in every message, link and token.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EpisodeId {
    /// The alert's name.
    pub alert: Arc<str>,
    /// The node it is about.
    pub subject: Arc<str>,
    /// [`Episode::number`].
    pub number: u64,
}

/// A text that is not an [`EpisodeId`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an episode such as web-down@machine:web-01#3: {text}")]
pub struct ParseEpisodeIdError {
    text: String,
}

impl Episode {
    /// What it shows.
    pub fn display(&self) -> Display {
        match self.condition {
            Condition::Clear => Display::Idle,
            Condition::Clearing(_) => Display::Clearing,
            Condition::Recovered { .. } => Display::RecoveredUnacked,
            Condition::Firing { .. } => self.display_firing(),
        }
    }

    fn display_firing(&self) -> Display {
        if self.forced.is_some() {
            return Display::Held(HeldBy::Forced);
        }
        if self.maintenance.is_some() {
            return Display::Held(HeldBy::Maintenance);
        }
        match self.ack {
            Ack::Snoozed { .. } => Display::Snoozed,
            Ack::Complete { .. } => Display::Acknowledged,
            Ack::None if !self.parents.is_empty() => Display::Held(HeldBy::Dependency),
            Ack::None if self.settle.is_some() || self.recheck.is_some() => Display::Settling,
            Ack::None => Display::Communicating,
        }
    }

    /// Whether it is firing, clearing, or recovered without an answer.
    pub fn is_open(&self) -> bool {
        self.condition != Condition::Clear
    }

    /// Whether nothing but the number must be kept: no episode, no hold.
    pub fn is_at_rest(&self) -> bool {
        !self.is_open() && self.forced.is_none() && self.maintenance.is_none()
    }

    /// The rule of communication: whether people are to be paged. True also for
    /// an alert that is over and was never acknowledged.
    pub fn talks(&self) -> bool {
        match self.condition {
            Condition::Firing { .. } | Condition::Recovered { .. } => self.may_talk(),
            Condition::Clear | Condition::Clearing(_) => false,
        }
    }

    /// Whether a page may leave: asked right before it is sent. Notes may always leave.
    pub fn is_live(&self, episode: u64, message: u32) -> bool {
        episode == self.number && message >= self.live_from && self.talks()
    }

    /// The next instant at which time alone changes something.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        let clearing = match self.condition {
            Condition::Clearing(timer) => Some(timer.until),
            Condition::Clear | Condition::Firing { .. } | Condition::Recovered { .. } => None,
        };
        let snoozed = match &self.ack {
            Ack::Snoozed { timer, .. } => Some(timer.until),
            Ack::None | Ack::Complete { .. } => None,
        };
        let settle = self.settle.as_ref().map(|settle| {
            if settle.waiting.is_empty() {
                settle.least.until.min(settle.most.until)
            } else {
                settle.most.until
            }
        });
        [
            clearing,
            snoozed,
            settle,
            self.recheck.map(|recheck| recheck.most.until),
            self.forced.as_ref().map(|hold| hold.until),
            self.maintenance.as_ref().map(|hold| hold.until),
            self.ladder.due.map(|due| due.until),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Everything but the condition: no parent, no hold, no answer, settled.
    pub(super) fn may_talk(&self) -> bool {
        let explained =
            matches!(
                self.condition,
                Condition::Firing { .. } | Condition::Clearing(_)
            ) && !(self.parents.is_empty() && self.settle.is_none() && self.recheck.is_none());
        !explained && self.forced.is_none() && self.maintenance.is_none() && self.ack == Ack::None
    }
}

impl fmt::Display for Display {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle => "idle",
            Self::Settling => "settling",
            Self::Held(HeldBy::Dependency) => "held by a dependency",
            Self::Held(HeldBy::Forced) => "held by a person",
            Self::Held(HeldBy::Maintenance) => "held by maintenance",
            Self::Communicating => "communicating",
            Self::Snoozed => "snoozed",
            Self::Acknowledged => "acknowledged",
            Self::Clearing => "clearing",
            Self::RecoveredUnacked => "recovered, never acknowledged",
        })
    }
}

impl EpisodeId {
    /// The id of one message: the same on every attempt.
    pub fn message(&self, number: u32) -> String {
        format!("{self}.{number}")
    }
}

impl fmt::Display for EpisodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}#{}", self.alert, self.subject, self.number)
    }
}

impl FromStr for EpisodeId {
    type Err = ParseEpisodeIdError;

    fn from_str(text: &str) -> Result<Self, ParseEpisodeIdError> {
        let unreadable = || ParseEpisodeIdError { text: text.into() };
        // A subject may hold `#` (a group of a monitor), an alert's name no `@`.
        let (key, number) = text.rsplit_once('#').ok_or_else(unreadable)?;
        let (alert, subject) = key.split_once('@').ok_or_else(unreadable)?;
        Ok(Self {
            alert: alert.into(),
            subject: subject.into(),
            number: number.parse().map_err(|_| unreadable())?,
        })
    }
}
