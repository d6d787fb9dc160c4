use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::scope::Scope;

/// The first word of every file, with the version of what follows.
const HEAD: &str = "redeye-cache-1";
/// Files there may be of one sort of thing; at the limit the one that was read or
/// written longest ago goes.
pub(super) const FILES_PER_NAME_MAX: usize = 1_000;

/// A folder of small files, each replaced as a whole: after a crash a file is as it
/// was or as it should become. Several processes share it.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    written: AtomicU64,
}

/// By which a file is known to be the same as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp(u64, i64, i64, u64);

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            written: AtomicU64::new(0),
        }
    }

    fn folder_of(&self, scope: &Scope) -> PathBuf {
        let names = [&scope.megavisor, &scope.account, &scope.region];
        names
            .iter()
            .fold(self.path.clone(), |path, name| path.join(name.as_str()))
    }

    fn file(&self, scope: &Scope, name: &str) -> PathBuf {
        self.folder_of(scope).join(format!("{name}.json"))
    }

    /// What a file is known by; nothing where there is none.
    pub(super) fn stamp(&self, scope: &Scope, name: &str) -> Option<Stamp> {
        let about = fs::metadata(self.file(scope, name)).ok()?;
        Some(Stamp(
            about.ino(),
            about.mtime(),
            about.mtime_nsec(),
            about.len(),
        ))
    }

    /// What a file holds. A file that is damaged or of another version counts as none:
    /// the cloud can be asked again.
    pub(super) fn read<T: DeserializeOwned>(&self, scope: &Scope, name: &str) -> Option<T> {
        let path = self.file(scope, name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cannot read what was kept");
                return None;
            }
        };
        match parse(&bytes) {
            Ok(value) => Some(value),
            Err(why) => {
                tracing::warn!(path = %path.display(), why, "left out what was kept: the file is damaged");
                None
            }
        }
    }

    /// Replaces a file: written aside, synced, renamed.
    pub(super) fn write<T: Serialize>(
        &self,
        scope: &Scope,
        name: &str,
        value: &T,
    ) -> io::Result<()> {
        let folder = self.folder_of(scope);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)?;
        let body = serde_json::to_vec(value)?;
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let aside = folder.join(format!(".{name}.{}.{number}", std::process::id()));
        let done = write_aside(&aside, &body)
            .and_then(|()| fs::rename(&aside, self.file(scope, name)))
            .and_then(|()| File::open(&folder)?.sync_all());
        if done.is_err() {
            // What could not be written is of no use to anybody.
            let _ = fs::remove_file(&aside);
        }
        if number.is_multiple_of(256) {
            self.bound(name);
        }
        done
    }

    /// Takes a lock between processes, waiting for it; short work only.
    pub(super) fn lock(&self, scope: &Scope, name: &str) -> io::Result<File> {
        let file = self.lock_file(scope, name)?;
        file.lock()?;
        Ok(file)
    }

    /// Takes a lock between processes if it is free.
    pub(super) fn try_lock(&self, scope: &Scope, name: &str) -> io::Result<Option<File>> {
        let file = self.lock_file(scope, name)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    fn lock_file(&self, scope: &Scope, name: &str) -> io::Result<File> {
        let folder = self.folder_of(scope);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)?;
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(folder.join(format!("{name}.lock")))
    }

    /// Drops the oldest files of one name beyond [`FILES_PER_NAME_MAX`].
    fn bound(&self, name: &str) {
        let mut found: Vec<(SystemTime, PathBuf)> = Vec::new();
        for megavisor in folders(&self.path) {
            for account in folders(&megavisor) {
                for region in folders(&account) {
                    let path = region.join(format!("{name}.json"));
                    let about = fs::metadata(&path);
                    found.extend(
                        about
                            .and_then(|about| about.modified())
                            .ok()
                            .map(|at| (at, path)),
                    );
                }
            }
        }
        found.sort();
        let too_many = found.len().saturating_sub(FILES_PER_NAME_MAX);
        for (_, path) in found.into_iter().take(too_many) {
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "cannot drop what was kept");
            }
        }
    }
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn write_aside(path: &Path, body: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    let sum = crc32c::crc32c(body);
    file.write_all(format!("{HEAD} {sum:08x} {}\n", body.len()).as_bytes())?;
    file.write_all(body)?;
    file.sync_all()
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, &'static str> {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (head, body) = bytes.split_at(end.ok_or("no first line")?);
    let body = &body[1..];
    let head = std::str::from_utf8(head).map_err(|_| "no first line")?;
    let words: Vec<&str> = head.split(' ').collect();
    let [HEAD, sum, length] = words[..] else {
        return Err("another version");
    };
    if length.parse() != Ok(body.len()) {
        return Err("another length");
    }
    if u32::from_str_radix(sum, 16) != Ok(crc32c::crc32c(body)) {
        return Err("another checksum");
    }
    serde_json::from_slice(body).map_err(|_| "not what was expected")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn scope() -> Scope {
        "fake/test/here".parse().unwrap()
    }

    #[test]
    fn what_was_written_is_read_and_only_by_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let store = Folder::new(folder.path().join("cache"));
        assert_eq!(store.read::<Vec<u32>>(&scope(), "instance"), None);
        store.write(&scope(), "instance", &vec![1, 2]).unwrap();
        assert_eq!(store.read(&scope(), "instance"), Some(vec![1, 2]));
        let path = store.file(&scope(), "instance");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let stamp = store.stamp(&scope(), "instance");
        store.write(&scope(), "instance", &vec![3, 4]).unwrap();
        assert_ne!(store.stamp(&scope(), "instance"), stamp);
    }

    #[test]
    fn a_file_that_is_damaged_anywhere_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let store = Folder::new(folder.path().into());
        store.write(&scope(), "instance", &"x".repeat(40)).unwrap();
        let path = store.file(&scope(), "instance");
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, &bad).unwrap();
            assert_eq!(
                store.read::<String>(&scope(), "instance"),
                None,
                "byte {at}"
            );
            fs::write(&path, &good[..at]).unwrap();
            assert_eq!(
                store.read::<String>(&scope(), "instance"),
                None,
                "cut at {at}"
            );
        }
    }

    #[test]
    fn a_lock_is_free_when_its_file_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Folder::new(folder.path().into());
        let held = store.try_lock(&scope(), "instance.flight").unwrap();
        assert!(held.is_some());
        assert!(
            store
                .try_lock(&scope(), "instance.flight")
                .unwrap()
                .is_none()
        );
        drop(held);
        assert!(
            store
                .try_lock(&scope(), "instance.flight")
                .unwrap()
                .is_some()
        );
    }
}
