//! Notices that a file of the configuration has changed.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rem_yaml::Sought;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often the files are looked at. A change is taken when two looks in a row see
/// the same, so that a file is not read in the midst of being written.
const EVERY: Duration = Duration::from_millis(500);

/// What tells one version of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: (i64, i64),
    size: u64,
    inode: (u64, u64),
}

/// Everything that the last load has looked for: files, also those that are not there,
/// and patterns such as `conf.d/*.yaml`, which may take a new file in.
#[derive(Debug)]
pub(crate) struct Files {
    watched: Sought,
    seen: Look,
    changing: Option<Look>,
    ticks: Interval,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Look {
    files: BTreeMap<PathBuf, Option<Stamp>>,
    matching: BTreeSet<PathBuf>,
}

impl Stamp {
    /// That of a file, if there is one.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let of = |meta: &Metadata| Self {
            modified: (meta.mtime(), meta.mtime_nsec()),
            size: meta.size(),
            inode: (meta.dev(), meta.ino()),
        };
        std::fs::metadata(path).ok().as_ref().map(of)
    }
}

impl Files {
    /// What a load has looked for, as it is now. Must be called within a tokio runtime.
    pub(crate) fn of(watched: Sought) -> Self {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            seen: Look::at(&watched),
            watched,
            changing: None,
            ticks,
        }
    }

    /// Comes back when something has changed and is at rest. May be dropped and called
    /// again at any time.
    pub(crate) async fn changed(&mut self) {
        loop {
            self.ticks.tick().await;
            let watched = self.watched.clone();
            // A network file system may keep us waiting.
            let Ok(look) = tokio::task::spawn_blocking(move || Look::at(&watched)).await else {
                continue;
            };
            if self.saw(look) {
                return;
            }
        }
    }

    /// Takes a look; says whether a change is at rest.
    fn saw(&mut self, look: Look) -> bool {
        if look == self.seen {
            self.changing = None;
            return false;
        }
        if self.changing.as_ref() != Some(&look) {
            self.changing = Some(look);
            return false;
        }
        self.changing = None;
        self.seen = look;
        true
    }

    /// The files are about to be read: what changed up to here is known.
    pub(crate) fn reading(&mut self) {
        self.seen = Look::at(&self.watched);
        self.changing = None;
    }

    /// They were read, perhaps others than before.
    pub(crate) fn now(&mut self, sought: Sought) {
        self.watch(sought);
    }

    /// It could not be read: what it looked for counts beside what is in use.
    pub(crate) fn refused(&mut self, sought: Sought) {
        let mut watched = self.watched.clone();
        watched.add(sought);
        self.watch(watched);
    }

    fn watch(&mut self, watched: Sought) {
        if self.watched != watched {
            self.seen = Look::at(&watched);
            self.watched = watched;
        }
    }
}

impl Look {
    fn at(watched: &Sought) -> Self {
        Self {
            files: watched
                .files
                .iter()
                .map(|file| (file.clone(), Stamp::of(file)))
                .collect(),
            matching: watched.matching(),
        }
    }
}
