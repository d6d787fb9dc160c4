//! From what a program printed to data.

use rem_script::Captured;
use serde_json::{Map, Value, json};

use crate::error::Reason;
use crate::run::short;
use crate::tree::Parse;

type Data = Map<String, Value>;

pub(super) fn output(parse: &Parse, captured: &Captured) -> Result<Data, Reason> {
    let text = super::text(captured)?;
    let text = text.trim();
    let parsed = match parse {
        Parse::Auto => Ok(auto(text)),
        Parse::Json => json_map(text),
        Parse::JsonLines => json_lines(text),
        Parse::KeyValue => key_values(text).ok_or_else(|| {
            let line = text.lines().find(|line| key_value(line).is_none());
            format!(
                "not a line of the form key=value: {}",
                cut(line.unwrap_or_default())
            )
        }),
        Parse::Text => Ok(as_text(text)),
        Parse::Regex(regex) => match regex.captures(text) {
            None => Err(format!("the pattern is not found in: {}", cut(text))),
            Some(found) => Ok(regex
                .capture_names()
                .flatten()
                .filter_map(|name| Some((name.to_owned(), typed(found.name(name)?.as_str()))))
                .collect()),
        },
    };
    parsed.map_err(|message| Reason::Output { message })
}

/// A whole JSON object, or one on the last line, or `key=value` lines, or text.
fn auto(text: &str) -> Data {
    if text.is_empty() {
        return Data::new();
    }
    let last = text.lines().next_back().unwrap_or_default();
    for candidate in [text, last] {
        if candidate.trim_start().starts_with('{')
            && let Ok(map) = json_map(candidate)
        {
            return map;
        }
    }
    key_values(text).unwrap_or_else(|| as_text(text))
}

fn json_map(text: &str) -> Result<Data, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(other) => Err(format!(
            "a JSON object is expected, found {}",
            short(&other)
        )),
        Err(error) => Err(format!("not JSON, {error}: {}", cut(text))),
    }
}

/// Each line an object; all of them together, later ones on top.
fn json_lines(text: &str) -> Result<Data, String> {
    let mut data = Data::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        data.extend(json_map(line)?);
    }
    Ok(data)
}

fn key_values(text: &str) -> Option<Data> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(key_value).collect()
}

fn key_value(line: &str) -> Option<(String, Value)> {
    let (key, value) = line.trim().split_once('=')?;
    let key = key.trim_end();
    let is_key = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    is_key.then(|| (key.to_owned(), typed(value.trim())))
}

/// Numbers and flags as such, anything else as text.
fn typed(text: &str) -> Value {
    if let Ok(whole) = text.parse::<i64>() {
        return json!(whole);
    }
    let is_number = text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+');
    if is_number && let Ok(number) = text.parse::<f64>() {
        return json!(number);
    }
    match text {
        "true" => json!(true),
        "false" => json!(false),
        _ => json!(text),
    }
}

fn as_text(text: &str) -> Data {
    Data::from_iter([("output".to_owned(), json!(text))])
}

fn cut(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(80).collect()
}
