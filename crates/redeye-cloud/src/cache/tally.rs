use std::collections::BTreeMap;

use rem_time::{Span, Timestamp};

use crate::error::Class;
use crate::kind::Kind;
use crate::scope::Scope;

/// How reads of one kind in one scope went since the start of this process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadFigures {
    /// Answers from the cloud.
    pub live: u64,
    /// Answers that were kept and young.
    pub hits: u64,
    /// Answers that were kept and old, because the cloud gave none.
    pub stale: u64,
    /// Reads without an answer.
    pub failed: u64,
    /// Calls of the cloud that failed, by class.
    pub errors: BTreeMap<Class, u64>,
    /// When the call began whose answer is kept.
    pub observed_at: Option<Timestamp>,
    /// How long the last call took that was answered.
    pub took: Option<Span>,
    /// Whether the last call of the cloud was answered; nothing where none was made.
    pub up: Option<bool>,
}

/// The figures of all kinds in all scopes.
pub type Figures = BTreeMap<(Scope, Kind), ReadFigures>;
