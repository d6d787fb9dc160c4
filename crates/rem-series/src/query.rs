use rem_time::{Span, Timestamp};

use crate::Consolidation;

#[cfg(test)]
mod tests;

/// Which values of a series are wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// From here on.
    pub start: Timestamp,
    /// Up to here.
    pub end: Timestamp,
    /// How several values become one. A file that keeps no rows of that kind
    /// answers with averages.
    pub consolidation: Consolidation,
    /// The finest step that is of use; zero asks for the finest there is.
    pub resolution: Span,
    /// The most rows that are of use; more are consolidated further. Zero means no limit.
    pub points: usize,
}

impl Query {
    /// Averages from `start` to `end`, as fine as they are kept.
    pub const fn new(start: Timestamp, end: Timestamp) -> Self {
        Self {
            start,
            end,
            consolidation: Consolidation::Average,
            resolution: Span::ZERO,
            points: 0,
        }
    }

    /// The same with another consolidation.
    #[must_use]
    pub const fn by(mut self, consolidation: Consolidation) -> Self {
        self.consolidation = consolidation;
        self
    }

    /// The same with at most so many rows.
    #[must_use]
    pub const fn points(mut self, points: usize) -> Self {
        self.points = points;
        self
    }

    /// The same with rows of at least this step.
    #[must_use]
    pub const fn resolution(mut self, resolution: Span) -> Self {
        self.resolution = resolution;
        self
    }
}

/// Values of a series in even steps. A row stands for the step that ends at its time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// The time of the first row.
    pub start: Timestamp,
    /// From one row to the next.
    pub step: Span,
    /// The names of the columns.
    pub fields: Vec<String>,
    /// Row after row; an unknown value is NaN.
    pub values: Vec<f64>,
}

impl Rows {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.values
            .len()
            .checked_div(self.fields.len())
            .unwrap_or(0)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The time of a row.
    pub fn time(&self, row: usize) -> Timestamp {
        self.start + Span::from_nanos(self.step.as_nanos().saturating_mul(row as u64))
    }

    /// Every row with its time.
    pub fn iter(&self) -> impl Iterator<Item = (Timestamp, &[f64])> {
        let rows = self.values.chunks_exact(self.fields.len().max(1));
        rows.enumerate().map(|(at, row)| (self.time(at), row))
    }

    /// One column with its times, unknown as `None`; empty for a field that is not there.
    pub fn field(&self, name: &str) -> Vec<(Timestamp, Option<f64>)> {
        let Some(column) = self.fields.iter().position(|field| field == name) else {
            return Vec::new();
        };
        self.iter()
            .map(|(time, row)| (time, Some(row[column]).filter(|v| !v.is_nan())))
            .collect()
    }

    /// Consolidates whole groups of rows until at most `points` are left; 0 keeps all.
    pub(crate) fn at_most(self, points: usize, by: Consolidation) -> Self {
        let step = self.step.as_seconds();
        if points == 0 || self.len() <= points || step == 0 {
            return self;
        }
        let mut group = self.len().div_ceil(points);
        // Groups end on multiples of their length, so that a later query with a moved
        // window has the same rows; the cut ones at both ends may need one more.
        while self.groups(group) > points {
            group += 1;
        }
        let width = self.fields.len();
        let long = step * group as u64;
        let end_of = |time: Timestamp| {
            let time = time.as_seconds();
            time + (-time).rem_euclid(long.cast_signed())
        };
        let mut values: Vec<f64> = Vec::with_capacity(points * width);
        let mut counts = vec![0_u32; width];
        let mut current = None;
        let close = |values: &mut Vec<f64>, counts: &mut [u32]| {
            let from = values.len().saturating_sub(width);
            for (value, count) in values[from..].iter_mut().zip(counts) {
                if by == Consolidation::Average && *count > 0 {
                    *value /= f64::from(*count);
                }
                *count = 0;
            }
        };
        for (time, row) in self.iter() {
            let end = end_of(time);
            if current != Some(end) {
                if current.is_some() {
                    close(&mut values, &mut counts);
                }
                current = Some(end);
                values.resize(values.len() + width, f64::NAN);
            }
            let from = values.len() - width;
            for (column, value) in row.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
                let sum = &mut values[from + column];
                *sum = match by {
                    _ if sum.is_nan() => *value,
                    Consolidation::Average => *sum + value,
                    Consolidation::Min => sum.min(*value),
                    Consolidation::Max => sum.max(*value),
                    Consolidation::Last => *value,
                };
                counts[column] += 1;
            }
        }
        close(&mut values, &mut counts);
        Self {
            start: Timestamp::from_seconds(end_of(self.start)),
            step: Span::from_seconds(long),
            fields: self.fields,
            values,
        }
    }

    fn groups(&self, group: usize) -> usize {
        let long = (self.step.as_seconds() * group as u64).cast_signed();
        let end_of = |time: Timestamp| time.as_seconds() + (-time.as_seconds()).rem_euclid(long);
        let last = self.time(self.len().saturating_sub(1));
        usize::try_from((end_of(last) - end_of(self.start)) / long).unwrap_or(0) + 1
    }
}
