//! A body that comes in pieces: unpacked, limited, read.

use std::io::{self, Write};

use flate2::write::GzDecoder;

use super::series::{Scrape, Series};
use crate::exposition::{Format, Parser};
use crate::local::bytes;

/// Where the pieces of a body go.
#[derive(Debug)]
pub(super) struct Body<'a> {
    unpack: Unpack<'a>,
    /// What the answer said it is, for the message about one that is not.
    content_type: String,
}

#[derive(Debug)]
enum Unpack<'a> {
    /// Its head has not come.
    Waiting(Text<'a>),
    Plain(Text<'a>),
    Gzip(Box<GzDecoder<Text<'a>>>),
    /// It has failed.
    Over,
}

/// The unpacked text, on its way into the series.
#[derive(Debug)]
struct Text<'a> {
    parser: Parser,
    series: Series<'a>,
    bytes_left: u64,
    bytes_max: u64,
    /// Why no more is taken.
    refused: Option<String>,
}

impl<'a> Body<'a> {
    pub(super) fn new(series: Series<'a>, bytes_max: u64) -> Self {
        Self {
            unpack: Unpack::Waiting(Text {
                parser: Parser::new(Format::Text),
                series,
                bytes_left: bytes_max,
                bytes_max,
                refused: None,
            }),
            content_type: String::new(),
        }
    }

    pub(super) fn begin(
        &mut self,
        format: Format,
        content_type: &str,
        encoding: &str,
    ) -> Result<(), String> {
        let Unpack::Waiting(mut text) = std::mem::replace(&mut self.unpack, Unpack::Over) else {
            return Err("the answer began twice".into());
        };
        text.parser = Parser::new(format);
        self.content_type = content_type.chars().take(60).collect();
        let encoding = encoding.trim();
        self.unpack = match encoding {
            "" | "identity" => Unpack::Plain(text),
            _ if encoding.eq_ignore_ascii_case("gzip") => {
                Unpack::Gzip(Box::new(GzDecoder::new(text)))
            }
            _ => {
                return Err(format!(
                    "the body is packed in a way not asked for: {encoding:?}"
                ));
            }
        };
        Ok(())
    }

    pub(super) fn take(&mut self, piece: &[u8]) -> Result<(), String> {
        let outcome = match &mut self.unpack {
            Unpack::Plain(text) => text.take(piece),
            Unpack::Gzip(unpack) => match unpack.write_all(piece) {
                Ok(()) => Ok(()),
                Err(error) => Err(unpack.get_mut().refused(&error)),
            },
            Unpack::Waiting(_) | Unpack::Over => Ok(()),
        };
        outcome.map_err(|why| self.explain(why))
    }

    pub(super) fn finish(mut self) -> Result<Scrape, String> {
        let text = match std::mem::replace(&mut self.unpack, Unpack::Over) {
            Unpack::Plain(text) => text,
            Unpack::Gzip(mut unpack) => {
                let ended = unpack.try_finish();
                if let Err(error) = ended {
                    return Err(unpack.get_mut().refused(&error));
                }
                match unpack.finish() {
                    Ok(text) => text,
                    Err(error) => return Err(format!("the gzip data are broken: {error}")),
                }
            }
            Unpack::Waiting(_) | Unpack::Over => return Err("there was no answer".into()),
        };
        text.finish().map_err(|why| self.explain(why))
    }

    /// Web pages are the usual reason for what is no exposition.
    fn explain(&self, why: String) -> String {
        match self.content_type.to_ascii_lowercase().contains("html") {
            true => format!("the answer is {}, not metrics: {why}", self.content_type),
            false => why,
        }
    }
}

impl Text<'_> {
    fn take(&mut self, piece: &[u8]) -> Result<(), String> {
        let length = piece.len() as u64;
        if length > self.bytes_left {
            let limit = bytes(self.bytes_max);
            return Err(format!("the body is longer than {limit}"));
        }
        self.bytes_left -= length;
        let series = &mut self.series;
        let parsed = self.parser.feed(piece, &mut |sample| series.add(sample));
        parsed.map_err(|error| error.to_string())?;
        match self.series.over_limit() {
            Some(why) => Err(why),
            None => Ok(()),
        }
    }

    fn finish(self) -> Result<Scrape, String> {
        let Self {
            parser, mut series, ..
        } = self;
        let parsed = parser.finish(&mut |sample| series.add(sample));
        parsed.map_err(|error| error.to_string())?;
        match series.over_limit() {
            Some(why) => Err(why),
            None => Ok(series.finish()),
        }
    }

    fn refused(&mut self, error: &io::Error) -> String {
        let refused = self.refused.take();
        refused.unwrap_or_else(|| format!("the gzip data are broken: {error}"))
    }
}

/// The unpacker writes into it.
impl Write for Text<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        match self.take(piece) {
            Ok(()) => Ok(piece.len()),
            Err(why) => {
                self.refused = Some(why);
                Err(io::ErrorKind::InvalidData.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
