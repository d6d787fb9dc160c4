use rem_monitor::{MonitorView, Reading, Scope, SeenBy, State, Unit, series_name};
use rem_time::{Span, Timestamp};
use serde::Serialize;

use crate::format::{percent_encoded, quantity};
use crate::graph::GraphView;
use crate::look;
use crate::ranges::Range;

/// One monitor.
#[derive(Debug, Serialize)]
pub(crate) struct Card {
    pub(crate) id: String,
    pub(crate) slug: String,
    /// Where all of it is shown.
    pub(crate) href: String,
    pub(crate) machine: String,
    pub(crate) title: String,
    pub(crate) kind: &'static str,
    pub(crate) every: String,
    pub(crate) state: &'static str,
    pub(crate) word: &'static str,
    pub(crate) message: String,
    pub(crate) seen_by: SeenByJson,
    pub(crate) at: Option<f64>,
    pub(crate) since: Option<f64>,
    pub(crate) ago: String,
    pub(crate) rounds_missed: u64,
    /// Changes when a value or a graph appears or goes, so that an open page knows.
    pub(crate) layout: String,
    pub(crate) rows: Vec<Row>,
    pub(crate) readings: Vec<Value>,
    pub(crate) beats: Vec<Beat>,
    pub(crate) beats_said: String,
    pub(crate) graphs: Vec<GraphView>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) group: Option<String>,
    pub(crate) cells: Vec<Cell>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Cell {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) text: String,
    /// The value where it is a share, for a meter.
    pub(crate) percent: Option<f64>,
}

/// One measured number, as a program wants it.
#[derive(Debug, Serialize)]
pub(crate) struct Value {
    pub(crate) group: Option<String>,
    pub(crate) field: String,
    pub(crate) value: Option<f64>,
    pub(crate) unit: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Beat {
    pub(crate) state: &'static str,
    pub(crate) title: String,
}

/// Who found a result.
#[derive(Debug, Serialize)]
pub(crate) struct SeenByJson {
    /// The observer, or whoever pushed it; null for the monitor's own host.
    pub(crate) observer: Option<String>,
    /// `local`, `near` or `far`; null where nobody looked from anywhere.
    pub(crate) scope: Option<&'static str>,
    /// Both in words.
    pub(crate) said: String,
}

impl From<&SeenBy> for SeenByJson {
    fn from(by: &SeenBy) -> Self {
        Self {
            observer: by.name().map(str::to_owned),
            scope: by.scope().map(Scope::as_str),
            said: by.to_string(),
        }
    }
}

/// One check, as an open page takes it in.
#[derive(Debug, Serialize)]
pub(crate) struct Seen {
    pub(crate) card: String,
    pub(crate) id: String,
    pub(crate) verdict: &'static str,
    pub(crate) layout: String,
    pub(crate) at: f64,
    pub(crate) since: f64,
    pub(crate) message: String,
    pub(crate) seen_by: SeenByJson,
    pub(crate) values: Vec<Cell>,
    pub(crate) samples: Vec<Sample>,
}

/// The new numbers of one series.
#[derive(Debug, Serialize)]
pub(crate) struct Sample {
    pub(crate) series: String,
    pub(crate) fields: serde_json::Map<String, serde_json::Value>,
}

impl Card {
    pub(crate) fn new(monitor: &MonitorView, range: Range, now: Timestamp) -> Self {
        let readings = monitor.last.as_ref().map_or(&[][..], |last| &last.readings);
        let graphs = look::graphs(monitor.kind, readings);
        let at = monitor.last.as_ref().map(|last| last.at);
        Self {
            id: monitor.id.to_string(),
            slug: slug(monitor),
            href: format!(
                "/system_monitor/one?id={}",
                percent_encoded(monitor.id.as_str())
            ),
            machine: monitor.machine.clone(),
            title: monitor.title.clone(),
            kind: monitor.kind,
            every: monitor.every.to_string(),
            state: monitor.state.word(),
            word: word(monitor.state),
            message: message(monitor),
            seen_by: SeenByJson::from(&monitor.by),
            at: at.map(Timestamp::as_secs_f64),
            since: monitor.since.map(Timestamp::as_secs_f64),
            ago: at.map_or_else(|| "not yet".into(), |at| ago(now.since(at))),
            rounds_missed: monitor.rounds_missed,
            layout: layout(monitor.kind, readings),
            rows: rows(monitor, readings),
            readings: readings.iter().map(Value::new).collect(),
            beats: beats(monitor),
            beats_said: beats_said(monitor),
            graphs: graphs
                .iter()
                .map(|graph| GraphView::new(monitor, graph, range))
                .collect(),
        }
    }
}

impl Seen {
    /// What the last check of `monitor` changes on an open page; `None` before the first.
    pub(crate) fn new(monitor: &MonitorView) -> Option<Self> {
        let last = monitor.last.as_ref()?;
        let mut samples: Vec<Sample> = Vec::new();
        for reading in &last.readings {
            let series = series_name(&monitor.id, reading.group.as_deref());
            let at = samples.iter().position(|sample| sample.series == series);
            let at = at.unwrap_or_else(|| {
                samples.push(Sample {
                    series,
                    fields: serde_json::Map::new(),
                });
                samples.len() - 1
            });
            samples[at]
                .fields
                .insert(reading.field.clone(), reading.value.into());
        }
        Some(Self {
            card: slug(monitor),
            id: monitor.id.to_string(),
            verdict: monitor.state.word(),
            layout: layout(monitor.kind, &last.readings),
            at: last.at.as_secs_f64(),
            since: monitor.since.unwrap_or(last.at).as_secs_f64(),
            message: message(monitor),
            seen_by: SeenByJson::from(&monitor.by),
            values: rows(monitor, &last.readings)
                .into_iter()
                .flat_map(|row| row.cells)
                .collect(),
            samples,
        })
    }
}

impl Value {
    fn new(reading: &Reading) -> Self {
        Self {
            group: reading.group.clone(),
            field: reading.field.clone(),
            value: reading.value,
            unit: reading.unit.symbol().to_owned(),
        }
    }
}

fn rows(monitor: &MonitorView, readings: &[Reading]) -> Vec<Row> {
    let cell = |(reading, label): (&Reading, String)| Cell {
        id: format!(
            "v-{}",
            short_hash(&[
                &series_name(&monitor.id, reading.group.as_deref()),
                &reading.field
            ])
        ),
        label,
        text: quantity(reading.value, &reading.unit),
        percent: reading.value.filter(|_| reading.unit == Unit::Percent),
    };
    let rows = look::rows(monitor.kind, readings).into_iter();
    rows.map(|row| Row {
        group: row.group.map(str::to_owned),
        cells: row.values.into_iter().map(cell).collect(),
    })
    .collect()
}

fn beats(monitor: &MonitorView) -> Vec<Beat> {
    let beat = |beat: &rem_monitor::Beat| Beat {
        state: beat.state.word(),
        title: {
            let by = match beat.by.to_string() {
                by if by.is_empty() => by,
                by => format!(", seen by {by}"),
            };
            match beat.message.as_str() {
                "" => format!("{} at {}{by}", word(beat.state), beat.at),
                message => format!("{} at {}{by}: {message}", word(beat.state), beat.at),
            }
        },
    };
    monitor.beats.iter().map(beat).collect()
}

/// The bar in words: "38 OK, 2 Critical".
fn beats_said(monitor: &MonitorView) -> String {
    let said = |state: &State| {
        let number = monitor
            .beats
            .iter()
            .filter(|beat| beat.state == *state)
            .count();
        (number > 0).then(|| format!("{number} {}", word(*state)))
    };
    let said: Vec<String> = State::URGENT_FIRST.iter().rev().filter_map(said).collect();
    if said.is_empty() {
        "none yet".into()
    } else {
        said.join(", ")
    }
}

pub(crate) fn message(monitor: &MonitorView) -> String {
    match &monitor.last {
        Some(last) if !last.message.is_empty() => last.message.clone(),
        Some(_) => "no message".into(),
        None => "not checked since the start of the monitor".into(),
    }
}

/// The state's word for people.
pub(crate) fn word(state: State) -> &'static str {
    match state {
        State::Pending => "Waiting",
        State::Ok => "OK",
        State::Warning => "Warning",
        State::Unknown => "Unknown",
        State::Critical => "Critical",
    }
}

fn ago(passed: Span) -> String {
    match passed.as_seconds() {
        0..2 => "just now".into(),
        seconds @ 2..120 => format!("{seconds} s ago"),
        seconds @ 120..7_200 => format!("{} min ago", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h ago", seconds / 3_600),
        seconds => format!("{} d ago", seconds / 86_400),
    }
}

pub(crate) fn slug(monitor: &MonitorView) -> String {
    format!("m-{}", short_hash(&[&monitor.id.to_string()]))
}

fn layout(kind: &str, readings: &[Reading]) -> String {
    let mut parts = vec![kind];
    for reading in readings {
        parts.extend([reading.group.as_deref().unwrap_or(""), &reading.field]);
    }
    short_hash(&parts)
}

/// Names may hold any character; ids in a page may not.
fn short_hash(parts: &[&str]) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in part.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}
