use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use procblock::Block;
use rem_yaml::Problems;

use super::package_file::{self, PackageFile};
use super::place::{Stamp, folder_of, stamp};
use crate::Role;
use crate::Templates;
use crate::route::Access;
use crate::static_files::Folder;

/// A package that follows its file: an edit is there at the next request, one
/// that is not in order leaves the last good version in place.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) path: PathBuf,
    pub(super) templates: Templates,
    newest: Mutex<Newest>,
}

#[derive(Debug)]
struct Newest {
    version: Arc<Version>,
    stamps: Vec<(PathBuf, Option<Stamp>)>,
}

/// One version of a package's file.
pub(super) struct Version {
    pub(super) file: PackageFile,
    pub(super) folders: Vec<Folder>,
}

impl Package {
    pub(super) fn open(path: &Path, problems: &mut Problems) -> Option<Arc<Self>> {
        let folder = folder_of(path);
        // Stamps are older than what is read, so that no edit is missed.
        let before = stamp(path);
        let (read, files) = read(path);
        match read {
            Ok(version) => Some(Arc::new(Self {
                path: path.to_owned(),
                templates: Templates::new()
                    .folder(&folder)
                    .folder(folder.join("templates"))
                    .check_every(Duration::ZERO),
                newest: Mutex::new(Newest {
                    version: Arc::new(version),
                    stamps: stamps(&files, path, before),
                }),
            })),
            Err(wrong) => {
                problems.append(wrong);
                None
            }
        }
    }

    /// The newest version that is in order, and whether it was read just now.
    pub(super) fn current(&self) -> (Arc<Version>, bool) {
        let mut newest = self.newest.lock();
        if newest
            .stamps
            .iter()
            .all(|(file, known)| stamp(file) == *known)
        {
            return (newest.version.clone(), false);
        }
        let before = stamp(&self.path);
        let (read, files) = read(&self.path);
        newest.stamps = stamps(&files, &self.path, before);
        match read {
            Ok(version) => {
                tracing::info!(package = %self.path.display(), "package read again after an edit");
                newest.version = Arc::new(version);
                (newest.version.clone(), true)
            }
            Err(problems) => {
                tracing::warn!("edit not taken, the last good version stays:\n{problems}");
                (newest.version.clone(), false)
            }
        }
    }
}

impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.file.fmt(f)
    }
}

fn read(path: &Path) -> (Result<Version, Problems>, Vec<PathBuf>) {
    let (node, mut problems, files) = Block::read_file(path);
    let folder = folder_of(path);
    let file = node.and_then(|node| package_file::read(&node, &folder, &mut problems));
    let version = file.map(|file| Version {
        folders: file
            .folders
            .iter()
            .map(|folder| Folder::new("/".into(), folder.clone(), Access::AtLeast(Role::Viewer)))
            .collect(),
        file,
    });
    (problems.into_result(version), files)
}

fn stamps(files: &[PathBuf], first: &Path, before: Option<Stamp>) -> Vec<(PathBuf, Option<Stamp>)> {
    let mut stamps = vec![(first.to_path_buf(), before)];
    let others = files.iter().filter(|file| *file != first);
    stamps.extend(others.map(|file| (file.clone(), stamp(file))));
    stamps
}
