use std::fmt;

use rem_time::{Span, Timestamp};

/// A stretch of time: from its first instant up to, but without, its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    /// The first instant.
    pub from: Timestamp,
    /// The instant after the last.
    pub to: Timestamp,
}

impl Range {
    /// From one instant up to another.
    pub const fn new(from: Timestamp, to: Timestamp) -> Self {
        Self { from, to }
    }

    /// Whether an instant is in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    /// Whether no instant is in it.
    pub fn is_empty(&self) -> bool {
        self.to <= self.from
    }

    /// Its length.
    pub const fn length(&self) -> Span {
        self.to.since(self.from)
    }

    /// What it shares with another; `None` if that is nothing.
    pub fn shared(&self, other: &Self) -> Option<Self> {
        let both = Self::new(self.from.max(other.from), self.to.min(other.to));
        (!both.is_empty()).then_some(both)
    }

    /// Sorts ranges and joins those that touch.
    pub fn merged(mut ranges: Vec<Self>) -> Vec<Self> {
        ranges.retain(|range| !range.is_empty());
        ranges.sort_unstable();
        let mut merged: Vec<Self> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(last) if range.from <= last.to => last.to = last.to.max(range.to),
                _ => merged.push(range),
            }
        }
        merged
    }

    /// The parts of `these` (merged ranges) that are in none of `those` (merged too).
    pub fn without(these: &[Self], those: &[Self]) -> Vec<Self> {
        let mut left = Vec::new();
        let mut first = 0;
        for range in these {
            let mut from = range.from;
            while those.get(first).is_some_and(|cut| cut.to <= from) {
                first += 1;
            }
            for cut in those[first..].iter().take_while(|cut| cut.from < range.to) {
                left.push(Self::new(from, cut.from));
                from = from.max(cut.to);
            }
            left.push(Self::new(from, range.to));
        }
        left.retain(|range| !range.is_empty());
        left
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.from, self.to)
    }
}
