//! Performance data as Nagios plugins write it: `time=0.012s;1;2;0;10`.
//!
//! ```
//! use rem_check::perfdata;
//!
//! let said = perfdata::parse("'free space'=12MB;10:;5:;0;100 errors=3c load=U");
//! let free = &said.readings[0];
//! assert_eq!((free.field.as_str(), free.value), ("free space", Some(12e6)));
//! let bounds = free.bounds.as_ref().expect("it came with bounds");
//! assert!(bounds.warning.expect("one is given").is_bad(9e6));
//! assert_eq!(said.readings[2].value, None);
//! assert!(said.refused.is_empty());
//! ```

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt::{self, Write};

use crate::bounds::number;
use crate::{Bounds, Kind, Reading, Threshold, Unit};

/// The most readings that are taken from one text; the others are refused.
pub const READINGS_MAX: usize = 10_000;

/// How many of the refused items are kept with their text.
const REFUSED_KEPT_MAX: usize = 20;

/// The longest unit that is taken for one, in bytes.
const UNIT_BYTES_MAX: usize = 16;

/// How much of a refused item is quoted, in characters.
const QUOTED_CHARS_MAX: usize = 60;

/// What a text of performance data says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Perfdata {
    /// In base units, in the order they were written, each name once.
    pub readings: Vec<Reading>,
    /// What was not understood; the first 20.
    pub refused: Vec<Refused>,
    /// How many were not understood, those of `refused` included.
    pub refused_count: usize,
}

/// An item that is no reading.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}: {text:?}")]
pub struct Refused {
    /// The item, shortened.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Reads performance data. Every item stands for itself: one that is malformed
/// is refused and the others are read.
///
/// `U`, `nan` and `inf` are unknown. The unit `c` is a counter. A label with
/// `::`, as check_multi writes it (`web::time=1s size=2B`), names the following
/// ones too: `web::time`, `web::size`. Of two items with one label the first
/// counts. Warning and critical may repeat the value's unit; a threshold that
/// is malformed is left out alone.
pub fn parse(text: &str) -> Perfdata {
    let mut reader = Reader::default();
    reader.read(text);
    reader.said
}

/// Reads several texts as if they were one.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    said: Perfdata,
    seen: HashSet<String>,
    prefix: Option<String>,
}

impl Reader {
    pub(crate) fn read(&mut self, text: &str) {
        let mut rest = text.trim_start_matches(is_space);
        while !rest.is_empty() {
            let (item, after) = first_item(rest);
            rest = after.trim_start_matches(is_space);
            if let Err((why, text)) = item.and_then(|(label, value)| self.add(&label, value)) {
                self.said.refuse(why, &text);
            }
        }
    }

    /// As [`read`](Self::read), unless the text holds no reading at all: then
    /// nothing changes and it answers false.
    pub(crate) fn read_if_any(&mut self, text: &str) -> bool {
        let refused = (self.said.refused.len(), self.said.refused_count);
        let readings = self.said.readings.len();
        self.read(text);
        let has_any = self.said.readings.len() > readings;
        if !has_any {
            self.said.refused.truncate(refused.0);
            self.said.refused_count = refused.1;
        }
        has_any
    }

    pub(crate) fn finish(self) -> Perfdata {
        self.said
    }

    fn add(&mut self, label: &str, value: &str) -> Result<(), Refusal> {
        if self.said.readings.len() == READINGS_MAX {
            return Err(("more readings than are taken", label.to_owned()));
        }
        let name = full_name(label, &mut self.prefix);
        if self.seen.contains(&name) {
            return Err(("a label for the second time", name));
        }
        let reading = reading(name, value)?;
        self.seen.insert(reading.field.clone());
        self.said.readings.push(reading);
        Ok(())
    }
}

impl Perfdata {
    fn refuse(&mut self, why: &'static str, text: &str) {
        self.refused_count += 1;
        if self.refused.len() < REFUSED_KEPT_MAX {
            let text = text.chars().take(QUOTED_CHARS_MAX).collect();
            self.refused.push(Refused { text, why });
        }
    }
}

/// Why an item is refused, and what is quoted of it.
type Refusal = (&'static str, String);

/// An item's label, and what is behind the equals sign.
type Item<'a> = (std::borrow::Cow<'a, str>, &'a str);

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn word_end(text: &str) -> usize {
    text.find(is_space).unwrap_or(text.len())
}

/// The item that `text` starts with, and what is behind it.
fn first_item(text: &str) -> (Result<Item<'_>, Refusal>, &str) {
    let Some(quoted) = text.strip_prefix('\'') else {
        let (word, rest) = text.split_at(word_end(text));
        let item = match word.split_once('=') {
            Some(("", _)) => Err(("a value without a label", word.to_owned())),
            Some((label, value)) => Ok((label.into(), value)),
            None => Err(("a word without an equals sign", word.to_owned())),
        };
        return (item, rest);
    };
    let Some(end) = quote_end(quoted) else {
        let (word, rest) = text.split_at(word_end(text));
        return (Err(("a quote that is not closed", word.to_owned())), rest);
    };
    let label = &quoted[..end];
    let behind = &quoted[end + 1..];
    let (word, rest) = behind.split_at(word_end(behind));
    let item = match word.strip_prefix('=') {
        Some(_) if label.is_empty() => Err(("a value without a label", text.to_owned())),
        Some(value) if label.contains('\'') => Ok((label.replace("''", "'").into(), value)),
        Some(value) => Ok((label.into(), value)),
        None => Err(("a label without an equals sign", label.to_owned())),
    };
    (item, rest)
}

/// Where the quote ends; two of them are one within the label.
fn quote_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += bytes[at..].iter().position(|byte| *byte == b'\'')?;
        match bytes.get(at + 1) {
            Some(b'\'') => at += 2,
            _ => return Some(at),
        }
    }
}

fn full_name(label: &str, prefix: &mut Option<String>) -> String {
    match (label.split_once("::"), &prefix) {
        (Some((start, _)), _) => {
            *prefix = Some(start.to_owned());
            label.to_owned()
        }
        (None, Some(prefix)) => format!("{prefix}::{label}"),
        (None, None) => label.to_owned(),
    }
}

fn reading(name: String, text: &str) -> Result<Reading, Refusal> {
    let mut fields = text.split(';');
    let value = fields.next().unwrap_or_default();
    let refused = |why| (why, format!("{name}={value}"));
    let is_unknown = ["U", "u", "nan", "-nan", "inf", "-inf", "+inf"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word));
    let (value, symbol) = match is_unknown {
        true => (None, ""),
        false => {
            let end = number_end(value);
            let (digits, symbol) = value.split_at(end);
            if digits.is_empty() {
                return Err(refused("a value that is no number"));
            }
            if symbol.len() > UNIT_BYTES_MAX || !symbol.chars().all(is_unit) {
                return Err(refused("a number with something strange behind it"));
            }
            let value: f64 = digits
                .parse()
                .map_err(|_| refused("a value that is no number"))?;
            (Some(value), symbol)
        }
    };
    let (unit, factor) = unit(symbol);
    let bare = |text: &str| text.strip_suffix(symbol).unwrap_or(text).to_owned();
    let mut next = || fields.next().unwrap_or_default().trim_matches(is_space);
    let threshold = |text: &str| -> Option<Threshold> {
        let plain = match (symbol, text.split_once(':')) {
            ("", _) => text.to_owned(),
            (_, Some((from, to))) => format!("{}:{}", bare(from), bare(to)),
            (_, None) => bare(text),
        };
        plain.parse().ok()
    };
    let bounds = Bounds {
        warning: threshold(next()),
        critical: threshold(next()),
        min: number(&bare(next())),
        max: number(&bare(next())),
    };
    let reading = match symbol {
        "c" => Reading::counter(name, value, Unit::One),
        _ => Reading::gauge(name, value.map(|value| value * factor), unit),
    };
    Ok(reading.bounded(bounds.scaled(factor)))
}

/// A letter or a sign that units are written with; no digit and no comma, which
/// would be a part of a number that we did not understand.
fn is_unit(c: char) -> bool {
    c.is_alphabetic() || "%°/²³^*Ω".contains(c)
}

/// The units of plugins: those of [`Unit::parse`], and Icinga's.
fn unit(symbol: &str) -> (Unit, f64) {
    match symbol {
        "c" => (Unit::One, 1.0),
        "m" | "min" => (Unit::Seconds, 60.0),
        "h" => (Unit::Seconds, 3_600.0),
        "ps" => (Unit::Seconds, 1e-12),
        "kb" => (Unit::Bytes, 1e3),
        "mb" => (Unit::Bytes, 1e6),
        "gb" => (Unit::Bytes, 1e9),
        "tb" => (Unit::Bytes, 1e12),
        "PB" => (Unit::Bytes, 1e15),
        "EB" => (Unit::Bytes, 1e18),
        "PiB" => (Unit::Bytes, 1024f64.powi(5)),
        "EiB" => (Unit::Bytes, 1024f64.powi(6)),
        "mA" => (Unit::Other("A".into()), 1e-3),
        "mV" => (Unit::Other("V".into()), 1e-3),
        "kV" => (Unit::Other("V".into()), 1e3),
        "mW" => (Unit::Other("W".into()), 1e-3),
        "kW" => (Unit::Other("W".into()), 1e3),
        "MW" => (Unit::Other("W".into()), 1e6),
        other => Unit::parse(other),
    }
}

/// Where the number at the start of `text` ends: sign, digits, point, exponent.
fn number_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let sign = |at: usize| at + usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
    let start = sign(0);
    let mut end = digits(start);
    let mut count = end - start;
    if bytes.get(end) == Some(&b'.') {
        let fraction = digits(end + 1);
        count += fraction - end - 1;
        end = fraction;
    }
    if count == 0 {
        return 0;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let exponent = sign(end + 1);
        if digits(exponent) > exponent {
            end = digits(exponent);
        }
    }
    end
}

/// Writes readings as performance data that [`parse`] reads back. A reading of
/// a group is labelled `group field`.
pub fn write(readings: &[Reading]) -> String {
    let mut text = String::new();
    for reading in readings {
        if !text.is_empty() {
            text.push(' ');
        }
        // Writing to a String does not fail.
        let _ = write!(text, "{}", Written(reading));
    }
    text
}

struct Written<'a>(&'a Reading);

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reading = self.0;
        let label = match &reading.group {
            Some(group) => format!("{group} {}", reading.field),
            None => reading.field.clone(),
        };
        match label.contains(|c: char| is_space(c) || "'=|".contains(c)) {
            true => write!(f, "'{}'=", label.replace('\'', "''"))?,
            false => write!(f, "{label}=")?,
        }
        let symbol = match (&reading.unit, reading.kind) {
            (_, Kind::Counter) => "c",
            // Behind a number 1/s would read as a digit more.
            (Unit::PerSecond, Kind::Gauge) => "/s",
            (unit, Kind::Gauge) => unit.symbol(),
        };
        match reading.value {
            Some(value) => write!(f, "{value}{symbol}")?,
            None => f.write_str("U")?,
        }
        let Some(bounds) = &reading.bounds else {
            return Ok(());
        };
        let text = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        let range = |range: Option<Threshold>| range.map_or(String::new(), |r| r.to_string());
        let fields = [
            range(bounds.warning),
            range(bounds.critical),
            text(bounds.min),
            text(bounds.max),
        ];
        let written = fields.iter().rposition(|field| !field.is_empty());
        for field in fields.iter().take(written.map_or(0, |last| last + 1)) {
            write!(f, ";{field}")?;
        }
        Ok(())
    }
}
