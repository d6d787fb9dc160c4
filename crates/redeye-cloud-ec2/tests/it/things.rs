//! Volumes, snapshots, addresses, firewalls, keys, images and load balancers, from
//! nothing to nothing.

use redeye_cloud::{
    Action, Direction, FirewallRule, Health, Id, Kind, Listener, NewVolume, Peer, Protocol,
    Resource, SnapshotState, Tags, VolumeState,
};
use rem_ec2_fake::{FakeEc2, Pace};

use crate::rig::{Rig, terminate};

const GIB: u64 = 1 << 30;

async fn volume(rig: &Rig, id: &Id) -> redeye_cloud::Volume {
    let found = rig.get(Kind::Volume, id).await.unwrap();
    found.as_volume().unwrap().clone()
}

fn new_volume(rig: &Rig, zone: usize) -> NewVolume {
    NewVolume {
        name: Some("data".into()),
        bytes: Some(2 * GIB),
        zone: Some(rig.zones[zone].clone()),
        ..NewVolume::default()
    }
}

/// A volume hangs, grows, is kept and comes back.
/// `exact`: whether volumes can be left out of a snapshot of an instance.
pub(crate) async fn volumes(rig: &Rig, exact: bool) {
    let mut wanted = rig.wanted.clone();
    wanted.zone = Some(rig.zones[0].clone());
    let machine = rig.made(Action::RequestInstance(wanted)).await;
    let disk = rig.made(Action::CreateVolume(new_volume(rig, 0))).await;
    let found = volume(rig, &disk).await;
    assert_eq!(
        (found.state, found.bytes),
        (VolumeState::Available, 2 * GIB)
    );
    let attach = |id: &Id| Action::AttachVolume {
        id: id.clone(),
        instance: machine.clone(),
        device: None,
    };
    let detach = |id: &Id| Action::DetachVolume {
        id: id.clone(),
        instance: None,
        force: false,
    };
    let delete = |id: &Id| Action::DeleteVolume { id: id.clone() };
    assert!(rig.well(attach(&disk)).await);
    assert!(!rig.well(attach(&disk)).await, "it hangs there already");
    let found = volume(rig, &disk).await;
    assert_eq!(found.state, VolumeState::InUse);
    assert_eq!(found.attached[0].instance, machine);
    assert_eq!(rig.refused(delete(&disk)).await, "conflict");
    let resize = |bytes| Action::ResizeVolume {
        id: disk.clone(),
        bytes,
    };
    assert!(rig.well(resize(3 * GIB)).await);
    assert!(!rig.well(resize(3 * GIB)).await, "it has that size");
    assert_eq!(rig.refused(resize(GIB)).await, "invalid");
    assert_eq!(volume(rig, &disk).await.bytes, 3 * GIB);

    let second = rig.made(Action::CreateVolume(new_volume(rig, 0))).await;
    assert!(rig.well(attach(&second)).await);
    let both = Action::CreateSnapshots {
        volumes: vec![disk.clone(), second.clone()],
        description: Some("before".into()),
        tags: Tags::new(),
    };
    let operation = rig.run(both).await;
    let shots = operation.outcome().unwrap().ids.clone();
    assert!(2 <= shots.len());
    assert!(!exact || shots.len() == 2, "of both, and of nothing else");
    let found = rig.list(Kind::Snapshot).await;
    let ours = found.items.iter().filter(|one| shots.contains(one.id()));
    let ours: Vec<_> = ours.map(|one| one.as_snapshot().unwrap()).collect();
    for shot in &ours {
        assert_eq!(shot.state, SnapshotState::Completed);
        assert_eq!(shot.description.as_deref(), Some("before"));
        let set = shot.set.as_ref().map(Id::as_str);
        assert_eq!(set, Some(&*operation.request.id.to_string()));
    }
    let of_disk = ours.iter().find(|one| one.volume.as_ref() == Some(&disk));
    let of_disk = of_disk.unwrap().id.clone();
    let restored = NewVolume {
        bytes: None,
        snapshot: Some(of_disk.clone()),
        zone: None,
        ..new_volume(rig, 0)
    };
    let restored = rig.made(Action::CreateVolume(restored)).await;
    assert_eq!(
        volume(rig, &restored).await.snapshot.as_ref(),
        Some(&of_disk)
    );

    for id in [&disk, &second] {
        assert!(rig.well(detach(id)).await);
    }
    assert!(!rig.well(detach(&disk)).await, "it hangs nowhere");
    for id in [&disk, &second, &restored] {
        assert!(rig.well(delete(id)).await);
        assert_eq!(rig.get(Kind::Volume, id).await, None);
    }
    for id in shots {
        assert!(rig.well(Action::DeleteSnapshot { id }).await);
    }
    assert!(rig.well(terminate(&machine)).await);
}

/// An address moves, and is given back.
pub(crate) async fn addresses(rig: &Rig) {
    let one = rig.made(Action::RequestInstance(rig.wanted.clone())).await;
    let other = rig.made(Action::RequestInstance(rig.wanted.clone())).await;
    let ip = rig.made(Action::AllocateIp { tags: Tags::new() }).await;
    let to = |instance: Option<&Id>| Action::MoveIp {
        id: ip.clone(),
        instance: instance.cloned(),
    };
    assert!(rig.well(to(Some(&one))).await);
    assert!(!rig.well(to(Some(&one))).await, "it is there already");
    assert!(rig.well(to(Some(&other))).await);
    let found = rig.list(Kind::FloatingIp).await;
    let found = found.items.iter().find(|item| *item.id() == ip);
    let Some(Resource::FloatingIp(found)) = found else {
        panic!("{found:?}");
    };
    assert_eq!(found.instance.as_ref(), Some(&other));
    let release = Action::ReleaseIp { id: ip.clone() };
    assert_eq!(rig.refused(release.clone()).await, "conflict");
    assert!(rig.well(to(None)).await);
    assert!(rig.well(release.clone()).await);
    assert_eq!(rig.refused(release).await, "not_found");
    for id in [one, other] {
        assert!(rig.well(terminate(&id)).await);
    }
}

/// A firewall lets through what it is told, and goes when nobody is behind it.
pub(crate) async fn firewalls(rig: &Rig) {
    let firewall = Action::CreateFirewall {
        name: "web".into(),
        description: Some("what the web needs".into()),
        tags: Tags::from([("team".into(), "ops".into())]),
    };
    let id = rig.made(firewall).await;
    let rule = |port, peer| FirewallRule {
        direction: Direction::In,
        protocol: Protocol::Tcp,
        ports: Some((port, port)),
        peer,
    };
    let web = rule(80, Peer::Network("0.0.0.0/0".into()));
    let own = rule(5432, Peer::Firewall(id.clone()));
    let allow = |rule: &FirewallRule| Action::Allow {
        id: id.clone(),
        rule: rule.clone(),
    };
    let deny = |rule: &FirewallRule| Action::Deny {
        id: id.clone(),
        rule: rule.clone(),
    };
    assert!(rig.well(allow(&web)).await);
    assert!(!rig.well(allow(&web)).await, "it does already");
    assert!(rig.well(allow(&own)).await);
    let found = rig.get(Kind::Firewall, &id).await;
    let Some(Resource::Firewall(found)) = found else {
        panic!("{found:?}");
    };
    assert!(found.rules.contains(&web) && found.rules.contains(&own));
    assert_eq!(found.tags.get("team").map(String::as_str), Some("ops"));
    assert!(rig.well(deny(&own)).await);
    assert!(!rig.well(deny(&own)).await, "it did not");
    let mut wanted = rig.wanted.clone();
    wanted.firewalls = vec![id.clone()];
    let machine = rig.made(Action::RequestInstance(wanted)).await;
    let delete = Action::DeleteFirewall { id: id.clone() };
    assert_eq!(rig.refused(delete.clone()).await, "conflict");
    assert!(rig.well(terminate(&machine)).await);
    assert!(rig.well(delete).await);
    assert_eq!(rig.get(Kind::Firewall, &id).await, None);
}

/// A key is shown once, a known one is taken, both are forgotten.
pub(crate) async fn keys(rig: &Rig) {
    let create = Action::CreateKey {
        name: "ann".into(),
        tags: Tags::new(),
    };
    let operation = rig.run(create.clone()).await;
    let secret = rig.cloud.take_secret(operation.request.id).unwrap();
    assert!(secret.reveal().contains("BEGIN"), "the private half");
    assert_eq!(rig.refused(create).await, "conflict");
    let import = Action::ImportKey {
        name: "bob".into(),
        public_key:
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIVyqmi3wFAFLrrKFdFzjbTvFgYZ0hYFDFSvGkzK4FXy bob\n"
                .into(),
        tags: Tags::new(),
    };
    let bob = rig.made(import).await;
    let mut wanted = rig.wanted.clone();
    wanted.key = Some(bob.clone());
    let machine = rig.made(Action::RequestInstance(wanted)).await;
    let found = rig.get(Kind::Instance, &machine).await.unwrap();
    assert_eq!(found.as_instance().unwrap().key.as_ref(), Some(&bob));
    assert!(rig.well(terminate(&machine)).await);
    assert_eq!(rig.list(Kind::KeyPair).await.items.len(), 2);
    for id in [bob, crate::rig::id("ann")] {
        assert!(rig.well(Action::DeleteKey { id: id.clone() }).await);
        assert_eq!(rig.refused(Action::DeleteKey { id }).await, "not_found");
    }
}

/// An image of a machine starts another one.
pub(crate) async fn images(rig: &Rig) {
    let machine = rig.made(Action::RequestInstance(rig.wanted.clone())).await;
    let image = Action::CreateImage {
        instance: machine.clone(),
        name: "golden".into(),
        tags: Tags::new(),
    };
    let image = rig.made(image).await;
    let mut wanted = rig.wanted.clone();
    wanted.image = Some(image.clone());
    let copy = rig.made(Action::RequestInstance(wanted)).await;
    for id in [machine, copy] {
        assert!(rig.well(terminate(&id)).await);
    }
    let delete = Action::DeleteImage { id: image.clone() };
    assert!(rig.well(delete).await);
    assert_eq!(rig.get(Kind::Image, &image).await, None);
}

/// A load balancer gets ports and members, and leaves nothing behind.
pub(crate) async fn balancers(rig: &Rig, healthy: Health) {
    let listener = |port, target_port| Listener {
        port,
        protocol: Protocol::Http,
        target_port,
    };
    let create = Action::CreateLoadBalancer {
        name: "front".into(),
        listeners: vec![listener(80, 8080), listener(81, 8081)],
        places: rig.zones.to_vec(),
        tags: Tags::from([("team".into(), "ops".into())]),
    };
    let lb = rig.made(create).await;
    let machine = rig.made(Action::RequestInstance(rig.wanted.clone())).await;
    let attach = Action::AttachMember {
        id: lb.clone(),
        instance: machine.clone(),
        port: None,
    };
    assert!(rig.well(attach.clone()).await);
    assert!(!rig.well(attach).await, "it is behind it already");
    let found = rig.get(Kind::LoadBalancer, &lb).await;
    let Some(Resource::LoadBalancer(found)) = found else {
        panic!("{found:?}");
    };
    assert_eq!(found.name, "front");
    assert_eq!(found.listeners, [listener(80, 8080), listener(81, 8081)]);
    assert_eq!(found.members.len(), 2, "one for each port");
    assert!(found.members.iter().all(|one| one.instance == machine));
    assert!(
        found.members.iter().all(|one| one.health == healthy),
        "{found:?}"
    );
    assert_eq!(found.tags.get("team").map(String::as_str), Some("ops"));
    let detach = Action::DetachMember {
        id: lb.clone(),
        instance: machine.clone(),
    };
    assert!(rig.well(detach.clone()).await);
    assert!(!rig.well(detach).await, "it was not behind it");
    let delete = Action::DeleteLoadBalancer { id: lb.clone() };
    assert!(rig.well(delete.clone()).await);
    assert_eq!(rig.refused(delete).await, "not_found");
    assert_eq!(rig.list(Kind::LoadBalancer).await.items, []);
    assert!(rig.well(terminate(&machine)).await);
}

async fn rig(folder: &tempfile::TempDir) -> (FakeEc2, Rig) {
    let fake = FakeEc2::start();
    let rig = Rig::of(&fake, folder.path()).await;
    (fake, rig)
}

#[tokio::test]
async fn a_volume_hangs_grows_is_kept_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let (fake, rig) = rig(&folder).await;
    fake.pace(Pace::Looks(2));
    volumes(&rig, true).await;
    for params in fake.meant("DetachVolume") {
        assert!(params.get("InstanceId").is_some());
    }
}

#[tokio::test]
async fn volumes_of_other_zones_and_other_machines_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_fake, rig) = rig(&folder).await;
    let mut wanted = rig.wanted.clone();
    wanted.zone = Some(rig.zones[0].clone());
    let one = rig.made(Action::RequestInstance(wanted.clone())).await;
    let other = rig.made(Action::RequestInstance(wanted)).await;
    let far = rig.made(Action::CreateVolume(new_volume(&rig, 1))).await;
    let near = rig.made(Action::CreateVolume(new_volume(&rig, 0))).await;
    let attach = |id: &Id, instance: &Id| Action::AttachVolume {
        id: id.clone(),
        instance: instance.clone(),
        device: None,
    };
    assert_eq!(rig.refused(attach(&far, &one)).await, "invalid");
    assert!(rig.well(attach(&near, &one)).await);
    assert_eq!(rig.refused(attach(&near, &other)).await, "conflict");
    // Not at one instant, but both of them.
    let both = Action::CreateSnapshots {
        volumes: vec![near, far],
        description: None,
        tags: Tags::new(),
    };
    let operation = rig.run(both).await;
    assert_eq!(operation.outcome().unwrap().ids.len(), 2);
}

#[tokio::test]
async fn an_address_moves_and_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let (_fake, rig) = rig(&folder).await;
    addresses(&rig).await;
}

#[tokio::test]
async fn a_firewall_lets_through_what_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (_fake, rig) = rig(&folder).await;
    firewalls(&rig).await;
}

#[tokio::test]
async fn a_key_is_shown_once() {
    let folder = tempfile::tempdir().unwrap();
    let (_fake, rig) = rig(&folder).await;
    keys(&rig).await;
}

#[tokio::test]
async fn an_image_of_a_machine_starts_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let (fake, rig) = rig(&folder).await;
    images(&rig).await;
    assert!(fake.meant("CreateImage")[0].is("NoReboot"));
}

#[tokio::test]
async fn a_load_balancer_gets_ports_and_members_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (fake, rig) = rig(&folder).await;
    balancers(&rig, Health::Healthy).await;
    assert_eq!(
        fake.sent("CreateTargetGroup"),
        fake.sent("DeleteTargetGroup")
    );
}
