//! Reading what a program writes, whether or not anybody wants it.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::unix::pipe::Receiver;

use crate::Captured;
use crate::captured::Capture;

/// Bytes read at once: what a pipe holds.
const READ: usize = 64 << 10;
/// Bytes read after the end of the program: the most a pipe can hold. More
/// comes only from a process that left the group and goes on writing.
const READ_AT_END_MAX: usize = 1 << 20;

/// Our end of a pipe that a program writes to.
#[derive(Debug)]
pub(crate) struct Drain {
    pipe: Pipe,
    capture: Capture,
}

#[derive(Debug)]
enum Pipe {
    /// Nobody is woken for what comes.
    Quiet(OwnedFd),
    Watched(Receiver),
    Ended,
}

impl Drain {
    pub(crate) fn new(pipe: OwnedFd, output_max: usize) -> io::Result<Self> {
        let mut drain = Self::quiet(pipe, output_max);
        drain.watch()?;
        Ok(drain)
    }

    /// Reads nothing before it is told to [`watch`](Self::watch) or to
    /// [`read_now`](Self::read_now): watching costs more than the whole of a
    /// run that is over at once.
    pub(crate) fn quiet(pipe: OwnedFd, output_max: usize) -> Self {
        Self {
            pipe: Pipe::Quiet(pipe),
            capture: Capture::new(output_max),
        }
    }

    /// From now on [`poll`](Self::poll) reads.
    pub(crate) fn watch(&mut self) -> io::Result<()> {
        self.pipe = match std::mem::replace(&mut self.pipe, Pipe::Ended) {
            Pipe::Quiet(pipe) => {
                rustix::io::ioctl_fionbio(&pipe, true)?;
                Pipe::Watched(Receiver::from_owned_fd_unchecked(pipe)?)
            }
            pipe => pipe,
        };
        Ok(())
    }

    /// Reads whatever is there and sees to it that the task is woken for more.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) {
        let mut buffer = [MaybeUninit::uninit(); READ];
        while let Pipe::Watched(pipe) = &mut self.pipe {
            let mut buffer = ReadBuf::uninit(&mut buffer);
            match Pin::new(pipe).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.capture.push(buffer.filled());
                }
                Poll::Ready(_) => self.pipe = Pipe::Ended,
                Poll::Pending => return,
            }
        }
    }

    /// Reads what was written so far, without waiting for the event loop to
    /// have heard of it.
    pub(crate) fn read_now(&mut self) {
        let mut buffer = [MaybeUninit::uninit(); READ];
        let mut read = 0;
        while read < READ_AT_END_MAX {
            let (pipe, there) = match &self.pipe {
                // It would block where there is nothing.
                Pipe::Quiet(pipe) => match rustix::io::ioctl_fionread(pipe) {
                    Ok(there @ 1..) => (pipe.as_fd(), there),
                    Ok(0) | Err(_) => return,
                },
                Pipe::Watched(pipe) => (pipe.as_fd(), u64::MAX),
                Pipe::Ended => return,
            };
            match rustix::io::read(pipe, &mut buffer) {
                Ok(([], _)) => self.pipe = Pipe::Ended,
                Ok((filled, _)) => {
                    self.capture.push(filled);
                    read += filled.len();
                    if filled.len() as u64 >= there {
                        return;
                    }
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    /// What was read since the last time.
    pub(crate) fn take(&mut self) -> Captured {
        self.capture.take()
    }
}
