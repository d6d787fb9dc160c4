use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::header::Header;
use crate::journal::record::{BLOCK_HEAD, Part, parts, seal};
use crate::{Error, Result};

#[cfg(test)]
mod tests;

/// Guards against a kill in the middle of an update. librrd changes a file in
/// place through a memory map: killed half-way, a row is in the rings but not yet
/// in the time of the last update, and the journal would put it in twice. So the
/// changing part of the heads of a batch of files is written here first, and put
/// back at the next start; the rows themselves are then written again in the same
/// places.
///
/// The kernel keeps this file through a kill, so it is not synced. It is no
/// guard against a power failure, and therefore only believed within the same boot.
#[derive(Debug)]
pub(crate) struct Undo {
    path: PathBuf,
    file: File,
    boot: String,
    block: Vec<u8>,
}

impl Undo {
    pub(crate) fn open(path: PathBuf) -> Result<Self> {
        let mut open = OpenOptions::new();
        let file = open.create(true).truncate(false).read(true).write(true);
        let file = file.open(&path).map_err(Error::io("open", &path))?;
        Ok(Self {
            path,
            file,
            boot: boot(),
            block: Vec::new(),
        })
    }

    /// Notes the heads of the files that are about to be updated.
    pub(crate) fn note<'a>(
        &mut self,
        files: impl IntoIterator<Item = (&'a Path, &'a Header)>,
    ) -> Result<()> {
        let block = &mut self.block;
        block.clear();
        block.resize(BLOCK_HEAD, 0);
        put(block, self.boot.as_bytes());
        for (path, header) in files {
            let live = header.live_part();
            put(block, path.as_os_str().as_encoded_bytes());
            block.extend_from_slice(&(live.start as u32).to_le_bytes());
            block.extend_from_slice(&(live.len() as u32).to_le_bytes());
            let from = block.len();
            block.resize(from + live.len(), 0);
            File::open(path)
                .and_then(|file| file.read_exact_at(&mut block[from..], live.start as u64))
                .map_err(Error::io("read", path))?;
        }
        seal(block);
        self.file
            .write_all_at(block, 0)
            .map_err(Error::io("write", &self.path))
    }

    /// The updates are complete.
    pub(crate) fn forget(&mut self) -> Result<()> {
        self.file
            .write_all_at(&[0; BLOCK_HEAD], 0)
            .map_err(Error::io("write", &self.path))
    }

    /// Puts back what an interrupted batch had changed; returns how many files.
    pub(crate) fn roll_back(&mut self) -> Result<usize> {
        let bytes = fs::read(&self.path).map_err(Error::io("read", &self.path))?;
        let mut restored = 0;
        for Noted { path, from, head } in notes(&bytes, &self.boot) {
            // A file that is gone, or was replaced by one with another head, has
            // nothing to be put back.
            let same =
                Header::read(&path).is_ok_and(|now| now.live_part() == (from..from + head.len()));
            if !same {
                continue;
            }
            let mut open = OpenOptions::new();
            let file = open.write(true).open(&path);
            file.and_then(|file| file.write_all_at(head, from as u64))
                .map_err(Error::io("restore", &path))?;
            restored += 1;
        }
        self.forget()?;
        Ok(restored)
    }
}

/// The head of a file as it was before the update that is under way.
struct Noted<'a> {
    path: PathBuf,
    from: usize,
    head: &'a [u8],
}

/// The notes of a batch, if one is under way or was cut off in this boot.
fn notes<'a>(bytes: &'a [u8], boot: &str) -> Vec<Noted<'a>> {
    let mut notes = Vec::new();
    // A batch is one block at the very beginning. After it stands old rubbish.
    let Some(Part::Block(mut rest)) = parts(bytes).into_iter().next() else {
        return notes;
    };
    if take(&mut rest) != Some(boot.as_bytes()) || boot.is_empty() {
        return notes;
    }
    while let Some(path) = take(&mut rest) {
        let Some((from, after)) = rest.split_first_chunk::<4>() else {
            break;
        };
        rest = after;
        let Some(head) = take(&mut rest) else { break };
        notes.push(Noted {
            path: PathBuf::from(String::from_utf8_lossy(path).into_owned()),
            from: u32::from_le_bytes(*from) as usize,
            head,
        });
    }
    notes
}

/// Where another process has noted the head of a file that it updates at this moment, and
/// that head. Files are told apart by name: they are all in one folder, whose path that
/// process may know by another name.
pub(crate) fn noted(undo: &Path, file: &Path) -> Option<(usize, Vec<u8>)> {
    let bytes = fs::read(undo).ok()?;
    let mut notes = notes(&bytes, &boot()).into_iter();
    let noted = notes.find(|noted| noted.path.file_name() == file.file_name())?;
    Some((noted.from, noted.head.to_owned()))
}

/// Tells one start of the system from another.
fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

fn put(block: &mut Vec<u8>, bytes: &[u8]) {
    block.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    block.extend_from_slice(bytes);
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, after) = rest.split_first_chunk()?;
    let (bytes, after) = after.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    *rest = after;
    Some(bytes)
}
