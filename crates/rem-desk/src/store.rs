//! The durable half: keys and JSON of a bucket, written in one commit.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use unidist::{Bucket, Consistent, Error, State, Then};

/// The most bytes of one commit. What is more is written in several, messages
/// before episodes: a crash between them can double a message, never lose one.
const COMMIT_BYTES_MAX: usize = 2 << 20;

/// What is yet to be written: by key, the JSON or nothing for a key that goes.
pub(crate) type Pending = BTreeMap<String, Option<Box<RawValue>>>;

#[derive(Clone, Debug)]
pub(crate) struct Store {
    state: State<Consistent, Box<RawValue>>,
}

impl Store {
    pub(crate) fn new(bucket: &Bucket<Consistent>) -> Self {
        Self {
            state: bucket.state(),
        }
    }

    /// Writes all of `pending`; what is written is no longer in it.
    pub(crate) async fn commit(&self, pending: &mut Pending) -> unidist::Result<()> {
        let mut most = COMMIT_BYTES_MAX;
        while !pending.is_empty() {
            let mut bytes = 0;
            let mut changes = Vec::new();
            // From the back: messages (`m`) are written before episodes (`e`).
            for (key, value) in pending.iter().rev() {
                let size = key.len() + value.as_ref().map_or(0, |json| json.get().len());
                if !changes.is_empty() && most < bytes + size {
                    break;
                }
                bytes += size;
                changes.push(match value {
                    Some(json) => Then::Put(key, json),
                    None => Then::Delete(key),
                });
            }
            let count = changes.len();
            match self.state.txn(&[], &changes).await {
                Ok(_) => {}
                // The pieces of the bucket's log are smaller than we thought.
                Err(Error::Full { .. }) if 1 < count => {
                    most = bytes / 2;
                    continue;
                }
                Err(error) => return Err(error),
            }
            if count == pending.len() {
                pending.clear();
            } else {
                for _ in 0..count {
                    pending.pop_last();
                }
            }
        }
        Ok(())
    }

    /// All keys that begin with `prefix`, with their JSON, in order.
    pub(crate) async fn read(&self, prefix: &str) -> unidist::Result<Vec<(String, Box<RawValue>)>> {
        let keys = self.state.keys(prefix).await?;
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            if let Some(kept) = self.state.get(&key).await? {
                found.push((key, kept.value));
            }
        }
        Ok(found)
    }

    /// The JSON of one key.
    pub(crate) async fn get(&self, key: &str) -> unidist::Result<Option<Box<RawValue>>> {
        Ok(self.state.get(key).await?.map(|kept| kept.value))
    }

    /// Everything but the timelines.
    pub(crate) async fn read_all(&self) -> unidist::Result<Vec<(String, Box<RawValue>)>> {
        let mut found = Vec::new();
        for prefix in [
            "e/", "c/", "m/", "d/", "x/", "w/", "holds", "broken", "site",
        ] {
            found.extend(self.read(prefix).await?);
        }
        Ok(found)
    }
}
