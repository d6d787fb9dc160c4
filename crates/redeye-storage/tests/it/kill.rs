//! The process is killed at every step, with its whole group.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use redeye_cloud::StackEnd;
use redeye_storage::{Job, StorageState};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::bed::{Bed, LIMIT, Writer, begun, ext4, run, wait_for};

/// The bed in which a child works.
const RUNNER: &str = "REM_TEST_RUNNER";

const SHOP: &str = "\
shop:
  mount: mnt
  layers: [{file: top.yaml}, ext4, {file: low.yaml}, {loop: {files: BED/shop.img}}]
";

fn text(folder: &str) -> String {
    SHOP.replace("BED", folder)
}

/// What the child does: begins a snapshot and waits for its end.
#[tokio::test(flavor = "multi_thread")]
async fn runner_mode() {
    let Ok(folder) = std::env::var(RUNNER) else {
        return;
    };
    let bed = std::mem::ManuallyDrop::new(Bed {
        folder: folder.clone().into(),
    });
    let storages = bed.open(&text(&folder), None).await;
    let id = begun(&storages, "shop", Job::Snapshot).await;
    storages.wait(id, LIMIT, |_| {}).await.unwrap();
}

fn bed() -> Bed {
    let bed = Bed::new();
    bed.probe("top", false);
    bed.probe("low", true);
    let image = bed.path("shop.img").display().to_string();
    run("truncate", &["-s", "16M", &image]);
    run("mkfs.ext4", &["-q", &image]);
    std::fs::create_dir(bed.path("mnt")).unwrap();
    run(
        "mount",
        &["-o", "loop", &image, &bed.path("mnt").display().to_string()],
    );
    bed
}

/// A child that is killed, with its whole group, while a step runs.
fn killed_at(bed: &Bed, step: &str, writer: Option<&Writer>) {
    bed.write(&format!("block-{step}"), "");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["kill::runner_mode", "--exact", "--nocapture"])
        .env(RUNNER, &bed.folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    wait_for(step, || bed.path("reached").exists());
    if let Some(writer) = writer {
        writer.stands();
    }
    let group = Pid::from_child(&child);
    kill_process_group(group, Signal::KILL).unwrap();
    child.wait().unwrap();
    std::fs::remove_file(bed.path("reached")).unwrap();
    std::fs::remove_file(bed.path(&format!("block-{step}"))).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_while_writing_is_stopped_stops_nobody_and_the_next_one_unwinds() {
    if !ext4() {
        return;
    }
    let bed = bed();
    let writer = Writer::new(&[bed.path("mnt/log")]);
    killed_at(&bed, "low-entry", Some(&writer));
    let took = writer.goes_on(Duration::from_secs(2));
    eprintln!("the writer went on {took:?} after the kill");

    // Somebody else stops writing by now: that is not ours to let go.
    let mount = bed.path("mnt").display().to_string();
    run("fsfreeze", &["-f", &mount]);
    writer.stands();
    let storages = bed
        .open(&text(&bed.folder.display().to_string()), None)
        .await;
    let open = storages.resume().await.unwrap();
    assert_eq!(open.len(), 1);
    let ended = storages.wait(open[0], LIMIT, |_| {}).await.unwrap();
    writer.stands();
    run("fsfreeze", &["-u", &mount]);
    writer.goes_on(LIMIT);
    assert_eq!(
        ended.trace(),
        [
            "entry top",
            "entry ext4",
            "entry low",
            "exit low",
            "exit ext4",
            "exit top"
        ]
    );
    let [(_, StackEnd::Failed { layer: 2, .. })] = &ended.ends[..] else {
        panic!("{:?}", ended.ends);
    };
    assert!(
        matches!(ended.state, StorageState::Failed { .. }),
        "{:?}",
        ended.state
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_the_process_is_killed_nothing_stays_frozen_and_the_end_is_known() {
    if !ext4() {
        return;
    }
    let steps = [
        ("top-entry", "failed"),
        ("low-entry", "failed"),
        // On the way up all is done: the next one goes on.
        ("low-exit", "done"),
        ("top-exit", "done"),
    ];
    let mut tasks = tokio::task::JoinSet::new();
    for (step, wanted) in steps {
        tasks.spawn(async move {
            let bed = bed();
            let writer = Writer::new(&[bed.path("mnt/log")]);
            let bed = tokio::task::spawn_blocking(move || {
                killed_at(&bed, step, None);
                bed
            });
            let bed = bed.await.unwrap();
            writer.goes_on(LIMIT);
            let storages = bed
                .open(&text(&bed.folder.display().to_string()), None)
                .await;
            let open = storages.resume().await.unwrap();
            let ended = storages.wait(open[0], LIMIT, |_| {}).await.unwrap();
            assert_eq!(ended.state.name(), wanted, "{step}: {:#?}", ended.lines);
            writer.goes_on(LIMIT);
            let kept = storages.snapshots("shop").await.unwrap().len();
            assert_eq!(kept, usize::from(wanted == "done"), "{step}");
            drop(writer);
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}
