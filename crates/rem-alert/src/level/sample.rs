use std::fmt;
use std::sync::Arc;

use rem_time::Timestamp;

use super::{Aggregate, Truth};

/// How a look at the subject went, as far as the check itself could tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// The subject does what it should.
    Ok,
    /// It does, with a defect.
    Warning,
    /// It does not.
    Critical,
    /// The check could not find out.
    Unknown,
}

impl Status {
    pub(super) const ALL: [Self; 4] = [Self::Ok, Self::Warning, Self::Critical, Self::Unknown];

    /// The word it is written as in an expression.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// The newest look at a subject. Nothing is copied to judge it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample<'a> {
    /// When it was taken.
    pub at: Timestamp,
    /// How it went.
    pub status: Status,
    /// What the check said.
    pub message: &'a str,
    /// Names and values in base units (seconds, bytes, percent of 100), in any
    /// order; a stable order is found faster. `None`, infinite and not-a-number
    /// are unknown. How long the look took belongs here as `duration`.
    pub readings: &'a [(&'a str, Option<f64>)],
}

impl Sample<'_> {
    /// A look that was due and did not come: all of it is unknown.
    pub const fn missing(at: Timestamp) -> Self {
        Self {
            at,
            status: Status::Unknown,
            message: "",
            readings: &[],
        }
    }

    /// The value of a reading, if it is known and finite.
    pub fn reading(&self, name: &str) -> Option<f64> {
        let (_, value) = self.readings.iter().find(|(field, _)| *field == name)?;
        value.filter(|value| value.is_finite())
    }
}

/// A [`Sample`] that owns its text, for tests and replays.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnedSample {
    /// When it was taken.
    pub at: Timestamp,
    /// How it went.
    pub status: Status,
    /// What the check said.
    pub message: String,
    /// Names and values, as in [`Sample::readings`].
    pub readings: Vec<(String, Option<f64>)>,
}

/// What a state is set to, or what an expression comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum StateValue {
    /// A number, always finite.
    Number(f64),
    /// A text.
    Text(Arc<str>),
}

impl From<f64> for StateValue {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for StateValue {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<Truth> for Option<StateValue> {
    fn from(truth: Truth) -> Self {
        match truth {
            Truth::False => Some(StateValue::Number(0.0)),
            Truth::Unknown => None,
            Truth::True => Some(StateValue::Number(1.0)),
        }
    }
}

impl fmt::Display for StateValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => fmt::Display::fmt(number, f),
            Self::Text(text) => f.pad(text),
        }
    }
}

/// Where an expression finds what is not in the newest sample.
pub trait Source {
    /// The present value of a state; `None` if nobody has set it.
    fn state(&self, name: &str) -> Option<StateValue>;

    /// A function over a series that ends at `now`; `None` if it is unknown.
    /// Asked only for what the samples in memory do not reach.
    /// [`Function::over_points`](super::Function::over_points) computes it from rows.
    fn aggregate(&self, aggregate: &Aggregate, now: Timestamp) -> Option<f64>;
}

/// Knows nothing: every state and every series beyond the samples in memory is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoSource;

impl Source for NoSource {
    fn state(&self, _name: &str) -> Option<StateValue> {
        None
    }

    fn aggregate(&self, _aggregate: &Aggregate, _now: Timestamp) -> Option<f64> {
        None
    }
}
