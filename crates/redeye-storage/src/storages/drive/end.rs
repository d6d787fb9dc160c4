//! What is kept of a stage, and how an operation ends.

use std::path::Path;

use super::volumes::TAKE;
use super::{
    After, Completeness, Job, JournalError, OperationId, Phase, StackEnd, StackRun, Stage,
    StorageSnapshot, StorageState, Verified, Work, not_kept,
};
use crate::stage::Candidate;

impl Work<'_> {
    /// Keeps what a stage found out, and forgets its run over the layers.
    pub(super) async fn note(
        &mut self,
        end: &Result<(), String>,
        stopped: bool,
    ) -> Result<(), JournalError> {
        match self.operation.stage.clone() {
            Stage::Take => self.keep_snapshot().await?,
            Stage::Try(one) => {
                self.operation.tried = self.operation.said.clone();
                if let (Err(why), false) = (end, stopped) {
                    self.judged(&one, Some(why)).await?;
                }
            }
            Stage::Check(one) if !stopped && self.verifies() => {
                self.judged(&one, end.as_ref().err()).await?;
            }
            Stage::Forget { left } if end.is_ok() => {
                if let Some(id) = left.first() {
                    let journal = &self.inner.journal;
                    journal.forget_snapshot(&self.storage.name, *id).await?;
                    self.operation.say(format!("not kept: {id}"), self.now());
                }
            }
            Stage::Reject(_) => self.operation.tried.clear(),
            _ => {}
        }
        if let (
            Stage::Try(one) | Stage::Check(one) | Stage::Mount(one) | Stage::Proof(one),
            Err(why),
        ) = (&self.operation.stage, end)
        {
            let (id, now) = (one.snapshot, self.now());
            self.operation.reject(id, why, now);
        }
        self.operation.run = None;
        self.write().await
    }

    /// Whether anybody says what is good.
    fn verifies(&self) -> bool {
        let mut layers = self.storage.layers.iter();
        self.storage.verify.is_some()
            || layers.any(|layer| layer.handler.functions.contains_key("verify"))
    }

    async fn judged(&mut self, one: &Candidate, bad: Option<&String>) -> Result<(), JournalError> {
        let journal = &self.inner.journal;
        let found = journal.snapshot(&self.storage.name, one.snapshot).await?;
        if let Some(mut snapshot) = found {
            snapshot.verified = Some(Verified {
                at: self.now(),
                bad: bad.cloned(),
            });
            journal.keep_snapshot(&snapshot, self.worker).await?;
        }
        Ok(())
    }

    /// Writes a snapshot down, unless it was not taken.
    async fn keep_snapshot(&mut self) -> Result<(), JournalError> {
        let taken = match self.operation.ends.last() {
            Some((_, StackEnd::Done | StackEnd::DoneWithFailedExit { .. })) => true,
            Some((_, StackEnd::Failed { .. } | StackEnd::Stuck { .. })) | None => false,
        };
        if !taken {
            return Ok(());
        }
        let run = self.operation.run.as_ref();
        let holds = |name: &str| {
            let layers = run.map(StackRun::layers).unwrap_or_default();
            layers.iter().any(|layer| layer.name == name && layer.holds)
        };
        let steps = &self.operation.steps;
        let of =
            |phase| move |step: &&crate::Step| step.function == "snapshot" && step.phase == phase;
        let instant = steps
            .iter()
            .rev()
            .find(of(Phase::Entry))
            .and_then(|step| step.ended);
        let stopped = steps
            .iter()
            .filter(of(Phase::Entry))
            .find(|step| holds(&step.layer));
        let went_on = steps
            .iter()
            .rev()
            .filter(of(Phase::Exit))
            .find(|step| holds(&step.layer));
        let held = stopped.zip(went_on.and_then(|step| step.ended));
        let snapshot = StorageSnapshot {
            id: self.operation.id,
            storage: self.storage.name.clone(),
            taken: instant.unwrap_or(self.operation.changed),
            held: held.map(|(step, until)| until.since(step.began)),
            state: match self.storage.volumes {
                Some(_) => Completeness::Pending,
                None => Completeness::Complete,
            },
            verified: None,
            copied_by: self.operation.requests.get(TAKE).copied(),
            made: self.operation.said.clone(),
        };
        self.inner
            .journal
            .keep_snapshot(&snapshot, self.worker)
            .await
    }

    /// Waits until all of a snapshot is there, and looks after those that were not
    /// waited for.
    pub(super) async fn complete(
        &mut self,
        stopped: Option<String>,
    ) -> Result<Result<(), String>, JournalError> {
        let mut own = Ok(());
        for mut snapshot in self.inner.journal.snapshots(&self.storage.name).await? {
            let (Completeness::Pending, Some(id), Some(cloud)) =
                (&snapshot.state, snapshot.copied_by, &self.inner.cloud)
            else {
                continue;
            };
            let is_own = snapshot.id == self.operation.id;
            if let (true, Some(why)) = (is_own, &stopped) {
                own = Err(format!("{why}; the copies go on"));
                continue;
            }
            let wait = match is_own {
                true => self.operation.deadline.since(self.now()).as_duration(),
                false => std::time::Duration::ZERO,
            };
            let copied = tokio::select! {
                copied = cloud.wait(id, wait, |_| {}) => copied,
                by = self.inner.journal.until_cancelled(self.operation.id) => {
                    own = Err(format!("{} stopped it; the copies go on", by?));
                    continue;
                }
            };
            let copied = copied.map(|operation| operation.state);
            use redeye_cloud::OperationState as Cloud;
            snapshot.state = match copied {
                Ok(Cloud::Done { .. }) => Completeness::Complete,
                Ok(Cloud::Failed { error }) => Completeness::Broken(error.to_string()),
                Ok(Cloud::Cancelled { why } | Cloud::Stuck { why } | Cloud::Resolved { why }) => {
                    Completeness::Broken(why)
                }
                Ok(Cloud::Accepted | Cloud::Sending | Cloud::Running { .. }) => {
                    if is_own {
                        own = Err("the deadline passed; the copies go on".into());
                    }
                    continue;
                }
                Err(error) => Completeness::Broken(crate::chain(&error)),
            };
            if let (true, Completeness::Broken(why)) = (is_own, &snapshot.state) {
                own = Err(why.clone());
            }
            self.inner
                .journal
                .keep_snapshot(&snapshot, self.worker)
                .await?;
        }
        Ok(own)
    }

    /// After a snapshot those go that are not kept; a snapshot that was taken is
    /// completed also where something could not be let go.
    pub(super) async fn retained(&mut self, next: After) -> Result<After, JournalError> {
        match (&self.operation.stage, next) {
            (Stage::Take, After::Badly(_))
                if matches!(
                    self.operation.ends.last(),
                    Some((_, StackEnd::DoneWithFailedExit { .. }))
                ) =>
            {
                Ok(After::Go(Stage::Complete))
            }
            (Stage::Complete, After::Well) if self.stuck().is_none() => {
                let all = self.inner.journal.snapshots(&self.storage.name).await?;
                let left: Vec<OperationId> = not_kept(&all, &self.storage.keep, self.now());
                Ok(match left.is_empty() {
                    true => After::Well,
                    false => After::Go(Stage::Forget { left }),
                })
            }
            (_, next) => Ok(next),
        }
    }

    /// Whether something could not be let go, and whether it stops all writing.
    fn stuck(&self) -> Option<bool> {
        let names: Vec<bool> = super::stack(&super::levels(self.storage, "snapshot"), "snapshot")
            .iter()
            .map(|layer| layer.holds)
            .collect();
        let ends = self.operation.ends.iter();
        ends.filter_map(|(function, end)| match end {
            StackEnd::Stuck { held, .. } => Some(*held),
            StackEnd::DoneWithFailedExit { exits } if function == "snapshot" => {
                Some(exits.iter().any(|exit| names.get(*exit) == Some(&true)))
            }
            _ => None,
        })
        .reduce(|one, other| one || other)
    }

    pub(super) async fn well(&mut self) -> Result<(), JournalError> {
        if let Some(held) = self.stuck() {
            let why = self.unfinished("the snapshot is taken, and", held);
            return self
                .over(
                    StorageState::Stuck {
                        why: why.clone(),
                        held,
                    },
                    why,
                )
                .await;
        }
        let note = match (&self.operation.job, &self.operation.stage) {
            (Job::Snapshot, _) => format!("snapshot {}", self.operation.id),
            (Job::Restore { .. }, Stage::Proof(one)) => {
                format!("restored {}; what was there is put aside", one.snapshot)
            }
            (Job::Verify { snapshot: Some(id) }, _) => format!("{id} is good"),
            (Job::Verify { .. }, _) => "it is good".to_owned(),
            (job, _) => format!("{} is done", job.name()),
        };
        self.over(StorageState::Done { note: note.clone() }, note)
            .await
    }

    fn unfinished(&self, before: &str, held: bool) -> String {
        let name = &self.storage.name;
        match held {
            true => format!(
                "{before} the volume may be frozen: `redeye-cloud storage thaw {name}` lets it go"
            ),
            false => format!("{before} an exit failed"),
        }
    }

    pub(super) async fn badly(
        &mut self,
        why: String,
        stopped: Option<String>,
    ) -> Result<(), JournalError> {
        if let Some(held) = self.stuck() {
            let why = self.unfinished(&format!("{why}:"), held);
            return self
                .over(
                    StorageState::Stuck {
                        why: why.clone(),
                        held,
                    },
                    why,
                )
                .await;
        }
        let state = match (&self.operation.stage, stopped) {
            (Stage::Revert(_) | Stage::BackMount(_), _) => StorageState::Stuck {
                why: why.clone(),
                held: false,
            },
            (_, Some(by)) if why.contains(&by) && by != "the deadline passed" => {
                StorageState::Cancelled { why: why.clone() }
            }
            _ => StorageState::Failed { why: why.clone() },
        };
        self.over(state, why).await
    }

    /// Writes the end down. What a stuck one left is kept for whoever looks.
    pub(super) async fn over(
        &mut self,
        state: StorageState,
        text: String,
    ) -> Result<(), JournalError> {
        if let StorageState::Stuck { .. } = state {
            let journal = &self.inner.journal;
            journal.close(&self.storage.name, self.operation.id).await?;
        } else {
            let id = self.operation.id.to_string();
            for sort in ["run", "aside"] {
                tidy(&self.inner.folder.join(sort).join(&id));
            }
        }
        self.operation.turn(state, text, self.now());
        self.write().await
    }
}

/// Removes files of ours and empty folders, at most two deep. Never more: something may
/// still be mounted there.
fn tidy(folder: &Path) {
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten();
    for layer in entries(folder) {
        for entry in entries(&layer.path()) {
            // What cannot be removed stays; it is a few bytes, or a mount.
            let _ = match entry.file_type().is_ok_and(|sort| sort.is_dir()) {
                true => std::fs::remove_dir(entry.path()),
                false if folder.parent().is_some_and(|above| above.ends_with("run")) => {
                    std::fs::remove_file(entry.path())
                }
                false => Ok(()),
            };
        }
        let _ = std::fs::remove_dir(layer.path());
    }
    let _ = std::fs::remove_dir(folder);
}
