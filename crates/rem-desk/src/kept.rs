//! What a desk writes, in memory.

use std::collections::BTreeMap;

use rem_time::Timestamp;
use serde_json::value::RawValue;

use crate::core::{DeskCore, RecordError};
use crate::rules::Rules;
use crate::store::Pending;

/// The records of a [`DeskCore`] without a disk: what a restart finds again. For
/// simulations; a [`crate::Desk`] keeps the same in a bucket.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    records: BTreeMap<String, Box<RawValue>>,
}

impl Kept {
    /// Takes in everything that changed since the last call.
    pub fn keep(&mut self, core: &mut DeskCore) {
        let mut pending = Pending::new();
        core.drain(&mut pending);
        for (key, record) in pending {
            match record {
                Some(record) => {
                    self.records.insert(key, record);
                }
                None => {
                    self.records.remove(&key);
                }
            }
        }
    }

    /// The desk that these records describe, at `now`.
    ///
    /// # Errors
    /// If a record cannot be read.
    pub fn restore(&self, rules: Rules, now: Timestamp) -> Result<DeskCore, RecordError> {
        // Timelines are read where they are shown.
        let records = self
            .records
            .iter()
            .filter(|(key, _)| !key.starts_with("t/"));
        let records: Vec<(String, Box<RawValue>)> = records
            .map(|(key, record)| (key.clone(), record.clone()))
            .collect();
        DeskCore::restore(rules, &records, now)
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}
