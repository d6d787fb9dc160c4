//! The process is killed at every step, with its whole group.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redeye_cloud::StackEnd;
use redeye_storage::{Job, StorageState};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::bed::{Bed, LIMIT, Writer, begun, ext4, last_number, run, wait_for};

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

/// What the child does: begins a job and waits for its end. A file says which.
#[tokio::test(flavor = "multi_thread")]
async fn runner_mode() {
    let Ok(folder) = std::env::var(RUNNER) else {
        return;
    };
    let bed = std::mem::ManuallyDrop::new(Bed {
        folder: folder.clone().into(),
    });
    let own = std::fs::read_to_string(bed.path("shop.yaml")).ok();
    let text = own.unwrap_or_else(|| text(&folder));
    let storages = bed.open(&text, None).await;
    let job = match bed.path("restores").exists() {
        true => Job::Restore { snapshot: None },
        false => Job::Snapshot,
    };
    let id = begun(&storages, "shop", job).await;
    bed.write("begun", "");
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

fn child(bed: &Bed) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["kill::runner_mode", "--exact", "--nocapture"])
        .env(RUNNER, &bed.folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap()
}

fn kill(mut child: Child) {
    kill_process_group(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
}

/// A child that is killed, with its whole group, while a step runs.
fn killed_at(bed: &Bed, step: &str, writer: Option<&Writer>) {
    bed.write(&format!("block-{step}"), "");
    let child = child(bed);
    wait_for(step, || bed.path("reached").exists());
    if let Some(writer) = writer {
        writer.stands();
    }
    kill(child);
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

/// A layer that stops writing and does not come back from that.
const HALF: &str = r#"
handler: half
functions:
  snapshot:
    entry: {shell: 'fsfreeze -f "$REM_MOUNT"; : >"$REM_BED/reached"; exec tail -f /dev/null', holds: true, timeout: 1s}
    exit: {shell: 'fsfreeze -u "$REM_MOUNT" || true'}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_in_the_middle_of_stopping_stops_nobody() {
    if !ext4() {
        return;
    }
    let bed = bed();
    bed.write("half.yaml", HALF);
    let text = "shop: {mount: mnt, layers: [{file: half.yaml}, {file: low.yaml}]}\n";
    bed.write("shop.yaml", text);
    let writer = Writer::new(&[bed.path("mnt/log")]);
    killed_at(&bed, "half-entry", Some(&writer));
    writer.goes_on(Duration::from_secs(2));
    let storages = bed.open(text, None).await;
    let open = storages.resume().await.unwrap();
    let ended = storages.wait(open[0], LIMIT, |_| {}).await.unwrap();
    assert_eq!(ended.trace(), ["entry half", "exit half"]);
    assert!(
        matches!(ended.state, StorageState::Failed { .. }),
        "{:?}",
        ended.state
    );
    writer.goes_on(LIMIT);
    drop(writer);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_instant_a_snapshot_is_whole_or_not_there() {
    if !ext4() {
        return;
    }
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..8_u64 {
        tasks.spawn(async move {
            let bed = bed();
            let writer = Writer::new(&[bed.path("mnt/log")]);
            let killed = tokio::task::spawn_blocking(move || {
                let child = child(&bed);
                wait_for("the beginning", || bed.path("begun").exists());
                let since = Instant::now();
                while since.elapsed() < Duration::from_millis(number * 20) {
                    std::thread::sleep(Duration::from_millis(2));
                }
                kill(child);
                bed
            });
            let bed = killed.await.unwrap();
            writer.goes_on(LIMIT);
            let storages = bed
                .open(&text(&bed.folder.display().to_string()), None)
                .await;
            storages.resume().await.unwrap();
            let all = storages.operations(true).await.unwrap();
            let ended = storages.wait(all[0].id, LIMIT, |_| {}).await.unwrap();
            let kept = storages.snapshots("shop").await.unwrap();
            match ended.state {
                StorageState::Done { .. } => assert_eq!(kept.len(), 1),
                StorageState::Failed { .. } => assert!(kept.is_empty()),
                state => panic!("{state:?}"),
            }
            let files = std::fs::read_dir(bed.path("snapshots"));
            let files = files.map_or(0, Iterator::count);
            assert_eq!(files, kept.len(), "no copy that nobody knows of");
            writer.goes_on(LIMIT);
            drop(writer);
            ended.state.name()
        });
    }
    while let Some(ended) = tasks.join_next().await {
        eprintln!("{}", ended.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_killed_is_finished_by_the_next_process() {
    if !ext4() {
        return;
    }
    let mut tasks = tokio::task::JoinSet::new();
    // While the snapshot is verified beside, and where it is used.
    for place in ["*/aside/*", "*/mnt"] {
        tasks.spawn(async move {
            let bed = bed();
            let verify = format!(
                "#!/bin/sh\ncase $REM_MOUNT in {place}) ;; *) exit 0 ;; esac\n[ ! -e \"$REM_BED/block-verify\" ] || \
                 {{ : >\"$REM_BED/reached\"; exec tail -f /dev/null; }}\n"
            );
            bed.program("verify.sh", &verify);
            let text = "shop: {mount: mnt, layers: [ext4, {loop: {files: shop.img}}], \
                        verify: {script: verify.sh, idempotent: true}}\n";
            bed.write("shop.yaml", text);
            let storages = bed.open(text, None).await;
            let log = bed.path("mnt/log");
            std::fs::write(&log, "1\n").unwrap();
            let taken = begun(&storages, "shop", Job::Snapshot).await;
            let taken = storages.wait(taken, LIMIT, |_| {}).await.unwrap();
            assert!(matches!(taken.state, StorageState::Done { .. }), "{:#?}", taken.lines);
            storages.close().await;
            drop(storages);
            std::fs::write(&log, "2\n").unwrap();
            bed.write("restores", "");
            let killed = tokio::task::spawn_blocking(move || {
                killed_at(&bed, "verify", None);
                bed
            });
            let bed = killed.await.unwrap();
            let storages = bed.open(text, None).await;
            let open = storages.resume().await.unwrap();
            let ended = storages.wait(open[0], LIMIT, |_| {}).await.unwrap();
            assert!(matches!(ended.state, StorageState::Done { .. }), "{:#?}", ended.lines);
            assert_eq!(last_number(&bed.path("mnt/log")), 1);
            let before = bed.path(&format!("shop.img.before-{}", ended.id));
            assert!(before.exists());
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}
