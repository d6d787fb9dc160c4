use std::borrow::Cow;
use std::fmt;

use rem_time::{Span, Timestamp};

use crate::Bounds;

/// What one run of a check found out. A check that failed is a report too: it
/// has a verdict, a reason and whatever readings were taken until then.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// When the run started.
    pub at: Timestamp,
    /// How long the run took, on a clock that never steps.
    pub took: Span,
    /// How it went.
    pub verdict: Verdict,
    /// One line in an operator's words, such as `connection refused by 192.0.2.1:80`.
    pub message: String,
    /// The numbers that were measured, in a stable order.
    pub readings: Vec<Reading>,
}

impl Report {
    /// The value of a reading; `None` if it was not taken or is unknown.
    pub fn value(&self, group: Option<&str>, field: &str) -> Option<f64> {
        self.readings
            .iter()
            .find(|reading| reading.group.as_deref() == group && reading.field == field)
            .and_then(|reading| reading.value)
    }
}

/// `ok: 200 in 12ms`, one line.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.verdict, self.message)
    }
}

/// How a run of a check went, from best to worst.
///
/// The thresholds of a monitor are levels over many samples and live elsewhere;
/// this is only what the check itself can tell from one look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The subject does what it should.
    Ok,
    /// It does, with a defect: one of three pings was lost.
    Warning,
    /// It does not.
    Critical,
    /// The check could not find out.
    Unknown,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Unknown => "unknown",
        })
    }
}

/// One number of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What the number belongs to inside the subject: a mount, a device, an
    /// interface. `None` is the subject itself. Any text is legal.
    pub group: Option<String>,
    /// What was measured, such as `used_percent`. Any text is legal.
    pub field: String,
    /// The number, always finite; `None` is unknown, which is not zero.
    pub value: Option<f64>,
    /// What the number counts.
    pub unit: Unit,
    /// Whether it is a state or an ever-growing count.
    pub kind: Kind,
    /// What whoever measured it says about good, bad and possible values.
    pub bounds: Option<Box<Bounds>>,
}

impl Reading {
    /// A number that stands for itself. Infinite and not-a-number become unknown.
    pub fn gauge(field: impl Into<String>, value: impl Into<Option<f64>>, unit: Unit) -> Self {
        Self {
            group: None,
            field: field.into(),
            value: value.into().filter(|value| value.is_finite()),
            unit,
            kind: Kind::Gauge,
            bounds: None,
        }
    }

    /// A count that only grows until whoever counts starts anew.
    pub fn counter(field: impl Into<String>, value: impl Into<Option<f64>>, unit: Unit) -> Self {
        Self {
            kind: Kind::Counter,
            ..Self::gauge(field, value, unit)
        }
    }

    /// The same reading with its bounds; empty ones are left out.
    #[must_use]
    pub fn bounded(self, bounds: Bounds) -> Self {
        Self {
            bounds: (!bounds.is_empty()).then(|| Box::new(bounds)),
            ..self
        }
    }

    /// The same reading, of a part of the subject.
    #[must_use]
    pub fn of(self, group: impl Into<String>) -> Self {
        Self {
            group: Some(group.into()),
            ..self
        }
    }
}

/// `/var used_percent 81.5 %`, one line.
impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(group) = &self.group {
            write!(f, "{group} ")?;
        }
        match self.value {
            Some(value) => write!(f, "{} {value}", self.field)?,
            None => write!(f, "{} unknown", self.field)?,
        }
        match self.unit.symbol() {
            "" => Ok(()),
            symbol => write!(f, " {symbol}"),
        }
    }
}

/// Whether a reading is a state or a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A state: a temperature, a fill, a rate.
    Gauge,
    /// An ever-growing count; its change over time is what matters.
    Counter,
}

/// What a reading counts, in base units: never milliseconds, never megabytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// A bare number.
    One,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Percent, of 100.
    Percent,
    /// Events per second.
    PerSecond,
    /// Bytes per second.
    BytesPerSecond,
    /// Days, where seconds would say nothing to a person.
    Days,
    /// A unit of the subject's own, kept as it was written.
    Other(Cow<'static, str>),
}

impl Unit {
    /// How the unit is written behind a number; empty for a bare number.
    pub fn symbol(&self) -> &str {
        match self {
            Self::One => "",
            Self::Seconds => "s",
            Self::Bytes => "B",
            Self::Percent => "%",
            Self::PerSecond => "1/s",
            Self::BytesPerSecond => "B/s",
            Self::Days => "d",
            Self::Other(symbol) => symbol,
        }
    }

    /// The base unit of a written unit and the factor that leads to it:
    /// `ms` is seconds and 0.001. An unknown word is kept, with factor 1.
    ///
    /// `KB` and `kB` are 1000 bytes, `KiB` is 1024.
    pub fn parse(symbol: &str) -> (Self, f64) {
        match symbol {
            "" => (Self::One, 1.0),
            "s" => (Self::Seconds, 1.0),
            "ms" => (Self::Seconds, 1e-3),
            "us" | "µs" => (Self::Seconds, 1e-6),
            "ns" => (Self::Seconds, 1e-9),
            "B" => (Self::Bytes, 1.0),
            "kB" | "KB" => (Self::Bytes, 1e3),
            "MB" => (Self::Bytes, 1e6),
            "GB" => (Self::Bytes, 1e9),
            "TB" => (Self::Bytes, 1e12),
            "KiB" => (Self::Bytes, 1024.0),
            "MiB" => (Self::Bytes, 1_048_576.0),
            "GiB" => (Self::Bytes, 1_073_741_824.0),
            "TiB" => (Self::Bytes, 1_099_511_627_776.0),
            "%" => (Self::Percent, 1.0),
            "1/s" | "/s" => (Self::PerSecond, 1.0),
            "B/s" => (Self::BytesPerSecond, 1.0),
            "d" => (Self::Days, 1.0),
            other => (Self::Other(Cow::Owned(other.to_owned())), 1.0),
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}
