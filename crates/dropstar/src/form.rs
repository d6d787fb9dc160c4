use bytes::Bytes;
use serde_json::{Map, Value};

#[cfg(test)]
mod tests;

/// Fields read from one request; further ones are left out.
const FIELDS_MAX: usize = 1_000;

/// A file that came with a multipart form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The form field.
    pub field: String,
    /// The file's name as the client gave it: for display, not for a path.
    pub file_name: String,
    /// What the client says it is.
    pub content_type: String,
    /// The file.
    pub bytes: Bytes,
}

#[derive(Debug, Default)]
pub(crate) struct Form {
    pub(crate) args: Map<String, Value>,
    pub(crate) uploads: Vec<Upload>,
}

/// Everything a request says by query and body. Parts that cannot be read are
/// left out: a form is what a person typed, and the page checks what it needs.
pub(crate) fn parse(query: &str, content_type: &str, body: &Bytes) -> Form {
    let mut form = Form::default();
    form.urlencoded(query);
    let (kind, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    match kind.trim().to_ascii_lowercase().as_str() {
        "application/x-www-form-urlencoded" => {
            form.urlencoded(&String::from_utf8_lossy(body));
        }
        "multipart/form-data" => {
            if let Some(boundary) = parameter(parameters, "boundary") {
                form.multipart(&boundary, body);
            }
        }
        "application/json" => {
            if let Ok(Value::Object(map)) = serde_json::from_slice(body) {
                form.args.extend(map);
            }
        }
        _ => {}
    }
    form
}

impl Form {
    fn urlencoded(&mut self, text: &str) {
        let mut from_here = Map::new();
        for pair in text.split('&').filter(|p| !p.is_empty()).take(FIELDS_MAX) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            add(&mut from_here, &decode(key), decode(value));
        }
        self.args.extend(from_here);
    }

    fn multipart(&mut self, boundary: &str, body: &Bytes) {
        let mut from_here = Map::new();
        for part in parts(boundary, body).into_iter().take(FIELDS_MAX) {
            let Some((head, content)) = split_at(&part, b"\r\n\r\n") else {
                continue;
            };
            let head = String::from_utf8_lossy(&head).into_owned();
            let Some(disposition) = head_line(&head, "content-disposition") else {
                continue;
            };
            let Some(field) = parameter(disposition, "name") else {
                continue;
            };
            if let Some(file_name) = parameter(disposition, "filename") {
                let bare = field.trim_end_matches("[]");
                add(
                    &mut from_here,
                    &format!("{bare}_filename"),
                    file_name.clone(),
                );
                self.uploads.push(Upload {
                    field: field.clone(),
                    file_name,
                    content_type: head_line(&head, "content-type").unwrap_or("").to_owned(),
                    bytes: content.clone(),
                });
            }
            add(
                &mut from_here,
                &field,
                String::from_utf8_lossy(&content).into_owned(),
            );
        }
        self.args.extend(from_here);
    }
}

fn add(args: &mut Map<String, Value>, key: &str, value: String) {
    let Some(name) = key.strip_suffix("[]") else {
        args.insert(key.to_owned(), Value::String(value));
        return;
    };
    let list = args.entry(name).or_insert_with(|| Value::Array(Vec::new()));
    match list {
        Value::Array(list) => list.push(Value::String(value)),
        single => *single = Value::Array(vec![single.take(), Value::String(value)]),
    }
}

fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced)
        .decode_utf8_lossy()
        .into_owned()
}

/// The parts between `--boundary` lines, without the line break before each.
fn parts(boundary: &str, body: &Bytes) -> Vec<Bytes> {
    let first = format!("--{boundary}");
    let next = format!("\r\n--{boundary}");
    let Some((_, mut rest)) = split_at(body, first.as_bytes()) else {
        return Vec::new();
    };
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") && rest.starts_with(b"\r\n") {
        // The line break stays in front, so that an empty part still ends in one.
        let Some((part, after)) = split_at(&rest, next.as_bytes()) else {
            break;
        };
        if part.len() >= 2 {
            parts.push(part.slice(2..));
        }
        rest = after;
    }
    parts
}

fn split_at(bytes: &Bytes, separator: &[u8]) -> Option<(Bytes, Bytes)> {
    let at = bytes
        .windows(separator.len())
        .position(|window| window == separator)?;
    Some((bytes.slice(..at), bytes.slice(at + separator.len()..)))
}

fn head_line<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find_map(|(key, value)| key.trim().eq_ignore_ascii_case(name).then(|| value.trim()))
}

/// A `key=value` or `key="value"` parameter of a header.
fn parameter(text: &str, name: &str) -> Option<String> {
    text.split(';').find_map(|part| {
        let (key, value) = part.split_once('=')?;
        let value = value.trim();
        let value = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'))
            .unwrap_or(value);
        (key.trim().eq_ignore_ascii_case(name) && !value.is_empty()).then(|| value.to_owned())
    })
}
