use std::fmt;

use rem_time::Timestamp;

/// Something a person who watches an engine wants to know. `Display` is one
/// line for a log.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An interval or simultaneous thread starts.
    ThreadStarting {
        /// Its name.
        thread: String,
    },
    /// Somebody waits for the first result of an interval thread.
    ThreadAwaited {
        /// Its name.
        thread: String,
    },
    /// One run of a thread failed; the thread goes on.
    ThreadFailed {
        /// Its name.
        thread: String,
        /// Why.
        error: String,
    },
    /// A thread ends.
    ThreadQuitting {
        /// Its name.
        thread: String,
        /// Why it ends.
        why: &'static str,
    },
    /// A sample went to the sink.
    SampleStored {
        /// The file or group.
        target: String,
        /// When the run started.
        at: Timestamp,
        /// Field and value.
        values: Vec<(String, Option<f64>)>,
    },
    /// The sink refused a sample.
    SampleRefused {
        /// The file or group.
        target: String,
        /// Why.
        error: String,
    },
    /// A shell command ended with another code than 0; its chain goes on.
    ShellFailed {
        /// The run item.
        item: String,
        /// Its exit code.
        code: i32,
        /// The end of its standard error.
        stderr: String,
    },
    /// A script printed something.
    Printed {
        /// The run item.
        item: String,
        /// What it printed.
        text: String,
    },
    /// A script logged something through `unidist.log`.
    Logged {
        /// What it logged.
        text: String,
    },
    /// A lock that keeps threads running was released.
    LockReleased {
        /// The lock.
        lock: String,
    },
}

/// Is told what an engine does. Must not block: it is called where it happens.
pub trait Listener: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event);
}

impl Event {
    /// Whether an operator would want to be told.
    pub fn is_warning(&self) -> bool {
        match self {
            Self::ThreadFailed { .. } | Self::SampleRefused { .. } | Self::ShellFailed { .. } => {
                true
            }
            Self::ThreadStarting { .. }
            | Self::ThreadAwaited { .. }
            | Self::ThreadQuitting { .. }
            | Self::SampleStored { .. }
            | Self::Printed { .. }
            | Self::Logged { .. }
            | Self::LockReleased { .. } => false,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ThreadStarting { thread } => write!(f, "run thread starts: {thread}"),
            Self::ThreadAwaited { thread } => {
                write!(f, "waiting for the first result of run thread: {thread}")
            }
            Self::ThreadFailed { thread, error } => {
                write!(f, "run thread {thread} failed: {error}")
            }
            Self::ThreadQuitting { thread, why } => write!(f, "run thread stops, {why}: {thread}"),
            Self::SampleStored { target, at, values } => {
                write!(f, "sample stored in {target} at {}:", at.as_secs_f64())?;
                for (name, value) in values {
                    match value {
                        Some(value) => write!(f, " {name}={value}")?,
                        None => write!(f, " {name}=unknown")?,
                    }
                }
                Ok(())
            }
            Self::SampleRefused { target, error } => {
                write!(f, "sample not stored in {target}: {error}")
            }
            Self::ShellFailed { item, code, stderr } => {
                write!(f, "{item} ended with exit status {code}")?;
                match stderr.is_empty() {
                    true => Ok(()),
                    false => write!(f, ": {stderr}"),
                }
            }
            Self::Printed { item, text } => write!(f, "{item} printed: {}", text.trim_end()),
            Self::Logged { text } => write!(f, "log: {text}"),
            Self::LockReleased { lock } => write!(f, "lock released: {lock}"),
        }
    }
}
