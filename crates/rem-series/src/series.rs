use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::{Mutex, RwLock};
use rem_time::{Span, Timestamp};
use serde_json::{Value, json};

use crate::beside::Beside;
use crate::journal::record;
use crate::name::{file_stem, is_cut};
use crate::pending::{LastRows, Pending, Put};
use crate::rrd_file::{FIELDS_MAX, MIN_START, RrdFile};
use crate::stats::count;
use crate::store::Inner;
use crate::{Archive, Declaration, Error, Result};

/// One series of a store, cheap to clone and to push to. It works until its store is
/// closed or dropped.
#[derive(Clone, Debug)]
pub struct Series {
    pub(crate) entry: Arc<Entry>,
    pub(crate) store: Arc<Inner>,
}

/// A series in memory. Locks are taken in the order file, state, journal.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The number of the series in this run's journal segments.
    pub(crate) id: u32,
    pub(crate) name: Arc<str>,
    pub(crate) state: Mutex<State>,
    /// Read to fetch and draw, written to update and alter.
    pub(crate) file: RwLock<RrdFile>,
}

#[derive(Debug)]
pub(crate) struct State {
    /// Seconds.
    pub(crate) step: u64,
    /// Columns of `pending` and `recent`.
    pub(crate) fields: Vec<Arc<str>>,
    pub(crate) declaration: Declaration,
    pub(crate) pending: Pending,
    pub(crate) recent: LastRows,
    /// Whether older samples were looked up in the file.
    pub(crate) recent_filled: bool,
    /// The last second that is in the file or on its way there.
    pub(crate) written_to: i64,
    /// The segment that has the current definition.
    defined_in: Option<u64>,
    /// The store's round in which the last sample came.
    pub(crate) pushed_in: u64,
    /// Whether the flush was told that there are enough rows.
    pub(crate) called: bool,
    /// Whether rows are being written to the file at this moment.
    pub(crate) on_the_way: bool,
    /// Filled and emptied by each push, kept for its memory.
    sample: Vec<(usize, f64)>,
}

impl Series {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.entry.name
    }

    /// The step of its rows.
    pub fn step(&self) -> Span {
        Span::from_seconds(self.entry.state.lock().step)
    }

    /// Accepts a sample. Time is taken down to the second; `None`, infinite and
    /// not-a-number values are unknown.
    ///
    /// A sample for a second that is waiting already is merged into it, a newer known
    /// value replacing the older. One that comes late finds its place as long as the
    /// file is not yet at its second; after that it is left out and counted in
    /// [`Stats::late`](crate::Stats::late), as is a sample too far
    /// [ahead of the clock](crate::Options::ahead_max) in its own count. An error means that the
    /// sample was not accepted.
    pub fn push(&self, time: Timestamp, values: &[(&str, Option<f64>)]) -> Result<()> {
        let second = time.as_seconds();
        let store = &*self.store;
        if second > store.ahead_border.load(Ordering::Relaxed) && store.is_ahead(second) {
            count(&store.counters.ahead, 1);
            return Ok(());
        }
        let mut guard = self.entry.state.lock();
        let state = &mut *guard;
        if second <= state.written_to {
            count(&store.counters.late, 1);
            return Ok(());
        }
        if values.len() > FIELDS_MAX {
            return Err(too_many_fields(&self.entry.name));
        }
        state.sample.clear();
        let mut not_numbers = 0;
        for (at, (name, value)) in values.iter().enumerate() {
            // Mostly the same fields in the same order.
            let field = match state.fields.get(at) {
                Some(field) if **field == **name => at,
                _ => state.field(&self.entry.name, name)?,
            };
            let value = value.unwrap_or(f64::NAN);
            if value.is_finite() {
                state.sample.push((field, value));
            } else {
                not_numbers += usize::from(values[at].1.is_some());
                state.sample.push((field, f64::NAN));
            }
        }
        let id = self.entry.id;
        let segment = store.journal.append(|segment, block| {
            if state.defined_in != Some(segment) {
                let json = state.definition(&self.entry.name).to_string();
                record::definition(block, id, json.as_bytes());
                state.defined_in = Some(segment);
            }
            record::sample(block, id, second, &state.sample);
            segment
        })?;
        if let Put::Merged { replaced } = state.take_in(second, segment, store.options.recent) {
            count(&store.counters.replaced, replaced);
        }
        state.pushed_in = store.round.load(Ordering::Relaxed);
        count(&store.counters.values, values.len());
        if not_numbers > 0 {
            count(&store.counters.not_numbers, not_numbers);
        }
        if state.pending.len() >= store.options.flush_rows && !state.called {
            state.called = true;
            drop(guard);
            store.call_flush(&self.entry);
        }
        Ok(())
    }
}

impl Entry {
    /// The series of a store, with what its file says where it has one.
    pub(crate) fn open(
        id: u32,
        name: &str,
        step: Span,
        store: &Paths,
        archives: &[Archive],
    ) -> Result<Self> {
        let stem = file_stem(name);
        let path = store.series.join(format!("{stem}.rrd"));
        if let Some(beside) = &store.beside
            && !path.exists()
        {
            beside.fetch(&stem, &store.series)?;
        }
        let mut file = RrdFile::open(&path, step)?;
        file.archives_if_new(archives);
        if is_cut(&stem) {
            file.belongs_to(name);
        }
        let mut state = State {
            step: file.step().as_seconds(),
            fields: Vec::new(),
            declaration: Declaration::default(),
            pending: Pending::default(),
            recent: LastRows::default(),
            recent_filled: false,
            written_to: file.last_update().map_or(MIN_START, Timestamp::as_seconds),
            defined_in: None,
            pushed_in: 0,
            called: false,
            on_the_way: false,
            sample: Vec::new(),
        };
        for field in file.fields() {
            state.field(name, &field)?;
        }
        Ok(Self {
            id,
            name: name.into(),
            state: Mutex::new(state),
            file: RwLock::new(file),
        })
    }
}

fn too_many_fields(series: &str) -> Error {
    Error::TooManyFields {
        series: series.into(),
        max: FIELDS_MAX,
    }
}

/// Where a store keeps things.
#[derive(Debug)]
pub(crate) struct Paths {
    pub(crate) series: PathBuf,
    pub(crate) journal: PathBuf,
    /// Whose files these are copies of, made as they are needed.
    pub(crate) beside: Option<Beside>,
}

impl Paths {
    /// Those of a folder, made if need be.
    pub(crate) fn within(folder: &Path) -> Result<Self> {
        let paths = Self {
            series: folder.join("series"),
            journal: folder.join("journal"),
            beside: None,
        };
        for path in [&paths.series, &paths.journal] {
            fs::create_dir_all(path).map_err(Error::io("create", path))?;
        }
        Ok(paths)
    }
}

impl State {
    /// Whether there is something that the file will have and has not yet.
    pub(crate) fn has_rows_to_come(&self) -> bool {
        self.on_the_way || !self.pending.is_empty()
    }

    /// The column of a field, a new one if need be.
    pub(crate) fn field(&mut self, series: &str, name: &str) -> Result<usize> {
        if let Some(at) = self.fields.iter().position(|field| **field == *name) {
            return Ok(at);
        }
        if name.is_empty() {
            return Err(Error::EmptyName { what: "field" });
        }
        if self.fields.len() == FIELDS_MAX {
            return Err(too_many_fields(series));
        }
        self.fields.push(name.into());
        self.pending.widen(self.fields.len());
        self.recent.widen(self.fields.len());
        self.defined_in = None;
        Ok(self.fields.len() - 1)
    }

    /// Puts `sample` where it belongs.
    fn take_in(&mut self, second: i64, segment: u64, recent: usize) -> Put {
        self.recent.put(second, &self.sample, recent);
        self.pending.put(second, segment, &self.sample)
    }

    /// Takes in a sample that is in the journal already.
    pub(crate) fn replay(
        &mut self,
        second: i64,
        segment: u64,
        values: impl Iterator<Item = (usize, f64)>,
        recent: usize,
    ) {
        self.sample.clear();
        self.sample.extend(values);
        self.take_in(second, segment, recent);
    }

    /// Puts samples of the file before those in memory.
    pub(crate) fn refill(&mut self, older: Vec<(i64, Vec<f64>)>, max: usize) {
        let newer: Vec<_> = self.recent.rows(max).collect();
        let border = self.recent.oldest().unwrap_or(i64::MAX);
        let older = older.into_iter().filter(|(second, _)| *second < border);
        self.recent = LastRows::default();
        self.recent.widen(self.fields.len());
        for (second, row) in older.chain(newer) {
            let row: Vec<_> = row.into_iter().enumerate().collect();
            self.recent.put(second, &row, max);
        }
        self.recent_filled = true;
    }

    /// Follows a declaration; the next sample brings it to the journal.
    pub(crate) fn declare(&mut self, declaration: &Declaration) {
        self.declaration.refine(declaration);
        self.defined_in = None;
    }

    /// Writes the waiting rows to the journal again, so that old segments can go.
    pub(crate) fn carry(&mut self, id: u32, name: &str, segment: u64, block: &mut Vec<u8>) {
        let json = self.definition(name).to_string();
        record::definition(block, id, json.as_bytes());
        self.defined_in = Some(segment);
        for (at, second) in self.pending.times.iter().enumerate() {
            let row = self.pending.row(at).iter().copied();
            let row: Vec<_> = row.enumerate().filter(|(_, v)| !v.is_nan()).collect();
            record::sample(block, id, *second, &row);
        }
        self.pending.carried_to(segment);
    }

    /// Everything that a start after a crash must know to create the file.
    fn definition(&self, name: &str) -> Value {
        let fields: Vec<&str> = self.fields.iter().map(AsRef::as_ref).collect();
        json!({
            "series": name,
            "step": self.step,
            "fields": fields,
            "declared": self.declaration.to_json(),
        })
    }
}
