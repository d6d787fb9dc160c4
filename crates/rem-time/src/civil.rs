use std::fmt;
use std::str::FromStr;

#[cfg(test)]
mod tests;

/// Seconds of a day on the wall.
const DAY: i64 = 86_400;
/// Days from 0000-03-01 to 1970-01-01, and in 400 years.
const DAYS_TO_EPOCH: i64 = 719_468;
const DAYS_OF_ERA: i64 = 146_097;

/// A day of the (proleptic Gregorian) calendar, without a time zone: `2021-01-31`.
///
/// ```
/// use rem_time::{Date, Weekday};
/// let day: Date = "2021-01-31".parse()?;
/// assert_eq!(day.weekday(), Weekday::Sunday);
/// // A month that is too short gives its last day.
/// assert_eq!(day.add_months(1).to_string(), "2021-02-28");
/// assert_eq!(day.add_months(2).to_string(), "2021-03-31");
/// # Ok::<(), rem_time::ParseCivilError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(i32);

/// A time on the wall clock, to the second: `08:00`, `23:59:59`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay(u32);

/// What a calendar and a clock on a wall show: `2020-11-01 01:30`. Which instant
/// that is depends on the zone, see [`Zone::resolve`](crate::Zone::resolve).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalTime(i64);

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weekday {
    /// The first day of the week (ISO 8601).
    Monday,
    /// The day after Monday.
    Tuesday,
    /// The day after Tuesday.
    Wednesday,
    /// The day after Wednesday.
    Thursday,
    /// The day after Thursday.
    Friday,
    /// The day after Friday.
    Saturday,
    /// The day after Saturday.
    Sunday,
}

/// A text that is no day, time of day, local time or weekday.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not {wanted}: {text}")]
pub struct ParseCivilError {
    wanted: &'static str,
    text: String,
}

impl Date {
    /// The day, `None` if the month has no such day or the year is outside ±5,000,000.
    pub fn new(year: i32, month: u8, day: u8) -> Option<Self> {
        let exists = (1..=12).contains(&month)
            && (1..=days_in_month(i64::from(year), month)).contains(&day)
            && year.abs() <= 5_000_000;
        exists.then(|| Self::from_parts(i64::from(year), month, day))
    }

    /// The day so many days after 1970-01-01.
    pub const fn from_days(days: i32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    pub const fn days(self) -> i32 {
        self.0
    }

    /// The year.
    pub fn year(self) -> i32 {
        i32::try_from(self.parts().0).unwrap_or(i32::MAX)
    }

    /// The month, 1 to 12.
    pub fn month(self) -> u8 {
        self.parts().1
    }

    /// The day of the month, from 1.
    pub fn day(self) -> u8 {
        self.parts().2
    }

    /// The day of the week.
    pub fn weekday(self) -> Weekday {
        // 1970-01-01 was a Thursday.
        Weekday::ALL[(i64::from(self.0) + 3).rem_euclid(7) as usize]
    }

    /// So many days later, or earlier when negative. Stops at the ends of the calendar.
    #[must_use]
    pub fn add_days(self, days: i64) -> Self {
        Self(clamp_days(i64::from(self.0).saturating_add(days)))
    }

    /// So many months later, or earlier when negative; a day the month does not
    /// have becomes its last one. Always count from the first date: adding one
    /// month at a time forgets the 31st after the first February.
    #[must_use]
    pub fn add_months(self, months: i64) -> Self {
        let (year, month, day) = self.parts();
        let index = (year * 12 + i64::from(month) - 1).saturating_add(months);
        let (year, month) = (index.div_euclid(12), index.rem_euclid(12) as u8 + 1);
        // Beyond this the number of days leaves i32.
        if year.abs() > 5_000_000 {
            return Self(if year < 0 { i32::MIN } else { i32::MAX });
        }
        Self::from_parts(year, month, day.min(days_in_month(year, month)))
    }

    /// This day at a time on the wall.
    pub fn at(self, time: TimeOfDay) -> LocalTime {
        LocalTime::new(self, time)
    }

    fn from_parts(year: i64, month: u8, day: u8) -> Self {
        let year = year - i64::from(month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month = (i64::from(month) + 9) % 12;
        let day_of_year = (153 * month + 2) / 5 + i64::from(day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Self(clamp_days(era * DAYS_OF_ERA + day_of_era - DAYS_TO_EPOCH))
    }

    fn parts(self) -> (i64, u8, u8) {
        let days = i64::from(self.0) + DAYS_TO_EPOCH;
        let (era, day) = (days.div_euclid(DAYS_OF_ERA), days.rem_euclid(DAYS_OF_ERA));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year + year / 4 - year / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        let year = era * 400 + year + i64::from(month <= 2);
        (year, month as u8, day as u8)
    }
}

impl TimeOfDay {
    /// 00:00, the first second of a day.
    pub const MIDNIGHT: Self = Self(0);

    /// The time, `None` from 24:00 on.
    pub const fn new(hour: u8, minute: u8, second: u8) -> Option<Self> {
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        Some(Self(
            hour as u32 * 3_600 + minute as u32 * 60 + second as u32,
        ))
    }

    /// Seconds since midnight on the wall.
    pub const fn seconds(self) -> u32 {
        self.0
    }

    /// The hour, 0 to 23.
    pub const fn hour(self) -> u8 {
        (self.0 / 3_600) as u8
    }

    /// The minute, 0 to 59.
    pub const fn minute(self) -> u8 {
        (self.0 / 60 % 60) as u8
    }

    /// The second, 0 to 59.
    pub const fn second(self) -> u8 {
        (self.0 % 60) as u8
    }
}

impl LocalTime {
    /// A day and a time on the wall.
    pub fn new(date: Date, time: TimeOfDay) -> Self {
        Self(i64::from(date.0) * DAY + i64::from(time.0))
    }

    /// So many seconds after 1970-01-01 00:00 on this wall.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970-01-01 00:00 on this wall. Two walls that show the same
    /// give the same number, wherever they hang.
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// The day.
    pub fn date(self) -> Date {
        Date(clamp_days(self.0.div_euclid(DAY)))
    }

    /// The time on the wall.
    pub fn time(self) -> TimeOfDay {
        TimeOfDay(self.0.rem_euclid(DAY) as u32)
    }

    /// The day of the week.
    pub fn weekday(self) -> Weekday {
        self.date().weekday()
    }

    /// So many seconds further on the wall; backwards when negative.
    #[must_use]
    pub const fn add_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The same time so many days later.
    #[must_use]
    pub const fn add_days(self, days: i64) -> Self {
        self.add_seconds(days.saturating_mul(DAY))
    }

    /// The same time so many months later; see [`Date::add_months`].
    #[must_use]
    pub fn add_months(self, months: i64) -> Self {
        self.date().add_months(months).at(self.time())
    }
}

impl Weekday {
    /// Monday to Sunday.
    pub const ALL: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    /// 0 for Monday to 6 for Sunday.
    pub const fn index(self) -> u8 {
        self as u8
    }

    /// The English name in small letters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Monday => "monday",
            Self::Tuesday => "tuesday",
            Self::Wednesday => "wednesday",
            Self::Thursday => "thursday",
            Self::Friday => "friday",
            Self::Saturday => "saturday",
            Self::Sunday => "sunday",
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.parts();
        f.pad(&format!("{year:04}-{month:02}-{day:02}"))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute, second) = (self.hour(), self.minute(), self.second());
        match second {
            0 => f.pad(&format!("{hour:02}:{minute:02}")),
            _ => f.pad(&format!("{hour:02}:{minute:02}:{second:02}")),
        }
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} {}", self.date(), self.time()))
    }
}

impl fmt::Display for Weekday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Date {
    type Err = ParseCivilError;

    fn from_str(text: &str) -> Result<Self, ParseCivilError> {
        let parsed = (|| {
            let mut parts = text.trim().split('-');
            let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
            if parts.next().is_some() || year.len() != 4 {
                return None;
            }
            let (month, day) = (two_digits(month)?, two_digits(day)?);
            let year = year.bytes().all(|b| b.is_ascii_digit()).then_some(year)?;
            Self::new(year.parse().ok()?, month, day)
        })();
        parsed.ok_or_else(|| unreadable("a day such as 2026-03-31", text))
    }
}

impl FromStr for TimeOfDay {
    type Err = ParseCivilError;

    fn from_str(text: &str) -> Result<Self, ParseCivilError> {
        let parsed = (|| {
            let mut parts = text.trim().split(':');
            let (hour, minute) = (two_digits(parts.next()?)?, two_digits(parts.next()?)?);
            let second = parts.next().map_or(Some(0), two_digits)?;
            if parts.next().is_some() {
                return None;
            }
            Self::new(hour, minute, second)
        })();
        parsed.ok_or_else(|| unreadable("a time of day such as 08:00", text))
    }
}

impl FromStr for LocalTime {
    type Err = ParseCivilError;

    /// Reads `2026-03-31 08:00`, with a `T` between if you like; a day alone is its midnight.
    fn from_str(text: &str) -> Result<Self, ParseCivilError> {
        let whole = text.trim();
        let parsed = match whole.split_once(['T', ' ']) {
            Some((day, time)) => day.parse::<Date>().ok().zip(time.parse::<TimeOfDay>().ok()),
            None => whole.parse().ok().map(|day| (day, TimeOfDay::MIDNIGHT)),
        };
        parsed
            .map(|(day, time)| day.at(time))
            .ok_or_else(|| unreadable("a local time such as 2026-03-31 08:00", text))
    }
}

impl FromStr for Weekday {
    type Err = ParseCivilError;

    /// Reads the English name or its first three letters, in any case.
    fn from_str(text: &str) -> Result<Self, ParseCivilError> {
        let wanted = text.trim().to_ascii_lowercase();
        Self::ALL
            .into_iter()
            .find(|day| day.name() == wanted || day.name()[..3] == wanted)
            .ok_or_else(|| unreadable("a weekday such as mon or monday", text))
    }
}

fn unreadable(wanted: &'static str, text: &str) -> ParseCivilError {
    ParseCivilError {
        wanted,
        text: text.into(),
    }
}

fn two_digits(text: &str) -> Option<u8> {
    let digits = matches!(text.len(), 1 | 2) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

fn days_in_month(year: i64, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn clamp_days(days: i64) -> i32 {
    days.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}
