use std::collections::HashMap;
use std::hash::Hash;

use rem_check::Verdict;
use rem_time::Span;

use crate::plan::Retry;
use crate::schedule::{Schedule, offset};

#[cfg(test)]
mod tests;

/// After a start or a reload, new monitors look for the first time within this
/// span, spread evenly, however long their interval is.
pub const FIRST_LOOK_WITHIN: Span = Span::from_seconds(4);

/// When everything about monitors is due: their rounds, looks beside them, the
/// silence of passive ones, and what time alone changes. Decides only; time is a
/// span since an origin, as in [`Schedule`].
#[derive(Debug)]
pub(crate) struct Agenda<K> {
    /// Rounds at a fixed rate.
    rounds: Schedule<K>,
    /// Looks beside the rounds, each once: first ones, and again after a failure.
    once: Schedule<K>,
    /// When a passive monitor's last result is too old.
    stale: Schedule<K>,
    /// When time alone may change what levels say.
    ticks: Schedule<K>,
    /// How often in a row a monitor has looked again.
    again: HashMap<K, u32>,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// A look beside the rounds.
    Once,
    /// A round; so many before it passed without one.
    Round(u64),
    /// Nobody has told anything for too long.
    Stale,
    /// Time alone may have changed what levels say.
    Tick,
}

/// A place in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) every: Span,
    /// The place within the interval.
    pub(crate) place: Span,
    /// How soon after it is new it looks for the first time, if its place is later.
    pub(crate) soon: Span,
}

impl Rate {
    /// The place of a monitor in its interval: always the same, evenly spread.
    pub(crate) fn of(id: &str, every: Span) -> Self {
        Self {
            every,
            place: offset(id, every),
            soon: offset(id, FIRST_LOOK_WITHIN),
        }
    }
}

impl<K: Ord + Clone + Hash> Agenda<K> {
    pub(crate) fn new() -> Self {
        Self {
            rounds: Schedule::new(),
            once: Schedule::new(),
            stale: Schedule::new(),
            ticks: Schedule::new(),
            again: HashMap::new(),
        }
    }

    /// The next instant at which something is due.
    pub(crate) fn next_due(&mut self) -> Option<Span> {
        let [rounds, once, stale, ticks] = [
            &mut self.rounds,
            &mut self.once,
            &mut self.stale,
            &mut self.ticks,
        ]
        .map(Schedule::next_due);
        [rounds, once, stale, ticks].into_iter().flatten().min()
    }

    /// How late the round is that is the longest overdue.
    pub(crate) fn lag(&mut self, now: Span) -> Option<Span> {
        self.rounds.next_due().map(|due| now.saturating_sub(due))
    }

    /// Everything that is due at `now`, looks first.
    pub(crate) fn take_due(&mut self, now: Span) -> Vec<(K, Due)> {
        let mut taken = Vec::new();
        let once = self.once.take_out_due(now);
        taken.extend(once.into_iter().map(|key| (key, Due::Once)));
        let rounds = self.rounds.take_due(now);
        taken.extend(
            rounds
                .into_iter()
                .map(|(key, missed)| (key, Due::Round(missed))),
        );
        let stale = self.stale.take_due(now);
        taken.extend(stale.into_iter().map(|(key, _)| (key, Due::Stale)));
        let ticks = self.ticks.take_out_due(now);
        taken.extend(ticks.into_iter().map(|key| (key, Due::Tick)));
        taken
    }

    /// Its place within its interval; before that a first look soon, so that a page
    /// is not empty for an hour.
    pub(crate) fn place(&mut self, key: &K, rate: Rate, now: Span) {
        self.stale.remove(key);
        let every = rate.every.as_nanos().max(1);
        let into = now.as_nanos() % every;
        let wait = (rate.place.as_nanos() % every + every - into) % every;
        let first = now.saturating_add(Span::from_nanos(wait));
        self.rounds.add(key.clone(), rate.every, first);
        if rate.soon.as_nanos() < wait {
            let soon = now.saturating_add(rate.soon);
            self.once.add(key.clone(), rate.every, soon);
        }
    }

    /// From now on a passive monitor has its time to be told something.
    pub(crate) fn wait(&mut self, key: &K, fresh: Span, now: Span) {
        self.wait_first(key, fresh, fresh, now);
    }

    /// The same, with another time for the result that it has.
    pub(crate) fn wait_first(&mut self, key: &K, first: Span, fresh: Span, now: Span) {
        self.rounds.remove(key);
        let due = now.saturating_add(first);
        self.stale.add(key.clone(), fresh, due);
    }

    /// A look is over: the next one comes soon if it was not ok.
    pub(crate) fn look_again(&mut self, key: &K, retry: Retry, verdict: Verdict, now: Span) {
        if verdict == Verdict::Ok {
            self.again.remove(key);
            return;
        }
        let times = self.again.entry(key.clone()).or_default();
        if *times >= retry.times {
            return;
        }
        *times += 1;
        let soon = now.saturating_add(retry.after);
        self.once.add(key.clone(), retry.after, soon);
    }

    /// When time alone may change something; `None`: it cannot.
    pub(crate) fn tick_at(&mut self, key: &K, at: Option<Span>) {
        match at {
            Some(at) => self.ticks.add(key.clone(), Span::MAX, at),
            None => self.ticks.remove(key),
        }
    }

    pub(crate) fn forget(&mut self, key: &K) {
        self.rounds.remove(key);
        self.once.remove(key);
        self.stale.remove(key);
        self.ticks.remove(key);
        self.again.remove(key);
    }
}
