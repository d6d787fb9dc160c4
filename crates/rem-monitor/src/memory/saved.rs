//! What levels remember, as it is written down.

use std::sync::Arc;

use rem_alert::level::{
    GroupState, SavedGroup, SavedLevel, SavedSeries, SavedState, SavedWindow, Subject, Truth,
};
use rem_time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// The levels of one monitor: those of each part that has anything to remember.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Levels(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Part {
    name: Option<String>,
    whole: bool,
    last: Option<i64>,
    sampled: Option<i64>,
    stood: u64,
    levels: Vec<Level>,
    groups: Vec<(String, i8, Option<i64>)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    series: Vec<Series>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Level {
    fingerprint: u64,
    active: bool,
    looked: bool,
    newest: i8,
    standing: Option<bool>,
    when: Window,
    clear: Window,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Window {
    None,
    Samples(Vec<bool>),
    Held(u64, bool),
    Times(Vec<(u64, u64)>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Series {
    state: bool,
    name: String,
    points: Vec<(i64, Option<f64>)>,
}

type Saved = (Option<Arc<str>>, bool, SavedState);

impl Levels {
    pub(crate) fn write(saved: &[Saved]) -> Self {
        Self(saved.iter().map(Part::write).collect())
    }

    pub(crate) fn read(&self) -> Vec<Saved> {
        self.0.iter().map(Part::read).collect()
    }
}

impl Part {
    fn write((name, whole, state): &Saved) -> Self {
        let levels = state.levels.iter().map(|level| Level {
            fingerprint: level.fingerprint,
            active: level.active,
            looked: level.looked,
            newest: write_truth(level.newest),
            standing: level.standing,
            when: Window::write(&level.when),
            clear: Window::write(&level.clear),
        });
        let groups = state.groups.iter().map(|group| {
            let since = group.state.since.map(Timestamp::as_nanos);
            (
                group.name.to_string(),
                write_truth(group.state.truth),
                since,
            )
        });
        let series = state.series.iter().map(|series| {
            let (state, name) = match &series.subject {
                Subject::Field(name) => (false, name),
                Subject::State(name) => (true, name),
            };
            let points = series.points.iter();
            Series {
                state,
                name: name.to_string(),
                points: points.map(|(at, value)| (at.as_nanos(), *value)).collect(),
            }
        });
        Self {
            name: name.as_ref().map(ToString::to_string),
            whole: *whole,
            last: state.last.map(Timestamp::as_nanos),
            sampled: state.sampled.map(Timestamp::as_nanos),
            stood: state.stood.as_nanos(),
            levels: levels.collect(),
            groups: groups.collect(),
            series: series.collect(),
        }
    }

    fn read(&self) -> Saved {
        let levels = self.levels.iter().map(|level| SavedLevel {
            fingerprint: level.fingerprint,
            active: level.active,
            looked: level.looked,
            newest: read_truth(level.newest),
            standing: level.standing,
            when: level.when.read(),
            clear: level.clear.read(),
        });
        let groups = self.groups.iter().map(|(name, truth, since)| SavedGroup {
            name: name.as_str().into(),
            state: GroupState {
                truth: read_truth(*truth),
                since: since.map(Timestamp::from_nanos),
            },
        });
        let series = self.series.iter().map(|series| {
            let name = series.name.as_str().into();
            let points = series.points.iter();
            SavedSeries {
                subject: if series.state {
                    Subject::State(name)
                } else {
                    Subject::Field(name)
                },
                points: points
                    .map(|(at, value)| (Timestamp::from_nanos(*at), *value))
                    .collect(),
            }
        });
        let state = SavedState {
            last: self.last.map(Timestamp::from_nanos),
            sampled: self.sampled.map(Timestamp::from_nanos),
            stood: Span::from_nanos(self.stood),
            levels: levels.collect(),
            groups: groups.collect(),
            series: series.collect(),
        };
        (self.name.as_deref().map(Arc::from), self.whole, state)
    }
}

impl Window {
    fn write(window: &SavedWindow) -> Self {
        match window {
            SavedWindow::None => Self::None,
            SavedWindow::Samples(samples) => Self::Samples(samples.clone()),
            SavedWindow::Held { span, on } => Self::Held(span.as_nanos(), *on),
            SavedWindow::Times(times) => {
                let nanos = times.iter();
                Self::Times(
                    nanos
                        .map(|(from, to)| (from.as_nanos(), to.as_nanos()))
                        .collect(),
                )
            }
        }
    }

    fn read(&self) -> SavedWindow {
        match self {
            Self::None => SavedWindow::None,
            Self::Samples(samples) => SavedWindow::Samples(samples.clone()),
            Self::Held(nanos, on) => SavedWindow::Held {
                span: Span::from_nanos(*nanos),
                on: *on,
            },
            Self::Times(times) => {
                let spans = times.iter();
                SavedWindow::Times(
                    spans
                        .map(|(from, to)| (Span::from_nanos(*from), Span::from_nanos(*to)))
                        .collect(),
                )
            }
        }
    }
}

fn write_truth(truth: Truth) -> i8 {
    match truth {
        Truth::False => 0,
        Truth::Unknown => -1,
        Truth::True => 1,
    }
}

fn read_truth(number: i8) -> Truth {
    match number {
        0 => Truth::False,
        1 => Truth::True,
        _ => Truth::Unknown,
    }
}
