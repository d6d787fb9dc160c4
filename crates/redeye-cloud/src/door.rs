//! The one way to everything: reads through the cache, writes through the journal.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rem_time::Clock;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use unidist::{Bucket, Consistent};

use crate::cache::{Cache, Mode};
use crate::error::{Class, CloudError};
use crate::hidden::Hidden;
use crate::journal::{Journal, JournalError};
use crate::kind::Kind;
use crate::listing::Listing;
use crate::megavisor::Megavisor;
use crate::name::{Id, Name};
use crate::operation::{Operation, OperationState};
use crate::plan::Plan;
use crate::request::{OperationId, Request};
use crate::resource::Resource;
use crate::scope::Scope;

mod drive;
mod figures;

pub use figures::CloudFigures;

/// Lists of operations show at most so many.
pub const OPERATIONS_LISTED_MAX: usize = 1_000;
/// How long a plan may take.
const PLAN_DEADLINE: Duration = Duration::from_secs(30);

/// What a [`Cloud`] works with.
#[derive(Debug)]
pub struct Parts {
    /// What megavisors said.
    pub cache: Cache,
    /// The operations. Other processes may work on them too.
    pub journal: Bucket<Consistent>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// What the door could not do.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// A megavisor, or the way to it, refused.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The journal refused. Nothing was sent.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Many clouds behind one door. Cheap to clone.
///
/// Reads go through a [`Cache`]. Writes are operations: planned, written down, sent,
/// followed to their end, and found again after a crash, by this or another process.
/// No two operations work on one thing at a time, over all processes that share the
/// journal.
#[derive(Clone)]
pub struct Cloud {
    inner: Arc<Inner>,
    /// Versions that are chosen in place of the newest.
    chosen: Arc<BTreeMap<Name, u32>>,
}

struct Inner {
    clock: Arc<dyn Clock>,
    cache: Cache,
    journal: Journal,
    megavisors: BTreeMap<Name, BTreeMap<u32, Arc<dyn Megavisor>>>,
    permits: Mutex<HashMap<Scope, Arc<Semaphore>>>,
    tasks: Mutex<JoinSet<()>>,
    secrets: Mutex<HashMap<OperationId, Hidden>>,
    tally: Mutex<figures::Tally>,
    /// Whether nobody works any more.
    closing: watch::Sender<bool>,
}

impl std::fmt::Debug for Cloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<String> = self.scopes().iter().map(ToString::to_string).collect();
        f.debug_struct("Cloud").field("scopes", &names).finish()
    }
}

impl Cloud {
    /// A door to these megavisors. Of several versions of one, the newest is asked and
    /// gets what is new, unless [`Cloud::at_version`] chooses; older ones finish what they
    /// began.
    pub fn new(parts: Parts, megavisors: impl IntoIterator<Item = Arc<dyn Megavisor>>) -> Self {
        let mut by_name: BTreeMap<Name, BTreeMap<u32, Arc<dyn Megavisor>>> = BTreeMap::new();
        for megavisor in megavisors {
            let (name, version) = (megavisor.info().name.clone(), megavisor.info().version);
            by_name.entry(name).or_default().insert(version, megavisor);
        }
        Self {
            chosen: Arc::default(),
            inner: Arc::new(Inner {
                clock: parts.clock,
                cache: parts.cache,
                journal: Journal::new(parts.journal),
                megavisors: by_name,
                permits: Mutex::default(),
                tasks: Mutex::default(),
                secrets: Mutex::default(),
                tally: Mutex::default(),
                closing: watch::Sender::new(false),
            }),
        }
    }

    /// The same door, through which one megavisor is asked in a version of its own, as
    /// in `rack@1`. What is under way stays with the version that began it.
    ///
    /// # Errors
    /// [`Class::Invalid`] if there is no such version.
    pub fn at_version(&self, name: &Name, version: u32) -> Result<Self, CloudError> {
        self.inner.named(name, Some(version))?;
        let mut chosen = BTreeMap::clone(&self.chosen);
        chosen.insert(name.clone(), version);
        Ok(Self {
            inner: self.inner.clone(),
            chosen: Arc::new(chosen),
        })
    }

    /// All scopes of all megavisors.
    pub fn scopes(&self) -> Vec<Scope> {
        let names = self.inner.megavisors.keys();
        let asked = names.filter_map(|name| {
            let version = self.chosen.get(name).copied();
            self.inner.named(name, version).ok()
        });
        asked
            .flat_map(|megavisor| megavisor.info().scopes.clone())
            .collect()
    }

    /// The megavisor of a scope, in its newest version or the one that was chosen.
    ///
    /// # Errors
    /// [`Class::Invalid`] if there is none of this name.
    pub fn megavisor(&self, scope: &Scope) -> Result<&Arc<dyn Megavisor>, CloudError> {
        let version = self.chosen.get(&scope.megavisor).copied();
        self.inner.megavisor(scope, version)
    }

    /// The reads.
    pub fn cache(&self) -> &Cache {
        &self.inner.cache
    }

    /// All things of a kind in a scope.
    ///
    /// # Errors
    /// If there is no answer, not even an old one.
    pub async fn list(
        &self,
        scope: &Scope,
        kind: Kind,
        mode: Mode,
    ) -> Result<Listing<Resource>, CloudError> {
        let megavisor = self.megavisor(scope)?;
        self.inner.cache.list(megavisor, scope, kind, mode).await
    }

    /// One thing, in a listing of at most one item. An empty listing that
    /// [`Listing::is_proof`] is the cloud's own word that there is none.
    ///
    /// # Errors
    /// As [`Cloud::list`].
    pub async fn get(
        &self,
        scope: &Scope,
        kind: Kind,
        id: &Id,
        mode: Mode,
    ) -> Result<Listing<Resource>, CloudError> {
        let listing = self.list(scope, kind, mode).await?;
        Ok(listing.filter(|item| item.id() == id))
    }

    /// What a request would do, without doing it.
    ///
    /// # Errors
    /// If it could not be done.
    pub async fn plan(&self, request: &Request) -> Result<Plan, CloudError> {
        let megavisor = self.megavisor(&request.scope)?;
        let verb = request.action.verb();
        let name = megavisor.info().name.as_str();
        megavisor.capabilities().check(name, verb)?;
        let plan = tokio::time::timeout(PLAN_DEADLINE, megavisor.plan(request)).await;
        plan.map_err(|_| {
            CloudError::new(
                Class::Unavailable,
                format!("plan of {verb}"),
                "no answer within 30 s",
            )
        })?
    }

    /// Accepts a request. When this returns it is planned and written down, and is
    /// carried out even if this process dies at once.
    ///
    /// # Errors
    /// If it could not be done, something that it works on waits for a person, or the
    /// journal refuses. Nothing is sent then.
    pub async fn begin(&self, request: Request, by: &str) -> Result<OperationId, DoorError> {
        let plan = self.plan(&request).await?;
        let (id, scope) = (request.id, request.scope.clone());
        let targets = request.action.targets();
        if let Some(stuck) = self.inner.journal.closed_by(&scope, &targets).await? {
            let message = format!("operation {stuck} on it is stuck: resolve that first");
            let doing = request.action.verb().to_string();
            return Err(CloudError::new(Class::Conflict, doing, message).into());
        }
        let version = self.megavisor(&scope)?.info().version;
        let now = self.inner.clock.now();
        let operation = Operation::new(request, by, version, plan, now);
        self.inner.journal.create(&operation).await?;
        self.work_on(id).await?;
        Ok(id)
    }

    /// Works on an operation, unless somebody does; says whether anybody does now.
    async fn work_on(&self, id: OperationId) -> Result<bool, JournalError> {
        let Some(worker) = self.inner.journal.work_on(id).await? else {
            return Ok(true);
        };
        let operation = self.inner.journal.get(id).await?;
        if operation.state.is_over() {
            return Ok(false);
        }
        let inner = self.inner.clone();
        let mut tasks = self.inner.tasks.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(drive::drive(inner, operation, worker));
        Ok(true)
    }

    /// Takes over all operations that are not over and that nobody works on, as those
    /// of a process that died; tells which.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn resume(&self) -> Result<Vec<OperationId>, JournalError> {
        let mut taken = Vec::new();
        for id in self.inner.journal.ids().await? {
            let operation = self.inner.journal.get(id).await?;
            if !operation.state.is_over() && self.work_on(id).await? {
                taken.push(id);
            }
        }
        self.inner.journal.prune().await?;
        Ok(taken)
    }

    /// An operation as it is.
    ///
    /// # Errors
    /// If there is none, or the journal cannot be read.
    pub async fn operation(&self, id: OperationId) -> Result<Operation, JournalError> {
        self.inner.journal.get(id).await
    }

    /// The newest operations, the newest first; those that are over only if asked for.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn operations(&self, over_too: bool) -> Result<Vec<Operation>, JournalError> {
        let mut found = Vec::new();
        for id in self.inner.journal.ids().await?.into_iter().rev() {
            let operation = self.inner.journal.get(id).await?;
            let open = !operation.state.is_over()
                || matches!(operation.state, OperationState::Stuck { .. });
            if over_too || open {
                found.push(operation);
            }
            if OPERATIONS_LISTED_MAX <= found.len() {
                break;
            }
        }
        Ok(found)
    }

    /// Waits until an operation is over, at most so long, and returns it as it is then.
    /// `told` hears of each change. An operation that nobody works on is taken over.
    ///
    /// # Errors
    /// If there is none, or the journal cannot be read.
    pub async fn wait(
        &self,
        id: OperationId,
        limit: Duration,
        mut told: impl FnMut(&Operation),
    ) -> Result<Operation, JournalError> {
        /// How often it is looked whether the worker still lives.
        const LOOK: Duration = Duration::from_secs(2);
        let deadline = Instant::now() + limit;
        let mut seen = self.operation(id).await?;
        told(&seen);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if seen.state.is_over() || left.is_zero() {
                return Ok(seen);
            }
            self.work_on(id).await?;
            let next = self
                .inner
                .journal
                .changed(id, &seen, left.min(LOOK))
                .await?;
            if next != seen {
                told(&next);
                seen = next;
            }
        }
    }

    /// What an operation made that is shown once, such as the private half of a key.
    /// There only in the process that carried it out, and only the first time.
    pub fn take_secret(&self, id: OperationId) -> Option<Hidden> {
        self.inner.secrets.lock().remove(&id)
    }

    /// Wants an operation stopped. What was done of it stays done.
    ///
    /// # Errors
    /// If it is over.
    pub async fn cancel(&self, id: OperationId, by: &str) -> Result<(), JournalError> {
        let now = self.inner.clock.now();
        let change = |operation: &mut Operation| {
            if operation.state.is_over() {
                return Err(JournalError::State {
                    id,
                    state: operation.state.name(),
                    message: "there is nothing to stop",
                });
            }
            operation.cancel = Some(by.to_owned());
            operation.say(format!("{by} wants it stopped"), now);
            Ok(())
        };
        self.inner.journal.update(id, change).await?;
        self.work_on(id).await?;
        Ok(())
    }

    /// A person has looked at what a stuck operation left behind: its targets take
    /// operations again.
    ///
    /// # Errors
    /// If it is not stuck.
    pub async fn resolve(&self, id: OperationId, by: &str, why: &str) -> Result<(), JournalError> {
        let now = self.inner.clock.now();
        let why = format!("{by}: {why}");
        let change = |operation: &mut Operation| match operation.state {
            OperationState::Stuck { .. } => {
                let state = OperationState::Resolved { why: why.clone() };
                operation.turn(state, format!("resolved by {why}"), now);
                Ok(())
            }
            _ => Err(JournalError::State {
                id,
                state: operation.state.name(),
                message: "only what is stuck is resolved",
            }),
        };
        let operation = self.inner.journal.update(id, change).await?;
        self.inner.journal.open(&operation).await
    }

    /// Stops working, and leaves what is under way to the next process, which need not
    /// wait for it. A journal that does not answer is waited for two seconds.
    pub async fn close(&self) {
        /// How long to wait for the journal.
        const LIMIT: Duration = Duration::from_secs(2);
        self.inner.closing.send_replace(true);
        let mut tasks = std::mem::take(&mut *self.inner.tasks.lock());
        let all = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(LIMIT, all).await.is_err() {
            tasks.shutdown().await;
        }
    }
}

impl Inner {
    fn megavisor(
        &self,
        scope: &Scope,
        version: Option<u32>,
    ) -> Result<&Arc<dyn Megavisor>, CloudError> {
        self.named(&scope.megavisor, version)
    }

    fn named(&self, name: &Name, version: Option<u32>) -> Result<&Arc<dyn Megavisor>, CloudError> {
        let versions = self.megavisors.get(name);
        let found = versions.and_then(|versions| match version {
            Some(version) => versions.get(&version),
            None => versions.values().next_back(),
        });
        found.ok_or_else(|| {
            let versions = self.megavisors.iter();
            let known = versions.flat_map(|(name, versions)| match versions.len() {
                1 => vec![name.to_string()],
                _ => versions.keys().map(|one| format!("{name}@{one}")).collect(),
            });
            let known: Vec<String> = known.collect();
            let version = version.map_or(String::new(), |version| format!("@{version}"));
            let message = format!(
                "there is no megavisor {name}{version}; there are: {}",
                known.join(", ")
            );
            CloudError::new(Class::Invalid, format!("ask {name}"), message)
        })
    }

    fn permits(&self, scope: &Scope, at_once: usize) -> Arc<Semaphore> {
        let mut permits = self.permits.lock();
        permits
            .entry(scope.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(at_once.max(1))))
            .clone()
    }
}

#[cfg(test)]
mod tests;
