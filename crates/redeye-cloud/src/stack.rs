//! A function over all layers of a storage: entries from the top down, exits back up.
//!
//! Decides only. Whoever runs it writes [`StackRun`] down before each step and after
//! it, and after a crash goes on with [`StackRun::recover`].

use serde::{Deserialize, Serialize};

/// Layers of one stack; more are refused.
pub const LAYERS_MAX: usize = 32;

/// One layer of a storage, such as `ext4`, `lvm` or `ebs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Its handler's name.
    pub name: String,
    /// Whether its entry stops all writing until its exit. What holds is never left: after
    /// a crash it is always let go, whatever else was planned.
    #[serde(default)]
    pub holds: bool,
    /// Whether its entry may run twice.
    #[serde(default)]
    pub idempotent: bool,
    /// Whether it takes back what its entry made when the whole fails.
    #[serde(default)]
    pub undoes: bool,
}

/// Which script of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// On the way down.
    Entry,
    /// Takes back what an entry made, before its exit; only when the whole fails.
    Undo,
    /// On the way up. It makes sure that nothing is held, also where its entry had only
    /// half run.
    Exit,
}

/// A step: a layer, counted from the top, and a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackStep {
    /// Which layer, 0 is the top.
    pub layer: usize,
    /// Which script.
    pub phase: Phase,
}

/// How far a layer's entry came; its exit is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entered {
    /// Not begun.
    No,
    /// Begun, and failed or cut off.
    Partial,
    /// It ended well.
    Yes,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Run this.
    Run(StackStep),
    /// Nothing more.
    Over(StackEnd),
}

/// How a function over a stack ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StackEnd {
    /// All entries and all exits went well.
    Done,
    /// The work is done and stays; something may still be held.
    DoneWithFailedExit {
        /// Layers whose exit failed.
        exits: Vec<usize>,
    },
    /// An entry failed, and everything was let go.
    Failed {
        /// The layer, or where it was cut off.
        layer: usize,
        /// Why.
        why: String,
    },
    /// An entry failed, and so did letting go: a person has to look.
    Stuck {
        /// The layer whose entry failed.
        layer: usize,
        /// Layers whose exit failed.
        exits: Vec<usize>,
        /// Whether one of them may still stop all writing.
        held: bool,
    },
}

/// A function over a stack, with all that happened so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackRun {
    /// Which function, such as `snapshot`.
    pub function: String,
    layers: Vec<Layer>,
    /// How often an exit is tried.
    exits_tried: u32,
    records: Vec<Record>,
    /// Why no entry is begun any more.
    broken: Option<Broken>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    step: StackStep,
    /// Nothing while it runs.
    ended: Option<Result<(), String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Broken {
    layer: usize,
    why: String,
}

/// Why there is no run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StackError {
    /// Nothing to run over.
    #[error("a storage needs at least one layer")]
    Empty,
    /// Too many.
    #[error("a storage has at most {LAYERS_MAX} layers: {0}")]
    TooMany(usize),
}

impl StackRun {
    /// A function that has not begun; `layers` from the top down. An exit that fails is
    /// tried `exits_tried` times in all, at least once.
    ///
    /// # Errors
    /// If there are no layers, or too many.
    pub fn new(
        function: impl Into<String>,
        layers: Vec<Layer>,
        exits_tried: u32,
    ) -> Result<Self, StackError> {
        match layers.len() {
            0 => Err(StackError::Empty),
            many if LAYERS_MAX < many => Err(StackError::TooMany(many)),
            _ => Ok(Self {
                function: function.into(),
                layers,
                exits_tried: exits_tried.max(1),
                records: Vec::new(),
                broken: None,
            }),
        }
    }

    /// The layers, from the top down.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// What to do next.
    pub fn next(&self) -> NextStep {
        let deepest = self.deepest();
        if self.broken.is_none() {
            let entry = deepest.map_or(0, |layer| layer + 1);
            if entry < self.layers.len() && !self.is_rising() {
                return run(entry, Phase::Entry);
            }
        }
        // Back up from the deepest layer that was begun.
        for layer in (0..=deepest.unwrap_or(0)).rev() {
            if deepest.is_none() {
                break;
            }
            if self.broken.is_some() && self.wants_undo(layer) {
                return run(layer, Phase::Undo);
            }
            if self.wants_exit(layer) {
                return run(layer, Phase::Exit);
            }
        }
        NextStep::Over(self.end())
    }

    /// A step begins. To be durable before it does.
    pub fn begins(&mut self, step: StackStep) {
        self.records.push(Record { step, ended: None });
    }

    /// The step that began last has ended. To be durable before the next begins.
    pub fn ends(&mut self, result: Result<(), String>) {
        let Some(last) = self.records.last_mut() else {
            return;
        };
        if let (Phase::Entry, Err(why)) = (last.step.phase, &result)
            && self.broken.is_none()
        {
            self.broken = Some(Broken {
                layer: last.step.layer,
                why: why.clone(),
            });
        }
        last.ended = Some(result);
    }

    /// No further entry is begun; what was entered is let go.
    pub fn cancel(&mut self, why: impl Into<String>) {
        let layer = self.deepest().unwrap_or(0);
        if self.broken.is_none() && !self.is_rising() {
            self.broken = Some(Broken {
                layer,
                why: why.into(),
            });
        }
    }

    /// Goes on after a crash. A layer that holds, begun or not known to have ended, is
    /// always let go; else an entry that was cut off is run again if it may, and all is
    /// let go if it may not. A cut-off exit is run again.
    pub fn recover(&mut self) {
        let holding = (0..self.layers.len())
            .any(|layer| self.layers[layer].holds && self.entered(layer) != Entered::No);
        if holding && !self.is_rising() {
            self.close_cut_off("cut off by a crash");
            self.cancel("the process died while writing was stopped");
            return;
        }
        let Some(last) = self.records.last() else {
            return;
        };
        let (step, cut_off) = (last.step, last.ended.is_none());
        if !cut_off {
            return;
        }
        match step.phase {
            Phase::Entry if self.layers[step.layer].idempotent => {
                self.records.pop();
            }
            Phase::Entry => {
                self.ends(Err("cut off by a crash".into()));
            }
            Phase::Undo | Phase::Exit => {
                self.records.pop();
            }
        }
    }

    fn close_cut_off(&mut self, why: &str) {
        if self.records.last().is_some_and(|last| last.ended.is_none()) {
            self.ends(Err(why.to_owned()));
        }
    }

    /// How far a layer's entry came.
    pub fn entered(&self, layer: usize) -> Entered {
        let of = self.records.iter().rev();
        let last = of
            .filter(|record| record.step.layer == layer && record.step.phase == Phase::Entry)
            .map(|record| &record.ended)
            .next();
        match last {
            None => Entered::No,
            Some(Some(Ok(()))) => Entered::Yes,
            Some(_) => Entered::Partial,
        }
    }

    /// The layer whose entry failed, if one did.
    pub fn failed_layer(&self) -> Option<usize> {
        self.broken.as_ref().map(|broken| broken.layer)
    }

    /// The deepest layer whose entry was begun.
    fn deepest(&self) -> Option<usize> {
        let entries = self.records.iter();
        entries
            .filter(|record| record.step.phase == Phase::Entry)
            .map(|record| record.step.layer)
            .max()
    }

    /// Whether an exit was begun: then no entry is.
    fn is_rising(&self) -> bool {
        self.records
            .iter()
            .any(|record| record.step.phase != Phase::Entry)
    }

    fn tries(&self, layer: usize, phase: Phase) -> (u32, bool) {
        let of = self.records.iter();
        let ended = of.filter(|record| record.step == StackStep { layer, phase });
        ended.fold((0, false), |(tries, well), record| {
            (tries + 1, well || record.ended == Some(Ok(())))
        })
    }

    fn wants_undo(&self, layer: usize) -> bool {
        let begun = self.entered(layer) != Entered::No;
        let (tries, _) = self.tries(layer, Phase::Undo);
        self.layers[layer].undoes && begun && tries == 0 && self.tries(layer, Phase::Exit).0 == 0
    }

    fn wants_exit(&self, layer: usize) -> bool {
        let (tries, well) = self.tries(layer, Phase::Exit);
        self.entered(layer) != Entered::No && !well && tries < self.exits_tried
    }

    fn end(&self) -> StackEnd {
        let exits: Vec<usize> = (0..self.layers.len())
            .filter(|layer| self.entered(*layer) != Entered::No)
            .filter(|layer| !self.tries(*layer, Phase::Exit).1)
            .collect();
        match (&self.broken, exits.is_empty()) {
            (None, true) => StackEnd::Done,
            (None, false) => StackEnd::DoneWithFailedExit { exits },
            (Some(broken), true) => StackEnd::Failed {
                layer: broken.layer,
                why: broken.why.clone(),
            },
            (Some(broken), false) => StackEnd::Stuck {
                layer: broken.layer,
                held: exits.iter().any(|layer| self.layers[*layer].holds),
                exits,
            },
        }
    }
}

fn run(layer: usize, phase: Phase) -> NextStep {
    NextStep::Run(StackStep { layer, phase })
}

#[cfg(test)]
mod tests;
