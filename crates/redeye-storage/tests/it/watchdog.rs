//! What lets go when we do not.

use redeye_storage::{Job, StorageState};

use crate::bed::{Bed, LIMIT, Writer, begun, done, ext4, run, wait_for};

const SHOP: &str = "\
shop:
  mount: mnt
  hold_max: 1s
  layers: [{file: quick.yaml}, {file: low.yaml}]
";

/// A layer that stops the file system as ours does, within less than a second.
const QUICK: &str = r#"
handler: quick
functions:
  snapshot:
    entry: {shell: 'fsfreeze -f "$REM_MOUNT"', holds: true, timeout: 900ms}
    exit: {shell: 'echo "$REM_OUTCOME $REM_ENTERED" >>"$REM_BED/let-go"; fsfreeze -u "$REM_MOUNT"', timeout: 5s}
"#;

fn bed() -> Bed {
    let bed = Bed::new();
    bed.write("quick.yaml", QUICK);
    bed.probe("low", false);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_takes_too_long_is_let_go_once_and_the_snapshot_does_not_count() {
    if !ext4() {
        return;
    }
    let bed = bed();
    let writer = Writer::new(&[bed.path("mnt/log")]);
    bed.write("block-low-entry", "");
    let storages = bed.open(SHOP, None).await;
    let id = begun(&storages, "shop", Job::Snapshot).await;
    wait_for("the hold", || bed.path("reached").exists());
    writer.goes_on(LIMIT);
    let ended = storages.wait(id, LIMIT, |_| {}).await.unwrap();
    let why = "low: writing was stopped for 1s and goes on".to_owned();
    assert_eq!(ended.state, StorageState::Failed { why });
    let let_go = std::fs::read_to_string(bed.path("let-go")).unwrap();
    assert_eq!(let_go, "failed partial\n", "once, by the watchdog");
    assert!(storages.snapshots("shop").await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_of_somebody_else_is_theirs() {
    if !ext4() {
        return;
    }
    let bed = bed();
    let text = format!(
        "shop: {{mount: mnt, layers: [ext4, {{loop: {{files: {}}}}}]}}\n",
        bed.path("shop.img").display()
    );
    let storages = bed.open(&text, None).await;
    let mount = bed.path("mnt").display().to_string();
    run("fsfreeze", &["-f", &mount]);
    let ended = done(&storages, "shop", Job::Snapshot).await;
    assert!(
        matches!(ended.state, StorageState::Failed { .. }),
        "{:?}",
        ended.state
    );
    // It is frozen still, so that letting go works once more.
    run("fsfreeze", &["-u", &mount]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_watchdog_nothing_is_frozen() {
    if !ext4() {
        return;
    }
    let bed = bed();
    let mut parts = redeye_storage::Parts {
        storages: bed.storages(SHOP),
        cloud: None,
        journal: bed.journal().await,
        watchdog: redeye_storage::Watchdog::new("/bin/true", [""; 0]),
        folder: bed.path("own"),
        written: Vec::new(),
        environment: vec![("REM_BED".into(), bed.folder.display().to_string())],
        clock: std::sync::Arc::new(rem_time::SystemClock),
    };
    parts.written.push(bed.path("journal"));
    let storages = redeye_storage::Storages::new(parts);
    let ended = done(&storages, "shop", Job::Snapshot).await;
    let StorageState::Failed { why } = &ended.state else {
        panic!("{:?}", ended.state);
    };
    assert!(why.contains("the watchdog"), "{why}");
    let writer = Writer::new(&[bed.path("mnt/log")]);
    writer.goes_on(LIMIT);
}

/// The process that has a file below a folder open.
fn who_has(folder: &std::path::Path) -> Option<rustix::process::Pid> {
    let own = std::process::id();
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let pid = process.file_name().to_string_lossy().parse::<u32>();
        let Some(pid) = pid.ok().filter(|pid| *pid != own) else {
            continue;
        };
        let files = std::fs::read_dir(process.path().join("fd"));
        let mut files = files.into_iter().flatten().flatten();
        let is_it = |file: std::fs::DirEntry| {
            std::fs::read_link(file.path()).is_ok_and(|path| path.starts_with(folder))
        };
        if files.any(is_it) {
            return rustix::process::Pid::from_raw(i32::try_from(pid).unwrap());
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watchdog_that_is_killed_itself_leaves_nothing_frozen() {
    if !ext4() {
        return;
    }
    let bed = bed();
    let text = "shop: {mount: mnt, layers: [ext4, {file: low.yaml}]}\n";
    let writer = Writer::new(&[bed.path("mnt/log")]);
    bed.write("block-low-entry", "");
    let storages = bed.open(text, None).await;
    let id = begun(&storages, "shop", Job::Snapshot).await;
    wait_for("the hold", || bed.path("reached").exists());
    writer.stands();
    let watchdog = who_has(&bed.path("own/holds")).unwrap();
    rustix::process::kill_process(watchdog, rustix::process::Signal::KILL).unwrap();
    let ended = storages.wait(id, LIMIT, |_| {}).await.unwrap();
    let why = "low: the watchdog is gone".to_owned();
    assert_eq!(
        ended.state,
        StorageState::Failed { why },
        "{:#?}",
        ended.lines
    );
    writer.goes_on(LIMIT);
}
