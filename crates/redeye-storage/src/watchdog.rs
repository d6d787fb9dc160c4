//! A process of its own that stops writing and lets go, whatever happens to us.
//!
//! Who stops writing must be who lets go: only then is it certain that what is let go
//! is that very hold, and no later one of somebody else. So the watchdog runs the entry
//! and the exit of each layer that holds. We hold the other end of its socket; when we
//! are gone, or the time is over, it lets go by itself, and then it ends.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

mod keeper;
mod message;
mod post;
mod record;

pub use keeper::{WatchdogError, watch};
pub(crate) use post::Post;
pub(crate) use record::{Record, settled};

/// How the watchdog is started: a program that calls [`watch`] with the socket that is
/// its standard input, such as the embedding program itself with an argument of its own.
#[derive(Clone, Debug)]
pub struct Watchdog {
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
}

impl Watchdog {
    /// This program, with these arguments and a clean environment.
    pub fn new<A: Into<OsString>>(
        program: impl Into<PathBuf>,
        args: impl IntoIterator<Item = A>,
    ) -> Self {
        Self {
            program: program.into(),
            args: args.into_iter().map(Into::into).collect(),
            env: Vec::new(),
        }
    }

    /// With something in its environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Starts it; the socket is its standard input.
    fn start(&self, socket: std::os::unix::net::UnixStream) -> io::Result<()> {
        use std::process::{Command, Stdio};
        let mut child = Command::new(&self.program)
            .args(&self.args)
            .env_clear()
            .env("PATH", rem_script::DEFAULT_PATH)
            .envs(self.env.iter().cloned())
            .current_dir("/")
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(socket)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        // It outlives us where it must; where it ends before us it leaves no zombie.
        std::thread::spawn(move || child.wait());
        Ok(())
    }
}
