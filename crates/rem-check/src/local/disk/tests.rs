use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};

use super::*;

const MOUNTS: &str = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n\
                      2 1 0:9 / /mnt/nfs rw - nfs4 server:/x rw\n";

fn space() -> Space {
    Space {
        total: 1000,
        free: 300,
        free_to_users: 200,
        inodes: 100,
        inodes_free: 90,
    }
}

fn disk(
    options: DiskOptions,
    ask: impl Fn(&str) -> io::Result<Space> + Send + Sync + 'static,
) -> (LocalDisk, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("self")).unwrap();
    std::fs::write(folder.path().join("self/mountinfo"), MOUNTS).unwrap();
    let root = Root {
        proc: folder.path().into(),
        sys: folder.path().into(),
    };
    let mut disk = LocalDisk::new(root, options);
    disk.ask = Ask(Arc::new(ask));
    (disk, folder)
}

#[tokio::test]
async fn every_mount_has_its_readings_as_df_counts() {
    let (disk, _folder) = disk(DiskOptions::default(), |_| Ok(space()));
    let report = disk.run(Timestamp::EPOCH).await;
    assert_eq!(report.verdict, Verdict::Ok);
    assert_eq!(report.message, "2 file systems, fullest is /: 77.8%");
    for mount in ["/", "/mnt/nfs"] {
        let value = |field| report.value(Some(mount), field);
        assert_eq!(value("total"), Some(1000.0));
        assert_eq!(value("used"), Some(700.0));
        assert_eq!(value("free"), Some(200.0));
        assert_eq!(value("used_percent"), Some(700.0 / 900.0 * 100.0));
        assert_eq!(value("inodes_percent"), Some(10.0));
    }
}

#[tokio::test]
async fn a_mount_that_hangs_is_unknown_and_does_not_hold_up_the_others() {
    let (release, held): (_, Receiver<()>) = channel();
    let held = Mutex::new(held);
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let options = DiskOptions {
        deadline: Span::from_millis(200),
        ..DiskOptions::default()
    };
    let (disk, _folder) = disk(options, move |point| {
        if point == "/mnt/nfs" {
            counter.fetch_add(1, Ordering::SeqCst);
            let _ = held.lock().unwrap().recv();
        }
        Ok(space())
    });
    for _ in 0..2 {
        let report = disk.run(Timestamp::EPOCH).await;
        assert_eq!(report.verdict, Verdict::Unknown);
        assert_eq!(report.message, "no answer from /mnt/nfs within 200ms");
        assert_eq!(report.value(Some("/"), "total"), Some(1000.0));
        assert_eq!(report.value(Some("/mnt/nfs"), "total"), None);
        // It is shown, as unknown.
        assert!(
            report
                .readings
                .iter()
                .any(|r| r.group.as_deref() == Some("/mnt/nfs"))
        );
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1, "asked again while it hung");
    drop(release);
}

#[tokio::test]
async fn a_mount_that_answers_at_last_is_asked_again() {
    let (release, held): (_, Receiver<()>) = channel();
    let held = Mutex::new(held);
    let options = DiskOptions {
        deadline: Span::from_millis(50),
        ..DiskOptions::default()
    };
    let (disk, _folder) = disk(options, move |point| {
        if point == "/mnt/nfs" {
            let _ = held.lock().unwrap().recv();
        }
        Ok(space())
    });
    assert_eq!(disk.run(Timestamp::EPOCH).await.verdict, Verdict::Unknown);
    drop(release);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while disk.run(Timestamp::EPOCH).await.verdict != Verdict::Ok {
        assert!(std::time::Instant::now() < deadline, "it never came back");
    }
}

#[tokio::test]
async fn a_mount_that_fails_says_why() {
    let (disk, _folder) = disk(DiskOptions::default(), |point| match point {
        "/" => Ok(space()),
        _ => Err(io::Error::from_raw_os_error(116)),
    });
    let report = disk.run(Timestamp::EPOCH).await;
    assert_eq!(report.verdict, Verdict::Unknown);
    assert!(
        report.message.starts_with("cannot look at /mnt/nfs: stale"),
        "{}",
        report.message
    );
}

#[tokio::test]
async fn a_named_mount_that_is_not_mounted_is_critical() {
    let options = DiskOptions {
        mounts: vec!["/".into(), "/data".into()],
        ..DiskOptions::default()
    };
    let (disk, _folder) = disk(options, |_| Ok(space()));
    let report = disk.run(Timestamp::EPOCH).await;
    assert_eq!(report.verdict, Verdict::Critical);
    assert_eq!(report.message, "nothing is mounted at /data");
    assert_eq!(report.value(Some("/"), "total"), Some(1000.0));
}

#[tokio::test]
async fn without_a_fixed_number_of_inodes_their_share_is_unknown() {
    let (disk, _folder) = disk(DiskOptions::default(), |_| {
        Ok(Space {
            inodes: 0,
            inodes_free: 0,
            ..space()
        })
    });
    let report = disk.run(Timestamp::EPOCH).await;
    assert_eq!(report.value(Some("/"), "inodes_percent"), None);
    assert_eq!(report.verdict, Verdict::Ok);
}
