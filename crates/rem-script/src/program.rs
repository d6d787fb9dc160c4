//! What to run, and how it ended.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Captured;

/// Where a program without a slash in its name is looked for when the caller
/// gave no `PATH`; the program itself gets it as its `PATH` too.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program to run: arguments, environment, input and limits.
///
/// The environment is clean: the program sees what [`env`](Self::env) and
/// [`envs`](Self::envs) gave it and a `PATH`. To inherit, pass
/// `std::env::vars_os()`.
#[derive(Clone, Debug)]
pub struct Program {
    pub(crate) name: PathBuf,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) cwd: Option<PathBuf>,
    pub(crate) stdin: Vec<u8>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) grace: Duration,
    pub(crate) output_max: usize,
}

impl Program {
    /// Unless [`deadline`](Self::deadline) says otherwise a run may take 60 s.
    pub const DEADLINE: Duration = Duration::from_secs(60);
    /// Unless [`grace`](Self::grace) says otherwise 5 s pass between TERM and KILL.
    pub const GRACE: Duration = Duration::from_secs(5);
    /// Unless [`output_max`](Self::output_max) says otherwise 1 MiB of each stream is kept.
    pub const OUTPUT_MAX: usize = 1 << 20;

    /// A program by path, or by name to be found in `PATH`. A relative path
    /// with a slash starts at the program's [`cwd`](Self::cwd).
    pub fn new(name: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            args: Vec::new(),
            env: Vec::new(),
            cwd: None,
            stdin: Vec::new(),
            deadline: Some(Self::DEADLINE),
            grace: Self::GRACE,
            output_max: Self::OUTPUT_MAX,
        }
    }

    /// `command` for `/bin/sh -c`. Pass values by [`env`](Self::env), never
    /// spliced into the text.
    pub fn shell(command: impl Into<OsString>) -> Self {
        Self::new("/bin/sh").arg("-c").arg(command)
    }

    /// The name or path it was made with.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable; the last setting of a name wins.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        let (name, value) = (name.into(), value.into());
        match self.env.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.env.push((name, value)),
        }
        self
    }

    /// Sets environment variables.
    #[must_use]
    pub fn envs<K: Into<OsString>, V: Into<OsString>>(
        mut self,
        vars: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        for (name, value) in vars {
            self = self.env(name, value);
        }
        self
    }

    /// The folder it starts in; otherwise that of the calling process.
    #[must_use]
    pub fn cwd(mut self, cwd: impl Into<PathBuf>) -> Self {
        self.cwd = Some(cwd.into());
        self
    }

    /// What it can read from its standard input, which then ends. A program
    /// that does not read it all is fine.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// How long it may run before its process group gets TERM.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Lets it run for as long as it likes.
    #[must_use]
    pub fn no_deadline(mut self) -> Self {
        self.deadline = None;
        self
    }

    /// How long after TERM its process group gets KILL.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How many bytes of each output stream are kept, half from its beginning
    /// and half from its end. The rest is read and counted, so that the
    /// program never blocks on a full pipe.
    #[must_use]
    pub fn output_max(mut self, bytes: usize) -> Self {
        self.output_max = bytes;
        self
    }

    pub(crate) fn search_path(&self) -> &OsStr {
        let path = self.env.iter().find(|(name, _)| name == "PATH");
        path.map_or(OsStr::new(DEFAULT_PATH), |(_, value)| value)
    }
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// It exited by itself with this status.
    Exited(i32),
    /// A signal ended it that was not ours.
    Signaled(i32),
    /// It passed its deadline and was ended.
    TimedOut {
        /// Whether TERM did not end it within the grace time.
        killed: bool,
    },
}

impl End {
    /// Whether it exited with status 0.
    pub fn is_success(self) -> bool {
        self == Self::Exited(0)
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "exit status {status}"),
            Self::Signaled(signal) => write!(f, "ended by signal {signal}"),
            Self::TimedOut { killed: false } => write!(f, "timed out"),
            Self::TimedOut { killed: true } => write!(f, "timed out and had to be killed"),
        }
    }
}

/// A run that is over.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How it ended.
    pub end: End,
    /// Its standard output.
    pub stdout: Captured,
    /// Its standard error.
    pub stderr: Captured,
    /// Wall time from before the start to after the end.
    pub took: Duration,
    /// CPU time of the program and of those of its children it waited for;
    /// `None` if the kernel would not let go of it even after KILL.
    pub cpu: Option<Duration>,
}
