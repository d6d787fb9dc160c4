use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use http::HeaderMap;

use super::{Folder, Opened, inside, open_below, open_resolved};
use crate::response::Body;
use crate::route::Access;

#[test]
fn only_plain_names_lead_to_files() {
    for good in ["", "a", "a/b.txt", "a/", "ä.txt", "a b"] {
        assert!(inside(good).is_some(), "{good}");
    }
    let long = "x".repeat(300);
    for bad in [
        "..", "a/..", "../a", "/etc", "a//b", ".git/x", "a/.env", "a\\b", "a\0", ".", &long,
    ] {
        assert!(inside(bad).is_none(), "{bad}");
    }
}

/// Both ways to open, the one in a single step and the one for old kernels.
#[test]
fn no_link_leads_out_of_the_folder() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("root");
    fs::create_dir(&root).unwrap();
    fs::write(outer.path().join("secret"), "secret").unwrap();
    fs::write(root.join("here"), "here").unwrap();
    symlink("../secret", root.join("out")).unwrap();
    symlink(outer.path().join("secret"), root.join("absolute")).unwrap();
    symlink("here", root.join("within")).unwrap();
    symlink("..", root.join("up")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        root.join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    for open in [open_below, open_resolved] {
        let found = |name: &str| match open(&root, Path::new(name)).unwrap() {
            Opened::File(_) => "file",
            Opened::Folder => "folder",
            Opened::Nothing => "nothing",
        };
        assert_eq!(found("here"), "file");
        assert_eq!(found("within"), "file");
        for name in [
            "out",
            "absolute",
            "up/secret",
            "loop",
            "pipe",
            "missing",
            "here/below",
        ] {
            assert_eq!(found(name), "nothing", "{name}");
        }
    }
}

#[tokio::test]
async fn large_files_are_not_held_in_memory() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("big.txt"), vec![b'x'; 3 << 20]).unwrap();
    let folder = Folder::new("/f/".into(), root.path().into(), Access::Public);
    let answer = folder
        .answer("big.txt", "/f/big.txt", &HeaderMap::new())
        .await;
    let response = answer.unwrap().unwrap();
    assert!(matches!(response.body, Body::File(_, length) if length == 3 << 20));
}
