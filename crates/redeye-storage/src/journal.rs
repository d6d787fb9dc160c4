use std::time::Duration;

use redeye_cloud::{Id, JournalError, Name, OperationId};
use serde::{Deserialize, Serialize};
use unidist::{Bucket, Consistent, Guard, State};

use crate::operation::StorageOperation;
use crate::snapshot::StorageSnapshot;

/// A worker that was not heard of for so long is taken for dead.
const LEASE: Duration = Duration::from_secs(5);
/// Operations that are over and kept for each storage; at the limit the oldest go.
pub const STORAGE_OPERATIONS_KEPT_MAX: usize = 1_000;

/// The volumes that a storage is made of since it was restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Current {
    pub(crate) volumes: Vec<Id>,
    /// Those before, and the operation that put them aside.
    pub(crate) before: Vec<Id>,
    pub(crate) by: OperationId,
}

/// Operations, snapshots and present volumes of all storages. The bucket may be that of
/// a cloud's journal: the keys begin with `storage/`.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    bucket: Bucket<Consistent>,
    operations: State<Consistent, StorageOperation>,
    snapshots: State<Consistent, StorageSnapshot>,
    current: State<Consistent, Current>,
    stuck: State<Consistent, OperationId>,
    cancels: State<Consistent, String>,
}

type Answer<T> = Result<T, JournalError>;

fn failed(doing: &'static str) -> impl FnOnce(unidist::Error) -> JournalError {
    move |source| JournalError::Store { doing, source }
}

fn operation_key(id: OperationId) -> String {
    format!("storage/operation/{id}")
}

fn snapshots_key(storage: &Name) -> String {
    format!("storage/snapshot/{storage}/")
}

impl Journal {
    pub(crate) fn new(bucket: Bucket<Consistent>) -> Self {
        Self {
            operations: bucket.state(),
            snapshots: bucket.state(),
            current: bucket.state(),
            stuck: bucket.state(),
            cancels: bucket.state(),
            bucket,
        }
    }

    pub(crate) async fn create(&self, operation: &StorageOperation) -> Answer<()> {
        let key = operation_key(operation.id);
        let written = self.operations.create(&key, operation).await;
        written.map_err(failed("write an operation down"))?;
        Ok(())
    }

    pub(crate) async fn get(&self, id: OperationId) -> Answer<StorageOperation> {
        let found = self.operations.get(&operation_key(id)).await;
        let found = found.map_err(failed("read an operation"))?;
        found
            .map(|versioned| versioned.value)
            .ok_or(JournalError::Unknown(id))
    }

    /// The ids of all operations, the oldest first.
    pub(crate) async fn ids(&self) -> Answer<Vec<OperationId>> {
        const PREFIX: &str = "storage/operation/";
        let keys = self.operations.keys(PREFIX).await;
        let keys = keys.map_err(failed("list operations"))?;
        let id = |key: &String| key.strip_prefix(PREFIX)?.parse().ok();
        let mut ids: Vec<OperationId> = keys.iter().filter_map(id).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// Writes what became of an operation, if `worker` still works on the storage.
    pub(crate) async fn write(&self, operation: &StorageOperation, worker: &Guard) -> Answer<()> {
        let key = operation_key(operation.id);
        match self.operations.put_fenced(&key, operation, worker).await {
            Ok(_) => Ok(()),
            Err(unidist::Error::LeaseLost) => Err(JournalError::Lost(operation.id)),
            Err(source) => Err(failed("write what became of an operation")(source)),
        }
    }

    /// Writes an operation that is over and that nobody works on.
    pub(crate) async fn rewrite(&self, operation: &StorageOperation) -> Answer<()> {
        let key = operation_key(operation.id);
        let written = self.operations.put(&key, operation).await;
        written.map_err(failed("write an operation"))?;
        Ok(())
    }

    /// The right to work on a storage, if nobody has it.
    pub(crate) async fn work_on(&self, storage: &Name) -> Answer<Option<Guard>> {
        let lock = self.bucket.lock(&format!("storage/{storage}")).lease(LEASE);
        let guard = lock.try_acquire().await;
        guard.map_err(failed("take the lock of a storage"))
    }

    /// Waits until an operation is written again, or for so long.
    pub(crate) async fn changed(
        &self,
        seen: &StorageOperation,
        limit: Duration,
    ) -> Answer<StorageOperation> {
        let revision = self.operations.revision().await;
        let revision = revision.map_err(failed("watch an operation"))?;
        let now = self.get(seen.id).await?;
        if now != *seen {
            return Ok(now);
        }
        let mut watch = self.operations.watch(&operation_key(seen.id), revision);
        // Whatever came of it, what is written counts.
        let _ = tokio::time::timeout(limit, watch.next()).await;
        self.get(seen.id).await
    }

    /// Somebody wants an operation stopped.
    pub(crate) async fn cancel(&self, id: OperationId, by: &str) -> Answer<()> {
        let key = format!("storage/cancel/{id}");
        let written = self.cancels.put(&key, &by.to_owned()).await;
        written.map_err(failed("stop an operation"))?;
        Ok(())
    }

    pub(crate) async fn cancelled_by(&self, id: OperationId) -> Answer<Option<String>> {
        let found = self.cancels.get(&format!("storage/cancel/{id}")).await;
        let found = found.map_err(failed("read an operation"))?;
        Ok(found.map(|versioned| versioned.value))
    }

    /// Returns once somebody wants it stopped.
    pub(crate) async fn until_cancelled(&self, id: OperationId) -> Answer<String> {
        loop {
            let revision = self.cancels.revision().await;
            let revision = revision.map_err(failed("watch an operation"))?;
            if let Some(by) = self.cancelled_by(id).await? {
                return Ok(by);
            }
            let mut watch = self
                .cancels
                .watch(&format!("storage/cancel/{id}"), revision);
            // A watch that has lost its place begins anew.
            let _ = watch.next().await;
        }
    }

    /// All snapshots of a storage, the newest first.
    pub(crate) async fn snapshots(&self, storage: &Name) -> Answer<Vec<StorageSnapshot>> {
        let keys = self.snapshots.keys(&snapshots_key(storage)).await;
        let mut found = Vec::new();
        for key in keys.map_err(failed("list snapshots"))? {
            let one = self.snapshots.get(&key).await;
            found.extend(one.map_err(failed("read a snapshot"))?.map(|one| one.value));
        }
        found.sort_by_key(|one| std::cmp::Reverse((one.taken, one.id)));
        Ok(found)
    }

    pub(crate) async fn snapshot(
        &self,
        storage: &Name,
        id: OperationId,
    ) -> Answer<Option<StorageSnapshot>> {
        let key = format!("{}{id}", snapshots_key(storage));
        let found = self.snapshots.get(&key).await;
        Ok(found
            .map_err(failed("read a snapshot"))?
            .map(|one| one.value))
    }

    pub(crate) async fn keep_snapshot(&self, one: &StorageSnapshot, worker: &Guard) -> Answer<()> {
        let key = format!("{}{}", snapshots_key(&one.storage), one.id);
        match self.snapshots.put_fenced(&key, one, worker).await {
            Ok(_) => Ok(()),
            Err(unidist::Error::LeaseLost) => Err(JournalError::Lost(one.id)),
            Err(source) => Err(failed("write a snapshot down")(source)),
        }
    }

    pub(crate) async fn forget_snapshot(&self, storage: &Name, id: OperationId) -> Answer<()> {
        let key = format!("{}{id}", snapshots_key(storage));
        let deleted = self.snapshots.delete(&key).await;
        deleted.map_err(failed("forget a snapshot"))?;
        Ok(())
    }

    pub(crate) async fn current(&self, storage: &Name) -> Answer<Option<Current>> {
        let found = self
            .current
            .get(&format!("storage/current/{storage}"))
            .await;
        Ok(found
            .map_err(failed("read the volumes of a storage"))?
            .map(|one| one.value))
    }

    pub(crate) async fn set_current(&self, storage: &Name, current: &Current) -> Answer<()> {
        let key = format!("storage/current/{storage}");
        let written = self.current.put(&key, current).await;
        written.map_err(failed("write the volumes of a storage"))?;
        Ok(())
    }

    /// The operation after which a storage waits for a person.
    pub(crate) async fn stuck(&self, storage: &Name) -> Answer<Option<OperationId>> {
        let found = self.stuck.get(&format!("storage/stuck/{storage}")).await;
        Ok(found
            .map_err(failed("look at a storage"))?
            .map(|one| one.value))
    }

    pub(crate) async fn close(&self, storage: &Name, by: OperationId) -> Answer<()> {
        let written = self
            .stuck
            .put(&format!("storage/stuck/{storage}"), &by)
            .await;
        written.map_err(failed("close a storage"))?;
        Ok(())
    }

    pub(crate) async fn open(&self, storage: &Name, by: OperationId) -> Answer<()> {
        if self.stuck(storage).await? == Some(by) {
            let deleted = self.stuck.delete(&format!("storage/stuck/{storage}")).await;
            deleted.map_err(failed("open a storage"))?;
        }
        Ok(())
    }

    /// Drops the oldest operations of a storage that are over, beyond the limit.
    pub(crate) async fn prune(&self, storage: &Name) -> Answer<()> {
        let ids = self.ids().await?;
        if ids.len() <= STORAGE_OPERATIONS_KEPT_MAX {
            return Ok(());
        }
        let mut over = Vec::new();
        for id in ids {
            let operation = self.get(id).await?;
            let stuck = matches!(operation.state, crate::StorageState::Stuck { .. });
            if operation.storage == *storage && operation.state.is_over() && !stuck {
                over.push(id);
            }
        }
        let too_many = over.len().saturating_sub(STORAGE_OPERATIONS_KEPT_MAX);
        for id in over.into_iter().take(too_many) {
            let dropped = self.operations.delete(&operation_key(id)).await;
            dropped.map_err(failed("drop an old operation"))?;
            let dropped = self.cancels.delete(&format!("storage/cancel/{id}")).await;
            dropped.map_err(failed("drop an old operation"))?;
        }
        Ok(())
    }
}
