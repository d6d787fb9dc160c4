//! The command as people and scripts use it.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "cli/cost.rs"]
mod cost;
#[path = "cli/daemon.rs"]
mod daemon;
#[path = "cli/ec2.rs"]
mod ec2;
#[path = "cli/network.rs"]
mod network;
#[path = "cli/versions.rs"]
mod versions;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

#[path = "cli/storage.rs"]
mod storage;

/// A rack of two machines, each a file that says `on` or `off`; `slow` never obeys.
const RACK: &str = r#"
megavisor: rack
parameters: {slow: {default: "no"}}
defaults: {retries: [20ms]}
functions:
  query: {argv: [sh, -c, '[ ! -e down ] || exit 69; cat "$REM_ID"'], match: {on: "^on", off: "^off"}}
  start: {argv: [sh, -c, 'echo start $REM_ID >>calls; [ $REM_SLOW = yes ] || echo on >"$REM_ID"'], until: {within: 60s}}
  stop:  {argv: [sh, -c, 'echo stop $REM_ID >>calls; echo off >"$REM_ID"'], until: {within: 2s}}
  terminate: {argv: [sh, -c, 'echo terminate $REM_ID >>calls']}
  list_images: {argv: [sh, -c, '[ ! -e down ] || exit 77; echo "[]"']}
machines:
  web-1: {}
  web-2: {slow: "yes"}
"#;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rack.yaml"), RACK).unwrap();
    fs::write(
        folder.path().join("redeye-cloud.yaml"),
        "data: data\nmegavisors: {rack: {file: rack.yaml}}\n",
    )
    .unwrap();
    fs::write(folder.path().join("web-1"), "off\n").unwrap();
    fs::write(folder.path().join("web-2"), "off\n").unwrap();
    folder
}

fn command(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redeye-cloud"));
    command
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .env("HOME", folder)
        .env("USER", "ann")
        .env_remove("SUDO_USER")
        .stdin(Stdio::null());
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
    assert_eq!(
        (output.status.code(), said.as_str()),
        (Some(code), stdout),
        "{told}"
    );
}

fn json(folder: &Path, arguments: &str) -> Value {
    let output = run(folder, arguments);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|why| panic!("{why}: {}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn machines_are_listed_started_and_stopped() {
    let folder = folder();
    let here = folder.path();
    check(
        here,
        "instance list --columns id,power",
        0,
        "ID     POWER\nweb-1  off\nweb-2  off\n",
    );
    check(here, "instance start web-1", 0, "web-1\n");
    check(
        here,
        "instance list --fresh -o text --columns id,power",
        0,
        "web-1\ton\nweb-2\toff\n",
    );
    check(here, "instance list -o id --filter power=on", 0, "web-1\n");
    check(here, "instance start web-1", 0, "web-1\n");
    check(here, "instance stop web-1", 0, "web-1\n");
    let calls = fs::read_to_string(here.join("calls")).unwrap();
    assert_eq!(
        calls, "start web-1\nstop web-1\n",
        "what ran already was left alone"
    );
    let listed = json(here, "instance list --strict-fresh -o json");
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert_eq!(listed["meta"]["origin"], "live");
    assert_eq!(listed["meta"]["complete"], true);
    let shown = run(here, "instance show web-1 -o yaml");
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("\"power\": \"off\""), "{shown}");
    check(here, "instance show web-9", 3, "");
}

#[test]
fn a_dry_run_shows_everything_and_does_nothing() {
    let folder = folder();
    let here = folder.path();
    let output = run(here, "instance terminate web-1 --dry-run");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success());
    assert!(
        said.starts_with("instance terminate would:\n  1. run terminate of rack@1\n"),
        "{said}"
    );
    let plan = json(here, "instance stop web-1 --dry-run -o json");
    assert_eq!(plan["plan"]["steps"][1]["until"], "power is off, within 2s");
    assert!(!here.join("calls").exists());
    check(here, "op list --all -o id", 0, "");
}

#[test]
fn what_cannot_be_taken_back_is_asked_about() {
    let folder = folder();
    let here = folder.path();
    let output = run(here, "instance terminate web-1");
    assert_eq!(output.status.code(), Some(1), "nobody is there to say yes");
    assert!(!here.join("calls").exists());
    check(here, "instance terminate web-1 --yes", 0, "web-1\n");
}

#[test]
fn an_operation_outlives_its_command() {
    let folder = folder();
    let here = folder.path();
    let output = run(here, "instance start web-2 --timeout 1s");
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains("still under way: redeye-cloud op wait 01"),
        "{told}"
    );
    let begun = run(here, "instance start web-2 --no-wait");
    let id = String::from_utf8_lossy(&begun.stdout).trim().to_owned();
    assert_eq!(id.len(), 26, "{begun:?}");
    let output = run(here, &format!("op wait {id} --timeout 1s"));
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    fs::write(here.join("web-2"), "on\n").unwrap();
    check(here, &format!("op wait {id} -o id"), 0, "web-2\n");
    let all = json(here, "op list --all -o json");
    let all = all["operations"].as_array().unwrap();
    assert!(
        all.iter()
            .any(|one| one["request"]["id"] == id.as_str() && one["by"] == "ann")
    );
    // What the first command began is still there, and ends by the next.
    check(here, "op resume -o id", 0, "web-2\n");
    check(here, "op list -o id", 0, "");
    let calls = fs::read_to_string(here.join("calls")).unwrap();
    assert_eq!(calls, "start web-2\nstart web-2\n", "each was sent once");
}

#[test]
fn a_deadline_ends_an_operation() {
    let folder = folder();
    let here = folder.path();
    let output = run(here, "instance start web-2 --deadline 1s");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains("the deadline passed while it was under way"),
        "{told}"
    );
}

#[test]
fn an_old_answer_says_that_it_is_old() {
    let folder = folder();
    let here = folder.path();
    check(here, "image list -o id", 0, "");
    fs::write(here.join("down"), "").unwrap();
    let output = run(here, "image list --fresh");
    assert_eq!(output.status.code(), Some(0));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains(" old: ") && told.contains("denied"), "{told}");
    assert_eq!(
        run(here, "image list --strict-fresh").status.code(),
        Some(6)
    );
    let listed = json(here, "image list --cached -o json");
    assert_eq!(listed["meta"]["origin"], "cache");
    // A machine whose controller is away is lost, not off.
    let listed = json(here, "instance list --fresh -o json");
    assert_eq!(listed["items"][0]["power"], "unknown");
    assert_eq!(listed["items"][0]["lifecycle"], "lost");
}

#[test]
fn mistakes_say_where_and_what_to_do() {
    let folder = folder();
    let here = folder.path();
    for (arguments, wanted) in [
        ("instance start web-9", "rack@1 has no machine web-9"),
        ("volume list", "the megavisor rack has no volume to list"),
        (
            "instance reboot web-1",
            "the megavisor rack cannot do this: instance reboot",
        ),
        ("volume create", "a volume needs --size or --snapshot"),
        ("op show 5", "not the id of an operation"),
        (
            "instance list -m mars",
            "there is no such megavisor; there are: rack",
        ),
        ("instance list --filter power", "write field=value"),
    ] {
        let output = run(here, arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains(wanted), "{arguments}: {told}");
        assert!(
            [Some(2), Some(3)].contains(&output.status.code()),
            "{arguments}: {output:?}"
        );
    }
    fs::write(
        here.join("redeye-cloud.yaml"),
        "megavisors:\n  rack: {fil: rack.yaml}\n  b: {shipped: loca}\n",
    )
    .unwrap();
    let output = run(here, "instance list");
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains("redeye-cloud.yaml:2:10: megavisors.rack.fil: unknown key fil"),
        "{told}"
    );
    assert!(
        told.contains(
            "redeye-cloud.yaml:3:3: megavisors.b: no megavisor comes with us under this name: loca"
        ),
        "{told}"
    );
}

#[test]
fn init_writes_what_this_machine_can_do_and_nothing_over_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let output = run(here, "instance list");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("`redeye-cloud init` writes one"));
    assert!(run(here, "init").status.success());
    assert_eq!(run(here, "init").status.code(), Some(2));
    let output = run(here, "megavisors");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn what_comes_with_us_runs_from_wherever_the_command_is_called() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    fs::write(
        here.join("redeye-cloud.yaml"),
        "data: data\nmegavisors: {here: {shipped: local}}\n",
    )
    .unwrap();
    check(here, "instance list -o id", 0, "");
    check(here, "image list -o id", 0, "http\nsleep\n");
    let below = here.join("below");
    fs::create_dir(&below).unwrap();
    check(
        &below,
        "image list --config ../redeye-cloud.yaml --fresh -o id",
        0,
        "http\nsleep\n",
    );
}

#[test]
fn settings_are_for_all_machines_and_wrong_ones_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let config = |settings: &str| {
        let text =
            format!("data: data\nmegavisors: {{here: {{shipped: lxc, settings: {settings}}}}}\n");
        fs::write(here.join("redeye-cloud.yaml"), text).unwrap();
    };
    let images = here.join("images");
    fs::create_dir_all(images.join("mine")).unwrap();
    config(&format!("{{images: {}}}", images.display()));
    check(here, "image list --fresh -o id", 0, "busybox\nmine\n");
    config("{imags: /nowhere}");
    let output = run(here, "image list");
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains("imags: no parameter of this megavisor; did you mean images?"),
        "{told}"
    );
}

#[test]
fn help_has_examples_and_shells_complete() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let help = run(here, "--help");
    assert!(String::from_utf8_lossy(&help.stdout).contains("Exit codes"));
    let script = run(here, "completions bash");
    assert!(String::from_utf8_lossy(&script.stdout).contains("redeye-cloud"));
}
