#[cfg(test)]
mod tests;

use std::fmt;

/// What whoever measured a number says about it: which values are bad, and
/// which are possible at all. In the reading's own base unit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bounds {
    /// The values that deserve a warning.
    pub warning: Option<Threshold>,
    /// The values that are critical.
    pub critical: Option<Threshold>,
    /// The least value that is possible.
    pub min: Option<f64>,
    /// The greatest value that is possible.
    pub max: Option<f64>,
}

impl Bounds {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same bounds in a unit of which one is `factor` base units.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        let scale = |threshold: Threshold| threshold.scaled(factor);
        Self {
            warning: self.warning.map(scale),
            critical: self.critical.map(scale),
            min: self.min.map(|min| min * factor),
            max: self.max.map(|max| max * factor),
        }
    }
}

/// A range of values and which side of it is bad, as Nagios plugins write it:
///
/// | written | bad is |
/// |---|---|
/// | `10` | below 0 or above 10 |
/// | `10:` | below 10 |
/// | `~:10` | above 10 |
/// | `10:20` | below 10 or above 20 |
/// | `@10:20` | from 10 to 20, both included |
///
/// ```
/// use rem_check::Threshold;
///
/// let load: Threshold = "~:4".parse()?;
/// assert!(load.is_bad(4.1) && !load.is_bad(4.0));
/// assert_eq!(load.to_string(), "~:4");
/// # Ok::<(), rem_check::ThresholdError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// Where the range starts; may be minus infinity.
    pub from: f64,
    /// Where it ends, not before its start; may be infinity.
    pub to: f64,
    /// Whether the values within are the bad ones; otherwise those outside.
    pub bad_inside: bool,
}

/// A range that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThresholdError {
    /// Neither a number nor a range of numbers.
    #[error("not a range such as 10, 10:20 or @~:5: {0:?}")]
    Malformed(String),
    /// It ends before it starts.
    #[error("a range that ends before it starts: {0:?}")]
    Reversed(String),
}

impl Threshold {
    /// Whether a value is on the bad side.
    pub fn is_bad(self, value: f64) -> bool {
        (self.from <= value && value <= self.to) == self.bad_inside
    }

    fn scaled(self, factor: f64) -> Self {
        Self {
            from: self.from * factor,
            to: self.to * factor,
            ..self
        }
    }
}

impl std::str::FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let malformed = || ThresholdError::Malformed(text.chars().take(60).collect());
        let (range, bad_inside) = match text.strip_prefix('@') {
            Some(range) => (range, true),
            None => (text, false),
        };
        let number = |text: &str| number(text).ok_or_else(malformed);
        let (from, to) = match range.split_once(':') {
            None => (0.0, number(range)?),
            Some((from, to)) => {
                let from = match from {
                    "~" => f64::NEG_INFINITY,
                    "" => 0.0,
                    from => number(from)?,
                };
                let to = match to {
                    "" | "~" => f64::INFINITY,
                    to => number(to)?,
                };
                (from, to)
            }
        };
        // A lone negative number is an end before the start that it leaves out;
        // plugins write it, and every value is then outside.
        if from > to && range.contains(':') {
            return Err(ThresholdError::Reversed(text.chars().take(60).collect()));
        }
        Ok(Self {
            from,
            to,
            bad_inside,
        })
    }
}

/// As plugins write it.
impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.bad_inside {
            f.write_str("@")?;
        }
        if self.from == f64::NEG_INFINITY {
            f.write_str("~:")?;
        } else if self.from != 0.0 || self.to.is_infinite() {
            write!(f, "{}:", self.from)?;
        }
        match self.to.is_infinite() {
            true => Ok(()),
            false => write!(f, "{}", self.to),
        }
    }
}

/// A finite decimal number: sign, digits, point, exponent, and nothing else;
/// no `inf`, no `nan`, no comma.
pub(crate) fn number(text: &str) -> Option<f64> {
    let is_decimal = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    if !text.bytes().all(is_decimal) {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}
