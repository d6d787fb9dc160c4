use std::fmt;
use std::ops::AddAssign;
use std::str::FromStr;

use rem_time::Span;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const NANOS: u64 = 1_000_000_000;
const NANOS_AN_HOUR: u128 = 3_600 * 1_000_000_000;

/// An amount of whatever currency its book is in, exact to a billionth. It is never
/// negative, and more than 18 billion is 18 billion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(u64);

/// Not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an amount such as 0.0104, with at most nine digits behind the point: {0}")]
pub struct NotMoney(String);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Of billionths.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// In billionths.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// This an hour, for so long.
    #[must_use]
    pub fn for_hours_of(self, span: Span) -> Self {
        Self::capped(u128::from(self.0) * u128::from(span.as_nanos()) / NANOS_AN_HOUR)
    }

    /// This many times.
    #[must_use]
    pub fn times(self, number: u64) -> Self {
        Self::capped(u128::from(self.0) * u128::from(number))
    }

    /// A part of it: `numerator` of `denominator`, rounded down; nothing of none.
    #[must_use]
    pub fn part(self, numerator: u64, denominator: u64) -> Self {
        let whole = u128::from(self.0) * u128::from(numerator);
        Self::capped(whole.checked_div(u128::from(denominator)).unwrap_or(0))
    }

    fn capped(nanos: u128) -> Self {
        Self(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        self.0 = self.0.saturating_add(other.0);
    }
}

impl std::iter::Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, |mut sum, one| {
            sum += one;
            sum
        })
    }
}

impl fmt::Display for Money {
    /// With at least two digits behind the point, `{:.2}` with exactly so many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match f.precision() {
            Some(digits) if digits < 9 => {
                let unit = 10_u64.pow(9 - digits as u32);
                let rounded = self.0.saturating_add(unit / 2) / unit;
                let whole = 10_u64.pow(digits as u32);
                match digits {
                    0 => rounded.to_string(),
                    _ => format!("{}.{:0digits$}", rounded / whole, rounded % whole),
                }
            }
            _ => {
                let behind = format!("{:09}", self.0 % NANOS);
                let behind = behind.trim_end_matches('0');
                format!("{}.{behind:0<2}", self.0 / NANOS)
            }
        };
        f.pad_integral(true, "", &text)
    }
}

impl FromStr for Money {
    type Err = NotMoney;

    fn from_str(text: &str) -> Result<Self, NotMoney> {
        let wrong = || NotMoney(text.into());
        let (whole, behind) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|one| one.is_ascii_digit());
        if !digits(whole) || !digits(behind) || 9 < behind.len() {
            return Err(wrong());
        }
        let whole: u64 = whole.parse().map_err(|_| wrong())?;
        let behind: u64 = format!("{behind:0<9}").parse().map_err(|_| wrong())?;
        let nanos = whole
            .checked_mul(NANOS)
            .and_then(|nanos| nanos.checked_add(behind));
        nanos.map(Self).ok_or_else(wrong)
    }
}

/// As a text, so that nothing is lost on the way.
impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From a text or a number.
impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Whole(u64),
            Number(f64),
            Text(String),
        }
        let text = match Either::deserialize(deserializer)? {
            Either::Whole(whole) => whole.to_string(),
            Either::Number(number) => format!("{number}"),
            Either::Text(text) => text,
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_shown_exactly() {
        for (text, shown) in [
            ("0", "0.00"),
            ("12", "12.00"),
            ("0.0104", "0.0104"),
            ("1.5", "1.50"),
            ("0.000000001", "0.000000001"),
            ("18446744073.709551615", "18446744073.709551615"),
        ] {
            let money: Money = text.parse().unwrap();
            assert_eq!(money.to_string(), shown);
            assert_eq!(shown.parse(), Ok(money));
        }
        for bad in [
            "",
            "-1",
            "1,5",
            ".5",
            "1.",
            "1.0000000001",
            "18446744074",
            "1e3",
            "NaN",
        ] {
            assert!(bad.parse::<Money>().is_err(), "{bad}");
        }
        let read = |text: &str| serde_json::from_str::<Money>(text).ok();
        assert_eq!(read("0.0104"), read("\"0.0104\""));
        assert_eq!(read("3").map(Money::as_nanos), Some(3 * NANOS));
        assert_eq!(read("-3"), None);
    }

    #[test]
    fn it_is_rounded_only_to_be_shown() {
        let money: Money = "1.005".parse().unwrap();
        assert_eq!(format!("{money:.2}"), "1.01");
        assert_eq!(format!("{money:.0}"), "1");
        assert_eq!(format!("{:>8.2}", Money::from_nanos(NANOS)), "    1.00");
    }

    #[test]
    fn hours_and_parts_are_exact() {
        let an_hour: Money = "0.0104".parse().unwrap();
        let day = an_hour.for_hours_of(Span::from_seconds(86_400));
        assert_eq!(day.to_string(), "0.2496");
        assert_eq!(an_hour.part(1, 2).to_string(), "0.0052");
        assert_eq!(an_hour.part(1, 0), Money::ZERO);
        assert_eq!(
            Money::from_nanos(u64::MAX).times(3),
            Money::from_nanos(u64::MAX)
        );
    }
}
