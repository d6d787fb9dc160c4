use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::journal::record::{BLOCK_HEAD, seal};
use crate::sidecar::sync_folder_of;
use crate::{Error, Result};

pub(crate) mod record;
pub(crate) mod replay;

/// What may wait for a journal that cannot be written (bytes); at the limit
/// samples are refused, because what was accepted comes first.
const WAITING_MAX: usize = 64 << 20;

/// The samples of all series in the order of their arrival, in segments
/// `<number>.journal`. Accepting is an append in memory; a commit writes and
/// syncs what has gathered as one block. A segment goes when the files have all of it.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    segment_bytes: u64,
    gathering: Mutex<Gathering>,
    /// Signalled by the first record of a block, and when the thread shall end.
    wake: Condvar,
    writing: Mutex<Writing>,
}

/// What has come in since the last commit.
#[derive(Debug)]
struct Gathering {
    /// A block, with room for its head.
    block: Vec<u8>,
    /// The segment it will be in.
    segment: u64,
    /// Blocks handed to the writer so far, and this one.
    block_number: u64,
    refused: Option<String>,
    ended: bool,
    rotate: bool,
}

#[derive(Debug)]
struct Writing {
    segment: u64,
    file: Option<File>,
    /// Up to here the segment is complete.
    len: u64,
    /// A block that could not be written; it is tried again first.
    owed: Vec<u8>,
    /// The number of the last block that is on disk.
    committed: u64,
    rotate_after: bool,
    /// The buffer of the block before, to be filled again.
    spare: Vec<u8>,
    fault: bool,
}

impl Journal {
    /// Goes on with `segment`, a number that no file has.
    pub(crate) fn new(folder: PathBuf, segment: u64, segment_bytes: u64, fault: bool) -> Self {
        Self {
            folder,
            segment_bytes,
            gathering: Mutex::new(Gathering {
                block: vec![0; BLOCK_HEAD],
                segment,
                block_number: 1,
                refused: None,
                ended: false,
                rotate: false,
            }),
            wake: Condvar::new(),
            writing: Mutex::new(Writing {
                segment,
                file: None,
                len: 0,
                owed: Vec::new(),
                committed: 0,
                rotate_after: false,
                spare: Vec::new(),
                fault,
            }),
        }
    }

    /// Accepts a record: `write` is given the segment that it will be in, and the block.
    pub(crate) fn append<T>(&self, write: impl FnOnce(u64, &mut Vec<u8>) -> T) -> Result<T> {
        let mut gathering = self.gathering.lock();
        if gathering.ended {
            return Err(Error::Closed);
        }
        let waiting = gathering.block.len();
        if waiting > WAITING_MAX {
            return Err(self.full(waiting, gathering.refused.as_deref()));
        }
        let segment = gathering.segment;
        let result = write(segment, &mut gathering.block);
        if waiting == BLOCK_HEAD {
            self.wake.notify_all();
        }
        Ok(result)
    }

    /// Writes and syncs everything that was accepted before the call.
    pub(crate) fn commit(&self) -> Result<()> {
        let wanted = {
            let gathering = self.gathering.lock();
            let empty = gathering.block.len() == BLOCK_HEAD;
            gathering.block_number - u64::from(empty)
        };
        let mut writing = self.writing.lock();
        while writing.committed < wanted || !writing.owed.is_empty() {
            if writing.owed.is_empty() {
                self.take_block(&mut writing);
            }
            let written = write_block(&self.folder, &mut writing);
            self.gathering.lock().refused = written.as_ref().err().map(Error::in_one_line);
            written?;
            writing.committed += 1;
        }
        Ok(())
    }

    fn take_block(&self, writing: &mut MutexGuard<'_, Writing>) {
        let mut spare = std::mem::take(&mut writing.spare);
        spare.clear();
        spare.resize(BLOCK_HEAD, 0);
        let mut gathering = self.gathering.lock();
        writing.owed = std::mem::replace(&mut gathering.block, spare);
        gathering.block_number += 1;
        let block = writing.owed.len() as u64;
        if writing.len + block >= self.segment_bytes || gathering.rotate {
            gathering.rotate = false;
            gathering.segment += 1;
            writing.rotate_after = true;
        }
    }

    /// Commits a `window` after the first sample of each block, until told to end.
    pub(crate) fn run(&self, window: Duration) {
        loop {
            let mut gathering = self.gathering.lock();
            while gathering.block.len() == BLOCK_HEAD && !gathering.ended {
                self.wake.wait(&mut gathering);
            }
            if gathering.ended {
                return;
            }
            let deadline = std::time::Instant::now() + window;
            while !gathering.ended && !self.wake.wait_until(&mut gathering, deadline).timed_out() {}
            drop(gathering);
            if let Err(error) = self.commit() {
                tracing::warn!("samples wait in memory, {}", error.in_one_line());
                // No busy loop while a disk is full; `end` still wakes it.
                let mut gathering = self.gathering.lock();
                if !gathering.ended {
                    self.wake.wait_for(&mut gathering, window.max(RETRY));
                }
            }
        }
    }

    /// Takes nothing more in and ends the thread.
    pub(crate) fn end(&self) {
        self.gathering.lock().ended = true;
        self.wake.notify_all();
    }

    /// The segment that is being filled.
    pub(crate) fn segment(&self) -> u64 {
        self.gathering.lock().segment
    }

    /// Asks for a new segment with the next commit.
    pub(crate) fn rotate(&self) {
        self.gathering.lock().rotate = true;
    }

    /// Why the last commit failed, and how many bytes wait now.
    pub(crate) fn state(&self) -> (Option<String>, usize) {
        let gathering = self.gathering.lock();
        (
            gathering.refused.clone(),
            gathering.block.len() - BLOCK_HEAD,
        )
    }

    /// Whether there is a segment before `first_needed`.
    pub(crate) fn has_before(&self, first_needed: u64) -> Result<bool> {
        let segments = segments(&self.folder)?;
        Ok(segments.iter().any(|(number, _)| *number < first_needed))
    }

    /// Deletes the segments before `first_needed`; returns how many.
    pub(crate) fn drop_before(&self, first_needed: u64) -> Result<usize> {
        let mut dropped = 0;
        for (number, path) in segments(&self.folder)? {
            if number < first_needed {
                fs::remove_file(&path).map_err(Error::io("delete", &path))?;
                dropped += 1;
            }
        }
        Ok(dropped)
    }

    fn full(&self, waiting: usize, reason: Option<&str>) -> Error {
        Error::JournalFull {
            path: self.folder.clone(),
            waiting,
            reason: reason.unwrap_or("it is too slow").into(),
        }
    }
}

/// Between two attempts to write to a disk that refuses.
const RETRY: Duration = Duration::from_millis(100);

fn write_block(folder: &Path, writing: &mut Writing) -> Result<()> {
    if !writing.fault {
        seal(&mut writing.owed);
        let path = segment_path(folder, writing.segment);
        if writing.file.is_none() {
            let mut open = OpenOptions::new();
            let file = open.create_new(true).write(true).open(&path);
            writing.file = Some(file.map_err(Error::io("create", &path))?);
        }
        let write = |file: &File| -> io::Result<()> {
            // At its own place: a half-written attempt is overwritten by the next.
            file.write_all_at(&writing.owed, writing.len)?;
            file.sync_data()
        };
        if let Some(file) = &writing.file {
            write(file).map_err(Error::io("write", &path))?;
        }
        // After the writing, which is what a kill asks for; this is for the power.
        if writing.len == 0 {
            sync_folder_of(&path)?;
        }
    }
    writing.len += writing.owed.len() as u64;
    writing.spare = std::mem::take(&mut writing.owed);
    if std::mem::take(&mut writing.rotate_after) {
        writing.segment += 1;
        writing.file = None;
        writing.len = 0;
    }
    Ok(())
}

fn segment_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:016}.journal"))
}

/// The segments of a folder by their numbers, in order.
pub(crate) fn segments(folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let path = entry.map_err(Error::io("list", folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let number = name
            .and_then(|name| name.strip_suffix(".journal"))
            .and_then(|number| number.parse().ok());
        if let Some(number) = number {
            found.push((number, path));
        }
    }
    found.sort_unstable();
    Ok(found)
}
