use rem_yaml::{At, MapReader, Problems, Value};

use crate::config::Interface;
use crate::status::StatusCodes;
use crate::template::{Becomes, Subject};

use super::check::{Look, filled};
use super::url;

pub(super) fn read(
    map: &mut MapReader<'_>,
    interfaces: &[Interface],
    problems: &mut Problems,
) -> Option<Look> {
    let url = match map.get("url") {
        Some(at) => filled(&at, interfaces, Becomes::Url, problems, url::check),
        None => {
            problems.add(
                map.missing("url")
                    .help("add `url: \"http://{machine.address}/\"`"),
            );
            None
        }
    };
    let method = match map.get("method") {
        Some(at) => method(&at, problems),
        None => Some("GET".to_owned()),
    };
    let headers = headers(map.get("headers"), interfaces, problems);
    let expect = match map.get("expect") {
        Some(at) => expect(&at, problems),
        None => Some((StatusCodes::success(), None)),
    };
    let follow_redirects = map.with_default("follow_redirects", true, problems);
    let (status, contains) = expect?;
    Some(Look::Http {
        url: url?,
        method: method?,
        headers,
        status,
        contains,
        follow_redirects,
    })
}

fn method(at: &At<'_>, problems: &mut Problems) -> Option<String> {
    at.parse_with(problems, |text| {
        match !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'-') {
            true => Ok(text.to_owned()),
            false => Err(format!("not an HTTP method such as GET: {text}")),
        }
    })
}

fn headers(
    at: Option<At<'_>>,
    interfaces: &[Interface],
    problems: &mut Problems,
) -> Vec<(String, rem_yaml::Located<crate::template::Template>)> {
    let entries = at.and_then(|at| at.entries(problems)).unwrap_or_default();
    let mut headers = Vec::new();
    for (name, at) in entries {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.value.is_empty() || !name.value.chars().all(is_token) {
            problems.add(name.problem(format!("not a header's name: {}", name.value)));
        }
        let value = filled(&at, interfaces, Becomes::Text, problems, |text| match text
            .contains(char::is_control)
        {
            true => Err("a header's value has no line breaks".into()),
            false => Ok(()),
        });
        headers.extend(value.map(|value| (name.value.to_owned(), value)));
    }
    headers
}

fn expect(at: &At<'_>, problems: &mut Problems) -> Option<(StatusCodes, Option<String>)> {
    let mut map = at.map(problems)?;
    let status = match map.get("status") {
        Some(at) => status(&at, problems),
        None => Some(StatusCodes::success()),
    };
    let body = map.get("body").and_then(|at| text_to_find(&at, problems));
    map.finish(problems);
    Some((status?, body))
}

/// Text that is not empty, because everything contains nothing.
pub(super) fn text_to_find(at: &At<'_>, problems: &mut Problems) -> Option<String> {
    let text = at.text(problems)?;
    if text.is_empty() {
        problems.add(at.problem("expected a text to look for, found an empty one"));
        return None;
    }
    Some(text.to_owned())
}

fn status(at: &At<'_>, problems: &mut Problems) -> Option<StatusCodes> {
    let items = match at.node().as_seq() {
        Some([]) => {
            problems.add(at.problem("no status is expected").help("write 200-299"));
            return None;
        }
        Some(_) => at.items(problems)?,
        None => vec![at.clone()],
    };
    let ranges: Vec<Option<(u16, u16)>> = items.iter().map(|at| range(at, problems)).collect();
    ranges
        .into_iter()
        .collect::<Option<_>>()
        .map(StatusCodes::new)
}

fn range(at: &At<'_>, problems: &mut Problems) -> Option<(u16, u16)> {
    let text = match &at.node().value {
        Value::Int(code) => code.to_string(),
        Value::Str(text) => text.clone(),
        _ => {
            problems.add(at.expected("a status code such as 200 or a range such as 200-299"));
            return None;
        }
    };
    match StatusCodes::range(&text) {
        Ok(range) => Some(range),
        Err(message) => {
            problems.add(at.problem(message));
            None
        }
    }
}

/// Tries a template on an example, so that what is wrong with every machine is said once.
pub(super) fn try_out(
    at: &At<'_>,
    template: &crate::template::Template,
    becomes: Becomes,
    problems: &mut Problems,
    check: impl FnOnce(&str) -> Result<(), String>,
) -> bool {
    let text = Subject::example(|subject| template.fill(subject, becomes));
    let Some(Ok(text)) = text else { return true };
    match check(&text) {
        Ok(()) => true,
        Err(message) => {
            problems.add(at.problem(message));
            false
        }
    }
}
