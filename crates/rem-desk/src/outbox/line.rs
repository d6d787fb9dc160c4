use std::collections::BTreeSet;

use rem_alert::message::Pace;
use rem_time::{Span, Timestamp};

use crate::rules::Reach;

/// The shortest and the longest time between two attempts to find out whether a
/// contact works again.
const PROBE_MIN: Span = Span::from_seconds(1);
const PROBE_MAX: Span = Span::from_seconds(300);
/// The time between two such attempts is this part of how long it has been down:
/// what comes back after a minute is noticed within seconds, what is down for a
/// day is asked every five minutes.
const PROBE_PART: u64 = 32;

/// A line with nothing in it is forgotten after this long.
const FORGOTTEN_AFTER: Span = Span::from_seconds(3600);

/// The letters for one contact of one person.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// By when they may leave.
    pub waiting: BTreeSet<(Timestamp, u64)>,
    pub in_flight: BTreeSet<u64>,
    pub pace: Pace,
    /// Since when every attempt fails.
    pub down: Option<Timestamp>,
    /// Nothing leaves before this.
    pub pause: Option<(Timestamp, Timestamp)>,
    /// The pause just ended with a success.
    pub healed: bool,
    /// Messages that may leave without a pause, as of an instant.
    pub burst: Option<(Timestamp, f64)>,
    /// When the outbox will look at it.
    pub ready: Option<Timestamp>,
}

impl Line {
    pub(crate) fn failed(&mut self, now: Timestamp, after: Option<Span>) {
        let down = *self.down.get_or_insert(now);
        let part = Span::from_nanos(now.since(down).as_nanos() / PROBE_PART);
        let pause = part
            .clamp(PROBE_MIN, PROBE_MAX)
            .max(after.unwrap_or_default());
        self.pause = Some((now, now + pause));
    }

    pub(crate) fn works(&mut self) {
        self.healed = self.down.take().is_some();
        self.pause = None;
    }

    /// Until when nothing leaves.
    pub(crate) fn paused(&mut self, now: Timestamp) -> Option<Timestamp> {
        match self.pause {
            // A clock that was set back must not make a pause longer.
            Some((from, until)) if from <= now && now < until => Some(until),
            _ => {
                self.pause = None;
                None
            }
        }
    }

    /// Messages that may be on their way at the same time.
    pub(crate) fn room(&self, at_once: u16) -> usize {
        let most = if self.down.is_some() {
            1
        } else {
            usize::from(at_once.max(1))
        };
        most.saturating_sub(self.in_flight.len())
    }

    /// Whether the last attempt ended a time in which all failed.
    pub(crate) fn works_again(&mut self) -> bool {
        std::mem::take(&mut self.healed)
    }

    /// Whether one more message may leave without its pause.
    pub(crate) fn may_burst(&mut self, now: Timestamp, reach: &Reach) -> bool {
        if reach.pace.is_zero() {
            return true;
        }
        let most = f64::from(reach.burst.max(1));
        let (at, left) = self.burst.unwrap_or((now, most));
        let more = now.since(at).as_secs_f64() / reach.pace.as_secs_f64();
        let left = (left + more).min(most);
        self.burst = Some((now, left));
        left >= 1.0
    }

    pub(crate) fn burst_used(&mut self) {
        if let Some((_, left)) = &mut self.burst {
            *left = (*left - 1.0).max(0.0);
        }
    }

    /// Whether nothing is lost when the line is forgotten.
    pub(crate) fn is_idle(&self, now: Timestamp) -> bool {
        let rested = self
            .pace
            .last
            .is_none_or(|last| FORGOTTEN_AFTER <= now.since(last));
        self.waiting.is_empty() && self.in_flight.is_empty() && self.down.is_none() && rested
    }
}
