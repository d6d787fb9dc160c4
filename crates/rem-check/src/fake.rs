use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rem_time::{Span, Timestamp};

use crate::{Check, Reading, Report, Running, Verdict};

/// A check that answers what it was told to, at once. For tests of whatever
/// runs checks.
///
/// ```
/// use rem_check::{Check, FakeCheck, Reading, Unit, Verdict};
/// # use rem_time::Timestamp;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let check = FakeCheck::new("http")
///     .then(Verdict::Ok, "200", vec![Reading::gauge("duration", 0.012, Unit::Seconds)])
///     .then(Verdict::Critical, "connection refused by 192.0.2.1:80", vec![]);
///
/// assert_eq!(check.run(Timestamp::EPOCH).await.verdict, Verdict::Ok);
/// assert_eq!(check.run(Timestamp::EPOCH).await.verdict, Verdict::Critical);
/// // The last answer stays.
/// assert_eq!(check.run(Timestamp::EPOCH).await.verdict, Verdict::Critical);
/// assert_eq!(check.runs(), 3);
/// # }
/// ```
#[derive(Debug)]
pub struct FakeCheck {
    name: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    answers: VecDeque<Answer>,
    runs: u64,
}

#[derive(Clone, Debug)]
struct Answer {
    verdict: Verdict,
    message: String,
    readings: Vec<Reading>,
}

impl FakeCheck {
    /// A check without answers: it is unknown until it is told one.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            state: Mutex::default(),
        }
    }

    /// Adds an answer behind the ones that wait. The last one repeats for ever.
    #[must_use]
    pub fn then(
        self,
        verdict: Verdict,
        message: impl Into<String>,
        readings: Vec<Reading>,
    ) -> Self {
        self.answer(verdict, message, readings);
        self
    }

    /// As [`then`](Self::then), on a check that is already in use.
    pub fn answer(&self, verdict: Verdict, message: impl Into<String>, readings: Vec<Reading>) {
        let message = message.into();
        self.state().answers.push_back(Answer {
            verdict,
            message,
            readings,
        });
    }

    /// How often it has run.
    pub fn runs(&self) -> u64 {
        self.state().runs
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Answer {
        let mut state = self.state();
        state.runs += 1;
        let next = match state.answers.len() {
            0 | 1 => state.answers.front().cloned(),
            _ => state.answers.pop_front(),
        };
        next.unwrap_or_else(|| Answer {
            verdict: Verdict::Unknown,
            message: "the fake was given no answer".into(),
            readings: Vec::new(),
        })
    }
}

impl Check for FakeCheck {
    fn name(&self) -> &str {
        &self.name
    }

    fn deadline(&self) -> Span {
        Span::from_seconds(1)
    }

    fn run(&self, now: Timestamp) -> Running<'_> {
        Box::pin(async move {
            let Answer {
                verdict,
                message,
                readings,
            } = self.next();
            Report {
                at: now,
                took: Span::ZERO,
                verdict,
                message,
                readings,
            }
        })
    }
}
