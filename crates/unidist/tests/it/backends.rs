use tempfile::TempDir;
use unidist::{FileOpts, Unidist};

/// Small pieces, so that tests are quick and cross from one to the next.
pub(crate) fn opts() -> FileOpts {
    FileOpts {
        segment_bytes: 256 * 1024,
        snapshot_bytes: 400 * 1024,
        ..FileOpts::default()
    }
}

async fn memory() -> (Unidist, ()) {
    (Unidist::memory(), ())
}

async fn file_owner() -> (Unidist, TempDir) {
    let dir = TempDir::new().unwrap();
    let unidist = Unidist::open(dir.path(), opts()).await.unwrap();
    assert!(unidist.is_owner());
    (unidist, dir)
}

async fn file_attached() -> (Unidist, (Unidist, TempDir)) {
    let (owner, dir) = file_owner().await;
    let attached = Unidist::open(dir.path(), opts()).await.unwrap();
    assert!(!attached.is_owner());
    (attached, (owner, dir))
}

unidist::conformance!(in_memory, super::memory);
unidist::conformance!(in_files_as_owner, super::file_owner);
unidist::conformance!(in_files_attached, super::file_attached);
