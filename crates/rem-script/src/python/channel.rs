//! Our end of the socket to a worker.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use tokio::io::unix::AsyncFd;

use crate::sys::{watch, watch_writable};

/// A socket that is woken for what it can read. Were it woken for what it can
/// write too, as a `UnixStream` is, then each message that the worker takes
/// would wake us once more, which costs as much as the message.
#[derive(Debug)]
pub(super) struct Channel {
    socket: AsyncFd<OwnedFd>,
    /// The same socket to wait for room in, once a message did not fit.
    full: Option<AsyncFd<OwnedFd>>,
}

impl Channel {
    /// A channel and the worker's end of it.
    pub(super) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let channel = Self {
            socket: watch(ours.into())?,
            full: None,
        };
        Ok((channel, theirs.into()))
    }

    /// Writes some of these bytes.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            match send(self.socket.get_ref(), bytes, SendFlags::NOSIGNAL) {
                Err(Errno::AGAIN) => {}
                Err(Errno::INTR) => continue,
                written => return Poll::Ready(written.map_err(io::Error::from)),
            }
            // Registered anew it tells of room that is there already, so none
            // that came since the attempt is missed; forgotten afterwards it
            // wakes nobody for small messages.
            let full = match self.full.take() {
                Some(full) => full,
                None => watch_writable(self.socket.get_ref().try_clone()?)?,
            };
            match full.poll_write_ready(cx) {
                Poll::Ready(ready) => ready?.clear_ready(),
                Poll::Pending => {
                    self.full = Some(full);
                    return Poll::Pending;
                }
            }
        }
    }

    /// Reads some bytes into this room; none at the end of the channel.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = ready!(self.socket.poll_read_ready(cx))?;
            match recv(self.socket.get_ref(), &mut *room, RecvFlags::empty()) {
                Ok((read, _)) => {
                    // Less than there was room for means that it is empty now:
                    // to try again would be one system call in vain.
                    if read < room.len() && read > 0 {
                        ready.clear_ready();
                    }
                    return Poll::Ready(Ok(read));
                }
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }
}
