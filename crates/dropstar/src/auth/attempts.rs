use std::collections::HashMap;
use std::hash::Hash;

use rem_time::{Span, Timestamp};

#[cfg(test)]
mod tests;

/// Sources remembered; at the limit those that are over are forgotten, and if
/// none is, the new one is let through unremembered.
const SOURCES_MAX: usize = 10_000;

/// Counts failures of each source within a window and says when it is too many.
#[derive(Debug)]
pub(super) struct Attempts<K> {
    max: u32,
    window: Span,
    failures: HashMap<K, (Timestamp, u32)>,
}

impl<K: Eq + Hash> Attempts<K> {
    pub(super) fn new(max: u32, window: Span) -> Self {
        Self {
            max,
            window,
            failures: HashMap::new(),
        }
    }

    /// How long this source has to wait before it may try; `None` if it may now.
    pub(super) fn wait(&self, source: &K, now: Timestamp) -> Option<Span> {
        let (since, count) = self.failures.get(source)?;
        let passed = now.since(*since);
        (*count >= self.max && passed < self.window).then(|| self.window.saturating_sub(passed))
    }

    pub(super) fn failed(&mut self, source: K, now: Timestamp) {
        if self.failures.len() >= SOURCES_MAX {
            let window = self.window;
            self.failures
                .retain(|_, (since, _)| now.since(*since) < window);
        }
        let full = self.failures.len() >= SOURCES_MAX;
        if full && !self.failures.contains_key(&source) {
            return;
        }
        let (since, count) = self.failures.entry(source).or_insert((now, 0));
        if now.since(*since) >= self.window {
            (*since, *count) = (now, 0);
        }
        *count += 1;
    }

    pub(super) fn succeeded(&mut self, source: &K) {
        self.failures.remove(source);
    }
}
