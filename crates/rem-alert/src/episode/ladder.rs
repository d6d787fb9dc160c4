use std::sync::Arc;

use rem_time::{Span, Timestamp};

use super::rules::{Rules, Step};

/// A stretch of time that has begun. It remembers when, so that a clock that is
/// set back does not make it longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timer {
    /// When it began.
    pub from: Timestamp,
    /// When it is over.
    pub until: Timestamp,
}

/// Whom to page next, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ladder {
    /// Rounds that are complete; for an alert that is over, the mails written.
    pub round: u32,
    /// The step of this round.
    pub step: u32,
    /// Pages of this step in this round.
    pub tries: u32,
    /// When this round began: its first page.
    pub round_began: Option<Timestamp>,
    /// When the next page is due; none while there is nothing to say.
    pub due: Option<Timer>,
    /// What was left of `due` when the alert cleared, should it fire again.
    pub rest: Option<Timer>,
    /// One user who is paged in place of the step's role.
    pub user: Option<Arc<str>>,
    /// The number of the newest page.
    pub page: u32,
}

/// The shortest time between two pages of one episode.
const EVERY_MIN: Span = Span::from_seconds(1);
/// The first pause of an alert that is over and was never acknowledged.
const LOW_FIRST: Span = Span::from_seconds(3600);
/// Its longest pause.
const LOW_MAX: Span = Span::from_seconds(24 * 3600);

impl Timer {
    /// From `now`, for `span`.
    pub fn new(now: Timestamp, span: Span) -> Self {
        Self {
            from: now,
            until: now + span,
        }
    }

    /// Whether it is over.
    pub fn is_over(self, now: Timestamp) -> bool {
        self.until <= now
    }

    fn min_until(self, other: Self) -> Self {
        if self.until <= other.until {
            self
        } else {
            other
        }
    }

    /// Moved with a clock that was set to before it began: as long as it was
    /// from now on, never longer.
    pub(crate) fn rebase(&mut self, now: Timestamp) -> bool {
        if self.from <= now {
            return false;
        }
        *self = Self::new(now, self.until.since(self.from));
        true
    }
}

impl Ladder {
    /// How long until the next page, and where the ladder stands then: called
    /// once the page of the current step is made.
    pub(super) fn advance(&mut self, now: Timestamp, rules: &Rules) {
        let every = self.every(rules);
        let tries = self.step(rules).map_or(1, |step| step.tries.max(1));
        self.tries = self.tries.saturating_add(1);
        if self.tries < tries {
            self.due = Some(Timer::new(now, every));
            return;
        }
        if self.user.take().is_some() {
            self.tries = 0;
            self.due = Some(Timer::new(now, every));
            return;
        }
        let Some(next) = rules.ladder.get(self.step as usize + 1) else {
            self.due = Some(Timer::new(now, self.pause(rules)));
            self.next_round();
            return;
        };
        let ready = self.round_began.unwrap_or(now) + next.after;
        if ready > now + every {
            // Nobody is left alone while the next step's time has not come.
            self.due = Some(Timer::new(now, every));
            return;
        }
        self.step += 1;
        self.tries = 0;
        self.due = Some(Timer::new(now, every));
    }

    /// Leaves the step that was paged last, at once. The first page of a new
    /// round is not brought forward: its pause is what keeps a ladder on which
    /// nobody can be reached from spinning.
    pub(super) fn jump(&mut self, now: Timestamp, rules: &Rules) {
        self.rest = None;
        let moved_on = self.tries == 0;
        if self.user.take().is_some() || (moved_on && self.round_began.is_some()) {
            self.tries = 0;
            self.due = Some(Timer::new(now, Span::ZERO));
        } else if !moved_on && (self.step as usize) + 1 < rules.ladder.len() {
            self.step += 1;
            self.tries = 0;
            self.due = Some(Timer::new(now, Span::ZERO));
        } else if !moved_on {
            let pause = Timer::new(now, self.pause(rules));
            self.due = Some(self.due.map_or(pause, |due| due.min_until(pause)));
            self.next_round();
        }
    }

    /// One mail of an alert that is over was made.
    pub(super) fn advance_low(&mut self, now: Timestamp) {
        self.due = Some(Timer::new(now, Self::low_pause(self.round)));
        self.round = self.round.saturating_add(1);
    }

    pub(super) fn low_pause(mails: u32) -> Span {
        doubled(LOW_FIRST, mails).min(LOW_MAX)
    }

    pub(super) fn next_round(&mut self) {
        self.round = self.round.saturating_add(1);
        self.step = 0;
        self.tries = 0;
        self.round_began = None;
    }

    pub(super) fn step<'a>(&self, rules: &'a Rules) -> Option<&'a Step> {
        rules.ladder.get(self.step as usize)
    }

    pub(super) fn every(&self, rules: &Rules) -> Span {
        self.step(rules)
            .map_or(rules.repeat, |step| step.every)
            .max(EVERY_MIN)
    }

    /// Between the last page of a round and the first of the next.
    pub(super) fn pause(&self, rules: &Rules) -> Span {
        let every = self.every(rules);
        doubled(every, self.round).min(rules.round_gap_max.max(every))
    }
}

fn doubled(span: Span, times: u32) -> Span {
    let factor = 1_u64.checked_shl(times.min(63)).unwrap_or(u64::MAX);
    Span::from_nanos(span.as_nanos().saturating_mul(factor))
}
