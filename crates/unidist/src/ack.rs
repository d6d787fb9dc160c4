use std::fmt;

use serde::{Deserialize, Serialize};

use crate::wire::wire;

/// What an acknowledged write survives, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// The end of the task, not of the process.
    Memory,
    /// `kill -9` of the process, not a power cut.
    OsBuffer,
    /// A power cut: it was synced to the local disk before the acknowledgement.
    Synced,
    /// The loss of a minority of the machines.
    SyncedQuorum,
}

/// What a write got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// What the write survives from now on.
    pub durability: Durability,
    /// The state of the bucket after it.
    pub rev: Revision,
}

/// A state of a bucket; every write makes a greater one, across restarts.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Revision(pub u64);

/// A fencing token: greater for each grant of a lock, for ever, across restarts.
/// Hand it to what the lock protects, and let that refuse smaller ones ([`crate::Fence`]).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Token(pub u64);

/// The place of a message in its queue or log: it grows, and is never used again.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct MsgId(pub u64);

/// The name of one write, so that it can be repeated and is yet applied once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OpId {
    /// Who writes.
    pub client: u64,
    /// Which of its writes.
    pub seq: u64,
}

wire!(enum Durability { 0 => Memory, 1 => OsBuffer, 2 => Synced, 3 => SyncedQuorum });
wire!(tuple Revision);
wire!(tuple Token);
wire!(tuple MsgId);
wire!(struct OpId { client, seq });

macro_rules! shown_as_number {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}
shown_as_number!(Revision, Token, MsgId);

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::OsBuffer => "os buffer",
            Self::Synced => "synced",
            Self::SyncedQuorum => "synced on a quorum",
        })
    }
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.client, self.seq)
    }
}
