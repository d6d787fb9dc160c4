//! What a Prometheus exporter says: the text format 0.0.4 and OpenMetrics 1.0.
//!
//! [`Parser`] takes the text in pieces as they come from the network and hands
//! out one [`Sample`] after the other; it keeps no more than one line and the
//! names and types of the families.
//!
//! ```
//! use rem_check::exposition::{Format, Parser, Type};
//!
//! let mut seen = Vec::new();
//! let mut parser = Parser::new(Format::Text);
//! let text = b"# TYPE hits counter\nhits{code=\"200\"} 17\n";
//! for piece in text.chunks(7) {
//!     parser.feed(piece, &mut |sample| {
//!         seen.push((sample.name().to_owned(), sample.family(), sample.value()));
//!     })?;
//! }
//! parser.finish(&mut |_| {})?;
//! assert_eq!(seen, [("hits".to_owned(), Type::Counter, 17.0)]);
//! # Ok::<(), rem_check::exposition::ExpositionError>(())
//! ```

mod line;
mod sample;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use self::line::Line;
pub use self::sample::{Part, Sample, Type};

/// The longest line that is taken, in bytes; a longer one ends the reading.
pub const LINE_BYTES_MAX: usize = 256 * 1024;

/// How much the names of all families may take, in bytes; a family past it has
/// no type.
const FAMILIES_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The two ways to write samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus's own, version 0.0.4.
    Text,
    /// OpenMetrics 1.0: it says where it ends, so that a part of it is not
    /// taken for the whole.
    OpenMetrics,
}

impl Format {
    /// The format that a `Content-Type` names; what it does not name is text.
    pub fn of_content_type(content_type: &str) -> Self {
        let media = content_type.split(';').next().unwrap_or_default().trim();
        match media.eq_ignore_ascii_case("application/openmetrics-text") {
            true => Self::OpenMetrics,
            false => Self::Text,
        }
    }
}

/// A text that is none of this format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ExpositionError {
    /// Counted from 1.
    pub line: u64,
    /// What is wrong, and with what.
    pub what: String,
}

/// Reads an exposition in pieces of any size.
///
/// After an error every further call answers with the same error.
#[derive(Debug)]
pub struct Parser {
    format: Format,
    /// The beginning of a line whose end has not come.
    partial: Vec<u8>,
    line: u64,
    is_ended: bool,
    failed: Option<ExpositionError>,
    families: Families,
    parsed: sample::Parsed,
}

impl Parser {
    /// A parser at the beginning of a text.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            partial: Vec::new(),
            line: 0,
            is_ended: false,
            failed: None,
            families: Families::default(),
            parsed: sample::Parsed::default(),
        }
    }

    /// Takes the next piece and hands out the samples that it completes.
    ///
    /// # Errors
    /// For the first line that is malformed; samples before it were handed out.
    pub fn feed(
        &mut self,
        piece: &[u8],
        on_sample: &mut dyn FnMut(&Sample<'_>),
    ) -> Result<(), ExpositionError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let outcome = self.take(piece, on_sample);
        if let Err(error) = &outcome {
            self.failed = Some(error.clone());
        }
        outcome
    }

    /// The text is over.
    ///
    /// # Errors
    /// For a last line that is malformed, and for OpenMetrics without its end:
    /// then something is missing.
    pub fn finish(mut self, on_sample: &mut dyn FnMut(&Sample<'_>)) -> Result<(), ExpositionError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if !self.partial.is_empty() {
            let last = std::mem::take(&mut self.partial);
            self.take_line(&last, on_sample)?;
        }
        match self.format == Format::OpenMetrics && !self.is_ended {
            true => Err(self.error("the text ends without # EOF, so a part of it is missing")),
            false => Ok(()),
        }
    }

    /// How many lines were begun.
    pub fn lines(&self) -> u64 {
        self.line
    }

    fn take(
        &mut self,
        piece: &[u8],
        on_sample: &mut dyn FnMut(&Sample<'_>),
    ) -> Result<(), ExpositionError> {
        let mut rest = piece;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, behind) = (&rest[..end], &rest[end + 1..]);
            if self.partial.is_empty() {
                self.take_line(line, on_sample)?;
            } else {
                self.keep(line)?;
                let mut whole = std::mem::take(&mut self.partial);
                self.take_line(&whole, on_sample)?;
                // Its room is used again.
                whole.clear();
                self.partial = whole;
            }
            rest = behind;
        }
        self.keep(rest)
    }

    fn keep(&mut self, piece: &[u8]) -> Result<(), ExpositionError> {
        if self.partial.len() + piece.len() > LINE_BYTES_MAX {
            self.line += 1;
            return Err(self.too_long());
        }
        self.partial.extend_from_slice(piece);
        Ok(())
    }

    fn take_line(
        &mut self,
        line: &[u8],
        on_sample: &mut dyn FnMut(&Sample<'_>),
    ) -> Result<(), ExpositionError> {
        self.line += 1;
        if line.len() > LINE_BYTES_MAX {
            return Err(self.too_long());
        }
        let Ok(text) = std::str::from_utf8(line) else {
            return Err(self.error("it is not UTF-8"));
        };
        if self.is_ended {
            return Err(self.error("there is something behind # EOF"));
        }
        match line::parse(text, self.format, &mut self.parsed) {
            Err(what) => Err(self.error(what)),
            Ok(Line::Nothing) => Ok(()),
            Ok(Line::End) => {
                self.is_ended = true;
                Ok(())
            }
            Ok(Line::Type(family, kind)) => {
                self.families.add(family, kind);
                Ok(())
            }
            Ok(Line::Unit(family, unit)) => {
                self.families.add_unit(family, unit);
                Ok(())
            }
            Ok(Line::Sample) => {
                let name = self.parsed.name(text);
                let (family, part) = self.families.of(name);
                let unit = self.families.unit();
                on_sample(&Sample::new(text, &self.parsed, family, part, unit));
                Ok(())
            }
        }
    }

    fn too_long(&self) -> ExpositionError {
        let limit = crate::local::bytes(LINE_BYTES_MAX as u64);
        self.error(format!("it is longer than {limit}"))
    }

    fn error(&self, what: impl Into<String>) -> ExpositionError {
        ExpositionError {
            line: self.line,
            what: what.into(),
        }
    }
}

/// The families that were declared.
#[derive(Debug, Default)]
struct Families {
    known: HashMap<String, Family>,
    bytes: usize,
    /// The one that the last line was about: nearly always the next one too.
    current: String,
    current_is: Family,
}

#[derive(Clone, Debug, Default)]
struct Family {
    kind: Option<Type>,
    unit: Option<String>,
}

impl Families {
    fn add(&mut self, name: &str, kind: Type) {
        self.change(name, |family| family.kind = Some(kind));
    }

    fn add_unit(&mut self, name: &str, unit: &str) {
        self.change(name, |family| family.unit = Some(unit.to_owned()));
    }

    fn change(&mut self, name: &str, change: impl FnOnce(&mut Family)) {
        self.select(name);
        change(&mut self.current_is);
        let room = 2 * (name.len() + size_of::<Family>());
        if self.bytes + room <= FAMILIES_BYTES_MAX {
            self.bytes += room;
            self.known.insert(name.to_owned(), self.current_is.clone());
        }
    }

    fn select(&mut self, name: &str) {
        if self.current == name {
            return;
        }
        self.current.clear();
        self.current.push_str(name);
        self.current_is = self.known.get(name).cloned().unwrap_or_default();
    }

    /// The type of the family that a sample's name belongs to, and what the
    /// sample is in it.
    fn of(&mut self, name: &str) -> (Type, Part) {
        let of_current = |families: &Self| {
            let suffix = name.strip_prefix(families.current.as_str())?;
            let kind = families.current_is.kind?;
            Part::of(kind, suffix).map(|part| (kind, part))
        };
        if !self.current.is_empty()
            && let Some(found) = of_current(self)
        {
            return found;
        }
        // No suffix has two underscores in it.
        if let Some(at) = name.rfind('_') {
            let (family, suffix) = name.split_at(at);
            let found = self.known.get(family).and_then(|family| family.kind);
            if let Some(kind) = found
                && let Some(part) = Part::of(kind, suffix)
            {
                self.select(family);
                return (kind, part);
            }
        }
        self.select(name);
        let kind = self.current_is.kind.unwrap_or(Type::Unknown);
        (kind, Part::of(kind, "").unwrap_or(Part::Value))
    }

    fn unit(&self) -> Option<&str> {
        self.current_is.unit.as_deref()
    }
}
