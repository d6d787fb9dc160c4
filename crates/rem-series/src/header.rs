//! The head of an RRD file (version 3 and 4, 64-bit little endian), read without librrd: it
//! is what opening a series costs, and where the flush finds the bytes to save.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::{Consolidation, Error, Kind, Result};

#[cfg(test)]
mod tests;

const STAT_HEAD: usize = 128;
const DS_DEF: usize = 120;
const RRA_DEF: usize = 120;
const LIVE_HEAD: usize = 16;
const PDP_PREP: usize = 112;
const CDP_PREP: usize = 80;
const RRA_PTR: usize = 8;
/// What librrd writes to tell whether a file is from this kind of machine.
const FLOAT_COOKIE: f64 = 8.642_135E130;
/// More sources or archives than this is damage, not a file.
const COUNT_MAX: u64 = 10_000;

/// What an RRD file says about itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    /// Seconds.
    pub(crate) step: u64,
    /// Seconds since the epoch.
    pub(crate) last_update: i64,
    pub(crate) sources: Vec<Source>,
    pub(crate) archives: Vec<Ring>,
    /// Where the part begins that an update changes.
    live_from: usize,
    /// Where it ends, and the rows begin.
    live_to: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Source {
    pub(crate) name: String,
    /// `None` for the kinds that this crate does not write, such as COMPUTE.
    pub(crate) kind: Option<Kind>,
    /// Whether an update carries a value for it.
    pub(crate) computed: bool,
    pub(crate) heartbeat: u64,
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ring {
    /// `None` for the predicting kinds.
    pub(crate) consolidation: Option<Consolidation>,
    pub(crate) steps: u64,
    pub(crate) rows: u64,
    pub(crate) unknown_share: f64,
}

impl Header {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        Self::read_from(&file, path)
    }

    /// The same, `None` where there is no file.
    pub(crate) fn read_if_any(path: &Path) -> Result<Option<Self>> {
        match Self::read(path) {
            Ok(header) => Ok(Some(header)),
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read_from(file: &File, path: &Path) -> Result<Self> {
        let damaged = |reason: String| Error::Damaged {
            path: path.into(),
            reason,
        };
        let len = file.metadata().map_err(Error::io("read", path))?.len();
        let mut head = vec![0; 4096.min(usize::try_from(len).unwrap_or(4096))];
        file.read_exact_at(&mut head, 0)
            .map_err(Error::io("read", path))?;
        let live_to = extent(&head).map_err(|reason| damaged(reason.into()))?;
        if live_to as u64 > len {
            return Err(damaged(format!("it ends after {len} bytes, in its head")));
        }
        if live_to > head.len() {
            head.resize(live_to, 0);
            file.read_exact_at(&mut head, 0)
                .map_err(Error::io("read", path))?;
        }
        let header = Self::parse(&head);
        let rows: u64 = header.archives.iter().map(|a| a.rows).sum();
        let wanted = live_to as u64 + 8 * rows * header.sources.len() as u64;
        if wanted > len {
            return Err(damaged(format!("it has {len} bytes of {wanted}")));
        }
        Ok(header)
    }

    /// The part of the file that an update rewrites in place, besides the rows.
    pub(crate) fn live_part(&self) -> std::ops::Range<usize> {
        self.live_from..self.live_to
    }

    /// `head` is complete, see [`extent`].
    fn parse(head: &[u8]) -> Self {
        let (sources, archives) = (number(head, 24) as usize, number(head, 32) as usize);
        let rings_from = STAT_HEAD + sources * DS_DEF;
        let live_from = rings_from + archives * RRA_DEF;
        let source = |at: usize| {
            let kind = text(&head[at + 20..at + 40]);
            Source {
                name: text(&head[at..at + 20]),
                kind: kind.parse().ok(),
                computed: kind == "COMPUTE",
                heartbeat: number(head, at + 40),
                min: Some(real(head, at + 48)).filter(|v| v.is_finite()),
                max: Some(real(head, at + 56)).filter(|v| v.is_finite()),
            }
        };
        let ring = |at: usize| Ring {
            consolidation: text(&head[at..at + 20]).parse().ok(),
            rows: number(head, at + 24),
            steps: number(head, at + 32),
            unknown_share: real(head, at + 40),
        };
        Self {
            step: number(head, 40),
            last_update: number(head, live_from).cast_signed(),
            sources: (0..sources)
                .map(|i| source(STAT_HEAD + i * DS_DEF))
                .collect(),
            archives: (0..archives)
                .map(|i| ring(rings_from + i * RRA_DEF))
                .collect(),
            live_from,
            live_to: live_from
                + LIVE_HEAD
                + sources * PDP_PREP
                + archives * sources * CDP_PREP
                + archives * RRA_PTR,
        }
    }
}

/// How long the head is, from its first bytes.
fn extent(head: &[u8]) -> Result<usize, &'static str> {
    if head.len() < STAT_HEAD || &head[..4] != b"RRD\0" {
        return Err("it is not an RRD file");
    }
    if !matches!(&head[4..8], b"0003" | b"0004" | b"0005") {
        return Err("it has an unknown version of the RRD format");
    }
    if real(head, 16).to_bits() != FLOAT_COOKIE.to_bits() {
        return Err("it was written by another kind of machine");
    }
    let (sources, archives) = (number(head, 24), number(head, 32));
    let counts = 1..=COUNT_MAX;
    if !counts.contains(&sources) || !counts.contains(&archives) || number(head, 40) == 0 {
        return Err("its head makes no sense");
    }
    let (sources, archives) = (sources as usize, archives as usize);
    Ok(STAT_HEAD
        + sources * (DS_DEF + PDP_PREP)
        + archives * (RRA_DEF + RRA_PTR + sources * CDP_PREP)
        + LIVE_HEAD)
}

fn number(head: &[u8], at: usize) -> u64 {
    head[at..at + 8].try_into().map_or(0, u64::from_ne_bytes)
}

fn real(head: &[u8], at: usize) -> f64 {
    f64::from_bits(number(head, at))
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
