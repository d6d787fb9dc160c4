use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex, RwLock};
use rem_time::{Clock, Span, Timestamp};
use rustix::fs::{FlockOperation, flock};

use crate::beside::Beside;
use crate::flush::{Flush, Housekeeper};
use crate::journal::{Journal, replay, segments};
use crate::name::{file_stem, is_cut, series_of};
use crate::options::Fault;
use crate::series::{Entry, Paths};
use crate::sidecar::Sidecar;
use crate::stats::{Counters, read};
use crate::undo::Undo;
use crate::{Declaration, Error, Opening, Options, Query, Result, Rows, Series, Stats};

/// A folder of series. See the [crate's description](crate) for what it promises.
///
/// It is closed by [`close`](Store::close), which leaves everything in the files.
/// Dropping it commits what was accepted to the journal; the next opening writes it
/// to the files.
#[derive(Debug)]
pub struct Store {
    inner: Arc<Inner>,
    threads: Vec<JoinHandle<()>>,
    opening: Opening,
}

/// What the store, its series and its threads share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) paths: Paths,
    pub(crate) options: Options,
    clock: Arc<dyn Clock>,
    catalog: RwLock<Catalog>,
    pub(crate) journal: Journal,
    /// Held by whoever writes to files.
    pub(crate) flush: Mutex<Flush>,
    pub(crate) housekeeper: Mutex<Housekeeper>,
    pub(crate) housekeeper_wake: Condvar,
    pub(crate) counters: Counters,
    pub(crate) flush_error: Mutex<Option<String>>,
    /// Samples above this second are looked at more closely.
    pub(crate) ahead_border: AtomicI64,
    /// Counts the housekeeper's rounds.
    pub(crate) round: AtomicU64,
    /// Keeps other processes out until the store ends.
    lock: Mutex<Option<File>>,
}

#[derive(Debug, Default)]
pub(crate) struct Catalog {
    by_name: HashMap<Arc<str>, Arc<Entry>>,
    pub(crate) entries: Vec<Arc<Entry>>,
}

impl Store {
    /// Opens a folder, creates it if need be, and reads back what its journal has and
    /// its files have not. One process at a time; the folder is locked.
    pub fn open(folder: &Path, options: Options, clock: Arc<dyn Clock>) -> Result<Self> {
        Self::at(Paths::within(folder)?, folder, options, clock)
    }

    /// Reads a folder that another process may have open: what it has committed up to
    /// now, of the series whose names are `wanted`; the others are not there. Nothing of it
    /// is locked, written or waited for. Copies of what is read are made in `scratch`, an
    /// empty folder of the caller's, and what is pushed here stays there.
    ///
    /// The samples of the last [commit window](Options::commit_window) are not seen.
    ///
    /// # Errors
    /// If the folder holds no series, or cannot be read, or `scratch` cannot be written.
    pub fn beside(
        folder: &Path,
        scratch: &Path,
        wanted: impl Fn(&str) -> bool + Send + Sync + 'static,
        options: Options,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let mut paths = Paths::within(scratch)?;
        let beside = Beside::new(folder, &paths.journal, Box::new(wanted))?;
        paths.beside = Some(beside);
        Self::at(paths, scratch, options, clock)
    }

    fn at(paths: Paths, folder: &Path, options: Options, clock: Arc<dyn Clock>) -> Result<Self> {
        let lock = lock(folder)?;
        let mut undo = Undo::open(paths.journal.join("undo"))?;
        let mut opening = Opening {
            rolled_back: undo.roll_back()?,
            ..Opening::default()
        };
        let next = segments(&paths.journal)?.last().map_or(1, |(n, _)| n + 1);
        let fault = options.fault == Fault::NoJournal;
        let journal = Journal::new(paths.journal.clone(), next, options.segment_bytes, fault);
        let inner = Arc::new(Inner {
            paths,
            ahead_border: AtomicI64::new(i64::MIN),
            options,
            clock,
            catalog: RwLock::default(),
            journal,
            flush: Mutex::new(Flush::new(undo)),
            housekeeper: Mutex::default(),
            housekeeper_wake: Condvar::new(),
            counters: Counters::default(),
            flush_error: Mutex::default(),
            round: AtomicU64::new(1),
            lock: Mutex::new(Some(lock)),
        });
        replay::replay(&inner, &mut opening)?;
        let (for_journal, for_flush) = (inner.clone(), inner.clone());
        // The other half of the window is for the writing itself.
        let wait = inner.options.commit_window.as_duration() / 2;
        let start = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let thread = std::thread::Builder::new().name(name.into());
            thread
                .spawn(work)
                .map_err(Error::io("start a thread for", folder))
        };
        let threads = vec![
            start(
                "series-journal",
                Box::new(move || for_journal.journal.run(wait)),
            )?,
            start("series-flush", Box::new(move || for_flush.keep_house()))?,
        ];
        Ok(Self {
            inner,
            threads,
            opening,
        })
    }

    /// What opening found: samples brought back, and damage.
    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    /// A series by name, any name. Nothing is created before its first sample. `step`
    /// is the time between samples; a file that exists keeps its own.
    pub fn series(&self, name: &str, step: Span) -> Result<Series> {
        Ok(Series {
            entry: self.inner.entry(name, step)?,
            store: self.inner.clone(),
        })
    }

    /// Accepts a sample, see [`Series::push`]; a handle saves looking up the name.
    pub fn push(
        &self,
        name: &str,
        step: Span,
        time: Timestamp,
        values: &[(&str, Option<f64>)],
    ) -> Result<()> {
        self.series(name, step)?.push(time, values)
    }

    /// Says more about a series: types, units, limits, archives. A file that exists is
    /// altered at once and keeps its history, a later one is created that way.
    pub fn declare(&self, name: &str, step: Span, declaration: &Declaration) -> Result<()> {
        declaration.check()?;
        let entry = self.inner.entry(name, step)?;
        self.inner.alter(&entry, declaration)
    }

    /// The names of all series that have a file or a sample, in order.
    pub fn names(&self) -> Result<Vec<String>> {
        let paths = &self.inner.paths;
        let mut names = names_of_files(&paths.series)?;
        if let Some(beside) = &paths.beside {
            names.extend(names_of_files(beside.series())?);
        }
        let catalog = self.inner.catalog.read();
        let waiting = |entry: &&Arc<Entry>| !entry.state.lock().pending.is_empty();
        let in_memory = catalog.entries.iter().filter(waiting);
        names.extend(in_memory.map(|entry| entry.name.to_string()));
        if let Some(beside) = &paths.beside {
            names.retain(|name| beside.wants(name));
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// The fields of a series.
    pub fn fields(&self, name: &str) -> Result<Vec<String>> {
        let entry = self.inner.existing(name)?;
        let state = entry.state.lock();
        Ok(state.fields.iter().map(ToString::to_string).collect())
    }

    /// The unit of a field, where one was declared.
    pub fn unit(&self, name: &str, field: &str) -> Result<Option<String>> {
        let entry = self.inner.existing(name)?;
        let file = entry.file.read();
        Ok(file.unit(field).map(Into::into))
    }

    /// The file of a series, whether or not it is there yet.
    pub fn path(&self, name: &str) -> PathBuf {
        let stem = file_stem(name);
        self.inner.paths.series.join(format!("{stem}.rrd"))
    }

    /// The values of a span of time, everything accepted so far included.
    pub fn fetch(&self, name: &str, query: &Query) -> Result<Rows> {
        let entry = self.entry_of(name)?;
        let file = entry.file.read();
        file.fetch(query)
    }

    /// The same for many series at once, as a page of graphs needs it; what waits for
    /// their files is written together. The answers are in the order of the questions.
    pub fn fetch_many(&self, queries: &[(&str, Query)]) -> Vec<Result<Rows>> {
        let entries: Vec<Result<Arc<Entry>>> = queries
            .iter()
            .map(|(name, _)| self.inner.existing(name))
            .collect();
        let found: Vec<Arc<Entry>> = entries.iter().flatten().cloned().collect();
        self.inner.flush_entries(&found, false);
        let answers = entries.into_iter().zip(queries);
        answers
            .map(|(entry, (_, query))| entry?.file.read().fetch(query))
            .collect()
    }

    /// The last `n` samples of a series as they were pushed, oldest first: from memory
    /// where there are enough, with what the file has before that (not for counters, whose
    /// file has rates). At most [`Options::recent`].
    pub fn recent(&self, name: &str, n: usize) -> Result<Recent> {
        let entry = self.inner.existing(name)?;
        self.inner.recent(&entry, n)
    }

    /// Commits everything accepted so far to the journal, now.
    pub fn sync(&self) -> Result<()> {
        self.inner.journal.commit()
    }

    /// Writes everything accepted so far to the files, now. The first error is
    /// returned, the other files are written all the same.
    pub fn flush(&self) -> Result<()> {
        self.inner.flush_all()
    }

    /// Leaves everything in the files and nothing in the journal. What cannot be written
    /// stays in the journal, and the error is returned.
    pub fn close(mut self) -> Result<()> {
        self.stop();
        let committed = self.inner.journal.commit();
        self.inner.flush_all()?;
        committed?;
        self.inner.drop_segments(true)
    }

    /// Counts and what is waiting.
    pub fn stats(&self) -> Stats {
        let counters = &self.inner.counters;
        let (journal_error, journal_waiting) = self.inner.journal.state();
        Stats {
            values: read(&counters.values),
            not_numbers: read(&counters.not_numbers),
            replaced: read(&counters.replaced),
            late: read(&counters.late),
            ahead: read(&counters.ahead),
            dropped: read(&counters.dropped),
            flushes: read(&counters.flushes),
            rows_flushed: read(&counters.rows_flushed),
            flush_errors: read(&counters.flush_errors),
            flush_error: self.inner.flush_error.lock().clone(),
            journal_error,
            journal_waiting,
            series: self.inner.catalog.read().entries.len(),
        }
    }

    /// A series with everything that was accepted in its file.
    pub(crate) fn entry_of(&self, name: &str) -> Result<Arc<Entry>> {
        let entry = self.inner.existing(name)?;
        self.inner
            .flush_entries(std::slice::from_ref(&entry), false);
        Ok(entry)
    }

    /// Takes nothing more in and ends the threads.
    fn stop(&mut self) {
        self.inner.journal.end();
        self.inner.housekeeper.lock().ended = true;
        self.inner.housekeeper_wake.notify_all();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!(
                    "a thread of the store in {:?} panicked",
                    self.inner.paths.series
                );
            }
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.stop();
            if let Err(error) = self.inner.journal.commit() {
                tracing::error!("samples are lost, {}", error.in_one_line());
            }
        }
        if let Some(lock) = self.inner.lock.lock().take() {
            // Closing is not enough: a child that another thread is starting at this moment
            // holds a copy until it executes its program.
            let _ = flock(&lock, FlockOperation::Unlock);
        }
    }
}

/// The last samples of a series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recent {
    /// The names of the columns.
    pub fields: Vec<String>,
    /// Oldest first; unknown is NaN.
    pub rows: Vec<(Timestamp, Vec<f64>)>,
}

impl Inner {
    /// The entry of a series, known or new.
    pub(crate) fn entry(&self, name: &str, step: Span) -> Result<Arc<Entry>> {
        if let Some(entry) = self.catalog.read().by_name.get(name) {
            return Ok(entry.clone());
        }
        if name.is_empty() {
            return Err(Error::EmptyName { what: "series" });
        }
        let mut catalog = self.catalog.write();
        if let Some(entry) = catalog.by_name.get(name) {
            return Ok(entry.clone());
        }
        let id = u32::try_from(catalog.entries.len()).unwrap_or(u32::MAX);
        let entry = Arc::new(Entry::open(
            id,
            name,
            step,
            &self.paths,
            &self.options.archives,
        )?);
        catalog.by_name.insert(entry.name.clone(), entry.clone());
        catalog.entries.push(entry.clone());
        Ok(entry)
    }

    /// The entry of a series that has a sample or a file.
    pub(crate) fn existing(&self, name: &str) -> Result<Arc<Entry>> {
        if let Some(entry) = self.catalog.read().by_name.get(name) {
            return Ok(entry.clone());
        }
        let file = format!("{}.rrd", file_stem(name));
        let is_wanted = |beside: &Beside| beside.wants(name);
        let is_there = match &self.paths.beside {
            None => self.paths.series.join(file).exists(),
            Some(beside) => is_wanted(beside) && beside.series().join(file).exists(),
        };
        if name.is_empty() || !is_there {
            return Err(Error::NoSeries { name: name.into() });
        }
        self.entry(name, Span::ZERO)
    }

    pub(crate) fn entries(&self) -> Vec<Arc<Entry>> {
        self.catalog.read().entries.clone()
    }

    /// Whether a second is too far in the future. Moves the border that spares
    /// most samples this look at the clock.
    pub(crate) fn is_ahead(&self, second: i64) -> bool {
        let border = (self.clock.now() + self.options.ahead_max).as_seconds();
        self.ahead_border.store(border, Ordering::Relaxed);
        second > border
    }

    fn recent(&self, entry: &Entry, n: usize) -> Result<Recent> {
        let n = n.min(self.options.recent);
        let mut older = Vec::new();
        let missing = {
            let state = entry.state.lock();
            !state.recent_filled && state.recent.len() < n
        };
        if missing {
            older = self.recent_in_file(entry)?;
        }
        let mut state = entry.state.lock();
        if missing && !state.recent_filled {
            state.refill(older, self.options.recent);
        }
        Ok(Recent {
            fields: state.fields.iter().map(ToString::to_string).collect(),
            rows: state
                .recent
                .rows(n)
                .map(|(second, row)| (Timestamp::from_seconds(second), row))
                .collect(),
        })
    }
}

/// The series whose files are in a folder.
fn names_of_files(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for file in fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let path = file.map_err(Error::io("list", folder))?.path();
        if path.extension().is_none_or(|ending| ending != "rrd") {
            continue;
        }
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        names.extend(stem.and_then(|stem| match is_cut(stem) {
            true => Sidecar::read(&path).ok()?.series,
            false => series_of(stem),
        }));
    }
    Ok(names)
}

/// Locks a folder for this process.
fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let mut open = OpenOptions::new();
    let open = open.create(true).truncate(false).read(true).write(true);
    let mut file = open.open(&path).map_err(Error::io("open", &path))?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut holder = String::new();
        // Who holds it is a courtesy; that it is held is what counts.
        let _ = file.read_to_string(&mut holder);
        return Err(Error::InUse {
            path: folder.into(),
            pid: holder.trim().parse().ok(),
        });
    }
    file.set_len(0)
        .and_then(|()| file.write_all(std::process::id().to_string().as_bytes()))
        .map_err(Error::io("write", &path))?;
    Ok(file)
}
