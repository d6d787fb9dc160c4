use std::time::{Duration, Instant};

/// How long states take to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// After so many looks at the thing.
    Looks(u32),
    /// After so much time of the wall clock.
    Time(Duration),
    /// Not before the test says so.
    Hold,
}

/// The state of a thing, and what it becomes by itself.
#[derive(Clone, Debug)]
pub(crate) struct State {
    now: &'static str,
    next: Option<(&'static str, Left)>,
}

#[derive(Clone, Copy, Debug)]
enum Left {
    Looks(u32),
    Until(Instant),
    Hold,
}

impl State {
    pub(crate) fn still(now: &'static str) -> Self {
        Self { now, next: None }
    }

    /// First `now`, then `next`.
    pub(crate) fn turning(now: &'static str, next: &'static str, pace: Pace) -> Self {
        let left = match pace {
            Pace::Looks(looks) => Left::Looks(looks),
            Pace::Time(time) => Left::Until(Instant::now() + time),
            Pace::Hold => Left::Hold,
        };
        Self {
            now,
            next: Some((next, left)),
        }
    }

    pub(crate) fn is(&self) -> &'static str {
        self.now
    }

    /// How it is, for somebody who looks; looking lets it go on.
    pub(crate) fn look(&mut self) -> &'static str {
        let due = match &mut self.next {
            Some((_, Left::Looks(0))) => true,
            Some((_, Left::Looks(looks))) => {
                *looks -= 1;
                false
            }
            Some((_, Left::Until(at))) => *at <= Instant::now(),
            Some((_, Left::Hold)) | None => false,
        };
        if due {
            self.settle();
        }
        self.now
    }

    /// It is what it becomes.
    pub(crate) fn settle(&mut self) {
        if let Some((next, _)) = self.next.take() {
            self.now = next;
        }
    }
}
