use std::hash::BuildHasher;

use parking_lot::Mutex;

use super::Lock;
use crate::bucket::Raw;
use crate::core::NameHashing;

/// Handles kept for those who ask by name every time. Where two names share a
/// place, the one that was asked for last has it.
const HANDLES_KEPT: usize = 64;

/// The handles that were asked for last.
#[derive(Debug, Default)]
pub(crate) struct Handles {
    hashing: NameHashing,
    kept: Mutex<Vec<Option<Lock>>>,
}

impl Handles {
    pub(crate) fn lock(&self, raw: &Raw, name: &str) -> Lock {
        let place = self.hashing.hash_one(name) as usize % HANDLES_KEPT;
        let mut kept = self.kept.lock();
        if kept.is_empty() {
            kept.resize(HANDLES_KEPT, None);
        }
        match &mut kept[place] {
            Some(lock) if &**lock.name() == name => lock.clone(),
            other => other.insert(Lock::new(raw.clone(), name)).clone(),
        }
    }
}
