use std::collections::BTreeSet;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rem_time::{Span, Timestamp};

use crate::pending::Pending;
use crate::rrd_file::MIN_START;
use crate::series::Entry;
use crate::stats::count;
use crate::store::Inner;
use crate::undo::Undo;
use crate::{Consolidation, Declaration, Error, Kind, Query, Result};

/// Files updated between two notes for undoing.
const BATCH: usize = 32;
/// Rows of a series that may wait in memory for a file that cannot be written. At
/// the limit the oldest go: a fresh value is worth more.
const ROWS_WAITING_MAX: usize = 10_000;
/// The housekeeper visits every series once in so many rounds.
const ROUNDS: u64 = 60;
/// Segments that may be kept for the sake of a few rows before those are carried over.
const SEGMENTS_PINNED_MAX: u64 = 8;
/// Up to so many files are synced one by one, more with their whole file system.
const SYNCED_ONE_BY_ONE_MAX: usize = 64;

/// What writing to files needs besides the files. Whoever holds it writes alone.
#[derive(Debug)]
pub(crate) struct Flush {
    undo: Undo,
    /// Written since the last sync.
    dirty: BTreeSet<PathBuf>,
}

/// What the housekeeping thread is told.
#[derive(Debug, Default)]
pub(crate) struct Housekeeper {
    pub(crate) ended: bool,
    /// Series that have enough rows.
    called: Vec<Arc<Entry>>,
}

/// Rows on their way to their file.
struct Load<'a> {
    entry: &'a Arc<Entry>,
    fields: Vec<Arc<str>>,
    rows: Pending,
}

impl Flush {
    pub(crate) fn new(undo: Undo) -> Self {
        Self {
            undo,
            dirty: BTreeSet::new(),
        }
    }
}

impl Inner {
    /// Tells the housekeeper that a series has enough rows.
    pub(crate) fn call_flush(&self, entry: &Arc<Entry>) {
        self.housekeeper.lock().called.push(entry.clone());
        self.housekeeper_wake.notify_all();
    }

    /// Writes series in turns, and those that call, until told to end.
    pub(crate) fn keep_house(&self) {
        let round = self.options.flush_every.as_duration() / ROUNDS as u32;
        let round = round.clamp(Duration::from_millis(10), Duration::from_secs(1));
        let mut next = Instant::now() + round;
        let mut rotated = Instant::now();
        loop {
            let called = {
                let mut told = self.housekeeper.lock();
                while told.called.is_empty() && !told.ended {
                    if self
                        .housekeeper_wake
                        .wait_until(&mut told, next)
                        .timed_out()
                    {
                        break;
                    }
                }
                if told.ended {
                    return;
                }
                std::mem::take(&mut told.called)
            };
            self.flush_entries(&called, true);
            if Instant::now() < next {
                continue;
            }
            next = Instant::now() + round;
            let round = self.round.fetch_add(1, Ordering::Relaxed);
            let mut turn = self.entries();
            turn.retain(|entry| u64::from(entry.id) % ROUNDS == round % ROUNDS);
            self.flush_entries(&turn, true);
            // So that what has been written long ago need not be read at a start.
            if rotated.elapsed() >= self.options.flush_every.as_duration() {
                rotated = Instant::now();
                self.journal.rotate();
            }
            if let Err(error) = self.drop_segments(false) {
                tracing::warn!("the journal grows, {}", error.in_one_line());
            }
        }
    }

    pub(crate) fn flush_all(&self) -> Result<()> {
        let errors = self.flush_entries(&self.entries(), false);
        errors.into_iter().next().map_or(Ok(()), Err)
    }

    /// Writes what waits for the files of these series. With `leave_hot`, the newest
    /// row of a series stays back if it came in this very round, since more of its fields
    /// may be about to come.
    pub(crate) fn flush_entries(&self, entries: &[Arc<Entry>], leave_hot: bool) -> Vec<Error> {
        let mut errors = Vec::new();
        // Rows that another thread is writing just now are waited for as well.
        let waiting = |entry: &&Arc<Entry>| entry.state.lock().has_rows_to_come();
        let mut waiting: Vec<&Arc<Entry>> = entries.iter().filter(waiting).collect();
        waiting.sort_unstable_by_key(|entry| entry.id);
        waiting.dedup_by_key(|entry| entry.id);
        for batch in waiting.chunks(BATCH) {
            let mut flush = self.flush.lock();
            let loads = batch.iter().filter_map(|entry| self.load(entry, leave_hot));
            let loads: Vec<Load<'_>> = loads.collect();
            self.write_batch(&mut flush, loads, &mut errors);
        }
        errors
    }

    /// Takes the rows of a series out of its memory.
    fn load<'a>(&self, entry: &'a Arc<Entry>, leave_hot: bool) -> Option<Load<'a>> {
        let round = self.round.load(Ordering::Relaxed);
        let mut state = entry.state.lock();
        state.called = false;
        let hot = leave_hot && state.pushed_in == round;
        let rows = state.pending.take(hot);
        // From here on a sample for these seconds is late.
        state.written_to = state.written_to.max(*rows.times.last()?);
        state.on_the_way = true;
        let fields = state.fields.clone();
        Some(Load {
            entry,
            fields,
            rows,
        })
    }

    fn write_batch(&self, flush: &mut Flush, loads: Vec<Load<'_>>, errors: &mut Vec<Error>) {
        let mut ready = Vec::with_capacity(loads.len());
        for load in loads {
            let names: Vec<&str> = load.fields.iter().map(AsRef::as_ref).collect();
            let first = load.rows.times[0];
            let prepared = load.entry.file.write().prepare(&names, first);
            match prepared {
                Ok(()) => ready.push(load),
                Err(error) => self.put_back(load, error, errors),
            }
        }
        if ready.is_empty() {
            return;
        }
        let noted = {
            let files: Vec<_> = ready.iter().map(|load| load.entry.file.read()).collect();
            let heads = files.iter().filter_map(|f| Some((f.path(), f.header()?)));
            flush.undo.note(heads)
        };
        if let Err(error) = noted {
            let reason = error.in_one_line();
            for load in ready {
                let error = Error::Rrd {
                    doing: "update",
                    path: load.entry.file.read().path().into(),
                    reason: reason.clone(),
                };
                self.put_back(load, error, errors);
            }
            return;
        }
        for load in ready {
            let names: Vec<&str> = load.fields.iter().map(AsRef::as_ref).collect();
            let mut file = load.entry.file.write();
            let written = file.write(&names, &load.rows);
            match written {
                Ok(()) => {
                    load.entry.state.lock().on_the_way = false;
                    count(&self.counters.flushes, 1);
                    count(&self.counters.rows_flushed, load.rows.len());
                    flush.dirty.insert(file.path().into());
                }
                Err(error) => {
                    drop(file);
                    self.put_back(load, error, errors);
                }
            }
        }
        if let Err(error) = flush.undo.forget() {
            errors.push(error);
        }
    }

    /// Rows that could not be written wait for the next time.
    fn put_back(&self, load: Load<'_>, error: Error, errors: &mut Vec<Error>) {
        count(&self.counters.flush_errors, 1);
        let text = format!("series {}: {}", load.entry.name, error.in_one_line());
        {
            let mut last = self.flush_error.lock();
            if last.as_ref() != Some(&text) {
                tracing::warn!("samples wait in the journal, {text}");
            }
            *last = Some(text);
        }
        let mut file = load.entry.file.write();
        let in_file = match file.reload() {
            Ok(()) => file.last_update().map_or(MIN_START, Timestamp::as_seconds),
            Err(_) => MIN_START,
        };
        drop(file);
        let mut state = load.entry.state.lock();
        let mut rows = load.rows;
        rows.widen(state.fields.len());
        rows.drop_written(in_file);
        state.written_to = in_file;
        state.on_the_way = false;
        // Its next turn tries again, not every sample until then.
        state.called = true;
        state.pending.put_back(rows);
        let dropped = state.pending.drop_above(ROWS_WAITING_MAX);
        count(&self.counters.dropped, dropped);
        errors.push(error);
    }

    /// Deletes the segments of the journal that the files have all of; `all` of them
    /// where nothing waits and nothing more will come.
    pub(crate) fn drop_segments(&self, all: bool) -> Result<()> {
        let current = self.journal.segment();
        if !all && !self.journal.has_before(current)? {
            return Ok(());
        }
        let mut needed = self.first_needed();
        if !all && needed.saturating_add(SEGMENTS_PINNED_MAX) < current {
            self.carry_over(current)?;
            needed = self.first_needed();
        }
        let needed = match needed {
            u64::MAX if all => u64::MAX,
            needed => needed.min(current),
        };
        if !self.journal.has_before(needed)? {
            return Ok(());
        }
        // What is in the files by now is all that the segments before `needed` have.
        self.sync_files()?;
        self.journal.drop_before(needed)?;
        Ok(())
    }

    /// Makes what was written so far survive a power failure. Others may write meanwhile.
    fn sync_files(&self) -> Result<()> {
        let dirty = std::mem::take(&mut self.flush.lock().dirty);
        let synced = sync(&dirty, &self.paths.series);
        if synced.is_err() {
            self.flush.lock().dirty.extend(dirty);
        }
        synced
    }

    /// The oldest segment with a row that is not in its file; `u64::MAX` for none.
    fn first_needed(&self) -> u64 {
        // Rows on their way are nobody's; nobody is on the way while this is held.
        let _nobody_writes = self.flush.lock();
        let entries = self.entries();
        let oldest = |entry: &Arc<Entry>| entry.state.lock().pending.oldest_segment();
        entries.iter().filter_map(oldest).min().unwrap_or(u64::MAX)
    }

    /// Writes rows that pin old segments to the current one.
    fn carry_over(&self, current: u64) -> Result<()> {
        for entry in self.entries() {
            let mut state = entry.state.lock();
            let pins = state.pending.oldest_segment().is_some_and(|s| s < current);
            if pins {
                self.journal.append(|segment, block| {
                    state.carry(entry.id, &entry.name, segment, block);
                })?;
            }
        }
        self.journal.commit()
    }

    pub(crate) fn alter(&self, entry: &Arc<Entry>, declaration: &Declaration) -> Result<()> {
        // The rows so far were pushed under what was declared so far.
        if let Some(error) = self.flush_entries(std::slice::from_ref(entry), false).pop() {
            return Err(error);
        }
        let mut file = entry.file.write();
        if file.is_as_declared(declaration) {
            // Whoever begins with thousands of new series waits for no file of others.
            file.declare(declaration)?;
        } else {
            drop(file);
            let mut flush = self.flush.lock();
            file = entry.file.write();
            file.declare(declaration)?;
            flush.dirty.insert(file.path().into());
        }
        let fields = file.fields();
        drop(file);
        let mut state = entry.state.lock();
        state.declare(declaration);
        for field in fields {
            state.field(&entry.name, &field)?;
        }
        Ok(())
    }

    /// The last rows of the file, for gauges.
    pub(crate) fn recent_in_file(&self, entry: &Entry) -> Result<Vec<(i64, Vec<f64>)>> {
        let file = entry.file.read();
        let Some(newest) = file.last_update() else {
            return Ok(Vec::new());
        };
        let span = Span::from_seconds(file.step().as_seconds() * self.options.recent as u64);
        let query = Query::new(newest - span, newest).by(Consolidation::Average);
        let rows = file.fetch(&query)?;
        let gauge = |field: &String| {
            let source = file.source(field);
            source.is_some_and(|source| source.kind == Some(Kind::Gauge))
        };
        let gauges: Vec<bool> = rows.fields.iter().map(gauge).collect();
        let columns: Vec<Option<usize>> = {
            let state = entry.state.lock();
            let column = |field: &Arc<str>| rows.fields.iter().position(|f| **f == **field);
            let gauge = |at: &usize| gauges[*at];
            let fields = state.fields.iter();
            fields.map(|field| column(field).filter(gauge)).collect()
        };
        let known = rows.iter().map(|(time, row)| {
            let row = columns.iter().map(|at| at.map_or(f64::NAN, |at| row[at]));
            (time.as_seconds(), row.collect::<Vec<f64>>())
        });
        Ok(known
            .filter(|(second, row)| {
                *second <= newest.as_seconds() && row.iter().any(|v| !v.is_nan())
            })
            .collect())
    }
}

fn sync(files: &BTreeSet<PathBuf>, folder: &Path) -> Result<()> {
    if files.len() > SYNCED_ONE_BY_ONE_MAX {
        let all = File::open(folder).map_err(Error::io("open", folder))?;
        return rustix::fs::syncfs(all).map_err(|error| Error::io("sync", folder)(error.into()));
    }
    for path in files {
        match File::open(path).and_then(|file| file.sync_data()) {
            // Somebody deleted it, which is then how it is.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            synced => synced.map_err(Error::io("sync", path))?,
        }
    }
    Ok(())
}
