use std::collections::BTreeMap;

use redeye_cloud::{Name, OperationId, OperationLine, Phase, Plan, StackEnd, StackRun};
use rem_time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::call::Said;
use crate::definition::Storage;
use crate::stage::{Job, Stage};

/// Lines and steps kept of what happened; the oldest go first.
pub const STORAGE_LINES_MAX: usize = 200;
/// Bytes kept of each of them: the whole has to fit into one value of the journal.
const LINE_BYTES_MAX: usize = 1_000;
/// Snapshots that were not good and are kept; more are in the lines.
const REJECTED_MAX: usize = 100;

/// Something done with a storage, with all that became of it: one record of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StorageOperation {
    /// Its name.
    pub id: OperationId,
    /// Which storage.
    pub storage: Name,
    /// What is done.
    pub job: Job,
    /// Who asked.
    pub by: String,
    /// What was planned before anything was done.
    pub plan: Plan,
    /// When it was accepted.
    pub created: Timestamp,
    /// When something happened last.
    pub changed: Timestamp,
    /// After this nothing new is begun, and what was begun is let go.
    pub deadline: Timestamp,
    /// How far it is.
    pub state: StorageState,
    /// What is done now.
    pub stage: Stage,
    /// The function that runs over the layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<StackRun>,
    /// What the layers said in the function that runs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub said: BTreeMap<String, Said>,
    /// What they made of the snapshot that is tried.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tried: BTreeMap<String, Said>,
    /// Requests to megavisors, by what they are for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: BTreeMap<String, OperationId>,
    /// Snapshots that were not good, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<(OperationId, String)>,
    /// Every step, with what came of it.
    pub steps: Vec<Step>,
    /// How each function over the layers ended.
    pub ends: Vec<(String, StackEnd)>,
    /// What happened, the oldest first.
    pub lines: Vec<OperationLine>,
}

/// One script of one layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Of which function.
    pub function: String,
    /// Of which layer.
    pub layer: String,
    /// On the way down or up.
    pub phase: Phase,
    /// When it began.
    pub began: Timestamp,
    /// When it ended; nothing while it runs, or if the process died meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// How far an operation on a storage is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum StorageState {
    /// Written down; nothing is done yet.
    Accepted,
    /// Under way, or left behind by a process that died.
    Running,
    /// It ended well.
    Done {
        /// What a person should know.
        note: String,
    },
    /// It ended badly; nothing is held.
    Failed {
        /// Why.
        why: String,
    },
    /// It was stopped; nothing is held.
    Cancelled {
        /// By whom.
        why: String,
    },
    /// Something could not be let go or brought back: the storage takes nothing new
    /// until a person has looked and resolved it.
    Stuck {
        /// Why.
        why: String,
        /// Whether writing may still be stopped.
        held: bool,
    },
    /// A person has looked.
    Resolved {
        /// Who, and what they found.
        why: String,
    },
}

impl StorageState {
    /// Whether nothing more happens by itself.
    pub fn is_over(&self) -> bool {
        !matches!(self, Self::Accepted | Self::Running)
    }

    /// Its name: `accepted`, `running`, `done`, …
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Running => "running",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
            Self::Cancelled { .. } => "cancelled",
            Self::Stuck { .. } => "stuck",
            Self::Resolved { .. } => "resolved",
        }
    }
}

impl Job {
    /// In words: `snapshot`, `restore`, `verify`, or a function's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Restore { .. } => "restore",
            Self::Verify { .. } => "verify",
            Self::Function { name } => name,
        }
    }
}

impl StorageOperation {
    /// One that is not written down: for a plan, and for scripts run by hand.
    pub(crate) fn nameless(
        id: OperationId,
        storage: &Storage,
        stage: Stage,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            storage: storage.name.clone(),
            job: Job::Snapshot,
            by: String::new(),
            plan: Plan::default(),
            created: now,
            changed: now,
            deadline: now,
            state: StorageState::Accepted,
            stage,
            run: None,
            said: BTreeMap::new(),
            tried: BTreeMap::new(),
            requests: BTreeMap::new(),
            rejected: Vec::new(),
            steps: Vec::new(),
            ends: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Something happened.
    pub(crate) fn say(&mut self, text: impl Into<String>, now: Timestamp) {
        self.changed = now;
        if STORAGE_LINES_MAX <= self.lines.len() {
            self.lines.remove(1);
        }
        self.lines.push(OperationLine {
            at: now,
            text: short(&text.into()),
        });
    }

    /// A snapshot is not good.
    pub(crate) fn reject(&mut self, id: OperationId, why: &str, now: Timestamp) {
        self.say(format!("{id} is not good: {why}"), now);
        if self.rejected.len() < REJECTED_MAX {
            self.rejected.push((id, short(why)));
        }
    }

    /// It is over.
    pub(crate) fn turn(&mut self, state: StorageState, text: impl Into<String>, now: Timestamp) {
        self.state = state;
        self.say(text, now);
    }

    /// A step begins.
    pub(crate) fn step_begins(&mut self, layer: &str, phase: Phase, now: Timestamp) {
        if STORAGE_LINES_MAX <= self.steps.len() {
            self.steps.remove(0);
        }
        self.changed = now;
        self.steps.push(Step {
            function: self.stage.function().unwrap_or_default().to_owned(),
            layer: layer.to_owned(),
            phase,
            began: now,
            ended: None,
            failed: None,
        });
    }

    /// The step that began last has ended.
    pub(crate) fn step_ends(&mut self, result: &Result<(), String>, now: Timestamp) {
        self.changed = now;
        if let Some(step) = self.steps.last_mut() {
            step.ended = Some(now);
            step.failed = result.as_ref().err().map(|why| short(why));
        }
    }

    /// The steps that were run to their end or cut off, as `entry lvm` and `exit lvm`.
    pub fn trace(&self) -> Vec<String> {
        let word = |step: &Step| format!("{} {}", phase(step.phase), step.layer);
        self.steps.iter().map(word).collect()
    }
}

/// The beginning of a text.
fn short(text: &str) -> String {
    if text.len() <= LINE_BYTES_MAX {
        return text.to_owned();
    }
    let whole = |end: &usize| text.is_char_boundary(*end);
    let end = (0..=LINE_BYTES_MAX).rev().find(whole).unwrap_or(0);
    format!("{}…", &text[..end])
}

/// Its name: `entry`, `undo`, `exit`.
pub(crate) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Entry => "entry",
        Phase::Undo => "undo",
        Phase::Exit => "exit",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_a_letter() {
        assert_eq!(short("short"), "short");
        let long = short(&format!("x{}", "ß".repeat(1_000)));
        assert_eq!(long.chars().count(), 501);
        assert!(long.ends_with("ß…"));
    }
}
