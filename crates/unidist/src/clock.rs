use rem_time::{Clock, Span, SystemClock, Timestamp};
use rustix::time::{ClockId, Timespec, clock_gettime};
use tokio::time::Instant;

/// The wall clock at the start, moved on by tokio's clock: it never steps, so
/// that a corrected wall clock ends no lease, and it stands still where a test
/// has paused tokio's.
#[derive(Debug)]
pub(crate) struct SteadyClock {
    wall: Timestamp,
    start: Instant,
}

impl SteadyClock {
    pub(crate) fn starting_now() -> Self {
        Self {
            wall: SystemClock.now(),
            start: Instant::now(),
        }
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        let nanos = self.start.elapsed().as_nanos();
        self.wall + Span::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// The time for things that only tell since when they are, and decide nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamps {
    rough: bool,
    tick: Timespec,
    last: i64,
}

impl Stamps {
    /// What the clock says.
    pub(crate) fn exact() -> Self {
        Self {
            rough: false,
            tick: Timespec::default(),
            last: i64::MIN,
        }
    }

    /// What the clock said since the last tick of the kernel, a few
    /// milliseconds ago: a fifth of the cost.
    pub(crate) fn rough() -> Self {
        Self {
            rough: true,
            ..Self::exact()
        }
    }

    pub(crate) fn now(&mut self, clock: &dyn Clock) -> i64 {
        if !self.rough {
            return clock.now().as_nanos();
        }
        let tick = clock_gettime(ClockId::MonotonicCoarse);
        if tick != self.tick {
            self.tick = tick;
            self.last = clock.now().as_nanos();
        }
        self.last
    }
}
