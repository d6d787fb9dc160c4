use std::ffi::CString;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use rem_time::Timestamp;

use crate::librrd;
use crate::rrd_file::RrdFile;
use crate::series::Entry;
use crate::{Consolidation, Error, Result, Store};

#[cfg(test)]
mod tests;

/// The longest text in a graph (bytes); the rest is left out, since librrd would cut it in
/// the middle of a character.
const TEXT_MAX: usize = 150;
/// Sides of an image are kept within these (pixels).
const SIDE: std::ops::RangeInclusive<u32> = 10..=4000;
/// Colours of lines, in turn.
const LINE_COLOURS: [&str; 5] = ["CA442A", "CC7D28", "CCB728", "9B9B9B", "7B7B7B"];
/// Colours of the areas below them.
const AREA_COLOURS: [&str; 5] = ["EA644A", "EC9D48", "ECD748", "BBBBBB", "ABABAB"];

/// A picture of fields over time.
///
/// Texts are shown as they are: nothing in them is a command to the drawing library.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// Above the picture.
    pub title: String,
    /// Beside the picture, turned.
    pub vertical_label: String,
    /// What is drawn, in this order.
    pub lines: Vec<Line>,
    /// From here on.
    pub start: Timestamp,
    /// Up to here.
    pub end: Timestamp,
    /// Of the drawing area, in pixels.
    pub width: u32,
    /// Of the drawing area, in pixels.
    pub height: u32,
    /// What kind of image.
    pub format: ImageFormat,
}

/// One field in a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The series; a graph of an [`RrdFile`] does not look at it.
    pub series: String,
    /// The field.
    pub field: String,
    /// What is written for it; the name of the field where it is `None`.
    pub label: Option<String>,
    /// How it is drawn.
    pub method: Method,
    /// Its colour; one of five in turn where it is `None`.
    pub colour: Option<Colour>,
    /// How values become pixels.
    pub consolidation: Consolidation,
}

/// How a field is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// An area with a line, on top of the stacked fields before.
    #[default]
    Stack,
    /// An area from zero.
    Area,
    /// A line.
    Line,
}

/// The kind of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImageFormat {
    /// Pixels.
    #[default]
    Png,
    /// Shapes.
    Svg,
}

/// A colour, `#RRGGBB` or `#RRGGBBAA`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Colour(String);

impl FromStr for Colour {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let digits = text.strip_prefix('#').unwrap_or(text);
        let good = matches!(digits.len(), 6 | 8) && digits.bytes().all(|b| b.is_ascii_hexdigit());
        match good {
            true => Ok(Self(digits.to_ascii_uppercase())),
            false => Err(Error::Declaration {
                what: format!("not a colour such as #CA442A: {text}"),
            }),
        }
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl FromStr for Method {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.to_ascii_uppercase().as_str() {
            "STACK" => Ok(Self::Stack),
            "AREA" => Ok(Self::Area),
            "LINE" => Ok(Self::Line),
            _ => Err(Error::Declaration {
                what: format!("unknown method, use STACK, AREA or LINE: {text}"),
            }),
        }
    }
}

impl Graph {
    /// An empty graph of 400 × 100 pixels.
    pub fn new(start: Timestamp, end: Timestamp) -> Self {
        Self {
            title: String::new(),
            vertical_label: String::new(),
            lines: Vec::new(),
            start,
            end,
            width: 400,
            height: 100,
            format: ImageFormat::Png,
        }
    }

    /// The same with a title.
    #[must_use]
    pub fn title(mut self, title: &str) -> Self {
        self.title = title.into();
        self
    }

    /// The same with a vertical label.
    #[must_use]
    pub fn vertical_label(mut self, label: &str) -> Self {
        self.vertical_label = label.into();
        self
    }

    /// The same with one more line.
    #[must_use]
    pub fn line(mut self, line: Line) -> Self {
        self.lines.push(line);
        self
    }

    /// The same as another kind of image.
    #[must_use]
    pub const fn format(mut self, format: ImageFormat) -> Self {
        self.format = format;
        self
    }

    /// The same in another size.
    #[must_use]
    pub const fn size(mut self, width: u32, height: u32) -> Self {
        (self.width, self.height) = (width, height);
        self
    }
}

impl Line {
    /// The averages of a field, stacked.
    pub fn new(series: &str, field: &str) -> Self {
        Self {
            series: series.into(),
            field: field.into(),
            label: None,
            method: Method::Stack,
            colour: None,
            consolidation: Consolidation::Average,
        }
    }

    /// The same drawn in another way.
    #[must_use]
    pub const fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// The same with another text.
    #[must_use]
    pub fn label(mut self, label: &str) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The same in another colour.
    #[must_use]
    pub fn colour(mut self, colour: Colour) -> Self {
        self.colour = Some(colour);
        self
    }

    /// The same consolidated in another way.
    #[must_use]
    pub const fn by(mut self, consolidation: Consolidation) -> Self {
        self.consolidation = consolidation;
        self
    }
}

impl Store {
    /// Draws fields of any series, everything accepted so far included. Drawing is done by
    /// one thread of the process at a time, since librrd cannot do more.
    pub fn graph(&self, graph: &Graph) -> Result<Vec<u8>> {
        let lines = graph.lines.iter();
        let entries: Vec<Arc<Entry>> = lines
            .map(|line| self.entry_of(&line.series))
            .collect::<Result<_>>()?;
        let mut distinct: Vec<&Arc<Entry>> = entries.iter().collect();
        distinct.sort_unstable_by_key(|entry| entry.id);
        distinct.dedup_by_key(|entry| entry.id);
        let files: Vec<_> = distinct
            .iter()
            .map(|entry| (entry.id, entry.file.read()))
            .collect();
        let file_of = |id: u32| files.iter().find(|(other, _)| *other == id);
        let drawn = entries
            .iter()
            .filter_map(|entry| Some(&*file_of(entry.id)?.1));
        draw(graph, &drawn.collect::<Vec<_>>())
    }
}

impl RrdFile {
    /// Draws fields of this file.
    pub fn graph(&self, graph: &Graph) -> Result<Vec<u8>> {
        draw(graph, &vec![self; graph.lines.len()])
    }
}

/// `files` has the file of each line.
fn draw(graph: &Graph, files: &[&RrdFile]) -> Result<Vec<u8>> {
    let mut sources = Vec::new();
    for (line, file) in graph.lines.iter().zip(files) {
        let source = file.source(&line.field).ok_or_else(|| Error::NoField {
            series: line.series.clone(),
            field: line.field.clone(),
        })?;
        let kept = &file.header().map(|header| header.archives.clone());
        let kept = kept.iter().flatten();
        let has = kept.filter(|ring| ring.consolidation == Some(line.consolidation));
        let by = match has.count() {
            0 => Consolidation::Average,
            _ => line.consolidation,
        };
        sources.push((file.path(), source.name.as_str(), by));
    }
    let failed = |reason: String| Error::Rrd {
        doing: "draw",
        path: sources
            .first()
            .map_or_else(Default::default, |s| s.0.into()),
        reason,
    };
    if sources.is_empty() {
        return Err(failed("a graph needs at least one line".into()));
    }
    arguments(graph, &sources)
        .into_iter()
        .map(|argument| CString::new(argument).map_err(|error| error.to_string()))
        .collect::<Result<Vec<_>, _>>()
        .and_then(|arguments| librrd::graph(&arguments))
        .map_err(failed)
}

/// The command line of `rrdtool graph`.
fn arguments(graph: &Graph, sources: &[(&Path, &str, Consolidation)]) -> Vec<String> {
    let side = |side: u32| side.clamp(*SIDE.start(), *SIDE.end()).to_string();
    let start = graph.start.as_seconds();
    let mut arguments: Vec<String> = vec!["graph".into(), "-".into()];
    let mut option = |name: &str, value: String| arguments.extend([name.into(), value]);
    option(
        "--imgformat",
        match graph.format {
            ImageFormat::Png => "PNG".into(),
            ImageFormat::Svg => "SVG".into(),
        },
    );
    option("--title", plain(&graph.title));
    option("--vertical-label", plain(&graph.vertical_label));
    option("--start", start.to_string());
    option("--end", graph.end.as_seconds().max(start + 1).to_string());
    option("--width", side(graph.width));
    option("--height", side(graph.height));
    for (at, (path, source, by)) in sources.iter().enumerate() {
        let path = path.to_string_lossy().replace(':', "\\:");
        arguments.push(format!("DEF:v{at}={path}:{source}:{by}"));
    }
    let mut tops = Vec::new();
    let mut stacked = false;
    for (at, line) in graph.lines.iter().enumerate() {
        let own = line.colour.as_ref().map(|colour| colour.0.as_str());
        let line_colour = own.unwrap_or(LINE_COLOURS[at % LINE_COLOURS.len()]);
        let area_colour = own.unwrap_or(AREA_COLOURS[at % AREA_COLOURS.len()]);
        let legend = legend(line.label.as_deref().unwrap_or(&line.field));
        match line.method {
            Method::Stack => {
                let below = tops.last().map(|(top, _)| *top);
                arguments.push(match below {
                    Some(below) => format!("CDEF:s{at}=s{below},v{at},ADDNAN"),
                    None => format!("CDEF:s{at}=v{at}"),
                });
                tops.push((at, line_colour));
                let stack = if stacked { ":STACK" } else { "" };
                stacked = true;
                arguments.push(format!("AREA:v{at}#{area_colour}:{legend}{stack}"));
            }
            Method::Area => {
                arguments.push(format!("AREA:v{at}#{area_colour}:{legend}"));
                stacked = false;
            }
            Method::Line => {
                arguments.push(format!("LINE1:v{at}#{line_colour}:{legend}"));
                stacked = false;
            }
        }
        arguments.push(format!("GPRINT:v{at}:LAST:%8.2lf%s\\l"));
        if !stacked {
            // What is stacked next begins at zero again.
            arguments.extend(outlines(&mut tops));
        }
    }
    arguments.extend(outlines(&mut tops));
    // Whole seconds: a picture needs no more.
    let end = Timestamp::from_seconds(graph.end.as_seconds());
    let date = end.to_string().replace(':', "\\:");
    arguments.push(format!("COMMENT:{date}\\r"));
    arguments
}

/// A line along the top of each stacked area.
fn outlines(tops: &mut Vec<(usize, &str)>) -> Vec<String> {
    let tops = tops.drain(..);
    tops.map(|(at, colour)| format!("LINE1:s{at}#{colour}"))
        .collect()
}

/// A text as the named argument `legend`, so that none of it is taken for a keyword.
fn legend(text: &str) -> String {
    format!("legend={}", plain(text).replace(':', "\\:"))
}

/// A text without what librrd reads a meaning into: backslashes begin its control
/// codes, and control characters have no place in a picture.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars() {
        let c = match c {
            '\\' => '\u{2216}',
            c if c.is_control() => ' ',
            c => c,
        };
        if plain.len() + c.len_utf8() > TEXT_MAX {
            break;
        }
        plain.push(c);
    }
    plain
}
