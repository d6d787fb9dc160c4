use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ack::{Ack, OpId, Token};
use crate::core::{Command, LockRow, Reply};
use crate::counter::Counter;
use crate::error::{Error, Result};
use crate::journal::Log;
use crate::live::{BucketKey, Wait};
use crate::lock::{Fence, Handles, Lock, LockInfo};
use crate::queue::Queue;
use crate::spec::{Mode, QueueSpec};
use crate::state::State;
use crate::unidist::Desk;

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Consistent {}
    impl Sealed for super::Available {}
}

/// The consistency of a bucket, as a type: [`Consistent`] or [`Available`].
pub trait Consistency: sealed::Sealed + Clone + Send + Sync + 'static {
    /// The same as a value.
    const MODE: Mode;
}

/// Refuses to answer rather than answer wrongly: locks, money, elections.
#[derive(Clone, Copy, Debug)]
pub struct Consistent;

/// Answers with what it has and merges later: states on pages, message boards.
///
/// It has no locks, no comparing and no counting with a result, since no
/// machine can promise those alone. The wrong choice does not compile:
///
/// ```compile_fail,E0599
/// # use unidist::{BucketSpec, Unidist};
/// let bucket = Unidist::memory().available("board", BucketSpec::default()).unwrap();
/// bucket.lock("front door");
/// ```
/// ```compile_fail,E0599
/// # use unidist::{BucketSpec, Unidist};
/// let bucket = Unidist::memory().available("board", BucketSpec::default()).unwrap();
/// bucket.counter("visitors").fetch_add(1);
/// ```
/// ```compile_fail,E0599
/// # use unidist::{BucketSpec, Revision, Unidist};
/// let bucket = Unidist::memory().available("board", BucketSpec::default()).unwrap();
/// bucket.state::<u32>().put_if("seats", &3, Revision(7));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Available;

impl Consistency for Consistent {
    const MODE: Mode = Mode::Consistent;
}

impl Consistency for Available {
    const MODE: Mode = Mode::Available;
}

/// A named set of locks, queues, counters, state keys and logs that share one
/// consistency and one durability. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Bucket<M> {
    pub(crate) raw: Raw,
    locks: Arc<Handles>,
    mode: PhantomData<M>,
}

/// A bucket whose consistency a configuration file chose.
#[derive(Clone, Debug)]
pub enum AnyBucket {
    /// `mode: consistent`
    Consistent(Bucket<Consistent>),
    /// `mode: available`
    Available(Bucket<Available>),
}

/// A bucket without its consistency in the type; what all objects work through.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    of: Arc<Ways>,
    pub op: Option<OpId>,
}

/// The ways to a bucket, in one piece so that a handle costs one count.
#[derive(Debug)]
pub(crate) struct Ways {
    pub desk: Arc<Desk>,
    pub key: Arc<BucketKey>,
    pub live: Option<Arc<crate::live::LiveBucket>>,
}

impl Deref for Raw {
    type Target = Ways;

    fn deref(&self) -> &Ways {
        &self.of
    }
}

impl<M: Consistency> Bucket<M> {
    pub(crate) fn new(raw: Raw) -> Self {
        Self {
            raw,
            locks: Arc::default(),
            mode: PhantomData,
        }
    }

    /// The name it was opened with.
    pub fn name(&self) -> &str {
        &self.raw.key.name
    }

    /// The same bucket, where the next write carries the id `op`: repeat a write
    /// that ended in [`Error::Indeterminate`] through it, and it is applied once.
    /// Use it for one write only; another one under the same id is refused.
    #[must_use]
    pub fn with_op(&self, op: OpId) -> Self {
        let mut raw = self.raw.clone();
        raw.op = Some(op);
        Self::new(raw)
    }

    /// The queue `name`, with these rules.
    pub fn queue<T>(&self, name: &str, spec: QueueSpec) -> Queue<T>
    where
        T: Serialize + DeserializeOwned,
    {
        Queue::new(self.raw.clone(), name.into(), spec)
    }

    /// The counter `name`. Keep the handle: adding through it is quick.
    pub fn counter(&self, name: &str) -> Counter<M> {
        Counter::new(self.raw.clone(), name)
    }

    /// The counters whose names begin with `prefix`, with their values, by name.
    pub async fn counters(&self, prefix: &str) -> Result<Vec<(String, i64)>> {
        self.raw.desk.flush_bucket(&self.raw.key).await?;
        let prefix = prefix.into();
        match self.raw.read(Command::CounterList { prefix }).await? {
            Reply::Numbers { values } => {
                let values = values.into_iter();
                Ok(values
                    .map(|(name, value)| (name.to_string(), value))
                    .collect())
            }
            other => Err(unexpected(&other)),
        }
    }

    /// The keys of the bucket, with values of type `T`.
    pub fn state<T>(&self) -> State<M, T>
    where
        T: Serialize + DeserializeOwned,
    {
        State::new(self.raw.clone())
    }

    /// The log `name`, which keeps the newest `keep` entries.
    pub fn log(&self, name: &str, keep: u64) -> Log {
        Log::new(&self.raw, name, keep)
    }
}

impl Bucket<Consistent> {
    /// The lock `name`.
    pub fn lock(&self, name: &str) -> Lock {
        self.locks.lock(&self.raw, name)
    }

    /// The locks that are held and whose names begin with `prefix`, by name.
    pub async fn list_locks(&self, prefix: &str) -> Result<Vec<LockInfo>> {
        let now = self.raw.desk.now();
        let prefix = prefix.into();
        match self.raw.read(Command::LockList { prefix }).await? {
            Reply::Locks { locks } => {
                let rows = locks.iter();
                Ok(rows.map(|row: &LockRow| LockInfo::new(row, now)).collect())
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Releases the lock `name` if `token` still holds it, from any task or
    /// process that knows the token.
    pub async fn release_lock(&self, name: &str, token: Token) -> Result<Ack> {
        let name = name.into();
        let release = Command::LockRelease { name, token };
        Ok(self.raw.write(release).await?.1)
    }

    /// The memory of which holders of a lock a resource has seen.
    pub fn fence(&self) -> Fence {
        Fence::new(self.raw.clone())
    }
}

impl Raw {
    pub(crate) fn new(ways: Ways) -> Self {
        Self {
            of: Arc::new(ways),
            op: None,
        }
    }

    pub(crate) async fn ask(&self, command: &Command, wait: Wait) -> Result<(Reply, Ack)> {
        match &self.live {
            Some(live) => {
                let op = self.op.map(|id| crate::core::Op { id, floor: 0 });
                live.ask(op, command, wait, self.key.level).await
            }
            None => self.desk.ask(&self.key, self.op, command, wait).await,
        }
    }

    /// The bucket itself, where it answers at once and nothing is to be repeated.
    pub(crate) fn quick(&self) -> Option<&crate::live::LiveBucket> {
        self.live.as_deref().filter(|_| self.op.is_none())
    }

    pub(crate) async fn read(&self, command: Command) -> Result<Reply> {
        Ok(self.ask(&command, Wait::No).await?.0)
    }

    pub(crate) async fn write(&self, command: Command) -> Result<(Reply, Ack)> {
        self.ask(&command, Wait::No).await
    }

    /// Does it without waiting for the answer; for destructors.
    pub(crate) fn tell(&self, command: &Command) {
        match &self.live {
            Some(live) => live.tell(command),
            None => self.desk.tell(&self.key, command),
        }
    }
}

pub(crate) fn unexpected(reply: &Reply) -> Error {
    Error::Unavailable {
        reason: format!("the owner of the bucket gave an answer to another question: {reply:?}"),
        since: None,
    }
}

pub(crate) fn to_body<T: Serialize + ?Sized>(what: &str, value: &T) -> Result<crate::core::Body> {
    let json = serde_json::to_vec(value).map_err(|source| Error::value(what, source))?;
    if VALUE_BYTES_MAX < json.len() {
        return Err(Error::Full {
            what: format!("the bytes of one value: {what}"),
            limit: VALUE_BYTES_MAX as u64,
        });
    }
    Ok(json.into())
}

pub(crate) fn from_body<T: DeserializeOwned>(what: &str, body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|source| Error::value(what, source))
}

/// The longest value, as JSON; a longer one is refused with [`Error::Full`].
pub const VALUE_BYTES_MAX: usize = 1 << 20;
