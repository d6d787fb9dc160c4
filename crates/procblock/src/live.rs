use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path as FilePath, PathBuf};

use parking_lot::Mutex;
use rem_yaml::Problems;

use crate::block::Block;
use crate::tags::Tags;

/// A block that follows its file: read once, and again when the file or one it
/// imports has changed. An edit that is not in order leaves the last good
/// version in place.
///
/// ```no_run
/// use procblock::{LiveBlock, Tags};
///
/// let page = LiveBlock::open("site/index.yaml", Tags::new())?;
/// let block = page.current();
/// if let Some(problems) = page.problems() {
///     eprintln!("the edit is not taken:\n{problems}");
/// }
/// # Ok::<(), procblock::Problems>(())
/// ```
#[derive(Debug)]
pub struct LiveBlock {
    path: PathBuf,
    tags: Tags,
    version: Mutex<Version>,
}

#[derive(Debug)]
struct Version {
    block: Block,
    /// What is wrong with the newest edit.
    problems: Option<Problems>,
    stamps: Vec<(PathBuf, Option<Stamp>)>,
}

/// Tells one content of a file from another: modification time with its
/// nanoseconds, size, inode.
type Stamp = (i64, i64, u64, u64);

impl LiveBlock {
    /// Reads a file.
    ///
    /// # Errors
    /// Everything that is wrong in it and in the files it imports.
    pub fn open(path: impl AsRef<FilePath>, tags: Tags) -> Result<Self, Problems> {
        let path = path.as_ref();
        // Stamps are older than what is read, so that no edit is missed.
        let before = stamp(path);
        let (block, files) = Block::load_listing(path, &tags);
        let block = block?;
        Ok(Self {
            path: path.to_path_buf(),
            tags,
            version: Mutex::new(Version {
                block,
                problems: None,
                stamps: stamps(&files, path, before),
            }),
        })
    }

    /// The newest version that is in order.
    pub fn current(&self) -> Block {
        let mut version = self.version.lock();
        let changed = version
            .stamps
            .iter()
            .any(|(file, known)| stamp(file) != *known);
        if !changed {
            return version.block.clone();
        }
        let before = stamp(&self.path);
        let (block, files) = Block::load_listing(&self.path, &self.tags);
        version.stamps = stamps(&files, &self.path, before);
        match block {
            Ok(block) => {
                tracing::info!(file = %self.path.display(), "block read again after an edit");
                version.block = block;
                version.problems = None;
            }
            Err(problems) => {
                tracing::warn!(
                    file = %self.path.display(),
                    "edit not taken, the last good version stays: {problems}"
                );
                version.problems = Some(problems);
            }
        }
        version.block.clone()
    }

    /// What is wrong with the newest edit, if [`current`](Self::current) is older.
    pub fn problems(&self) -> Option<Problems> {
        self.version.lock().problems.clone()
    }
}

fn stamps(
    files: &[PathBuf],
    first: &FilePath,
    before: Option<Stamp>,
) -> Vec<(PathBuf, Option<Stamp>)> {
    let mut stamps = vec![(first.to_path_buf(), before)];
    let others = files.iter().filter(|file| *file != first);
    stamps.extend(others.map(|file| (file.clone(), stamp(file))));
    stamps
}

fn stamp(path: &FilePath) -> Option<Stamp> {
    let meta = fs::metadata(path).ok()?;
    Some((meta.mtime(), meta.mtime_nsec(), meta.size(), meta.ino()))
}
