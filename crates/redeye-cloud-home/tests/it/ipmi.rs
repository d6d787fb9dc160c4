//! A controller that speaks IPMI: OpenIPMI's simulator, asked by ipmitool.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use redeye_cloud::{Class, Id, Power};

use crate::conformance::{
    FULL, Manners, Server, Spec, can_run, conform, denied, hung, killed, missing, start, wait_for,
};

struct Simulator {
    port: u16,
    _server: Server,
}

/// A UDP port that is free now.
fn free_port() -> u16 {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// A controller whose machine is a file that says `1` or `0`. Asked to shut down, it is
/// off only after it was looked at some times.
fn simulator(folder: &Path) -> Simulator {
    let chassis = folder.join("chassis");
    let power = folder.join("power");
    let script = format!(
        "#!/bin/sh\ncd {}\necho \"$*\" >>calls\nwhile [ $# -gt 0 ]; do case $1 in\n\
         get) if [ $2 = power ]; then\n\
           echo power:$(cat power)\n\
           if [ -s looks ]; then read n <looks; n=$((n - 1))\n\
             if [ $n -gt 0 ]; then echo $n >looks; else rm looks; echo 0 >power; fi; fi\n\
         fi; shift;;\n\
         set) case $2 in power) rm -f looks; echo $3 >power;; shutdown) echo 3 >looks;; esac\n\
           shift; shift;;\n\
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
    let simulator = Simulator {
        port,
        _server: Server(child),
    };
    wait_for("ipmi_sim answers", || answers(port));
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

fn machine(name: &str, port: u16, user: &str, pass: &str) -> String {
    format!("{name}: {{bmc: 127.0.0.1, port: {port}, user: {user}, pass: {{env: {pass}}}}}\n")
}

pub(crate) async fn a_controller_switches_its_machine_and_others_go_on_with_it() {
    if !available() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let simulator = simulator(folder.path());
    let web: Id = "web-1".parse().unwrap();
    let spec = Spec::new("ipmi", folder.path());
    let spec = spec.machines(machine("web-1", simulator.port, "ipmiusr", "PASS"));
    let rig = spec.rig(&folder.path().join("journal")).await;
    let manners = Manners {
        reboots: &[true],
        is_slow: true,
        ..FULL
    };
    conform(&rig, &web, &manners).await;
    let before = switched_on(folder.path());
    killed(&spec, &folder.path().join("killed"), &web).await;
    let after = switched_on(folder.path());
    assert_eq!(after, before + 1, "once, by the process that was killed");
}

/// How often the controller switched its machine on.
fn switched_on(folder: &Path) -> usize {
    let calls = fs::read_to_string(folder.join("calls")).unwrap_or_default();
    calls.matches("set power 1").count()
}

pub(crate) async fn controllers_that_refuse_are_told_from_those_that_are_not_there() {
    if !available() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let simulator = simulator(folder.path());
    // Nobody answers here, and nobody says so.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let hung_port = silent.local_addr().unwrap().port();
    let machines = [
        machine("nobody", simulator.port, "somebody", "PASS"),
        machine("wrong", simulator.port, "ipmiusr", "WRONG"),
        machine("hung", hung_port, "ipmiusr", "PASS"),
        machine("dead", free_port(), "ipmiusr", "PASS"),
    ];
    let spec = Spec::new("ipmi", folder.path()).machines(machines.concat());
    let rig = spec.rig(&folder.path().join("journal")).await;
    let id = |text: &str| -> Id { text.parse().unwrap() };
    for lost in ["nobody", "wrong", "dead"] {
        assert_eq!(rig.power(&id(lost)).await, Power::Unknown, "{lost}");
    }
    for refused in ["nobody", "wrong"] {
        denied(&rig, start(&id(refused))).await;
    }
    assert_eq!(switched_on(folder.path()), 0);
    let (class, sent, lines) = rig.refused(start(&id("dead")), 8).await;
    assert_eq!(class, Class::Unavailable, "{lines}");
    assert!(sent <= 10, "not again and again: {lines}");
    hung(&rig, &id("hung"), start(&id("hung"))).await;
}
