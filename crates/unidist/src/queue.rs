use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rem_time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ack::{Ack, MsgId, Token};
use crate::bucket::{Raw, from_body, to_body, unexpected};
use crate::core::{Change, Command, Given, Name, Push, Reply, Row, Settle};
use crate::error::Result;
use crate::live::Wait;
use crate::spec::QueueSpec;

/// Messages in the order they came, to read, to pop, or to share out among
/// groups of consumers. Each group is given each message at least once, and each
/// message to one consumer of the group at a time.
#[derive(Debug)]
pub struct Queue<T> {
    raw: Raw,
    name: Name,
    spec: Arc<QueueSpec>,
    declared: Arc<AtomicBool>,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self {
            raw: self.raw.clone(),
            name: self.name.clone(),
            spec: self.spec.clone(),
            declared: self.declared.clone(),
            of: PhantomData,
        }
    }
}

/// A message as it lies in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Msg<T> {
    /// Its place.
    pub id: MsgId,
    /// When it came.
    pub at: Timestamp,
    /// What it says.
    pub value: T,
}

/// What a queue holds, and what has gone through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueStats {
    /// Messages in it.
    pub len: u64,
    /// Bytes of JSON in it.
    pub bytes: u64,
    /// The age of the oldest message.
    pub oldest_age: Option<Duration>,
    /// Deliveries that are being worked on.
    pub in_flight: u64,
    /// Messages given up, ever.
    pub dead: u64,
    /// Messages pushed, ever.
    pub pushed: u64,
    /// Messages that left, ever: acknowledged, popped, too old or too many.
    pub gone: u64,
}

impl<T: Serialize + DeserializeOwned> Queue<T> {
    pub(crate) fn new(raw: Raw, name: Name, spec: QueueSpec) -> Self {
        Self {
            raw,
            name,
            spec: Arc::new(spec),
            declared: Arc::default(),
            of: PhantomData,
        }
    }

    /// The queue's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// States the rules before anything relies on them.
    async fn declare(&self) -> Result<()> {
        if self.declared.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut raw = self.raw.clone();
        raw.op = None;
        let declare = Command::QueueDeclare {
            name: self.name.clone(),
            spec: (*self.spec).clone(),
        };
        raw.write(declare).await?;
        self.declared.store(true, Ordering::Release);
        Ok(())
    }

    fn item(&self, value: &T) -> Result<Push> {
        Ok(Push {
            body: to_body(&self.name, value)?,
            dedup: None,
            not_before: None,
        })
    }

    async fn push_items(&self, items: Vec<Push>) -> Result<(Vec<MsgId>, Ack)> {
        self.declare().await?;
        let name = self.name.clone();
        match self.raw.write(Command::QueuePush { name, items }).await? {
            (Reply::Ids { ids }, ack) => Ok((ids, ack)),
            (other, _) => Err(unexpected(&other)),
        }
    }

    async fn push_item(&self, item: Push) -> Result<(MsgId, Ack)> {
        let (ids, ack) = self.push_items(vec![item]).await?;
        Ok((ids.first().copied().unwrap_or_default(), ack))
    }

    /// Adds a message at the end.
    ///
    /// # Errors
    /// [`crate::Error::Full`] where the rules say to reject.
    pub async fn push(&self, value: &T) -> Result<MsgId> {
        Ok(self.push_acked(value).await?.0)
    }

    /// As [`Queue::push`], and tells what the message survives.
    ///
    /// # Errors
    /// As [`Queue::push`].
    pub async fn push_acked(&self, value: &T) -> Result<(MsgId, Ack)> {
        self.push_item(self.item(value)?).await
    }

    /// Adds several messages in one commit: all of them or none.
    ///
    /// # Errors
    /// As [`Queue::push`].
    pub async fn push_many(&self, values: &[T]) -> Result<Vec<MsgId>> {
        let items: Result<Vec<_>> = values.iter().map(|value| self.item(value)).collect();
        Ok(self.push_items(items?).await?.0)
    }

    /// Adds a message that nobody sees before `at`.
    ///
    /// # Errors
    /// As [`Queue::push`].
    pub async fn push_delayed(&self, value: &T, at: Timestamp) -> Result<MsgId> {
        let mut item = self.item(value)?;
        item.not_before = Some(at.as_nanos());
        Ok(self.push_item(item).await?.0)
    }

    /// Adds a message unless one with the same `dedup` came within the window
    /// of the rules; then it returns the place of that one.
    ///
    /// # Errors
    /// As [`Queue::push`].
    pub async fn push_id(&self, dedup: &str, value: &T) -> Result<MsgId> {
        let mut item = self.item(value)?;
        item.dedup = Some(dedup.into());
        Ok(self.push_item(item).await?.0)
    }

    /// Up to `n` of the oldest messages, oldest first; they stay.
    ///
    /// # Errors
    /// [`crate::Error::Value`] if one of them is no `T`.
    pub async fn peek_oldest(&self, n: u64) -> Result<Vec<Msg<T>>> {
        self.read(MsgId(0), n, false, Wait::No).await
    }

    /// Up to `n` of the newest messages, oldest first; they stay.
    ///
    /// # Errors
    /// As [`Queue::peek_oldest`].
    pub async fn peek_newest(&self, n: u64) -> Result<Vec<Msg<T>>> {
        self.read(MsgId(0), n, true, Wait::No).await
    }

    /// Up to `n` messages from the place `from` on; they stay.
    ///
    /// # Errors
    /// As [`Queue::peek_oldest`].
    pub async fn range(&self, from: MsgId, n: u64) -> Result<Vec<Msg<T>>> {
        self.read(from, n, false, Wait::No).await
    }

    async fn read(&self, from: MsgId, n: u64, newest: bool, wait: Wait) -> Result<Vec<Msg<T>>> {
        self.declare().await?;
        let read = Command::QueueRead {
            name: self.name.clone(),
            from,
            n,
            newest,
        };
        match self.raw.ask(&read, wait).await?.0 {
            Reply::Messages { messages } => {
                let rows = messages.into_iter();
                rows.map(|row| self.message(&row)).collect()
            }
            other => Err(unexpected(&other)),
        }
    }

    fn message(&self, row: &Row) -> Result<Msg<T>> {
        Ok(Msg {
            id: row.id,
            at: Timestamp::from_nanos(row.at),
            value: from_body(&self.name, &row.body)?,
        })
    }

    /// Follows the queue from the place `from` on, without taking anything.
    pub fn tail(&self, from: MsgId) -> Tail<T> {
        Tail {
            queue: self.clone(),
            from,
            ready: Vec::new(),
        }
    }

    /// Takes the oldest message out. `None`: there is none.
    ///
    /// # Errors
    /// What the backend reports.
    pub async fn pop_oldest(&self) -> Result<Option<Msg<T>>> {
        self.pop(false, Wait::No).await
    }

    /// Takes the newest message out. `None`: there is none.
    ///
    /// # Errors
    /// What the backend reports.
    pub async fn pop_newest(&self) -> Result<Option<Msg<T>>> {
        self.pop(true, Wait::No).await
    }

    /// Takes the oldest message out, and waits for one this long.
    ///
    /// # Errors
    /// What the backend reports.
    pub async fn pop_wait(&self, limit: Duration) -> Result<Option<Msg<T>>> {
        self.pop(false, limit.into()).await
    }

    async fn pop(&self, newest: bool, wait: Wait) -> Result<Option<Msg<T>>> {
        self.declare().await?;
        let name = self.name.clone();
        match self
            .raw
            .ask(&Command::QueuePop { name, newest }, wait)
            .await?
            .0
        {
            Reply::Message { message } => message.map(|row| self.message(&row)).transpose(),
            other => Err(unexpected(&other)),
        }
    }

    /// Messages in the queue, and what went through it.
    ///
    /// # Errors
    /// What the backend reports.
    pub async fn stats(&self) -> Result<QueueStats> {
        self.declare().await?;
        let name = self.name.clone();
        let now = self.raw.desk.now();
        match self.raw.read(Command::QueueStats { name }).await? {
            Reply::Stats { stats } => {
                let age = |at| now.since(Timestamp::from_nanos(at)).as_duration();
                Ok(QueueStats {
                    len: stats.len,
                    bytes: stats.bytes,
                    oldest_age: stats.oldest.map(age),
                    in_flight: stats.in_flight,
                    dead: stats.dead,
                    pushed: stats.pushed,
                    gone: stats.gone,
                })
            }
            other => Err(unexpected(&other)),
        }
    }

    /// How many messages are in the queue.
    ///
    /// # Errors
    /// What the backend reports.
    pub async fn len(&self) -> Result<u64> {
        Ok(self.stats().await?.len)
    }

    /// Whether there is no message in the queue.
    ///
    /// # Errors
    /// What the backend reports.
    pub async fn is_empty(&self) -> Result<bool> {
        Ok(self.len().await? == 0)
    }

    /// The consumers that share the work under this name; they begin with the
    /// oldest message there is when the first of them comes.
    pub fn group(&self, name: &str) -> Group<T> {
        Group {
            queue: self.clone(),
            name: name.into(),
        }
    }
}

/// The messages of a queue as they come.
#[derive(Debug)]
pub struct Tail<T> {
    queue: Queue<T>,
    from: MsgId,
    ready: Vec<Msg<T>>,
}

/// Messages that a tail asks for at a time.
const TAIL_BATCH: u64 = 256;

impl<T: Serialize + DeserializeOwned> Tail<T> {
    /// The next message; waits until there is one.
    ///
    /// # Errors
    /// What the backend reports; the next call goes on from the same place.
    pub async fn next(&mut self) -> Result<Msg<T>> {
        loop {
            if let Some(message) = self.ready.pop() {
                self.from = MsgId(message.id.0 + 1);
                return Ok(message);
            }
            let read = self.queue.read(self.from, TAIL_BATCH, false, Wait::Forever);
            self.ready = read.await?;
            self.ready.reverse();
        }
    }
}

/// Consumers that share the messages of a queue among them.
#[derive(Debug)]
pub struct Group<T> {
    queue: Queue<T>,
    name: Name,
}

impl<T> Clone for Group<T> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            name: self.name.clone(),
        }
    }
}

/// A delivery that somebody is working on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The message.
    pub id: MsgId,
    /// Which delivery of it this is, from 1.
    pub attempt: u32,
    /// When it is given to somebody else.
    pub until: Timestamp,
}

impl<T: Serialize + DeserializeOwned> Group<T> {
    /// Up to `n` messages to work on; waits up to `wait` for the first.
    ///
    /// # Errors
    /// What the backend reports.
    pub async fn take(&self, n: u64, wait: Duration) -> Result<Vec<Delivery<T>>> {
        self.queue.declare().await?;
        let take = Command::QueueTake {
            name: self.queue.name.clone(),
            group: self.name.clone(),
            n,
        };
        let wait = if wait.is_zero() {
            Wait::No
        } else {
            wait.into()
        };
        match self.queue.raw.ask(&take, wait).await?.0 {
            Reply::Taken { taken, .. } => {
                let given = taken.into_iter();
                given.map(|given| self.delivery(&given)).collect()
            }
            other => Err(unexpected(&other)),
        }
    }

    fn delivery(&self, given: &Given) -> Result<Delivery<T>> {
        let mut raw = self.queue.raw.clone();
        raw.op = None;
        Ok(Delivery {
            raw,
            queue: self.queue.name.clone(),
            group: self.name.clone(),
            token: given.token,
            attempt: given.attempt,
            until: Timestamp::from_nanos(given.until),
            message: self.queue.message(&given.row)?,
        })
    }

    /// What is being worked on, by place.
    ///
    /// # Errors
    /// What the backend reports.
    pub async fn pending(&self) -> Result<Vec<Pending>> {
        let pending = Command::QueuePending {
            name: self.queue.name.clone(),
            group: self.name.clone(),
        };
        match self.queue.raw.read(pending).await? {
            Reply::Pending { pending } => Ok(pending
                .into_iter()
                .map(|flying| Pending {
                    id: flying.id,
                    attempt: flying.attempt,
                    until: Timestamp::from_nanos(flying.until),
                })
                .collect()),
            other => Err(unexpected(&other)),
        }
    }
}

/// A message that was given to us to work on, until its time is over. A late
/// answer is refused with [`crate::Error::Expired`] and touches nobody else's work.
#[derive(Debug)]
pub struct Delivery<T> {
    raw: Raw,
    queue: Name,
    group: Name,
    token: Token,
    attempt: u32,
    until: Timestamp,
    message: Msg<T>,
}

impl<T> Delivery<T> {
    /// The message.
    pub fn message(&self) -> &Msg<T> {
        &self.message
    }

    /// What it says.
    pub fn value(&self) -> &T {
        &self.message.value
    }

    /// Which delivery of the message this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The name of this very delivery: no other one has it, whoever works on it.
    pub fn token(&self) -> Token {
        self.token
    }

    /// When the message is given to somebody else.
    pub fn until(&self) -> Timestamp {
        self.until
    }

    /// The work is done.
    ///
    /// # Errors
    /// [`crate::Error::Expired`]: it was somebody else's already.
    pub async fn ack(self) -> Result<Ack> {
        self.settle(Settle::Ack, Vec::new()).await
    }

    /// The work is done and this is its result: both are kept in one commit,
    /// or neither.
    ///
    /// # Errors
    /// [`crate::Error::Expired`]: it was somebody else's already; nothing was written.
    pub async fn ack_with<V: Serialize + ?Sized>(self, key: &str, value: &V) -> Result<Ack> {
        let put = Change::Put {
            key: key.into(),
            body: to_body(key, value)?,
            ttl: None,
        };
        self.settle(Settle::Ack, vec![put]).await
    }

    /// We cannot do it; somebody may try again after `delay`.
    ///
    /// # Errors
    /// [`crate::Error::Expired`]: it was somebody else's already.
    pub async fn nack(self, delay: Duration) -> Result<Ack> {
        let delay = nanos(delay);
        self.settle(Settle::Nack { delay }, Vec::new()).await
    }

    /// We need `by` more, from now.
    ///
    /// # Errors
    /// [`crate::Error::Expired`]: it was somebody else's already.
    pub async fn extend(&mut self, by: Duration) -> Result<Ack> {
        let now = self.raw.desk.now();
        let ack = self
            .settle(Settle::Extend { by: nanos(by) }, Vec::new())
            .await?;
        self.until = now + rem_time::Span::from_nanos(nanos(by));
        Ok(ack)
    }

    /// Nobody can do it: to the dead letters.
    ///
    /// # Errors
    /// [`crate::Error::Expired`]: it was somebody else's already.
    pub async fn dead(self, reason: &str) -> Result<Ack> {
        let id = self.message.id;
        tracing::warn!(queue = &*self.queue, %id, reason, "message given up");
        let reason = reason.into();
        self.settle(Settle::Dead { reason }, Vec::new()).await
    }

    async fn settle(&self, how: Settle, then: Vec<Change>) -> Result<Ack> {
        let settle = Command::QueueSettle {
            name: self.queue.clone(),
            group: self.group.clone(),
            id: self.message.id,
            token: self.token,
            how,
            then,
        };
        Ok(self.raw.write(settle).await?.1)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
