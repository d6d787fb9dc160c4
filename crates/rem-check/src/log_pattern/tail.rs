//! The new lines of a file, through rotation.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tokio::time::Instant;

use crate::reason;

/// How many bytes before the position are remembered, to tell a file that was
/// truncated and has grown again from one that only grew.
const MARK_BYTES: usize = 64;

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// After how many runs in which nothing came the file before is let go.
const SILENT_RUNS_MAX: u32 = 10;

/// How many files of the folder are looked at for the one that was renamed.
const SIBLINGS_MAX: usize = 10_000;

/// Where in a file the reading came to. Written as one word, for whoever keeps
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPosition {
    device: u64,
    inode: u64,
    offset: u64,
    /// Whether it is in a line that was too long.
    is_skipping: bool,
    /// A hash of the bytes before it.
    mark: u64,
}

impl fmt::Display for LogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            device,
            inode,
            offset,
            is_skipping,
            mark,
        } = self;
        let skipping = u8::from(*is_skipping);
        write!(f, "{device}:{inode}:{offset}:{skipping}:{mark:x}")
    }
}

/// A text that is no position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position in a log file: {0:?}")]
pub struct LogPositionError(String);

impl FromStr for LogPosition {
    type Err = LogPositionError;

    fn from_str(text: &str) -> Result<Self, LogPositionError> {
        let read = || {
            let mut parts = text.split(':');
            let mut next = || parts.next();
            let device = next()?.parse().ok()?;
            let inode = next()?.parse().ok()?;
            let offset = next()?.parse().ok()?;
            let is_skipping = match next()? {
                "0" => false,
                "1" => true,
                _ => return None,
            };
            let mark = u64::from_str_radix(next()?, 16).ok()?;
            parts.next().is_none().then_some(Self {
                device,
                inode,
                offset,
                is_skipping,
                mark,
            })
        };
        read().ok_or_else(|| LogPositionError(text.chars().take(80).collect()))
    }
}

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub(super) enum TailError {
    #[error("cannot read {path}: {}", reason::io(source))]
    Io { path: PathBuf, source: io::Error },
    #[error("{0} is no file")]
    NoFile(PathBuf),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Bytes in one run.
    pub(super) read: u64,
    /// Bytes of a line.
    pub(super) line: usize,
}

/// What one run read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Read {
    pub(super) bytes: u64,
    /// Bytes that are there and were not read.
    pub(super) behind: u64,
    /// Whether the file of the last run is gone, so that nobody knows what was
    /// written to it at its end.
    pub(super) lost: bool,
}

#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    position: Option<LogPosition>,
    /// The file of the position, which can still be read once it was renamed
    /// or removed.
    file: Option<File>,
    /// The file before it: a program goes on writing there until it is told of
    /// the rotation.
    former: Option<Former>,
    from_start: bool,
    limits: Limits,
}

#[derive(Debug)]
struct Former {
    file: File,
    position: LogPosition,
    /// Runs in which nothing new was there.
    silent: u32,
}

impl Tail {
    pub(super) fn new(
        path: PathBuf,
        position: Option<LogPosition>,
        from_start: bool,
        limits: Limits,
    ) -> Self {
        Self {
            path,
            position,
            file: None,
            former: None,
            from_start,
            limits,
        }
    }

    pub(super) fn position(&self) -> Option<LogPosition> {
        self.position.clone()
    }

    /// Hands out every new line without its end, until the limit or the
    /// deadline; the position is behind the last of them.
    pub(super) fn read(
        &mut self,
        deadline: Instant,
        on_line: &mut dyn FnMut(&[u8]),
    ) -> Result<Read, TailError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| TailError::Io { path, source }
        };
        let mut read = self.read_former(deadline, on_line);
        let present = match open(&self.path) {
            Ok(file) => Some(file),
            // Between the renaming and the new file there is none, but there is
            // the old one.
            Err(error) if error.kind() == ErrorKind::NotFound && self.position.is_some() => None,
            Err(error) => return Err(io(&self.path)(error)),
        };
        let present = match present {
            None => None,
            Some(file) => {
                let found = file.metadata().map_err(io(&self.path))?;
                if !found.is_file() {
                    return Err(TailError::NoFile(self.path.clone()));
                }
                Some((file, found))
            }
        };
        let Some(position) = self.position.clone() else {
            let Some((file, found)) = present else {
                return Ok(read);
            };
            let start = if self.from_start { 0 } else { found.len() };
            self.begin(file, &found, start).map_err(io(&self.path))?;
            return self.go_on(read, deadline, on_line).map_err(io(&self.path));
        };
        let is_same =
            |found: &fs::Metadata| (found.dev(), found.ino()) == (position.device, position.inode);
        match present {
            Some((file, found)) if is_same(&found) => {
                let is_truncated = found.len() < position.offset
                    || mark(&file, position.offset).map_err(io(&self.path))? != position.mark;
                if is_truncated {
                    self.begin(file, &found, 0).map_err(io(&self.path))?;
                } else {
                    self.file = Some(file);
                }
                self.go_on(read, deadline, on_line).map_err(io(&self.path))
            }
            present => {
                // Renamed: the rest of the old file first.
                if self.file.is_none() {
                    self.file = sibling(&self.path, &is_same);
                }
                let old = match self.file.take() {
                    Some(file) => mark(&file, position.offset)
                        .ok()
                        .filter(|mark| *mark == position.mark)
                        .map(|_| file),
                    None => None,
                };
                match old {
                    Some(file) => {
                        self.file = Some(file);
                        read = self
                            .go_on(read, deadline, on_line)
                            .map_err(io(&self.path))?;
                    }
                    None => read.lost = present.is_some(),
                }
                let Some((file, found)) = present else {
                    return Ok(read);
                };
                if read.behind > 0 {
                    return Ok(read);
                }
                let old = self.file.take().zip(self.position.take());
                self.former = old.map(|(file, position)| Former {
                    file,
                    position,
                    silent: 0,
                });
                self.begin(file, &found, 0).map_err(io(&self.path))?;
                self.go_on(read, deadline, on_line).map_err(io(&self.path))
            }
        }
    }

    fn read_former(&mut self, deadline: Instant, on_line: &mut dyn FnMut(&[u8])) -> Read {
        let Some(mut former) = self.former.take() else {
            return Read::default();
        };
        let read = Read::default();
        let limits = self.limits;
        // What cannot be read any more has nothing new.
        let read = go_on(
            &former.file,
            &mut former.position,
            limits,
            read,
            deadline,
            on_line,
        );
        let read = read.unwrap_or_default();
        former.silent = if read.bytes > 0 { 0 } else { former.silent + 1 };
        let is_there = former.file.metadata().is_ok_and(|found| found.nlink() > 0);
        if is_there && former.silent < SILENT_RUNS_MAX {
            self.former = Some(former);
        }
        Read { behind: 0, ..read }
    }

    fn begin(&mut self, file: File, found: &fs::Metadata, offset: u64) -> io::Result<()> {
        // In the middle of a line that is being written, the rest is not one.
        let is_skipping = offset > 0 && {
            let mut last = [0];
            file.read_exact_at(&mut last, offset - 1)?;
            last != *b"\n"
        };
        self.position = Some(LogPosition {
            device: found.dev(),
            inode: found.ino(),
            offset,
            is_skipping,
            mark: mark(&file, offset)?,
        });
        self.file = Some(file);
        Ok(())
    }

    /// Reads on in the present file.
    fn go_on(
        &mut self,
        read: Read,
        deadline: Instant,
        on_line: &mut dyn FnMut(&[u8]),
    ) -> io::Result<Read> {
        match (&self.file, &mut self.position) {
            (Some(file), Some(position)) => {
                go_on(file, position, self.limits, read, deadline, on_line)
            }
            _ => Ok(read),
        }
    }
}

/// Hands out the lines behind a position and moves it there.
fn go_on(
    file: &File,
    position: &mut LogPosition,
    limits: Limits,
    mut read: Read,
    deadline: Instant,
    on_line: &mut dyn FnMut(&[u8]),
) -> io::Result<Read> {
    let line_max = limits.line;
    // Behind the last whole line, and what was read of the next one.
    let mut offset = position.offset;
    let mut line: Vec<u8> = Vec::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut is_skipping = position.is_skipping;
    let mut at = offset;
    let mut is_end = false;
    while !is_end && read.bytes < limits.read && Instant::now() < deadline {
        let room = usize::try_from(limits.read - read.bytes).unwrap_or(CHUNK_BYTES);
        let room = room.min(CHUNK_BYTES);
        let count = match file.read_at(&mut chunk[..room], at) {
            Ok(0) => {
                is_end = true;
                continue;
            }
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        read.bytes += count as u64;
        let mut rest = &chunk[..count];
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let part = &rest[..end];
            if is_skipping {
                is_skipping = false;
            } else if line.is_empty() {
                on_line(ended(&part[..part.len().min(line_max)]));
            } else {
                let room = line_max - line.len();
                line.extend_from_slice(&part[..part.len().min(room)]);
                on_line(ended(&line));
            }
            line.clear();
            at += end as u64 + 1;
            offset = at;
            rest = &rest[end + 1..];
        }
        at += rest.len() as u64;
        if is_skipping {
            offset = at;
            continue;
        }
        let room = line_max - line.len();
        line.extend_from_slice(&rest[..rest.len().min(room)]);
        if line.len() >= line_max {
            // So long that its end is not waited for.
            on_line(&line);
            line.clear();
            is_skipping = true;
            offset = at;
        }
    }
    let size = file.metadata()?.len();
    // A line whose end has not come is read once more, and counted then.
    read.bytes -= at - offset;
    read.behind = if is_end {
        0
    } else {
        size.saturating_sub(offset)
    };
    position.offset = offset;
    position.is_skipping = is_skipping;
    position.mark = mark(file, offset)?;
    Ok(read)
}

/// As programs on other systems end their lines.
fn ended(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Never waits: a pipe or a device in place of the file is opened and refused.
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

/// A hash (FNV-1a) of the bytes before `offset`; of fewer if the file is shorter.
fn mark(file: &File, offset: u64) -> io::Result<u64> {
    let mut bytes = [0; MARK_BYTES];
    let start = offset.saturating_sub(MARK_BYTES as u64);
    let wanted = usize::try_from(offset - start).unwrap_or(MARK_BYTES);
    let mut count = 0;
    while count < wanted {
        match file.read_at(&mut bytes[count..wanted], start + count as u64) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let basis = 0xcbf2_9ce4_8422_2325_u64;
    let hash = bytes[..count].iter().fold(basis, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    Ok(hash)
}

/// The file of the position under the name it was given since: it is in the
/// same folder, and its name starts as before.
fn sibling(path: &Path, is_same: &dyn Fn(&fs::Metadata) -> bool) -> Option<File> {
    let name = path.file_name()?.to_str()?;
    // `app.log` may have become `app.log.1`, `app-20261121.log` or `app.1.log`.
    let stem = name.split(['.', '-']).next().unwrap_or(name);
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let listed = fs::read_dir(folder.unwrap_or(Path::new("."))).ok()?;
    let mut entries = listed.flatten().take(SIBLINGS_MAX).filter(|entry| {
        let name = entry.file_name();
        name.to_str().is_some_and(|name| name.starts_with(stem))
    });
    let found = entries.find(|entry| entry.metadata().is_ok_and(|found| is_same(&found)))?;
    let file = open(&found.path()).ok()?;
    let is_file = file
        .metadata()
        .is_ok_and(|found| found.is_file() && is_same(&found));
    is_file.then_some(file)
}
