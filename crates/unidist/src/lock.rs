use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rem_time::{Span, Timestamp};
use tokio::sync::watch;

use crate::ack::{Ack, Durability, Revision, Token};
use crate::bucket::{Raw, unexpected};
use crate::core::{Command, LockRow, Name, Reply, Slot, Take, Taken};
use crate::error::{Error, Result};
use crate::live::Wait;

pub(crate) use handles::Handles;

mod handles;

/// The part of a lease that its holder does not trust: two machines' clocks may
/// run at rates this far apart.
const LEASE_MARGIN_PERCENT: u32 = 10;

/// A named lock. At most one holder at a time, first come first served.
///
/// A lock protects as long as its holder stops in time; what must never be
/// written by a holder that was too slow also checks the [`Token`] ([`Fence`],
/// [`crate::State::put_fenced`]).
#[derive(Clone, Debug)]
pub struct Lock {
    of: Arc<Of>,
}

/// What a lock and its guards share.
#[derive(Debug)]
struct Of {
    raw: Raw,
    take: Take,
    lease: Option<Duration>,
    renew: bool,
    /// The [`Slot`] in which the lock was last.
    seen: AtomicU32,
}

impl Clone for Of {
    fn clone(&self) -> Self {
        Self {
            raw: self.raw.clone(),
            take: self.take.clone(),
            lease: self.lease,
            renew: self.renew,
            seen: AtomicU32::new(self.seen().0),
        }
    }
}

/// A lock that is held. Dropping it releases the lock as well as it can; what
/// must be certain calls [`Guard::release`]. It can be kept in a struct and
/// released from another task.
#[derive(Debug)]
#[must_use = "dropping the guard releases the lock"]
pub struct Guard {
    of: Arc<Of>,
    token: Token,
    lease: Option<Box<Lease>>,
    released: bool,
}

#[derive(Debug)]
struct Lease {
    length: Duration,
    /// Up to when we hold the lock for certain.
    sure: watch::Receiver<Timestamp>,
    renewal: Option<tokio::task::JoinHandle<()>>,
}

/// Why a guard no longer protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

/// What is known about a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockInfo {
    /// The lock.
    pub name: String,
    /// Who holds it; `None`: nobody.
    pub holder: Option<Holder>,
    /// Who waits for it, the next one first.
    pub waiters: Vec<String>,
}

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// What the holder calls itself.
    pub owner: String,
    /// The process of the holder.
    pub pid: u32,
    /// The token of this grant.
    pub token: Token,
    /// Since when; in memory to a few milliseconds.
    pub since: Timestamp,
    /// How long the lease still runs; `None`: no lease.
    pub expires_in: Option<Duration>,
    /// Its place in the order of locks; zero: none.
    pub priority: u32,
}

impl Of {
    fn seen(&self) -> Slot {
        Slot(self.seen.load(Ordering::Relaxed))
    }
}

impl Lock {
    pub(crate) fn new(raw: Raw, name: &str) -> Self {
        let lease = raw.desk.default_lease();
        let take = Take {
            name: name.into(),
            owner: raw.desk.default_owner(),
            pid: raw.desk.pid(),
            lease: lease.map(nanos),
            priority: 0,
        };
        let of = Of {
            raw,
            take,
            lease,
            renew: true,
            seen: AtomicU32::new(Slot::UNKNOWN.0),
        };
        Self { of: Arc::new(of) }
    }

    fn edit(mut self, edit: impl FnOnce(&mut Of)) -> Self {
        edit(Arc::make_mut(&mut self.of));
        self
    }

    fn name(&self) -> &Name {
        &self.of.take.name
    }

    /// What the holder is called in [`Lock::info`]; the process by default.
    #[must_use]
    pub fn owner(self, label: &str) -> Self {
        self.edit(|of| of.take.owner = label.into())
    }

    /// The lock frees itself this long after its holder was last heard of. The
    /// guard renews it at a third of that, from a task of the current runtime.
    /// In memory there is none by default; in files it is ten seconds.
    #[must_use]
    pub fn lease(self, lease: Duration) -> Self {
        self.edit(|of| {
            of.lease = Some(lease);
            of.take.lease = Some(nanos(lease));
        })
    }

    /// The guard lets the lease run out.
    #[must_use]
    pub fn without_renewal(self) -> Self {
        self.edit(|of| of.renew = false)
    }

    /// The place in the order of locks: an owner that holds one of priority `p`
    /// may only take locks of lower priority; the other way round is refused
    /// with [`Error::Order`]. Zero (the default) takes no part.
    #[must_use]
    pub fn priority(self, priority: u32) -> Self {
        self.edit(|of| of.take.priority = priority)
    }

    /// Waits until the lock is ours.
    ///
    /// # Errors
    /// [`Error::Order`], or what the backend reports.
    pub async fn acquire(&self) -> Result<Guard> {
        self.get(Wait::Forever).await
    }

    /// Waits until the lock is ours, at most this long.
    ///
    /// # Errors
    /// [`Error::Timeout`], besides those of [`Lock::acquire`].
    pub async fn acquire_timeout(&self, limit: Duration) -> Result<Guard> {
        self.get(limit.into()).await
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    /// As [`Lock::acquire`].
    pub async fn try_acquire(&self) -> Result<Option<Guard>> {
        let asked = self.now_if_leased();
        let token = match self.take_at_once() {
            Some(Taken::Granted(token)) => Some(token),
            Some(Taken::HeldUntil(_)) => None,
            None => Box::pin(self.ask(Wait::No)).await?,
        };
        Ok(token.map(|token| self.guard(token, asked)))
    }

    async fn get(&self, wait: Wait) -> Result<Guard> {
        let asked = self.now_if_leased();
        if let Some(Taken::Granted(token)) = self.take_at_once() {
            return Ok(self.guard(token, asked));
        }
        // In a box, so that the usual case moves no large future.
        Box::pin(self.wait(wait)).await
    }

    fn now_if_leased(&self) -> Option<Timestamp> {
        self.of.lease.map(|_| self.of.raw.desk.now())
    }

    /// `None`: it takes the long way.
    fn take_at_once(&self) -> Option<Taken> {
        let (of, seen) = (&*self.of, self.of.seen());
        let (taken, slot) = of.raw.quick()?.take_at_once(seen, &of.take)?;
        if slot != seen {
            of.seen.store(slot.0, Ordering::Relaxed);
        }
        Some(taken)
    }

    async fn ask(&self, wait: Wait) -> Result<Option<Token>> {
        let take = self.of.take.clone();
        match self.of.raw.ask(&Command::LockTake { take }, wait).await? {
            (Reply::Token { token }, _) => Ok(Some(token)),
            (Reply::Held { .. }, _) => Ok(None),
            (other, _) => Err(unexpected(&other)),
        }
    }

    async fn wait(&self, wait: Wait) -> Result<Guard> {
        if let Some(guard) = self.try_acquire().await? {
            return Ok(guard);
        }
        let token = self.ask(wait).await?.ok_or(Error::Timeout)?;
        let lease = self.of.lease;
        let guard = self.guard(token, lease.map(|_| self.of.raw.desk.now()));
        if lease.is_some() {
            // The lease began at some time while we waited; from here on we know.
            guard.renew().await?;
        }
        Ok(guard)
    }

    /// `asked`: a time at which the lease had not begun yet.
    fn guard(&self, token: Token, asked: Option<Timestamp>) -> Guard {
        let of = &self.of;
        let lease = of.lease.zip(asked).map(|(length, asked)| {
            let (sure, seen) = watch::channel(asked + trusted(length));
            let runtime = tokio::runtime::Handle::try_current().ok();
            let renewal = runtime.filter(|_| of.renew).map(|runtime| {
                let name = of.take.name.clone();
                runtime.spawn(renew(of.raw.clone(), name, token, length, sure))
            });
            Box::new(Lease {
                length,
                sure: seen,
                renewal,
            })
        });
        Guard {
            of: of.clone(),
            token,
            lease,
            released: false,
        }
    }

    /// Who holds the lock and who waits.
    ///
    /// # Errors
    /// What the backend reports.
    pub async fn info(&self) -> Result<LockInfo> {
        let name = self.name().clone();
        let now = self.of.raw.desk.now();
        match self.of.raw.read(Command::LockInfo { name }).await? {
            Reply::Lock { lock } => Ok(LockInfo::new(&lock, now)),
            other => Err(unexpected(&other)),
        }
    }

    /// Takes the lock away from the holder of `token`, for an operator whose
    /// name goes into the program's log. The holder learns of it at its next renewal.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] if that holder no longer has it.
    pub async fn break_lock(&self, token: Token, who: &str) -> Result<Ack> {
        let name = self.name().clone();
        let release = Command::LockRelease { name, token };
        let (_, ack) = self.of.raw.write(release).await?;
        tracing::warn!(
            lock = &**self.name(),
            token = token.0,
            by = who,
            "lock broken"
        );
        Ok(ack)
    }
}

impl Guard {
    /// The token of this grant.
    pub fn token(&self) -> Token {
        self.token
    }

    /// The lock that is held.
    pub fn name(&self) -> &str {
        &self.of.take.name
    }

    /// How long we hold the lock for certain, if no renewal succeeds: less than
    /// the lease by a margin for clocks that differ.
    pub fn valid_for(&self) -> Duration {
        let Some(lease) = &self.lease else {
            return Duration::MAX;
        };
        let left = lease.sure.borrow().since(self.of.raw.desk.now());
        Duration::from_nanos(left.as_nanos())
    }

    /// Prolongs the lease now, from this moment on.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] if the lock is no longer ours.
    pub async fn renew(&self) -> Result<Ack> {
        let lease = self.lease.as_ref().map(|lease| nanos(lease.length));
        let (name, token) = (self.of.take.name.clone(), self.token);
        let renew = Command::LockRenew { name, token, lease };
        Ok(self.raw().write(renew).await?.1)
    }

    /// Returns when the lock can no longer be relied upon, in time before anybody
    /// else can have it. Never returns without a lease.
    pub async fn lost(&self) -> Lost {
        let Some(lease) = &self.lease else {
            return std::future::pending().await;
        };
        let mut sure = lease.sure.clone();
        loop {
            let left = sure.borrow_and_update().since(self.of.raw.desk.now());
            if left == Span::ZERO {
                return Lost;
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_nanos(left.as_nanos())) => {}
                Ok(()) = sure.changed() => {}
            }
        }
    }

    /// Runs `work` for as long as the lock is ours, and drops it when it is not.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] if that happened.
    pub async fn run<F: Future>(&self, work: F) -> Result<F::Output> {
        tokio::select! {
            biased;
            _ = self.lost() => Err(Error::LeaseLost),
            output = work => Ok(output),
        }
    }

    /// Frees the lock.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] if it was not ours any more: what was done under it
    /// may have met with somebody else.
    pub async fn release(mut self) -> Result<Ack> {
        self.released = true;
        self.stop_renewal();
        match self.release_at_once() {
            Some(rev) => Ok(Ack {
                durability: Durability::Memory,
                rev,
            }),
            // In a box, so that the usual case moves no large future.
            None => Box::pin(self.ask_to_release()).await,
        }
    }

    async fn ask_to_release(&self) -> Result<Ack> {
        let (name, token) = (self.of.take.name.clone(), self.token);
        let release = Command::LockRelease { name, token };
        Ok(self.raw().write(release).await?.1)
    }

    /// The bucket without the id of the operation that took the lock.
    fn raw(&self) -> Raw {
        let mut raw = self.of.raw.clone();
        raw.op = None;
        raw
    }

    fn release_at_once(&self) -> Option<Revision> {
        let live = self.of.raw.live.as_ref()?;
        live.release_at_once(self.of.seen(), self.token)
    }

    fn stop_renewal(&mut self) {
        if let Some(renewal) = self.lease.as_mut().and_then(|lease| lease.renewal.take()) {
            renewal.abort();
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.stop_renewal();
        if !self.released && self.release_at_once().is_none() {
            let (name, token) = (self.of.take.name.clone(), self.token);
            self.raw().tell(&Command::LockRelease { name, token });
        }
    }
}

async fn renew(
    mut raw: Raw,
    name: Name,
    token: Token,
    length: Duration,
    sure: watch::Sender<Timestamp>,
) {
    raw.op = None;
    let lease = Some(nanos(length));
    let renew = Command::LockRenew { name, token, lease };
    loop {
        tokio::time::sleep(length / 3).await;
        let asked = raw.desk.now();
        match raw.ask(&renew, Wait::No).await {
            Ok(_) => {
                let _ = sure.send(asked + trusted(length));
            }
            Err(Error::LeaseLost) => {
                let _ = sure.send(asked);
                return;
            }
            // Whatever else it was may pass; the lease itself is the limit.
            Err(error) => tracing::warn!(%error, "cannot renew the lease of a lock"),
        }
    }
}

fn trusted(lease: Duration) -> Span {
    Span::from_nanos(nanos(lease - lease * LEASE_MARGIN_PERCENT / 100))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl LockInfo {
    pub(crate) fn new(row: &LockRow, now: Timestamp) -> Self {
        let left = |until| {
            let left = Timestamp::from_nanos(until).since(now);
            Duration::from_nanos(left.as_nanos())
        };
        let holder = (row.token != Token(0)).then(|| Holder {
            owner: row.owner.to_string(),
            pid: row.pid,
            token: row.token,
            since: Timestamp::from_nanos(row.since),
            expires_in: row.until.map(left),
            priority: row.priority,
        });
        Self {
            name: row.name.to_string(),
            holder,
            waiters: row.waiters.iter().map(ToString::to_string).collect(),
        }
    }
}

/// The guard at a resource: it lets in whoever holds the newest token it has seen.
#[derive(Clone, Debug)]
pub struct Fence {
    raw: Raw,
}

impl Fence {
    pub(crate) fn new(raw: Raw) -> Self {
        Self { raw }
    }

    /// Lets `token` in, unless a greater one was here before.
    ///
    /// # Errors
    /// [`Error::Fenced`] names the greater one.
    pub async fn check(&self, resource: &str, token: Token) -> Result<Ack> {
        let resource = resource.into();
        let check = Command::FenceCheck { resource, token };
        Ok(self.raw.write(check).await?.1)
    }
}
