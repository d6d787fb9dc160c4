use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// How often it is looked whether a watchdog still lives.
const LOOK: Duration = Duration::from_millis(20);

/// What a watchdog has written down, for whoever goes on after us.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Layers of which an entry was begun.
    pub(crate) held: BTreeSet<usize>,
    /// Those of them that are let go.
    pub(crate) let_go: BTreeSet<usize>,
}

fn file(record: &Path) -> PathBuf {
    record.with_extension("json")
}

/// A watchdog's own: it has the lock for as long as it lives.
pub(super) fn claim(record: &Path) -> io::Result<File> {
    let lock = File::options()
        .create(true)
        .append(true)
        .open(record.with_extension("lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::Error(why)) => Err(why),
        Err(TryLockError::WouldBlock) => Err(io::ErrorKind::AlreadyExists.into()),
    }
}

impl Record {
    /// Writes it as a whole; durable when it returns.
    pub(super) fn write(&self, record: &Path) -> io::Result<()> {
        let aside = record.with_extension("new");
        let mut out = File::create(&aside)?;
        out.write_all(&serde_json::to_vec(self)?)?;
        out.sync_all()?;
        std::fs::rename(&aside, file(record))?;
        match record.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }

    /// What was written last; nothing if nobody can say.
    fn read(record: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(file(record)).ok()?).ok()
    }

    /// It is of no use any more.
    pub(crate) fn remove(record: &Path) {
        for ending in ["json", "new", "lock"] {
            // What is not there needs no removing; the rest is a few bytes.
            let _ = std::fs::remove_file(record.with_extension(ending));
        }
    }
}

/// Waits until no watchdog works on this any more, at most so long, and says what it
/// has written down. Nothing if there was none, or it still works.
pub(crate) async fn settled(record: &Path, limit: Duration) -> Option<Record> {
    let deadline = Instant::now() + limit;
    let lock = File::options()
        .append(true)
        .open(record.with_extension("lock"))
        .ok()?;
    loop {
        match lock.try_lock() {
            Ok(()) => return Record::read(record),
            Err(_) if Instant::now() < deadline => tokio::time::sleep(LOOK).await,
            Err(_) => return None,
        }
    }
}
