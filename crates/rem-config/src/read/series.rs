use rem_time::Span;
use rem_yaml::{At, Located, Problems};

use crate::series::{Series, SeriesKind};

const KINDS: [(&str, SeriesKind); 4] = [
    ("GAUGE", SeriesKind::Gauge),
    ("COUNTER", SeriesKind::Counter),
    ("DERIVE", SeriesKind::Derive),
    ("ABSOLUTE", SeriesKind::Absolute),
];

pub(super) fn read(at: Option<At<'_>>, every: Span, problems: &mut Problems) -> Vec<Series> {
    let entries = at.and_then(|at| at.entries(problems)).unwrap_or_default();
    entries
        .into_iter()
        .filter_map(|(field, at)| one(&field, &at, every, problems))
        .collect()
}

fn one(field: &Located<&str>, at: &At<'_>, every: Span, problems: &mut Problems) -> Option<Series> {
    let mut map = at.map(problems)?;
    let kind = map.get("type").and_then(|at| at.one_of(&KINDS, problems));
    let unit = map.optional("unit", problems);
    let min: Option<f64> = map.optional("min", problems);
    let max: Option<f64> = map.optional("max", problems);
    let heartbeat: Option<Located<Span>> = map.optional("heartbeat", problems);
    map.finish(problems);
    if let (Some(min), Some(max)) = (min, max)
        && min >= max
    {
        let message = format!("min {min} is not below max {max}: every value would be unknown");
        problems.add(at.problem(message));
    }
    if let Some(heartbeat) = &heartbeat
        && heartbeat.value < every
    {
        let message = format!(
            "heartbeat {} is shorter than every {every}: every value would be unknown",
            heartbeat.value
        );
        problems.add(
            heartbeat
                .problem(message)
                .help(format!("write {every} or more")),
        );
    }
    Some(Series {
        field: field.value.to_owned(),
        kind,
        unit,
        min,
        max,
        heartbeat: heartbeat.map(|heartbeat| heartbeat.value),
    })
}
