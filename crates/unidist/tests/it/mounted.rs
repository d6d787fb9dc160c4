//! Disks that are really full, and really read-only: file systems in memory,
//! mounted by a child in a mount name space of its own, so that they go with it.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use unidist::{Bucket, BucketSpec, Consistent, Error, FileOpts, Unidist};

const DIR: &str = "UNIDIST_MOUNTED_DIR";
const VERIFIED: &str = "unidist verified";
const SKIPPED: &str = "unidist skipped";

fn small() -> FileOpts {
    FileOpts {
        segment_bytes: 64 * 1024,
        snapshot_bytes: 100 * 1024,
        ..FileOpts::default()
    }
}

async fn open(dir: &Path) -> (Unidist, Bucket<Consistent>) {
    let unidist = Unidist::open(dir, small()).await.unwrap();
    let bucket = unidist.consistent("b", BucketSpec::default()).unwrap();
    (unidist, bucket)
}

/// Runs one of the children below where it may mount; where that is not
/// allowed, says so and is content.
#[track_caller]
fn run_apart(child: &str) {
    let dir = TempDir::new().unwrap();
    let mut command = Command::new("unshare");
    command.arg("--mount");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command
        .arg("--")
        .arg(std::env::current_exe().unwrap())
        .args([&format!("mounted::{child}"), "--exact", "--nocapture"])
        .env(DIR, dir.path());
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return println!("{child}: skipped: no program `unshare`: {error}"),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let why = String::from_utf8_lossy(&output.stderr);
    if let Some(line) = said.lines().find(|line| line.contains(SKIPPED)) {
        return println!("{child}: {line}");
    }
    if why.starts_with("unshare:") {
        return println!("{child}: skipped: {why}");
    }
    let verified = output.status.success() && said.contains(VERIFIED);
    assert!(verified, "{said}\n{why}");
}

/// The file system of the child, or nothing in the parent.
fn mounted() -> Option<PathBuf> {
    let dir = PathBuf::from(std::env::var_os(DIR)?);
    let mounted = mount(&["-t", "tmpfs", "-o", "size=1m", "tmpfs"], &dir);
    if let Err(why) = mounted {
        println!("\n{SKIPPED}: no file system may be mounted here: {why}");
        return None;
    }
    Some(dir)
}

fn mount(how: &[&str], dir: &Path) -> Result<(), String> {
    let output = Command::new("mount").args(how).arg(dir).output();
    let output = output.map_err(|error| error.to_string())?;
    let why = String::from_utf8_lossy(&output.stderr);
    output.status.success().then_some(()).ok_or(why.into())
}

#[test]
fn a_real_full_disk_loses_nothing_acknowledged_and_recovers() {
    run_apart("child_on_a_full_disk");
}

#[test]
fn a_real_read_only_disk_is_an_error_that_names_the_file() {
    run_apart("child_on_a_read_only_disk");
}

/// Fails with the file and the reason, and nothing else.
#[track_caller]
fn check_storage(error: &Error, dir: &Path, kind: std::io::ErrorKind) {
    let Error::Storage { file, source, .. } = error else {
        panic!("not about the disk: {error:?}");
    };
    assert!(file.starts_with(dir) && file != dir, "{}", file.display());
    assert_eq!(source.kind(), kind, "{error}: {source}");
    assert!(error.to_string().contains(file.to_str().unwrap()));
}

async fn check_kept(bucket: &Bucket<Consistent>, kept: usize, text: &str) {
    let state = bucket.state::<String>();
    assert_eq!(state.keys("k").await.unwrap().len(), kept);
    for i in 0..kept {
        let value = state.get(&format!("k{i}")).await.unwrap().unwrap().value;
        assert_eq!(value, text, "k{i}");
    }
}

#[tokio::test]
async fn child_on_a_full_disk() {
    let Some(dir) = mounted() else {
        return;
    };
    let text = "x".repeat(4000);
    let (unidist, bucket) = open(&dir).await;
    let state = bucket.state::<String>();
    for i in 0..20 {
        state.put(&format!("k{i}"), &text).await.unwrap();
    }
    // Somebody else fills the disk.
    let ballast = dir.join("ballast");
    let full = std::fs::write(&ballast, vec![7; 2 << 20]);
    assert_eq!(full.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    let mut kept = 20;
    let error = loop {
        match state.put(&format!("k{kept}"), &text).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    check_storage(&error, &dir, std::io::ErrorKind::StorageFull);
    check_kept(&bucket, kept, &text).await;
    drop((state, bucket, unidist));

    // The next program finds the disk as full.
    let (unidist, bucket) = open(&dir).await;
    check_kept(&bucket, kept, &text).await;
    let state = bucket.state::<String>();
    let error = loop {
        match state.put(&format!("k{kept}"), &text).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    check_storage(&error, &dir, std::io::ErrorKind::StorageFull);
    std::fs::remove_file(&ballast).unwrap();
    state.put(&format!("k{kept}"), &text).await.unwrap();
    kept += 1;
    check_kept(&bucket, kept, &text).await;
    drop((state, bucket, unidist));

    let (_unidist, bucket) = open(&dir).await;
    check_kept(&bucket, kept, &text).await;
    println!("\n{VERIFIED}");
}

#[tokio::test]
async fn child_on_a_read_only_disk() {
    let Some(dir) = mounted() else {
        return;
    };
    let text = "x".repeat(4000);
    let (unidist, bucket) = open(&dir).await;
    for i in 0..20 {
        let key = format!("k{i}");
        bucket.state::<String>().put(&key, &text).await.unwrap();
    }
    drop((bucket, unidist));
    mount(&["-o", "remount,bind,ro"], &dir).unwrap();
    let refused = Unidist::open(&dir, small()).await.unwrap_err();
    check_storage(&refused, &dir, std::io::ErrorKind::ReadOnlyFilesystem);
    mount(&["-o", "remount,bind,rw"], &dir).unwrap();
    let (_unidist, bucket) = open(&dir).await;
    check_kept(&bucket, 20, &text).await;
    println!("\n{VERIFIED}");
}
