//! Durable storage of one owner: a log of commands in pre-written segments,
//! and snapshots that let old segments go.

pub use disk::{DirDisk, Disk, DiskFile};
pub(crate) use log::{Limits, Log, committing_here};
pub(crate) use record::Record;
pub(crate) use recovery::recover;
pub use sim::{Cut, SimDisk};

pub(crate) mod disk;
mod gathering;
mod keeper;
mod log;
mod record;
mod recovery;
mod sim;
#[cfg(test)]
mod tests;
