//! A subvolume of btrfs, whose snapshots stop nobody.

use std::fs;
use std::process::Command;

use redeye_storage::{Job, StorageState, Storages};

use crate::bed::{Bed, can_run, done, ext4, function, last_number};

fn available() -> bool {
    let kernel = fs::read_to_string("/proc/filesystems").unwrap();
    let why = match kernel.lines().any(|line| line.trim() == "btrfs") {
        false => Some("the kernel has no btrfs".to_owned()),
        true => Command::new("mkfs.btrfs")
            .arg("--version")
            .output()
            .err()
            .map(|why| format!("mkfs.btrfs: {why}")),
    };
    ext4() && can_run("btrfs", false, why)
}

async fn well(storages: &Storages, job: Job) -> redeye_storage::StorageOperation {
    let ended = done(storages, "shop", job).await;
    assert!(
        matches!(ended.state, StorageState::Done { .. }),
        "{:#?}",
        ended.lines
    );
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subvolume_is_taken_restored_and_forgotten() {
    if !available() {
        return;
    }
    let bed = Bed::new();
    let text = format!(
        "shop:\n  mount: mnt\n  layers: [btrfs, {{loop: {{files: {}, size: 128M, copy: false}}}}]\n  \
         verify: {{shell: 'grep -q good \"$REM_MOUNT/state\"'}}\n  keep: {{last: 2}}\n",
        bed.path("b.img").display()
    );
    let storages = bed.open(&text, None).await;
    for name in ["configure", "mount"] {
        well(&storages, function(name)).await;
    }
    let put = |number: u64, state: &str| {
        fs::write(bed.path("mnt/log"), format!("{number}\n")).unwrap();
        fs::write(bed.path("mnt/state"), state).unwrap();
    };
    put(1, "good");
    let good = well(&storages, Job::Snapshot).await;
    put(2, "bad");
    well(&storages, Job::Snapshot).await;
    put(3, "whatever");
    let ended = well(&storages, Job::Restore { snapshot: None }).await;
    assert_eq!(ended.rejected.len(), 1, "{:#?}", ended.lines);
    assert_eq!(last_number(&bed.path("mnt/log")), 1);
    for number in 4..6 {
        put(number, "good");
        well(&storages, Job::Snapshot).await;
    }
    let kept: Vec<_> = storages.snapshots("shop").await.unwrap();
    assert_eq!(kept.len(), 3, "the last good one is among them: {kept:#?}");
    assert!(kept.iter().any(|one| one.id == good.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_subvolumes_it_stops_writing_while_the_layer_below_copies() {
    if !available() {
        return;
    }
    let bed = Bed::new();
    let text = format!(
        "shop:\n  mount: mnt\n  layers: [{{btrfs: {{subvolumes: false}}}}, {{loop: {{files: {}, size: 128M}}}}]\n",
        bed.path("b.img").display()
    );
    let storages = bed.open(&text, None).await;
    for name in ["configure", "mount"] {
        well(&storages, function(name)).await;
    }
    fs::write(bed.path("mnt/log"), "1\n").unwrap();
    well(&storages, Job::Snapshot).await;
    let taken = &storages.snapshots("shop").await.unwrap()[0];
    assert!(taken.held.is_some());
    fs::write(bed.path("mnt/log"), "2\n").unwrap();
    well(&storages, Job::Restore { snapshot: None }).await;
    assert_eq!(last_number(&bed.path("mnt/log")), 1);
}
