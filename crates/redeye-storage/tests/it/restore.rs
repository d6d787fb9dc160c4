//! Snapshots of several volumes, and what comes back from them.

use std::fs;

use redeye_storage::{Job, StorageState, Storages};

use crate::bed::{Bed, Writer, done, ext4, function, last_number};

/// Two file systems; the content is good if A is at B, or one ahead.
const SHOP: &str = r#"
shop:
  mount: [a, b]
  layers: [ext4, {loop: {files: [BED/disks/a.img, BED/disks/b.img], size: 16M}}]
  verify: {script: verify.sh}
  keep: {last: 3}
"#;

const VERIFY: &str = r#"#!/bin/sh
set -- $REM_MOUNTS
echo "$@" >>"$REM_BED/verified"
a=$(tail -n 1 "$1/log") b=$(tail -n 1 "$2/log")
[ -n "$a" ] && [ "$a" -ge "$b" ] && [ $((a - b)) -le 1 ] && exit 0
echo "A has $a and B has $b" >&2
exit 1
"#;

async fn shop() -> Option<(Bed, Storages)> {
    if !ext4() {
        return None;
    }
    let bed = Bed::new();
    bed.program("verify.sh", VERIFY);
    let text = SHOP.replace("BED", &bed.folder.display().to_string());
    let storages = bed.open(&text, None).await;
    for name in ["configure", "mount"] {
        well(&storages, function(name)).await;
    }
    Some((bed, storages))
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

fn image(bed: &Bed, id: impl std::fmt::Display, number: u32) -> std::path::PathBuf {
    bed.path(&format!("disks/snapshots/{id}-{number}.img"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_two_volumes_shows_one_instant() {
    let Some((bed, storages)) = shop().await else {
        return;
    };
    let writer = Writer::new(&[bed.path("a/log"), bed.path("b/log")]);
    let mut taken = Vec::new();
    for _ in 0..3 {
        taken.push(well(&storages, Job::Snapshot).await.id);
        writer.goes_on(crate::bed::LIMIT);
    }
    for id in taken {
        let snapshot = Some(id);
        let ended = well(&storages, Job::Verify { snapshot }).await;
        assert!(ended.trace().contains(&"entry verify".to_owned()));
    }
    let all = storages.snapshots("shop").await.unwrap();
    assert!(
        all.iter().all(redeye_storage::StorageSnapshot::is_good),
        "{all:#?}"
    );
    let looked = fs::read_to_string(bed.path("verified")).unwrap();
    assert_eq!(looked.lines().count(), 3);
    assert!(
        looked.lines().all(|line| line.contains("/own/aside/")),
        "{looked}"
    );
    assert!(
        !bed.path("own/aside").read_dir().unwrap().any(|_| true),
        "nothing is left"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_falls_back_over_bad_snapshots_and_destroys_nothing() {
    let Some((bed, storages)) = shop().await else {
        return;
    };
    let write = |a: u64, b: u64| {
        fs::write(bed.path("a/log"), format!("{a}\n")).unwrap();
        fs::write(bed.path("b/log"), format!("{b}\n")).unwrap();
    };
    write(1, 1);
    let good = well(&storages, Job::Snapshot).await.id;
    write(9, 2);
    let wrong = well(&storages, Job::Snapshot).await.id;
    write(3, 3);
    let torn = well(&storages, Job::Snapshot).await.id;
    // A disk that lost its first half: no file system is left on it.
    let torn_image = image(&bed, torn, 1);
    fs::write(&torn_image, vec![0x5a_u8; 16 << 20]).unwrap();
    write(7, 7);

    let ended = well(&storages, Job::Restore { snapshot: None }).await;
    let rejected: Vec<_> = ended.rejected.iter().map(|(id, _)| *id).collect();
    assert_eq!(rejected, [torn, wrong], "{:#?}", ended.lines);
    assert!(
        ended.rejected[1].1.contains("A has 9 and B has 2"),
        "{:?}",
        ended.rejected
    );
    assert_eq!(last_number(&bed.path("a/log")), 1);
    assert_eq!(last_number(&bed.path("b/log")), 1);
    let StorageState::Done { note } = &ended.state else {
        unreachable!()
    };
    assert!(note.contains(&good.to_string()), "{note}");

    // What was there is put aside, whole.
    let before = bed.path(&format!("disks/a.img.before-{}", ended.id));
    let aside = bed.path("look");
    fs::create_dir(&aside).unwrap();
    let paths = [before.display().to_string(), aside.display().to_string()];
    crate::bed::run("mount", &["-o", "loop", &paths[0], &paths[1]]);
    assert_eq!(last_number(&aside.join("log")), 7);
    assert!(
        !bed.path(&format!("disks/a.img.restore-{}", ended.id))
            .exists()
    );

    let all = storages.snapshots("shop").await.unwrap();
    let judged = |id| {
        let one = all.iter().find(|one| one.id == id).unwrap();
        one.verified.as_ref().map(|found| found.bad.is_none())
    };
    assert_eq!(
        [judged(good), judged(wrong), judged(torn)],
        [Some(true), Some(false), Some(false)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_snapshot_is_good_everything_stays_as_it_was() {
    let Some((bed, storages)) = shop().await else {
        return;
    };
    fs::write(bed.path("a/log"), "5\n").unwrap();
    fs::write(bed.path("b/log"), "1\n").unwrap();
    well(&storages, Job::Snapshot).await;
    fs::write(bed.path("b/log"), "4\n").unwrap();
    let ended = done(&storages, "shop", Job::Restore { snapshot: None }).await;
    let StorageState::Failed { why } = &ended.state else {
        panic!("{:?}", ended.state);
    };
    assert!(why.contains("A has 5 and B has 1"), "{why}");
    assert!(bed.mounted("a") && bed.mounted("b"));
    assert_eq!(last_number(&bed.path("b/log")), 4);
    assert!(!ended.trace().contains(&"entry unmount".to_owned()));
    well(&storages, Job::Verify { snapshot: None }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_only_fails_in_its_place_gives_the_place_back() {
    let Some((bed, storages)) = shop().await else {
        return;
    };
    let number = |number: u64| {
        for name in ["a/log", "b/log"] {
            fs::write(bed.path(name), format!("{number}\n")).unwrap();
        }
    };
    number(1);
    let first = well(&storages, Job::Snapshot).await.id;
    number(2);
    well(&storages, Job::Snapshot).await;
    number(3);
    // Good beside, bad where it is used.
    let picky = "#!/bin/sh\ncase $REM_MOUNT in */aside/*) exit 0;; esac\n[ \"$(cat \"$REM_MOUNT/log\")\" != 2 ]\n";
    bed.program("verify.sh", picky);
    let ended = well(&storages, Job::Restore { snapshot: None }).await;
    assert_eq!(last_number(&bed.path("a/log")), 1, "{:#?}", ended.lines);
    assert_eq!(ended.rejected.len(), 1);
    let StorageState::Done { note } = &ended.state else {
        unreachable!()
    };
    assert!(note.contains(&first.to_string()), "{note}");
    let before = bed.path(&format!("disks/a.img.before-{}", ended.id));
    assert!(before.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn old_snapshots_go_and_the_last_good_one_stays() {
    let Some((bed, storages)) = shop().await else {
        return;
    };
    fs::write(bed.path("a/log"), "1\n").unwrap();
    fs::write(bed.path("b/log"), "1\n").unwrap();
    let good = well(&storages, Job::Snapshot).await.id;
    let snapshot = Some(good);
    well(&storages, Job::Verify { snapshot }).await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(well(&storages, Job::Snapshot).await.id);
    }
    let kept: Vec<_> = storages.snapshots("shop").await.unwrap();
    let kept: Vec<_> = kept.iter().map(|one| one.id).collect();
    assert_eq!(kept, [ids[3], ids[2], ids[1], good]);
    assert!(image(&bed, good, 0).exists());
    assert!(!image(&bed, ids[0], 0).exists() && !image(&bed, ids[0], 1).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_made_mounted_grown_and_left() {
    let Some((bed, storages)) = shop().await else {
        return;
    };
    let text = SHOP.replace("BED", &bed.folder.display().to_string());
    let before = storages;
    well(&before, function("unmount")).await;
    // One process at a time knows what the file says.
    before.close().await;
    let storages = bed.open(&text.replace("16M", "24M"), None).await;
    assert!(!bed.mounted("a") && !bed.mounted("b"));
    well(&storages, function("resize")).await;
    let image = fs::metadata(bed.path("disks/a.img")).unwrap();
    assert_eq!(image.len(), 24 << 20);
    let mounted = well(&storages, function("mount")).await;
    let up = ["entry ext4", "entry loop", "exit loop", "exit ext4"];
    assert_eq!(mounted.trace(), up);
    let free = crate::bed::run(
        "df",
        &["--output=size", &bed.path("a").display().to_string()],
    );
    let blocks: u64 = free.lines().last().unwrap().trim().parse().unwrap();
    assert!(
        16 << 10 < blocks,
        "the file system has grown too: {blocks} KiB"
    );
    assert!(bed.mounted("a") && bed.mounted("b"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_has_a_copy_of_the_mount_stops_no_restore() {
    let Some((bed, storages)) = shop().await else {
        return;
    };
    let number = |number: u64| {
        for name in ["a/log", "b/log"] {
            fs::write(bed.path(name), format!("{number}\n")).unwrap();
        }
    };
    number(1);
    well(&storages, Job::Snapshot).await;
    number(2);
    let mut container = std::process::Command::new("unshare")
        .args(["-m", "sh", "-c", "echo ready; exec tail -f /dev/null"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    // It ends when nobody listens any more.
    let mut out = std::io::BufReader::new(container.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    let ended = done(&storages, "shop", Job::Restore { snapshot: None }).await;
    container.kill().unwrap();
    container.wait().unwrap();
    drop(out);
    assert!(
        matches!(ended.state, StorageState::Done { .. }),
        "{:#?}",
        ended.lines
    );
    let told = |line: &redeye_cloud::OperationLine| line.text.contains("in use elsewhere still");
    assert!(ended.lines.iter().any(told), "{:#?}", ended.lines);
    assert_eq!(last_number(&bed.path("a/log")), 1);
}
