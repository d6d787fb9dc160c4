use std::collections::BTreeMap;

use redeye_cloud::{Name, OperationId};
use rem_time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::call::Said;
use crate::definition::Keep;

/// The content of a storage at one instant: what each layer made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StorageSnapshot {
    /// Its name: that of the operation that took it.
    pub id: OperationId,
    /// Of which storage.
    pub storage: Name,
    /// The instant: when all of it was fixed.
    pub taken: Timestamp,
    /// How long writing was stopped for it; nothing if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Span>,
    /// Whether all of it is there.
    pub state: Completeness,
    /// What the storage's verify function said last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<Verified>,
    /// The cloud's operation that copies it, while it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied_by: Option<OperationId>,
    /// What each layer made.
    pub made: BTreeMap<String, Said>,
}

/// How much of a snapshot is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Completeness {
    /// The instant is fixed; copying goes on.
    Pending,
    /// All of it.
    Complete,
    /// It never will be.
    Broken(String),
}

/// What came of a verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// When.
    pub at: Timestamp,
    /// Nothing if the content is good; else why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bad: Option<String>,
}

impl StorageSnapshot {
    /// Whether a restore would begin with it: it is whole, and nobody found it bad.
    pub fn may_be_good(&self) -> bool {
        self.state == Completeness::Complete && !self.is_bad()
    }

    /// Whether somebody has looked and found it good.
    pub fn is_good(&self) -> bool {
        let good = self
            .verified
            .as_ref()
            .is_some_and(|found| found.bad.is_none());
        self.state == Completeness::Complete && good
    }

    fn is_bad(&self) -> bool {
        self.verified
            .as_ref()
            .is_some_and(|found| found.bad.is_some())
    }
}

/// The snapshots that a restore tries, in their order: the newest whole ones first;
/// those that were found bad come last, because they may be better than nothing.
pub fn candidates(snapshots: &[StorageSnapshot]) -> Vec<OperationId> {
    let whole = |one: &&StorageSnapshot| one.state == Completeness::Complete;
    let mut found: Vec<&StorageSnapshot> = snapshots.iter().filter(whole).collect();
    found.sort_by_key(|one| (one.is_bad(), std::cmp::Reverse((one.taken, one.id))));
    found.iter().map(|one| one.id).collect()
}

/// The snapshots that are not kept, the oldest first. The newest that was verified good
/// always is kept, and the newest that may be good; a pending one too.
pub fn not_kept(snapshots: &[StorageSnapshot], keep: &Keep, now: Timestamp) -> Vec<OperationId> {
    let mut newest: Vec<&StorageSnapshot> = snapshots.iter().collect();
    newest.sort_by_key(|one| std::cmp::Reverse((one.taken, one.id)));
    let last_good = newest.iter().find(|one| one.is_good()).map(|one| one.id);
    let last_whole = newest
        .iter()
        .find(|one| one.may_be_good())
        .map(|one| one.id);
    let mut whole = 0;
    let mut dropped: Vec<OperationId> = newest
        .iter()
        .filter(|one| {
            if one.state == Completeness::Complete {
                whole += 1;
            }
            let among_last = one.state == Completeness::Complete && whole <= keep.last;
            let young = now.since(one.taken) < keep.younger;
            let pending = one.state == Completeness::Pending;
            let needed = [last_good, last_whole].contains(&Some(one.id));
            !(among_last || young || pending || needed)
        })
        .map(|one| one.id)
        .collect();
    dropped.reverse();
    dropped
}

#[cfg(test)]
mod tests;
