//! The volumes of a megavisor below the layers: one in memory, and `local`.

use std::sync::Arc;
use std::time::Duration;

use redeye_cloud::{
    Action, Cache, Class, Cloud, FakeMegavisor, Fault, Id, Kind, Megavisor, Mode, NewInstance,
    NewVolume, On, OperationId, Parts, Policy, Request, Resource, Scope, Verb,
};
use redeye_cloud_home::{HomeMegavisor, from_shipped};
use redeye_storage::{Completeness, Job, StorageState};
use rem_time::{Clock, Span, SystemClock};

use crate::bed::{Bed, LIMIT, Writer, begun, can_run, done, ext4, function, last_number};

async fn cloud(bed: &Bed, megavisor: Arc<dyn Megavisor>) -> Cloud {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let parts = Parts {
        cache: Cache::in_memory(Policy::default(), clock.clone()),
        journal: bed.journal().await,
        clock,
    };
    Cloud::new(parts, [megavisor])
}

/// Does something in a cloud, and tells what it made.
async fn made(cloud: &Cloud, scope: &Scope, action: Action) -> Vec<Id> {
    let now = SystemClock.now();
    let request = Request {
        id: OperationId::random(now),
        scope: scope.clone(),
        action,
        deadline: now + Span::from_seconds(60),
    };
    let id = cloud.begin(request, "test").await.unwrap();
    let ended = cloud.wait(id, LIMIT, |_| {}).await.unwrap();
    ended
        .outcome()
        .unwrap_or_else(|| panic!("{:#?}", ended.lines))
        .ids
        .clone()
}

fn new_volume(bytes: u64) -> Action {
    Action::CreateVolume(NewVolume {
        bytes: Some(bytes),
        ..NewVolume::default()
    })
}

struct Faked {
    bed: Bed,
    fake: Arc<FakeMegavisor>,
    cloud: Cloud,
    ids: Vec<Id>,
}

async fn faked() -> Faked {
    let bed = Bed::new();
    bed.probe("top", false);
    let fake = Arc::new(FakeMegavisor::new("fake/test/here".parse().unwrap()));
    let cloud = cloud(&bed, fake.clone()).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.extend(made(&cloud, &fake.scope(), new_volume(1 << 30)).await);
    }
    Faked {
        bed,
        fake,
        cloud,
        ids,
    }
}

impl Faked {
    async fn open(&self, more: &str) -> redeye_storage::Storages {
        let [one, other] = &self.ids[..] else {
            panic!("two volumes");
        };
        let text = format!(
            "shop:\n  layers: [{{file: top.yaml}}]\n  volumes: {{megavisor: fake, ids: [{one}, {other}]}}\n{more}"
        );
        self.bed.open(&text, Some(self.cloud.clone())).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_volumes_are_taken_by_one_request_and_copying_is_waited_for_after_the_hold() {
    let rig = faked().await;
    rig.fake.changes_take(Duration::from_millis(400));
    let storages = rig.open("").await;
    let ended = done(&storages, "shop", Job::Snapshot).await;
    assert!(
        matches!(ended.state, StorageState::Done { .. }),
        "{:#?}",
        ended.lines
    );
    assert_eq!(rig.fake.begun(Verb::CreateSnapshots), 1);
    let exit = ended
        .steps
        .iter()
        .rfind(|step| step.layer == "top")
        .unwrap();
    let let_go = exit.ended.unwrap();
    let snapshots = storages.snapshots("shop").await.unwrap();
    assert_eq!(snapshots[0].state, Completeness::Complete);
    assert_eq!(snapshots[0].made["volumes"].ids.len(), 2);
    let over = ended.changed.since(let_go);
    assert!(
        Span::from_millis(300) < over,
        "let go long before the copies were there: {over}"
    );

    let storages = rig.open("  hold: completed\n").await;
    let ended = done(&storages, "shop", Job::Snapshot).await;
    let entry = ended
        .steps
        .iter()
        .find(|step| step.layer == "volumes")
        .unwrap();
    let took = entry.ended.unwrap().since(entry.began);
    assert!(Span::from_millis(300) < took, "{took}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_that_refuses_lets_go_and_keeps_nothing() {
    let rig = faked().await;
    let storages = rig.open("").await;
    rig.fake.fail(
        On::Begin(Verb::CreateSnapshots),
        9,
        Fault::Error(Class::Denied),
    );
    let ended = done(&storages, "shop", Job::Snapshot).await;
    let StorageState::Failed { why } = &ended.state else {
        panic!("{:?}", ended.state);
    };
    assert!(why.contains("denied"), "{why}");
    assert_eq!(rig.bed.calls(), "entry top\nexit top\n");
    assert!(storages.snapshots("shop").await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_above_that_fails_never_asks_the_cloud_and_a_stopped_one_leaves_no_snapshot() {
    let rig = faked().await;
    let storages = rig.open("").await;
    rig.bed.write("fail-top-entry", "");
    done(&storages, "shop", Job::Snapshot).await;
    assert_eq!(rig.fake.begun(Verb::CreateSnapshots), 0);
    std::fs::remove_file(rig.bed.path("fail-top-entry")).unwrap();

    rig.fake.changes_take(Duration::from_secs(3));
    let storages = rig.open("  hold: completed\n").await;
    let id = begun(&storages, "shop", Job::Snapshot).await;
    crate::bed::wait_for("the request", || rig.fake.begun(Verb::CreateSnapshots) == 1);
    storages.cancel(id, "ann").await.unwrap();
    let ended = storages.wait(id, LIMIT, |_| {}).await.unwrap();
    assert!(
        matches!(ended.state, StorageState::Cancelled { .. }),
        "{:#?}",
        ended.lines
    );
    assert_eq!(
        ended.trace()[2..],
        ["undo volumes", "exit volumes", "exit top"]
    );
    let left = rig
        .fake
        .list(&rig.fake.scope(), Kind::Snapshot)
        .await
        .unwrap();
    let left = left.items.iter().filter(|item| match item {
        Resource::Snapshot(one) => one.state != redeye_cloud::SnapshotState::Error,
        _ => true,
    });
    assert_eq!(left.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_makes_new_volumes_and_keeps_the_old_ones() {
    let rig = faked().await;
    rig.bed
        .program("verify.sh", "#!/bin/sh\n[ ! -e \"$REM_BED/bad\" ]\n");
    let storages = rig
        .open("  verify: {script: verify.sh}\n  keep: {last: 1}\n")
        .await;
    done(&storages, "shop", Job::Snapshot).await;
    let restore = Job::Restore { snapshot: None };
    rig.bed.write("bad", "");
    let ended = done(&storages, "shop", restore.clone()).await;
    assert!(
        matches!(ended.state, StorageState::Failed { .. }),
        "{:#?}",
        ended.lines
    );
    let scope = rig.fake.scope();
    let volumes = rig
        .cloud
        .list(&scope, Kind::Volume, Mode::StrictFresh)
        .await
        .unwrap();
    let there: Vec<Id> = volumes.items.iter().map(|item| item.id().clone()).collect();
    let mut wanted = rig.ids.clone();
    wanted.sort();
    assert_eq!(there, wanted, "what was made for nothing is gone");

    std::fs::remove_file(rig.bed.path("bad")).unwrap();
    let ended = done(&storages, "shop", restore).await;
    assert!(
        matches!(ended.state, StorageState::Done { .. }),
        "{:#?}",
        ended.lines
    );
    done(&storages, "shop", Job::Snapshot).await;
    let taken = &storages.snapshots("shop").await.unwrap()[0];
    assert_eq!(taken.made["volumes"].ids.len(), 2);
    let of = rig
        .cloud
        .list(&scope, Kind::Snapshot, Mode::StrictFresh)
        .await
        .unwrap();
    let made_of = |item: &Resource| match item {
        Resource::Snapshot(one) if taken.made["volumes"].ids.contains(&one.id.to_string()) => {
            one.volume.clone()
        }
        _ => None,
    };
    let of: Vec<Id> = of.items.iter().filter_map(made_of).collect();
    assert!(
        of.iter().all(|volume| !rig.ids.contains(volume)),
        "of the new ones: {of:?}"
    );
    let volumes = rig
        .cloud
        .list(&scope, Kind::Volume, Mode::StrictFresh)
        .await
        .unwrap();
    assert_eq!(volumes.items.len(), 4, "the old ones are there still");
}

/// ext4 on two volumes of this computer's own cloud.
#[tokio::test(flavor = "multi_thread")]
async fn volumes_of_this_computer_are_taken_while_somebody_writes_and_come_back() {
    let missing = ["ip", "python3", "unshare"].iter().find(|program| {
        std::process::Command::new(program)
            .arg("--version")
            .output()
            .is_err()
    });
    let missing = missing.map(|program| format!("{program} is missing"));
    if !ext4() || !can_run("local", true, missing) {
        return;
    }
    let bed = Bed::new();
    let definition = from_shipped("local", &bed.path("local")).unwrap();
    let local = HomeMegavisor::new(definition, Arc::new(SystemClock), Arc::new(|_| None));
    let scope = local.scope().clone();
    let cloud = cloud(&bed, Arc::new(local)).await;
    let machine = NewInstance {
        image: Some("sleep".parse().unwrap()),
        ..NewInstance::default()
    };
    let machine = made(&cloud, &scope, Action::RequestInstance(machine))
        .await
        .remove(0);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let id = made(&cloud, &scope, new_volume(16 << 20)).await.remove(0);
        let attach = Action::AttachVolume {
            id: id.clone(),
            instance: machine.clone(),
            device: None,
        };
        made(&cloud, &scope, attach).await;
        ids.push(id);
    }
    let text = format!(
        "shop:\n  mount: [a, b]\n  layers: [ext4]\n  volumes: {{megavisor: local, ids: [{}, {}]}}\n  \
         verify: {{shell: 'test -s \"$REM_MOUNT/log\"'}}\n",
        ids[0], ids[1]
    );
    let storages = bed.open(&text, Some(cloud.clone())).await;
    for job in [function("configure"), function("mount")] {
        let ended = done(&storages, "shop", job).await;
        assert!(
            matches!(ended.state, StorageState::Done { .. }),
            "{:#?}",
            ended.lines
        );
    }
    let writer = Writer::new(&[bed.path("a/log"), bed.path("b/log")]);
    let ended = done(&storages, "shop", Job::Snapshot).await;
    assert!(
        matches!(ended.state, StorageState::Done { .. }),
        "{:#?}",
        ended.lines
    );
    writer.goes_on(LIMIT);
    drop(writer);
    let before = last_number(&bed.path("a/log"));
    let ended = done(&storages, "shop", Job::Restore { snapshot: None }).await;
    assert!(
        matches!(ended.state, StorageState::Done { .. }),
        "{:#?}",
        ended.lines
    );
    let (a, b) = (
        last_number(&bed.path("a/log")),
        last_number(&bed.path("b/log")),
    );
    assert!(a < before && b <= a && a - b <= 1, "{before} {a} {b}");
    let ended = done(&storages, "shop", function("unmount")).await;
    assert!(
        matches!(ended.state, StorageState::Done { .. }),
        "{:#?}",
        ended.lines
    );
    made(&cloud, &scope, Action::TerminateInstance { id: machine }).await;
}
