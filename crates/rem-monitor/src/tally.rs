use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use rem_check::Verdict;
use rem_time::Span;

/// What an engine counts about itself, since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Checks that are done, by verdict: ok, warning, critical, unknown.
    pub checks: [u64; 4],
    /// Checks that ended without a report, which is a mistake in a check.
    pub broken: u64,
    /// Rounds that passed without a check.
    pub rounds_missed: u64,
    /// Checks under way.
    pub running: usize,
    /// Checks that wait for a place.
    pub waiting: usize,
    /// How late the last rounds began.
    pub lag: Span,
    /// Time that all checks took together.
    pub took: Span,
}

/// The order of [`Tally::checks`].
pub const VERDICTS: [Verdict; 4] = [
    Verdict::Ok,
    Verdict::Warning,
    Verdict::Critical,
    Verdict::Unknown,
];

/// The counters behind it; whoever counts and whoever reads do not wait for each other.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    checks: [AtomicU64; 4],
    broken: AtomicU64,
    rounds_missed: AtomicU64,
    running: AtomicUsize,
    waiting: AtomicUsize,
    lag: AtomicU64,
    took: AtomicU64,
}

impl Counters {
    pub(crate) fn check(&self, verdict: Verdict, took: Span) {
        let place = VERDICTS.iter().position(|known| *known == verdict);
        if let Some(counter) = place.and_then(|place| self.checks.get(place)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        self.took.fetch_add(took.as_nanos(), Ordering::Relaxed);
    }

    pub(crate) fn broken(&self) {
        self.broken.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn missed(&self, rounds: u64) {
        self.rounds_missed.fetch_add(rounds, Ordering::Relaxed);
    }

    pub(crate) fn places(&self, running: usize, waiting: usize) {
        self.running.store(running, Ordering::Relaxed);
        self.waiting.store(waiting, Ordering::Relaxed);
    }

    pub(crate) fn lag(&self, lag: Span) {
        self.lag.store(lag.as_nanos(), Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Tally {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Tally {
            checks: [0, 1, 2, 3].map(|place: usize| load(&self.checks[place])),
            broken: load(&self.broken),
            rounds_missed: load(&self.rounds_missed),
            running: self.running.load(Ordering::Relaxed),
            waiting: self.waiting.load(Ordering::Relaxed),
            lag: Span::from_nanos(load(&self.lag)),
            took: Span::from_nanos(load(&self.took)),
        }
    }
}
