//! The controller of a machine is asked by IPMI, the machine is there, and the monitor
//! sees it come, die and come back.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::process::Signal;

use crate::process::{Started, binary, free_port, get, wait_for};
use crate::root;

/// Why this machine cannot run it.
fn missing() -> Option<&'static str> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uid = status.lines().find(|line| line.starts_with("Uid:"));
    if uid.and_then(|line| line.split_whitespace().nth(2)) != Some("0") {
        return Some("it needs root");
    }
    let runs = |program: &str| {
        let asked = Command::new("sh")
            .args(["-c", &format!("command -v {program}")])
            .stdout(Stdio::null())
            .status();
        asked.is_ok_and(|done| done.success())
    };
    let programs = ["ip", "python3", "ipmi_sim", "ipmitool"];
    programs.into_iter().find(|program| !runs(program))
}

fn with_path(command: &mut Command) {
    let bins = binary("redeye-cloud");
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", bins.parent().unwrap().display());
    command
        .env("PATH", path)
        .env("IPMI_PASSWORD", "test")
        .stdin(Stdio::null());
}

fn cloud(folder: &Path, arguments: &str) -> Output {
    let mut command = Command::new(binary("redeye-cloud"));
    with_path(&mut command);
    command
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap()
}

#[track_caller]
fn done(folder: &Path, arguments: &str) {
    let output = cloud(folder, arguments);
    assert!(output.status.success(), "{arguments}: {output:?}");
}

/// What the monitor thinks of what the machine serves.
fn state(port: u16) -> Option<String> {
    let page = get(port, "/system_monitor/monitor.json")?.json();
    let cards = page["machines"].as_array()?.iter();
    let mut cards = cards.flat_map(|machine| machine["cards"].as_array().into_iter().flatten());
    let card = cards.find(|card| card["id"] == "web/page/http")?;
    Some(card["state"].as_str()?.to_owned())
}

#[track_caller]
fn becomes(port: u16, wanted: &str) {
    wait_for(wanted, || state(port).filter(|state| state == wanted));
}

/// What the person on call was told.
fn told(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("data/told")).unwrap_or_default()
}

#[test]
fn a_machine_behind_a_controller_comes_dies_and_comes_back_under_the_monitors_eyes() {
    if let Some(why) = missing() {
        assert!(
            std::env::var_os("REQUIRE_BACKENDS").is_none_or(|value| value != "1"),
            "cannot run: {why}"
        );
        eprintln!("skipped: {why}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().join("demo");
    let port = free_port();
    let bmc = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let bmc_port = bmc.local_addr().unwrap().port();
    drop(bmc);
    let mut command = Command::new(root().join("examples/power/run"));
    with_path(&mut command);
    command
        .arg(&here)
        .env("PAGE_PORT", port.to_string())
        .env("METRICS_PORT", free_port().to_string())
        .env("BMC_PORT", bmc_port.to_string());
    let mut demo = Started::of(command);
    demo.says("what rem-monitor sees");
    let machine = std::fs::read_to_string(here.join("data/machine")).unwrap();
    let machine = machine.trim();

    becomes(port, "critical");
    done(&here, "-m bmc instance start web");
    becomes(port, "ok");
    let power = "-m bmc instance list --fresh -o text --columns id,power";
    let seen = cloud(&here, power);
    assert_eq!(String::from_utf8_lossy(&seen.stdout), "web\ton\n");

    // It dies: nobody asked it, and its controller does not know yet.
    let file = here.join(format!("data/megavisors/floor/machines/{machine}.json"));
    let text = std::fs::read_to_string(&file).unwrap();
    let known: serde_json::Value = serde_json::from_str(&text).unwrap();
    let pid = known["pid"].as_i64().unwrap().to_string();
    let killed = Command::new("kill").args(["-9", &pid]).status().unwrap();
    assert!(killed.success());
    becomes(port, "critical");
    wait_for("the person on call to be told", || {
        told(&here).contains("web serves nothing").then_some(())
    });
    let seen = cloud(&here, power);
    assert_eq!(String::from_utf8_lossy(&seen.stdout), "web\toff\n");

    done(&here, "-m bmc instance start web");
    becomes(port, "ok");
    // How redeye-cloud gets on is watched too, as any exporter is.
    wait_for("the daemon's figures", || {
        let page = get(port, "/system_monitor/monitor.json")?.json();
        let text = page.to_string();
        text.contains("redeye_cloud_api_up").then_some(())
    });

    demo.signal(Signal::TERM);
    assert_eq!(demo.ends(), Some(0));
    let left = cloud(&here, "-m floor instance list --fresh -o id");
    assert_eq!(String::from_utf8_lossy(&left.stdout), "", "{left:?}");
}
