use std::sync::atomic::{AtomicU64, Ordering};

/// What a store has done since it was opened, and what is waiting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Values accepted, unknown ones included.
    pub values: u64,
    /// Values that were infinite or not a number, kept as unknown.
    pub not_numbers: u64,
    /// Known values that a newer one for the same second replaced.
    pub replaced: u64,
    /// Samples left out because the file was already at their second or later.
    pub late: u64,
    /// Samples refused because they were too far in the future.
    pub ahead: u64,
    /// Rows that were dropped from memory, because their file could not be written for long.
    pub dropped: u64,
    /// Updates of files.
    pub flushes: u64,
    /// Rows written to files.
    pub rows_flushed: u64,
    /// Updates that failed; their rows wait.
    pub flush_errors: u64,
    /// The last of them, as text.
    pub flush_error: Option<String>,
    /// Why the journal could not be written the last time, if so.
    pub journal_error: Option<String>,
    /// Bytes that wait for the next commit.
    pub journal_waiting: usize,
    /// Series known by now.
    pub series: usize,
}

/// The running counts behind [`Stats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) values: AtomicU64,
    pub(crate) not_numbers: AtomicU64,
    pub(crate) replaced: AtomicU64,
    pub(crate) late: AtomicU64,
    pub(crate) ahead: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) flushes: AtomicU64,
    pub(crate) rows_flushed: AtomicU64,
    pub(crate) flush_errors: AtomicU64,
}

pub(crate) fn count(counter: &AtomicU64, more: usize) {
    counter.fetch_add(more as u64, Ordering::Relaxed);
}

pub(crate) fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// What opening a store found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// Samples that the journal had and the files had not.
    pub replayed: usize,
    /// Samples of the journal that the files had already.
    pub skipped: usize,
    /// Files whose interrupted update was undone.
    pub rolled_back: usize,
    /// What could not be read, each with its file: damaged stretches of the journal
    /// (kept aside as `*.damaged`) and samples of damaged files.
    pub damage: Vec<String>,
}
