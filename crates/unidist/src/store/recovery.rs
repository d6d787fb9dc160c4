use std::collections::BTreeMap;
use std::sync::Arc;

use super::disk::Disk;
use super::keeper::{SPARE, Snapshot, zero, zeroed};
use super::log::{Limits, Log, Position, segment_name};
use super::record::{self, Record, SEGMENT_HEADER};
use crate::core::{Core, Name};
use crate::error::{Error, Result};
use crate::wire::Wire;

/// What was found on disk, ready to go on.
pub(crate) struct Recovered {
    pub log: Arc<Log>,
    /// Each bucket with the number of its last record.
    pub buckets: Vec<(Name, Core, u64)>,
}

/// Reads the snapshot and the log after it.
///
/// A bad record at the end of the last segment is the trace of a crash, and the
/// log goes on before it. Any other bad record, and one that a later record
/// knows to have been durable, is damage: nothing is changed and the error names the place.
pub(crate) fn recover(disk: &Arc<dyn Disk>, limits: Limits) -> Result<Recovered> {
    let mut replay = Replay {
        disk: disk.clone(),
        buckets: BTreeMap::new(),
        bytes: 0,
    };
    let mut names = disk.list().map_err(|e| replay.failed("list", "", e))?;
    names.sort();
    let from = match names.iter().rev().find(|name| name.starts_with("snap-")) {
        Some(name) => Some(replay.load(name)?),
        None => None,
    };
    // What a snapshot replaces is removed in any order, and a crash may stop that
    // half-way: any part of it may be left, and counts no more.
    let (replaced, segments): (Vec<&String>, Vec<&String>) = names
        .iter()
        .filter(|name| name.starts_with("wal-"))
        .partition(|name| from.is_some_and(|from| **name < segment_name(from)));
    let position = match (segments.is_empty(), from) {
        (true, None) => replay.begin(limits)?,
        (true, Some(from)) => {
            return Err(replay.corrupt(&segment_name(from), 0, "the segment is missing"));
        }
        (false, _) => replay.segments(&segments, from)?,
    };
    let drafts = names
        .iter()
        .filter(|name| name.starts_with(SPARE) || *name == "snap.draft");
    for name in drafts.chain(replaced) {
        disk.remove(name)
            .map_err(|e| replay.failed("remove", name, e))?;
    }
    let buckets = replay.buckets.into_iter();
    Ok(Recovered {
        log: Arc::new(Log::new(disk.clone(), limits, position)),
        buckets: buckets
            .map(|(name, (core, seq))| (name, core, seq))
            .collect(),
    })
}

struct Replay {
    disk: Arc<dyn Disk>,
    buckets: BTreeMap<Name, (Core, u64)>,
    bytes: u64,
}

impl Replay {
    fn failed(&self, doing: &'static str, name: &str, source: std::io::Error) -> Error {
        Error::Storage {
            doing,
            file: self.disk.path_of(name),
            source: Arc::new(source),
        }
    }

    fn corrupt(&self, name: &str, offset: usize, reason: &str) -> Error {
        Error::Corrupt {
            file: self.disk.path_of(name),
            offset: offset as u64,
            reason: reason.into(),
        }
    }

    fn read(&self, name: &str) -> Result<Vec<u8>> {
        self.disk
            .read(name)
            .map_err(|e| self.failed("read", name, e))
    }

    /// Loads a snapshot; returns the record from which the log goes on.
    fn load(&mut self, name: &str) -> Result<u64> {
        let bytes = self.read(name)?;
        let bad = |_| self.corrupt(name, 0, "the snapshot is not sound");
        let snapshot = Snapshot::decode(&bytes).map_err(bad)?;
        let mut buckets = BTreeMap::new();
        for saved in snapshot.buckets {
            let core = Core::from_bytes(&saved.core).map_err(bad)?;
            buckets.insert(saved.name, (core, saved.seq));
        }
        self.buckets = buckets;
        Ok(snapshot.from)
    }

    /// The first segment of a new log.
    fn begin(&self, limits: Limits) -> Result<Position> {
        let name = segment_name(1);
        let draft = format!("{SPARE}first");
        let make = || {
            let mut file = zeroed(&*self.disk, &draft, limits.segment_bytes)?;
            file.write_at(0, &record::segment_header(1))?;
            file.sync()?;
            self.disk.rename(&draft, &name)?;
            self.disk.sync_names()?;
            Ok(file)
        };
        let file = make().map_err(|e| self.failed("make", &name, e))?;
        Ok(Position {
            file,
            name: segment_name(1),
            offset: SEGMENT_HEADER as u64,
            capacity: limits.segment_bytes,
            segment: 1,
            next: 1,
            replayed_bytes: 0,
        })
    }

    fn segments(&mut self, names: &[&String], from: Option<u64>) -> Result<Position> {
        let mut next = None;
        for (index, name) in names.iter().enumerate() {
            let bytes = self.read(name)?;
            let first = record::first_of(&bytes)
                .ok_or_else(|| self.corrupt(name, 0, "the header is not sound"))?;
            let gap = match next {
                None => from.unwrap_or(1) < first,
                Some(next) => next != first,
            };
            if gap {
                return Err(self.corrupt(name, 0, "records before this segment are missing"));
            }
            let (offset, seq) = self.records(name, &bytes, first)?;
            next = Some(seq);
            let clean = bytes[offset..].iter().all(|byte| *byte == 0);
            if index + 1 < names.len() {
                if !clean {
                    return Err(self.corrupt(name, offset, "a record is not sound"));
                }
                continue;
            }
            if !clean && record::was_durable(&bytes, offset, seq) {
                let reason = "a record that was durable is not sound";
                return Err(self.corrupt(name, offset, reason));
            }
            return self.go_on(name, &bytes, offset, first, seq, clean);
        }
        Err(self.corrupt("wal", 0, "there is no segment"))
    }

    /// Applies the sound records; returns where they end and the next number.
    fn records(&mut self, name: &str, bytes: &[u8], first: u64) -> Result<(usize, u64)> {
        let (mut offset, mut next) = (SEGMENT_HEADER, first);
        while let Some(found) = record::record_at(bytes, offset) {
            if found.seq != next {
                break;
            }
            let record = Record::decode(found.payload)
                .map_err(|_| self.corrupt(name, offset, "a sound record makes no sense"))?;
            self.apply(found.seq, &record);
            self.bytes += (found.end - offset) as u64;
            offset = found.end;
            next += 1;
        }
        Ok((offset, next))
    }

    fn apply(&mut self, seq: u64, record: &Record) {
        let fresh = || (Core::new(record.mode), 0);
        let (core, last) = self
            .buckets
            .entry(record.bucket.clone())
            .or_insert_with(fresh);
        if *last < seq {
            core.apply(record.now, record.op, &record.command);
            *last = seq;
        }
    }

    fn go_on(
        &self,
        name: &str,
        bytes: &[u8],
        offset: usize,
        segment: u64,
        next: u64,
        clean: bool,
    ) -> Result<Position> {
        let failed = |e| self.failed("open", name, e);
        let mut file = self.disk.open(name).map_err(failed)?;
        if !clean {
            tracing::warn!(file = %self.disk.path_of(name).display(), offset,
                "the log ends in an unfinished record, which nobody was told about");
            zero(&mut *file, offset as u64, bytes.len() as u64).map_err(failed)?;
            file.sync().map_err(failed)?;
        }
        Ok(Position {
            file,
            name: name.into(),
            offset: offset as u64,
            capacity: bytes.len() as u64,
            segment,
            next,
            replayed_bytes: self.bytes,
        })
    }
}
