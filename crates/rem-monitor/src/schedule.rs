use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BinaryHeap, HashMap};
use std::hash::Hash;

use rem_time::Span;

#[cfg(test)]
mod tests;

/// When each of many things is due: at a fixed rate, on a clock that only runs
/// forward, with no drift and no bursts.
///
/// Time is a [`Span`] since an origin that the caller chooses once, such as the
/// start of the process on the monotonic clock. A thing keeps its place in its
/// interval for ever: its `n`th round is due at `first + n × every`, however late
/// earlier rounds ran. Rounds that were missed altogether (a suspended machine, a
/// stopped process) are counted and not made up.
///
/// ```
/// use rem_monitor::Schedule;
/// use rem_time::Span;
///
/// let (mut schedule, s) = (Schedule::new(), Span::from_seconds);
/// schedule.add("ping", s(10), s(2));
/// assert_eq!(schedule.next_due(), Some(s(2)));
/// assert_eq!(schedule.take_due(s(2)), [("ping", 0)]);
/// assert_eq!(schedule.next_due(), Some(s(12)));
/// assert_eq!(schedule.take_due(s(35)), [("ping", 2)]);   // 12 and 22 are gone, 32 runs
/// assert_eq!(schedule.next_due(), Some(s(42)));
/// ```
#[derive(Clone, Debug)]
pub struct Schedule<K> {
    due: BinaryHeap<Reverse<(Span, K)>>,
    rates: HashMap<K, Rate>,
}

#[derive(Clone, Copy, Debug)]
struct Rate {
    every: Span,
    next: Span,
    /// Where its entry stands in the heap: at `next` or before, because what is put
    /// off again and again is not moved each time. Other entries of it are void.
    queued: Span,
}

impl<K: Ord + Clone + Hash> Default for Schedule<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Ord + Clone + Hash> Schedule<K> {
    /// A schedule of nothing.
    pub fn new() -> Self {
        Self {
            due: BinaryHeap::new(),
            rates: HashMap::new(),
        }
    }

    /// Adds a thing that is due at `first` and then every `every` (at least 1 ns).
    /// A thing of the same key is replaced.
    pub fn add(&mut self, key: K, every: Span, first: Span) {
        let every = every.max(Span::from_nanos(1));
        if let Some(rate) = self.rates.get_mut(&key) {
            (rate.every, rate.next) = (every, first);
            if rate.queued <= first {
                return;
            }
            rate.queued = first;
        } else {
            let rate = Rate {
                every,
                next: first,
                queued: first,
            };
            self.rates.insert(key.clone(), rate);
        }
        self.due.push(Reverse((first, key)));
    }

    /// Takes a thing out; nothing happens where there is none.
    pub fn remove(&mut self, key: &K) {
        self.rates.remove(key);
    }

    /// How many things are scheduled.
    pub fn len(&self) -> usize {
        self.rates.len()
    }

    /// Whether nothing is scheduled.
    pub fn is_empty(&self) -> bool {
        self.rates.is_empty()
    }

    /// The next instant at which something is due.
    pub fn next_due(&mut self) -> Option<Span> {
        self.settle();
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    /// Everything that is due at `now`, the longest overdue first, each once, with
    /// the number of its rounds that passed without running.
    pub fn take_due(&mut self, now: Span) -> Vec<(K, u64)> {
        let mut taken = Vec::new();
        while let Some((mut first, rate)) = self.first_due(now) {
            let Reverse((at, key)) = &*first;
            let missed = now.saturating_sub(*at).as_nanos() / rate.every.as_nanos();
            let rounds = rate
                .every
                .as_nanos()
                .saturating_mul(missed.saturating_add(1));
            rate.next = at.saturating_add(Span::from_nanos(rounds));
            rate.queued = rate.next;
            taken.push((key.clone(), missed));
            first.0.0 = rate.next;
        }
        taken
    }

    /// Everything that is due at `now`, the longest overdue first, each once; it is
    /// not scheduled any more.
    pub fn take_out_due(&mut self, now: Span) -> Vec<K> {
        let mut taken = Vec::new();
        loop {
            self.settle();
            let first = self.due.peek_mut();
            let Some(first) = first.filter(|first| first.0.0 <= now) else {
                return taken;
            };
            let Reverse((_, key)) = PeekMut::pop(first);
            self.rates.remove(&key);
            taken.push(key);
        }
    }

    fn first_due(&mut self, now: Span) -> Option<(First<'_, K>, &mut Rate)> {
        self.settle();
        let first = self.due.peek_mut().filter(|first| first.0.0 <= now)?;
        let rate = self.rates.get_mut(&first.0.1)?;
        Some((first, rate))
    }

    /// Sees to it that the first entry of the heap is one that counts.
    fn settle(&mut self) {
        while let Some(mut first) = self.due.peek_mut() {
            let Reverse((at, key)) = &*first;
            match self.rates.get_mut(key) {
                Some(rate) if rate.queued == *at => {
                    if rate.next == *at {
                        return;
                    }
                    rate.queued = rate.next;
                    first.0.0 = rate.next;
                }
                Some(_) | None => {
                    PeekMut::pop(first);
                }
            }
        }
    }
}

/// The entry at the top of the heap; one that was changed goes to its place.
type First<'s, K> = PeekMut<'s, Reverse<(Span, K)>>;

/// The place of `key` within an interval of `every`: always the same for the same
/// key, and evenly spread over many keys, so that a thousand monitors of one
/// interval do not probe in the same instant.
pub fn offset(key: &str, every: Span) -> Span {
    // FNV-1a with a final mix: stable over restarts and versions, unlike std's hasher.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in key.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    let place = (u128::from(hash) * u128::from(every.as_nanos())) >> 64;
    Span::from_nanos(place as u64)
}
