//! What a page's scripts say becomes an answer.

use http::{HeaderName, StatusCode, header};
use serde_json::{Map, Value};

use crate::{Cookie, Response};

#[cfg(test)]
mod tests;

/// Keys by which scripts steer the answer. A request cannot set them: whatever it
/// has under these names, scripts find in `input_data` alone.
const STEERING: [&str; 7] = [
    "output",
    "content-type",
    "content_type",
    "status",
    "headers",
    "cookies",
    "redirect",
];

/// Headers that belong to the connection, not to the page.
const NOT_THEIRS: [HeaderName; 6] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
];

/// The result of a page's block, steering taken out of the data.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Outcome {
    pub(super) data: Map<String, Value>,
    pub(super) output: Option<Value>,
    content_type: Option<String>,
    status: Option<StatusCode>,
    headers: Vec<(String, String)>,
    cookies: Vec<(String, String, Option<u64>)>,
    redirect: Option<String>,
}

/// What scripts get as data of the pipe: the request's arguments, without those
/// that would pass for something a script has said.
pub(super) fn pipe_data(args: &Map<String, Value>) -> Map<String, Value> {
    let harmless = |key: &&String| !STEERING.contains(&key.as_str()) && !key.starts_with("__");
    let mut data: Map<String, Value> = args
        .iter()
        .filter(|(key, _)| harmless(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    data.insert("render".into(), "True".into());
    data
}

impl Outcome {
    /// From the result of a block: what its `run` left in the pipe, and its tags.
    pub(super) fn of(result: Value) -> Self {
        let mut data = match result {
            Value::Object(map) => map,
            Value::Null => Map::new(),
            other => Map::from_iter([("result".to_owned(), other)]),
        };
        if let Some(Value::Object(run)) = data.shift_remove("run") {
            data.extend(run);
        }
        data.retain(|key, _| !key.starts_with("__") && key != "render");
        let mut outcome = Self::default();
        if data.get("output").is_some_and(|output| !output.is_null()) {
            outcome.output = data.shift_remove("output");
        }
        for key in ["content-type", "content_type"] {
            if let Some(Value::String(kind)) = data.get(key) {
                outcome.content_type = Some(kind.clone());
                data.shift_remove(key);
            }
        }
        // `shell` items keep a list of exit codes under this name.
        let status = data.get("status").and_then(Value::as_u64);
        let status = status.and_then(|code| StatusCode::from_u16(u16::try_from(code).ok()?).ok());
        if let Some(status) = status.filter(|status| status.as_u16() >= 200) {
            outcome.status = Some(status);
            data.shift_remove("status");
        }
        if let Some(Value::String(target)) = data.get("redirect") {
            outcome.redirect = Some(target.clone());
            data.shift_remove("redirect");
        }
        if let Some(Value::Object(headers)) = data.get("headers") {
            outcome.headers = headers.iter().map(|(k, v)| (k.clone(), plain(v))).collect();
            data.shift_remove("headers");
        }
        if let Some(Value::Object(cookies)) = data.get("cookies") {
            outcome.cookies = cookies.iter().map(|(k, v)| cookie(k, v)).collect();
            data.shift_remove("cookies");
        }
        outcome.data = data;
        outcome
    }

    /// The answer that needs no template, if this is one.
    pub(super) fn without_template(&mut self) -> Option<Response> {
        if let Some(target) = &self.redirect {
            return Some(Response::redirect(target));
        }
        let output = self.output.take()?;
        let kind = self.content_type.as_deref();
        Some(match output {
            Value::String(text) => {
                Response::bytes(kind.unwrap_or("text/html; charset=utf-8"), text)
            }
            other => Response::bytes(kind.unwrap_or("application/json"), other.to_string()),
        })
    }

    /// Adds status, headers and cookies.
    pub(super) fn finish(&self, mut response: Response, is_tls: bool) -> Response {
        if let Some(status) = self.status {
            response = response.with_status(status);
        }
        for (name, value) in &self.headers {
            match HeaderName::try_from(name.as_str()) {
                Ok(name) if !NOT_THEIRS.contains(&name) => {
                    response = response.with_header(name, value);
                }
                Ok(_) | Err(_) => tracing::warn!(header = name, "header left out, not allowed"),
            }
        }
        for (name, value, seconds) in &self.cookies {
            let mut cookie = Cookie::new(name, value).secure(is_tls);
            if let Some(seconds) = seconds {
                cookie = cookie.seconds(*seconds);
            }
            response = response.with_cookie(&cookie);
        }
        response
    }
}

/// A text, or `{value, seconds}`.
fn cookie(name: &str, value: &Value) -> (String, String, Option<u64>) {
    let text = value.get("value").unwrap_or(value);
    let seconds = value.get("seconds").and_then(Value::as_u64);
    (name.to_owned(), plain(text), seconds)
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
