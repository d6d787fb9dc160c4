//! When to begin the next sync. Those whom the last one woke are about to write
//! again: a sync that begins before they have leaves them to the one after it,
//! and each sync then serves half of the writers.

use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// No wait for other writers is longer, however slow the disk.
const PATIENCE_MAX: Duration = Duration::from_millis(5);
/// A commit that is quicker than this is not worth a wait: waking up takes longer.
const PATIENCE_MIN: Duration = Duration::from_micros(50);

/// After a wait that was in vain, this many commits wait for nobody; twice as
/// many after the next one in vain, up to the limit.
const HASTY_FIRST: u32 = 4;
const HASTY_MAX: u32 = 256;

/// The decision. Records are counted by their numbers: `next` is the number
/// that the next record gets.
#[derive(Debug)]
pub(super) struct Gathering {
    /// The first record after the last commit, and after the one before it.
    begun: u64,
    before: u64,
    /// The record the next commit begins with at best: all who wait, and all
    /// whom the last commit served, have written.
    target: u64,
    /// How many records the last commit served.
    served: u64,
    /// Until when it is worth to wait for them.
    until: Option<Instant>,
    waiting: bool,
    hasty: u32,
    hasty_next: u32,
}

impl Gathering {
    pub(super) fn new(next: u64) -> Self {
        Self {
            begun: next,
            before: next,
            target: next,
            served: 0,
            until: None,
            waiting: false,
            hasty: 0,
            hasty_next: HASTY_FIRST,
        }
    }

    /// All records before `next` are being written.
    pub(super) fn begin(&mut self, next: u64) {
        self.before = self.begun;
        self.begun = next;
        self.waiting = false;
    }

    /// They are durable, which took this long.
    pub(super) fn end(&mut self, next: u64, now: Instant, took: Duration) {
        self.served = self.begun - self.before;
        self.target = next + self.served;
        // At worst, a wait as long as a sync serves as many as two syncs would.
        let patience = took.min(PATIENCE_MAX);
        self.until = (PATIENCE_MIN <= took).then(|| now + patience);
    }

    /// Until when to wait for more before the next commit; `None`: begin now.
    pub(super) fn wait(&mut self, next: u64, now: Instant) -> Option<Instant> {
        let until = self.until.filter(|until| now < *until)?;
        if self.target <= next {
            return None;
        }
        if 0 < self.hasty {
            self.hasty -= 1;
            return None;
        }
        self.waiting = true;
        Some(until)
    }

    /// Whether somebody waits for more than there is.
    pub(super) fn is_short(&self, next: u64) -> bool {
        self.waiting && next < self.target
    }

    /// The wait is over. If most of those hoped for stayed away, the next
    /// commits are made without one.
    pub(super) fn judge(&mut self, next: u64) {
        self.waiting = false;
        let missing = self.target.saturating_sub(next);
        if missing * 2 <= self.served {
            self.hasty_next = HASTY_FIRST;
        } else {
            self.hasty = self.hasty_next;
            self.hasty_next = (self.hasty_next * 2).min(HASTY_MAX);
        }
    }
}
