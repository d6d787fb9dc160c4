//! Files as they are named in YAML.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rem_yaml::{At, FromYaml as _, Problem, Problems};

/// A file or folder, relative to the folder of the file it is named in.
pub(super) fn beside(at: &At<'_>, problems: &mut Problems) -> Option<PathBuf> {
    let path = PathBuf::from_yaml(at, problems)?;
    Some(folder_of(Path::new(&*at.place().file)).join(path))
}

/// The folder a file lies in, absolute.
pub(super) fn folder_of(file: &Path) -> PathBuf {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf())
}

pub(super) fn does_not_exist(at: &At<'_>, what: &str, path: &Path) -> Problem {
    at.problem(format!("{what} does not exist: {}", path.display()))
        .help(format!(
            "paths are relative to the folder of {}",
            at.place().file
        ))
}

/// Tells one content of a file from another: modification time with its
/// nanoseconds, size, inode.
pub(super) type Stamp = (i64, i64, u64, u64);

pub(super) fn stamp(path: &Path) -> Option<Stamp> {
    let meta = fs::metadata(path).ok()?;
    Some((meta.mtime(), meta.mtime_nsec(), meta.size(), meta.ino()))
}
