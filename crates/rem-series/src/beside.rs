//! Reading what another process keeps: no lock is taken, and nothing of it is written.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::journal::segments;
use crate::undo::noted;
use crate::{Error, Result};

#[cfg(test)]
mod tests;

/// A file that changes while it is copied is copied again, at most so often: an update
/// takes a fraction of the time that a copy takes.
const TRIES_MAX: usize = 100;

/// Which series of another process are read.
pub(crate) type Wanted = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// The folder of another process, of which single files are copied when they are needed.
pub(crate) struct Beside {
    series: PathBuf,
    undo: PathBuf,
    wanted: Wanted,
}

impl Beside {
    /// Copies the journal, which has what the files have not yet. It comes first: what
    /// goes from it to the files meanwhile is then in both, and counts once.
    pub(crate) fn new(folder: &Path, journal: &Path, wanted: Wanted) -> Result<Self> {
        let theirs = folder.join("journal");
        for (_, segment) in segments(&theirs)? {
            let Some(name) = segment.file_name() else {
                continue;
            };
            match fs::copy(&segment, journal.join(name)) {
                // Everything of it is in the files by now.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                copied => {
                    copied.map_err(Error::io("copy", &segment))?;
                }
            }
        }
        Ok(Self {
            series: folder.join("series"),
            undo: theirs.join("undo"),
            wanted,
        })
    }

    /// Where the files are.
    pub(crate) fn series(&self) -> &Path {
        &self.series
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        (self.wanted)(name)
    }

    /// Copies the file of that stem, and what stands beside it, if there is one.
    pub(crate) fn fetch(&self, stem: &str, to: &Path) -> Result<()> {
        for name in [format!("{stem}.rrd.json"), format!("{stem}.rrd")] {
            let (from, to) = (self.series.join(&name), to.join(&name));
            match whole(&from, &self.undo) {
                Ok(bytes) => fs::write(&to, bytes).map_err(Error::io("write", &to))?,
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io("copy", &from)(error)),
            }
        }
        Ok(())
    }
}

/// The bytes of a file as they were between two updates. An update notes the head that it
/// is about to change before it changes anything, and takes the note back at its end.
fn whole(path: &Path, undo: &Path) -> io::Result<Vec<u8>> {
    for _ in 0..TRIES_MAX {
        let before = noted(undo, path);
        let mut bytes = fs::read(path)?;
        let after = noted(undo, path);
        if before != after {
            continue;
        }
        match after {
            // In the midst of it, or left so by a kill: the old head hides the new rows.
            Some((from, head)) => match bytes.get_mut(from..from + head.len()) {
                Some(place) => {
                    place.copy_from_slice(&head);
                    return Ok(bytes);
                }
                None => continue,
            },
            // Two reads around a moment without a note: had one seen half an update, the
            // other would have seen its end.
            None if bytes == fs::read(path)? => return Ok(bytes),
            None => {}
        }
    }
    Err(io::Error::other(format!(
        "it changed during {TRIES_MAX} attempts"
    )))
}

impl std::fmt::Debug for Beside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Beside")
            .field("series", &self.series)
            .finish_non_exhaustive()
    }
}
