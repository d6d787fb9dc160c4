use std::path::PathBuf;
use std::time::Duration;

use rem_yaml::Place;
use serde_json::{Value, json};

use crate::condition::CompareError;

/// A run that failed: where, at which item, and why.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{place}: {item}: {reason}")]
pub struct RunError {
    /// The place in the file of the tag or run item.
    pub place: Place,
    /// The tag or run item, such as `run item 1 (script: load.py)`.
    pub item: String,
    /// Why.
    pub reason: Reason,
}

/// Why a run failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Reason {
    /// A condition compares what has no order.
    #[error(transparent)]
    Condition(#[from] CompareError),
    /// The script is not there.
    #[error("script does not exist: {}", path.display())]
    NoScript {
        /// Where it was looked for first.
        path: PathBuf,
    },
    /// The script raised an exception.
    #[error("{kind}: {message}")]
    Raised {
        /// The exception's type.
        kind: String,
        /// Its text.
        message: String,
        /// The script's frames, innermost last.
        traceback: Box<str>,
    },
    /// The Python script could not be called or did not return.
    #[error("{message}")]
    Python {
        /// Why not.
        message: String,
    },
    /// The program could not be started.
    #[error("{message}")]
    Start {
        /// Why not.
        message: String,
    },
    /// The program exited with a code other than 0.
    #[error("exit status {code}{}", told(stderr))]
    Exit {
        /// The code.
        code: i32,
        /// The end of what it wrote to standard error.
        stderr: String,
    },
    /// A signal ended the program.
    #[error("ended by signal {signal}{}", told(stderr))]
    Signal {
        /// The signal's number.
        signal: i32,
        /// The end of what it wrote to standard error.
        stderr: String,
    },
    /// It took too long and was ended, with everything it started.
    #[error("timed out after {after:?}")]
    TimedOut {
        /// What it was given.
        after: Duration,
    },
    /// The output is too long, or not what it is said to be.
    #[error("output: {message}")]
    Output {
        /// What is wrong with it.
        message: String,
    },
    /// A lock was not to be had in time.
    #[error("{message}")]
    LockTimeout {
        /// The message of the block, or ours.
        message: String,
    },
    /// Shared locks, queues, counters or state refused.
    #[error("{message}")]
    Shared {
        /// Why.
        message: String,
    },
    /// A run thread's latest run failed.
    #[error("run thread {thread}: {message}")]
    Thread {
        /// The thread's name.
        thread: String,
        /// Why.
        message: String,
    },
    /// A template could not be rendered.
    #[error("template: {message}")]
    Template {
        /// Why not.
        message: String,
    },
    /// A tag function of the embedding program refused.
    #[error("{message}")]
    Tag {
        /// Why.
        message: String,
    },
    /// Data that does not fit what is done with it.
    #[error("{message}")]
    Data {
        /// What does not fit.
        message: String,
    },
    /// The engine is shutting down.
    #[error("the engine is shutting down")]
    ShuttingDown,
}

impl RunError {
    /// The traceback of a Python exception.
    pub fn traceback(&self) -> Option<&str> {
        match &self.reason {
            Reason::Raised { traceback, .. } => Some(traceback),
            _ => None,
        }
    }

    /// What the handlers of `except` see as `exception`.
    pub(crate) fn to_json(&self) -> Value {
        let kind = match &self.reason {
            Reason::Raised { kind, .. } => kind.as_str(),
            Reason::Condition(_) => "Condition",
            Reason::NoScript { .. } => "NoScript",
            Reason::Python { .. } => "Python",
            Reason::Start { .. } => "Start",
            Reason::Exit { .. } => "Exit",
            Reason::Signal { .. } => "Signal",
            Reason::TimedOut { .. } => "TimedOut",
            Reason::Output { .. } => "Output",
            Reason::LockTimeout { .. } => "LockTimeout",
            Reason::Shared { .. } => "Shared",
            Reason::Thread { .. } => "Thread",
            Reason::Template { .. } => "Template",
            Reason::Tag { .. } => "Tag",
            Reason::Data { .. } => "Data",
            Reason::ShuttingDown => "ShuttingDown",
        };
        json!({
            "type": kind,
            "message": self.reason.to_string(),
            "file": &*self.place.file,
            "line": self.place.line,
            "item": self.item,
            "traceback": self.traceback(),
        })
    }
}

fn told(stderr: &str) -> String {
    match stderr.is_empty() {
        true => String::new(),
        false => format!(": {stderr}"),
    }
}
