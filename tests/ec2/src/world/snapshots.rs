use super::{Answer, LAUNCHED, OWNER, Thing, World, look, needed, one};
use crate::params::Params;
use crate::xml::{maybe, set, tags, text};

pub(super) const UNKNOWN: &str = "InvalidSnapshot.NotFound";

#[derive(Clone, Debug)]
pub(super) struct Shot {
    volume: String,
    pub(super) gib: u64,
    description: Option<String>,
}

fn shown(id: &str, thing: &Thing<Shot>) -> String {
    let state = thing.state.is();
    let percent = if state == "completed" { "100%" } else { "40%" };
    text("snapshotId", id)
        + &text("volumeId", &thing.of.volume)
        + &text("status", state)
        + &text("startTime", LAUNCHED)
        + &text("progress", percent)
        + &text("ownerId", OWNER)
        + &text("volumeSize", thing.of.gib)
        + &maybe("description", thing.of.description.as_ref())
        + &tags(&thing.tags)
}

impl World {
    fn shoot(&mut self, volume: &str, gib: u64, params: &Params) -> String {
        let shot = Shot {
            volume: volume.to_owned(),
            gib,
            description: params.get("Description").map(str::to_owned),
        };
        let id = self.number("snap");
        let thing = self.thing(self.turning("pending", "completed"), params, shot);
        let answer = shown(&id, &thing);
        self.snapshots.insert(id, thing);
        answer
    }

    pub(super) fn create_snapshot(&mut self, params: &Params) -> Answer {
        let volume = needed(params, "VolumeId")?;
        let gib = one(&mut self.volumes, volume, super::volumes::UNKNOWN)?
            .of
            .gib;
        Ok(self.shoot(volume, gib, params))
    }

    pub(super) fn create_snapshots(&mut self, params: &Params) -> Answer {
        let instance = needed(params, "InstanceSpecification.InstanceId")?;
        one(&mut self.instances, instance, super::instances::UNKNOWN)?;
        let without = params.all("InstanceSpecification.ExcludeDataVolumeId");
        let volumes = self.volumes.iter().filter(|(id, disk)| {
            let hung = disk.of.hung.as_ref();
            hung.is_some_and(|hung| hung.instance == instance) && !without.contains(&id.as_str())
        });
        let volumes: Vec<(String, u64)> = volumes
            .map(|(id, disk)| (id.clone(), disk.of.gib))
            .collect();
        let items = volumes.iter().map(|(volume, gib)| {
            self.shoot(volume, *gib, params)
                .replace("<status>", "<state>")
                .replace("</status>", "</state>")
        });
        Ok(set("snapshotSet", "item", items.collect::<Vec<_>>()))
    }

    pub(super) fn copy_snapshot(&mut self, params: &Params) -> Answer {
        needed(params, "SourceRegion")?;
        let source = needed(params, "SourceSnapshotId")?;
        let gib = one(&mut self.snapshots, source, UNKNOWN)?.of.gib;
        self.shoot("vol-ffffffff", gib, params);
        let id = self
            .snapshots
            .keys()
            .next_back()
            .cloned()
            .unwrap_or_default();
        Ok(text("snapshotId", id))
    }

    pub(super) fn describe_snapshots(&mut self, params: &Params) -> Answer {
        let facts = |_: &str, thing: &Thing<Shot>| vec![("volume-id", thing.of.volume.clone())];
        let show = |id: &str, thing: &mut Thing<Shot>| shown(id, thing);
        let keys = ("SnapshotId", UNKNOWN);
        Ok(look(&mut self.snapshots, params, keys, facts, show)?.set("snapshotSet"))
    }

    pub(super) fn delete_snapshot(&mut self, params: &Params) -> Answer {
        let id = needed(params, "SnapshotId")?;
        one(&mut self.snapshots, id, UNKNOWN)?;
        self.snapshots.remove(id);
        Ok(text("return", true))
    }
}
