//! The door to all storages.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use redeye_cloud::{Cloud, JournalError, Name, OperationId, OperationLine, Plan};
use rem_time::{Clock, Span};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use unidist::{Bucket, Consistent};

use crate::definition::Storage;
use crate::journal::Journal;
use crate::operation::{StorageOperation, StorageState};
use crate::snapshot::{Completeness, StorageSnapshot};
use crate::stage::{Candidate, Job, Stage};
use crate::watchdog::Watchdog;

mod drive;
mod error;
mod plan;
mod step;
mod thaw;

pub use error::StorageError;
pub use thaw::Let;

/// What [`Storages`] works with.
#[derive(Debug)]
pub struct Parts {
    /// What there is.
    pub storages: Vec<Storage>,
    /// Where volumes of megavisors are.
    pub cloud: Option<Cloud>,
    /// The operations and snapshots; it may be the bucket of the cloud's journal.
    pub journal: Bucket<Consistent>,
    /// How the watchdog is started.
    pub watchdog: Watchdog,
    /// A folder of ours: what scripts keep while they run, and where candidates are
    /// mounted.
    pub folder: PathBuf,
    /// Other folders that are written to while writing is stopped, such as those of the
    /// journal, the cache and the log.
    pub written: Vec<PathBuf>,
    /// What every script has in its environment, such as `PATH`.
    pub environment: Vec<(String, String)>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// Many storages behind one door. Cheap to clone.
///
/// Each thing done is a [`StorageOperation`]: planned, written down, and carried out by
/// one process at a time, over all that share the journal; on one storage one after the
/// other. What a process leaves behind that dies is finished or unwound by the next one
/// that calls [`Storages::resume`], [`Storages::begin`] or [`Storages::wait`].
#[derive(Clone)]
pub struct Storages {
    inner: Arc<Inner>,
}

struct Inner {
    storages: BTreeMap<Name, Storage>,
    cloud: Option<Cloud>,
    journal: Journal,
    watchdog: Watchdog,
    folder: PathBuf,
    written: Vec<PathBuf>,
    environment: Vec<(String, String)>,
    clock: Arc<dyn Clock>,
    tasks: Mutex<JoinSet<()>>,
    closing: watch::Sender<bool>,
}

impl std::fmt::Debug for Storages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.inner.storages.keys().map(Name::as_str).collect();
        f.debug_struct("Storages").field("names", &names).finish()
    }
}

impl Storages {
    /// A door to these storages.
    pub fn new(parts: Parts) -> Self {
        let storages = parts.storages.into_iter();
        let storages = storages.map(|one| (one.name.clone(), one)).collect();
        Self {
            inner: Arc::new(Inner {
                storages,
                cloud: parts.cloud,
                journal: Journal::new(parts.journal),
                watchdog: parts.watchdog,
                folder: parts.folder,
                written: parts.written,
                environment: parts.environment,
                clock: parts.clock,
                tasks: Mutex::default(),
                closing: watch::Sender::new(false),
            }),
        }
    }

    /// All of them, by name.
    pub fn all(&self) -> impl Iterator<Item = &Storage> {
        self.inner.storages.values()
    }

    /// One of them.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn storage(&self, name: &str) -> Result<&Storage, StorageError> {
        let known = || {
            let names: Vec<&str> = self.inner.storages.keys().map(Name::as_str).collect();
            match names.is_empty() {
                true => "none".to_owned(),
                false => names.join(", "),
            }
        };
        let found = self.inner.storages.get(name);
        found.ok_or_else(|| StorageError::Unknown {
            name: name.to_owned(),
            known: known(),
        })
    }

    /// What would be done, step by step, without doing it.
    ///
    /// # Errors
    /// If it could not be done.
    pub async fn plan(&self, storage: &str, job: &Job) -> Result<Plan, StorageError> {
        let storage = self.storage(storage)?;
        plan::plan(&self.inner, storage, job).await
    }

    /// Accepts a job. When this returns it is planned and written down, and is carried
    /// out even if this process dies at once. `within`: after that nothing new is begun.
    ///
    /// # Errors
    /// If it could not be done, the storage waits for a person, or the journal refuses.
    pub async fn begin(
        &self,
        storage: &str,
        job: Job,
        by: &str,
        within: Span,
    ) -> Result<OperationId, StorageError> {
        let storage = self.storage(storage)?;
        if let Some(by) = self.inner.journal.stuck(&storage.name).await? {
            let storage = storage.name.clone();
            return Err(StorageError::Stuck { storage, by });
        }
        let plan = plan::plan(&self.inner, storage, &job).await?;
        let now = self.inner.clock.now();
        let id = OperationId::random(now);
        let operation = StorageOperation {
            job: job.clone(),
            by: by.to_owned(),
            plan,
            deadline: now + within,
            lines: vec![OperationLine {
                at: now,
                text: format!("accepted from {by}"),
            }],
            ..StorageOperation::nameless(id, storage, first(&job, id), now)
        };
        self.inner.journal.create(&operation).await?;
        self.work_on(&storage.name).await?;
        Ok(id)
    }

    /// Works on what is open of a storage, unless somebody does.
    async fn work_on(&self, storage: &Name) -> Result<(), JournalError> {
        // One that was taken out of the configuration keeps what is open.
        let Some(storage) = self.inner.storages.get(storage).cloned() else {
            return Ok(());
        };
        let Some(worker) = self.inner.journal.work_on(&storage.name).await? else {
            return Ok(());
        };
        let inner = self.inner.clone();
        let mut tasks = self.inner.tasks.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(drive::drive(inner, storage, worker));
        Ok(())
    }

    /// Takes over everything that is open and that nobody works on; tells which
    /// operations are open.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn resume(&self) -> Result<Vec<OperationId>, JournalError> {
        let mut open = Vec::new();
        for id in self.inner.journal.ids().await? {
            let operation = self.inner.journal.get(id).await?;
            if !operation.state.is_over() {
                self.work_on(&operation.storage).await?;
                open.push(id);
            }
        }
        Ok(open)
    }

    /// An operation as it is.
    ///
    /// # Errors
    /// If there is none, or the journal cannot be read.
    pub async fn operation(&self, id: OperationId) -> Result<StorageOperation, JournalError> {
        self.inner.journal.get(id).await
    }

    /// All operations, the newest first; those that are over only if asked for.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn operations(&self, over_too: bool) -> Result<Vec<StorageOperation>, JournalError> {
        let mut found = Vec::new();
        for id in self.inner.journal.ids().await?.into_iter().rev() {
            let one = self.inner.journal.get(id).await?;
            let open = !one.state.is_over() || matches!(one.state, StorageState::Stuck { .. });
            if over_too || open {
                found.push(one);
            }
        }
        Ok(found)
    }

    /// Waits until an operation is over, at most so long, and returns it as it is then.
    /// `told` hears of each change. One that nobody works on is taken over.
    ///
    /// # Errors
    /// If there is none, or the journal cannot be read.
    pub async fn wait(
        &self,
        id: OperationId,
        limit: Duration,
        mut told: impl FnMut(&StorageOperation),
    ) -> Result<StorageOperation, JournalError> {
        /// How often it is looked whether the worker still lives.
        const LOOK: Duration = Duration::from_secs(1);
        let deadline = Instant::now() + limit;
        let mut seen = self.operation(id).await?;
        told(&seen);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if seen.state.is_over() || left.is_zero() {
                return Ok(seen);
            }
            self.work_on(&seen.storage).await?;
            let next = self.inner.journal.changed(&seen, left.min(LOOK)).await?;
            if next != seen {
                told(&next);
                seen = next;
            }
        }
    }

    /// Wants an operation stopped: what was entered is let go, nothing new is begun.
    ///
    /// # Errors
    /// If it is over.
    pub async fn cancel(&self, id: OperationId, by: &str) -> Result<(), JournalError> {
        let operation = self.operation(id).await?;
        if operation.state.is_over() {
            return Err(JournalError::State {
                id,
                state: operation.state.name(),
                message: "there is nothing to stop",
            });
        }
        self.inner.journal.cancel(id, by).await?;
        self.work_on(&operation.storage).await
    }

    /// A person has looked at what a stuck operation left behind: the storage takes
    /// operations again.
    ///
    /// # Errors
    /// If it is not stuck.
    pub async fn resolve(&self, id: OperationId, by: &str, why: &str) -> Result<(), JournalError> {
        let mut operation = self.operation(id).await?;
        let StorageState::Stuck { .. } = operation.state else {
            return Err(JournalError::State {
                id,
                state: operation.state.name(),
                message: "only what is stuck is resolved",
            });
        };
        let why = format!("{by}: {why}");
        let text = format!("resolved by {why}");
        operation.turn(StorageState::Resolved { why }, text, self.inner.clock.now());
        self.inner.journal.rewrite(&operation).await?;
        self.inner.journal.open(&operation.storage, id).await
    }

    /// The snapshots of a storage, the newest first.
    ///
    /// # Errors
    /// If there is no such storage, or the journal cannot be read.
    pub async fn snapshots(&self, storage: &str) -> Result<Vec<StorageSnapshot>, StorageError> {
        let storage = self.storage(storage)?;
        Ok(self.inner.journal.snapshots(&storage.name).await?)
    }

    /// The operation after which a storage waits for a person, if it does.
    ///
    /// # Errors
    /// If there is no such storage, or the journal cannot be read.
    pub async fn stuck(&self, storage: &str) -> Result<Option<OperationId>, StorageError> {
        let storage = self.storage(storage)?;
        Ok(self.inner.journal.stuck(&storage.name).await?)
    }

    /// Lets everything of a storage go that may still stop writing, whatever the journal
    /// says: runs the exits of all layers that hold, from the bottom up.
    ///
    /// # Errors
    /// If there is no such storage, or somebody works on it.
    pub async fn thaw(&self, storage: &str) -> Result<Vec<Let>, StorageError> {
        let storage = self.storage(storage)?;
        thaw::thaw(&self.inner, storage).await
    }

    /// Stops working. What stops writing is let go; what is open is left to the next
    /// process, which need not wait for it.
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

/// Where a job begins. The snapshots that a restore tries are found when it does.
fn first(job: &Job, id: OperationId) -> Stage {
    let only = |snapshot: Option<OperationId>| {
        Stage::Try(Candidate {
            snapshot: snapshot.unwrap_or(id),
            next: Vec::new(),
            bad: None,
            last: false,
            was_mounted: false,
        })
    };
    match job {
        Job::Snapshot => Stage::Take,
        Job::Restore { snapshot } => only(*snapshot),
        Job::Verify { snapshot: None } => Stage::Look,
        Job::Verify { snapshot } => only(*snapshot),
        Job::Function { name } => Stage::Run { name: name.clone() },
    }
}

/// The snapshots that a job may try, in their order.
async fn tried(
    inner: &Inner,
    storage: &Storage,
    job: &Job,
) -> Result<Vec<OperationId>, StorageError> {
    let all = inner.journal.snapshots(&storage.name).await?;
    let refused = |why: String| StorageError::Refused {
        doing: job.name().to_owned(),
        storage: storage.name.clone(),
        why,
    };
    match job {
        Job::Restore { snapshot: Some(id) } | Job::Verify { snapshot: Some(id) } => {
            let found = all.iter().find(|one| one.id == *id);
            let found = found.ok_or_else(|| StorageError::NoSnapshot {
                storage: storage.name.clone(),
                id: *id,
            })?;
            match &found.state {
                Completeness::Complete => Ok(vec![*id]),
                Completeness::Pending => Err(refused(format!("{id} is not complete yet"))),
                Completeness::Broken(why) => Err(refused(format!("{id} is broken: {why}"))),
            }
        }
        Job::Restore { snapshot: None } => {
            let found = crate::snapshot::candidates(&all);
            match found.is_empty() {
                true => Err(refused("there is no complete snapshot".into())),
                false => Ok(found),
            }
        }
        Job::Snapshot | Job::Verify { snapshot: None } | Job::Function { .. } => Ok(Vec::new()),
    }
}
