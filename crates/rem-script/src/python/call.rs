//! One call of a function in a Python file, and what comes of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use crate::{Captured, End, StartError};

/// Anything that can be written as JSON; every `serde::Serialize` can.
pub trait ToJson: Sync {
    /// Appends it to `out`.
    ///
    /// # Errors
    /// When it has no form in JSON, such as a map whose keys are lists.
    fn to_json(&self, out: &mut Vec<u8>) -> serde_json::Result<()>;
}

impl<T: serde::Serialize + Sync + ?Sized> ToJson for T {
    fn to_json(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        serde_json::to_writer(out, self)
    }
}

/// A function in a Python file, and what to call it with.
///
/// The classic `ProcessBlock(pipe_data, block, request_state, input_data,
/// tag=, cwd=, env=, block_parent=)` is four positional and four named
/// arguments. Nothing is copied: arguments are written as JSON straight from
/// where they are.
#[derive(Clone)]
pub struct Call<'a> {
    /// The file; relative to [`PythonOptions::cwd`](crate::PythonOptions::cwd).
    pub script: &'a Path,
    /// The function in it, [`Call::FUNCTION`] by default.
    pub function: &'a str,
    /// Positional arguments. If the first is a JSON object, it is the
    /// *pipe data*: what the function changes in it comes back.
    pub positional: &'a [&'a dyn ToJson],
    /// Arguments by name.
    pub named: &'a [(&'a str, &'a dyn ToJson)],
    /// How long it may take once a worker has it.
    pub deadline: Duration,
    /// The working folder of the process during this call, if not the pool's.
    pub cwd: Option<&'a Path>,
    /// Variables added to `os.environ` during this call.
    pub env: &'a [(&'a str, &'a str)],
}

impl<'a> Call<'a> {
    /// The function that a script has unless somebody says otherwise.
    pub const FUNCTION: &'static str = "ProcessBlock";
    /// How long a call may take unless somebody says otherwise: 60 s.
    pub const DEADLINE: Duration = Duration::from_secs(60);

    /// A call of [`Call::FUNCTION`] in this file without arguments.
    pub fn new(script: &'a Path) -> Self {
        Self {
            script,
            function: Self::FUNCTION,
            positional: &[],
            named: &[],
            deadline: Self::DEADLINE,
            cwd: None,
            env: &[],
        }
    }
}

impl std::fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call")
            .field("script", &self.script)
            .field("function", &self.function)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// What a function returned.
#[derive(Clone, Debug, PartialEq)]
pub enum Returned {
    /// A value. Dates and other objects come as their `str`, bytes as text,
    /// sets and tuples as lists, NaN and infinities as null.
    Value(Value),
    /// The very pipe data it was given: [`Called::set`] and
    /// [`Called::removed`] tell what it has become.
    PipeData,
}

/// A call that returned.
#[derive(Clone, Debug)]
pub struct Called {
    /// What the function returned.
    pub returned: Returned,
    /// Keys of the pipe data that the function set or changed, in depth.
    pub set: Map<String, Value>,
    /// Keys of the pipe data that the function removed.
    pub removed: Vec<String>,
    /// What it printed, and what programs it started wrote to standard output.
    pub stdout: Captured,
    /// The same for standard error.
    pub stderr: Captured,
    /// Wall time the worker had it.
    pub took: Duration,
}

impl Called {
    /// Applies what the function did to its pipe data.
    pub fn apply_to(&mut self, pipe_data: &mut Map<String, Value>) {
        for name in &self.removed {
            pipe_data.shift_remove(name);
        }
        pipe_data.append(&mut self.set);
    }
}

/// A call that failed. Other calls are not affected.
#[derive(Debug, thiserror::Error)]
#[error("cannot call {function} of {}", script.display())]
pub struct CallError {
    /// The file.
    pub script: Box<Path>,
    /// The function.
    pub function: Box<str>,
    /// Why.
    #[source]
    pub failure: Box<Failure>,
    /// What was printed until then.
    pub output: Box<Output>,
}

/// What a failed call wrote.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// To standard output.
    pub stdout: Captured,
    /// To standard error.
    pub stderr: Captured,
    /// Wall time the worker had it.
    pub took: Duration,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The interpreter could not be started.
    #[error("cannot start the python worker")]
    Start(#[source] StartError),
    /// The interpreter started and is not a Python 3 that works.
    #[error("the python worker did not come up, {end}: {stderr}")]
    NoPython {
        /// How it ended.
        end: End,
        /// The end of what it wrote to standard error.
        stderr: String,
    },
    /// An argument has no form in JSON.
    #[error("cannot write the arguments as JSON")]
    Arguments(#[source] serde_json::Error),
    /// The file cannot be read.
    #[error("cannot read the script: {message}")]
    NoScript {
        /// What the system said, with the path.
        message: String,
    },
    /// The file has no such function.
    #[error("the script has no such function")]
    NoFunction,
    /// The file, or one it imports, is not Python 3.
    #[error("{}:{line}: {message}{}", file.display(), hinted(hint))]
    SyntaxError {
        /// The file with the error.
        file: PathBuf,
        /// The line in it, from 1.
        line: u32,
        /// What is wrong.
        message: String,
        /// What to do about it, if it looks like Python 2.
        hint: Option<String>,
    },
    /// The script raised an exception, `SystemExit` included.
    #[error("{kind}: {message}")]
    Raised {
        /// The exception's type.
        kind: String,
        /// Its text.
        message: String,
        /// The script's own frames, innermost last.
        traceback: String,
    },
    /// The deadline passed; the worker was ended with its process group.
    #[error("timed out after {after:?}")]
    TimedOut {
        /// The deadline it had.
        after: Duration,
    },
    /// The worker ended during the call.
    #[error("the python worker died, {end}")]
    Died {
        /// How it ended.
        end: End,
    },
    /// What came back is not JSON, or cannot be written as JSON.
    #[error("the result is not JSON: {message}")]
    NotJson {
        /// Why not.
        message: String,
    },
    /// The arguments or the result are above
    /// [`PythonOptions::message_max`](crate::PythonOptions::message_max).
    #[error("the {what} of {bytes} bytes is above the limit of {max} bytes")]
    TooBig {
        /// `arguments`, `result` or `call`.
        what: &'static str,
        /// Its size.
        bytes: u64,
        /// The limit.
        max: usize,
    },
}

fn hinted(hint: &Option<String>) -> String {
    let Some(hint) = hint else {
        return String::new();
    };
    format!(" ({hint})")
}
