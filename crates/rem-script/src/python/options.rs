//! How a pool of Python workers is set up.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::Program;

/// When a script that was imported before is imported again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reload {
    /// When the file, or a module it imported from its own folder, has another
    /// modification time, size or inode: edits are live.
    #[default]
    OnChange,
    /// At each call, as the products of 2010 did.
    Always,
}

/// The set-up of a [`PythonPool`](crate::PythonPool).
#[derive(Clone, Debug)]
pub struct PythonOptions {
    pub(crate) interpreter: PathBuf,
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) cwd: PathBuf,
    pub(crate) modules: Vec<(String, String)>,
    pub(crate) workers_max: usize,
    pub(crate) runs_max: u64,
    pub(crate) rss_max: u64,
    pub(crate) message_max: usize,
    pub(crate) output_max: usize,
    pub(crate) grace: Duration,
    pub(crate) start_deadline: Duration,
    pub(crate) reload: Reload,
}

impl Default for PythonOptions {
    fn default() -> Self {
        Self {
            interpreter: PathBuf::from("python3"),
            env: Vec::new(),
            cwd: PathBuf::from("/"),
            modules: Vec::new(),
            workers_max: 2,
            runs_max: Self::RUNS_MAX,
            rss_max: Self::RSS_MAX,
            message_max: Self::MESSAGE_MAX,
            output_max: Program::OUTPUT_MAX,
            grace: Program::GRACE,
            start_deadline: Self::START_DEADLINE,
            reload: Reload::OnChange,
        }
    }
}

impl PythonOptions {
    /// After 10,000 calls a worker is replaced.
    pub const RUNS_MAX: u64 = 10_000;
    /// A worker that holds more than 256 MiB of memory is replaced.
    pub const RSS_MAX: u64 = 256 << 20;
    /// Arguments and results may have 16 MiB as JSON.
    pub const MESSAGE_MAX: usize = 16 << 20;
    /// An interpreter has 30 s to come up.
    pub const START_DEADLINE: Duration = Duration::from_secs(30);

    /// The interpreter by path or name, `python3` by default.
    #[must_use]
    pub fn interpreter(mut self, interpreter: impl Into<PathBuf>) -> Self {
        self.interpreter = interpreter.into();
        self
    }

    /// Sets an environment variable of the interpreter, which otherwise sees
    /// only a `PATH`.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// The working folder of scripts whose call names none; `/` by default.
    #[must_use]
    pub fn cwd(mut self, cwd: impl Into<PathBuf>) -> Self {
        self.cwd = cwd.into();
        self
    }

    /// Adds a module that scripts can import: a dotted name and its Python
    /// source. Parents that are not given are made as empty packages. These
    /// come before installed modules of the same name.
    #[must_use]
    pub fn module(mut self, name: impl Into<String>, source: impl Into<String>) -> Self {
        self.modules.push((name.into(), source.into()));
        self
    }

    /// How many workers there may be, 2 by default and at least 1; at the
    /// limit calls wait in order of arrival.
    #[must_use]
    pub fn workers_max(mut self, workers: usize) -> Self {
        self.workers_max = workers.max(1);
        self
    }

    /// After how many calls a worker is replaced.
    #[must_use]
    pub fn runs_max(mut self, runs: u64) -> Self {
        self.runs_max = runs.max(1);
        self
    }

    /// Above how many bytes of resident memory a worker is replaced once its
    /// call is over. Looked at now and then and after long calls.
    #[must_use]
    pub fn rss_max(mut self, bytes: u64) -> Self {
        self.rss_max = bytes;
        self
    }

    /// How many bytes arguments, results and calls of the host may have as
    /// JSON. Above it the call fails with [`Failure::TooBig`](crate::Failure::TooBig).
    #[must_use]
    pub fn message_max(mut self, bytes: usize) -> Self {
        self.message_max = bytes.clamp(1, u32::MAX as usize - 1);
        self
    }

    /// How many bytes of what a call prints are kept, as with
    /// [`Program::output_max`].
    #[must_use]
    pub fn output_max(mut self, bytes: usize) -> Self {
        self.output_max = bytes;
        self
    }

    /// How long after TERM the process group of a worker gets KILL.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How long an interpreter may take to come up.
    #[must_use]
    pub fn start_deadline(mut self, deadline: Duration) -> Self {
        self.start_deadline = deadline;
        self
    }

    /// When scripts are imported again.
    #[must_use]
    pub fn reload(mut self, reload: Reload) -> Self {
        self.reload = reload;
        self
    }
}
