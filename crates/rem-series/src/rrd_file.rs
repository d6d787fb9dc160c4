use std::ffi::CString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rem_time::{Span, Timestamp};

use crate::header::{Header, Source};
use crate::librrd::{self, UpdateRows};
use crate::name::data_source_name;
use crate::pending::Pending;
use crate::rrd_file::definition::{archive_changes, archive_text, definition, tuning};
use crate::rrd_file::number::{write_value, write_whole};
use crate::sidecar::{Sidecar, beside, sync_folder_of};
use crate::{Archive, Consolidation, Declaration, Error, Field, Kind, Query, Result, Rows};

mod definition;
mod number;
#[cfg(test)]
mod tests;

/// The most fields a series can have.
pub(crate) const FIELDS_MAX: usize = 1000;
/// librrd refuses files that begin in 1980 or before (seconds since the epoch).
pub(crate) const MIN_START: i64 = 3600 * 24 * 365 * 10 + 1;

/// One RRD file at a path of the caller's choice, written at once: for the few
/// series that somebody wants in a certain place. Many series with many samples
/// are cheaper in a [`Store`](crate::Store).
///
/// ```
/// use rem_series::{Declaration, Field, RrdFile};
/// use rem_time::{Span, Timestamp};
///
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("simplest.rrd");
/// let declared = Declaration::default().field("random", Field::gauge());
/// let mut file = RrdFile::open_or_create(&path, Span::from_seconds(5), &declared)?;
/// file.push(Timestamp::from_seconds(1_282_114_495), &[("random", Some(67.0))])?;
/// assert!(path.is_file());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RrdFile {
    path: PathBuf,
    c_path: CString,
    step: u64,
    declaration: Declaration,
    /// For a new file of which nothing else is declared.
    archives: Vec<Archive>,
    sidecar: Sidecar,
    /// `None` as long as there is no file.
    header: Option<Header>,
}

impl RrdFile {
    /// Opens a file, or prepares to create it with the first sample, when its
    /// fields are known. A file that exists keeps its step and follows `declaration`
    /// in everything else, without losing its history.
    pub fn open_or_create(path: &Path, step: Span, declaration: &Declaration) -> Result<Self> {
        declaration.check()?;
        let mut file = Self::open(path, step)?;
        file.declare(declaration)?;
        Ok(file)
    }

    /// Opens a file as it is, or one that does not exist yet.
    pub(crate) fn open(path: &Path, step: Span) -> Result<Self> {
        let unusable = |reason: &str| Error::Damaged {
            path: path.into(),
            reason: reason.into(),
        };
        let text = path
            .to_str()
            .ok_or_else(|| unusable("its path is not UTF-8"))?;
        let c_path = CString::new(text).map_err(|_| unusable("its path has a zero byte"))?;
        let header = Header::read_if_any(path)?;
        Ok(Self {
            path: path.into(),
            c_path,
            step: header.as_ref().map_or(step.as_seconds().max(1), |h| h.step),
            declaration: Declaration::default(),
            archives: crate::default_archives(),
            sidecar: Sidecar::read(path)?,
            header,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// From one row to the next.
    pub fn step(&self) -> Span {
        Span::from_seconds(self.step)
    }

    /// The second of the newest sample; `None` as long as there is no file.
    pub fn last_update(&self) -> Option<Timestamp> {
        self.header
            .as_ref()
            .map(|header| Timestamp::from_seconds(header.last_update))
    }

    /// The fields of the file, or the declared ones as long as there is none.
    pub fn fields(&self) -> Vec<String> {
        match &self.header {
            Some(header) => header
                .sources
                .iter()
                .map(|source| self.sidecar.field(&source.name).to_owned())
                .collect(),
            None => self.declaration.fields.keys().cloned().collect(),
        }
    }

    /// The unit of a field, where one was declared.
    pub fn unit(&self, field: &str) -> Option<&str> {
        self.sidecar.units.get(field).map(String::as_str)
    }

    /// Writes one sample at once. A sample that is not newer than the newest one is
    /// left out, as is every value that is not a number (it becomes unknown).
    ///
    /// Returns whether it was newer.
    pub fn push(&mut self, time: Timestamp, values: &[(&str, Option<f64>)]) -> Result<bool> {
        let time = time.as_seconds();
        self.reload()?;
        if self.header.as_ref().is_some_and(|h| time <= h.last_update) {
            return Ok(false);
        }
        let mut row = Pending::default();
        row.widen(values.len());
        let cells: Vec<(usize, f64)> = values
            .iter()
            .map(|(_, value)| value.filter(|v| v.is_finite()).unwrap_or(f64::NAN))
            .enumerate()
            .collect();
        row.put(time, 0, &cells);
        let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
        self.prepare(&names, time)?;
        self.write(&names, &row)?;
        Ok(true)
    }

    /// The values of a span of time.
    pub fn fetch(&self, query: &Query) -> Result<Rows> {
        let Some(header) = &self.header else {
            return Ok(Rows::default());
        };
        let kept = |by| header.archives.iter().any(|a| a.consolidation == Some(by));
        let by = Some(query.consolidation)
            .filter(|by| kept(*by))
            .or_else(|| header.archives.iter().find_map(|a| a.consolidation))
            .unwrap_or_default();
        // Nothing is known outside of this, and asking for it would cost memory.
        let span = header.archives.iter().map(|a| a.steps * a.rows).max();
        let span = (span.unwrap_or(0) * header.step).cast_signed();
        let known = header.last_update - 2 * span..header.last_update + span;
        let start = query
            .start
            .as_seconds()
            .clamp(known.start.max(0), known.end);
        let end = query.end.as_seconds().clamp(start + 1, known.end + 1);
        let data = rrd::ops::fetch::fetch(
            &self.path,
            by.into(),
            system_time(start),
            system_time(end),
            query.resolution.as_duration().max(Duration::from_secs(1)),
        )
        .map_err(|error| self.refused("fetch from", &error.to_string()))?;
        let first = seconds(data.start());
        let step = data.step().as_secs();
        // librrd adds a row that begins where the query ends.
        let wanted = (end - first).cast_unsigned().div_ceil(step) + 1;
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        let mut values = Vec::with_capacity(wanted.min(data.row_count()) * data.ds_names().len());
        for row in data.rows().iter().take(wanted) {
            values.extend_from_slice(row.as_slice());
        }
        let names = data.ds_names().iter();
        let rows = Rows {
            start: Timestamp::from_seconds(first),
            step: Span::from_seconds(step),
            fields: names.map(|ds| self.sidecar.field(ds).to_owned()).collect(),
            values,
        };
        Ok(rows.at_most(query.points, query.consolidation))
    }

    /// Follows a declaration: at once where there is a file, else when it is created.
    pub fn declare(&mut self, declaration: &Declaration) -> Result<()> {
        declaration.check()?;
        self.declaration.refine(declaration);
        let mut sidecar = self.sidecar.clone();
        for (name, field) in &declaration.fields {
            match &field.unit {
                Some(unit) => sidecar.units.insert(name.clone(), unit.clone()),
                None => sidecar.units.remove(name),
            };
        }
        if self.header.is_none() {
            self.sidecar = sidecar;
            return Ok(());
        }
        if sidecar != self.sidecar {
            sidecar.write(&self.path)?;
            self.sidecar = sidecar;
        }
        let names: Vec<&str> = declaration.fields.keys().map(String::as_str).collect();
        self.alter(&names)
    }

    /// Whether following a declaration changes nothing of a file: it is as declared, or
    /// not there yet.
    pub(crate) fn is_as_declared(&self, declaration: &Declaration) -> bool {
        let Some(header) = &self.header else {
            return true;
        };
        let mut refined = self.declaration.clone();
        refined.refine(declaration);
        let mut fields = declaration.fields.iter();
        let is_field = |(name, told): (&String, &Field)| {
            let (source, field) = (self.source(name), refined.fields.get(name));
            let tuned = source
                .zip(field)
                .is_some_and(|(source, field)| tuning(source, field, self.step).is_empty());
            tuned && self.sidecar.units.get(name) == told.unit.as_ref()
        };
        let wanted = refined.archives.as_ref();
        fields.all(is_field)
            && wanted.is_none_or(|wanted| archive_changes(header, wanted).is_empty())
    }

    /// Notes whose file this is, where its name alone does not tell.
    pub(crate) fn belongs_to(&mut self, series: &str) {
        self.sidecar.series = Some(series.into());
    }

    /// Follows a declaration for what will be created, and leaves a file as it is.
    pub(crate) fn declare_if_new(&mut self, declaration: &Declaration) -> Result<()> {
        if self.header.is_none() {
            return self.declare(declaration);
        }
        self.declaration.refine(declaration);
        Ok(())
    }

    /// What a new file keeps where nothing is declared.
    pub(crate) fn archives_if_new(&mut self, archives: &[Archive]) {
        self.archives = archives.to_vec();
    }

    pub(crate) fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// Makes sure that there is a file with these fields; `first` is the second of
    /// the first row.
    pub(crate) fn prepare(&mut self, fields: &[&str], first: i64) -> Result<()> {
        if self.header.is_none() {
            return self.create(fields, first);
        }
        if fields.iter().all(|field| self.source(field).is_some()) {
            return Ok(());
        }
        self.alter(fields)
    }

    /// Adds rows whose columns are these fields. The fields are [`prepare`](Self::prepare)d.
    pub(crate) fn write(&mut self, fields: &[&str], rows: &Pending) -> Result<()> {
        let Some(header) = &self.header else {
            return Err(self.refused("update", "it was not created"));
        };
        let column_of = |source: &Source| {
            let field = self.sidecar.field(&source.name);
            fields.iter().position(|name| *name == field)
        };
        let columns: Vec<(Option<usize>, Kind)> = header
            .sources
            .iter()
            .filter(|source| !source.computed)
            .map(|source| (column_of(source), source.kind.unwrap_or_default()))
            .collect();
        let mut update = UpdateRows::default();
        for (at, time) in rows.times.iter().enumerate() {
            let text = update.row();
            write_whole(text, *time);
            for (column, kind) in &columns {
                text.push(b':');
                let value = column.map_or(f64::NAN, |column| rows.row(at)[column]);
                write_value(text, *kind, value);
            }
        }
        librrd::update(&self.c_path, update).map_err(|reason| self.refused("update", &reason))?;
        if let (Some(header), Some(newest)) = (&mut self.header, rows.times.last()) {
            header.last_update = header.last_update.max(*newest);
        }
        Ok(())
    }

    /// Reads its head again, after something failed or somebody else wrote.
    pub(crate) fn reload(&mut self) -> Result<()> {
        self.header = Header::read_if_any(&self.path)?;
        Ok(())
    }

    fn create(&mut self, fields: &[&str], first: i64) -> Result<()> {
        let declared = self.declaration.fields.keys().map(String::as_str);
        let mut names: Vec<&str> = declared.chain(fields.iter().copied()).collect();
        names.sort_unstable();
        names.dedup();
        let mut sources = Vec::new();
        // The plain names first, so that each can stay itself.
        let mut by_plainness = names.clone();
        by_plainness.sort_by_key(|name| data_source_name(name, |_| false) != *name);
        for name in by_plainness {
            let source = self.sidecar.add(name, &sources);
            sources.push(source);
        }
        self.sidecar.write(&self.path)?;
        let default = Field::default();
        let mut definitions = Vec::new();
        for name in &names {
            let field = self.declaration.fields.get(*name).unwrap_or(&default);
            let source = self.sidecar.source(name).unwrap_or(name);
            definitions.push(definition(source, field, self.step));
        }
        let archives = &self.declaration.archives;
        let archives = archives.as_ref().unwrap_or(&self.archives);
        definitions.extend(archives.iter().map(archive_text));
        let temporary = beside(&self.path, "new");
        // librrd says nothing about a disk that is full.
        let rows: u64 = archives.iter().map(|archive| u64::from(archive.rows)).sum();
        has_room(&temporary, 8 * rows * names.len() as u64)
            .map_err(Error::io("create", &self.path))?;
        // Not newer than the first row, and not older than RRD's own limit.
        let start = (first - self.step.cast_signed()).max(MIN_START);
        let created = c_strings([temporary.to_string_lossy().into_owned()])
            .and_then(|path| Ok((path, c_strings(definitions)?)))
            .and_then(|(path, definitions)| {
                librrd::create(&path[0], self.step, start, &definitions)
            })
            .map_err(|reason| self.refused("create", &reason));
        if let Err(error) = created {
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        self.replace_by(&temporary)
    }

    /// Brings an existing file up to what is declared and to these fields: in a
    /// copy that then takes its place, so that a crash leaves the old or the new one.
    fn alter(&mut self, fields: &[&str]) -> Result<()> {
        let Some(header) = self.header.clone() else {
            return Ok(());
        };
        let mut changes: Vec<String> = Vec::new();
        let mut existing: Vec<String> = header.sources.iter().map(|s| s.name.clone()).collect();
        let mut sidecar = self.sidecar.clone();
        let default = Field::default();
        for name in fields {
            let field = self.declaration.fields.get(*name);
            if let Some(source) = self.source(name) {
                if let Some(field) = field {
                    changes.extend(tuning(source, field, self.step));
                }
                continue;
            }
            let source = sidecar.add(name, &existing);
            let field = field.unwrap_or(&default);
            changes.push(definition(&source, field, self.step));
            existing.push(source);
        }
        if let Some(wanted) = &self.declaration.archives {
            changes.extend(archive_changes(&header, wanted));
        }
        if changes.is_empty() {
            return Ok(());
        }
        sidecar.write(&self.path)?;
        let temporary = beside(&self.path, "new");
        fs::copy(&self.path, &temporary).map_err(Error::io("copy", &self.path))?;
        let command = ["tune".to_owned(), temporary.to_string_lossy().into_owned()];
        let altered = c_strings(command.into_iter().chain(changes))
            .and_then(|arguments| librrd::tune(&arguments))
            .map_err(|reason| self.refused("alter", &reason));
        if let Err(error) = altered {
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        self.sidecar = sidecar;
        self.replace_by(&temporary)
    }

    fn replace_by(&mut self, temporary: &Path) -> Result<()> {
        let synced = fs::File::open(temporary).and_then(|file| file.sync_all());
        synced.map_err(Error::io("sync", temporary))?;
        fs::rename(temporary, &self.path).map_err(Error::io("create", &self.path))?;
        sync_folder_of(&self.path)?;
        self.reload()
    }

    /// The data source that a field has in the file.
    pub(crate) fn source(&self, field: &str) -> Option<&Source> {
        let name = self.sidecar.source(field)?;
        let sources = &self.header.as_ref()?.sources;
        sources.iter().find(|source| source.name == name)
    }

    fn refused(&self, doing: &'static str, reason: &str) -> Error {
        Error::Rrd {
            doing,
            path: self.path.clone(),
            reason: reason.into(),
        }
    }
}

impl From<Consolidation> for rrd::ConsolidationFn {
    fn from(function: Consolidation) -> Self {
        match function {
            Consolidation::Average => Self::Avg,
            Consolidation::Min => Self::Min,
            Consolidation::Max => Self::Max,
            Consolidation::Last => Self::Last,
        }
    }
}

/// Whether a file of that size can be made; it is removed again.
fn has_room(path: &Path, bytes: u64) -> std::io::Result<()> {
    let file = fs::File::create(path)?;
    let room = rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes);
    drop(file);
    fs::remove_file(path)?;
    match room {
        // Not every file system can tell.
        Err(rustix::io::Errno::OPNOTSUPP) => Ok(()),
        room => Ok(room?),
    }
}

fn c_strings(texts: impl IntoIterator<Item = String>) -> Result<Vec<CString>, String> {
    let texts = texts.into_iter();
    texts
        .map(|text| CString::new(text).map_err(|error| error.to_string()))
        .collect()
}

fn system_time(seconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds.max(0).cast_unsigned())
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
