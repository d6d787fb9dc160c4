use std::fmt;
use std::sync::Arc;

use rem_time::{Span, Timestamp};

use super::expression::{quoted, write_name};

/// A function over a series, as in `percentile(duration, 95, 1h)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// What is computed.
    pub function: Function,
    /// Of what.
    pub subject: Subject,
    /// Of which part of it.
    pub over: Over,
}

/// What is computed of a series. Unknown values are left out; where nothing is
/// left the result is unknown, but for `count`, which is then 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Function {
    /// The mean.
    Avg,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The sum.
    Sum,
    /// How many values are known.
    Count,
    /// Growth of a counter each second, between the first and the last known
    /// value. A fall is a counter that began again at zero. Needs two values.
    Rate,
    /// The last known value less the first. Needs two values.
    Delta,
    /// The least value that at least so many percent of the values do not exceed.
    Percentile(f64),
    /// The n-th newest value, with n from [`Over::Samples`]; 1 is the newest.
    /// Unknown if just that value is.
    Last,
}

/// Whose series it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A reading of this monitor.
    Field(Arc<str>),
    /// A state that a level sets.
    State(Arc<str>),
}

/// Which part of a series counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Later than so long ago, up to now.
    Span(Span),
    /// The newest so many samples, known or not.
    Samples(u16),
}

impl Function {
    /// The name it is called by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::Sum => "sum",
            Self::Count => "count",
            Self::Rate => "rate",
            Self::Delta => "delta",
            Self::Percentile(_) => "percentile",
            Self::Last => "last",
        }
    }

    /// Computes it over rows from the oldest to the newest, already cut to the
    /// part that counts. The result is finite or unknown.
    pub fn over_points(
        self,
        points: impl IntoIterator<Item = (Timestamp, Option<f64>)>,
    ) -> Option<f64> {
        let points = points.into_iter();
        if matches!(self, Self::Last) {
            // Cut to n samples, the n-th newest is the first.
            let mut points = points;
            return points.next()?.1.filter(|value| value.is_finite());
        }
        let known = points.filter_map(|(at, value)| Some((at, value.filter(|v| v.is_finite())?)));
        let result = match self {
            Self::Avg => {
                let (sum, count) = known.fold((0.0, 0_u32), |(sum, n), (_, v)| (sum + v, n + 1));
                (count > 0).then(|| sum / f64::from(count))
            }
            Self::Min => known.map(|(_, value)| value).reduce(f64::min),
            Self::Max => known.map(|(_, value)| value).reduce(f64::max),
            Self::Sum => known.map(|(_, value)| value).reduce(|a, b| a + b),
            Self::Count => Some(known.count() as f64),
            Self::Rate => rate(known),
            Self::Delta => delta(known),
            Self::Percentile(percent) => percentile(known.map(|(_, value)| value), percent),
            Self::Last => None,
        };
        result.filter(|value| value.is_finite())
    }
}

fn rate(mut known: impl Iterator<Item = (Timestamp, f64)>) -> Option<f64> {
    let (first, mut before) = known.next()?;
    let (mut last, mut grown) = (first, 0.0);
    for (at, value) in known {
        grown += if value < before {
            value
        } else {
            value - before
        };
        before = value;
        last = last.max(at);
    }
    let seconds = last.since(first).as_secs_f64();
    (seconds > 0.0).then(|| grown / seconds)
}

fn delta(mut known: impl Iterator<Item = (Timestamp, f64)>) -> Option<f64> {
    let (_, first) = known.next()?;
    let (_, last) = known.last()?;
    Some(last - first)
}

fn percentile(known: impl Iterator<Item = f64>, percent: f64) -> Option<f64> {
    let mut values: Vec<f64> = known.collect();
    if values.is_empty() {
        return None;
    }
    let rank = (percent / 100.0 * values.len() as f64).ceil() as usize;
    let at = rank.clamp(1, values.len()) - 1;
    let (_, value, _) = values.select_nth_unstable_by(at, f64::total_cmp);
    Some(*value)
}

/// As it is written in an expression.
impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.function.name())?;
        match &self.subject {
            Subject::Field(name) => write_name(f, name)?,
            Subject::State(name) => write!(f, "state({})", quoted(name))?,
        }
        if let Function::Percentile(percent) = self.function {
            write!(f, ", {percent}")?;
        }
        match (self.function, self.over) {
            (_, Over::Span(span)) => write!(f, ", {span})"),
            (Function::Last, Over::Samples(count)) => write!(f, ", {count})"),
            (_, Over::Samples(count)) => write!(f, ", last {count})"),
        }
    }
}
