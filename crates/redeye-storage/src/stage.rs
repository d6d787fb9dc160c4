//! What an operation on a storage does one after the other. Decides only.

use redeye_cloud::{OperationId, StackEnd};
use serde::{Deserialize, Serialize};

/// What is to be done with a storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Job {
    /// A snapshot of all volumes at one instant; what is not kept goes afterwards.
    Snapshot,
    /// The content of the newest snapshot that is good, or of one; what was there before
    /// is put aside, not destroyed.
    Restore {
        /// Only this one.
        #[serde(default)]
        snapshot: Option<OperationId>,
    },
    /// Whether what is mounted is good, or a snapshot of it.
    Verify {
        /// Which.
        #[serde(default)]
        snapshot: Option<OperationId>,
    },
    /// Any other function of the layers, such as `mount`.
    Function {
        /// Its name.
        name: String,
    },
}

/// Where an operation is: the function that runs over the layers next or now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Stage {
    /// A snapshot is taken.
    Take,
    /// Its copies are waited for.
    Complete,
    /// One that is not kept goes.
    Forget {
        /// Those that go, this one first.
        left: Vec<OperationId>,
    },
    /// A candidate is brought beside what is there.
    Try(Candidate),
    /// It is verified there.
    Check(Candidate),
    /// It is taken away again.
    Reject(Candidate),
    /// What is there is unmounted.
    Leave(Candidate),
    /// The candidate takes its place.
    Adopt(Candidate),
    /// It is mounted.
    Mount(Candidate),
    /// It is verified where it is used.
    Proof(Candidate),
    /// It did not work out: it is unmounted.
    BackLeave(Candidate),
    /// What was there takes its place again.
    Revert(Candidate),
    /// And is mounted.
    BackMount(Candidate),
    /// What is mounted is verified.
    Look,
    /// Some function.
    Run {
        /// Which.
        name: String,
    },
}

/// The snapshot that is tried, and those that come after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Which.
    pub snapshot: OperationId,
    /// Tried if this one is not good.
    pub next: Vec<OperationId>,
    /// Why this one is not good, or why nothing more is tried.
    #[serde(default)]
    pub bad: Option<String>,
    /// Whether no other one is tried.
    #[serde(default)]
    pub last: bool,
    /// Whether there was something mounted before, which comes back if nothing is good.
    #[serde(default)]
    pub was_mounted: bool,
}

/// What comes after a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// This.
    Go(Stage),
    /// Nothing; all went well.
    Well,
    /// Nothing; it went wrong.
    Badly(String),
}

impl Stage {
    /// The function that runs over the layers; none where something is waited for.
    pub fn function(&self) -> Option<&str> {
        match self {
            Self::Take => Some("snapshot"),
            Self::Complete => None,
            Self::Forget { .. } => Some("forget"),
            Self::Try(_) => Some("restore"),
            Self::Check(_) | Self::Proof(_) | Self::Look => Some("verify"),
            Self::Reject(_) => Some("discard"),
            Self::Leave(_) | Self::BackLeave(_) => Some("unmount"),
            Self::Adopt(_) => Some("adopt"),
            Self::Revert(_) => Some("revert"),
            Self::Mount(_) | Self::BackMount(_) => Some("mount"),
            Self::Run { name } => Some(name),
        }
    }

    /// The snapshot that the function is about.
    pub fn snapshot(&self) -> Option<OperationId> {
        match self {
            Self::Forget { left } => left.first().copied(),
            Self::Try(one)
            | Self::Check(one)
            | Self::Reject(one)
            | Self::Leave(one)
            | Self::Adopt(one)
            | Self::Mount(one)
            | Self::Proof(one)
            | Self::BackLeave(one)
            | Self::Revert(one)
            | Self::BackMount(one) => Some(one.snapshot),
            Self::Take | Self::Complete | Self::Look | Self::Run { .. } => None,
        }
    }

    /// Whether it works beside what is mounted, and not on it.
    pub fn is_aside(&self) -> bool {
        matches!(
            self,
            Self::Try(_) | Self::Check(_) | Self::Reject(_) | Self::Adopt(_)
        )
    }

    /// Whether it may be stopped here: nothing of what is used was touched so far.
    pub fn can_stop(&self) -> bool {
        match self {
            Self::Take
            | Self::Complete
            | Self::Forget { .. }
            | Self::Try(_)
            | Self::Check(_)
            | Self::Look
            | Self::Run { .. } => true,
            Self::Reject(_)
            | Self::Leave(_)
            | Self::Adopt(_)
            | Self::Mount(_)
            | Self::Proof(_)
            | Self::BackLeave(_)
            | Self::Revert(_)
            | Self::BackMount(_) => false,
        }
    }

    /// What comes next, when the function ended so. `stopped`: nothing else is begun
    /// but what has to be, because somebody wants it or the time is over.
    pub fn after(&self, job: &Job, end: &Result<(), String>, stopped: Option<&str>) -> After {
        use After::{Badly, Go, Well};
        let bad = |one: &Candidate, why: &str, last: bool| Candidate {
            bad: Some(why.to_owned()),
            last: one.last || last,
            ..one.clone()
        };
        let end = match (end, stopped) {
            (Ok(()), Some(why)) if self.can_stop() => &Err(why.to_owned()),
            _ => end,
        };
        let restores = matches!(job, Job::Restore { .. });
        match (self, end) {
            // What is left of old ones is tidied up the next time.
            (Self::Forget { left }, _) if 1 < left.len() && stopped.is_none() => {
                let left = left[1..].to_vec();
                Go(Self::Forget { left })
            }
            (Self::Forget { .. }, _) => Well,
            (Self::Take, Ok(())) => Go(Self::Complete),
            (Self::Look | Self::Run { .. } | Self::Complete, Ok(())) => Well,
            (Self::Take | Self::Look | Self::Run { .. } | Self::Complete, Err(why)) => {
                Badly(why.clone())
            }

            (Self::Try(one), Ok(())) => Go(Self::Check(one.clone())),
            (Self::Check(one), Ok(())) if restores && one.was_mounted => {
                Go(Self::Leave(one.clone()))
            }
            (Self::Check(one), Ok(())) if restores => Go(Self::Adopt(one.clone())),
            (Self::Check(one), Ok(())) => Go(Self::Reject(one.clone())),
            (Self::Try(one) | Self::Check(one), Err(why)) => {
                Go(Self::Reject(bad(one, why, stopped.is_some())))
            }
            (Self::Reject(one), tidied) => match (&one.bad, one.next.split_first(), tidied) {
                (None, _, Ok(())) => Well,
                (None, _, Err(why)) => Badly(why.clone()),
                (Some(_), Some((snapshot, next)), _) if !one.last && stopped.is_none() => {
                    Go(Self::Try(Candidate {
                        snapshot: *snapshot,
                        next: next.to_vec(),
                        bad: None,
                        last: false,
                        was_mounted: one.was_mounted,
                    }))
                }
                (Some(why), ..) => Badly(why.clone()),
            },

            (Self::Leave(one), Ok(())) => Go(Self::Adopt(one.clone())),
            // Something keeps it busy: no other snapshot helps.
            (Self::Leave(one), Err(why)) => Go(Self::BackMount(bad(one, why, true))),
            (Self::Adopt(one), Ok(())) => Go(Self::Mount(one.clone())),
            (Self::Adopt(one), Err(why)) => Go(Self::Revert(bad(one, why, true))),
            (Self::Mount(one), Ok(())) => Go(Self::Proof(one.clone())),
            (Self::Proof(_), Ok(())) => Well,
            (Self::Mount(one) | Self::Proof(one), Err(why)) => {
                Go(Self::BackLeave(bad(one, why, false)))
            }
            (Self::BackLeave(one), _) => Go(Self::Revert(one.clone())),
            (Self::Revert(one), Ok(())) if !one.was_mounted => Go(Self::Reject(one.clone())),
            (Self::Revert(one), Ok(())) => Go(Self::BackMount(one.clone())),
            (Self::BackMount(one), Ok(())) => Go(Self::Reject(one.clone())),
            (Self::Revert(one) | Self::BackMount(one), Err(why)) => {
                let first = one.bad.as_deref().unwrap_or("it was stopped");
                Badly(format!(
                    "{first}; then what was there did not come back: {why}"
                ))
            }
        }
    }
}

/// How a run over the layers counts: as done, or why not.
pub(crate) fn counts(end: &StackEnd, layers: &[&str]) -> Result<(), String> {
    let names = |exits: &[usize]| {
        let names = exits.iter().filter_map(|exit| layers.get(*exit).copied());
        names.collect::<Vec<_>>().join(", ")
    };
    match end {
        StackEnd::Done => Ok(()),
        StackEnd::DoneWithFailedExit { exits } => Err(format!("exit failed: {}", names(exits))),
        StackEnd::Failed { layer, why } => {
            Err(format!("{}: {why}", layers.get(*layer).unwrap_or(&"?")))
        }
        StackEnd::Stuck { layer, exits, .. } => {
            let layer = layers.get(*layer).unwrap_or(&"?");
            Err(format!(
                "entry failed: {layer}; exit failed: {}",
                names(exits)
            ))
        }
    }
}

#[cfg(test)]
mod tests;
