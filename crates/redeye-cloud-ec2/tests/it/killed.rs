//! A process that dies with an operation half done, and the next one.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use redeye_cloud::Action;
use rem_ec2_fake::{FakeEc2, Fault, Pace};

use crate::rig::{Rig, settings};

/// In the process that is killed: where it asks, and its folder.
const ENDPOINT: &str = "REM_TEST_EC2_ENDPOINT";
const FOLDER: &str = "REM_TEST_EC2_FOLDER";

/// Does nothing unless it runs in the process that is killed.
#[test]
fn a_process_that_asks_for_a_machine_and_is_killed() {
    let (Ok(endpoint), Ok(folder)) = (std::env::var(ENDPOINT), std::env::var(FOLDER)) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut settings = settings(&endpoint);
        settings.patience = rem_time::Span::from_seconds(60);
        let rig = Rig::new(settings, std::path::Path::new(&folder)).await;
        let asked = Action::RequestInstance(rig.wanted.clone());
        rig.run(asked).await;
    });
}

/// One machine, whenever its process is killed after it was asked for.
async fn killed(fake: FakeEc2) {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "killed::a_process_that_asks_for_a_machine_and_is_killed",
            "--exact",
        ])
        .env(ENDPOINT, fake.endpoint())
        .env(FOLDER, folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while fake.sent("RunInstances") == 0 {
        assert!(Instant::now() < until, "it never asks");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let rig = Rig::new(settings(fake.endpoint()), folder.path()).await;
    let operations = rig.cloud.operations(false).await.unwrap();
    let id = operations[0].request.id;
    fake.settle();
    let operation = rig.end(id).await;
    let outcome = operation
        .outcome()
        .unwrap_or_else(|| panic!("{:#?}", operation.lines));
    let new = outcome.ids[0].to_string();
    assert_eq!(
        fake.instances(),
        [(new, "running".to_owned())],
        "exactly one"
    );
    let token = id.to_string();
    for params in fake.meant("RunInstances") {
        assert_eq!(params.get("ClientToken"), Some(token.as_str()));
    }
}

#[tokio::test]
async fn a_kill_while_the_machine_boots_leaves_one_machine() {
    let fake = FakeEc2::start();
    fake.pace(Pace::Hold);
    killed(fake).await;
}

#[tokio::test]
async fn a_kill_before_the_answer_leaves_one_machine() {
    let fake = FakeEc2::start();
    fake.fail_after("RunInstances", 1, 1, Fault::DoneAndHang);
    killed(fake).await;
}

#[tokio::test]
async fn a_kill_before_anybody_sees_the_machine_leaves_one_machine() {
    let fake = FakeEc2::start();
    fake.hide_new_for(5);
    fake.fail_after("RunInstances", 1, 1, Fault::DoneAndHang);
    killed(fake).await;
}
