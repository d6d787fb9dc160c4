use std::collections::VecDeque;

#[cfg(test)]
mod tests;

/// Rows in memory that are not in the file yet, in the order of their seconds,
/// one a second. Unknown is NaN.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Pending {
    pub(crate) times: Vec<i64>,
    /// The journal segment that holds each row.
    segments: Vec<u64>,
    pub(crate) values: Vec<f64>,
    pub(crate) width: usize,
}

/// What became of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is the newest row.
    Newest,
    /// It came late, and took its place between others.
    Between,
    /// Its second was there; so many known values of it were replaced.
    Merged { replaced: usize },
}

impl Pending {
    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The oldest journal segment that is still needed.
    pub(crate) fn oldest_segment(&self) -> Option<u64> {
        self.segments.iter().min().copied()
    }

    pub(crate) fn row(&self, at: usize) -> &[f64] {
        &self.values[at * self.width..][..self.width]
    }

    /// Makes room for more fields; they are unknown in the rows so far.
    pub(crate) fn widen(&mut self, width: usize) {
        if width <= self.width {
            return;
        }
        let mut values = Vec::with_capacity(self.len() * width);
        for at in 0..self.len() {
            values.extend_from_slice(self.row(at));
            values.resize((at + 1) * width, f64::NAN);
        }
        self.values = values;
        self.width = width;
    }

    /// Takes in a sample. A second that is there already is merged: a newer known
    /// value replaces, an unknown one does not.
    pub(crate) fn put(&mut self, time: i64, segment: u64, sample: &[(usize, f64)]) -> Put {
        let (at, put) = match self.times.last() {
            None => (0, Put::Newest),
            Some(newest) if *newest < time => (self.len(), Put::Newest),
            Some(_) => match self.times.binary_search(&time) {
                Ok(at) => return self.merge(at, segment, sample),
                Err(at) => (at, Put::Between),
            },
        };
        self.times.insert(at, time);
        self.segments.insert(at, segment);
        let from = at * self.width;
        if put == Put::Newest {
            self.values.resize(from + self.width, f64::NAN);
        } else {
            let row = std::iter::repeat_n(f64::NAN, self.width);
            self.values.splice(from..from, row);
        }
        for (field, value) in sample {
            self.values[from + field] = *value;
        }
        put
    }

    fn merge(&mut self, at: usize, segment: u64, sample: &[(usize, f64)]) -> Put {
        let mut replaced = 0;
        for (field, value) in sample {
            let cell = &mut self.values[at * self.width + field];
            if value.is_nan() || cell.to_bits() == value.to_bits() {
                continue;
            }
            replaced += usize::from(!cell.is_nan());
            *cell = *value;
        }
        // Both segments are needed; the older one pins the younger.
        self.segments[at] = self.segments[at].min(segment);
        Put::Merged { replaced }
    }

    /// Takes the rows out for writing, all but the newest where `keep_newest`.
    pub(crate) fn take(&mut self, keep_newest: bool) -> Self {
        let taken = self.len() - usize::from(keep_newest && !self.is_empty());
        let rest = Self {
            times: self.times.split_off(taken),
            segments: self.segments.split_off(taken),
            values: self.values.split_off(taken * self.width),
            width: self.width,
        };
        std::mem::replace(self, rest)
    }

    /// Puts rows back that could not be written. They are older than all others,
    /// because nothing older than rows that are being written is taken in.
    pub(crate) fn put_back(&mut self, mut older: Self) {
        older.widen(self.width);
        older.times.append(&mut self.times);
        older.segments.append(&mut self.segments);
        older.values.append(&mut self.values);
        *self = older;
    }

    /// Drops the rows up to a second that the file has.
    pub(crate) fn drop_written(&mut self, to: i64) {
        let written = self.times.partition_point(|time| *time <= to);
        self.drop_above(self.len() - written);
    }

    /// Drops the oldest rows above `max`; returns how many.
    pub(crate) fn drop_above(&mut self, max: usize) -> usize {
        let surplus = self.len().saturating_sub(max);
        self.times.drain(..surplus);
        self.segments.drain(..surplus);
        self.values.drain(..surplus * self.width);
        surplus
    }

    /// Says that all rows are in the journal from `segment` on.
    pub(crate) fn carried_to(&mut self, segment: u64) {
        self.segments.fill(segment);
    }
}

/// The last samples of a series, as they were pushed.
#[derive(Debug, Default)]
pub(crate) struct LastRows {
    times: VecDeque<i64>,
    values: VecDeque<f64>,
    width: usize,
}

impl LastRows {
    pub(crate) fn widen(&mut self, width: usize) {
        if width <= self.width {
            return;
        }
        let mut values = VecDeque::with_capacity(self.times.len() * width);
        for at in 0..self.times.len() {
            values.extend(self.values.range(at * self.width..(at + 1) * self.width));
            values.resize((at + 1) * width, f64::NAN);
        }
        self.values = values;
        self.width = width;
    }

    /// Takes in a sample by the rule of [`Pending::put`] and keeps the newest `max`.
    pub(crate) fn put(&mut self, time: i64, sample: &[(usize, f64)], max: usize) {
        let from = match self.times.back() {
            Some(newest) if *newest >= time => match self.times.binary_search(&time) {
                Ok(at) => at * self.width,
                Err(at) => {
                    self.times.insert(at, time);
                    for _ in 0..self.width {
                        self.values.insert(at * self.width, f64::NAN);
                    }
                    at * self.width
                }
            },
            _ => {
                self.times.push_back(time);
                self.values.resize(self.times.len() * self.width, f64::NAN);
                self.values.len() - self.width
            }
        };
        for (field, value) in sample {
            if !value.is_nan() {
                self.values[from + field] = *value;
            }
        }
        while self.times.len() > max {
            self.times.pop_front();
            self.values.drain(..self.width);
        }
    }

    /// The newest `n` rows, oldest first.
    pub(crate) fn rows(&self, n: usize) -> impl Iterator<Item = (i64, Vec<f64>)> + '_ {
        let from = self.times.len().saturating_sub(n);
        (from..self.times.len()).map(|at| {
            let row = self.values.range(at * self.width..(at + 1) * self.width);
            (self.times[at], row.copied().collect())
        })
    }

    pub(crate) fn oldest(&self) -> Option<i64> {
        self.times.front().copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }
}
