//! The templates of 2010.

use serde_json::{Map, Value};

use crate::encoding::escape_html;

#[cfg(test)]
mod tests;

/// `%(key)s` becomes the value, `%(a.b)s` a value within a map, `%%` a percent
/// sign. A key that is missing is shown as `--(key)s--`. Any other `%` stays.
pub(super) fn render(text: &str, data: &Map<String, Value>, escape: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let key = rest
            .strip_prefix('(')
            .and_then(|inner| inner.split_once(')'));
        let Some((key, after)) = key.filter(|(_, after)| after.starts_with(['s', 'd'])) else {
            out.push('%');
            continue;
        };
        match (find(data, key).map(plain), escape) {
            (Some(value), true) => out.push_str(&escape_html(&value)),
            (Some(value), false) => out.push_str(&value),
            (None, _) => out.push_str(&format!("--({})s--", escape_html(key))),
        }
        rest = &after[1..];
    }
    out.push_str(rest);
    out
}

fn find<'a>(data: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    if let Some(value) = data.get(key) {
        return Some(value);
    }
    let mut parts = key.split('.');
    let first = data.get(parts.next()?)?;
    parts.try_fold(first, |value, part| match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        other => other.get(part),
    })
}

/// Text without quotes, everything else as JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
