//! What a job would do, and whether it can be done at all.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use redeye_cloud::{OperationId, Phase, Plan, PlannedStep};

use super::step::{Level, Told, levels, stack};
use super::{Inner, StorageError, first, tried};
use crate::definition::Storage;
use crate::operation::{StorageOperation, phase};
use crate::snapshot::StorageSnapshot;
use crate::stage::{After, Job, Stage};
use crate::volumes::{Work, scope};

/// Functions that only make sense as parts of a job.
const PARTS: [&str; 7] = [
    "snapshot", "forget", "restore", "discard", "adopt", "revert", "verify",
];

pub(super) async fn plan(
    inner: &Inner,
    storage: &Storage,
    job: &Job,
) -> Result<Plan, StorageError> {
    let refused = |why: String| StorageError::Refused {
        doing: job.name().to_owned(),
        storage: storage.name.clone(),
        why,
    };
    let candidates = tried(inner, storage, job).await?;
    if let Job::Function { name } = job {
        is_function(storage, name).map_err(refused)?;
    }
    let now = inner.clock.now();
    let id = OperationId::random(now);
    let mut stage = first(job, id);
    if let (Stage::Try(one), Some((snapshot, next))) = (&mut stage, candidates.split_first()) {
        one.snapshot = *snapshot;
        one.next = next.to_vec();
        one.was_mounted = is_mounted(storage);
    }
    let mut steps = Vec::new();
    let mut operation = StorageOperation::nameless(id, storage, stage, now);
    loop {
        let snapshot = match operation.stage.snapshot() {
            Some(id) => inner.journal.snapshot(&storage.name, id).await?,
            None => None,
        };
        let told = Told {
            inner,
            storage,
            operation: &operation,
            snapshot: snapshot.as_ref(),
        };
        match operation.stage.function() {
            Some(function) => {
                check(inner, storage, function).map_err(refused)?;
                function_steps(&told, function, &mut steps)
                    .await
                    .map_err(refused)?;
            }
            None => steps.push(PlannedStep::new("wait until the copies are complete")),
        }
        match operation.stage.after(job, &Ok(()), None) {
            After::Go(next) => operation.stage = next,
            After::Well | After::Badly(_) => break,
        }
    }
    let mut plan = Plan::of(steps);
    if let [_, more @ ..] = &candidates[..]
        && !more.is_empty()
    {
        plan = plan.note(format!(
            "if it is not good, the {} before it are tried, the newest first",
            more.len()
        ));
    }
    if matches!(job, Job::Restore { .. }) {
        plan = plan.note("what is there now is put aside, not destroyed");
    }
    if matches!(job, Job::Snapshot) {
        plan = plan.note(forgotten(inner, storage).await?);
    }
    Ok(plan)
}

/// What goes once there is one snapshot more.
async fn forgotten(inner: &Inner, storage: &Storage) -> Result<String, StorageError> {
    let now = inner.clock.now();
    let mut all = inner.journal.snapshots(&storage.name).await?;
    all.push(StorageSnapshot {
        id: OperationId::random(now),
        storage: storage.name.clone(),
        taken: now,
        held: None,
        state: crate::snapshot::Completeness::Complete,
        verified: None,
        copied_by: None,
        made: BTreeMap::new(),
    });
    let gone = crate::snapshot::not_kept(&all, &storage.keep, now);
    Ok(match gone.is_empty() {
        true => "all older snapshots are kept".to_owned(),
        false => {
            let ids: Vec<String> = gone.iter().map(ToString::to_string).collect();
            format!("not kept any more: {}", ids.join(", "))
        }
    })
}

fn is_function(storage: &Storage, name: &str) -> Result<(), String> {
    if PARTS.contains(&name) {
        return Err(format!("{name} is a part of snapshot, restore and verify"));
    }
    let mut known: Vec<&str> = storage
        .layers
        .iter()
        .flat_map(|layer| layer.handler.functions.keys().map(String::as_str))
        .filter(|function| !PARTS.contains(function))
        .collect();
    known.sort_unstable();
    known.dedup();
    match known.contains(&name) {
        true => Ok(()),
        false => Err(format!(
            "no layer has this function; there are: {}",
            known.join(", ")
        )),
    }
}

/// Nothing of ours may be where writing is stopped.
fn check(inner: &Inner, storage: &Storage, function: &str) -> Result<(), String> {
    let levels = levels(storage, function);
    if !stack(&levels, function).iter().any(|layer| layer.holds) {
        return Ok(());
    }
    for folder in inner.written.iter().chain([&inner.folder]) {
        for mount in &storage.mounts {
            if is_below(folder, mount) {
                return Err(format!(
                    "{} would be frozen with {}, and we write there: move it",
                    folder.display(),
                    mount.display()
                ));
            }
        }
    }
    Ok(())
}

/// Whether a path lies on what is mounted at another, by name or by device.
fn is_below(path: &Path, mount: &Path) -> bool {
    let real = |path: &Path| {
        // What is not there yet will be made in the folder above.
        let mut there = path.ancestors();
        there.find_map(|path| std::fs::canonicalize(path).ok())
    };
    let (Some(path), Some(mount)) = (real(path), real(mount)) else {
        return false;
    };
    if path.starts_with(&mount) {
        return true;
    }
    let device = |path: &PathBuf| std::fs::metadata(path).map(|found| found.dev()).ok();
    mounted_at(&mount) && device(&path) == device(&mount)
}

/// Whether something is mounted just here.
fn mounted_at(path: &Path) -> bool {
    let device = |path: &Path| std::fs::metadata(path).map(|found| found.dev()).ok();
    let Some(above) = path.parent() else {
        return true;
    };
    device(path).is_some() && device(path) != device(above)
}

/// Whether a storage is mounted, at least in part.
pub(super) fn is_mounted(storage: &Storage) -> bool {
    storage.mounts.iter().any(|mount| mounted_at(mount))
}

async fn function_steps(
    told: &Told<'_>,
    function: &str,
    steps: &mut Vec<PlannedStep>,
) -> Result<(), String> {
    let levels = levels(told.storage, function);
    let holds: Vec<bool> = stack(&levels, function)
        .iter()
        .map(|layer| layer.holds)
        .collect();
    let mut watched = false;
    let down = levels
        .iter()
        .zip(&holds)
        .map(|(level, holds)| (level, *holds, Phase::Entry));
    let up = levels
        .iter()
        .zip(&holds)
        .rev()
        .map(|(level, holds)| (level, *holds, Phase::Exit));
    for (level, holds, step) in down.chain(up) {
        let words = format!("{function}: {} {}", phase(step), level.name());
        if holds && !watched {
            watched = true;
            let text = format!(
                "start the watchdog: it lets go after {} at the latest",
                told.storage.hold_max
            );
            steps.push(PlannedStep::new(text));
        }
        if let Level::Volumes = level {
            steps.push(volumes_step(told, function, step, words).await?);
            continue;
        }
        steps.push(match level.script(function, step) {
            None => PlannedStep::new(format!("{words}: nothing")),
            Some(script) => {
                let effect = match (holds, step) {
                    (true, Phase::Entry) => "; writing stops",
                    (true, Phase::Exit) => "; writing goes on",
                    _ => "",
                };
                PlannedStep::new(format!("{words}{effect}"))
                    .call(script.form.argv())
                    .until(format!("it ends, within {}", script.timeout))
            }
        });
    }
    Ok(())
}

async fn volumes_step(
    told: &Told<'_>,
    function: &str,
    step: Phase,
    words: String,
) -> Result<PlannedStep, String> {
    let Some(volumes) = &told.storage.volumes else {
        return Ok(PlannedStep::new(words));
    };
    let inner = told.inner;
    let scope = scope(inner.cloud.as_ref(), volumes)?;
    let current = inner.journal.current(&told.storage.name).await;
    let current = current.map_err(|error| crate::chain(&error))?;
    let ids = current.map_or_else(|| volumes.ids.clone(), |current| current.volumes);
    let does = match (function, step) {
        ("snapshot", Phase::Entry) => {
            let Some(cloud) = &inner.cloud else {
                return Err("there is no cloud that could have volumes".into());
            };
            let work = Work {
                cloud,
                storage: told.storage,
                scope: scope.clone(),
                ids: ids.clone(),
                operation: told.operation.id,
                deadline: told.operation.deadline,
            };
            let request = work.request(told.operation.id, work.snapshots());
            let plan = cloud.plan(&request).await;
            let plan = plan.map_err(|error| error.to_string())?;
            let calls: Vec<String> = plan.steps.iter().map(|step| step.what.clone()).collect();
            format!("snapshots of all at one instant: {}", calls.join(", "))
        }
        ("forget", Phase::Entry) => "delete the snapshots".to_owned(),
        ("restore", Phase::Exit) => "new volumes of the snapshots, attached".to_owned(),
        ("discard", Phase::Entry) => "detach and delete the new volumes".to_owned(),
        ("adopt", Phase::Exit) => "the storage is made of the new volumes".to_owned(),
        ("revert", Phase::Exit) => "the storage is made of its old volumes".to_owned(),
        ("mount" | "configure" | "resize", Phase::Exit) => "look for the devices".to_owned(),
        _ => "nothing".to_owned(),
    };
    Ok(PlannedStep::new(format!("{words} in {scope}: {does}")).on(ids))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_below_a_mount_is_found_by_name_also_before_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let mount = folder.path().join("srv");
        std::fs::create_dir(&mount).unwrap();
        assert!(is_below(&mount.join("journal/deep"), &mount));
        assert!(is_below(&mount, &mount));
        assert!(!is_below(&folder.path().join("srv2"), &mount));
        assert!(!is_below(Path::new("/proc"), &mount));
        assert!(mounted_at(Path::new("/proc")));
        assert!(!mounted_at(&mount));
    }
}
