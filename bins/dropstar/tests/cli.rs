//! The command line of `dropstar`.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn dropstar() -> Command {
    Command::new(env!("CARGO_BIN_EXE_dropstar"))
}

fn hash(password: &[u8]) -> Output {
    let mut child = dropstar()
        .arg("hash-password")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(password).unwrap();
    child.wait_with_output().unwrap()
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn help_shows_how_to_use_it() {
    let output = dropstar().arg("--help").output().unwrap();
    let help = said(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    for words in [
        "dropstar check dropstar.yaml",
        "--data <FOLDER>",
        "kill -HUP",
    ] {
        assert!(help.contains(words), "{words}\n{help}");
    }
}

#[test]
fn completions_of_a_shell_are_printed() {
    let output = dropstar().args(["completions", "bash"]).output().unwrap();
    assert!(said(&output.stdout).contains("complete -F _dropstar"));
}

#[test]
fn a_password_becomes_a_hash_and_an_empty_one_is_refused() {
    let output = hash(b"correct horse\n");
    assert!(said(&output.stdout).starts_with("$argon2id$"), "{output:?}");
    let output = hash(b"\n");
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output.stderr).contains("the password is empty"));
}

#[test]
fn a_wrong_file_starts_nothing_and_is_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site.yaml");
    std::fs::write(&site, "localhost: {prot: 80}\n").unwrap();
    for arguments in [vec![], vec!["check"]] {
        let output = dropstar().args(arguments).arg(&site).output().unwrap();
        let text = said(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(
            text.contains("site.yaml:1:13: localhost.prot: unknown key prot"),
            "{text}"
        );
        assert!(
            text.contains("2 mistakes; nothing was started or changed"),
            "{text}"
        );
    }
    let output = dropstar().output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_package_is_checked_on_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("package.yaml");
    std::fs::write(&package, "http: {a: {run: [{set: {x: 1}}]}}\n").unwrap();
    let output = dropstar()
        .args(["check", "--package"])
        .arg(&package)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(said(&output.stdout).ends_with("package.yaml: ok\n"));
}
