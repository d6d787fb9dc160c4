//! EC2 by the command, against our own fake.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rem_ec2_fake::{FakeEc2, Fault, IMAGE, KEY, Pace, SECRET};
use serde_json::Value;

fn folder(fake: &FakeEc2) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "data: data\nmegavisors:\n  aws: {{ec2: {{region: eu-test-1, endpoint: \"{}\"}}}}\n",
        fake.endpoint()
    );
    fs::write(folder.path().join("redeye-cloud.yaml"), text).unwrap();
    folder
}

fn command(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redeye-cloud"));
    command
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .env("HOME", folder)
        .env("USER", "ann")
        .env("AWS_ACCESS_KEY_ID", KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .stdin(Stdio::null());
    for other in [
        "SUDO_USER",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_SESSION_TOKEN",
    ] {
        command.env_remove(other);
    }
    command
}

fn run(folder: &Path, arguments: &str) -> Output {
    command(folder, arguments).output().unwrap()
}

/// Exit code and stdout.
#[track_caller]
fn check(folder: &Path, arguments: &str, code: i32, stdout: &str) {
    let output = run(folder, arguments);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let ended = (output.status.code(), said.as_str());
    assert_eq!(ended, (Some(code), stdout), "{told}");
}

fn json(folder: &Path, arguments: &str) -> Value {
    let output = run(folder, arguments);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|why| panic!("{why}: {}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn machines_of_ec2_are_requested_listed_stopped_and_terminated() {
    let fake = FakeEc2::start();
    let folder = folder(&fake);
    let here = folder.path();
    let asked = format!("instance request --name web --image {IMAGE} --size t3.micro");
    let output = run(here, &format!("{asked} --dry-run"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("1. call RunInstances"), "{said}");
    assert!(said.contains("EC2 says that it would do it"), "{said}");
    assert_eq!(fake.sent("RunInstances"), 0);

    let output = run(here, &format!("{asked} -o id"));
    let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(id.starts_with("i-"), "{output:?}");
    let table = format!("ID          NAME  POWER  SIZE\n{id}  web   on     t3.micro\n");
    check(
        here,
        "instance list --columns id,name,power,size",
        0,
        &table,
    );
    let listed = json(here, "instance list --strict-fresh -o json");
    assert_eq!(listed["meta"]["origin"], "live");
    assert_eq!(listed["items"][0]["id"], id);
    check(here, &format!("instance stop {id}"), 0, &format!("{id}\n"));
    check(
        here,
        "instance list --fresh -o text --columns power",
        0,
        "off\n",
    );
    let output = run(here, &format!("instance terminate {id} --dry-run -o json"));
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(plan["plan"]["steps"][0]["targets"][0], id);
    assert_eq!(fake.sent("TerminateInstances"), 0);
    check(
        here,
        &format!("instance terminate {id} --yes"),
        0,
        &format!("{id}\n"),
    );
    assert!(fake.instances().is_empty());
    check(here, &format!("instance wait {id} --for gone"), 0, "");
    assert_eq!(
        fake.sent("RunInstances") + fake.sent("TerminateInstances"),
        2
    );
    check(here, "zone list -o id", 0, "eu-test-1a\neu-test-1b\n");
}

#[test]
fn a_cloud_that_is_away_is_answered_for_with_the_age() {
    let fake = FakeEc2::start();
    fake.with_instances(7);
    let folder = folder(&fake);
    let here = folder.path();
    let listed = json(here, "instance list -o json");
    assert_eq!(listed["items"].as_array().unwrap().len(), 7);
    fake.fail("*", u32::MAX, Fault::Throttle);
    let output = run(here, "instance list --fresh -o id");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 7);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains(" old: ") && told.contains("RequestLimitExceeded"),
        "{told}"
    );
    assert_eq!(
        run(here, "instance list --strict-fresh").status.code(),
        Some(1)
    );
    drop(fake);
    let output = run(here, "instance list --fresh -o id");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 7);
    let listed = json(here, "instance list --cached -o json");
    assert_eq!(listed["meta"]["origin"], "cache");
    assert!(listed["meta"]["age_s"].as_f64().unwrap() < 600.0);
}

#[test]
fn who_may_not_is_told_so_once() {
    let fake = FakeEc2::start();
    let folder = folder(&fake);
    let here = folder.path();
    let mut command = command(here, "instance list");
    let output = command
        .env("AWS_ACCESS_KEY_ID", "AKIDOTHER")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(6), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("AuthFailure"));
    assert_eq!(fake.seen().len(), 1);
}

#[test]
fn a_command_that_is_killed_leaves_one_machine_to_the_next() {
    let fake = FakeEc2::start();
    fake.pace(Pace::Hold);
    let folder = folder(&fake);
    let here = folder.path();
    let mut killed = command(here, &format!("instance request --image {IMAGE}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while fake.sent("RunInstances") == 0 {
        assert!(Instant::now() < until, "it never asks");
        std::thread::sleep(Duration::from_millis(5));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    fake.settle();
    let there = fake.instances();
    assert_eq!(there.len(), 1);
    check(here, "op resume -o id", 0, &format!("{}\n", there[0].0));
    assert_eq!(fake.instances().len(), 1);
    check(here, "op list -o id", 0, "");
}

#[test]
fn an_account_of_ec2_is_read_and_offered() {
    let fake = FakeEc2::start();
    let folder = folder(&fake);
    let here = folder.path();
    let all = json(here, "megavisors -o json");
    assert_eq!(all["megavisors"][0]["sort"], "ec2");
    assert_eq!(all["megavisors"][0]["scopes"][0]["region"], "eu-test-1");
    assert!(fake.seen().is_empty(), "nobody was asked");
    let file = here.join("redeye-cloud.yaml");
    fs::write(
        &file,
        "megavisors: {aws: {ec2: {regoin: x, endpoint: here}}}\n",
    )
    .unwrap();
    let output = run(here, "instance list");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2));
    for wanted in [
        "megavisors.aws.ec2.regoin: unknown key regoin",
        "add `region: eu-west-1`",
        "expected a URL",
    ] {
        assert!(told.contains(wanted), "{told}");
    }
    let mut init = command(here, "init --force");
    assert!(
        init.env("AWS_REGION", "eu-west-1")
            .status()
            .unwrap()
            .success()
    );
    let written = fs::read_to_string(&file).unwrap();
    assert!(
        written.contains("\n  ec2: {ec2: {region: eu-west-1}}"),
        "{written}"
    );
    assert!(run(here, "megavisors").status.success());
}
