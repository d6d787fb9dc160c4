use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use rem_check::{Report, Verdict};
use rem_time::{Span, Timestamp};

use crate::seen_by::SeenBy;

#[cfg(test)]
mod tests;

/// How many of the last checks of a monitor stay in memory; older ones go first.
pub const CHECKS_KEPT: usize = 40;

/// How a monitor stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It has not been looked at yet.
    #[default]
    Pending,
    /// Its last check found nothing wrong.
    Ok,
    /// Its last check found a defect.
    Warning,
    /// Its last check could not find out.
    Unknown,
    /// Its last check failed.
    Critical,
}

impl State {
    /// Every state, the most urgent first.
    pub const URGENT_FIRST: [Self; 5] = [
        Self::Critical,
        Self::Warning,
        Self::Unknown,
        Self::Pending,
        Self::Ok,
    ];

    /// The state's word in files and on the wire: `ok`, `warning`, `critical`,
    /// `unknown`, `pending`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Critical => "critical",
        }
    }

    /// The state of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::URGENT_FIRST
            .into_iter()
            .find(|state| state.word() == word)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl From<Verdict> for State {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Ok => Self::Ok,
            Verdict::Warning => Self::Warning,
            Verdict::Critical => Self::Critical,
            Verdict::Unknown => Self::Unknown,
        }
    }
}

/// One of the last checks: what a bar on a page shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Beat {
    /// When the check began.
    pub at: Timestamp,
    /// What it found.
    pub state: State,
    /// Why, in one line; empty for checks of an earlier run of the process.
    pub message: String,
    /// Who found it.
    pub by: SeenBy,
}

/// A monitor's state turned into another.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// The state before.
    pub from: State,
    /// The state now.
    pub to: State,
    /// When the check that found it began.
    pub at: Timestamp,
    /// Why.
    pub message: String,
}

/// What is known of one monitor: its state, since when, and its last checks.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    state: State,
    since: Option<Timestamp>,
    last: Option<Report>,
    beats: VecDeque<Kept>,
    rounds_missed: u64,
}

/// A [`Beat`] as it is kept: fifty thousand monitors have two million of them.
#[derive(Clone, Debug)]
struct Kept {
    at: Timestamp,
    /// One for all beats in a row that say the same.
    said: Arc<Said>,
    state: State,
}

#[derive(Debug, PartialEq)]
struct Said {
    message: Box<str>,
    by: SeenBy,
}

impl Watched {
    /// A monitor as an earlier run of the process left it: its last state, since
    /// when, and its last checks, oldest first.
    pub fn remembered(state: State, since: Option<Timestamp>, beats: Vec<Beat>) -> Self {
        let skip = beats.len().saturating_sub(CHECKS_KEPT);
        let mut watched = Self {
            state,
            since,
            ..Self::default()
        };
        for beat in beats.into_iter().skip(skip) {
            watched.keep(beat.at, beat.state, &beat.message, beat.by);
        }
        watched
    }

    /// Takes in a report; says so when the state turned.
    pub fn see(&mut self, report: Report, by: SeenBy) -> Option<Turn> {
        let to = State::from(report.verdict);
        self.keep(report.at, to, &report.message, by);
        let from = self.state;
        let turn = (from != to || self.since.is_none()).then(|| Turn {
            from,
            to,
            at: report.at,
            message: report.message.clone(),
        });
        if turn.is_some() {
            self.state = to;
            self.since = Some(report.at);
        }
        self.last = Some(report);
        turn
    }

    fn keep(&mut self, at: Timestamp, state: State, message: &str, by: SeenBy) {
        let said = match self.beats.back() {
            Some(last) if *last.said.message == *message && last.said.by == by => {
                Arc::clone(&last.said)
            }
            Some(_) | None => Arc::new(Said {
                message: message.into(),
                by,
            }),
        };
        if self.beats.len() == CHECKS_KEPT {
            self.beats.pop_front();
        }
        // All that will ever be kept, and not the next power of two.
        let missing = CHECKS_KEPT - self.beats.len();
        self.beats.reserve_exact(missing);
        self.beats.push_back(Kept { at, said, state });
    }

    /// Counts rounds that passed without a check.
    pub fn miss(&mut self, rounds: u64) {
        self.rounds_missed = self.rounds_missed.saturating_add(rounds);
    }

    /// How it stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// Since when it stands so.
    pub fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// The last report of this run of the process.
    pub fn last(&self) -> Option<&Report> {
        self.last.as_ref()
    }

    /// The last checks, oldest first, at most [`CHECKS_KEPT`].
    pub fn beats(&self) -> impl ExactSizeIterator<Item = Beat> + DoubleEndedIterator {
        self.beats.iter().map(|kept| Beat {
            at: kept.at,
            state: kept.state,
            message: kept.said.message.as_ref().to_owned(),
            by: kept.said.by.clone(),
        })
    }

    /// Rounds that passed without a check since the process began.
    pub fn rounds_missed(&self) -> u64 {
        self.rounds_missed
    }

    /// Whether its news is older than three intervals.
    pub fn is_stale(&self, every: Span, now: Timestamp) -> bool {
        let patience = every.saturating_add(every).saturating_add(every);
        self.last
            .as_ref()
            .is_some_and(|last| now.since(last.at) > patience)
    }
}
