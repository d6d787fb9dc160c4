use std::fmt;
use std::sync::Arc;

use rem_alert::message::{Message, State};
use rem_time::{Span, Timestamp};

/// Attempts that a letter remembers: the first half and the newest half of them.
pub const ATTEMPTS_KEPT: usize = 20;

/// For whom a letter is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Addressee {
    /// A person.
    User(Arc<str>),
    /// Whoever is told when nobody is on call.
    Fallback,
    /// The outside that notices when we are silent.
    Heartbeat,
    /// A contact that only exists to be tested.
    SelfTest,
}

impl Addressee {
    /// As a user's name.
    pub(crate) fn name(&self) -> Arc<str> {
        match self {
            Self::User(user) => user.clone(),
            Self::Fallback => "fallback".into(),
            Self::Heartbeat => "heartbeat".into(),
            Self::SelfTest => "self-test".into(),
        }
    }
}

impl fmt::Display for Addressee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => f.pad(user),
            Self::Fallback => f.pad("the fallback"),
            Self::Heartbeat => f.pad("the heartbeat"),
            Self::SelfTest => f.pad("the self-test"),
        }
    }
}

/// What a letter says; composed when it leaves, from what is true then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Words {
    /// About an alert: act, or (`low`) look at it some day.
    Page {
        /// It is over, and may wait for the morning.
        low: bool,
    },
    /// About an alert, for information.
    Note(Arc<str>),
    /// About several alerts: the letters of these numbers.
    Digest(Vec<u64>),
    /// A shift begins: the task list and the open alerts of the role follow.
    HandOver {
        /// The role.
        role: Arc<str>,
        /// What comes before them.
        text: Arc<str>,
    },
    /// About no alert.
    Plain {
        /// What kind of message.
        kind: PlainKind,
        /// Its one line.
        subject: Arc<str>,
        /// What it says.
        text: Arc<str>,
    },
}

/// A message that is not about an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlainKind {
    /// A shift begins, ends, or changed hands.
    OnCall,
    /// Whether the contact works.
    SelfTest,
    /// That we live.
    Heartbeat,
    /// What became of a reply.
    Confirmation,
}

/// A message to one person, with what was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its number, never used again.
    pub no: u64,
    /// For whom.
    pub to: Addressee,
    /// What it says.
    pub words: Words,
    /// Where it stands.
    pub message: Message,
    /// Only this contact, and no other one if it does not work: a self-test.
    pub only: bool,
    /// Older letters about the same alerts, which this one makes needless.
    pub replaces: Vec<u64>,
    /// The letter it goes or went with.
    pub went_with: Option<u64>,
    /// How often its page was due again while it waited.
    pub again: u32,
    /// The attempts, oldest first.
    pub log: Vec<Attempt>,
}

/// What came of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// Where it went, without secrets.
    pub contact: Arc<str>,
    /// How long it took; nothing while it is under way, or if it was cut off.
    pub took: Option<Span>,
    /// Whether it was taken over; nothing while that is unknown.
    pub taken: Option<bool>,
    /// What the other side said.
    pub answer: Arc<str>,
}

/// What came of an attempt, as the sender tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The other side took it over.
    Taken {
        /// What it answered.
        answer: String,
    },
    /// It may work later.
    Later {
        /// What happened.
        why: String,
        /// The other side asked for so much time.
        after: Option<Span>,
    },
    /// This contact will not work until it is repaired.
    Never {
        /// What happened.
        why: String,
    },
}

impl Outcome {
    /// In a word: `sent`, `retry`, `failed`.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Taken { .. } => "sent",
            Self::Later { .. } => "retry",
            Self::Never { .. } => "failed",
        }
    }

    pub(crate) fn answer(&self) -> &str {
        match self {
            Self::Taken { answer } => answer,
            Self::Later { why, .. } | Self::Never { why } => why,
        }
    }
}

impl Letter {
    pub(crate) fn new(no: u64, to: Addressee, words: Words, message: Message) -> Self {
        Self {
            no,
            to,
            words,
            message,
            only: false,
            replaces: Vec::new(),
            went_with: None,
            again: 0,
            log: Vec::new(),
        }
    }

    /// Whether nothing will happen with it any more.
    pub fn is_done(&self) -> bool {
        match self.message.state {
            State::Queued { .. } | State::Leased(_) | State::RetryWait { .. } => false,
            // A bundled one goes with its digest.
            State::Bundled { .. } => false,
            State::Sent { .. }
            | State::Delivered { .. }
            | State::Superseded { .. }
            | State::Unreachable { .. } => true,
        }
    }

    /// The number of the episode it is about.
    pub fn episode(&self) -> Option<u64> {
        self.message.about.as_ref().map(|(id, _)| id.number)
    }

    /// When it may leave; `None`: it is not waiting.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        match &self.message.state {
            State::Queued { not_before } => Some(*not_before),
            State::RetryWait { timer } => Some(timer.until),
            State::Leased(_)
            | State::Sent { .. }
            | State::Delivered { .. }
            | State::Bundled { .. }
            | State::Superseded { .. }
            | State::Unreachable { .. } => None,
        }
    }

    pub(crate) fn note(&mut self, attempt: Attempt) {
        if ATTEMPTS_KEPT <= self.log.len() {
            self.log.remove(ATTEMPTS_KEPT / 2);
        }
        self.log.push(attempt);
    }
}
