use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use procblock::{Collect, CollectGraph, FieldKind, GraphMethod, Sample, Sink, Target};
use rem_series::{Declaration, Field, Graph, Kind, Line, Method, RrdFile};
use rem_time::{Span, Timestamp};

/// What a picture shows that does not say, in steps of its series: 10 minutes
/// at 5 seconds, 2 hours at a minute.
const PERIOD_STEPS: u64 = 120;

/// Keeps the samples of `timeseries collect` in RRD files and draws their
/// pictures: a [`Sink`] for [`procblock::EngineOptions::sink`].
///
/// A file is made with its first sample. A picture is drawn at most once in its
/// `interval`, and whoever looks at it meanwhile sees the old or the new one. What
/// cannot be written is told to the block's listener with the file's name.
#[derive(Debug)]
pub struct Collector {
    /// Where series without a path of their own are kept.
    folder: PathBuf,
    files: Mutex<HashMap<PathBuf, Kept>>,
}

#[derive(Debug)]
struct Kept {
    file: RrdFile,
    drawn: HashMap<PathBuf, Timestamp>,
}

impl Collector {
    /// A collector that keeps series without a path of their own in `folder`, which
    /// is made when the first of them comes. Paths that a block names are relative
    /// to the directory of its chain.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            files: Mutex::default(),
        }
    }

    fn path(&self, sample: &Sample<'_>) -> PathBuf {
        let path = match &sample.collect.target {
            Target::File(path) => sample.cwd.join(path),
            Target::Group(group) => self.folder.join(format!("{}.rrd", file_name(group))),
        };
        match sample.series {
            None => path,
            Some(series) => {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                path.with_file_name(format!("{stem}.{}.rrd", file_name(series)))
            }
        }
    }

    fn store(&self, sample: &Sample<'_>) -> Result<(), rem_series::Error> {
        let path = self.path(sample);
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = match files.get_mut(&path) {
            Some(kept) => kept,
            None => {
                let declared = declaration(sample.collect);
                let file = RrdFile::open_or_create(&path, sample.collect.interval, &declared)?;
                let drawn = HashMap::new();
                files.entry(path).or_insert(Kept { file, drawn })
            }
        };
        kept.file.push(sample.at, &sample.values)?;
        for graph in &sample.collect.graphs {
            kept.draw(graph, sample)?;
        }
        Ok(())
    }
}

impl Sink for Collector {
    fn collect(&self, sample: &Sample<'_>) -> Result<(), String> {
        self.store(sample).map_err(|error| {
            let mut text = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(error) = source {
                text = format!("{text}: {error}");
                source = error.source();
            }
            text
        })
    }
}

impl Kept {
    /// Draws a picture, at most once in its interval.
    fn draw(&mut self, graph: &CollectGraph, sample: &Sample<'_>) -> Result<(), rem_series::Error> {
        let path = sample.cwd.join(&graph.path);
        let due = self
            .drawn
            .get(&path)
            .is_none_or(|drawn| sample.at < *drawn || sample.at.since(*drawn) >= graph.interval);
        if !due {
            return Ok(());
        }
        let start = sample.at
            - graph
                .period
                .unwrap_or(default_period(sample.collect.interval));
        let mut picture = Graph::new(start, sample.at)
            .title(graph.title.as_deref().unwrap_or_default())
            .vertical_label(graph.vertical_label.as_deref().unwrap_or_default());
        let all: Vec<String> = sample
            .collect
            .fields
            .iter()
            .map(|f| f.name.clone())
            .collect();
        let drawn = if graph.fields.is_empty() {
            &all
        } else {
            &graph.fields
        };
        for field in drawn {
            let method = match graph.method {
                GraphMethod::Stack => Method::Stack,
                GraphMethod::Line => Method::Line,
                GraphMethod::Area => Method::Area,
            };
            picture = picture.line(Line::new("", field).method(method));
        }
        let image = self.file.graph(&picture)?;
        write_whole(&path, &image).map_err(|source| rem_series::Error::Io {
            doing: "write",
            path: path.clone(),
            source,
        })?;
        self.drawn.insert(path, sample.at);
        Ok(())
    }
}

fn declaration(collect: &Collect) -> Declaration {
    let fields = collect.fields.iter();
    fields.fold(Declaration::default(), |declaration, field| {
        let kind = match field.kind {
            FieldKind::Gauge => Kind::Gauge,
            FieldKind::Counter => Kind::Counter,
            FieldKind::Derive => Kind::Derive,
            FieldKind::Absolute => Kind::Absolute,
        };
        let mut kept = Field::of(kind);
        (kept.min, kept.max) = (field.min, field.max);
        kept.heartbeat = field.heartbeat;
        declaration.field(&field.name, kept)
    })
}

fn default_period(step: Span) -> Span {
    Span::from_nanos(step.as_nanos().saturating_mul(PERIOD_STEPS))
}

/// Whoever looks at the picture meanwhile sees the old or the new one.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension("new");
    fs::write(&temporary, bytes)?;
    fs::rename(&temporary, path)
}

/// A name as that of a file.
fn file_name(name: &str) -> String {
    name.replace('/', "SLASH")
}
