use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use crate::Span;

#[cfg(test)]
mod tests;

/// A point in time, in nanoseconds since 1970-01-01T00:00:00Z, leap seconds not
/// counted (Unix time). Covers the years 1677 to 2262; arithmetic stops there.
///
/// It is shown and read as RFC 3339 in UTC.
///
/// ```
/// use rem_time::Timestamp;
/// let t: Timestamp = "2010-08-18T06:54:51.079386Z".parse()?;
/// assert_eq!(t.as_secs_f64(), 1282114491.079386);
/// # Ok::<(), rem_time::ParseTimestampError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text that is not an RFC 3339 time within the years 1677 to 2262.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time such as 2010-08-18T06:54:51Z: {text}")]
pub struct ParseTimestampError {
    text: String,
}

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// From nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// From seconds since the epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// From fractional seconds since the epoch, to the nearest nanosecond.
    pub fn from_secs_f64(seconds: f64) -> Self {
        Self((seconds * 1e9).round() as i64)
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Milliseconds since the epoch, rounded towards the past.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Seconds since the epoch, rounded towards the past.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// Seconds since the epoch with their fraction, exact to about 0.2 µs.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// How long ago `earlier` was; zero when it lies in the future.
    pub const fn since(self, earlier: Self) -> Span {
        if self.0 <= earlier.0 {
            return Span::ZERO;
        }
        Span::from_nanos(self.0.abs_diff(earlier.0))
    }
}

impl Add<Span> for Timestamp {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add_unsigned(span.as_nanos()))
    }
}

impl Sub<Span> for Timestamp {
    type Output = Self;

    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub_unsigned(span.as_nanos()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(time) => fmt::Display::fmt(&time, f),
            Err(_) => write!(f, "{} ns", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    fn from_str(text: &str) -> Result<Self, ParseTimestampError> {
        let unreadable = || ParseTimestampError { text: text.into() };
        let time: jiff::Timestamp = text.trim().parse().map_err(|_| unreadable())?;
        i64::try_from(time.as_nanosecond())
            .map(Self)
            .map_err(|_| unreadable())
    }
}
