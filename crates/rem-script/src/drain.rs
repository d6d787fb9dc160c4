//! Reading what a program writes, whether or not anybody wants it.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
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
    pipe: Option<Receiver>,
    capture: Capture,
}

impl Drain {
    pub(crate) fn new(pipe: OwnedFd, output_max: usize) -> io::Result<Self> {
        Ok(Self {
            pipe: Some(Receiver::from_owned_fd(pipe)?),
            capture: Capture::new(output_max),
        })
    }

    /// Reads whatever is there and sees to it that the task is woken for more.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) {
        let mut buffer = [MaybeUninit::uninit(); READ];
        while let Some(pipe) = &mut self.pipe {
            let mut buffer = ReadBuf::uninit(&mut buffer);
            match Pin::new(pipe).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.capture.push(buffer.filled());
                }
                Poll::Ready(_) => self.pipe = None,
                Poll::Pending => return,
            }
        }
    }

    /// Reads what was written so far, without waiting for the event loop to
    /// have heard of it.
    pub(crate) fn read_now(&mut self) {
        let mut buffer = [MaybeUninit::uninit(); READ];
        let mut read = 0;
        while let Some(pipe) = &self.pipe
            && read < READ_AT_END_MAX
        {
            match rustix::io::read(pipe, &mut buffer) {
                Ok(([], _)) => self.pipe = None,
                Ok((filled, _)) => {
                    self.capture.push(filled);
                    read += filled.len();
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
