//! Messages between us and a worker: four bytes of length (little endian, of
//! what follows), one byte of kind, JSON.

use std::io;
use std::task::{Context, Poll, ready};

use super::channel::Channel;

/// Before the JSON.
pub(super) const HEADER: usize = 5;
/// Room that a worker keeps for messages; more is given back after use.
const KEPT: usize = 64 << 10;
/// More room than the limit for what a message holds besides the value: the
/// worker counts the value, we count the message.
const SLACK: usize = 256 << 10;

/// Starts a message in `out`; [`finish`] ends it.
pub(super) fn begin(out: &mut Vec<u8>, kind: u8) {
    out.clear();
    out.shrink_to(KEPT);
    out.extend_from_slice(&[0, 0, 0, 0, kind]);
}

/// Writes the length of a message below the limit that [`begin`] started.
pub(super) fn finish(out: &mut [u8]) {
    let length = u32::try_from(out.len() - 4).unwrap_or(u32::MAX);
    out[..4].copy_from_slice(&length.to_le_bytes());
}

/// What came from a worker and is not used up.
#[derive(Debug)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    filled: usize,
    max: usize,
}

/// Something that is no message we could take.
#[derive(Debug)]
pub(super) enum Bad {
    /// The worker's end is closed.
    Closed,
    /// The message announced is too long.
    TooBig(u64),
}

impl Inbox {
    pub(super) fn new(message_max: usize) -> Self {
        Self {
            bytes: vec![0; 8 << 10],
            filled: 0,
            max: message_max.saturating_add(SLACK),
        }
    }

    /// Reads until one message is whole, and gives its kind.
    pub(super) fn poll(
        &mut self,
        channel: &mut Channel,
        cx: &mut Context<'_>,
    ) -> Poll<Result<u8, Bad>> {
        loop {
            let wanted = self.announced();
            if wanted.saturating_sub(4) > self.max {
                return Poll::Ready(Err(Bad::TooBig(wanted as u64 - 4)));
            }
            if self.filled >= wanted {
                return Poll::Ready(Ok(self.bytes[4]));
            }
            if self.bytes.len() < wanted {
                self.bytes.resize(wanted, 0);
            }
            match ready!(channel.poll_read(cx, &mut self.bytes[self.filled..])) {
                Ok(0) | Err(_) => return Poll::Ready(Err(Bad::Closed)),
                Ok(n) => self.filled += n,
            }
        }
    }

    /// The JSON of the whole message that [`poll`](Self::poll) announced.
    pub(super) fn json(&self) -> &[u8] {
        &self.bytes[HEADER..self.announced()]
    }

    /// Forgets that message.
    pub(super) fn pop(&mut self) {
        let used = self.announced().min(self.filled);
        self.bytes.copy_within(used..self.filled, 0);
        self.filled -= used;
        if self.bytes.len() > KEPT && self.filled < KEPT {
            self.bytes.truncate(KEPT);
            self.bytes.shrink_to_fit();
        }
    }

    /// How long the first message is, header included, as far as is known.
    fn announced(&self) -> usize {
        let Some(length) = self.bytes[..self.filled].first_chunk::<4>() else {
            return HEADER;
        };
        (u32::from_le_bytes(*length) as usize).max(1) + 4
    }
}

/// A message writer for `serde_json`, which takes any `io::Write`.
pub(super) fn write_json(out: &mut Vec<u8>, value: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(out, value).map_err(io::Error::from)
}
