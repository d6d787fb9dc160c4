use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::disk::{Disk, DiskFile};

/// Bytes that a disk writes whole or not at all.
const SECTOR: usize = 512;

/// A disk in memory that forgets what was not synced when its power is
/// cut, and that fails when told to. For tests of whatever keeps files.
#[derive(Clone, Debug, Default)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Debug, Default)]
struct State {
    /// What programs see, and what survives a cut.
    seen: BTreeMap<String, usize>,
    kept: BTreeMap<String, usize>,
    files: Vec<Content>,
    capacity: Option<u64>,
    fail_sync: bool,
    fail_write: bool,
    read_only: bool,
    ignore_sync: bool,
}

#[derive(Clone, Debug, Default)]
struct Content {
    seen: Vec<u8>,
    kept: Vec<u8>,
    /// Writes since the last sync, by place.
    loose: Vec<(usize, Vec<u8>)>,
}

/// What a power cut does to writes that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// None of them is on disk.
    LoseAll,
    /// Each sector of them is on disk or not, by chance from this seed.
    Torn(u64),
}

impl SimDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Limits the bytes of all files together; beyond, writes fail with `ENOSPC`.
    pub fn limit(&self, bytes: Option<u64>) {
        self.state.lock().capacity = bytes;
    }

    /// From now on every sync fails with `EIO`, or succeeds again.
    pub fn fail_sync(&self, fail: bool) {
        self.state.lock().fail_sync = fail;
    }

    /// From now on every write fails with `EIO`, or succeeds again.
    pub fn fail_write(&self, fail: bool) {
        self.state.lock().fail_write = fail;
    }

    /// From now on whatever changes a file fails with `EROFS`, or succeeds again.
    pub fn read_only(&self, read_only: bool) {
        self.state.lock().read_only = read_only;
    }

    /// From now on syncs claim success and do nothing: the fault that tests of
    /// durability have to notice.
    pub fn ignore_sync(&self, ignore: bool) {
        self.state.lock().ignore_sync = ignore;
    }

    /// The bytes of a file as a program sees them now.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state.lock();
        let file = state.seen.get(name)?;
        Some(state.files[*file].seen.clone())
    }

    /// Changes a file behind everybody's back, durably.
    pub fn damage(&self, name: &str, damage: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state.lock();
        if let Some(file) = state.seen.get(name).copied() {
            let content = &mut state.files[file];
            damage(&mut content.seen);
            content.kept = content.seen.clone();
            content.loose.clear();
        }
    }

    /// The disk as it is found after the power is cut at this moment. Whoever
    /// holds the old one goes on with that, and no longer matters.
    pub fn after_power_cut(&self, cut: Cut) -> Self {
        let mut state = self.state.lock().clone();
        let mut chance = Chance(match cut {
            Cut::LoseAll => 0,
            Cut::Torn(seed) => seed.wrapping_mul(2).wrapping_add(1),
        });
        // A file without a name is gone for good.
        let files = std::mem::take(&mut state.files);
        for place in state.kept.values_mut() {
            state.files.push(files[*place].clone());
            *place = state.files.len() - 1;
        }
        for content in &mut state.files {
            for (at, bytes) in std::mem::take(&mut content.loose) {
                if cut != Cut::LoseAll {
                    content.keep_some(at, &bytes, &mut chance);
                }
            }
            content.seen = content.kept.clone();
        }
        state.seen = state.kept.clone();
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state.lock();
        if state.read_only {
            return Err(rustix::io::Errno::ROFS.into());
        }
        change(&mut state)
    }
}

impl Content {
    /// Keeps the sectors of a write that chance has reached the platter.
    fn keep_some(&mut self, at: usize, bytes: &[u8], chance: &mut Chance) {
        let mut from = 0;
        while from < bytes.len() {
            let to = ((at + from) / SECTOR * SECTOR + SECTOR - at).min(bytes.len());
            if chance.yes() {
                put(&mut self.kept, at + from, &bytes[from..to]);
            }
            from = to;
        }
    }
}

fn put(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[at..end].copy_from_slice(bytes);
}

struct Chance(u64);

impl Chance {
    fn yes(&mut self) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 40 & 1 == 1
    }
}

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Disk for SimDisk {
    fn path_of(&self, name: &str) -> PathBuf {
        Path::new("/simulated").join(name)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.state.lock().seen.keys().cloned().collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.bytes(name).ok_or_else(missing)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let file = self.change(|state| {
            state.files.push(Content::default());
            let file = state.files.len() - 1;
            state.seen.insert(name.into(), file);
            Ok(file)
        })?;
        let disk = self.clone();
        Ok(Box::new(SimFile { disk, file }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let file = self.change(|state| state.seen.get(name).copied().ok_or_else(missing))?;
        let disk = self.clone();
        Ok(Box::new(SimFile { disk, file }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.change(|state| {
            let file = state.seen.remove(from).ok_or_else(missing)?;
            state.seen.insert(to.into(), file);
            Ok(())
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.change(|state| state.seen.remove(name).map(|_| ()).ok_or_else(missing))
    }

    fn sync_names(&self) -> io::Result<()> {
        self.change(|state| {
            if !state.ignore_sync {
                state.kept = state.seen.clone();
            }
            Ok(())
        })
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    file: usize,
}

impl DiskFile for SimFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let at = usize::try_from(offset).map_err(io::Error::other)?;
        self.disk.change(|state| {
            if state.fail_write {
                return Err(rustix::io::Errno::IO.into());
            }
            let used: usize = state
                .seen
                .values()
                .map(|file| state.files[*file].seen.len())
                .sum();
            let content = &mut state.files[self.file];
            let more = (at + bytes.len()).saturating_sub(content.seen.len());
            if state
                .capacity
                .is_some_and(|most| more != 0 && most < (used + more) as u64)
            {
                return Err(rustix::io::Errno::NOSPC.into());
            }
            put(&mut content.seen, at, bytes);
            content.loose.push((at, bytes.to_vec()));
            Ok(())
        })
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.change(|state| {
            if state.fail_sync {
                return Err(rustix::io::Errno::IO.into());
            }
            if !state.ignore_sync {
                let content = &mut state.files[self.file];
                for (at, bytes) in std::mem::take(&mut content.loose) {
                    put(&mut content.kept, at, &bytes);
                }
            }
            Ok(())
        })
    }
}
