use serde_json::Value;

use crate::table::Tone;
use crate::visible::visible;

/// One thing with its parts, indented, for people: much as YAML would write it.
/// Parts that are nothing (`null`, an empty list) are left out.
///
/// ```
/// let alert = serde_json::json!({
///     "title": "web-01 does not answer", "owner": null, "told": ["ann", "bob"],
///     "values": {"duration": 0.25},
/// });
/// assert_eq!(rem_command::outline(&alert, false), "\
/// title   web-01 does not answer
/// told
///   - ann
///   - bob
/// values
///   duration  0.25
/// ");
/// ```
pub fn outline(value: &Value, colour: bool) -> String {
    let mut text = String::new();
    write(value, 0, colour, &mut text);
    text
}

fn write(value: &Value, depth: usize, colour: bool, text: &mut String) {
    match value {
        Value::Object(map) => {
            let parts = || map.iter().filter(|(_, value)| !is_nothing(value));
            let width = parts().map(|(key, _)| key.chars().count()).max();
            for (key, value) in parts() {
                let key = visible(key);
                indent(depth, text);
                text.push_str(&Tone::Strong.paint(&key, colour));
                if is_plain(value) {
                    let gap = width.unwrap_or(0).saturating_sub(key.chars().count()) + 2;
                    text.extend(std::iter::repeat_n(' ', gap));
                    text.push_str(&plain(value));
                    text.push('\n');
                } else {
                    text.push('\n');
                    write(value, depth + 1, colour, text);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                indent(depth, text);
                if is_plain(item) {
                    text.push_str("- ");
                    text.push_str(&plain(item));
                    text.push('\n');
                } else {
                    // The first part stands beside the dash, the others below it.
                    let mut inner = String::new();
                    write(item, depth + 1, colour, &mut inner);
                    text.push_str("- ");
                    text.push_str(inner.trim_start());
                }
            }
        }
        plain_value => {
            indent(depth, text);
            text.push_str(&plain(plain_value));
            text.push('\n');
        }
    }
}

fn indent(depth: usize, text: &mut String) {
    text.extend(std::iter::repeat_n("  ", depth));
}

fn is_plain(value: &Value) -> bool {
    !matches!(value, Value::Object(_) | Value::Array(_))
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.values().all(is_nothing),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => visible(text).into_owned(),
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    }
}
