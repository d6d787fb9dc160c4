//! A bucket in the process that owns it: the core behind a mutex, the log it
//! writes to (none in memory), and those who wait for something to change.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use rem_time::Clock;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::ack::{Ack, Durability, Revision, Token};
use crate::clock::Stamps;
use crate::core::{Applied, Command, Core, Name, Op, Recall, Reply, Slot, Take, Taken};
use crate::error::{Error, Refusal, Result};
use crate::spec::Mode;
use crate::store::Log;
use crate::wire::{Wire, wire};

/// Which bucket, as both ends of the socket know it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BucketKey {
    pub name: Name,
    pub mode: Mode,
    pub level: Durability,
}

wire!(struct BucketKey { name, mode, level });

/// How long to wait for what is not there yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    No,
    Nanos { nanos: u64 },
    Forever,
}

wire!(enum Wait { 0 => No, 1 => Nanos { nanos }, 2 => Forever });

impl From<Duration> for Wait {
    fn from(duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self::Nanos { nanos }
    }
}

/// All buckets of one owner.
#[derive(Debug)]
pub(crate) struct Shelf {
    buckets: RwLock<HashMap<Name, Arc<LiveBucket>>>,
    pub(crate) clock: Arc<dyn Clock>,
    stamps: Stamps,
    pub(crate) log: Option<Arc<Log>>,
}

#[derive(Debug)]
pub(crate) struct LiveBucket {
    name: Name,
    clock: Arc<dyn Clock>,
    log: Option<Arc<Log>>,
    inner: Mutex<Inner>,
    changed: Notify,
    /// How many wait for `changed`: the quick path asks this and goes on.
    sleepers: AtomicUsize,
}

#[derive(Debug)]
struct Inner {
    core: Core,
    /// The number of the last record this bucket wrote.
    seq: u64,
    waiting: HashMap<Name, VecDeque<Waiter>>,
    last_waiter: u64,
    stamps: Stamps,
}

#[derive(Debug)]
struct Waiter {
    id: u64,
    op: Option<Op>,
    command: Command,
    granted: oneshot::Sender<Result<Done>>,
}

/// A command that has been applied, though it may not be on disk yet.
#[derive(Debug)]
pub(crate) struct Done {
    pub result: Result<Reply, Refusal>,
    pub rev: Revision,
    pub seq: u64,
}

impl Shelf {
    pub(crate) fn new(clock: Arc<dyn Clock>, stamps: Stamps) -> Self {
        Self {
            buckets: RwLock::default(),
            clock,
            stamps,
            log: None,
        }
    }

    /// A shelf of what was found on disk; `seq` is the last record of each bucket.
    pub(crate) fn restored(
        clock: Arc<dyn Clock>,
        log: Arc<Log>,
        cores: impl IntoIterator<Item = (Name, Core, u64)>,
    ) -> Self {
        let shelf = Self {
            buckets: RwLock::default(),
            clock,
            stamps: Stamps::exact(),
            log: Some(log),
        };
        for (name, core, seq) in cores {
            let bucket = shelf.make(name.clone(), core, seq);
            shelf.buckets.write().insert(name, bucket);
        }
        shelf
    }

    fn make(&self, name: Name, core: Core, seq: u64) -> Arc<LiveBucket> {
        Arc::new(LiveBucket {
            name,
            clock: self.clock.clone(),
            log: self.log.clone(),
            inner: Mutex::new(Inner {
                core,
                seq,
                waiting: HashMap::new(),
                last_waiter: 0,
                stamps: self.stamps,
            }),
            changed: Notify::new(),
            sleepers: AtomicUsize::new(0),
        })
    }

    pub(crate) fn bucket(&self, name: &Name, mode: Mode) -> Result<Arc<LiveBucket>> {
        let found = self.buckets.read().get(name).cloned();
        let bucket = found.unwrap_or_else(|| {
            let mut buckets = self.buckets.write();
            let fresh = || self.make(name.clone(), Core::new(mode), 0);
            buckets.entry(name.clone()).or_insert_with(fresh).clone()
        });
        if bucket.inner.lock().core.mode != mode {
            return Err(Refusal::WrongMode.into());
        }
        Ok(bucket)
    }

    pub(crate) fn all(&self) -> Vec<Arc<LiveBucket>> {
        self.buckets.read().values().cloned().collect()
    }

    /// Ends what is over: leases, time-limited keys, deliveries.
    pub(crate) fn tick(&self) {
        for bucket in self.all() {
            bucket.tick();
        }
    }
}

impl LiveBucket {
    pub(crate) fn name(&self) -> &Name {
        &self.name
    }

    fn now(&self) -> i64 {
        self.clock.now().as_nanos()
    }

    /// Applies a command at once. What it answers may not be on disk yet:
    /// [`Self::settle`] waits for that.
    pub(crate) fn execute(&self, op: Option<Op>, command: &Command) -> Result<Done> {
        let done = self.execute_in(&mut self.inner.lock(), op, command)?;
        self.wake(command);
        Ok(done)
    }

    fn execute_in(&self, inner: &mut Inner, op: Option<Op>, command: &Command) -> Result<Done> {
        let now = self.now();
        if inner.core.next_tick().is_some_and(|at| at <= now) {
            self.write(inner, now, None, &Command::Tick)?;
        }
        if let Some(op) = op {
            match inner.core.recall(op, command) {
                Recall::New => {}
                Recall::Answered { result, rev } => {
                    return Ok(Done {
                        result,
                        rev,
                        seq: inner.seq,
                    });
                }
                Recall::Mixed => {
                    return Err(Error::Invalid(format!(
                        "operation {} was used for another command before",
                        op.id
                    )));
                }
            }
        }
        // Whoever waited first has the lock first, even if its lease just ended.
        if let Command::LockTake { take } = command
            && !inner.waiting.is_empty()
        {
            self.promote(inner, &take.name)?;
        }
        let applied = self.write(inner, now, op, command)?;
        let mut result = applied.result;
        match command {
            Command::LockRelease { name, .. } if !inner.waiting.is_empty() => {
                self.promote(inner, name)?;
            }
            Command::LockInfo { .. } | Command::LockList { .. } => inner.show_waiters(&mut result),
            _ => {}
        }
        Ok(Done {
            result,
            rev: inner.core.rev,
            seq: inner.seq,
        })
    }

    /// Applies a command and logs it if it changed anything.
    fn write(
        &self,
        inner: &mut Inner,
        now: i64,
        op: Option<Op>,
        command: &Command,
    ) -> Result<Applied> {
        let Some(log) = self.log.as_ref().filter(|_| command.writes()) else {
            return Ok(inner.core.apply(now, op, command));
        };
        let record = crate::store::Record::encode(&self.name, inner.core.mode, now, op, command);
        // Room first: a full disk must refuse the command before it is applied.
        let room = log.room(record.len())?;
        let applied = inner.core.apply(now, op, command);
        if applied.changed {
            inner.seq = room.append(&record);
        }
        Ok(applied)
    }

    /// Takes a lock of a bucket in memory that nobody waits for: no future, no
    /// operation to remember, no lease. `None`: it takes the command.
    pub(crate) fn take_at_once(&self, seen: Slot, take: &Take) -> Option<(Taken, Slot)> {
        if self.log.is_some() {
            return None;
        }
        let inner = &mut *self.inner.lock();
        if !inner.waiting.is_empty() {
            return None;
        }
        let since = || inner.stamps.now(&*self.clock);
        inner.core.take_lock(seen, since, take)
    }

    /// The other way round; returns the revision after it.
    pub(crate) fn release_at_once(&self, seen: Slot, token: Token) -> Option<Revision> {
        if self.log.is_some() {
            return None;
        }
        let mut inner = self.inner.lock();
        if !inner.waiting.is_empty() {
            return None;
        }
        inner.core.release_lock(seen, token)
    }

    /// Applies a command for somebody who does not wait for the answer.
    pub(crate) fn tell(&self, command: &Command) {
        let _ = self.execute(None, command);
        if let Some(log) = &self.log {
            log.kick();
        }
    }

    fn wake(&self, command: &Command) {
        if command.writes() && self.sleepers.load(Ordering::SeqCst) != 0 {
            self.changed.notify_waiters();
        }
    }

    pub(crate) fn tick(&self) {
        let mut inner = self.inner.lock();
        let now = self.now();
        if inner.core.next_tick().is_some_and(|at| at <= now) {
            // A log that fails tells the next caller; a tick has nobody to tell.
            let _ = self.write(&mut inner, now, None, &Command::Tick);
        }
        let names: Vec<Name> = inner.waiting.keys().cloned().collect();
        for name in names {
            let _ = self.promote(&mut inner, &name);
        }
        drop(inner);
        self.changed.notify_waiters();
    }

    /// Gives a lock that is free to the first who waits for it.
    fn promote(&self, inner: &mut Inner, name: &Name) -> Result<()> {
        let now = self.now();
        while inner.core.locks.held_until(now, name).is_none() {
            let Some(waiter) = inner.waiting.get_mut(name).and_then(VecDeque::pop_front) else {
                inner.waiting.remove(name);
                return Ok(());
            };
            if waiter.granted.is_closed() {
                continue;
            }
            let applied = self.write(inner, now, waiter.op, &waiter.command)?;
            let token = match &applied.result {
                Ok(Reply::Token { token }) => Some(*token),
                _ => None,
            };
            let done = Done {
                result: applied.result,
                rev: inner.core.rev,
                seq: inner.seq,
            };
            if let (Err(_), Some(token)) = (waiter.granted.send(Ok(done)), token) {
                let name = name.clone();
                self.write(inner, now, None, &Command::LockRelease { name, token })?;
            }
        }
        Ok(())
    }

    /// Applies a command, waits for what it asks for, and returns once the
    /// answer is as durable as `level`.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        op: Option<Op>,
        command: &Command,
        wait: Wait,
        level: Durability,
    ) -> Result<(Reply, Ack)> {
        let done = match wait {
            Wait::No => self.execute(op, command)?,
            Wait::Nanos { .. } | Wait::Forever => self.wait_for(op, command, wait).await?,
        };
        let unheard = Unheard::of(self, command, &done);
        let durability = self.settle(&done, level).await?;
        std::mem::forget(unheard);
        let ack = Ack {
            durability,
            rev: done.rev,
        };
        Ok((done.result?, ack))
    }

    /// Waits until everything the answer may have seen is as durable as asked.
    pub(crate) async fn settle(&self, done: &Done, level: Durability) -> Result<Durability> {
        match &self.log {
            None => Ok(Durability::Memory),
            Some(log) => log.settle(done.seq, level).await,
        }
    }

    async fn wait_for(
        self: &Arc<Self>,
        op: Option<Op>,
        command: &Command,
        wait: Wait,
    ) -> Result<Done> {
        let deadline = match wait {
            Wait::No => Some(Instant::now()),
            Wait::Nanos { nanos } => Instant::now().checked_add(Duration::from_nanos(nanos)),
            Wait::Forever => None,
        };
        match command {
            Command::LockTake { .. } => self.wait_for_lock(op, command, deadline).await,
            _ => self.wait_for_change(op, command, deadline).await,
        }
    }

    async fn wait_for_lock(
        self: &Arc<Self>,
        op: Option<Op>,
        command: &Command,
        deadline: Option<Instant>,
    ) -> Result<Done> {
        let Command::LockTake { take } = command else {
            return self.execute(op, command);
        };
        let mut place = {
            let mut inner = self.inner.lock();
            let done = self.execute_in(&mut inner, op, command)?;
            if !matches!(done.result, Ok(Reply::Held { .. })) {
                return Ok(done);
            }
            let (granted, grant) = oneshot::channel();
            inner.last_waiter += 1;
            let id = inner.last_waiter;
            let waiter = Waiter {
                id,
                op,
                command: command.clone(),
                granted,
            };
            let line = inner.waiting.entry(take.name.clone()).or_default();
            line.push_back(waiter);
            Place {
                bucket: self.clone(),
                name: take.name.clone(),
                id,
                grant: Some(grant),
            }
        };
        loop {
            let Some(grant) = place.grant.as_mut() else {
                return Err(Error::Timeout);
            };
            tokio::select! {
                biased;
                granted = &mut *grant => {
                    place.grant = None;
                    return granted.unwrap_or_else(|_| Err(gone()));
                }
                () = self.lease_end(&take.name) => {
                    let mut inner = self.inner.lock();
                    self.promote(&mut inner, &take.name)?;
                }
                () = until(deadline) => return Err(Error::Timeout),
            }
        }
    }

    /// Returns when the lease that now bars the lock ends.
    async fn lease_end(&self, lock: &Name) {
        let now = self.now();
        let end = self.inner.lock().core.locks.held_until(now, lock);
        match end {
            Some(i64::MAX) => std::future::pending().await,
            Some(end) => tokio::time::sleep(span(now, end)).await,
            None => {}
        }
    }

    async fn wait_for_change(
        &self,
        op: Option<Op>,
        command: &Command,
        deadline: Option<Instant>,
    ) -> Result<Done> {
        let _sleeper = Sleeper::new(&self.sleepers);
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let done = self.execute(op, command)?;
            let Some(again_at) = nothing_yet(&done.result) else {
                return Ok(done);
            };
            let tick_at = self.inner.lock().core.next_tick();
            let wake_at = [again_at, tick_at].into_iter().flatten().min();
            tokio::select! {
                () = changed => {}
                () = self.clock_at(wake_at) => {}
                () = until(deadline) => return Ok(done),
            }
        }
    }

    async fn clock_at(&self, at: Option<i64>) {
        match at {
            Some(at) => tokio::time::sleep(span(self.now(), at)).await,
            None => std::future::pending().await,
        }
    }

    /// The bucket as it is now, and the number of the last record in it.
    pub(crate) fn snapshot(&self) -> (Vec<u8>, u64) {
        let inner = self.inner.lock();
        (inner.core.to_bytes(), inner.seq)
    }
}

impl Inner {
    fn show_waiters(&self, result: &mut Result<Reply, Refusal>) {
        let rows = match result {
            Ok(Reply::Lock { lock }) => std::slice::from_mut(lock),
            Ok(Reply::Locks { locks }) => locks.as_mut_slice(),
            _ => return,
        };
        for row in rows {
            let line = self.waiting.get(&row.name).into_iter().flatten();
            let waiters = line.filter(|waiter| !waiter.granted.is_closed());
            row.waiters = waiters
                .filter_map(|waiter| match &waiter.command {
                    Command::LockTake { take } => Some(take.owner.clone()),
                    _ => None,
                })
                .collect();
        }
    }
}

/// `Some` if the answer is empty and one may wait for more, with the time at
/// which asking again is worthwhile.
fn nothing_yet(result: &Result<Reply, Refusal>) -> Option<Option<i64>> {
    match result {
        Ok(Reply::Taken { taken, retry_at }) if taken.is_empty() => Some(*retry_at),
        Ok(Reply::Messages { messages }) if messages.is_empty() => Some(None),
        Ok(Reply::Message { message: None }) => Some(None),
        Ok(Reply::Events { events, .. }) if events.is_empty() => Some(None),
        _ => None,
    }
}

fn span(now: i64, at: i64) -> Duration {
    // One nanosecond of rounding must not make a busy loop at the end of a lease.
    Duration::from_nanos(
        u64::try_from(at.saturating_sub(now))
            .unwrap_or(0)
            .max(100_000),
    )
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn gone() -> Error {
    Error::Unavailable {
        reason: "the bucket was closed".into(),
        since: None,
    }
}

/// A place in the line for a lock. Whoever leaves the line early gives back
/// what it may have been given in the same moment.
struct Place {
    bucket: Arc<LiveBucket>,
    name: Name,
    id: u64,
    grant: Option<oneshot::Receiver<Result<Done>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(mut grant) = self.grant.take() else {
            return;
        };
        grant.close();
        let mut inner = self.bucket.inner.lock();
        if let Ok(Ok(done)) = grant.try_recv() {
            let Ok(Reply::Token { token }) = done.result else {
                return;
            };
            let name = self.name.clone();
            let release = Command::LockRelease { name, token };
            let _ = self.bucket.execute_in(&mut inner, None, &release);
            return;
        }
        if let Some(line) = inner.waiting.get_mut(&self.name) {
            line.retain(|waiter| waiter.id != self.id);
            if line.is_empty() {
                inner.waiting.remove(&self.name);
            }
        }
    }
}

/// A grant whose taker may leave before it hears of it.
struct Unheard<'a> {
    bucket: &'a LiveBucket,
    name: &'a Name,
    token: Token,
}

impl<'a> Unheard<'a> {
    fn of(bucket: &'a LiveBucket, command: &'a Command, done: &Done) -> Option<Self> {
        // In memory there is nothing to wait for between grant and answer.
        bucket.log.as_ref()?;
        match (command, &done.result) {
            (Command::LockTake { take }, Ok(Reply::Token { token })) => Some(Self {
                bucket,
                name: &take.name,
                token: *token,
            }),
            _ => None,
        }
    }
}

impl Drop for Unheard<'_> {
    fn drop(&mut self) {
        let (name, token) = (self.name.clone(), self.token);
        self.bucket.tell(&Command::LockRelease { name, token });
    }
}

struct Sleeper<'a>(&'a AtomicUsize);

impl<'a> Sleeper<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
