use std::fmt;
use std::str::FromStr;

use rem_time::Span;

/// Most samples a window may look back on.
pub const WINDOW_SAMPLES_MAX: u16 = 10_000;
/// Longest time a window may look back on.
const WINDOW_SPAN_MAX: Span = Span::from_seconds(366 * 86_400);

/// How often, or how long, a condition must hold before it counts.
///
/// | written | matches when |
/// |---|---|
/// | `5 of last 5`, `3 of 5` | the condition held for so many of the newest n samples |
/// | `20% of last 10` | for at least that share of n, rounded up, at least one |
/// | `for 5m` | it has held for so long without a sample on which it did not |
/// | `20% of 10m` | it held during at least that share of the time up to now |
/// | `last` | it held for the newest sample; `1 of last 1` |
///
/// Shares are of the whole window, even before it is full: with `20% of last 10`
/// two matches among the first two samples are enough, `3 of last 3` needs three.
/// A sample whose condition is unknown takes no place in a window, and its time
/// counts neither as held nor as not held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window(pub(super) Form);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Form {
    Count { need: u16, of: u16 },
    Share { percent: Percent, of: u16 },
    For(Span),
    ShareOfTime { percent: Percent, of: Span },
}

/// Thousandths of a percent, above 0 and at most 100 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Percent(u32);

const WHOLE: u32 = 100_000;

impl Percent {
    /// That share of `whole`, rounded up; at least 1, unless `whole` is 0.
    fn of(self, whole: u64) -> u64 {
        let share = (u128::from(whole) * u128::from(self.0)).div_ceil(u128::from(WHOLE));
        share as u64
    }
}

/// What a window asks for, once rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Samples { need: u16, of: u16 },
    Held(Span),
    Time { need: Span, of: Span },
}

impl Window {
    /// `1 of last 1`, which is what a level has that does not say.
    pub const LAST: Self = Self(Form::Count { need: 1, of: 1 });

    /// For a window over samples: how many must match, and of how many.
    pub fn samples(&self) -> Option<(u16, u16)> {
        match self.needs() {
            Needs::Samples { need, of } => Some((need, of)),
            Needs::Held(_) | Needs::Time { .. } => None,
        }
    }

    /// For a window over time: how long it must hold, and of how long.
    pub fn time(&self) -> Option<(Span, Span)> {
        match self.needs() {
            Needs::Samples { .. } => None,
            Needs::Held(span) => Some((span, span)),
            Needs::Time { need, of } => Some((need, of)),
        }
    }

    pub(super) fn needs(&self) -> Needs {
        match self.0 {
            Form::Count { need, of } => Needs::Samples { need, of },
            Form::Share { percent, of } => Needs::Samples {
                need: percent.of(u64::from(of)) as u16,
                of,
            },
            Form::For(span) => Needs::Held(span),
            Form::ShareOfTime { percent, of } => Needs::Time {
                need: Span::from_nanos(percent.of(of.as_nanos())),
                of,
            },
        }
    }
}

impl Default for Window {
    fn default() -> Self {
        Self::LAST
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Form::Count { need, of } => write!(f, "{need} of last {of}"),
            Form::Share { percent, of } => write!(f, "{percent} of last {of}"),
            Form::For(span) => write!(f, "for {span}"),
            Form::ShareOfTime { percent, of } => write!(f, "{percent} of {of}"),
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, thousandths) = (self.0 / 1000, self.0 % 1000);
        match thousandths {
            0 => write!(f, "{whole}%"),
            _ => {
                let digits = format!("{thousandths:03}");
                write!(f, "{whole}.{}%", digits.trim_end_matches('0'))
            }
        }
    }
}

/// Why a text is not a [`Window`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// It has none of the known forms.
    #[error("not a window: {text} (write 5 of last 5, 20% of last 10, for 5m or 20% of 10m)")]
    Form {
        /// What was written.
        text: String,
    },
    /// A number of samples that cannot be.
    #[error("not a number of samples from 1 to {WINDOW_SAMPLES_MAX}: {text}")]
    Samples {
        /// What was written.
        text: String,
    },
    /// More matches than samples.
    #[error("{need} of {of} can never match: {need} is more than {of}")]
    Never {
        /// Matches asked for.
        need: u16,
        /// Samples looked at.
        of: u16,
    },
    /// A share that cannot be.
    #[error("not a share above 0% and up to 100%, with at most three decimals: {text}")]
    Percent {
        /// What was written.
        text: String,
    },
    /// A length of time that cannot be.
    #[error("not a length of time from 1ns to 366d: {text} (write it with its unit, as in 5m)")]
    Span {
        /// What was written.
        text: String,
    },
}

impl FromStr for Window {
    type Err = WindowError;

    fn from_str(text: &str) -> Result<Self, WindowError> {
        let wrong = || WindowError::Form { text: text.into() };
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            ["last"] => Ok(Self::LAST),
            ["for", ref span @ ..] if !span.is_empty() => Ok(Self(Form::For(time(span)?))),
            [need, "of", "last", of] => {
                let of = samples(of)?;
                share_of(need, of)
            }
            [need, "of", ref whole @ ..] if !whole.is_empty() => match whole {
                [of] if of.bytes().all(|byte| byte.is_ascii_digit()) => {
                    share_of(need, samples(of)?)
                }
                span if need.ends_with('%') => Ok(Self(Form::ShareOfTime {
                    percent: percent(need)?,
                    of: time(span)?,
                })),
                _ => Err(wrong()),
            },
            _ => Err(wrong()),
        }
    }
}

fn share_of(need: &str, of: u16) -> Result<Window, WindowError> {
    if need.ends_with('%') {
        let percent = percent(need)?;
        return Ok(Window(Form::Share { percent, of }));
    }
    let need = samples(need)?;
    match need > of {
        true => Err(WindowError::Never { need, of }),
        false => Ok(Window(Form::Count { need, of })),
    }
}

fn samples(text: &str) -> Result<u16, WindowError> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let count = text.parse().ok().filter(|_| is_number);
    count
        .filter(|count| (1..=WINDOW_SAMPLES_MAX).contains(count))
        .ok_or_else(|| WindowError::Samples { text: text.into() })
}

fn percent(text: &str) -> Result<Percent, WindowError> {
    let wrong = || WindowError::Percent { text: text.into() };
    let number = text.strip_suffix('%').ok_or_else(wrong)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) || fraction.len() > 3 {
        return Err(wrong());
    }
    let whole: u32 = whole.parse().map_err(|_| wrong())?;
    let thousandths: u32 = format!("{fraction:0<3}").parse().map_err(|_| wrong())?;
    let percent = whole
        .checked_mul(1000)
        .and_then(|w| w.checked_add(thousandths));
    percent
        .filter(|percent| (1..=WHOLE).contains(percent))
        .map(Percent)
        .ok_or_else(wrong)
}

fn time(words: &[&str]) -> Result<Span, WindowError> {
    let text = words.join(" ");
    text.parse()
        .ok()
        .filter(|span| *span > Span::ZERO && *span <= WINDOW_SPAN_MAX)
        .ok_or(WindowError::Span { text })
}
