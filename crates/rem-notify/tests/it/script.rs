//! Messages to programs.

use std::time::Duration;

use rem_notify::{Contact, Post, PostOffice, Script, SendError, Sent};
use serde_json::Value;

use crate::{PATIENCE, page};

async fn run(command: &str, deadline: Duration) -> Result<Sent, SendError> {
    let script = Script::new(["/bin/sh", "-c", command])
        .unwrap()
        .env("KEY", "s3cret");
    let contact = Contact::Script(script);
    PostOffice::new()
        .send(&page("web-down/web 01.1"), &contact, deadline)
        .await
}

#[tokio::test]
async fn a_program_reads_the_message_and_its_output_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let script = Script::new(["/bin/sh", "-c", "cat >got; echo \"$REM_KIND $REM_ID\"; pwd"]);
    let contact = Contact::Script(script.unwrap().cwd(folder.path()));
    let sent = PostOffice::new()
        .send(&page("web-down/web 01.1"), &contact, PATIENCE)
        .await;
    let folder_name = folder.path().display().to_string();
    assert_eq!(
        sent.unwrap().detail,
        format!("exit status 0: page web-down/web=2001.1 {folder_name}")
    );
    let got = std::fs::read(folder.path().join("got")).unwrap();
    let got: Value = serde_json::from_slice(&got).unwrap();
    assert_eq!(got["id"], "web-down/web 01.1");
    assert_eq!(got["text"], page("").text);
}

#[tokio::test]
async fn the_exit_status_decides_whether_to_try_again() {
    for (command, temporary) in [
        ("echo try later >&2; exit 75", true),
        ("exit 1", true),
        ("kill -9 $$", true),
        ("exit 67", false),
        ("exit 78", false),
        ("no-such-program", false),
    ] {
        let error = run(command, PATIENCE).await.unwrap_err();
        assert_eq!(error.is_temporary(), temporary, "{command}: {error}");
    }
    let error = run("echo out; echo why >&2; exit 75", PATIENCE)
        .await
        .unwrap_err();
    assert_eq!(error.text, "exit status 75: why");
}

#[tokio::test]
async fn a_program_that_hangs_is_ended_within_the_deadline() {
    let began = std::time::Instant::now();
    let error = run(
        "trap '' TERM; sleep 600; sleep 600",
        Duration::from_millis(400),
    )
    .await;
    let error = error.unwrap_err();
    assert!(
        error.is_temporary() && error.text.starts_with("timed out"),
        "{error}"
    );
    assert!(began.elapsed() < PATIENCE);
}

#[tokio::test]
async fn a_program_that_is_not_there_is_a_broken_contact() {
    let contact = Contact::script(["/no/such/program"]).unwrap();
    let error = PostOffice::new()
        .send(&page("1"), &contact, PATIENCE)
        .await
        .unwrap_err();
    assert_eq!(
        error,
        SendError::permanent("program not found: /no/such/program")
    );
}

#[tokio::test]
async fn output_is_kept_short_and_without_secrets() {
    let sent = run("echo key $KEY; yes | head -c 9000000", PATIENCE)
        .await
        .unwrap();
    assert!(
        sent.detail.starts_with("exit status 0: key ••• y y"),
        "{}",
        sent.detail
    );
    assert!(sent.detail.len() <= 500);
}
