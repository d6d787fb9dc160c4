use std::collections::BTreeSet;

use aws_sdk_ec2::types as ec2;
use redeye_cloud::{
    Action, Begun, Class, CloudError, Handle, Id, Kind, Name, Outcome, Progress, Recovered,
    Request, Tags,
};

use super::{Under, made, marked, missing, sent, tag_specification};
use crate::convert::id;
use crate::look::{none_if_missing, read};
use crate::megavisor::Ec2Megavisor;
use crate::refusal::{Access, refusal};

impl Ec2Megavisor {
    /// Of one instance's volumes at one instant; of others one after the other.
    pub(super) async fn create_snapshots(
        &self,
        request: &Request,
        volumes: &[Id],
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        if let [volume] = volumes {
            let id = self.shoot(request, volume, doing, dry).await?;
            return Ok(self.begun([id]));
        }
        if let Some(instance) = self.instance_of_all(volumes, doing).await? {
            let ids = self
                .shoot_together(request, &instance, volumes, doing, dry)
                .await?;
            return Ok(self.begun(ids));
        }
        let mut ids = Vec::new();
        let mut under = self.since_now();
        for volume in volumes {
            match self.shoot(request, volume, doing, dry).await {
                Ok(id) => ids.push(id),
                // What is made must not be forgotten.
                Err(error) if !ids.is_empty() => {
                    under.missing = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Begun::Running(self.handle(ids, &under)))
    }

    async fn shoot(
        &self,
        request: &Request,
        volume: &Id,
        doing: &str,
        dry: bool,
    ) -> Result<Id, CloudError> {
        let (description, tags) = described(request);
        let call = self
            .clients()
            .await
            .ec2
            .create_snapshot()
            .volume_id(volume.as_str())
            .set_description(description)
            .tag_specifications(tag_specification(ec2::ResourceType::Snapshot, &tags))
            .set_dry_run(dry.then_some(true));
        let answer = sent!(call, doing)?;
        made(answer.snapshot_id(), doing)
    }

    /// The instance on which all of the volumes hang, if there is one.
    async fn instance_of_all(
        &self,
        volumes: &[Id],
        doing: &str,
    ) -> Result<Option<ec2::Instance>, CloudError> {
        let mut on = BTreeSet::new();
        for volume in volumes {
            let found = self.volume(volume, doing).await?;
            let found = found.ok_or_else(|| missing(doing, Kind::Volume, volume))?;
            on.insert(id(found
                .attachments()
                .first()
                .and_then(|one| one.instance_id())));
        }
        match on.into_iter().collect::<Vec<_>>().as_slice() {
            [Some(instance)] => self.instance(instance, doing).await,
            _ => Ok(None),
        }
    }

    async fn shoot_together(
        &self,
        request: &Request,
        instance: &ec2::Instance,
        volumes: &[Id],
        doing: &str,
        dry: bool,
    ) -> Result<Vec<Id>, CloudError> {
        let root = instance.root_device_name();
        let mut without_root = false;
        let mut others = Vec::new();
        for disk in instance.block_device_mappings() {
            let Some(volume) = disk.ebs().and_then(|ebs| ebs.volume_id()) else {
                continue;
            };
            if volumes.iter().any(|wanted| wanted.as_str() == volume) {
                continue;
            }
            match disk.device_name() == root {
                true => without_root = true,
                false => others.push(volume.to_owned()),
            }
        }
        let of = ec2::InstanceSpecification::builder()
            .set_instance_id(instance.instance_id().map(str::to_owned))
            .set_exclude_boot_volume(without_root.then_some(true))
            .set_exclude_data_volume_ids((!others.is_empty()).then_some(others))
            .build();
        let (description, tags) = described(request);
        let call = self
            .clients()
            .await
            .ec2
            .create_snapshots()
            .instance_specification(of)
            .set_description(description)
            .tag_specifications(tag_specification(ec2::ResourceType::Snapshot, &tags))
            .set_dry_run(dry.then_some(true));
        let answer = sent!(call, doing)?;
        let all = answer.snapshots().iter();
        all.map(|one| made(one.snapshot_id(), doing)).collect()
    }

    pub(super) async fn copy_snapshot(
        &self,
        request: &Request,
        (id, from): (&Id, &Name),
        tags: &Tags,
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        let tags = marked(request, None, tags);
        let call = self
            .clients()
            .await
            .ec2
            .copy_snapshot()
            .source_region(from.as_str())
            .source_snapshot_id(id.as_str())
            .tag_specifications(tag_specification(ec2::ResourceType::Snapshot, &tags))
            .set_dry_run(dry.then_some(true));
        let answer = sent!(call, doing)?;
        Ok(self.begun([made(answer.snapshot_id(), doing)?]))
    }

    pub(super) async fn delete_snapshot(
        &self,
        id: &Id,
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        let call = self
            .clients()
            .await
            .ec2
            .delete_snapshot()
            .snapshot_id(id.as_str())
            .set_dry_run(dry.then_some(true));
        sent!(call, doing)?;
        Ok(Begun::Done(Outcome::changed([id.clone()])))
    }

    pub(super) async fn follow_snapshots(
        &self,
        handle: &Handle,
        under: &Under,
        doing: &str,
    ) -> Result<Progress, CloudError> {
        use ec2::SnapshotState as State;
        let ec2 = &self.clients().await.ec2;
        let mut least = 100;
        let mut ready = true;
        for id in &handle.ids {
            let asked = ec2.describe_snapshots().snapshot_ids(id.as_str());
            let answer = none_if_missing(read!(asked, doing))?;
            let all = answer.and_then(|answer| answer.snapshots);
            let Some(found) = all.unwrap_or_default().into_iter().next() else {
                if !self.is_fresh(under) {
                    return Ok(Progress::Failed(missing(doing, Kind::Snapshot, id)));
                }
                ready = false;
                continue;
            };
            match found.state() {
                Some(State::Completed) => {}
                Some(State::Error) => {
                    let why = found.state_message().unwrap_or("no reason given");
                    let message = format!("{id}: {why}");
                    return Ok(Progress::Failed(CloudError::new(
                        Class::Failed,
                        doing,
                        message,
                    )));
                }
                _ => {
                    ready = false;
                    let percent = found.progress().unwrap_or("0").trim_end_matches('%');
                    least = least.min(percent.parse().unwrap_or(0));
                }
            }
        }
        if !ready {
            return Ok(Progress::Running {
                handle: handle.clone(),
                note: Some("copying".into()),
                percent: Some(least),
            });
        }
        let Some(error) = under.missing.clone() else {
            return Ok(Progress::Done(Outcome::changed(handle.ids.clone())));
        };
        let ids: Vec<&str> = handle.ids.iter().map(Id::as_str).collect();
        let message = format!("made are only {}: {}", ids.join(", "), error.message);
        Ok(Progress::Failed(CloudError { message, ..error }))
    }

    pub(super) async fn recover_snapshots(
        &self,
        request: &Request,
        volumes: &[Id],
        doing: &str,
    ) -> Result<Recovered, CloudError> {
        let found = self
            .wait_made(request, Kind::Snapshot, volumes.len(), doing)
            .await?;
        let ids: Vec<Id> = found.iter().map(|one| one.id().clone()).collect();
        if ids.is_empty() {
            return Ok(Recovered::SendAgain);
        }
        let mut under = self.since_now();
        if ids.len() < volumes.len() {
            let message = format!("it broke off after {} of {}", ids.len(), volumes.len());
            under.missing = Some(CloudError::new(Class::Failed, doing, message));
        }
        Ok(Recovered::Adopt(Begun::Running(self.handle(ids, &under))))
    }
}

fn described(request: &Request) -> (Option<String>, Tags) {
    match &request.action {
        Action::CreateSnapshots {
            description, tags, ..
        } => (description.clone(), marked(request, None, tags)),
        _ => (None, marked(request, None, &Tags::new())),
    }
}
