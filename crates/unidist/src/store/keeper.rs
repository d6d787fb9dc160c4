//! The house-keeping of a log: a spare segment is ready before it is needed,
//! and snapshots let old segments go.

use std::io;
use std::sync::Weak;
use std::time::Duration;

use super::disk::{Disk, DiskFile};
use super::log::{Log, segment_name};
use crate::core::{Body, Name};
use crate::error::Result;
use crate::live::Shelf;
use crate::wire::{Decoded, Malformed, Wire, wire};

pub(super) const SNAPSHOT_MAGIC: &[u8; 8] = b"UNIDSNP1";
const SNAPSHOT_DRAFT: &str = "snap.draft";
pub(super) const SPARE: &str = "spare-";
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
/// How long a disk that could not take a snapshot is left alone.
const RETRY_AFTER: Duration = Duration::from_millis(100);

fn spare_name(number: u64) -> String {
    format!("{SPARE}{number}")
}

pub(super) fn snapshot_name(from: u64) -> String {
    format!("snap-{from:020}")
}

/// All buckets, each as of its own last record; the log goes on from record `from`.
pub(super) struct Snapshot {
    pub from: u64,
    pub last: u64,
    pub buckets: Vec<SavedBucket>,
}

pub(super) struct SavedBucket {
    pub name: Name,
    pub seq: u64,
    /// In one piece: byte by byte it would take the longest part of a restart.
    pub core: Body,
}

wire!(struct Snapshot { from, last, buckets });
wire!(struct SavedBucket { name, seq, core });

impl Snapshot {
    /// `UNIDSNP1`, CRC32C of the body (u32, little-endian), body.
    pub(super) fn encode(&self) -> Vec<u8> {
        let body = self.to_bytes();
        let mut out = SNAPSHOT_MAGIC.to_vec();
        out.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
        out.extend_from_slice(&body);
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Decoded<Self> {
        let body = bytes.get(12..).ok_or(Malformed)?;
        let sound =
            &bytes[..8] == SNAPSHOT_MAGIC && bytes[8..12] == crc32c::crc32c(body).to_le_bytes();
        if !sound {
            return Err(Malformed);
        }
        Self::from_bytes(body)
    }
}

/// Makes a file of `length` zeros that are on disk, so that a later sync has no
/// change of the file's shape to write.
pub(super) fn zeroed(disk: &dyn Disk, name: &str, length: u64) -> io::Result<Box<dyn DiskFile>> {
    let mut file = disk.create(name)?;
    zero(&mut *file, 0, length)?;
    file.sync()?;
    Ok(file)
}

pub(super) fn zero(file: &mut dyn DiskFile, mut from: u64, to: u64) -> io::Result<()> {
    while from < to {
        let piece = (to - from).min(ZEROS.len() as u64);
        file.write_at(from, &ZEROS[..piece as usize])?;
        from += piece;
    }
    Ok(())
}

impl Log {
    pub(super) fn keep(&self, shelf: &Weak<Shelf>) {
        loop {
            let mut tail = self.tail();
            let (spare, snapshot) = loop {
                if tail.closing {
                    return;
                }
                let spare = tail.spare_wanted && tail.spares.is_empty();
                let snapshot = self.limits.snapshot_bytes <= tail.since_snapshot;
                if spare || snapshot {
                    break (spare, snapshot);
                }
                self.chores.wait(&mut tail);
            };
            let since = tail.since_snapshot;
            drop(tail);
            let mut failed = false;
            if spare {
                self.tail().spare_wanted = false;
                if let Err(error) = self.make_spare() {
                    tracing::error!(%error, "no spare segment; writes will fail when this one is full");
                }
            }
            if snapshot && let Some(shelf) = shelf.upgrade() {
                match self.snapshot(&shelf) {
                    Ok(()) => self.tail().since_snapshot -= since,
                    Err(error) => {
                        tracing::error!(%error, "cannot take a snapshot; the log keeps growing");
                        failed = true;
                    }
                }
            }
            if failed {
                let mut tail = self.tail();
                if !tail.closing {
                    self.chores.wait_for(&mut tail, RETRY_AFTER);
                }
            }
        }
    }

    pub(super) fn make_spare(&self) -> Result<()> {
        let name = spare_name(self.next_spare());
        match zeroed(&*self.disk, &name, self.limits.segment_bytes) {
            Ok(file) => {
                self.tail().spares.push_back((name, file));
                Ok(())
            }
            Err(error) => {
                // Half a segment would keep the disk full.
                let _ = self.disk.remove(&name);
                Err(self.error("make a segment", &name, error))
            }
        }
    }

    /// Writes all buckets into one file, and removes the segments before it.
    pub(super) fn snapshot(&self, shelf: &Shelf) -> Result<()> {
        let from = self.tail().segment;
        let buckets: Vec<_> = shelf
            .all()
            .iter()
            .map(|bucket| {
                let (core, seq) = bucket.snapshot();
                let name = bucket.name().clone();
                let core = core.into();
                SavedBucket { name, seq, core }
            })
            .collect();
        let last = buckets.iter().map(|bucket| bucket.seq).max().unwrap_or(0);
        // A snapshot must not be ahead of the log: what it holds could be lost otherwise.
        self.settle_here(last)?;
        let snapshot = Snapshot {
            from,
            last,
            buckets,
        };
        let name = snapshot_name(from);
        let failed = |error| self.error("write", &name, error);
        if let Err(error) = self.write_draft(&snapshot.encode()) {
            // Half a snapshot would keep the disk full.
            let _ = self.disk.remove(SNAPSHOT_DRAFT);
            return Err(failed(error));
        }
        self.disk.rename(SNAPSHOT_DRAFT, &name).map_err(failed)?;
        self.disk.sync_names().map_err(failed)?;
        self.remove_before(from, &name).map_err(failed)
    }

    fn write_draft(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.disk.create(SNAPSHOT_DRAFT)?;
        file.write_at(0, bytes)?;
        file.sync()
    }

    fn remove_before(&self, from: u64, snapshot: &str) -> io::Result<()> {
        for name in self.disk.list()? {
            let old_segment = name.starts_with("wal-") && name < segment_name(from);
            let old_snapshot = name.starts_with("snap-") && *name < *snapshot;
            if old_segment || old_snapshot {
                self.disk.remove(&name)?;
            }
        }
        Ok(())
    }
}
