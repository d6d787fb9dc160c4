//! The four traces of a snapshot, on a real ext4 that really stops.
//!
//! LVM and DRBD cannot run where the kernel has no device mapper and no DRBD: their
//! handlers are the ones that come with us, and the tools are stand-ins that write down
//! how they were called and answer like the real ones. `dmsetup suspend` of the stand-in
//! freezes the file system on the volume, as the real one does.

use redeye_cloud::StackEnd;
use redeye_storage::{Completeness, Job, StorageError, StorageState};

use crate::bed::{Bed, LIMIT, Writer, begun, done, ext4, function, last_number, wait_for};

const DMSETUP: &str = r#"#!/bin/sh
echo "dmsetup $*" >>"$REM_BED/tools"
case $1 in
  info) [ -e "$REM_BED/suspended" ] && echo Suspended || echo Active ;;
  suspend) : >"$REM_BED/suspended"; exec fsfreeze -f "$REM_BED/mnt" ;;
  resume)
    if [ -e "$REM_BED/fail-resume" ]; then echo "device-mapper: resume ioctl failed" >&2; exit 1; fi
    rm -f "$REM_BED/suspended"
    exec fsfreeze -u "$REM_BED/mnt" ;;
esac
"#;

const SHOP: &str = "\
shop:
  mount: mnt
  exits_tried: 1
  layers: [{ext4: {freeze: false}}, {lvm: {group: vg0, volume: shop}}, {file: drbd.yaml}, {loop: {files: BED/shop.img, size: 16M}}]
";

/// ext4 on LVM on DRBD on a file. What LVM and DRBD do besides is left out: the file
/// system lies on the loop device itself.
struct Stack {
    storages: redeye_storage::Storages,
    bed: Bed,
}

async fn stack() -> Option<Stack> {
    if !ext4() {
        return None;
    }
    let bed = Bed::new();
    bed.program("bin/dmsetup", DMSETUP);
    bed.probe("drbd", false);
    let image = bed.path("shop.img").display().to_string();
    crate::bed::run("truncate", &["-s", "16M", &image]);
    crate::bed::run("mkfs.ext4", &["-q", &image]);
    std::fs::create_dir(bed.path("mnt")).unwrap();
    let mount = bed.path("mnt").display().to_string();
    crate::bed::run("mount", &["-o", "loop", &image, &mount]);
    let text = SHOP.replace("BED", &bed.folder.display().to_string());
    let storages = bed.open(&text, None).await;
    Some(Stack { bed, storages })
}

impl Stack {
    fn writer(&self) -> Writer {
        Writer::new(&[self.bed.path("mnt/log")])
    }

    fn tools(&self) -> String {
        std::fs::read_to_string(self.bed.path("tools")).unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_eight_steps_run_in_their_order_and_nothing_is_written_during_the_hold() {
    let Some(stack) = stack().await else { return };
    let writer = stack.writer();
    let ended = done(&stack.storages, "shop", Job::Snapshot).await;
    assert_eq!(
        ended.trace(),
        [
            "entry ext4",
            "entry lvm",
            "entry drbd",
            "entry loop",
            "exit loop",
            "exit drbd",
            "exit lvm",
            "exit ext4",
        ]
    );
    assert!(
        matches!(ended.state, StorageState::Done { .. }),
        "{:#?}",
        ended.lines
    );
    assert_eq!(ended.ends, [("snapshot".to_owned(), StackEnd::Done)]);
    writer.goes_on(LIMIT);
    let tools = "dmsetup info -c --noheadings -o suspended vg0-shop\n\
                 dmsetup suspend vg0-shop\ndmsetup resume vg0-shop\n";
    assert_eq!(stack.tools(), tools);
    let snapshots = stack.storages.snapshots("shop").await.unwrap();
    assert_eq!(snapshots[0].state, Completeness::Complete);
    assert!(snapshots[0].held.is_some());
    assert_eq!(snapshots[0].made["loop"].ids.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn writing_stops_during_the_hold_and_goes_on_after() {
    let Some(stack) = stack().await else { return };
    let writer = stack.writer();
    stack.bed.write("block-drbd-entry", "");
    let id = begun(&stack.storages, "shop", Job::Snapshot).await;
    wait_for("the hold", || stack.bed.path("reached").exists());
    writer.stands();
    let before = last_number(&stack.bed.path("mnt/log"));
    // Somebody stops it: everything is let go.
    stack.storages.cancel(id, "ann").await.unwrap();
    let ended = stack.storages.wait(id, LIMIT, |_| {}).await.unwrap();
    assert_eq!(
        ended.state,
        StorageState::Cancelled {
            why: "drbd: ann stopped it".into()
        }
    );
    assert_eq!(
        ended.trace(),
        [
            "entry ext4",
            "entry lvm",
            "entry drbd",
            "exit drbd",
            "exit lvm",
            "exit ext4"
        ]
    );
    writer.goes_on(LIMIT);
    assert!(before < last_number(&stack.bed.path("mnt/log")));
    assert!(stack.storages.snapshots("shop").await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_entry_that_fails_lets_go_and_the_fourth_layer_is_never_touched() {
    let Some(stack) = stack().await else { return };
    let writer = stack.writer();
    stack.bed.write("fail-drbd-entry", "");
    let ended = done(&stack.storages, "shop", Job::Snapshot).await;
    assert_eq!(
        ended.trace(),
        [
            "entry ext4",
            "entry lvm",
            "entry drbd",
            "exit drbd",
            "exit lvm",
            "exit ext4"
        ]
    );
    let why = "drbd: no luck".to_owned();
    assert_eq!(ended.state, StorageState::Failed { why });
    writer.goes_on(LIMIT);
    assert!(!stack.bed.path("snapshots").exists(), "nothing was copied");
    // The next one is free to begin.
    std::fs::remove_file(stack.bed.path("fail-drbd-entry")).unwrap();
    let ended = done(&stack.storages, "shop", Job::Snapshot).await;
    assert!(
        matches!(ended.state, StorageState::Done { .. }),
        "{:#?}",
        ended.lines
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exit_that_fails_too_leaves_it_stuck_until_a_person_has_looked() {
    let Some(stack) = stack().await else { return };
    let writer = stack.writer();
    stack.bed.write("fail-drbd-entry", "");
    stack.bed.write("fail-resume", "");
    let ended = done(&stack.storages, "shop", Job::Snapshot).await;
    assert_eq!(
        ended.trace(),
        [
            "entry ext4",
            "entry lvm",
            "entry drbd",
            "exit drbd",
            "exit lvm",
            "exit ext4"
        ]
    );
    let StorageState::Stuck { why, held: true } = &ended.state else {
        panic!("{:?}", ended.state);
    };
    assert!(why.contains("the volume may be frozen"), "{why}");
    writer.stands();
    let refused = stack.storages.begin(
        "shop",
        Job::Snapshot,
        "test",
        rem_time::Span::from_seconds(9),
    );
    let refused = refused.await.unwrap_err();
    assert!(matches!(refused, StorageError::Stuck { .. }), "{refused}");

    // The watchdog goes on trying, and so can a person.
    std::fs::remove_file(stack.bed.path("fail-resume")).unwrap();
    let thawed = stack.storages.thaw("shop").await.unwrap();
    assert_eq!(thawed.len(), 1);
    assert_eq!(thawed[0].layer, "lvm");
    writer.goes_on(LIMIT);
    stack
        .storages
        .resolve(ended.id, "ann", "thawed")
        .await
        .unwrap();
    std::fs::remove_file(stack.bed.path("fail-drbd-entry")).unwrap();
    let ended = done(&stack.storages, "shop", Job::Snapshot).await;
    assert!(
        matches!(ended.state, StorageState::Done { .. }),
        "{:#?}",
        ended.lines
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_stays_when_only_an_exit_failed_and_that_is_told() {
    let Some(stack) = stack().await else { return };
    stack.bed.write("fail-drbd-exit", "");
    let ended = done(&stack.storages, "shop", Job::Snapshot).await;
    let end = StackEnd::DoneWithFailedExit { exits: vec![2] };
    assert_eq!(ended.ends, [("snapshot".to_owned(), end)]);
    assert!(
        matches!(ended.state, StorageState::Stuck { held: false, .. }),
        "{ended:#?}"
    );
    let snapshots = stack.storages.snapshots("shop").await.unwrap();
    assert_eq!(snapshots[0].state, Completeness::Complete);
    assert!(!std::fs::exists(stack.bed.path("suspended")).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_shows_every_step_and_does_nothing() {
    let Some(stack) = stack().await else { return };
    let plan = stack.storages.plan("shop", &Job::Snapshot).await.unwrap();
    let words: Vec<&str> = plan.steps.iter().map(|step| step.what.as_str()).collect();
    assert_eq!(
        words,
        [
            "snapshot: entry ext4: nothing",
            "start the watchdog: it lets go after 30s at the latest",
            "snapshot: entry lvm; writing stops",
            "snapshot: entry drbd",
            "snapshot: entry loop",
            "snapshot: exit loop: nothing",
            "snapshot: exit drbd",
            "snapshot: exit lvm; writing goes on",
            "snapshot: exit ext4: nothing",
            "wait until the copies are complete",
        ]
    );
    assert_eq!(
        (stack.tools(), stack.bed.calls()),
        (String::new(), String::new())
    );
    assert!(stack.storages.operations(true).await.unwrap().is_empty());
    let refused = stack
        .storages
        .plan("shop", &function("snapshot"))
        .await
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("is a part of snapshot, restore and verify")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_write_to_is_never_frozen() {
    if !ext4() {
        return;
    }
    let bed = Bed::new();
    let text = "shop: {mount: ., layers: [ext4, {loop: {files: a.img}}]}\n";
    let storages = bed.open(text, None).await;
    let refused = storages.plan("shop", &Job::Snapshot).await.unwrap_err();
    assert!(
        refused.to_string().contains("would be frozen with"),
        "{refused}"
    );
}
