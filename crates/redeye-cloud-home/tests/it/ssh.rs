//! Machines that are reached by ssh alone.

use std::net::TcpListener;
use std::process::Command;

use redeye_cloud::{Class, Id, Power};

use crate::conformance::{Manners, Spec, can_run, conform, denied, hung, killed, stop};
use crate::sleeper::{MAC, Sleeper, answers, lacks};

fn mac() -> String {
    MAC.map(|byte| format!("{byte:02x}")).join(":")
}

pub(crate) async fn machines_are_stopped_by_ssh_and_wrong_keys_are_refused() {
    if !can_run("ssh", lacks()) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let sleeper = Sleeper::new(folder.path());
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = closed.local_addr().unwrap().port();
    let at = folder.path().display();
    let machine = |key: &str, hosts: &str| {
        format!(
            "host: {}, key: {at}/{key}, known_hosts: {at}/{hosts}, poweroff: fake-poweroff, \
             reboot: fake-reboot, broadcast: \"{}\"",
            sleeper.host, sleeper.broadcast
        )
    };
    let mac = mac();
    let machines = format!(
        "web-1: {{{0}, mac: \"{mac}\"}}\nwrong: {{{1}}}\nstranger: {{{2}}}\n",
        machine("key", "known_hosts"),
        machine("other", "known_hosts"),
        machine("key", "wrong_hosts"),
    );
    let spec = Spec::new("ssh", folder.path()).machines(machines);
    let other = Spec::new("ssh", &folder.path().join("elsewhere")).machines(format!(
        "asleep: {{host: 127.0.0.1, port: {closed}, poweroff: fake-poweroff}}\n\
         hung: {{host: 127.0.0.1, port: {port}, poweroff: fake-poweroff}}\n"
    ));
    let rig = spec.rig(&folder.path().join("journal")).await;
    let id = |text: &str| -> Id { text.parse().unwrap() };
    let web = id("web-1");
    assert_eq!(rig.power(&web).await, Power::Unknown, "nobody knows yet");
    let manners = Manners {
        tells_off: false,
        forces: false,
        reboots: &[false],
        is_slow: false,
    };
    conform(&rig, &web, &manners).await;
    killed(&spec, &folder.path().join("killed"), &web).await;
    assert!(sleeper.calls().contains("fake-reboot\n"));
    answers(&sleeper.host, 22);

    // A key that the machine does not know, and a machine whose key we do not know.
    let calls = sleeper.calls();
    for refused in ["wrong", "stranger"] {
        denied(&rig, stop(&id(refused), false)).await;
        assert_eq!(rig.power(&id(refused)).await, Power::Unknown);
    }
    let heard = sleeper.calls();
    assert!(!heard[calls.len()..].contains("fake"), "{heard}");

    // One connection serves many calls.
    assert_eq!(rig.power(&web).await, Power::On);
    let sockets = std::fs::read_dir(&spec.folder).unwrap().flatten();
    let sockets = sockets.filter(|entry| entry.file_name().to_string_lossy().starts_with("ssh-"));
    assert_eq!(sockets.count(), 1, "of those that were let in");

    // A person on its console is inside.
    let terminal = rig.home.console(&web).unwrap();
    assert_eq!(terminal.argv[1], "-t");
    let said = Command::new(&terminal.argv[0])
        .args(&terminal.argv[1..])
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert!(said.status.success(), "{said:?}");

    let rig = other.rig(&folder.path().join("journal-2")).await;
    hung(&rig, &id("hung"), stop(&id("hung"), false)).await;
    let (class, _, lines) = rig.refused(stop(&id("asleep"), false), 2).await;
    assert_eq!(class, Class::Unavailable, "{lines}");
}
