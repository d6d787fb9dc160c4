use super::{Answer, LAUNCHED, Thing, World, ZONES, look, needed, one, refuse};
use crate::params::Params;
use crate::state::State;
use crate::xml::{element, maybe, set, tags, text};

pub(super) const UNKNOWN: &str = "InvalidVolume.NotFound";

#[derive(Clone, Debug)]
pub(super) struct Disk {
    pub(super) gib: u64,
    zone: String,
    sort: String,
    snapshot: Option<String>,
    pub(super) hung: Option<Hung>,
    modified: Option<State>,
}

/// On which instance, as what, and how far.
#[derive(Clone, Debug)]
pub(super) struct Hung {
    pub(super) instance: String,
    pub(super) device: String,
    pub(super) state: State,
}

impl Disk {
    pub(super) fn settle(&mut self) {
        if let Some(hung) = &mut self.hung {
            hung.state.settle();
        }
        if let Some(modified) = &mut self.modified {
            modified.settle();
        }
        self.fall();
    }

    fn look(&mut self) {
        if let Some(hung) = &mut self.hung {
            hung.state.look();
        }
        self.fall();
    }

    /// What is detached hangs no more.
    fn fall(&mut self) {
        let off = |hung: &Hung| hung.state.is() == "detached";
        if self.hung.as_ref().is_some_and(off) {
            self.hung = None;
        }
    }
}

fn shown(id: &str, thing: &Thing<Disk>) -> String {
    let disk = &thing.of;
    let state = match (&disk.hung, thing.state.is()) {
        (Some(_), "available") => "in-use",
        (_, state) => state,
    };
    let hung = disk.hung.iter().map(|hung| {
        text("volumeId", id)
            + &text("instanceId", &hung.instance)
            + &text("device", &hung.device)
            + &text("status", hung.state.is())
    });
    text("volumeId", id)
        + &text("size", disk.gib)
        + &maybe("snapshotId", disk.snapshot.as_ref())
        + &text("availabilityZone", &disk.zone)
        + &text("status", state)
        + &text("createTime", LAUNCHED)
        + &set("attachmentSet", "item", hung)
        + &tags(&thing.tags)
        + &text("volumeType", &disk.sort)
}

impl World {
    pub(super) fn create_volume(&mut self, params: &Params) -> Answer {
        let zone = needed(params, "AvailabilityZone")?;
        if !ZONES.contains(&zone) {
            return refuse(
                "InvalidZone.NotFound",
                format!("The zone '{zone}' does not exist"),
            );
        }
        let snapshot = params.get("SnapshotId").map(str::to_owned);
        let of_snapshot = match &snapshot {
            Some(id) => Some(
                one(&mut self.snapshots, id, super::snapshots::UNKNOWN)?
                    .of
                    .gib,
            ),
            None => None,
        };
        let asked = params.get("Size").and_then(|size| size.parse().ok());
        let Some(gib) = asked.or(of_snapshot) else {
            return refuse("MissingParameter", "Size or SnapshotId is missing");
        };
        if gib < of_snapshot.unwrap_or(1) {
            return refuse(
                "InvalidParameterValue",
                format!("Volume of {gib} GiB is too small"),
            );
        }
        let disk = Disk {
            gib,
            zone: zone.to_owned(),
            sort: params.get("VolumeType").unwrap_or("gp2").to_owned(),
            snapshot,
            hung: None,
            modified: None,
        };
        let id = self.number("vol");
        let thing = self.thing(self.turning("creating", "available"), params, disk);
        let answer = shown(&id, &thing);
        self.volumes.insert(id, thing);
        Ok(answer)
    }

    pub(super) fn describe_volumes(&mut self, params: &Params) -> Answer {
        for disk in self.volumes.values_mut() {
            disk.of.look();
        }
        let keys = ("VolumeId", UNKNOWN);
        let none = |_: &str, _: &Thing<Disk>| Vec::new();
        let show = |id: &str, thing: &mut Thing<Disk>| shown(id, thing);
        Ok(look(&mut self.volumes, params, keys, none, show)?.set("volumeSet"))
    }

    pub(super) fn attach_volume(&mut self, params: &Params) -> Answer {
        let (id, instance) = (needed(params, "VolumeId")?, needed(params, "InstanceId")?);
        let device = needed(params, "Device")?;
        let zone = self.taking(instance)?.zone.clone();
        let taken = self.volumes.values().any(|disk| {
            let hung = disk.of.hung.as_ref();
            hung.is_some_and(|hung| hung.instance == instance && hung.device == device)
        });
        let state = self.turning("attaching", "attached");
        let disk = one(&mut self.volumes, id, UNKNOWN)?;
        if disk.of.hung.is_some() {
            return refuse(
                "VolumeInUse",
                format!("{id} is already attached to an instance"),
            );
        }
        if disk.state.is() != "available" {
            return refuse("IncorrectState", format!("{id} is not 'available'"));
        }
        if disk.of.zone != zone {
            let message = format!("{id} is not in the same availability zone as {instance}");
            return refuse("InvalidVolume.ZoneMismatch", message);
        }
        if taken {
            let message = format!("{device} is already in use");
            return refuse("InvalidParameterValue", message);
        }
        disk.of.hung = Some(Hung {
            instance: instance.to_owned(),
            device: device.to_owned(),
            state,
        });
        Ok(text("volumeId", id)
            + &text("instanceId", instance)
            + &text("device", device)
            + &text("status", "attaching"))
    }

    pub(super) fn detach_volume(&mut self, params: &Params) -> Answer {
        let id = needed(params, "VolumeId")?;
        let instance = params.get("InstanceId");
        let state = self.turning("detaching", "detached");
        let disk = one(&mut self.volumes, id, UNKNOWN)?;
        let Some(hung) = &mut disk.of.hung else {
            return refuse(
                "IncorrectState",
                format!("{id} is in the 'available' state"),
            );
        };
        if instance.is_some_and(|instance| instance != hung.instance) {
            let message = format!("{id} is not attached to it");
            return refuse("InvalidAttachment.NotFound", message);
        }
        hung.state = state;
        Ok(text("volumeId", id)
            + &text("instanceId", &hung.instance)
            + &text("status", "detaching"))
    }

    pub(super) fn modify_volume(&mut self, params: &Params) -> Answer {
        let id = needed(params, "VolumeId")?;
        let gib = needed(params, "Size")?.parse().unwrap_or(0);
        let state = self.turning("modifying", "completed");
        let disk = one(&mut self.volumes, id, UNKNOWN)?;
        if gib < disk.of.gib {
            return refuse(
                "InvalidParameterValue",
                "New size cannot be smaller than existing size",
            );
        }
        disk.of.gib = gib;
        disk.of.modified = Some(state);
        let inner = text("volumeId", id) + &text("modificationState", "modifying");
        Ok(element("volumeModification", &inner))
    }

    pub(super) fn describe_modifications(&mut self, params: &Params) -> Answer {
        let mut items = Vec::new();
        for id in params.all("VolumeId") {
            let disk = one(&mut self.volumes, id, UNKNOWN)?;
            let gib = disk.of.gib;
            let Some(modified) = &mut disk.of.modified else {
                let message = format!("{id} was not modified");
                return refuse("InvalidVolumeModification.NotFound", message);
            };
            let state = modified.look();
            let percent = if state == "completed" { 100 } else { 30 };
            items.push(
                text("volumeId", id)
                    + &text("modificationState", state)
                    + &text("targetSize", gib)
                    + &text("progress", percent),
            );
        }
        Ok(set("volumeModificationSet", "item", items))
    }

    pub(super) fn delete_volume(&mut self, params: &Params) -> Answer {
        let id = needed(params, "VolumeId")?;
        let state = self.turning("deleting", "gone");
        let disk = one(&mut self.volumes, id, UNKNOWN)?;
        if let Some(hung) = &disk.of.hung {
            let message = format!("{id} is attached to {}", hung.instance);
            return refuse("VolumeInUse", message);
        }
        disk.state = state;
        Ok(text("return", true))
    }
}
