use serde::{Deserialize, Serialize};

use crate::name::Id;

/// What would be done, exactly: what `--dry-run` shows. Making a plan changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The steps in their order.
    pub steps: Vec<PlannedStep>,
    /// What a person should know before saying yes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// In words: `run start of rack-ipmi@2`, `call RunInstances`.
    pub what: String,
    /// The call or the program with its arguments; secrets are masked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub call: Vec<String>,
    /// What it works on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Id>,
    /// When it counts as done, such as `until power is off, within 2m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

impl Plan {
    /// A plan of these steps.
    pub fn of(steps: impl IntoIterator<Item = PlannedStep>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            notes: Vec::new(),
        }
    }

    /// With something a person should know before saying yes.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

impl PlannedStep {
    /// A step in words.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            call: Vec::new(),
            targets: Vec::new(),
            until: None,
        }
    }

    /// With the call, its secrets masked.
    pub fn call(mut self, call: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.call = call.into_iter().map(Into::into).collect();
        self
    }

    /// With what it works on.
    pub fn on(mut self, targets: impl IntoIterator<Item = Id>) -> Self {
        self.targets.extend(targets);
        self
    }

    /// With when it counts as done.
    pub fn until(mut self, until: impl Into<String>) -> Self {
        self.until = Some(until.into());
        self
    }
}
