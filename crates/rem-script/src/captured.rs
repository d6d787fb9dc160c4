//! Output of a program, kept within a limit: the first and the last bytes.

use std::borrow::Cow;

#[cfg(test)]
mod tests;

/// What a program wrote: all of it, or its beginning and its end when it wrote
/// more than the limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    bytes: Vec<u8>,
    head: usize,
    dropped: u64,
}

impl Captured {
    /// Every byte kept, in order; whole unless [`dropped`](Self::dropped) says otherwise.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes before the gap; all of them if there is no gap.
    pub fn head(&self) -> &[u8] {
        &self.bytes[..self.head]
    }

    /// The bytes after the gap; none if there is no gap.
    pub fn tail(&self) -> &[u8] {
        &self.bytes[self.head..]
    }

    /// How many bytes between head and tail were read and not kept.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many bytes were written in all.
    pub fn total(&self) -> u64 {
        self.bytes.len() as u64 + self.dropped
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// As text for people: bytes that are not UTF-8 are replaced, a gap is marked.
    pub fn text(&self) -> Cow<'_, str> {
        if self.dropped == 0 {
            return String::from_utf8_lossy(&self.bytes);
        }
        let head = String::from_utf8_lossy(self.head());
        let tail = String::from_utf8_lossy(self.tail());
        let dropped = self.dropped;
        Cow::Owned(format!("{head}\n... {dropped} bytes left out ...\n{tail}"))
    }
}

/// Collects output into a [`Captured`] of at most `max` bytes.
#[derive(Debug)]
pub(crate) struct Capture {
    head: Vec<u8>,
    tail: Vec<u8>,
    total: u64,
    max: usize,
}

impl Capture {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            head: Vec::new(),
            tail: Vec::new(),
            total: 0,
            max,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let for_head = bytes.len().min(self.head_max() - self.head.len());
        let (head, rest) = bytes.split_at(for_head);
        self.head.extend_from_slice(head);
        let rest = &rest[rest.len().saturating_sub(self.tail_max())..];
        self.tail.extend_from_slice(rest);
        // Cutting only at twice the size moves each byte once on average.
        if self.tail.len() > 2 * self.tail_max() {
            self.cut_tail();
        }
    }

    /// What was collected; the next output starts anew.
    pub(crate) fn take(&mut self) -> Captured {
        if self.total == 0 {
            return Captured::default();
        }
        self.cut_tail();
        let mut bytes = std::mem::take(&mut self.head);
        let dropped = self.total - (bytes.len() + self.tail.len()) as u64;
        let head = if dropped == 0 {
            bytes.len() + self.tail.len()
        } else {
            bytes.len()
        };
        bytes.append(&mut self.tail);
        self.total = 0;
        Captured {
            bytes,
            head,
            dropped,
        }
    }

    fn cut_tail(&mut self) {
        let surplus = self.tail.len().saturating_sub(self.tail_max());
        self.tail.drain(..surplus);
    }

    fn head_max(&self) -> usize {
        self.max / 2
    }

    fn tail_max(&self) -> usize {
        self.max - self.head_max()
    }
}
