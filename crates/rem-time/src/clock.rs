use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::{Span, Timestamp};

/// Where a program gets "now" from.
///
/// Libraries take a `Timestamp` argument instead; a long-lived loop that has to
/// stamp what it sees takes an `Arc<dyn Clock>`.
pub trait Clock: Debug + Send + Sync {
    /// The current point in time. It follows the system's wall clock, so it may
    /// step back; measure durations with `std::time::Instant` or tokio's.
    fn now(&self) -> Timestamp;

    /// How long the machine has been up, if that is known: it never steps, and is
    /// comparable within one boot, also between processes.
    fn since_boot(&self) -> Option<SinceBoot> {
        None
    }
}

/// How long a machine has been up, and which time it was started.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SinceBoot {
    /// A text that is another one after every start of the machine.
    pub boot: Arc<str>,
    /// How long ago that was, to ten milliseconds; sleep counts.
    pub passed: Span,
}

/// The machine's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => Timestamp::from_nanos(i64::try_from(after.as_nanos()).unwrap_or(i64::MAX)),
            Err(before) => Timestamp::from_nanos(
                i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |n| -n),
            ),
        }
    }

    fn since_boot(&self) -> Option<SinceBoot> {
        static BOOT: OnceLock<Option<Arc<str>>> = OnceLock::new();
        let read = || {
            let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
            Some(text.trim().into())
        };
        let boot = BOOT.get_or_init(read).clone()?;
        let text = std::fs::read_to_string("/proc/uptime").ok()?;
        let seconds: f64 = text.split_whitespace().next()?.parse().ok()?;
        Some(SinceBoot {
            boot,
            passed: Span::from_secs_f64(seconds),
        })
    }
}

/// A clock that stands still until it is told to move. For tests and replays.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.as_nanos()))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Span) {
        self.set(self.now() + by);
    }

    /// Moves the clock to `now`, which may lie in its past.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_nanos(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.load(Ordering::SeqCst))
    }
}
