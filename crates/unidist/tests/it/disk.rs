//! Disks that lose, refuse and lie.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use unidist::{
    Bucket, BucketSpec, Consistent, Cut, Error, FileOpts, OnRestart, QueueSpec, SimDisk, Unidist,
};

use crate::backends::opts;

fn open(disk: &SimDisk) -> Result<Unidist, Error> {
    Unidist::open_on(Arc::new(disk.clone()), small())
}

fn small() -> FileOpts {
    FileOpts {
        segment_bytes: 64 * 1024,
        snapshot_bytes: 100 * 1024,
        ..FileOpts::default()
    }
}

fn bucket(unidist: &Unidist) -> Bucket<Consistent> {
    unidist.consistent("b", BucketSpec::default()).unwrap()
}

/// Writes `n` keys one after the other from each of four tasks; returns how
/// many of each were acknowledged when the power was cut, and the disk after it.
async fn cut_under_load(seed: u64, lying: bool) -> (Vec<u64>, SimDisk) {
    let disk = SimDisk::new();
    let unidist = open(&disk).unwrap();
    disk.ignore_sync(lying);
    let bucket = bucket(&unidist);
    let writers = (0..4).map(|writer| {
        let state = bucket.state::<u64>();
        let acked = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let count = acked.clone();
        let task = tokio::spawn(async move {
            for i in 1.. {
                if state.put(&format!("w{writer}"), &i).await.is_err() {
                    return;
                }
                count.store(i, std::sync::atomic::Ordering::SeqCst);
            }
        });
        (task, acked)
    });
    let writers: Vec<_> = writers.collect();
    while bucket.state::<u64>().revision().await.unwrap().0 < 20 + seed % 300 {
        tokio::task::yield_now().await;
    }
    let acked = writers
        .iter()
        .map(|(_, acked)| acked.load(std::sync::atomic::Ordering::SeqCst));
    let acked: Vec<u64> = acked.collect();
    let cut = if seed.is_multiple_of(4) {
        Cut::LoseAll
    } else {
        Cut::Torn(seed)
    };
    let after = disk.after_power_cut(cut);
    for (task, _) in writers {
        task.abort();
    }
    (acked, after)
}

async fn lost(seed: u64, lying: bool) -> bool {
    let (acked, after) = cut_under_load(seed, lying).await;
    let Ok(unidist) = open(&after) else {
        return true;
    };
    let state = bucket(&unidist).state::<u64>();
    for (writer, acked) in acked.iter().enumerate() {
        let kept = state.get(&format!("w{writer}")).await.unwrap();
        if kept.map_or(0, |kept| kept.value) < *acked {
            return true;
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_loses_nothing_acknowledged() {
    let nightly = std::env::var("REM_NIGHTLY").is_ok_and(|v| v == "1");
    for seed in 0..if nightly { 5_000 } else { 100 } {
        assert!(!lost(seed, false).await, "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_power_cut_test_notices_a_missing_sync() {
    for seed in 0..10 {
        assert!(
            lost(seed * 4, true).await,
            "seed {seed}: the lie was not noticed"
        );
    }
}

#[tokio::test]
async fn a_full_disk_refuses_whole_commands_and_recovers_when_there_is_room() {
    let disk = SimDisk::new();
    let unidist = open(&disk).unwrap();
    let state = bucket(&unidist).state::<String>();
    disk.limit(Some(200 * 1024));
    let text = "x".repeat(4000);
    let mut kept = 0;
    let error = loop {
        match state.put(&format!("k{kept}"), &text).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    let Error::Storage { file, source, .. } = &error else {
        panic!("not about the disk: {error:?}");
    };
    assert!(file.starts_with("/simulated/"), "{}", file.display());
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
    assert_eq!(
        state.keys("").await.unwrap().len(),
        kept,
        "a refused command was applied"
    );
    disk.limit(None);
    state.put("after", &text).await.unwrap();
    drop((state, unidist));
    let again = open(&disk.after_power_cut(Cut::LoseAll)).unwrap();
    assert_eq!(
        bucket(&again)
            .state::<String>()
            .keys("")
            .await
            .unwrap()
            .len(),
        kept + 1
    );
}

#[tokio::test]
async fn a_failed_sync_closes_the_log_for_good() {
    let disk = SimDisk::new();
    let unidist = open(&disk).unwrap();
    let state = bucket(&unidist).state::<u64>();
    state.put("before", &1).await.unwrap();
    disk.fail_sync(true);
    let failed = state.put("during", &2).await;
    assert!(
        matches!(failed, Err(Error::Storage { doing: "sync", .. })),
        "{failed:?}"
    );
    disk.fail_sync(false);
    let after = state.put("after", &3).await;
    assert!(
        matches!(after, Err(Error::Storage { .. })),
        "a later sync proves nothing"
    );
    assert!(state.get("before").await.is_err());
    drop((state, unidist));
    let again = open(&disk.after_power_cut(Cut::LoseAll)).unwrap();
    let state = bucket(&again).state::<u64>();
    assert_eq!(state.keys("").await.unwrap(), ["before"]);
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_an_error_that_names_it() {
    let disk = SimDisk::new();
    disk.read_only(true);
    let refused = open(&disk);
    let Err(Error::Storage { file, source, .. }) = refused else {
        panic!("opened: {refused:?}");
    };
    assert!(file.starts_with("/simulated"));
    assert_eq!(source.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "no folder").unwrap();
    let refused = Unidist::open(&file, opts()).await;
    assert!(matches!(refused, Err(Error::Storage { file: f, .. }) if f.starts_with(&file)));
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let dir = TempDir::new().unwrap();
    let (token, rev);
    {
        let unidist = Unidist::open(dir.path(), opts()).await.unwrap();
        let bucket = bucket(&unidist);
        let guard = bucket
            .lock("a")
            .lease(Duration::from_millis(300))
            .acquire()
            .await
            .unwrap();
        token = guard.token();
        guard.release().await.unwrap();
        bucket.counter("c").add(7);
        let queue = bucket.queue::<String>("q", QueueSpec::last(25));
        for i in 0..400 {
            queue
                .push(&format!("{i} {}", "x".repeat(2000)))
                .await
                .unwrap();
        }
        let state = bucket.state::<u64>();
        state.put("k", &1).await.unwrap();
        rev = state.put("k", &2).await.unwrap().rev;
    }
    let names = std::fs::read_dir(dir.path()).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    let snapshot = |name: &std::ffi::OsString| name.to_string_lossy().starts_with("snap-");
    assert!(
        names.iter().any(snapshot),
        "the log was never cut: {names:?}"
    );
    let unidist = Unidist::open(dir.path(), opts()).await.unwrap();
    let bucket = bucket(&unidist);
    assert!(token < bucket.lock("a").acquire().await.unwrap().token());
    assert_eq!(bucket.counter("c").value().await.unwrap(), 7);
    let queue = bucket.queue::<String>("q", QueueSpec::last(25));
    let kept = queue.peek_oldest(99).await.unwrap();
    assert_eq!(kept.len(), 25);
    assert!(kept[0].value.starts_with("375 "));
    let mut watch = bucket
        .state::<u64>()
        .watch("k", unidist::Revision(rev.0 - 1));
    assert_eq!(
        watch.next().await.unwrap().rev,
        rev,
        "the restart made a gap"
    );
}

#[tokio::test]
async fn a_lock_outlives_its_dead_owner_until_its_lease_ends() {
    let disk = SimDisk::new();
    let unidist = open(&disk).unwrap();
    let long = Duration::from_secs(600);
    let guard = bucket(&unidist)
        .lock("a")
        .lease(long)
        .acquire()
        .await
        .unwrap();
    let after = disk.after_power_cut(Cut::LoseAll);
    let again = open(&after).unwrap();
    let info = bucket(&again).lock("a").info().await.unwrap();
    assert_eq!(info.holder.unwrap().token, guard.token());
    assert!(
        bucket(&again)
            .lock("a")
            .try_acquire()
            .await
            .unwrap()
            .is_none()
    );
    drop(again);
    let release = FileOpts {
        on_restart: OnRestart::Release,
        ..small()
    };
    let third = Unidist::open_on(Arc::new(after), release).unwrap();
    let next = bucket(&third)
        .lock("a")
        .try_acquire()
        .await
        .unwrap()
        .unwrap();
    assert!(guard.token() < next.token());
}

#[tokio::test]
async fn a_repeated_operation_is_applied_once_across_a_power_cut() {
    let disk = SimDisk::new();
    let unidist = open(&disk).unwrap();
    let op = unidist.next_op();
    let push = async |unidist: &Unidist| {
        let bucket = bucket(unidist).with_op(op);
        let queue = bucket.queue::<u64>("q", QueueSpec::default());
        queue.push(&1).await.unwrap()
    };
    let first = push(&unidist).await;
    let again = open(&disk.after_power_cut(Cut::LoseAll)).unwrap();
    assert_eq!(push(&again).await, first);
    let queue = bucket(&again).queue::<u64>("q", QueueSpec::default());
    assert_eq!(queue.len().await.unwrap(), 1);
}
