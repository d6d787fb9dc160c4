//! What no safe crate offers.
#![allow(unsafe_code)]

mod spawn;

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::process::Pid;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

pub(crate) use self::spawn::{Execution, spawn};

/// How a child ended and what it cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reaped {
    /// Its exit status, if it exited.
    pub(crate) exited: Option<i32>,
    /// The signal that ended it, if one did.
    pub(crate) signaled: Option<i32>,
    /// Its CPU time and that of its children it waited for.
    pub(crate) cpu: Duration,
}

/// Takes the exit status of a child that has ended; `None` if it still runs.
pub(crate) fn try_wait(pid: Pid) -> io::Result<Option<Reaped>> {
    let mut status = 0;
    // SAFETY: rusage is plain integers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live locals of the types wait4 writes.
    let waited = unsafe {
        libc::wait4(
            pid.as_raw_nonzero().get(),
            &raw mut status,
            libc::WNOHANG,
            &raw mut usage,
        )
    };
    match waited {
        0 => Ok(None),
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(Some(Reaped {
            exited: libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)),
            signaled: libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status)),
            cpu: duration(usage.ru_utime) + duration(usage.ru_stime),
        })),
    }
}

/// Has the event loop of the present runtime tell when a descriptor can be read.
pub(crate) fn watch(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    register(fd, Interest::READABLE)
}

/// Has it tell when a descriptor can be written.
pub(crate) fn watch_writable(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    register(fd, Interest::WRITABLE)
}

fn register(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the AsyncFd owns the descriptor, nothing replaces it in there,
    // and an OwnedFd stays open and the same until it is dropped.
    let watched = unsafe { AsyncFd::register_with_interest(fd, interest) };
    watched.map_err(io::Error::from)
}

fn duration(time: libc::timeval) -> Duration {
    let micros = u32::try_from(time.tv_usec).unwrap_or(0);
    Duration::new(time.tv_sec.unsigned_abs(), micros * 1000)
}
