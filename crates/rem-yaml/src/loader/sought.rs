use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{list_folder, pattern};

/// What a load has looked for, whether or not it was there: what has to be watched by
/// whoever wants to load again when something changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sought {
    /// Files by their names: those that were read, and those that could not be.
    pub files: BTreeSet<PathBuf>,
    /// Patterns, each with the folder that it is relative to.
    pub patterns: BTreeSet<(PathBuf, String)>,
}

impl Sought {
    /// The files of the file system that the patterns name now. What cannot be listed
    /// has none.
    pub fn matching(&self) -> BTreeSet<PathBuf> {
        let list: super::List = Box::new(list_folder);
        let patterns = self.patterns.iter();
        patterns
            .flat_map(|(folder, text)| {
                let found = pattern::expand(folder, text, &list).unwrap_or_default();
                found.into_iter().map(|path| folder.join(path))
            })
            .collect()
    }

    /// Also what another load has looked for.
    pub fn add(&mut self, other: Self) {
        self.files.extend(other.files);
        self.patterns.extend(other.patterns);
    }
}

/// Sees what a loader looks for, also after the loader is gone. Clones see the same.
#[derive(Clone, Debug, Default)]
pub struct Seeker(Arc<Mutex<Sought>>);

impl Seeker {
    /// What was looked for so far.
    pub fn sought(&self) -> Sought {
        self.lock().clone()
    }

    pub(super) fn file(&self, path: &Path) {
        self.lock().files.insert(path.to_owned());
    }

    pub(super) fn pattern(&self, folder: PathBuf, text: &str) {
        self.lock().patterns.insert((folder, text.to_owned()));
    }

    fn lock(&self) -> MutexGuard<'_, Sought> {
        // Whoever panicked here had only begun to add something.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
