use rem_time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::CloudError;
use crate::plan::Plan;
use crate::progress::{Handle, Outcome};
use crate::request::Request;

/// Lines kept of what happened; the oldest but the first go first.
pub const OPERATION_LINES_MAX: usize = 50;

/// A request with all that became of it: one record of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// What was asked for.
    pub request: Request,
    /// Who asked.
    pub by: String,
    /// The version of the megavisor that does it.
    pub version: u32,
    /// What was planned before anything was done.
    pub plan: Plan,
    /// How far it is.
    pub state: OperationState,
    /// When it was accepted.
    pub created: Timestamp,
    /// When its state changed last.
    pub changed: Timestamp,
    /// How often it was sent.
    pub sent: u32,
    /// Somebody wants it stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel: Option<String>,
    /// What happened, the oldest first.
    pub lines: Vec<OperationLine>,
}

/// Something that happened to an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationLine {
    /// When.
    pub at: Timestamp,
    /// What.
    pub text: String,
}

/// How far an operation is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum OperationState {
    /// Written down, and not sent.
    Accepted,
    /// It may have been sent or not.
    Sending,
    /// The cloud works on it.
    Running {
        /// By what it is asked for.
        handle: Handle,
        /// In words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// How much of it is done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        percent: Option<u8>,
    },
    /// It ended well.
    Done {
        /// How.
        outcome: Outcome,
    },
    /// It ended badly; nothing goes on.
    Failed {
        /// Why.
        error: CloudError,
    },
    /// It was stopped.
    Cancelled {
        /// By whom, and whether something of it was done.
        why: String,
    },
    /// Nobody can say what became of it. What it works on takes no other operation
    /// until a person has looked and resolved it.
    Stuck {
        /// Why.
        why: String,
    },
    /// A person has looked.
    Resolved {
        /// Who, and what they found.
        why: String,
    },
}

impl OperationState {
    /// Whether nothing more happens by itself.
    pub fn is_over(&self) -> bool {
        match self {
            Self::Accepted | Self::Sending | Self::Running { .. } => false,
            Self::Done { .. }
            | Self::Failed { .. }
            | Self::Cancelled { .. }
            | Self::Stuck { .. }
            | Self::Resolved { .. } => true,
        }
    }

    /// Its name: `accepted`, `running`, `done`, …
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Sending => "sending",
            Self::Running { .. } => "running",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
            Self::Cancelled { .. } => "cancelled",
            Self::Stuck { .. } => "stuck",
            Self::Resolved { .. } => "resolved",
        }
    }
}

impl Operation {
    /// One that was just accepted.
    pub(crate) fn new(
        request: Request,
        by: &str,
        version: u32,
        plan: Plan,
        now: Timestamp,
    ) -> Self {
        let line = OperationLine {
            at: now,
            text: format!("accepted from {by}"),
        };
        Self {
            request,
            by: by.into(),
            version,
            plan,
            state: OperationState::Accepted,
            created: now,
            changed: now,
            sent: 0,
            cancel: None,
            lines: vec![line],
        }
    }

    /// Goes over to another state.
    pub(crate) fn turn(&mut self, state: OperationState, text: impl Into<String>, now: Timestamp) {
        self.state = state;
        self.changed = now;
        self.say(text, now);
    }

    /// Something happened that changes no state.
    pub(crate) fn say(&mut self, text: impl Into<String>, now: Timestamp) {
        let text = text.into();
        if self.lines.last().is_some_and(|line| line.text == text) {
            return;
        }
        if OPERATION_LINES_MAX <= self.lines.len() {
            self.lines.remove(1);
        }
        self.lines.push(OperationLine { at: now, text });
    }

    /// How it ended, if it ended well.
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.state {
            OperationState::Done { outcome } => Some(outcome),
            _ => None,
        }
    }
}
