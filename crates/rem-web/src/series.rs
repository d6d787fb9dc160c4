use std::collections::BTreeMap;
use std::fmt::Write;

use rem_monitor::{MonitorView, Overview, chain, series_name};
use rem_series::{Query, Rows, Store};
use rem_time::{Span, Timestamp};

use crate::look;
use crate::ranges::Range;

#[cfg(test)]
mod tests;

/// As many points as a graph is wide on a large screen.
const POINTS_MAX: usize = 400;

/// The names of all series that graphs of this page draw, each once, with the
/// fields that are drawn.
pub(crate) fn drawn(overview: &Overview) -> BTreeMap<String, Vec<String>> {
    let mut drawn: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for monitor in &overview.monitors {
        for (series, field) in lines(monitor) {
            let fields = drawn.entry(series).or_default();
            if !fields.contains(&field) {
                fields.push(field);
            }
        }
    }
    drawn
}

fn lines(monitor: &MonitorView) -> Vec<(String, String)> {
    let readings = monitor.last.as_ref().map_or(&[][..], |last| &last.readings);
    let graphs = look::graphs(monitor.kind, readings);
    let lines = graphs.iter().flat_map(|graph| &graph.lines);
    lines
        .map(|line| {
            (
                series_name(&monitor.id, line.group.as_deref()),
                line.field.clone(),
            )
        })
        .collect()
}

/// The rows of many series as the page's script wants them, in one JSON text:
/// `{"range":"1h","series":{NAME:{"start":S,"step":S,"fields":{FIELD:[…]}}}}`.
/// Times are in seconds; what is unknown is null; a series that cannot be read is
/// logged and left out.
pub(crate) fn json(
    store: &Store,
    drawn: &BTreeMap<String, Vec<String>>,
    range: Range,
    now: Timestamp,
) -> String {
    let query = Query::new(now - range.span(), now).points(POINTS_MAX);
    let queries: Vec<(&str, Query)> = drawn
        .keys()
        .map(|name| (name.as_str(), query.clone()))
        .collect();
    let mut text = String::with_capacity(queries.len() * 8_192);
    let _ = write!(text, "{{\"range\":\"{}\",\"series\":{{", range.key());
    let mut first = true;
    for ((name, _), rows) in queries.iter().zip(store.fetch_many(&queries)) {
        let rows = match rows {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(series = name, error = chain(&error), "series left out");
                continue;
            }
        };
        if !first {
            text.push(',');
        }
        first = false;
        write_series(&mut text, name, &drawn[*name], &rows);
    }
    text.push_str("}}");
    text
}

fn write_series(text: &mut String, name: &str, fields: &[String], rows: &Rows) {
    write_text(text, name);
    let (start, step) = (rows.start.as_seconds(), rows.step.as_secs_f64());
    let _ = write!(text, ":{{\"start\":{start},\"step\":{step},\"fields\":{{");
    for (at, field) in fields.iter().enumerate() {
        let Some(column) = rows.fields.iter().position(|known| known == field) else {
            continue;
        };
        if at > 0 && !text.ends_with('{') {
            text.push(',');
        }
        write_text(text, field);
        text.push_str(":[");
        for row in 0..rows.len() {
            if row > 0 {
                text.push(',');
            }
            write_number(text, rows.values[row * rows.fields.len() + column]);
        }
        text.push(']');
    }
    text.push_str("}}");
}

/// Five significant digits are more than a graph can show.
fn write_number(text: &mut String, value: f64) {
    if !value.is_finite() {
        text.push_str("null");
        return;
    }
    if value == 0.0 {
        text.push('0');
        return;
    }
    let magnitude = value.abs().log10().floor() as i32;
    if !(-6..15).contains(&magnitude) {
        let _ = write!(text, "{value:.4e}");
        return;
    }
    let decimals = usize::try_from(4 - magnitude).unwrap_or(0);
    let _ = write!(text, "{value:.decimals$}");
    if decimals > 0 {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
}

fn write_text(text: &mut String, plain: &str) {
    // A string can always be written as JSON.
    text.push_str(&serde_json::to_string(plain).unwrap_or_default());
}

/// The window that a picture of a range shows.
pub(crate) fn window(range: Range, now: Timestamp) -> (Timestamp, Timestamp) {
    let minute = 60_000_000_000_u64;
    // Whole minutes, so that pictures of the same minute are the same.
    let into = now.as_nanos().rem_euclid(minute.cast_signed());
    let end = now - Span::from_nanos(into.unsigned_abs());
    (end - range.span(), end)
}
