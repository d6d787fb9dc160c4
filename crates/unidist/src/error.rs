use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rem_time::Timestamp;

use crate::ack::{OpId, Revision, Token};
use crate::wire::wire;

/// What went wrong with an operation.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The backend cannot answer now; nothing was done.
    #[error("unidist is unavailable: {reason}")]
    Unavailable {
        /// Why not.
        reason: String,
        /// Since when, where that is known.
        since: Option<Timestamp>,
    },
    /// Somebody else wrote first.
    #[error("conflict: the key is at revision {current}")]
    Conflict {
        /// The revision the key has; zero if there is no such key.
        current: Revision,
    },
    /// The lock is no longer ours: released, broken, or its lease ran out.
    #[error("the lock is no longer held")]
    LeaseLost,
    /// A newer holder of the lock was here before.
    #[error("fenced off: a newer token has been seen: {seen}")]
    Fenced {
        /// The greatest token seen.
        seen: Token,
    },
    /// It did not happen in the time given; nothing was done.
    #[error("timed out")]
    Timeout,
    /// It may have been applied or not. Repeat it with the same id
    /// ([`crate::Bucket::with_op`]) and it is applied once.
    #[error("unknown whether it was applied: operation {op}")]
    Indeterminate {
        /// The id to repeat it with.
        op: OpId,
    },
    /// A stated limit is reached, and the rule at the limit is to refuse.
    #[error("full: {what} is limited to {limit}")]
    Full {
        /// What is full.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// The delivery was given to somebody else, or the message is gone; not applied.
    #[error("the delivery has expired")]
    Expired,
    /// Taking this lock after one of higher or equal priority invites a deadlock.
    #[error("lock order: already holding a lock of priority {held}, asked for {asked}")]
    Order {
        /// The priority of the lock held.
        held: u32,
        /// The priority of the lock asked for.
        asked: u32,
    },
    /// The changes asked for are no longer kept; read the state anew and watch from there.
    #[error("the history before revision {oldest} is gone")]
    Compacted {
        /// The oldest revision one can watch from.
        oldest: Revision,
    },
    /// A file is damaged where damage is no trace of a crash. Nothing was overwritten.
    #[error("corrupt file {file} at byte {offset}: {reason}")]
    Corrupt {
        /// The damaged file.
        file: PathBuf,
        /// Where the damage begins.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// The backend cannot give what was asked for, and says so before anything is lost.
    #[error("{what} is not supported by the {backend} backend")]
    Unsupported {
        /// What was asked for.
        what: String,
        /// Who cannot do it.
        backend: &'static str,
    },
    /// The disk refused. What was acknowledged before is safe.
    #[error("cannot {doing} {file}")]
    Storage {
        /// What we were doing.
        doing: &'static str,
        /// The file it was about.
        file: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// A value could not be made into JSON, or the JSON kept is no such value.
    #[error("cannot convert the value of {what}")]
    Value {
        /// Which value.
        what: String,
        /// What serde said.
        source: Arc<serde_json::Error>,
    },
    /// The request contradicts itself or an earlier one.
    #[error("invalid request: {0}")]
    Invalid(String),
}

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the core refuses; it travels the socket and is remembered for repeated operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Unavailable { reason: String },
    Conflict { current: Revision },
    LeaseLost,
    Fenced { seen: Token },
    Timeout,
    Indeterminate { op: OpId },
    Full { what: String, limit: u64 },
    Expired,
    Order { held: u32, asked: u32 },
    Compacted { oldest: Revision },
    Invalid { why: String },
    WrongMode,
}

wire!(enum Refusal {
    0 => Unavailable { reason },
    1 => Conflict { current },
    2 => LeaseLost,
    3 => Fenced { seen },
    4 => Timeout,
    5 => Indeterminate { op },
    6 => Full { what, limit },
    7 => Expired,
    8 => Order { held, asked },
    9 => Compacted { oldest },
    10 => Invalid { why },
    11 => WrongMode,
});

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unavailable { reason } => Self::Unavailable {
                reason,
                since: None,
            },
            Refusal::Conflict { current } => Self::Conflict { current },
            Refusal::LeaseLost => Self::LeaseLost,
            Refusal::Fenced { seen } => Self::Fenced { seen },
            Refusal::Timeout => Self::Timeout,
            Refusal::Indeterminate { op } => Self::Indeterminate { op },
            Refusal::Full { what, limit } => Self::Full { what, limit },
            Refusal::Expired => Self::Expired,
            Refusal::Order { held, asked } => Self::Order { held, asked },
            Refusal::Compacted { oldest } => Self::Compacted { oldest },
            Refusal::Invalid { why } => Self::Invalid(why),
            Refusal::WrongMode => {
                Self::Invalid("the bucket was created with the other consistency".into())
            }
        }
    }
}

impl Error {
    /// The form in which an error reaches a process that is attached to this one.
    pub(crate) fn into_refusal(self) -> Refusal {
        match self {
            Self::Conflict { current } => Refusal::Conflict { current },
            Self::LeaseLost => Refusal::LeaseLost,
            Self::Fenced { seen } => Refusal::Fenced { seen },
            Self::Timeout => Refusal::Timeout,
            Self::Indeterminate { op } => Refusal::Indeterminate { op },
            Self::Full { what, limit } => Refusal::Full { what, limit },
            Self::Expired => Refusal::Expired,
            Self::Order { held, asked } => Refusal::Order { held, asked },
            Self::Compacted { oldest } => Refusal::Compacted { oldest },
            Self::Invalid(why) => Refusal::Invalid { why },
            Self::Unavailable { reason, .. } => Refusal::Unavailable { reason },
            other @ (Self::Corrupt { .. }
            | Self::Unsupported { .. }
            | Self::Storage { .. }
            | Self::Value { .. }) => Refusal::Unavailable {
                reason: with_sources(&other),
            },
        }
    }

    pub(crate) fn value(what: &str, source: serde_json::Error) -> Self {
        Self::Value {
            what: what.into(),
            source: Arc::new(source),
        }
    }
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}
