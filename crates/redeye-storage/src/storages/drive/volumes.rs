//! What the volumes of a megavisor do in each function.

use redeye_cloud::{Action, Id, JournalError, OperationId, Phase};

use super::{Went, Work};
use crate::call::Said;
use crate::definition::VOLUMES;
use crate::journal::Current;
use crate::volumes::{Work as InCloud, scope};

/// Under this name the request that takes the snapshots is kept.
pub(super) const TAKE: &str = "snapshot";

impl Work<'_> {
    /// The id of a request: made once and written down before it is used.
    async fn request(&mut self, what: &str) -> Result<OperationId, JournalError> {
        if let Some(id) = self.operation.requests.get(what) {
            return Ok(*id);
        }
        let id = OperationId::random(self.now());
        self.operation.requests.insert(what.to_owned(), id);
        self.write().await?;
        Ok(id)
    }

    /// The volumes that the storage is made of now.
    async fn current(&self) -> Result<Vec<Id>, JournalError> {
        let current = self.inner.journal.current(&self.storage.name).await?;
        let first = self.storage.volumes.as_ref();
        let first = first.map_or_else(Vec::new, |volumes| volumes.ids.clone());
        Ok(current.map_or(first, |current| current.volumes))
    }

    pub(super) async fn volumes(&mut self, phase: Phase) -> Went {
        let (inner, storage) = (self.inner, self.storage);
        let (Some(cloud), Some(volumes)) = (&inner.cloud, &storage.volumes) else {
            return Ok(Err("there is no cloud that could have volumes".into()));
        };
        let scope = match scope(Some(cloud), volumes) {
            Ok(scope) => scope,
            Err(why) => return Ok(Err(why)),
        };
        let cloud = InCloud {
            cloud,
            storage,
            scope,
            ids: self.current().await?,
            operation: self.operation.id,
            deadline: self.operation.deadline,
        };
        let function = self.operation.stage.function().unwrap_or_default();
        match (function, phase) {
            ("snapshot", Phase::Entry) => {
                let id = self.request(TAKE).await?;
                Ok(cloud.take(id).await)
            }
            ("snapshot", Phase::Undo) => self.untake(&cloud).await,
            ("forget", Phase::Entry) => {
                let made = self
                    .snapshot()
                    .await?
                    .and_then(|mut one| one.made.remove(VOLUMES));
                let ids = made.map(|made| made.ids).unwrap_or_default();
                self.delete_snapshots(&cloud, ids.iter().filter_map(|id| Id::new(id).ok()))
                    .await
            }
            ("restore", Phase::Exit) => self.bring(&cloud).await,
            ("discard", Phase::Entry) => self.discard(&cloud).await,
            ("adopt", Phase::Exit) => self.adopt(&cloud).await,
            ("revert", Phase::Exit) => self.revert(&cloud).await,
            ("mount" | "configure" | "resize", Phase::Exit) => {
                Ok(cloud.devices(&cloud.ids).await.map(|devices| Said {
                    devices,
                    ..Said::default()
                }))
            }
            _ => Ok(Ok(Said::default())),
        }
    }

    async fn untake(&mut self, cloud: &InCloud<'_>) -> Went {
        let Some(id) = self.operation.requests.get(TAKE).copied() else {
            return Ok(Ok(Said::default()));
        };
        let made = cloud.made_by(id).await;
        self.delete_snapshots(cloud, made.into_iter()).await
    }

    async fn delete_snapshots(
        &mut self,
        cloud: &InCloud<'_>,
        ids: impl Iterator<Item = Id>,
    ) -> Went {
        let mut bad = Vec::new();
        for id in ids {
            let request = self.request(&format!("delete {id}")).await?;
            let deleted = cloud.delete(request, Action::DeleteSnapshot { id }).await;
            bad.extend(deleted.err());
        }
        Ok(match bad.is_empty() {
            true => Ok(Said::default()),
            false => Err(bad.join("; ")),
        })
    }

    /// New volumes of the snapshots, beside those that are used.
    async fn bring(&mut self, cloud: &InCloud<'_>) -> Went {
        let snapshot = self.snapshot().await?;
        let made = snapshot.as_ref().and_then(|one| one.made.get(VOLUMES));
        let Some((snapshot, made)) = snapshot.as_ref().zip(made) else {
            return Ok(Err("the snapshot has none of its volumes".into()));
        };
        let likes = match cloud.volumes(&cloud.ids).await {
            Ok(likes) if likes.len() == made.ids.len() => likes,
            Ok(likes) => {
                let why = format!("{} snapshots for {} volumes", made.ids.len(), likes.len());
                return Ok(Err(why));
            }
            Err(why) => return Ok(Err(why)),
        };
        let mut ids: Vec<Id> = Vec::new();
        for (number, (of, like)) in made.ids.iter().zip(&likes).enumerate() {
            let create = self
                .request(&format!("create {} {number}", snapshot.id))
                .await?;
            let attach = self
                .request(&format!("attach {} {number}", snapshot.id))
                .await?;
            let of = match Id::new(of) {
                Ok(of) => of,
                Err(why) => return Ok(Err(why.to_string())),
            };
            let volume = match cloud.volume_of(create, &of, like).await {
                Ok(volume) => volume,
                Err(why) => return Ok(Err(why)),
            };
            if let Err(why) = cloud.attach(attach, &volume, like).await {
                return Ok(Err(why));
            }
            ids.push(volume);
        }
        let devices = match cloud.devices(&ids).await {
            Ok(devices) => devices,
            Err(why) => return Ok(Err(why)),
        };
        Ok(Ok(Said {
            ids: ids.iter().map(ToString::to_string).collect(),
            devices,
            ..Said::default()
        }))
    }

    /// The volumes that were made of the snapshot that is tried.
    async fn candidates(&self, cloud: &InCloud<'_>) -> Vec<Id> {
        let Some(snapshot) = self.operation.stage.snapshot() else {
            return Vec::new();
        };
        let prefix = format!("create {snapshot} ");
        let mut ids = Vec::new();
        let requests = self.operation.requests.iter();
        for (_, id) in requests.filter(|(what, _)| what.starts_with(&prefix)) {
            if let Ok(operation) = cloud.cloud.operation(*id).await {
                ids.extend(operation.outcome().map(|outcome| outcome.ids.clone()));
            }
        }
        ids.concat()
    }

    async fn discard(&mut self, cloud: &InCloud<'_>) -> Went {
        let mut bad = Vec::new();
        for id in self.candidates(cloud).await {
            if cloud.ids.contains(&id) {
                // It is in use: whoever wants it gone has to look.
                bad.push(format!("{id} is what the storage is made of"));
                continue;
            }
            let detach = self.request(&format!("detach {id}")).await?;
            let delete = self.request(&format!("drop {id}")).await?;
            bad.extend(cloud.drop_volume(detach, delete, &id).await.err());
        }
        Ok(match bad.is_empty() {
            true => Ok(Said::default()),
            false => Err(bad.join("; ")),
        })
    }

    async fn adopt(&mut self, cloud: &InCloud<'_>) -> Went {
        let volumes = self.candidates(cloud).await;
        if volumes.len() != cloud.ids.len() {
            return Ok(Err("not all of the new volumes are known".into()));
        }
        if volumes != cloud.ids {
            let current = Current {
                volumes,
                before: cloud.ids.clone(),
                by: self.operation.id,
            };
            let journal = &self.inner.journal;
            journal.set_current(&self.storage.name, &current).await?;
        }
        Ok(Ok(Said::default()))
    }

    async fn revert(&mut self, cloud: &InCloud<'_>) -> Went {
        let journal = &self.inner.journal;
        if let Some(current) = journal.current(&self.storage.name).await?
            && current.by == self.operation.id
            && current.volumes == cloud.ids
            && current.volumes != current.before
        {
            let back = Current {
                volumes: current.before.clone(),
                ..current
            };
            journal.set_current(&self.storage.name, &back).await?;
        }
        Ok(Ok(Said::default()))
    }
}
