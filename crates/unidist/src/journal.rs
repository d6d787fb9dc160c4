use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ack::{Ack, MsgId};
use crate::bucket::Raw;
use crate::error::Result;
use crate::queue::{Msg, Queue, Tail};
use crate::spec::QueueSpec;

/// Entries in the order they came, of which the newest are kept.
#[derive(Clone, Debug)]
pub struct Log {
    entries: Queue<Entry>,
}

/// How much an entry matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// For those who look for a fault.
    Debug,
    /// Something changed that a user notices.
    Info,
    /// An operator wants to be told.
    Warning,
    /// Something failed.
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// An entry of a log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// How much it matters.
    pub level: Level,
    /// What it is about.
    pub target: String,
    /// What it says.
    pub fields: Map<String, Value>,
}

impl Log {
    pub(crate) fn new(raw: &Raw, name: &str, keep: u64) -> Self {
        // Apart from the names that people give to queues.
        let name = format!("\u{1}log/{name}");
        Self {
            entries: Queue::new(raw.clone(), name.into(), QueueSpec::last(keep)),
        }
    }

    /// Adds an entry; returns its place and what it survives.
    ///
    /// # Errors
    /// What the backend reports.
    pub async fn append(
        &self,
        level: Level,
        target: &str,
        fields: Map<String, Value>,
    ) -> Result<(MsgId, Ack)> {
        let target = target.into();
        let entry = Entry {
            level,
            target,
            fields,
        };
        self.entries.push_acked(&entry).await
    }

    /// Up to `n` entries from the place `from` on.
    ///
    /// # Errors
    /// What the backend reports.
    pub async fn read(&self, from: MsgId, n: u64) -> Result<Vec<Msg<Entry>>> {
        self.entries.range(from, n).await
    }

    /// Up to `n` of the newest entries, oldest first.
    ///
    /// # Errors
    /// What the backend reports.
    pub async fn newest(&self, n: u64) -> Result<Vec<Msg<Entry>>> {
        self.entries.peek_newest(n).await
    }

    /// Follows the log from the place `from` on.
    pub fn tail(&self, from: MsgId) -> Tail<Entry> {
        self.entries.tail(from)
    }
}
