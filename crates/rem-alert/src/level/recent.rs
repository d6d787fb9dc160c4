use std::collections::VecDeque;

use rem_time::{Span, Timestamp};

use super::evaluate::Given;
use super::expression::Name;
use super::{Aggregate, Over, Subject};

/// Most samples of a monitor kept in memory for functions over its series, and
/// only of the series its levels name. At the limit the oldest goes first, and
/// what reaches back further is asked of the [`Source`](super::Source).
pub const RECENT_SAMPLES_MAX: u16 = 128;

/// A series that some level computes a function of.
#[derive(Clone, Debug)]
pub(super) struct Tracked {
    pub(super) subject: Subject,
    pub(super) name: Name,
}

/// What has to be kept for the levels of a monitor.
#[derive(Clone, Debug, Default)]
pub(super) struct Keep {
    pub(super) tracked: Box<[Tracked]>,
    pub(super) samples: u16,
    /// How many of them are asked for by their number, however old they are.
    pub(super) counted: u16,
    /// Older than this nobody asks for.
    pub(super) span: Span,
}

/// The newest samples of the tracked series, in the order they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Recent {
    pub(super) at: VecDeque<Timestamp>,
    /// One row for each time; not-a-number is unknown.
    pub(super) values: VecDeque<f64>,
}

pub(super) struct RecentSeries<'a> {
    pub(super) keep: &'a Keep,
    pub(super) recent: &'a Recent,
}

impl Keep {
    pub(super) fn of<'a>(aggregates: impl Iterator<Item = &'a Aggregate>) -> Self {
        let mut tracked: Vec<Tracked> = Vec::new();
        let (mut samples, mut counted, mut span) = (0, 0, Span::ZERO);
        for aggregate in aggregates {
            match aggregate.over {
                Over::Samples(count) => counted = counted.max(count.min(RECENT_SAMPLES_MAX)),
                Over::Span(over) => {
                    samples = RECENT_SAMPLES_MAX;
                    span = span.max(over);
                }
            }
            if tracked
                .iter()
                .all(|known| known.subject != aggregate.subject)
            {
                let (Subject::Field(name) | Subject::State(name)) = &aggregate.subject;
                tracked.push(Tracked {
                    subject: aggregate.subject.clone(),
                    name: Name::new(name.clone(), 0),
                });
            }
        }
        Self {
            tracked: tracked.into(),
            samples: counted.max(samples),
            counted,
            span,
        }
    }

    pub(super) fn push(&self, recent: &mut Recent, given: &Given<'_>) {
        for tracked in &self.tracked {
            let value = match &tracked.subject {
                Subject::Field(_) => tracked.name.find(given.sample.readings),
                Subject::State(name) => given.state_number(name),
            };
            recent.values.push_back(value.unwrap_or(f64::NAN));
        }
        recent.at.push_back(given.sample.at);
        let oldest = given.sample.at - self.span;
        // One that is too old stays, to show that the rest is all there is.
        while recent.at.len() > usize::from(self.samples)
            || (recent.at.len() > usize::from(self.counted.max(1)) && recent.at[1] <= oldest)
        {
            recent.at.pop_front();
            recent.values.drain(..self.tracked.len());
        }
    }
}

impl RecentSeries<'_> {
    /// The result, if the samples in memory reach back far enough to tell.
    pub(super) fn whole(&self, aggregate: &Aggregate, now: Timestamp) -> Option<Option<f64>> {
        let reaches = match aggregate.over {
            Over::Samples(count) => self.recent.at.len() >= usize::from(count),
            Over::Span(span) => *self.recent.at.front()? <= now - span,
        };
        reaches.then(|| self.part(aggregate, now))
    }

    /// The result over what there is.
    pub(super) fn part(&self, aggregate: &Aggregate, now: Timestamp) -> Option<f64> {
        let tracked = &self.keep.tracked;
        let column = tracked
            .iter()
            .position(|tracked| tracked.subject == aggregate.subject)?;
        let value = |row: usize| {
            let value = self.recent.values[row * tracked.len() + column];
            Some(value).filter(|value| !value.is_nan())
        };
        let rows = self.recent.at.iter().enumerate();
        match aggregate.over {
            Over::Samples(count) => {
                let count = usize::from(count);
                let length = self.recent.at.len();
                let is_last = matches!(aggregate.function, super::Function::Last);
                if is_last && length < count {
                    return None;
                }
                let newest = rows.skip(length.saturating_sub(count));
                aggregate
                    .function
                    .over_points(newest.map(|(row, at)| (*at, value(row))))
            }
            Over::Span(span) => {
                let within = rows.filter(|(_, at)| **at > now - span && **at <= now);
                aggregate
                    .function
                    .over_points(within.map(|(row, at)| (*at, value(row))))
            }
        }
    }
}
