use std::path::{Path as FilePath, PathBuf};

use rem_time::{Span, Timestamp};
use serde_json::{Map, Value};

use crate::engine::Engine;
use crate::event::Event;
use crate::path::{Path, Scope};

/// A `timeseries collect`: which fields of a result are kept as a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Collect {
    /// Where the series is kept.
    pub target: Target,
    /// The step of the series.
    pub interval: Span,
    /// The fields, in the order of the file.
    pub fields: Vec<CollectField>,
    /// Pictures to draw from them.
    pub graphs: Vec<CollectGraph>,
    /// Where the output holds one map for each disk, interface and so on: the
    /// path to the map of these maps. Each of them is a series of its own.
    pub per: Option<Path>,
}

/// Where a series is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A file, relative to the directory of the chain.
    File(PathBuf),
    /// A name that the sink knows.
    Group(String),
}

/// One column of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct CollectField {
    /// Its name in the series.
    pub name: String,
    /// Where the value is found in the output.
    pub from: Path,
    /// How values become a rate.
    pub kind: FieldKind,
    /// Longest silence before the value counts as unknown; the sink has a default.
    pub heartbeat: Option<Span>,
    /// Values below are unknown.
    pub min: Option<f64>,
    /// Values above are unknown.
    pub max: Option<f64>,
}

/// How values become a rate, in the words of RRD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldKind {
    /// The value as it is.
    #[default]
    Gauge,
    /// A rising counter that wraps.
    Counter,
    /// The difference to the last value, also falling.
    Derive,
    /// A counter that is zero after each reading.
    Absolute,
}

/// A picture of some fields.
#[derive(Clone, Debug, PartialEq)]
pub struct CollectGraph {
    /// The file to draw, relative to the directory of the chain.
    pub path: PathBuf,
    /// Above the picture.
    pub title: Option<String>,
    /// What is drawn; all fields where it is empty.
    pub fields: Vec<String>,
    /// How it is drawn.
    pub method: GraphMethod,
    /// It is drawn again at most this often.
    pub interval: Span,
    /// Beside the picture.
    pub vertical_label: Option<String>,
    /// How much time the picture shows; the sink has a default.
    pub period: Option<Span>,
}

/// How the fields of a graph are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GraphMethod {
    /// Areas on top of each other.
    #[default]
    Stack,
    /// A line each.
    Line,
    /// An area each.
    Area,
}

/// One set of values on its way to a [`Sink`].
#[derive(Clone, Debug, PartialEq)]
pub struct Sample<'a> {
    /// What is collected.
    pub collect: &'a Collect,
    /// The disk, interface, … of [`Collect::per`].
    pub series: Option<&'a str>,
    /// When the run started.
    pub at: Timestamp,
    /// A value for each field, `None` where the output had no number.
    pub values: Vec<(&'a str, Option<f64>)>,
    /// The directory of the chain: relative files are meant from here.
    pub cwd: &'a FilePath,
}

/// Takes the samples of `timeseries collect`. This crate knows no storage: a
/// program plugs one in. It is called on a thread of the runtime: one that
/// takes long hands the sample on.
pub trait Sink: Send + Sync {
    /// Stores one sample.
    ///
    /// # Errors
    /// Why it could not; the engine reports it and the run goes on.
    fn collect(&self, sample: &Sample<'_>) -> Result<(), String>;
}

impl Sample<'_> {
    /// The file or group as text, with its series.
    pub fn target(&self) -> String {
        let target = match &self.collect.target {
            Target::File(path) => path.display().to_string(),
            Target::Group(group) => group.clone(),
        };
        match self.series {
            Some(series) => format!("{target}/{series}"),
            None => target,
        }
    }
}

impl Collect {
    /// The samples that an output holds: one, or one for each map under
    /// [`Collect::per`].
    pub(crate) fn samples<'a>(
        &'a self,
        output: &'a Map<String, Value>,
        at: Timestamp,
        cwd: &'a FilePath,
    ) -> Vec<Sample<'a>> {
        let sample = |series, map| Sample {
            collect: self,
            series,
            at,
            values: self
                .fields
                .iter()
                .map(|field| (field.name.as_str(), number_at(map, &field.from)))
                .collect(),
            cwd,
        };
        let Some(per) = &self.per else {
            return vec![sample(None, output)];
        };
        let Some(Value::Object(maps)) = Scope::of(output).find(per) else {
            return Vec::new();
        };
        maps.iter()
            .filter_map(|(series, map)| Some(sample(Some(series.as_str()), map.as_object()?)))
            .collect()
    }
}

/// Gives the samples of an output to the sink and tells what became of them.
pub(crate) fn hand_over(
    engine: &Engine,
    collects: &[Collect],
    output: &Map<String, Value>,
    at: Timestamp,
    cwd: &FilePath,
) {
    let Some(sink) = &engine.inner().options.sink else {
        return;
    };
    for collect in collects {
        for sample in collect.samples(output, at, cwd) {
            let target = sample.target();
            let event = match sink.collect(&sample) {
                Ok(()) => Event::SampleStored {
                    target,
                    at,
                    values: sample
                        .values
                        .iter()
                        .map(|(name, value)| ((*name).to_owned(), *value))
                        .collect(),
                },
                Err(error) => Event::SampleRefused { target, error },
            };
            engine.tell(&event);
        }
    }
}

/// Numbers, and texts that are numbers (programs print text).
fn number_at(map: &Map<String, Value>, path: &Path) -> Option<f64> {
    let number = match Scope::of(map).find(path)? {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        Value::Bool(flag) => f64::from(u8::from(*flag)),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    number.is_finite().then_some(number)
}
