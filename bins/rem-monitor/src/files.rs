//! Notices that a file of the configuration has changed.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rem_config::Config;
use rem_yaml::Problems;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often the files are looked at. A change is taken when two looks in a row see
/// the same, so that a file is not read in the midst of being written.
const EVERY: Duration = Duration::from_millis(500);
/// The kinds of files that make a folder another one.
const KINDS: [&str; 2] = ["yaml", "yml"];

/// What tells one version of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: (i64, i64),
    size: u64,
    inode: (u64, u64),
}

/// The files of a configuration, and the names in their folders: a pattern such as
/// `conf.d/*.yaml` may take a new file in. A folder that none of the files is in yet
/// is not known.
#[derive(Debug)]
pub(crate) struct Files {
    watched: BTreeSet<PathBuf>,
    seen: Look,
    changing: Option<Look>,
    ticks: Interval,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Look {
    files: BTreeMap<PathBuf, Option<Stamp>>,
    folders: BTreeMap<PathBuf, BTreeSet<OsString>>,
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
    /// The files of `config`, as they are now. Must be called within a tokio runtime.
    pub(crate) fn of(config: &Config) -> Self {
        let watched: BTreeSet<PathBuf> = config.files().iter().cloned().collect();
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
    pub(crate) fn now(&mut self, config: &Config) {
        self.watch(config.files().iter().cloned().collect());
    }

    /// It could not be read: the files that it found mistakes in count as well.
    pub(crate) fn refused(&mut self, problems: &Problems) {
        let mut watched = self.watched.clone();
        let places = problems.sorted().into_iter();
        watched.extend(places.map(|problem| PathBuf::from(&*problem.place.file)));
        self.watch(watched);
    }

    fn watch(&mut self, watched: BTreeSet<PathBuf>) {
        if self.watched != watched {
            self.seen = Look::at(&watched);
            self.watched = watched;
        }
    }
}

impl Look {
    fn at(watched: &BTreeSet<PathBuf>) -> Self {
        let folders: BTreeSet<&Path> = watched.iter().filter_map(|file| file.parent()).collect();
        Self {
            files: watched
                .iter()
                .map(|file| (file.clone(), Stamp::of(file)))
                .collect(),
            folders: folders
                .into_iter()
                .map(|folder| (folder.to_owned(), names(folder)))
                .collect(),
        }
    }
}

fn names(folder: &Path) -> BTreeSet<OsString> {
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let Ok(entries) = std::fs::read_dir(folder) else {
        return BTreeSet::new();
    };
    let is_of_ours = |name: &OsString| {
        let kind = Path::new(name).extension();
        kind.is_some_and(|kind| KINDS.iter().any(|ours| kind == *ours))
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    names.filter(is_of_ours).collect()
}
