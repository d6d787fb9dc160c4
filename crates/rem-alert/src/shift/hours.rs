use std::str::FromStr;

use rem_time::{LocalTime, ParseCivilError, TimeOfDay, Weekday};

#[cfg(test)]
mod tests;

const DAY: i64 = 86_400;
const WEEK: i64 = 7 * DAY;
/// 1970-01-01 was a Thursday; weeks begin on Monday.
const EPOCH_IN_WEEK: i64 = 3 * DAY;

/// Hours of the week, on the wall clock: `mon-fri 08:00-18:00, sat 10:00-14:00`.
///
/// An end that is not after its beginning lies on the next day: `fri 22:00-06:00`.
/// Days without hours are whole days, and hours without days are every day's.
/// A window that begins or ends in an hour that repeats does so the first time; in
/// an hour that is skipped it does so at the end of the gap.
///
/// ```
/// use rem_alert::shift::Hours;
/// let hours: Hours = "mon-fri 08:00-18:00, sat 10:00-14:00".parse()?;
/// assert!(hours.contains("2026-11-20 17:59:59".parse()?));
/// assert!(!hours.contains("2026-11-21 09:00".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Seconds of the week, sorted, apart, from..to.
    windows: Vec<(i64, i64)>,
}

/// Why a text is no [`Hours`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseHoursError {
    /// There is nothing between two commas, or nothing at all.
    #[error("hours of the week are missing, such as mon-fri 08:00-18:00")]
    Empty,
    /// A time range is not two times of day.
    #[error("not hours such as 08:00-18:00: {text}")]
    NotHours {
        /// The part that was not understood.
        text: String,
    },
    /// A weekday or a time of day that does not exist.
    #[error(transparent)]
    NoSuchTime(#[from] ParseCivilError),
}

impl Hours {
    /// All of the week.
    pub fn always() -> Self {
        Self {
            windows: vec![(0, WEEK)],
        }
    }

    /// Windows that begin on a weekday, from one time of day to another; an end that
    /// is not after its beginning lies on the next day.
    pub fn new(windows: impl IntoIterator<Item = (Weekday, TimeOfDay, TimeOfDay)>) -> Self {
        let mut all = Vec::new();
        for (day, from, to) in windows {
            let midnight = i64::from(day.index()) * DAY;
            let next = if to <= from { DAY } else { 0 };
            let from = midnight + i64::from(from.seconds());
            let to = midnight + i64::from(to.seconds()) + next;
            all.push((from, to.min(WEEK)));
            if to > WEEK {
                all.push((0, to - WEEK));
            }
        }
        all.sort_unstable();
        let mut windows: Vec<(i64, i64)> = Vec::with_capacity(all.len());
        for (from, to) in all {
            match windows.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => windows.push((from, to)),
            }
        }
        Self { windows }
    }

    /// Whether it is all of the week.
    pub fn is_always(&self) -> bool {
        self.windows == [(0, WEEK)]
    }

    /// Whether it is none of the week.
    pub fn is_never(&self) -> bool {
        self.windows.is_empty()
    }

    /// The hours of the week that are in both.
    #[must_use]
    pub fn shared(&self, other: &Self) -> Self {
        let pairs = self
            .windows
            .iter()
            .flat_map(|ours| other.windows.iter().map(move |theirs| (ours, theirs)));
        let both = pairs.map(|(ours, theirs)| (ours.0.max(theirs.0), ours.1.min(theirs.1)));
        Self {
            windows: both.filter(|(from, to)| from < to).collect(),
        }
    }

    /// Whether the hours contain what the wall clock shows.
    pub fn contains(&self, local: LocalTime) -> bool {
        let second = second_of_week(local);
        let next = self.windows.partition_point(|(from, _)| *from <= second);
        next > 0 && second < self.windows[next - 1].1
    }

    /// The next beginning or end after `local`; `None` if there is none in the week.
    pub(crate) fn next_edge(&self, local: LocalTime) -> Option<LocalTime> {
        if self.is_always() || self.is_never() {
            return None;
        }
        let second = second_of_week(local);
        let edges = self.windows.iter().flat_map(|(from, to)| [*from, *to]);
        let ahead = edges
            .map(|edge| (edge - second - 1).rem_euclid(WEEK) + 1)
            .min()?;
        Some(local.add_seconds(ahead))
    }

    /// Seconds of these hours between two times on the wall.
    pub(crate) fn seconds_between(&self, from: LocalTime, to: LocalTime) -> i64 {
        let total: i64 = self.windows.iter().map(|(from, to)| to - from).sum();
        let until = |local: LocalTime| {
            let seconds = local.seconds().saturating_add(EPOCH_IN_WEEK);
            let (weeks, second) = (seconds.div_euclid(WEEK), seconds.rem_euclid(WEEK));
            let part: i64 = self
                .windows
                .iter()
                .map(|(from, to)| (second.min(*to) - from).max(0))
                .sum();
            weeks * total + part
        };
        (until(to) - until(from)).max(0)
    }
}

impl Default for Hours {
    fn default() -> Self {
        Self::always()
    }
}

impl FromStr for Hours {
    type Err = ParseHoursError;

    fn from_str(text: &str) -> Result<Self, ParseHoursError> {
        let mut windows = Vec::new();
        for part in text.split(',') {
            let mut days = Vec::new();
            let mut hours = None;
            for word in part.split_whitespace() {
                match word.starts_with(|c: char| c.is_ascii_digit()) {
                    true if hours.is_none() => hours = Some(parse_hours(word)?),
                    true => return Err(ParseHoursError::NotHours { text: part.into() }),
                    false => days.extend(parse_days(word)?),
                }
            }
            if days.is_empty() {
                if hours.is_none() {
                    return Err(ParseHoursError::Empty);
                }
                days.extend(Weekday::ALL);
            }
            let (from, to) = hours.unwrap_or((TimeOfDay::MIDNIGHT, TimeOfDay::MIDNIGHT));
            windows.extend(days.into_iter().map(|day| (day, from, to)));
        }
        Ok(Self::new(windows))
    }
}

fn parse_hours(text: &str) -> Result<(TimeOfDay, TimeOfDay), ParseHoursError> {
    let (from, to) = text
        .split_once('-')
        .ok_or_else(|| ParseHoursError::NotHours { text: text.into() })?;
    let to = if to == "24:00" { "00:00" } else { to };
    Ok((from.parse()?, to.parse()?))
}

fn parse_days(text: &str) -> Result<Vec<Weekday>, ParseHoursError> {
    let Some((first, last)) = text.split_once('-') else {
        return Ok(vec![text.parse()?]);
    };
    let (first, last): (Weekday, Weekday) = (first.parse()?, last.parse()?);
    let count = (7 + last.index() - first.index()) % 7;
    let days = Weekday::ALL.into_iter().cycle();
    let from = usize::from(first.index());
    Ok(days.skip(from).take(usize::from(count) + 1).collect())
}

fn second_of_week(local: LocalTime) -> i64 {
    local
        .seconds()
        .saturating_add(EPOCH_IN_WEEK)
        .rem_euclid(WEEK)
}
