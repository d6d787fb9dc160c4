//! A controller that speaks IPMI: OpenIPMI's simulator, asked by ipmitool.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redeye_cloud::{Class, Id, OperationState, Power};
use redeye_cloud_home::from_shipped;

use crate::conformance::{Rig, can_run, conform, missing, start};

struct Simulator {
    child: Child,
    port: u16,
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A UDP port that is free now.
fn free_port() -> u16 {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// A controller whose machine is a file that says `1` or `0`.
fn simulator(folder: &Path) -> Simulator {
    let chassis = folder.join("chassis");
    let power = folder.join("power");
    let script = format!(
        "#!/bin/sh\ncd {}\necho \"$*\" >>calls\nwhile [ $# -gt 0 ]; do case $1 in\n\
         get) case $2 in power) echo power:$(cat power);; esac; shift;;\n\
         set) case $2 in power) echo $3 >power;; shutdown) echo 0 >power;; esac; shift; shift;;\n\
         esac; shift; done\n",
        folder.display()
    );
    fs::write(&chassis, script).unwrap();
    fs::set_permissions(&chassis, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(&power, "0\n").unwrap();
    let port = free_port();
    let lan = format!(
        "name \"rem\"\nset_working_mc 0x20\n  startlan 1\n    addr 127.0.0.1 {port}\n    \
         priv_limit admin\n    allowed_auths_admin md5\n    guid a123456789abcdefa123456789abcdef\n  \
         endlan\n  chassis_control \"{} 0x20\"\n  \
         user 1 true \"\" \"test\" user 10 none md2 md5 straight\n  \
         user 2 true \"ipmiusr\" \"test\" admin 10 none md2 md5 straight\n",
        chassis.display()
    );
    let emu = "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\n\
               sel_enable 0x20 1000 0x0a\nmc_enable 0x20\n";
    let (lan_file, emu_file) = (folder.join("lan.conf"), folder.join("sim.emu"));
    fs::write(&lan_file, lan).unwrap();
    fs::write(&emu_file, emu).unwrap();
    let state = folder.join("state");
    fs::create_dir_all(&state).unwrap();
    let log = fs::File::create(folder.join("ipmi_sim.log")).unwrap();
    let child = Command::new("ipmi_sim")
        .arg("-c")
        .arg(&lan_file)
        .arg("-f")
        .arg(&emu_file)
        .arg("-s")
        .arg(&state)
        .arg("-n")
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let simulator = Simulator { child, port };
    let until = Instant::now() + Duration::from_secs(30);
    while !answers(port) {
        let log = fs::read_to_string(folder.join("ipmi_sim.log")).unwrap_or_default();
        assert!(Instant::now() < until, "ipmi_sim does not answer: {log}");
    }
    simulator
}

fn answers(port: u16) -> bool {
    let args = [
        "-I",
        "lanplus",
        "-C",
        "3",
        "-N",
        "1",
        "-R",
        "1",
        "-H",
        "127.0.0.1",
        "-U",
        "ipmiusr",
        "-P",
        "test",
    ];
    let asked = Command::new("ipmitool")
        .args(args)
        .args(["-p", &port.to_string(), "chassis", "power", "status"])
        .output();
    asked.is_ok_and(|done| done.status.success())
}

fn available() -> bool {
    let why = missing("ipmi_sim", &["--help"]).or_else(|| missing("ipmitool", &["-V"]));
    can_run("ipmi", why)
}

fn machines(port: u16, dead: u16) -> String {
    format!(
        "web-1: {{bmc: 127.0.0.1, port: {port}, user: ipmiusr, pass: {{env: PASS}}}}\n\
         wrong: {{bmc: 127.0.0.1, port: {port}, user: somebody, pass: {{env: PASS}}}}\n\
         dead: {{bmc: 127.0.0.1, port: {dead}, user: ipmiusr, pass: {{env: PASS}}}}\n"
    )
}

#[tokio::test]
async fn a_controller_switches_its_machine_and_wrong_ones_are_lost() {
    if !available() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let simulator = simulator(folder.path());
    // Nobody answers here, and nobody says so.
    let hung = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let dead = hung.local_addr().unwrap().port();
    let own: PathBuf = folder.path().join("ipmi");
    let definition = from_shipped("ipmi", &own).unwrap();
    let machines = machines(simulator.port, dead);
    let definition = definition.with_machines("rack.yaml", &machines).unwrap();
    let rig = Rig::new(definition, &folder.path().join("journal")).await;
    let web: Id = "web-1".parse().unwrap();
    conform(&rig, &web).await;

    for id in ["wrong", "dead"] {
        let id: Id = id.parse().unwrap();
        assert_eq!(rig.power(&id).await, Power::Unknown);
    }
    let before = fs::read_to_string(folder.path().join("calls")).unwrap();
    let wrong: Id = "wrong".parse().unwrap();
    let since = Instant::now();
    let OperationState::Failed { error } = rig.run(start(&wrong)).await.state else {
        panic!("not failed");
    };
    assert_eq!(error.class, Class::Failed, "{error}");
    assert!(
        since.elapsed() < Duration::from_secs(30),
        "not tried again and again"
    );
    let after = fs::read_to_string(folder.path().join("calls")).unwrap();
    assert_eq!(before, after, "nothing was switched");
}
