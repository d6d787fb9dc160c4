//! Programs that cannot be started, and what is said about it.

use std::error::Error;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rem_script::{Program, run};
use tempfile::TempDir;

use crate::rig::among_others;

/// The whole chain of messages, with the folder left out.
async fn refusal(folder: &Path, program: Program) -> String {
    let error = run(&program).await.unwrap_err();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text.replace(folder.to_str().unwrap(), "F")
}

fn file(folder: &TempDir, name: &str, text: &str, mode: u32) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path
}

#[tokio::test]
async fn each_names_the_path_and_the_reason() {
    let _guard = among_others().await;
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let check = async |program: Program, expected: &str| {
        assert_eq!(refusal(f, program).await, expected);
    };

    check(
        Program::new("no-such"),
        &format!("program not found: no-such in {}", rem_script::DEFAULT_PATH),
    )
    .await;
    check(
        Program::new("no-such").env("PATH", f),
        "program not found: no-such in F",
    )
    .await;
    check(
        Program::new(f.join("missing")),
        "program not found: F/missing",
    )
    .await;

    let plain = file(&folder, "plain", "#!/bin/sh\n", 0o644);
    check(Program::new(&plain), "not executable: F/plain").await;
    check(
        Program::new("plain").env("PATH", f),
        "not executable: F/plain",
    )
    .await;
    check(Program::new(f), "not executable: F").await;

    let text = file(&folder, "text", "just words\n", 0o755);
    check(
        Program::new(&text),
        "neither a binary for this machine nor a script that starts with #!: F/text",
    )
    .await;

    let script = file(&folder, "script", "#!/no/such/python -u\n", 0o755);
    check(
        Program::new(&script),
        "bad interpreter /no/such/python of F/script",
    )
    .await;
    check(
        Program::new("./script").cwd(f),
        "bad interpreter /no/such/python of F/./script",
    )
    .await;
    let dos = file(&folder, "dos", "#!/bin/sh\r\nexit 0\r\n", 0o755);
    check(Program::new(&dos), "bad interpreter /bin/sh\\r of F/dos").await;

    check(
        Program::new("true").cwd(f.join("gone")),
        "cannot start true in F/gone: No such file or directory (os error 2)",
    )
    .await;
    check(
        Program::new("true").cwd(&plain),
        "cannot start true in F/plain: not a directory",
    )
    .await;

    let nul = refusal(f, Program::new("true").arg("a\0b")).await;
    assert!(nul.starts_with("cannot start true: nul byte"), "{nul}");
}

#[tokio::test]
async fn the_search_path_skips_what_cannot_be_run() {
    let _guard = among_others().await;
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    file(&first, "tool", "#!/bin/sh\necho first\n", 0o644);
    std::fs::create_dir(first.path().join("dir")).unwrap();
    file(&second, "tool", "#!/bin/sh\necho second\n", 0o755);
    let path = std::env::join_paths([first.path(), second.path()]).unwrap();
    let finished = run(&Program::new("tool").env("PATH", path)).await.unwrap();
    assert_eq!(finished.stdout.text(), "second\n");
}
