use std::collections::BTreeMap;

use rem_check::{Kind, Reading, Report, Unit};
use rem_config::{MonitorId, SeriesKind};
use rem_series::{Declaration, Field, Series, Store};
use rem_time::Span;

use crate::watched::State;

/// Fields that every monitor's own series has beside what it measures: how the
/// check went (see [`state_number`]) and how long it took, in seconds.
pub const STATE_FIELD: &str = "check.state";
/// See [`STATE_FIELD`].
pub const TOOK_FIELD: &str = "check.took";

/// The field of a state's own series.
pub(crate) const STATE_VALUE_FIELD: &str = "value";

/// Writes the reports of one monitor into series: one for the subject itself and
/// one for each group, created as they appear.
#[derive(Debug)]
pub(crate) struct Recorder {
    id: MonitorId,
    every: Span,
    refinements: Vec<rem_config::Series>,
    series: BTreeMap<Option<String>, Series>,
}

impl Recorder {
    pub(crate) fn new(id: MonitorId, every: Span, refinements: Vec<rem_config::Series>) -> Self {
        Self {
            id,
            every,
            refinements,
            series: BTreeMap::new(),
        }
    }

    /// Accepts every number of `report`; what cannot be accepted is logged with the
    /// name of the series, and the rest goes on.
    pub(crate) fn record(&mut self, store: &Store, report: &Report) {
        let mut groups: BTreeMap<Option<&str>, Vec<(&str, Option<f64>)>> = BTreeMap::new();
        let state = State::from(report.verdict);
        groups.insert(
            None,
            vec![
                (STATE_FIELD, state_number(state)),
                (TOOK_FIELD, Some(report.took.as_secs_f64())),
            ],
        );
        for reading in &report.readings {
            let group = groups.entry(reading.group.as_deref()).or_default();
            group.push((&reading.field, reading.value));
        }
        for (group, values) in groups {
            if !self.series.contains_key(&group.map(str::to_owned)) {
                self.open(store, group, &report.readings);
            }
            let Some(series) = self.series.get(&group.map(str::to_owned)) else {
                continue;
            };
            if let Err(error) = series.push(report.at, &values) {
                tracing::warn!(series = %series.name(), error = %chain(&error), "sample not stored");
            }
        }
    }

    fn open(&mut self, store: &Store, group: Option<&str>, readings: &[Reading]) {
        let name = series_name(&self.id, group);
        let opened = store.series(&name, self.every).and_then(|series| {
            store.declare(&name, self.every, &self.declaration(group, readings))?;
            Ok(series)
        });
        match opened {
            Ok(series) => {
                self.series.insert(group.map(str::to_owned), series);
            }
            Err(error) => tracing::warn!(series = name, error = %chain(&error), "no series"),
        }
    }

    /// What the readings themselves tell of their fields, refined by the file.
    fn declaration(&self, group: Option<&str>, readings: &[Reading]) -> Declaration {
        let of_group = readings
            .iter()
            .filter(|reading| reading.group.as_deref() == group);
        let mut fields: BTreeMap<String, Field> = of_group
            .map(|reading| (reading.field.clone(), field(reading)))
            .collect();
        for refined in &self.refinements {
            if let Some(field) = fields.get_mut(&refined.field) {
                refine(field, refined);
            }
        }
        Declaration {
            fields,
            ..Declaration::default()
        }
    }
}

fn field(reading: &Reading) -> Field {
    let kind = match reading.kind {
        Kind::Gauge => rem_series::Kind::Gauge,
        // A count that starts anew must not become a spike: DERIVE with a floor of
        // zero makes that round unknown, where COUNTER would assume an overflow.
        Kind::Counter => rem_series::Kind::Derive,
    };
    Field {
        kind,
        unit: (reading.unit != Unit::One).then(|| reading.unit.symbol().to_owned()),
        min: (reading.kind == Kind::Counter).then_some(0.0),
        ..Field::default()
    }
}

/// What the file says wins over what the reading tells.
fn refine(field: &mut Field, refined: &rem_config::Series) {
    if let Some(kind) = refined.kind {
        field.kind = match kind {
            SeriesKind::Gauge => rem_series::Kind::Gauge,
            SeriesKind::Counter => rem_series::Kind::Counter,
            SeriesKind::Derive => rem_series::Kind::Derive,
            SeriesKind::Absolute => rem_series::Kind::Absolute,
        };
        field.min = None;
    }
    field.unit = refined.unit.clone().or(field.unit.take());
    field.min = refined.min.or(field.min);
    field.max = refined.max.or(field.max);
    field.heartbeat = refined.heartbeat.or(field.heartbeat);
}

/// The name of the series that holds what a monitor measures of its subject itself
/// (`web-01/linux/cpu`), or of one of its groups (`web-01/linux/disk/%2Fvar`): as
/// in the id, a `/` or `%` within a name is escaped.
pub fn series_name(id: &MonitorId, group: Option<&str>) -> String {
    match group {
        None => id.as_str().to_owned(),
        Some(group) => format!("{id}/{}", group.replace('%', "%25").replace('/', "%2F")),
    }
}

/// The number that stands for a state in [`STATE_FIELD`]: 0 ok, 1 warning,
/// 2 critical; unknown where the check could not find out.
pub fn state_number(state: State) -> Option<f64> {
    match state {
        State::Ok => Some(0.0),
        State::Warning => Some(1.0),
        State::Critical => Some(2.0),
        State::Unknown | State::Pending => None,
    }
}

/// The state of that number; averages in between take the nearest.
pub fn state_of_number(number: Option<f64>) -> State {
    match number {
        None => State::Unknown,
        Some(n) if n < 0.5 => State::Ok,
        Some(n) if n < 1.5 => State::Warning,
        Some(_) => State::Critical,
    }
}

/// An error with all its sources on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
