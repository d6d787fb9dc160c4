//! A process group that cannot be left behind: its leader is waited for by a
//! pidfd, and the group is killed before the leader's number can be reused.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;

use crate::sys::{Reaped, try_wait, watch};

/// How long the last resort, when no runtime is left to wait in, blocks for a
/// killed process to vanish.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// The process group of a child we started. Dropped before it was reaped, it
/// is killed, and its leader is reaped by a task of the runtime.
#[derive(Debug)]
pub(crate) struct Group {
    leader: Pid,
    pidfd: Option<AsyncFd<OwnedFd>>,
}

impl Group {
    /// Takes charge of a child that is the leader of its own process group.
    pub(crate) fn of_leader(leader: Pid, pidfd: OwnedFd) -> io::Result<Self> {
        match watch(pidfd) {
            Ok(pidfd) => Ok(Self {
                leader,
                pidfd: Some(pidfd),
            }),
            Err(error) => {
                let _ = kill_process_group(leader, Signal::KILL);
                wait_without_pidfd(leader);
                Err(error)
            }
        }
    }

    pub(crate) fn leader(&self) -> Pid {
        self.leader
    }

    /// Signals every process of the group.
    pub(crate) fn signal(&self, signal: Signal) {
        // Until it is reaped the leader's number is ours, so this cannot meet
        // a stranger; an error means that nobody is left.
        if self.pidfd.is_some() {
            let _ = kill_process_group(self.leader, signal);
        }
    }

    /// Ready when the leader has ended; it stays ready.
    pub(crate) fn poll_end(&self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(pidfd) = &self.pidfd else {
            return Poll::Ready(());
        };
        // An error can only be the end of the runtime, and then of us.
        ready!(pidfd.poll_read_ready(cx)).map_or(Poll::Pending, |_| Poll::Ready(()))
    }

    /// After the leader has ended: kills what is left of the group and takes
    /// the leader's status.
    pub(crate) fn reap(&mut self) -> io::Result<Reaped> {
        self.signal(Signal::KILL);
        let reaped = try_wait(self.leader)?;
        self.pidfd = None;
        reaped.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        let Some(pidfd) = self.pidfd.take() else {
            return;
        };
        let mut orphan = Orphan {
            leader: self.leader,
            pidfd,
            gone: false,
        };
        if !orphan.is_gone()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(orphan.wait());
        }
    }
}

/// The leader of a killed group that nobody waits for any more.
struct Orphan {
    leader: Pid,
    pidfd: AsyncFd<OwnedFd>,
    /// Reaped: its number may belong to a stranger now.
    gone: bool,
}

impl Orphan {
    async fn wait(self) {
        // Reaped by drop, also when the runtime ends before this does.
        let _ = self.pidfd.readable().await;
    }

    fn is_gone(&mut self) -> bool {
        self.gone = self.gone || !matches!(try_wait(self.leader), Ok(None));
        self.gone
    }
}

impl Drop for Orphan {
    fn drop(&mut self) {
        let until = Instant::now() + LAST_WAIT;
        while !self.is_gone() && Instant::now() < until {
            let wait = Timespec {
                tv_sec: 0,
                tv_nsec: 10_000_000,
            };
            let mut fds = [PollFd::new(self.pidfd.get_ref(), PollFlags::IN)];
            let _ = poll(&mut fds, Some(&wait));
        }
    }
}

/// Without a descriptor to wait on, such as when none is left: short rounds.
fn wait_without_pidfd(leader: Pid) {
    let until = Instant::now() + LAST_WAIT;
    while matches!(try_wait(leader), Ok(None)) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(1));
    }
}
