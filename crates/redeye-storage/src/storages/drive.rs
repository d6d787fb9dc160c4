//! One operation after the other on one storage, each from wherever it is to its end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use redeye_cloud::{JournalError, NextStep, OperationId, Phase, StackEnd, StackRun};
use rem_time::Timestamp;
use unidist::Guard;

use super::plan::is_mounted;
use super::step::{Level, Told, alone, levels, outcome, says_something, stack};
use super::{Inner, tried};
use crate::call::Said;
use crate::definition::Storage;
use crate::operation::{StorageOperation, StorageState, phase};
use crate::snapshot::{Completeness, StorageSnapshot, Verified, not_kept};
use crate::stage::{After, Job, Stage, counts};
use crate::watchdog::{Post, Record, settled};

mod end;
mod layer;
mod volumes;

/// How long the watchdog of a process that died is waited for: it lets go meanwhile.
const SETTLED: Duration = Duration::from_secs(60);

/// Works on all that is open of a storage, for as long as `worker` is held. What goes
/// wrong with the journal ends the work, not the operation: somebody takes it over.
pub(super) async fn drive(inner: Arc<Inner>, storage: Storage, worker: Guard) {
    let mut worker = worker;
    let mut closing = inner.closing.subscribe();
    loop {
        let ended = tokio::select! {
            ended = worker.run(all(&inner, &storage, &worker)) => ended,
            // Whoever goes on with it must not have to wait until our lease ends.
            _ = closing.wait_for(|closing| *closing) => Ok(Ok(())),
        };
        let well = matches!(ended, Ok(Ok(())));
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let why = crate::chain(&error);
                tracing::warn!(storage = %storage.name, %why, "cannot go on with a storage");
            }
            Err(error) => {
                tracing::warn!(storage = %storage.name, %error, "another process takes a storage over");
            }
        }
        // A guard that is lost has nothing to release.
        let _ = worker.release().await;
        // What was accepted just before nobody held the lock any more has nobody else.
        let more =
            well && !*closing.borrow() && matches!(open(&inner, &storage).await, Ok(Some(_)));
        if !more {
            return;
        }
        match inner.journal.work_on(&storage.name).await {
            Ok(Some(again)) => worker = again,
            // Somebody else has it.
            Ok(None) | Err(_) => return,
        }
    }
}

async fn all(inner: &Inner, storage: &Storage, worker: &Guard) -> Result<(), JournalError> {
    while let Some(operation) = open(inner, storage).await? {
        let work = Work {
            inner,
            storage,
            worker,
            operation,
            post: None,
            left: None,
            never_held: BTreeSet::new(),
        };
        work.run().await?;
    }
    inner.journal.prune(&storage.name).await
}

/// The next operation: what was begun before what was not.
async fn open(inner: &Inner, storage: &Storage) -> Result<Option<StorageOperation>, JournalError> {
    let mut first = None;
    for id in inner.journal.ids().await? {
        let operation = inner.journal.get(id).await?;
        if operation.storage != storage.name {
            continue;
        }
        match operation.state {
            StorageState::Running => return Ok(Some(operation)),
            StorageState::Accepted if first.is_none() => first = Some(operation),
            _ => {}
        }
    }
    Ok(first)
}

struct Work<'a> {
    inner: &'a Inner,
    storage: &'a Storage,
    worker: &'a Guard,
    operation: StorageOperation,
    /// The watchdog, from the first hold of a function to its end.
    post: Option<Post>,
    /// What the watchdog of a process before us has written down.
    left: Option<Record>,
    /// Layers that should hold and for which no watchdog was there: nothing was done.
    never_held: BTreeSet<usize>,
}

/// How a step went, or that the journal does not let us know.
type Went = Result<Result<Said, String>, JournalError>;

impl Work<'_> {
    fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    async fn write(&self) -> Result<(), JournalError> {
        self.inner.journal.write(&self.operation, self.worker).await
    }

    async fn say(&mut self, text: impl Into<String>) -> Result<(), JournalError> {
        let now = self.now();
        self.operation.say(text, now);
        self.write().await
    }

    async fn run(mut self) -> Result<(), JournalError> {
        if self.operation.state == StorageState::Accepted {
            if let Some(by) = self.inner.journal.stuck(&self.storage.name).await? {
                let why = format!("operation {by} before it is stuck");
                return self
                    .over(StorageState::Failed { why: why.clone() }, why)
                    .await;
            }
            if !self.begin().await? {
                return Ok(());
            }
        } else {
            self.take_over().await?;
        }
        loop {
            let stopped = self.stopped().await?;
            let end = match self.operation.stage.function() {
                None => self.complete(stopped.clone()).await?,
                Some(function) => {
                    let function = function.to_owned();
                    self.function(&function).await?
                }
            };
            let stopped = match stopped {
                None => self.stopped().await?,
                stopped => stopped,
            };
            self.note(&end, stopped.is_some()).await?;
            let next = self
                .operation
                .stage
                .after(&self.operation.job, &end, stopped.as_deref());
            match self.retained(next).await? {
                After::Go(stage) => {
                    self.operation.stage = stage;
                    self.write().await?;
                }
                After::Well => return self.well().await,
                After::Badly(why) => return self.badly(why, stopped).await,
            }
        }
    }

    /// Begins; says whether there is anything to do.
    async fn begin(&mut self) -> Result<bool, JournalError> {
        let now = self.now();
        if matches!(self.operation.stage, Stage::Try(_)) {
            let found = tried(self.inner, self.storage, &self.operation.job).await;
            let why = match found.as_deref() {
                Ok([first, next @ ..]) => {
                    let was_mounted = is_mounted(self.storage);
                    if let Stage::Try(one) = &mut self.operation.stage {
                        one.snapshot = *first;
                        one.next = next.to_vec();
                        one.was_mounted = was_mounted;
                    }
                    None
                }
                Ok([]) => Some("there is no snapshot".to_owned()),
                Err(error) => Some(crate::chain(error)),
            };
            if let Some(why) = why {
                self.over(StorageState::Failed { why: why.clone() }, why)
                    .await?;
                return Ok(false);
            }
        }
        self.operation.turn(StorageState::Running, "begun", now);
        self.write().await?;
        Ok(true)
    }

    /// Goes on after a process that died.
    async fn take_over(&mut self) -> Result<(), JournalError> {
        self.left = settled(&self.record(), SETTLED).await;
        if let Some(run) = &mut self.operation.run {
            run.recover();
        }
        self.say("taken over: whoever worked on it is gone").await
    }

    /// Where the watchdog of this function writes.
    fn record(&self) -> std::path::PathBuf {
        let name = self.operation.id.to_string();
        self.inner.folder.join("holds").join(name)
    }

    /// Why nothing new is begun, if so.
    async fn stopped(&self) -> Result<Option<String>, JournalError> {
        if let Some(by) = self.inner.journal.cancelled_by(self.operation.id).await? {
            return Ok(Some(format!("{by} stopped it")));
        }
        let late = self.operation.deadline <= self.now();
        Ok(late.then(|| "the deadline passed".to_owned()))
    }

    /// Runs a function over all layers.
    async fn function(&mut self, function: &str) -> Result<Result<(), String>, JournalError> {
        let storage = self.storage;
        let levels = levels(storage, function);
        if self.operation.run.is_none() {
            let stack = stack(&levels, function);
            let run = match StackRun::new(function, stack, storage.exits_tried) {
                Ok(run) => run,
                Err(why) => return Ok(Err(why.to_string())),
            };
            self.operation.run = Some(run);
            self.operation.said.clear();
            self.write().await?;
        }
        let names: Vec<&str> = levels.iter().map(Level::name).collect();
        let end = loop {
            let stopped = match self.operation.stage.can_stop() {
                true => self.stopped().await?,
                false => None,
            };
            let Some(run) = &mut self.operation.run else {
                return Ok(Err("its layers are not known".into()));
            };
            // A storage whose layers were changed while it was open fits no more.
            if run.layers().len() != levels.len() {
                return Ok(Err(
                    "the layers of the storage have changed meanwhile".into()
                ));
            }
            if let Some(why) = stopped {
                run.cancel(why);
            }
            match run.next() {
                NextStep::Run(step) => self.step(step, &levels).await?,
                NextStep::Over(end) => break end,
            }
        };
        if let Some(post) = self.post.take() {
            post.end().await;
        }
        self.left = None;
        let held = self.may_hold(&end);
        if !held {
            Record::remove(&self.record());
        }
        let counted = counts(&end, &names);
        if let Err(why) = &counted {
            self.operation.say(format!("{function}: {why}"), self.now());
        }
        if held {
            let why = counted.as_ref().err().cloned().unwrap_or_default();
            tracing::error!(storage = %storage.name, %why, "the volume may be frozen");
        }
        self.operation.ends.push((function.to_owned(), end));
        Ok(counted)
    }

    /// Whether something may still stop all writing.
    fn may_hold(&self, end: &StackEnd) -> bool {
        let holds = |layer: &usize| {
            let run = self.operation.run.as_ref();
            run.is_some_and(|run| run.layers().get(*layer).is_some_and(|layer| layer.holds))
        };
        match end {
            StackEnd::Done | StackEnd::Failed { .. } => false,
            StackEnd::DoneWithFailedExit { exits } => exits.iter().any(holds),
            StackEnd::Stuck { held, .. } => *held,
        }
    }

    fn told<'a>(&'a self, snapshot: Option<&'a StorageSnapshot>) -> Told<'a> {
        Told {
            inner: self.inner,
            storage: self.storage,
            operation: &self.operation,
            snapshot,
        }
    }

    /// The snapshot that the present stage is about.
    async fn snapshot(&self) -> Result<Option<StorageSnapshot>, JournalError> {
        match self.operation.stage.snapshot() {
            Some(id) => self.inner.journal.snapshot(&self.storage.name, id).await,
            None => Ok(None),
        }
    }
}
