use std::sync::Arc;
use std::time::Duration;

use rem_time::Clock;

use crate::ack::Durability;
use crate::store::Limits;

/// What becomes of locks when the folder is opened by its next owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnRestart {
    /// They are held until their leases end: what their holders started may live on.
    #[default]
    KeepLeases,
    /// All are free.
    Release,
}

/// How a folder of files is kept. Those of the owner count for all who attach.
#[derive(Clone, Debug)]
pub struct FileOpts {
    /// `Synced`: a write is acknowledged after it is synced, several in one sync.
    /// `OsBuffer`: after it is written, which a power cut may undo.
    pub durability: Durability,
    /// Bytes of a piece of the log; each is written with zeros beforehand. It
    /// also limits what one commit of one caller can hold. At least 64 KiB.
    pub segment_bytes: u64,
    /// Bytes of log after which a snapshot is taken and old pieces are removed.
    pub snapshot_bytes: u64,
    /// What becomes of locks when the owner changes.
    pub on_restart: OnRestart,
    /// The lease of a lock that states none.
    pub lease: Duration,
    /// How long an operation waits for an owner that does not answer.
    pub op_timeout: Duration,
    /// How long opening, and finding a new owner, may take.
    pub attach_timeout: Duration,
    /// What leases and limits run by.
    pub clock: Arc<dyn Clock>,
}

/// The least that a segment can be.
const SEGMENT_BYTES_MIN: u64 = 64 * 1024;

impl Default for FileOpts {
    fn default() -> Self {
        Self {
            durability: Durability::Synced,
            segment_bytes: 8 << 20,
            snapshot_bytes: 32 << 20,
            on_restart: OnRestart::default(),
            lease: Duration::from_secs(10),
            op_timeout: Duration::from_secs(5),
            attach_timeout: Duration::from_secs(10),
            clock: super::steady_clock(),
        }
    }
}

impl FileOpts {
    pub(super) fn limits(&self) -> Limits {
        Limits {
            segment_bytes: self.segment_bytes.max(SEGMENT_BYTES_MIN),
            snapshot_bytes: self.snapshot_bytes,
            durability: self.durability,
        }
    }
}
