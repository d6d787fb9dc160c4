//! Templates: minijinja, and the `%(name)s` of the 2010 pages.

use std::path::Path as FilePath;

use indexmap::IndexMap as Map;
use minijinja::{AutoEscape, Environment};
use serde_json::Value;

use crate::path::{Path, Scope};

#[cfg(test)]
mod tests;

/// Steps one template may take, so that an endless loop ends.
const FUEL: u64 = 10_000_000;

/// Renders a text. What it shows is looked up in `scope`.
pub(crate) fn render(text: &str, scope: &Scope<'_>) -> Result<String, String> {
    let jinja = is_jinja(text);
    let old = text.contains("%(");
    if !jinja {
        return match old {
            true => percent(text, scope),
            false => Ok(text.to_owned()),
        };
    }
    let env = environment();
    let rendered = env
        .render_named_str("template", text, context(scope))
        .map_err(|error| describe(&error))?;
    Ok(rendered)
}

/// Renders a file; other templates it includes lie in the same folder.
pub(crate) fn render_file(path: &FilePath, scope: &Scope<'_>) -> Result<String, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read template {}: {error}", path.display()))?;
    render(&text, scope)
}

/// Whether a text is a template that can be rendered.
pub(crate) fn check(text: &str) -> Result<(), String> {
    if !is_jinja(text) {
        return Ok(());
    }
    let env = environment();
    let parsed = env.template_from_str(text).map(|_| ());
    parsed.map_err(|error| describe(&error))
}

fn is_jinja(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_fuel(Some(FUEL));
    env.add_filter("sh", |text: String| shell_quote(&text));
    env
}

fn context(scope: &Scope<'_>) -> minijinja::Value {
    let mut merged = Map::new();
    for map in [
        scope.request_state,
        scope.input_data,
        scope.pipe_data,
        scope.siblings,
    ] {
        merged.extend(map);
    }
    let pairs = merged.into_iter().map(|(k, v)| (k.as_str(), shown(v)));
    minijinja::Value::from_pairs(pairs)
}

fn shown(value: &Value) -> minijinja::Value {
    match value {
        Value::Null => minijinja::Value::from(()),
        Value::Bool(flag) => minijinja::Value::from(*flag),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => minijinja::Value::from(whole),
            (None, Some(whole)) => minijinja::Value::from(whole),
            (None, None) => minijinja::Value::from(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => minijinja::Value::from(text.as_str()),
        Value::Array(items) => items.iter().map(shown).collect(),
        Value::Object(map) => {
            minijinja::Value::from_pairs(map.iter().map(|(k, v)| (k.as_str(), shown(v))))
        }
    }
}

fn describe(error: &minijinja::Error) -> String {
    let detail = error.detail().unwrap_or_default();
    let line = error.line().map(|line| format!(", line {line}"));
    let line = line.unwrap_or_default();
    match detail.is_empty() {
        true => format!("{}{line}", error.kind()),
        false => format!("{}: {detail}{line}", error.kind()),
    }
}

/// `%(name)s` and `%(a.b)s` become the value, `%%` a percent sign; what is not
/// known stays as it is, as scripts and style sheets are full of such signs.
fn percent(text: &str, scope: &Scope<'_>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("%%") {
            out.push('%');
            rest = after;
            continue;
        }
        let name = rest
            .strip_prefix("%(")
            .and_then(|inner| inner.split_once(')'))
            .filter(|(_, after)| after.starts_with(['s', 'd']));
        let found = name.and_then(|(name, after)| {
            let path: Path = name.parse().ok()?;
            Some((scope.find(&path)?, &after[1..]))
        });
        match (found, name) {
            (Some((value, after)), _) => {
                out.push_str(&plain(value));
                rest = after;
            }
            (None, Some((name, _))) => return Err(format!("nothing is known as {name}")),
            (None, None) => {
                out.push('%');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// A value as plain text: a string without quotes, anything else as JSON.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// A text as one word of a shell command.
fn shell_quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
