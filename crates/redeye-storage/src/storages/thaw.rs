use std::time::Duration;

use redeye_cloud::{OperationId, Phase};
use serde::Serialize;
use tokio::time::Instant;

use super::step::{Level, Told, alone, levels};
use super::{Inner, StorageError, first};
use crate::definition::Storage;
use crate::operation::StorageOperation;
use crate::stage::Job;

/// How long a process that died may keep its lock.
const PATIENCE: Duration = Duration::from_secs(7);
/// How often it is looked for it.
const LOOK: Duration = Duration::from_millis(100);

/// A layer that was let go, or could not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Let {
    /// Which layer.
    pub layer: String,
    /// Why it could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

pub(super) async fn thaw(inner: &Inner, storage: &Storage) -> Result<Vec<Let>, StorageError> {
    let deadline = Instant::now() + PATIENCE;
    let worker = loop {
        match inner.journal.work_on(&storage.name).await? {
            Some(worker) => break worker,
            None if deadline < Instant::now() => {
                return Err(StorageError::Busy(storage.name.clone()));
            }
            None => tokio::time::sleep(LOOK).await,
        }
    };
    let now = inner.clock.now();
    let stuck = inner.journal.stuck(&storage.name).await?;
    let id = stuck.unwrap_or_else(|| OperationId::random(now));
    let operation = StorageOperation::nameless(id, storage, first(&Job::Snapshot, id), now);
    let told = Told {
        inner,
        storage,
        operation: &operation,
        snapshot: None,
    };
    let mut all = Vec::new();
    for level in levels(storage, "snapshot").iter().rev() {
        let entry = level.script("snapshot", Phase::Entry);
        let exit = level.script("snapshot", Phase::Exit);
        let (Some(_), Some(exit)) = (entry.filter(|script| script.holds), exit) else {
            continue;
        };
        let failed = match std::fs::create_dir_all(told.run_folder(level.name())) {
            Err(why) => Some(why.to_string()),
            Ok(()) => let_go(&told, level, exit).await.err(),
        };
        all.push(Let {
            layer: level.name().to_owned(),
            failed,
        });
    }
    // A guard that is lost has nothing to release.
    let _ = worker.release().await;
    Ok(all)
}

async fn let_go(
    told: &Told<'_>,
    level: &Level<'_>,
    exit: &crate::handler::Script,
) -> Result<(), String> {
    let mut outcome = alone(level);
    // Also what nobody has noted.
    outcome.insert("force", "true".to_owned());
    let call = told.call(level, exit, (Phase::Exit, &[]), outcome);
    call.run().await.map(|_| ())
}
