use rem_time::Span;
use serde::{Deserialize, Serialize};

use crate::error::CloudError;
use crate::hidden::Hidden;
use crate::name::Id;

/// What became of a request that was sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Begun {
    /// It is done.
    Done(Outcome),
    /// The cloud works on it; ask again with the handle.
    Running(Handle),
}

/// What a megavisor needs to ask for something that is under way, also after a
/// restart. What it holds is the megavisor's own affair, but not secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handle {
    /// What it made or works on, as far as it is known.
    pub ids: Vec<Id>,
    /// Whatever else it wants to know again.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub state: serde_json::Value,
    /// When to ask first.
    pub poll_after: Span,
}

/// How a request ended well.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Whether anything is different from before.
    pub changed: bool,
    /// What was made or changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<Id>,
    /// What a person should know, such as an address or a layer that may be frozen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What is shown once and kept nowhere, such as the private half of a key.
    #[serde(skip)]
    pub secret: Option<Hidden>,
}

impl Outcome {
    /// Something is different now.
    pub fn changed(ids: impl IntoIterator<Item = Id>) -> Self {
        Self {
            changed: true,
            ids: ids.into_iter().collect(),
            ..Self::default()
        }
    }

    /// It was so already.
    pub fn unchanged(ids: impl IntoIterator<Item = Id>) -> Self {
        Self {
            ids: ids.into_iter().collect(),
            ..Self::default()
        }
    }

    /// With something a person should know.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

/// How far something is.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// Still under way.
    Running {
        /// The handle for the next time; megavisors may learn more on the way.
        handle: Handle,
        /// In words, such as `shutting down`.
        note: Option<String>,
        /// How much of it is done.
        percent: Option<u8>,
    },
    /// Done.
    Done(Outcome),
    /// It failed, and the cloud does nothing more about it.
    Failed(CloudError),
}

/// What is known about a request of which nobody heard the end.
#[derive(Clone, Debug, PartialEq)]
pub enum Recovered {
    /// It never happened, or sending it again does no harm.
    SendAgain,
    /// It happened, and is under way or done.
    Adopt(Begun),
    /// Nobody can say; a person has to look.
    Stuck(String),
}
