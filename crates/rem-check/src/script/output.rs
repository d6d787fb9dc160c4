//! What a program said on its standard output.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use crate::{Reading, Unit};

/// The longest message that is kept, in characters; the rest becomes `…`.
const MESSAGE_CHARS_MAX: usize = 500;

/// How deep objects may nest; what is deeper is left out.
const DEPTH_MAX: usize = 8;

/// What was understood.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Said {
    pub(super) message: Option<String>,
    pub(super) readings: Vec<Reading>,
    /// Why an object that was begun is none.
    pub(super) broken: Option<String>,
}

pub(super) fn parse(text: &str) -> Said {
    let mut said = Said::default();
    let lines = match object_start(text) {
        None => text,
        Some(start) => {
            match serde_json::from_str(&text[start..]) {
                Ok(object) => add_object(&object, None, 0, &mut said.readings),
                Err(error) => said.broken = Some(format!("its output is not JSON: {error}")),
            }
            &text[..start]
        }
    };
    let mut named = Vec::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match reading(line) {
            Some(reading) => named.push(reading),
            None if said.message.is_none() => said.message = Some(shortened(line)),
            None => {}
        }
    }
    // In the order they were written.
    named.append(&mut said.readings);
    said.readings = named;
    said
}

/// The first line that says something, shortened.
pub(crate) fn first_line(text: &str) -> Option<String> {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| !line.is_empty()).map(shortened)
}

/// Where the first line begins that opens an object; the rest is all of it.
fn object_start(text: &str) -> Option<usize> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with('{') {
            return Some(start);
        }
        start += line.len();
    }
    None
}

/// Keys of nested objects are joined by `.`; the last one is the field.
fn add_object(
    object: &Map<String, Value>,
    group: Option<&str>,
    depth: usize,
    readings: &mut Vec<Reading>,
) {
    for (key, value) in object {
        let value = match value {
            Value::Number(number) => number.as_f64(),
            Value::Bool(true) => Some(1.0),
            Value::Bool(false) => Some(0.0),
            Value::Null => None,
            Value::String(text) => match text.trim().parse::<f64>() {
                Ok(number) => Some(number),
                Err(_) => continue,
            },
            Value::Array(_) => continue,
            Value::Object(inner) if depth < DEPTH_MAX => {
                let group = group.map_or(key.clone(), |group| format!("{group}.{key}"));
                add_object(inner, Some(&group), depth + 1, readings);
                continue;
            }
            Value::Object(_) => continue,
        };
        let reading = Reading::gauge(key, value, Unit::One);
        readings.push(match group {
            None => reading,
            Some(group) => reading.of(group),
        });
    }
}

/// `latency=12.5ms`
fn reading(line: &str) -> Option<Reading> {
    let (name, value) = line.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() {
        return None;
    }
    if value == "U" {
        return Some(Reading::gauge(name, None, Unit::One));
    }
    let end = number_end(value);
    let number: f64 = value[..end].parse().ok()?;
    let symbol = value[end..].trim_start();
    // A unit is one short word; with more it is a sentence with a number in it.
    if symbol.len() > 16 || symbol.contains(char::is_whitespace) {
        return None;
    }
    let (unit, factor) = Unit::parse(symbol);
    Some(Reading::gauge(name, number * factor, unit))
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
    let mut end = digits(sign(0));
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let exponent = sign(end + 1);
        if digits(exponent) > exponent {
            end = digits(exponent);
        }
    }
    end
}

/// Fit for one line of a page or a mail.
pub(crate) fn shortened(line: &str) -> String {
    let plain = line.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut plain: String = plain.collect();
    if let Some((end, _)) = plain.char_indices().nth(MESSAGE_CHARS_MAX) {
        plain.truncate(end);
        plain.push('…');
    }
    plain
}
