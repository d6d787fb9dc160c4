use std::sync::Arc;

use rem_time::{Span, Timestamp};
use serde_json::{Map, Value, json};

/// What is known of a run thread.
#[derive(Clone, Debug, PartialEq)]
pub struct ThreadInfo {
    /// Its name.
    pub id: String,
    /// What it runs.
    pub scripts: Vec<String>,
    /// How often; `None` for a chain that runs once.
    pub interval: Option<Span>,
    /// When it was made.
    pub created: Timestamp,
    /// Whether it still runs, or waits for its next run.
    pub is_running: bool,
    /// Runs that have ended.
    pub runs: u64,
    /// Runs that failed.
    pub failures: u64,
    /// When the last run began.
    pub last_started: Option<Timestamp>,
    /// When the last run ended; the age of [`latest`](Self::latest).
    pub last_finished: Option<Timestamp>,
    /// How long it took.
    pub last_took: Option<Span>,
    /// What the last run gave, or why it failed; `None` before the first.
    pub latest: Option<Result<Arc<Map<String, Value>>, String>>,
    /// The last results, newest first.
    pub history: Vec<HistoryEntry>,
    /// What it did, newest first.
    pub stages: Vec<Stage>,
}

/// One run of a thread.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEntry {
    /// When it began.
    pub started: Timestamp,
    /// How long it took.
    pub took: Span,
    /// What it gave, or why it failed.
    pub output: Result<Arc<Map<String, Value>>, String>,
}

/// One step of a thread's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// What kind of step.
    pub kind: StageKind,
    /// When.
    pub at: Timestamp,
    /// Of what.
    pub name: String,
    /// More about it, or empty.
    pub message: String,
}

/// The kind of a [`Stage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageKind {
    /// A run begins.
    Begin,
    /// A run ended well.
    End,
    /// A run failed.
    Error,
}

impl ThreadInfo {
    /// The names and shapes that scripts see.
    pub fn to_json(&self) -> Value {
        let seconds = |at: Option<Timestamp>| at.map(Timestamp::as_secs_f64);
        let output = self
            .latest
            .as_ref()
            .and_then(|latest| latest.as_deref().ok());
        let error = self
            .latest
            .as_ref()
            .and_then(|latest| latest.as_ref().err());
        json!({
            "id": self.id,
            "scripts": self.scripts,
            "interval": self.interval.map(Span::as_secs_f64),
            "create_time": self.created.as_secs_f64(),
            "has_started": self.last_started.is_some(),
            "is_running": self.is_running,
            "runs": self.runs,
            "failures": self.failures,
            "run_start": seconds(self.last_started),
            "run_finish": seconds(self.last_finished),
            "success": self.latest.as_ref().map(Result::is_ok),
            "error": error,
            "output": output,
            "history": self.history.iter().map(HistoryEntry::to_json).collect::<Value>(),
            "stages": self.stages.iter().map(Stage::to_json).collect::<Value>(),
        })
    }
}

impl HistoryEntry {
    fn to_json(&self) -> Value {
        json!({
            "start": self.started.as_secs_f64(),
            "duration": self.took.as_secs_f64(),
            "output": self.output.as_deref().ok(),
            "error": self.output.as_ref().err(),
        })
    }
}

impl Stage {
    fn to_json(&self) -> Value {
        let kind = match self.kind {
            StageKind::Begin => "begin",
            StageKind::End => "end",
            StageKind::Error => "error",
        };
        json!({
            "type": kind,
            "time": self.at.as_secs_f64(),
            "name": self.name,
            "message": self.message,
        })
    }
}
