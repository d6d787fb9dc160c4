use std::sync::Arc;

use rem_alert::level::StateValue;
use rem_time::Span;
use rem_yaml::{At, Place, Problems, Value};

use super::EXPECTATIONS_MAX;

/// One expectation.
pub(in super::super) struct Expected {
    pub(in super::super) place: Place,
    pub(in super::super) at: Span,
    pub(in super::super) what: What,
    pub(in super::super) because: Option<String>,
}

/// What is expected.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum What {
    /// An alert, of a part or of any, is on or off.
    Alert(Arc<str>, Option<Arc<str>>, bool),
    /// A state has a value, or is not known.
    State(Arc<str>, Option<StateValue>),
    /// A job starts.
    Job(Arc<str>),
}

pub(super) fn expectations(at: &At<'_>, problems: &mut Problems) -> Option<(Vec<Expected>, bool)> {
    let mut expected = Vec::new();
    let mut nothing_else = false;
    let items = at.items(problems)?;
    if EXPECTATIONS_MAX < items.len() {
        let message = format!(
            "{} lines, at most {EXPECTATIONS_MAX} are allowed",
            items.len()
        );
        problems.add(at.problem(message));
        return None;
    }
    for item in items {
        if item.node().as_str() == Some("nothing else") {
            nothing_else = true;
            continue;
        }
        expected.extend(expectation(&item, problems));
    }
    if expected.is_empty() && !nothing_else {
        let problem = at.problem("nothing is expected");
        problems.add(problem.help(FORM));
    }
    Some((expected, nothing_else))
}

fn expectation(at: &At<'_>, problems: &mut Problems) -> Option<Expected> {
    let Value::Map(_) = at.node().value else {
        problems.add(at.problem("not an expectation").help(FORM));
        return None;
    };
    let mut line = None;
    let mut because = None;
    for (key, value) in at.entries(problems)? {
        if key.value == "because" {
            because = value.text(problems).map(ToOwned::to_owned);
            continue;
        }
        let span = key
            .value
            .strip_prefix("at ")
            .map(str::trim)
            .map(str::parse::<Span>);
        let Some(Ok(span)) = span else {
            let problem = key.problem(format!("not an instant such as `at 7m`: {}", key.value));
            problems.add(problem.help(FORM));
            return None;
        };
        let text = value.text(problems)?;
        let Some(what) = what(text) else {
            let problem = value.problem(format!("not an expectation: {text}"));
            problems.add(problem.help(FORM));
            return None;
        };
        line = Some((key.place.clone(), span, what));
    }
    let Some((place, at, what)) = line else {
        problems.add(at.problem("no instant").help(FORM));
        return None;
    };
    Some(Expected {
        place,
        at,
        what,
        because,
    })
}

fn what(text: &str) -> Option<What> {
    let (kind, rest) = text.trim().split_once(' ')?;
    let rest = rest.trim();
    match kind {
        "alert" => {
            let (name, on) = match rest.strip_suffix(" is on") {
                Some(name) => (name, true),
                None => (rest.strip_suffix(" is off")?, false),
            };
            let (name, part) = match name.split_once(" of ") {
                Some((name, part)) => (name, Some(Arc::from(part.trim()))),
                None => (name, None),
            };
            Some(What::Alert(name.trim().into(), part, on))
        }
        "state" => {
            let (name, value) = rest.split_once('=')?;
            let value = value.trim();
            let value = match (value, value.parse::<f64>()) {
                ("unknown", _) => None,
                (_, Ok(number)) => Some(StateValue::Number(number)),
                (text, Err(_)) => Some(StateValue::from(text.trim_matches('"'))),
            };
            Some(What::State(name.trim().into(), value))
        }
        "job" => Some(What::Job(rest.strip_suffix(" starts")?.trim().into())),
        _ => None,
    }
}

const FORM: &str = "write `- at 7m: alert disk-full is on`, `- at 7m: state busy = 1`, \
                    `- at 7m: job restart starts` or `- nothing else`";
