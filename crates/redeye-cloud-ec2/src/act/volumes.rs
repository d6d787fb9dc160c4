use aws_sdk_ec2::types as ec2;
use redeye_cloud::{
    Action, Begun, Class, CloudError, Handle, Id, Kind, NewVolume, Outcome, Progress, Request,
};

use super::{Under, invalid, made, marked, missing, sent, tag_specification};
use crate::look::read;
use crate::megavisor::Ec2Megavisor;
use crate::refusal::{Access, refusal};

const GIB: u64 = 1 << 30;

/// Whole gibibytes, upwards.
fn gib(bytes: u64, doing: &str) -> Result<i32, CloudError> {
    i32::try_from(bytes.div_ceil(GIB)).map_err(|_| invalid(doing, "EC2 has no such large volume"))
}

/// The first device that is free; EC2 recommends `/dev/sdf` to `/dev/sdp` for data.
fn free_device(instance: &ec2::Instance) -> Option<String> {
    let taken = instance.block_device_mappings().iter();
    let taken: Vec<char> = taken
        .filter_map(|one| one.device_name()?.chars().last())
        .collect();
    let letter = ('f'..='p').find(|letter| !taken.contains(letter))?;
    Some(format!("/dev/sd{letter}"))
}

/// How a volume hangs on an instance.
fn hung<'v>(volume: &'v ec2::Volume, instance: &Id) -> Option<&'v ec2::VolumeAttachment> {
    let mut all = volume.attachments().iter();
    all.find(|one| one.instance_id() == Some(instance.as_str()))
}

impl Ec2Megavisor {
    pub(super) async fn create_volume(
        &self,
        request: &Request,
        wanted: &NewVolume,
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        if wanted.bytes.is_none() && wanted.snapshot.is_none() {
            return Err(invalid(doing, "a volume needs a size or a snapshot"));
        }
        let zone = match &wanted.zone {
            Some(zone) => zone.as_str().to_owned(),
            None => self.first_zone(doing).await?,
        };
        let size = wanted.bytes.map(|bytes| gib(bytes, doing)).transpose()?;
        let tags = marked(request, wanted.name.as_deref(), &wanted.tags);
        let snapshot = wanted.snapshot.as_ref();
        let call = self
            .clients()
            .await
            .ec2
            .create_volume()
            .client_token(request.id.to_string())
            .availability_zone(zone)
            .set_size(size)
            .set_snapshot_id(snapshot.map(|id| id.as_str().to_owned()))
            .set_volume_type(wanted.sort.as_deref().map(Into::into))
            .tag_specifications(tag_specification(ec2::ResourceType::Volume, &tags))
            .set_dry_run(dry.then_some(true));
        let answer = sent!(call, doing)?;
        Ok(self.begun([made(answer.volume_id(), doing)?]))
    }

    /// EC2 wants to know a zone for every volume: the first that is open.
    pub(crate) async fn first_zone(&self, doing: &str) -> Result<String, CloudError> {
        let ec2 = &self.clients().await.ec2;
        let answer = read!(ec2.describe_availability_zones(), doing)?;
        let open = answer.availability_zones().iter();
        let open = open.filter(|zone| zone.state() == Some(&ec2::AvailabilityZoneState::Available));
        let first = open.filter_map(ec2::AvailabilityZone::zone_name).min();
        let none = || CloudError::new(Class::NoCapacity, doing, "the region has no open zone");
        first.map(str::to_owned).ok_or_else(none)
    }

    pub(super) async fn attach(
        &self,
        id: &Id,
        instance: &Id,
        device: Option<&str>,
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        use ec2::VolumeAttachmentState as State;
        let volume = self.volume(id, doing).await?;
        let volume = volume.ok_or_else(|| missing(doing, Kind::Volume, id))?;
        match hung(&volume, instance).and_then(|one| one.state()) {
            Some(State::Attached | State::Busy) => {
                return Ok(Begun::Done(Outcome::unchanged([id.clone()])));
            }
            Some(State::Attaching) => return Ok(self.begun([id.clone()])),
            _ => {}
        }
        let device = match device {
            Some(device) => device.to_owned(),
            None => {
                let there = self.instance(instance, doing).await?;
                let there = there.ok_or_else(|| missing(doing, Kind::Instance, instance))?;
                free_device(&there).ok_or_else(|| {
                    CloudError::new(Class::Conflict, doing, "no device is free from sdf to sdp")
                })?
            }
        };
        let call = self
            .clients()
            .await
            .ec2
            .attach_volume()
            .volume_id(id.as_str())
            .instance_id(instance.as_str())
            .device(device)
            .set_dry_run(dry.then_some(true));
        let answer = sent!(call, doing);
        if let Err(error) = &answer
            && error.code.as_deref() == Some("VolumeInUse")
        {
            // An earlier attempt of which nobody heard the end may be the reason.
            let again = self.volume(id, doing).await?;
            if again
                .as_ref()
                .is_some_and(|one| hung(one, instance).is_some())
            {
                return Ok(self.begun([id.clone()]));
            }
        }
        answer?;
        Ok(self.begun([id.clone()]))
    }

    pub(super) async fn detach(
        &self,
        id: &Id,
        instance: Option<&Id>,
        force: bool,
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        let volume = self.volume(id, doing).await?;
        let volume = volume.ok_or_else(|| missing(doing, Kind::Volume, id))?;
        let on = volume.attachments();
        let of = match (instance, on) {
            (Some(instance), _) => hung(&volume, instance),
            (None, [] | [_]) => on.first(),
            (None, _) => {
                let message = format!("{id} hangs on several instances: say off which");
                return Err(invalid(doing, message));
            }
        };
        let Some(of) = of else {
            return Ok(Begun::Done(Outcome::unchanged([id.clone()])));
        };
        if of.state() == Some(&ec2::VolumeAttachmentState::Detaching) && !force {
            return Ok(self.begun([id.clone()]));
        }
        let call = self
            .clients()
            .await
            .ec2
            .detach_volume()
            .volume_id(id.as_str())
            .set_instance_id(of.instance_id().map(str::to_owned))
            .set_force(force.then_some(true))
            .set_dry_run(dry.then_some(true));
        sent!(call, doing)?;
        Ok(self.begun([id.clone()]))
    }

    pub(super) async fn resize(
        &self,
        id: &Id,
        bytes: u64,
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        let wanted = gib(bytes, doing)?;
        let volume = self.volume(id, doing).await?;
        let volume = volume.ok_or_else(|| missing(doing, Kind::Volume, id))?;
        match volume.size() {
            Some(size) if size == wanted => {
                return Ok(Begun::Done(Outcome::unchanged([id.clone()])));
            }
            Some(size) if wanted < size => {
                return Err(invalid(
                    doing,
                    format!("{id} has {size} GiB and cannot shrink"),
                ));
            }
            _ => {}
        }
        let call = self
            .clients()
            .await
            .ec2
            .modify_volume()
            .volume_id(id.as_str())
            .size(wanted)
            .set_dry_run(dry.then_some(true));
        sent!(call, doing)?;
        Ok(self.begun([id.clone()]))
    }

    pub(super) async fn delete_volume(
        &self,
        id: &Id,
        doing: &str,
        dry: bool,
    ) -> Result<Begun, CloudError> {
        let call = self
            .clients()
            .await
            .ec2
            .delete_volume()
            .volume_id(id.as_str())
            .set_dry_run(dry.then_some(true));
        sent!(call, doing)?;
        Ok(self.begun([id.clone()]))
    }

    pub(super) async fn follow_volume(
        &self,
        request: &Request,
        handle: &Handle,
        under: &Under,
        doing: &str,
    ) -> Result<Progress, CloudError> {
        use ec2::VolumeAttachmentState as Hung;
        use ec2::VolumeState as State;
        let Some(id) = handle.ids.first() else {
            return Err(invalid(doing, "nobody knows which volume it is"));
        };
        let done = || Progress::Done(Outcome::changed(handle.ids.clone()));
        if let Action::ResizeVolume { .. } = &request.action {
            return self.follow_resize(id, handle, doing).await;
        }
        let deleting = matches!(request.action, Action::DeleteVolume { .. });
        let Some(volume) = self.volume(id, doing).await? else {
            return Ok(match (deleting, self.is_fresh(under)) {
                (true, _) => done(),
                (false, true) => self.running(handle, "not seen yet"),
                (false, false) => Progress::Failed(missing(doing, Kind::Volume, id)),
            });
        };
        let state = volume.state();
        let is = match &request.action {
            Action::AttachVolume { instance, .. } => {
                let state = hung(&volume, instance).and_then(|one| one.state());
                state == Some(&Hung::Attached)
            }
            Action::DetachVolume {
                instance: Some(instance),
                ..
            } => hung(&volume, instance).is_none(),
            Action::DetachVolume { .. } => volume.attachments().is_empty(),
            Action::DeleteVolume { .. } => state == Some(&State::Deleted),
            _ => matches!(state, Some(State::Available | State::InUse)),
        };
        if is {
            return Ok(done());
        }
        if state == Some(&State::Error) {
            let error = CloudError::new(Class::Failed, doing, format!("{id} is broken"));
            return Ok(Progress::Failed(error));
        }
        let hung = volume.attachments().first().and_then(|one| one.state());
        let word = hung.map_or_else(|| state.map_or("", State::as_str), Hung::as_str);
        Ok(self.running(handle, word))
    }

    async fn follow_resize(
        &self,
        id: &Id,
        handle: &Handle,
        doing: &str,
    ) -> Result<Progress, CloudError> {
        use ec2::VolumeModificationState as State;
        let ec2 = &self.clients().await.ec2;
        let answer = read!(
            ec2.describe_volumes_modifications().volume_ids(id.as_str()),
            doing
        )?;
        let Some(found) = answer.volumes_modifications().first() else {
            return Ok(self.running(handle, "not seen yet"));
        };
        Ok(match found.modification_state() {
            // From here on it has its new size.
            Some(State::Optimizing | State::Completed) => {
                Progress::Done(Outcome::changed(handle.ids.clone()))
            }
            Some(State::Failed) => {
                let why = found.status_message().unwrap_or("no reason given");
                Progress::Failed(CloudError::new(Class::Failed, doing, why))
            }
            _ => Progress::Running {
                handle: handle.clone(),
                note: Some("modifying".into()),
                percent: found
                    .progress()
                    .and_then(|percent| u8::try_from(percent).ok()),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_gets_the_first_device_that_nothing_has() {
        let disk = |name: &str| {
            ec2::InstanceBlockDeviceMapping::builder()
                .device_name(name)
                .build()
        };
        let instance = ec2::Instance::builder()
            .block_device_mappings(disk("/dev/xvda"))
            .block_device_mappings(disk("/dev/sdf"))
            .block_device_mappings(disk("/dev/xvdg"))
            .build();
        assert_eq!(free_device(&instance).as_deref(), Some("/dev/sdh"));
    }

    #[test]
    fn sizes_are_whole_gibibytes_upwards() {
        assert_eq!(gib(1, "").unwrap(), 1);
        assert_eq!(gib(GIB, "").unwrap(), 1);
        assert_eq!(gib(GIB + 1, "").unwrap(), 2);
        assert!(gib(u64::MAX, "").is_err());
    }
}
