use std::fmt;
use std::str::FromStr;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// A length of time, written as operators write it: `250ms`, `5m`, `1h30m`, `2w`.
///
/// Units are `ns`, `us`, `ms`, `s`, `m` (minutes), `h`, `d` (24 h), `w` (7 d) and
/// `y` (365 d); they may be combined from the largest to the smallest, each at
/// most once, and the number may have a fraction (`1.5h`). A bare number is
/// refused, because it does not say its unit; only `0` needs none.
/// The longest span is 584 years (2⁶⁴ ns).
///
/// ```
/// use rem_time::Span;
/// let span: Span = "1h30m".parse()?;
/// assert_eq!(span.as_secs_f64(), 5400.0);
/// assert_eq!(span.to_string(), "1h30m");
/// # Ok::<(), rem_time::ParseSpanError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u64);

/// Why a text is not a [`Span`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseSpanError {
    /// Nothing was written.
    #[error("a span of time is missing, such as 5m")]
    Empty,
    /// A number without its unit.
    #[error("{number} has no unit: write {number}s, {number}m or {number}h")]
    NoUnit {
        /// The number as it was written.
        number: String,
    },
    /// Something other than a number stands where a number should.
    #[error("not a span of time such as 5m or 1h30m: {text}")]
    NotASpan {
        /// The whole text.
        text: String,
    },
    /// A unit that does not exist.
    #[error("unknown unit {unit}: use ns, us, ms, s, m, h, d, w or y")]
    UnknownUnit {
        /// The unit as it was written.
        unit: String,
    },
    /// Units that are not in falling order.
    #[error("units must go from the largest to the smallest, each once: {text}")]
    Order {
        /// The whole text.
        text: String,
    },
    /// More than 584 years.
    #[error("longer than 584 years: {text}")]
    TooLong {
        /// The whole text.
        text: String,
    },
}

const UNITS: [(&str, u64); 9] = [
    ("y", 365 * 86_400_000_000_000),
    ("w", 7 * 86_400_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest span, 584 years.
    pub const MAX: Self = Self(u64::MAX);

    /// A span of whole nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// A span of whole milliseconds; stops at [`Span::MAX`].
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// A span of whole seconds; stops at [`Span::MAX`].
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// A span of a fractional number of seconds; below zero and not-a-number
    /// become zero, too much becomes [`Span::MAX`].
    pub fn from_secs_f64(seconds: f64) -> Self {
        Self((seconds * 1e9) as u64)
    }

    /// Nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole milliseconds, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Whole seconds, rounded down.
    pub const fn as_seconds(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// Seconds with their fraction.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The standard library's form, for timers.
    pub const fn as_duration(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// Whether it is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum; stops at [`Span::MAX`].
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference; stops at zero.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.as_duration()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        let mut text = String::new();
        // Weeks and years only when they are exact: "8d" reads better than "1w1d".
        for (unit, nanos) in UNITS {
            let exact = matches!(unit, "y" | "w");
            if rest < nanos || (exact && !rest.is_multiple_of(nanos)) {
                continue;
            }
            text.push_str(&(rest / nanos).to_string());
            text.push_str(unit);
            rest %= nanos;
        }
        f.pad(&text)
    }
}

impl FromStr for Span {
    type Err = ParseSpanError;

    fn from_str(text: &str) -> Result<Self, ParseSpanError> {
        let whole = text.trim();
        if whole.is_empty() {
            return Err(ParseSpanError::Empty);
        }
        if whole == "0" {
            return Ok(Self::ZERO);
        }
        let mut rest = whole;
        let mut total: u64 = 0;
        let mut next_unit = 0;
        while !rest.is_empty() {
            let (number, after) = split_number(rest);
            let (unit, after) = split_unit(after);
            if number.is_empty() {
                return Err(ParseSpanError::NotASpan { text: whole.into() });
            }
            if unit.is_empty() {
                return Err(match after.is_empty() {
                    true => ParseSpanError::NoUnit {
                        number: number.into(),
                    },
                    false => ParseSpanError::NotASpan { text: whole.into() },
                });
            }
            let Some(at) = UNITS.iter().position(|(name, _)| *name == unit) else {
                return Err(ParseSpanError::UnknownUnit { unit: unit.into() });
            };
            if at < next_unit {
                return Err(ParseSpanError::Order { text: whole.into() });
            }
            next_unit = at + 1;
            let Some(nanos) = scale(number, UNITS[at].1, whole)? else {
                return Err(ParseSpanError::TooLong { text: whole.into() });
            };
            total = total
                .checked_add(nanos)
                .ok_or_else(|| ParseSpanError::TooLong { text: whole.into() })?;
            rest = after.trim_start();
        }
        Ok(Self(total))
    }
}

fn split_number(text: &str) -> (&str, &str) {
    text.split_at(
        text.find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len()),
    )
}

fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_at(
        text.find(|c: char| !c.is_alphabetic())
            .unwrap_or(text.len()),
    )
}

/// `number` × `unit` in nanoseconds, `None` where that is too much.
fn scale(number: &str, unit: u64, whole: &str) -> Result<Option<u64>, ParseSpanError> {
    if !number.contains('.') {
        return Ok(number.parse::<u64>().ok().and_then(|n| n.checked_mul(unit)));
    }
    let fraction: f64 = number
        .parse()
        .map_err(|_| ParseSpanError::NotASpan { text: whole.into() })?;
    let nanos = (fraction * unit as f64).round();
    Ok((nanos < u64::MAX as f64).then_some(nanos as u64))
}
