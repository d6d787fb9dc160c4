use rem_alert::episode::{AfterClear, RefireOverrides};
use rem_time::Span;
use rem_yaml::{At, Located, Problems};

use crate::alert::{Alert, AlertSubject};
use crate::name::AlertName;

use super::owner::{self, at_least};
use super::written;

const SUBJECTS: [(&str, AlertSubject); 3] = [
    ("monitor", AlertSubject::Monitor),
    ("machine", AlertSubject::Machine),
    ("service", AlertSubject::Service),
];
const AFTER_CLEAR: [(&str, AfterClear); 3] = [
    ("page", AfterClear::Page),
    ("low", AfterClear::Low),
    ("stop", AfterClear::Stop),
];
const OVERRIDES: [(&str, RefireOverrides); 2] = [
    ("snooze", RefireOverrides::Snooze),
    ("any", RefireOverrides::Any),
];
const REPEAT_MIN: Span = Span::from_seconds(1);

pub(super) fn read(
    name: &Located<AlertName>,
    at: &At<'_>,
    problems: &mut Problems,
) -> Option<Alert> {
    let mut alert = Alert::unwritten(name.value.clone(), name.place.clone());
    if at.node().is_null() {
        return Some(alert);
    }
    let mut map = at.map(problems)?;
    if let Some(at) = map.get("title")
        && let Some(title) = super::check::text_to_find(&at, problems)
    {
        alert.title = title;
    }
    if let Some(at) = map.get("severity")
        && let Some(severity) = super::check::text_to_find(&at, problems)
    {
        alert.severity = severity;
    }
    if let Some(subject) = map.get("subject") {
        alert.subject = subject.one_of(&SUBJECTS, problems).unwrap_or_default();
    }
    alert.notes = map.optional("notes", problems);
    alert.owners = map.get("owners").map(|at| owner::read(Some(at), problems));
    let rules = &mut alert.rules;
    if let Some(at) = map.get("repeat") {
        rules.repeat = at_least(&at, REPEAT_MIN, problems).unwrap_or(rules.repeat);
    }
    rules.clear_delay = map.with_default("clear_delay", rules.clear_delay, problems);
    rules.settle = map.optional("settle", problems).or(rules.settle);
    rules.round_gap_max = map.with_default("gap_max", rules.round_gap_max, problems);
    rules.ack_max = map.optional("ack_max", problems);
    if let Some(at) = map.get("after_clear") {
        rules.after_clear = at.one_of(&AFTER_CLEAR, problems).unwrap_or_default();
    }
    if let Some(at) = map.get("refire_overrides") {
        rules.refire_overrides = at.one_of(&OVERRIDES, problems).unwrap_or_default();
    }
    map.finish(problems);
    alert.written = written(at);
    Some(alert)
}
