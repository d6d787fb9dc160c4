use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Connection;
use super::options::HttpVersion;
use crate::Verify;
use crate::net::Peer;

/// How many connections wait for their next use; at the limit the one that
/// waited longest is closed.
const IDLE_MAX: usize = 1024;

/// How long one may wait; after that nearly every server has closed it.
const IDLE_TIME_MAX: Duration = Duration::from_secs(300);

/// The connections that checks keep open for each other, at most 1024, each
/// for at most five minutes. Clones share them.
///
/// Checks share a connection only if host, port, server name, HTTP version and
/// whom they trust are the same.
#[derive(Clone, Debug, Default)]
pub struct HttpPool(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    /// In the order in which they began to wait.
    idle: BTreeMap<u64, Idle>,
    of: BTreeMap<Key, Vec<u64>>,
}

#[derive(Debug)]
struct Idle {
    since: Instant,
    key: Key,
    connection: Connection,
}

/// What makes two connections interchangeable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) is_https: bool,
    pub(super) peer: Peer,
    pub(super) server_name: String,
    pub(super) verify: Verify,
    pub(super) version: HttpVersion,
}

impl HttpPool {
    /// Without connections yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The one that waited least: it is the likeliest to be open still.
    pub(super) fn take(&self, key: &Key) -> Option<Connection> {
        let mut waiting = self.lock();
        let number = waiting.of.get_mut(key)?.pop()?;
        if waiting.of.get(key).is_some_and(Vec::is_empty) {
            waiting.of.remove(key);
        }
        let idle = waiting.idle.remove(&number)?;
        (idle.since.elapsed() < IDLE_TIME_MAX).then_some(idle.connection)
    }

    pub(super) fn put(&self, key: Key, connection: Connection) {
        // Closed only after the lock is gone.
        let mut closed = Vec::new();
        let mut waiting = self.lock();
        let number = waiting.next;
        waiting.next += 1;
        waiting.of.entry(key.clone()).or_default().push(number);
        let since = Instant::now();
        let idle = Idle {
            since,
            key,
            connection,
        };
        waiting.idle.insert(number, idle);
        while let Some(oldest) = waiting.idle.first_entry() {
            let is_old = oldest.get().since.elapsed() >= IDLE_TIME_MAX;
            if !is_old && waiting.idle.len() <= IDLE_MAX {
                break;
            }
            closed.extend(waiting.close_oldest());
        }
        drop(waiting);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn close_oldest(&mut self) -> Option<Connection> {
        let (number, idle) = self.idle.pop_first()?;
        if let Some(numbers) = self.of.get_mut(&idle.key) {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.of.remove(&idle.key);
            }
        }
        Some(idle.connection)
    }
}
