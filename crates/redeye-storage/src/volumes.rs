//! The volumes of a megavisor as the lowest layer: every write is an operation of the
//! cloud's own journal, found again after a crash by the id that we wrote down first.

use std::time::Duration;

use redeye_cloud::{
    Action, Cloud, Id, Kind, Mode, NewVolume, Operation, OperationId, OperationState, Request,
    Resource, Scope, Tags, Volume,
};
use rem_time::Timestamp;

use crate::call::Said;
use crate::definition::{Hold, Storage, Volumes};

/// How often it is looked whether a cloud has accepted something.
const LOOK: Duration = Duration::from_millis(10);
/// How long a request that is stopped may take to end: writing is stopped meanwhile.
const UNTAKE: Duration = Duration::from_secs(20);
/// The longest that one wait for a cloud takes before it is looked at again.
const WAIT: Duration = Duration::from_secs(3600);

/// What is done in a cloud for one operation on a storage.
pub(crate) struct Work<'a> {
    pub(crate) cloud: &'a Cloud,
    pub(crate) storage: &'a Storage,
    pub(crate) scope: Scope,
    /// The volumes that the storage is made of now.
    pub(crate) ids: Vec<Id>,
    pub(crate) operation: OperationId,
    pub(crate) deadline: Timestamp,
}

/// Where the volumes of a storage are.
pub(crate) fn scope(cloud: Option<&Cloud>, volumes: &Volumes) -> Result<Scope, String> {
    let cloud = cloud.ok_or("there is no cloud that could have volumes")?;
    let mut found: Vec<Scope> = cloud.scopes();
    found.retain(|scope| {
        let region = volumes.region.as_ref();
        scope.megavisor == volumes.megavisor && region.is_none_or(|region| scope.region == *region)
    });
    match &found[..] {
        [scope] => Ok(scope.clone()),
        [] => Err(format!("there is no megavisor {}", volumes.megavisor)),
        _ => Err(format!(
            "{} has several regions: write region: beside it",
            volumes.megavisor
        )),
    }
}

impl Work<'_> {
    fn tags(&self) -> Tags {
        [
            ("rem:storage".to_owned(), self.storage.name.to_string()),
            ("rem:storage-op".to_owned(), self.operation.to_string()),
        ]
        .into()
    }

    /// What takes the snapshots of all volumes at one instant.
    pub(crate) fn snapshots(&self) -> Action {
        Action::CreateSnapshots {
            volumes: self.ids.clone(),
            description: Some(format!("storage {}", self.storage.name)),
            tags: self.tags(),
        }
    }

    pub(crate) fn request(&self, id: OperationId, action: Action) -> Request {
        Request {
            id,
            scope: self.scope.clone(),
            action,
            deadline: self.deadline,
        }
    }

    /// Begins something, unless it was begun before.
    async fn begin(&self, id: OperationId, action: Action) -> Result<(), String> {
        if self.cloud.operation(id).await.is_ok() {
            return Ok(());
        }
        let by = format!("storage {}", self.storage.name);
        let begun = self.cloud.begin(self.request(id, action), &by).await;
        begun.map(|_| ()).map_err(|error| crate::chain(&error))
    }

    /// Waits until it is over, and tells what it made.
    async fn end(&self, id: OperationId) -> Result<Vec<Id>, String> {
        loop {
            let ended = self.cloud.wait(id, WAIT, |_| {}).await;
            let ended = ended.map_err(|error| crate::chain(&error))?;
            if ended.state.is_over() {
                return made(&ended);
            }
        }
    }

    async fn run(&self, id: OperationId, action: Action) -> Result<Vec<Id>, String> {
        self.begin(id, action).await?;
        self.end(id).await
    }

    /// Takes the snapshots; returns as soon as writing may go on.
    pub(crate) async fn take(&self, id: OperationId) -> Result<Said, String> {
        self.begin(id, self.snapshots()).await?;
        let ids = match self.storage.hold {
            Hold::Completed => self.end(id).await?,
            Hold::Accepted => loop {
                let now = self.cloud.operation(id).await;
                let now = now.map_err(|error| crate::chain(&error))?;
                match &now.state {
                    OperationState::Running { handle, .. } if !handle.ids.is_empty() => {
                        break handle.ids.clone();
                    }
                    state if state.is_over() => break made(&now)?,
                    _ => tokio::time::sleep(LOOK).await,
                }
            },
        };
        if ids.len() != self.ids.len() {
            return Err(format!(
                "{} volumes have {} snapshots",
                self.ids.len(),
                ids.len()
            ));
        }
        let ids = ids.iter().map(ToString::to_string).collect();
        Ok(Said {
            ids,
            ..Said::default()
        })
    }

    /// What an operation has made so far, however it went; waits for it if it is under
    /// way, so that nothing appears later that nobody knows of.
    pub(crate) async fn made_by(&self, id: OperationId) -> Vec<Id> {
        // One that was never begun made nothing; cancelling one that is over is no use.
        let _ = self.cloud.cancel(id, "the storage's operation").await;
        let Ok(ended) = self.cloud.wait(id, UNTAKE, |_| {}).await else {
            return Vec::new();
        };
        let mut ids = made(&ended).unwrap_or_default();
        // One that was cut off on its way says it by its tags only.
        if let Ok(listing) = self.list(Kind::Snapshot).await {
            let own = self.operation.to_string();
            let tagged = listing.iter().filter(|item| {
                let tags = item.tags();
                tags.is_some_and(|tags| tags.get("rem:storage-op") == Some(&own))
            });
            for item in tagged {
                if !ids.contains(item.id()) {
                    ids.push(item.id().clone());
                }
            }
        }
        ids
    }

    /// Deletes something; what is gone already is fine.
    pub(crate) async fn delete(&self, id: OperationId, action: Action) -> Result<(), String> {
        self.begin(id, action).await?;
        let ended = self.cloud.wait(id, WAIT, |_| {}).await;
        let ended = ended.map_err(|error| crate::chain(&error))?;
        match &ended.state {
            OperationState::Failed { error } if error.class == redeye_cloud::Class::NotFound => {
                Ok(())
            }
            _ => made(&ended).map(|_| ()),
        }
    }

    async fn list(&self, kind: Kind) -> Result<Vec<Resource>, String> {
        let listing = self.cloud.list(&self.scope, kind, Mode::StrictFresh).await;
        let listing = listing.map_err(|error| error.to_string())?;
        match listing.is_proof() {
            true => Ok(listing.items),
            false => Err(format!("not all of the {kind}s could be listed")),
        }
    }

    /// Volumes as they are now, in this order.
    pub(crate) async fn volumes(&self, ids: &[Id]) -> Result<Vec<Volume>, String> {
        let all = self.list(Kind::Volume).await?;
        let find = |id: &Id| {
            let found = all.iter().find_map(|item| match item {
                Resource::Volume(volume) if volume.id == *id => Some(volume.clone()),
                _ => None,
            });
            found.ok_or_else(|| format!("there is no volume {id}"))
        };
        ids.iter().map(find).collect()
    }

    /// As which devices volumes hang on their machine; none if they hang nowhere.
    pub(crate) async fn devices(&self, ids: &[Id]) -> Result<Vec<String>, String> {
        let volumes = self.volumes(ids).await?;
        if volumes.iter().all(|volume| volume.attached.is_empty()) {
            return Ok(Vec::new());
        }
        let device = |volume: &Volume| {
            let attached = volume.attached.first();
            let device = attached.and_then(|attached| attached.device.clone());
            device.ok_or_else(|| format!("{} hangs on no machine", volume.id))
        };
        volumes.iter().map(device).collect()
    }

    /// A volume with the content of a snapshot, like the one that it may replace.
    pub(crate) async fn volume_of(
        &self,
        id: OperationId,
        snapshot: &Id,
        like: &Volume,
    ) -> Result<Id, String> {
        let wanted = NewVolume {
            name: like.name.clone(),
            bytes: Some(like.bytes),
            zone: like.zone.clone(),
            snapshot: Some(snapshot.clone()),
            sort: like.sort.clone(),
            tags: self.tags(),
        };
        let made = self.run(id, Action::CreateVolume(wanted)).await?;
        let first = made.into_iter().next();
        first.ok_or_else(|| format!("nothing was made of {snapshot}"))
    }

    /// Hangs a volume where another one hangs.
    pub(crate) async fn attach(
        &self,
        id: OperationId,
        volume: &Id,
        like: &Volume,
    ) -> Result<(), String> {
        let Some(attached) = like.attached.first() else {
            return Ok(());
        };
        let action = Action::AttachVolume {
            id: volume.clone(),
            instance: attached.instance.clone(),
            device: None,
        };
        self.run(id, action).await.map(|_| ())
    }

    /// Takes a volume off and deletes it.
    pub(crate) async fn drop_volume(
        &self,
        detach: OperationId,
        delete: OperationId,
        volume: &Id,
    ) -> Result<(), String> {
        let all = self.list(Kind::Volume).await?;
        let found = all.iter().find_map(|item| match item {
            Resource::Volume(one) if one.id == *volume => Some(one),
            _ => None,
        });
        let Some(found) = found else {
            return Ok(());
        };
        if !found.attached.is_empty() {
            let action = Action::DetachVolume {
                id: volume.clone(),
                instance: None,
                force: false,
            };
            self.run(detach, action).await?;
        }
        let action = Action::DeleteVolume { id: volume.clone() };
        self.delete(delete, action).await
    }
}

fn made(operation: &Operation) -> Result<Vec<Id>, String> {
    let verb = operation.request.action.verb();
    match &operation.state {
        OperationState::Done { outcome } => Ok(outcome.ids.clone()),
        OperationState::Failed { error } => Err(error.to_string()),
        OperationState::Cancelled { why }
        | OperationState::Stuck { why }
        | OperationState::Resolved { why } => Err(format!(
            "{verb} is {}: {why} (operation {})",
            operation.state.name(),
            operation.request.id
        )),
        OperationState::Accepted | OperationState::Sending | OperationState::Running { .. } => {
            Err(format!("{verb} is still under way"))
        }
    }
}
