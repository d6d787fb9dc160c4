use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU16, NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use indexmap::IndexMap;
use rem_time::{ParseSpanError, Span};

use crate::at::At;
use crate::node::{Node, Value};
use crate::percent::Percent;
use crate::problem::Problems;

/// A type that can be read from YAML.
///
/// `None` means that at least one problem was added; reading the rest goes on,
/// so that one run shows everything.
pub trait FromYaml: Sized {
    /// Reads the value; what is wrong goes to `problems`.
    fn from_yaml(at: &At<'_>, problems: &mut Problems) -> Option<Self>;
}

impl FromYaml for String {
    fn from_yaml(at: &At<'_>, problems: &mut Problems) -> Option<Self> {
        at.text(problems).map(str::to_owned)
    }
}

/// Text that is not empty.
impl FromYaml for PathBuf {
    fn from_yaml(at: &At<'_>, problems: &mut Problems) -> Option<Self> {
        let text = at.text(problems)?;
        if text.is_empty() {
            problems.add(at.problem("expected a path, found an empty text"));
            return None;
        }
        Some(text.into())
    }
}

impl FromYaml for bool {
    fn from_yaml(at: &At<'_>, problems: &mut Problems) -> Option<Self> {
        if let Value::Bool(value) = at.node().value {
            return Some(value);
        }
        let word = at.node().as_str().map(str::to_lowercase);
        let help = match word.as_deref() {
            Some("yes" | "on" | "true") => Some("write true"),
            Some("no" | "off" | "false") => Some("write false"),
            _ => None,
        };
        problems.add(
            at.expected("true or false")
                .maybe_help(help.map(Into::into)),
        );
        None
    }
}

impl FromYaml for f64 {
    fn from_yaml(at: &At<'_>, problems: &mut Problems) -> Option<Self> {
        match at.node().value {
            Value::Int(number) => Some(number as Self),
            Value::Float(number) => Some(number),
            _ => {
                problems.add(at.expected("a number"));
                None
            }
        }
    }
}

macro_rules! whole_numbers {
    ($($type:ty: $low:expr, $high:expr;)*) => {$(
        impl FromYaml for $type {
            fn from_yaml(at: &At<'_>, problems: &mut Problems) -> Option<Self> {
                let number = at.whole_number($low..=$high, problems)?;
                number.try_into().ok()
            }
        }
    )*};
}

whole_numbers! {
    u8: 0, u8::MAX as i64;
    u16: 0, u16::MAX as i64;
    u32: 0, u32::MAX as i64;
    u64: 0, i64::MAX;
    usize: 0, i64::MAX;
    i32: i32::MIN as i64, i32::MAX as i64;
    i64: i64::MIN, i64::MAX;
}

macro_rules! whole_numbers_above_zero {
    ($($type:ty: $whole:ty, $high:expr;)*) => {$(
        impl FromYaml for $type {
            fn from_yaml(at: &At<'_>, problems: &mut Problems) -> Option<Self> {
                let number = at.whole_number(1..=$high, problems)?;
                <$type>::new(<$whole>::try_from(number).ok()?)
            }
        }
    )*};
}

whole_numbers_above_zero! {
    NonZeroU16: u16, u16::MAX as i64;
    NonZeroU32: u32, u32::MAX as i64;
    NonZeroU64: u64, i64::MAX;
    NonZeroUsize: usize, i64::MAX;
}

/// `5m`, `1h30m`; a bare number is refused because it does not say its unit.
impl FromYaml for Span {
    fn from_yaml(at: &At<'_>, problems: &mut Problems) -> Option<Self> {
        const WANTED: &str = "a span of time such as 5m";
        let number = match &at.node().value {
            Value::Int(0) => return Some(Self::ZERO),
            Value::Int(number) if *number > 0 => Some(number.to_string()),
            Value::Float(number) if *number > 0.0 => Some(number.to_string()),
            _ => None,
        };
        if let Some(number) = number {
            let help = format!("add a unit: {number}s, {number}m or {number}h");
            problems.add(at.expected(WANTED).help(help));
            return None;
        }
        let Some(text) = at.node().as_str() else {
            problems.add(at.expected(WANTED));
            return None;
        };
        match text.parse() {
            Ok(span) => Some(span),
            Err(error) => {
                let help = match error {
                    ParseSpanError::NoUnit { .. }
                    | ParseSpanError::UnknownUnit { .. }
                    | ParseSpanError::Order { .. }
                    | ParseSpanError::TooLong { .. } => Some(error.to_string()),
                    ParseSpanError::Empty | ParseSpanError::NotASpan { .. } => None,
                };
                problems.add(at.expected(WANTED).maybe_help(help));
                None
            }
        }
    }
}

/// `20%`; a bare number is refused because it could mean a share of 1.
impl FromYaml for Percent {
    fn from_yaml(at: &At<'_>, problems: &mut Problems) -> Option<Self> {
        const WANTED: &str = "a percentage such as 20%";
        let help = match &at.node().value {
            Value::Int(number) => Some(format!("write {number}%")),
            Value::Float(number) => Some(format!("write {number}%")),
            _ => None,
        };
        let number = at.node().as_str().and_then(|text| {
            let number: f64 = text.strip_suffix('%')?.trim_end().parse().ok()?;
            number.is_finite().then_some(number)
        });
        let Some(number) = number else {
            problems.add(at.expected(WANTED).maybe_help(help));
            return None;
        };
        let percent = Self::new(number);
        if percent.is_none() {
            let side = if number < 0.0 {
                "below 0%"
            } else {
                "above 100%"
            };
            problems.add(at.problem(format!("{number}% is {side}")));
        }
        percent
    }
}

impl FromYaml for SocketAddr {
    fn from_yaml(at: &At<'_>, problems: &mut Problems) -> Option<Self> {
        let port_is_wrong = at.node().as_str().and_then(|text| {
            let (host, port) = text.rsplit_once(':')?;
            let number: i64 = port.parse().ok()?;
            (host.parse::<IpAddr>().is_ok() || host.starts_with('[')).then_some(number)
        });
        match port_is_wrong {
            Some(port) if !(0..=65_535).contains(&port) => {
                problems.add(at.problem(format!("expected a port from 0 to 65535, found {port}")));
                None
            }
            _ => at.parse(
                "an address and port such as 127.0.0.1:2001 or [::1]:2001",
                problems,
            ),
        }
    }
}

impl FromYaml for IpAddr {
    fn from_yaml(at: &At<'_>, problems: &mut Problems) -> Option<Self> {
        at.parse("an address such as 192.0.2.1 or 2001:db8::1", problems)
    }
}

/// Whatever is written, to be read by someone else.
impl FromYaml for Node {
    fn from_yaml(at: &At<'_>, _: &mut Problems) -> Option<Self> {
        Some(at.node().clone())
    }
}

/// Whatever is written, as JSON.
impl FromYaml for serde_json::Value {
    fn from_yaml(at: &At<'_>, _: &mut Problems) -> Option<Self> {
        Some(at.node().to_json())
    }
}

/// A list. All items are read, also after one that is wrong.
impl<T: FromYaml> FromYaml for Vec<T> {
    fn from_yaml(at: &At<'_>, problems: &mut Problems) -> Option<Self> {
        let items: Vec<Option<T>> = at
            .items(problems)?
            .iter()
            .map(|item| item.read(problems))
            .collect();
        items.into_iter().collect()
    }
}

/// Names and values, in the order of the file. All are read, also after one that is wrong.
impl<T: FromYaml> FromYaml for IndexMap<String, T> {
    fn from_yaml(at: &At<'_>, problems: &mut Problems) -> Option<Self> {
        let entries: Vec<Option<(String, T)>> = at
            .entries(problems)?
            .into_iter()
            .map(|(name, at)| Some((name.value.to_owned(), at.read(problems)?)))
            .collect();
        entries.into_iter().collect()
    }
}
