use std::time::Duration;

use unidist::{Bucket, Consistent, Guard, Revision, State};

use crate::kind::Kind;
use crate::name::Id;
use crate::operation::Operation;
use crate::request::OperationId;
use crate::scope::Scope;

/// Operations that are over and kept; at the limit the oldest go.
pub const OPERATIONS_KEPT_MAX: usize = 10_000;
/// A worker that was not heard of for so long is taken for dead.
const LEASE: Duration = Duration::from_secs(10);

/// What the journal could not do.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// What is kept cannot be read or written.
    #[error("cannot {doing} in the journal of operations")]
    Store {
        /// What was being done.
        doing: &'static str,
        /// Why not.
        source: unidist::Error,
    },
    /// Another process works on it by now.
    #[error("another process works on this operation: {0}")]
    Lost(OperationId),
    /// There is no such operation.
    #[error("there is no such operation: {0}")]
    Unknown(OperationId),
    /// It is not in a state in which that is done.
    #[error("operation {id} is {state}: {message}")]
    State {
        /// Which.
        id: OperationId,
        /// How far it is.
        state: &'static str,
        /// What to do.
        message: &'static str,
    },
}

/// All operations, each one record, written before anything is done and after
/// everything that came of it.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    bucket: Bucket<Consistent>,
    records: State<Consistent, Operation>,
    rests: State<Consistent, ()>,
    stuck: State<Consistent, OperationId>,
}

fn key(id: OperationId) -> String {
    format!("operation/{id}")
}

/// The name under which no two operations work on one thing.
fn target(scope: &Scope, kind: Kind, id: &Id) -> String {
    format!("target/{scope}/{kind}/{id}")
}

fn failed(doing: &'static str) -> impl FnOnce(unidist::Error) -> JournalError {
    move |source| JournalError::Store { doing, source }
}

impl Journal {
    pub(crate) fn new(bucket: Bucket<Consistent>) -> Self {
        Self {
            records: bucket.state(),
            rests: bucket.state(),
            stuck: bucket.state(),
            bucket,
        }
    }

    /// Writes a new operation down.
    pub(crate) async fn create(&self, operation: &Operation) -> Result<(), JournalError> {
        let key = key(operation.request.id);
        let written = self.records.create(&key, operation).await;
        match written {
            Ok(_) => Ok(()),
            Err(unidist::Error::Conflict { .. }) => Err(JournalError::State {
                id: operation.request.id,
                state: "known",
                message: "an operation of this id was accepted before",
            }),
            Err(source) => Err(failed("write an operation down")(source)),
        }
    }

    pub(crate) async fn get(&self, id: OperationId) -> Result<Operation, JournalError> {
        let found = self.records.get(&key(id)).await;
        let found = found.map_err(failed("read an operation"))?;
        found
            .map(|versioned| versioned.value)
            .ok_or(JournalError::Unknown(id))
    }

    /// The ids of all operations, the oldest first.
    pub(crate) async fn ids(&self) -> Result<Vec<OperationId>, JournalError> {
        let keys = self.records.keys("operation/").await;
        let keys = keys.map_err(failed("list operations"))?;
        let mut ids: Vec<OperationId> = keys
            .iter()
            .filter_map(|key| key.strip_prefix("operation/")?.parse().ok())
            .collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// Writes what became of an operation, if `worker` still is the one who works on it.
    pub(crate) async fn write(
        &self,
        operation: &Operation,
        worker: &Guard,
    ) -> Result<(), JournalError> {
        let id = operation.request.id;
        let written = self.records.put_fenced(&key(id), operation, worker).await;
        match written {
            Ok(_) => Ok(()),
            Err(unidist::Error::LeaseLost) => Err(JournalError::Lost(id)),
            Err(source) => Err(failed("write what became of an operation")(source)),
        }
    }

    /// Changes an operation whoever works on it.
    pub(crate) async fn update(
        &self,
        id: OperationId,
        mut change: impl FnMut(&mut Operation) -> Result<(), JournalError>,
    ) -> Result<Operation, JournalError> {
        loop {
            let found = self.records.get(&key(id)).await;
            let found = found.map_err(failed("read an operation"))?;
            let found = found.ok_or(JournalError::Unknown(id))?;
            let mut operation = found.value;
            change(&mut operation)?;
            match self.records.put_if(&key(id), &operation, found.rev).await {
                Ok(_) => return Ok(operation),
                Err(unidist::Error::Conflict { .. }) => {}
                Err(source) => return Err(failed("write an operation")(source)),
            }
        }
    }

    /// The right to work on an operation, if nobody has it.
    pub(crate) async fn work_on(&self, id: OperationId) -> Result<Option<Guard>, JournalError> {
        let lock = self.bucket.lock(&format!("worker/{id}")).lease(LEASE);
        lock.try_acquire()
            .await
            .map_err(failed("take over an operation"))
    }

    /// The right to change things; waits until nobody else changes them.
    pub(crate) async fn hold(
        &self,
        scope: &Scope,
        targets: &[(Kind, &Id)],
    ) -> Result<Vec<Guard>, JournalError> {
        let mut names: Vec<String> = targets
            .iter()
            .map(|(kind, id)| target(scope, *kind, id))
            .collect();
        // In one order everywhere, or two could wait for each other.
        names.sort_unstable();
        names.dedup();
        let mut held = Vec::with_capacity(names.len());
        for name in names {
            let lock = self.bucket.lock(&name).lease(LEASE);
            held.push(lock.acquire().await.map_err(failed("wait for a target"))?);
        }
        Ok(held)
    }

    /// Lets a target rest for a while after a write.
    pub(crate) async fn rest(
        &self,
        scope: &Scope,
        targets: &[(Kind, &Id)],
        rest: Duration,
    ) -> Result<(), JournalError> {
        for (kind, id) in targets {
            let key = format!("rest/{}", target(scope, *kind, id));
            let written = self.rests.put_for(&key, &(), rest).await;
            written.map_err(failed("let a target rest"))?;
        }
        Ok(())
    }

    /// Whether a target rests.
    pub(crate) async fn rests(
        &self,
        scope: &Scope,
        targets: &[(Kind, &Id)],
    ) -> Result<bool, JournalError> {
        for (kind, id) in targets {
            let key = format!("rest/{}", target(scope, *kind, id));
            let found = self.rests.get(&key).await;
            if found
                .map_err(failed("look whether a target rests"))?
                .is_some()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Closes a target because nobody can say what became of an operation on it.
    pub(crate) async fn close(&self, operation: &Operation) -> Result<(), JournalError> {
        let request = &operation.request;
        for (kind, id) in request.action.targets() {
            let key = format!("stuck/{}", target(&request.scope, kind, id));
            let written = self.stuck.put(&key, &request.id).await;
            written.map_err(failed("close a target"))?;
        }
        Ok(())
    }

    /// Opens the targets of an operation again that a person has looked at.
    pub(crate) async fn open(&self, operation: &Operation) -> Result<(), JournalError> {
        let request = &operation.request;
        for (kind, id) in request.action.targets() {
            let key = format!("stuck/{}", target(&request.scope, kind, id));
            let found = self
                .stuck
                .get(&key)
                .await
                .map_err(failed("open a target"))?;
            if found.is_some_and(|found| found.value == request.id) {
                let deleted = self.stuck.delete(&key).await;
                deleted.map_err(failed("open a target"))?;
            }
        }
        Ok(())
    }

    /// The operation that closed one of these targets.
    pub(crate) async fn closed_by(
        &self,
        scope: &Scope,
        targets: &[(Kind, &Id)],
    ) -> Result<Option<OperationId>, JournalError> {
        for (kind, id) in targets {
            let key = format!("stuck/{}", target(scope, *kind, id));
            let found = self.stuck.get(&key).await;
            if let Some(found) = found.map_err(failed("look at a target"))? {
                return Ok(Some(found.value));
            }
        }
        Ok(None)
    }

    /// Waits until an operation is written again, or for so long.
    pub(crate) async fn changed(
        &self,
        id: OperationId,
        seen: &Operation,
        limit: Duration,
    ) -> Result<Operation, JournalError> {
        let revision = self.records.revision().await;
        let revision: Revision = revision.map_err(failed("watch an operation"))?;
        let now = self.get(id).await?;
        if now != *seen {
            return Ok(now);
        }
        let mut watch = self.records.watch(&key(id), revision);
        match tokio::time::timeout(limit, watch.next()).await {
            Ok(Err(unidist::Error::Compacted { .. })) | Err(_) => {}
            Ok(event) => {
                event.map_err(failed("watch an operation"))?;
            }
        }
        self.get(id).await
    }

    /// Drops the oldest operations that are over, beyond the limit.
    pub(crate) async fn prune(&self) -> Result<(), JournalError> {
        let ids = self.ids().await?;
        let too_many = ids.len().saturating_sub(OPERATIONS_KEPT_MAX);
        for id in ids.into_iter().take(too_many) {
            let state = self.get(id).await?.state;
            let stuck = matches!(state, crate::operation::OperationState::Stuck { .. });
            if state.is_over() && !stuck {
                let dropped = self.records.delete(&key(id)).await;
                dropped.map_err(failed("drop an old operation"))?;
            }
        }
        Ok(())
    }
}
