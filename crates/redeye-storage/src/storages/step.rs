//! What one step of one layer is: which script, told what.

use std::collections::BTreeMap;
use std::path::PathBuf;

use redeye_cloud::{Entered, Layer, Phase, StackRun, StackStep};
use serde_json::json;

use super::Inner;
use crate::call::{Call, Said};
use crate::definition::{Storage, Used, VOLUMES};
use crate::handler::Script;
use crate::operation::{StorageOperation, phase};
use crate::snapshot::StorageSnapshot;

/// A layer in one function.
#[derive(Clone, Copy)]
pub(super) enum Level<'a> {
    /// What says whether the content is good; only in `verify`, above all others.
    Verify(&'a Script),
    Handler(&'a Used),
    /// The volumes of a megavisor.
    Volumes,
}

/// The layers of a function, from the top down.
pub(super) fn levels<'a>(storage: &'a Storage, function: &str) -> Vec<Level<'a>> {
    let verify = storage.verify.iter().filter(|_| function == "verify");
    verify
        .map(Level::Verify)
        .chain(storage.layers.iter().map(Level::Handler))
        .chain(storage.volumes.iter().map(|_| Level::Volumes))
        .collect()
}

/// The layers as what decides over their order wants them.
pub(super) fn stack(levels: &[Level<'_>], function: &str) -> Vec<Layer> {
    let layer = |level: &Level<'_>| {
        let entry = level.script(function, Phase::Entry);
        let volumes = matches!(level, Level::Volumes);
        Layer {
            name: level.name().to_owned(),
            holds: entry.is_some_and(|script| script.holds),
            // Nothing may be done as often as one likes.
            idempotent: entry.is_none_or(|script| script.idempotent),
            undoes: level.script(function, Phase::Undo).is_some()
                || (volumes && function == "snapshot"),
        }
    };
    levels.iter().map(layer).collect()
}

impl<'a> Level<'a> {
    pub(super) fn name(&self) -> &'a str {
        match self {
            Self::Verify(_) => "verify",
            Self::Handler(used) => &used.name,
            Self::Volumes => VOLUMES,
        }
    }

    pub(super) fn script(&self, function: &str, phase: Phase) -> Option<&'a Script> {
        match self {
            Self::Verify(script) => Some(*script).filter(|_| phase == Phase::Entry),
            Self::Handler(used) => used.handler.script(function, phase, &used.parameters),
            Self::Volumes => None,
        }
    }
}

/// What a step is told.
pub(super) struct Told<'a> {
    pub(super) inner: &'a Inner,
    pub(super) storage: &'a Storage,
    pub(super) operation: &'a StorageOperation,
    pub(super) snapshot: Option<&'a StorageSnapshot>,
}

impl Told<'_> {
    /// A folder of this operation for one layer.
    pub(super) fn run_folder(&self, layer: &str) -> PathBuf {
        let id = self.operation.id.to_string();
        self.inner.folder.join("run").join(id).join(layer)
    }

    /// Where the function works: where the storage is mounted, or beside it.
    pub(super) fn mounts(&self) -> Vec<PathBuf> {
        if !self.operation.stage.is_aside() {
            return self.storage.mounts.clone();
        }
        let folder = self.inner.folder.join("aside");
        let folder = folder.join(self.operation.id.to_string());
        let all = 0..self.storage.mounts.len();
        all.map(|number| folder.join(number.to_string())).collect()
    }

    /// The devices of the layers below this one.
    pub(super) fn devices(&self, levels: &[Level<'_>], layer: usize) -> Vec<String> {
        let below = levels.iter().skip(layer + 1);
        let said = below.filter_map(|level| self.operation.said.get(level.name()));
        let found = said.map(|said| &said.devices).find(|all| !all.is_empty());
        found.cloned().unwrap_or_default()
    }

    /// A script with all that it is told; `devices` are those of the layer below.
    pub(super) fn call(
        &self,
        level: &Level<'_>,
        script: &Script,
        step: (Phase, &[String]),
        outcome: BTreeMap<&str, String>,
    ) -> Call {
        let (step, devices) = step;
        let name = level.name();
        let function = self.operation.stage.function().unwrap_or_default();
        let lines = |paths: &[PathBuf]| {
            let texts = paths.iter().map(|path| path.display().to_string());
            texts.collect::<Vec<_>>().join("\n")
        };
        let mounts = self.mounts();
        let snapshot = self.operation.stage.snapshot().unwrap_or(self.operation.id);
        let made = self.snapshot.and_then(|one| one.made.get(name));
        let made = made.cloned().unwrap_or_default();
        let mut env: BTreeMap<String, String> = self.inner.environment.iter().cloned().collect();
        if let Level::Handler(used) = level {
            for parameter in used.handler.parameters.keys() {
                let value = used.parameters.get(parameter).cloned();
                env.insert(
                    format!("REM_{}", parameter.to_uppercase()),
                    value.unwrap_or_default(),
                );
            }
        }
        let given = [
            ("storage", self.storage.name.to_string()),
            ("layer", name.to_owned()),
            ("function", function.to_owned()),
            ("phase", phase(step).to_owned()),
            ("op", self.operation.id.to_string()),
            ("mount", lines(mounts.get(..1).unwrap_or_default())),
            ("mounts", lines(&mounts)),
            ("live", lines(&self.storage.mounts)),
            ("devices", devices.join("\n")),
            ("run", self.run_folder(name).display().to_string()),
            ("snapshot", snapshot.to_string()),
            ("made", json!(made).to_string()),
        ];
        let given = given.into_iter().chain(outcome);
        env.extend(given.map(|(name, value)| (format!("REM_{}", name.to_uppercase()), value)));
        Call {
            argv: script.form.argv(),
            env,
            folder: self.storage.folder.clone(),
            input: json!({
                "storage": self.storage.name,
                "layer": name,
                "function": function,
                "phase": phase(step),
                "op": self.operation.id,
                "mounts": mounts,
                "live": self.storage.mounts,
                "devices": devices,
                "snapshot": snapshot,
                "made": made,
            }),
            timeout: script.timeout,
            kill_after: script.kill_after,
        }
    }
}

/// What an exit is told of how it went so far.
pub(super) fn outcome(
    run: &StackRun,
    step: StackStep,
    levels: &[Level<'_>],
) -> BTreeMap<&'static str, String> {
    if step.phase == Phase::Entry {
        return BTreeMap::new();
    }
    let entered = match run.entered(step.layer) {
        Entered::Yes => "yes",
        Entered::Partial => "partial",
        Entered::No => "no",
    };
    let failed = run.failed_layer().and_then(|layer| levels.get(layer));
    let mut told = BTreeMap::from([("entered", entered.to_owned())]);
    told.insert(
        "outcome",
        if failed.is_some() { "failed" } else { "ok" }.into(),
    );
    told.extend(failed.map(|level| ("failed_layer", level.name().to_owned())));
    told
}

/// What an exit is told when nobody is left who could say how it went.
pub(super) fn alone(layer: &Level<'_>) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("outcome", "failed".to_owned()),
        ("entered", "partial".to_owned()),
        ("failed_layer", layer.name().to_owned()),
    ])
}

/// Whether it has anything to tell.
pub(super) fn says_something(said: &Said) -> bool {
    *said != Said::default()
}
