//! The words of 2010 on the buckets of today: names of locks, counters and
//! queues live in one bucket, every bucket of states is one of its own.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rem_time::Span;
use serde_json::Value;
use unidist::{Bucket, BucketSpec, Consistent, Error, Guard, Queue, QueueSpec, Token, Unidist};

use crate::python::chained;

/// The bucket of locks, counters and queues.
const BUCKET: &str = "procblock";
/// Messages that a queue keeps unless the script that adds says otherwise; at
/// the limit the oldest go first.
const QUEUE_LEN_MAX: u64 = 100_000;

pub(super) struct Store {
    unidist: Unidist,
    bucket: Mutex<Option<Bucket<Consistent>>>,
    queues: Mutex<HashMap<String, (u64, Queue<Value>)>>,
}

impl Store {
    pub(super) fn new(unidist: Unidist) -> Arc<Self> {
        Arc::new(Self {
            unidist,
            bucket: Mutex::default(),
            queues: Mutex::default(),
        })
    }

    /// Opened when it is first needed: a store that cannot be had is an error
    /// of who needs it.
    fn bucket(&self) -> Result<Bucket<Consistent>, String> {
        let mut slot = self.bucket.lock();
        if let Some(bucket) = &*slot {
            return Ok(bucket.clone());
        }
        let bucket = self.unidist.consistent(BUCKET, BucketSpec::default());
        Ok(slot.insert(bucket.map_err(told)?).clone())
    }

    /// Waits for a lock, for ever without a timeout; `None` when it is over.
    pub(super) async fn acquire(
        &self,
        name: &str,
        timeout: Option<Span>,
        owner: &str,
    ) -> Result<Option<Guard>, String> {
        let lock = self.bucket()?.lock(name).owner(owner);
        match timeout {
            None => lock.acquire().await.map(Some).map_err(told),
            Some(Span::ZERO) => lock.try_acquire().await.map_err(told),
            Some(timeout) => match lock.acquire_timeout(timeout.into()).await {
                Ok(guard) => Ok(Some(guard)),
                Err(Error::Timeout) => Ok(None),
                Err(error) => Err(told(error)),
            },
        }
    }

    /// Who holds a lock.
    pub(super) async fn holder(&self, name: &str) -> Result<Option<Token>, String> {
        let info = self.bucket()?.lock(name).info().await.map_err(told)?;
        Ok(info.holder.map(|holder| holder.token))
    }

    /// Takes a lock from whoever holds it; tells whether somebody did.
    pub(super) async fn break_lock(&self, name: &str) -> Result<bool, String> {
        let Some(token) = self.holder(name).await? else {
            return Ok(false);
        };
        match self.bucket()?.release_lock(name, token).await {
            Ok(_) => Ok(true),
            Err(Error::LeaseLost) => Ok(false),
            Err(error) => Err(told(error)),
        }
    }

    pub(super) async fn locked(&self, prefix: &str) -> Result<Vec<String>, String> {
        let locks = self.bucket()?.list_locks(prefix).await.map_err(told)?;
        let held = locks.into_iter().filter(|lock| lock.holder.is_some());
        Ok(held.map(|lock| lock.name).collect())
    }

    pub(super) async fn counter_get(&self, name: &str) -> Result<i64, String> {
        self.bucket()?.counter(name).value().await.map_err(told)
    }

    /// Sets a counter and gives what it was before.
    pub(super) async fn counter_set(&self, name: &str, value: i64) -> Result<i64, String> {
        let counter = self.bucket()?.counter(name);
        counter.get_set(value).await.map_err(told)
    }

    /// Adds to a counter and gives the sum.
    pub(super) async fn counter_add(&self, name: &str, by: i64) -> Result<i64, String> {
        let before = self.bucket()?.counter(name).fetch_add(by).await;
        before.map(|before| before.saturating_add(by)).map_err(told)
    }

    pub(super) async fn queue_add(
        &self,
        queue: &str,
        message: &Value,
        keep: Option<u64>,
    ) -> Result<(), String> {
        let queue = self.queue(queue, keep)?;
        queue.push(message).await.map(|_| ()).map_err(told)
    }

    pub(super) async fn queue_get(
        &self,
        queue: &str,
        count: u64,
        newest: bool,
        remove: bool,
    ) -> Result<Vec<Value>, String> {
        let queue = self.queue(queue, None)?;
        let mut messages = Vec::new();
        if !remove {
            messages = match newest {
                false => queue.peek_oldest(count).await.map_err(told)?,
                true => queue.peek_newest(count).await.map_err(told)?,
            };
            if newest {
                messages.reverse();
            }
        }
        while remove && (messages.len() as u64) < count {
            let popped = match newest {
                false => queue.pop_oldest().await,
                true => queue.pop_newest().await,
            };
            match popped.map_err(told)? {
                Some(message) => messages.push(message),
                None => break,
            }
        }
        Ok(messages.into_iter().map(|message| message.value).collect())
    }

    pub(super) async fn queue_count(&self, queue: &str) -> Result<u64, String> {
        self.queue(queue, None)?.len().await.map_err(told)
    }

    /// A queue with the rules that were last asked for.
    fn queue(&self, name: &str, keep: Option<u64>) -> Result<Queue<Value>, String> {
        let bucket = self.bucket()?;
        let mut queues = self.queues.lock();
        if let Some((known, queue)) = queues.get(name)
            && keep.is_none_or(|keep| keep == *known)
        {
            return Ok(queue.clone());
        }
        let keep = keep.unwrap_or(QUEUE_LEN_MAX).max(1);
        let queue = bucket.queue(name, QueueSpec::last(keep));
        queues.insert(name.into(), (keep, queue.clone()));
        Ok(queue)
    }

    pub(super) async fn state_get(&self, bucket: &str, key: &str) -> Result<Option<Value>, String> {
        let found = self.states(bucket)?.get(key).await.map_err(told)?;
        Ok(found.map(|versioned| versioned.value))
    }

    pub(super) async fn state_set(
        &self,
        bucket: &str,
        key: &str,
        value: &Value,
    ) -> Result<(), String> {
        let put = self.states(bucket)?.put(key, value).await;
        put.map(|_| ()).map_err(told)
    }

    /// Sets a value and gives the one before.
    pub(super) async fn state_get_set(
        &self,
        bucket: &str,
        key: &str,
        value: &Value,
    ) -> Result<Option<Value>, String> {
        let mut before = None;
        let states = self.states(bucket)?;
        let change = |old: Option<&Value>| {
            before = old.cloned();
            Some(value.clone())
        };
        states.update(key, change).await.map_err(told)?;
        Ok(before)
    }

    /// Removes a value; tells whether there was one.
    pub(super) async fn state_delete(&self, bucket: &str, key: &str) -> Result<bool, String> {
        let states = self.states(bucket)?;
        let found = states.get(key).await.map_err(told)?.is_some();
        states.delete(key).await.map_err(told)?;
        Ok(found)
    }

    pub(super) async fn state_keys(&self, bucket: &str) -> Result<Vec<String>, String> {
        self.states(bucket)?.keys("").await.map_err(told)
    }

    fn states(&self, bucket: &str) -> Result<unidist::State<Consistent, Value>, String> {
        let bucket = self.unidist.consistent(bucket, BucketSpec::default());
        Ok(bucket.map_err(told)?.state())
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn told(error: Error) -> String {
    chained(&error)
}
