//! Machines of this computer: network namespaces with a first process and an address.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use redeye_cloud::{
    Action, Id, Kind, Mode, NewInstance, NewVolume, Operation, Peer, Power, Protocol, Tags,
};

use crate::conformance::{
    FULL, Rig, Spec, can_run, conform, killed, missing, not_root, start, stop,
};

/// Namespaces need root and the tools.
fn available() -> bool {
    let why = not_root()
        .or_else(|| missing("ip", &["-V"]))
        .or_else(|| missing("python3", &["--version"]));
    can_run("local", why)
}

async fn rig(folder: &Path) -> Rig {
    Spec::new("local", folder)
        .rig(&folder.join("journal"))
        .await
}

/// Machines that go with their test, also if it fails.
struct Machines(PathBuf);

impl Drop for Machines {
    fn drop(&mut self) {
        let entries = std::fs::read_dir(self.0.join("machines"));
        for entry in entries.into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(id) = name.strip_suffix(".json") else {
                continue;
            };
            let script = self.0.join("local.py");
            let call = |verb: &str, asked: &str| {
                let child = Command::new(&script)
                    .arg(verb)
                    .env("REM_FOLDER", &self.0)
                    .env("REM_ID", id)
                    .stdin(Stdio::piped())
                    .spawn();
                let Ok(mut child) = child else { return };
                if let Some(mut line) = child.stdin.take() {
                    let _ = line.write_all(asked.as_bytes());
                }
                let _ = child.wait();
            };
            call("protect", "{\"action\": {\"on\": false}}\n");
            call("terminate", "\n");
        }
    }
}

fn wanted(name: &str) -> NewInstance {
    NewInstance {
        name: Some(name.into()),
        image: Some("http".parse().unwrap()),
        ..NewInstance::default()
    }
}

fn made(operation: &Operation) -> Id {
    Rig::made(operation)
}

async fn address(rig: &Rig, id: &Id) -> IpAddr {
    let listing = rig.cloud.get(&rig.scope, Kind::Instance, id, Mode::Fresh);
    let listing = listing.await.unwrap();
    listing.items[0].as_instance().unwrap().private_addresses[0]
}

/// What a machine answers on port 80, tried until it answers.
async fn page(address: IpAddr) -> String {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let asked = tokio::task::spawn_blocking(move || ask(address))
            .await
            .unwrap();
        match asked {
            Ok(page) if !page.is_empty() => return page,
            other => assert!(Instant::now() < until, "{other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn ask(address: IpAddr) -> std::io::Result<String> {
    let limit = Duration::from_secs(2);
    let mut stream = TcpStream::connect_timeout(&SocketAddr::new(address, 80), limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text.lines().last().unwrap_or_default().to_owned())
}

pub(crate) async fn machines_of_this_computer_come_serve_and_go() {
    if !available() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let _machines = Machines(folder.path().join("local"));
    let rig = rig(folder.path()).await;
    let ann = made(&rig.run(Action::RequestInstance(wanted("ann"))).await);
    let bob = made(&rig.run(Action::RequestInstance(wanted("bob"))).await);
    let first = address(&rig, &ann).await;
    assert_eq!(page(first).await, ann.as_str());
    conform(&rig, &ann, &FULL).await;
    let spec = Spec::new("local", folder.path());
    killed(&spec, &folder.path().join("killed"), &ann).await;
    assert_eq!(page(first).await, ann.as_str());

    // An address that moves is answered for by its new machine, as a third one sees it.
    let tags = Tags::new();
    let ip = made(&rig.run(Action::AllocateIp { tags }).await);
    let move_to = |instance: &Id| Action::MoveIp {
        id: ip.clone(),
        instance: Some(instance.clone()),
    };
    assert!(Rig::well(&rig.run(move_to(&ann)).await));
    let floating = rig
        .cloud
        .list(&rig.scope, Kind::FloatingIp, Mode::Fresh)
        .await;
    let floating = match &floating.unwrap().items[0] {
        redeye_cloud::Resource::FloatingIp(ip) => ip.address,
        other => panic!("{other:?}"),
    };
    assert_eq!(page(floating).await, ann.as_str());
    assert!(Rig::well(&rig.run(move_to(&bob)).await));
    let since = Instant::now();
    assert_eq!(page(floating).await, bob.as_str());
    assert!(
        since.elapsed() < Duration::from_secs(5),
        "no old neighbour is remembered"
    );
    assert!(!Rig::well(&rig.run(move_to(&bob)).await));

    let protect = |on| Action::ProtectInstance {
        id: ann.clone(),
        on,
    };
    let terminate = |id: &Id| Action::TerminateInstance { id: id.clone() };
    assert!(Rig::well(&rig.run(protect(true)).await));
    let refused = rig.run(terminate(&ann)).await;
    assert_eq!(refused.state.name(), "failed");
    assert!(Rig::well(&rig.run(protect(false)).await));
    for id in [&ann, &bob] {
        assert!(Rig::well(&rig.run(terminate(id)).await));
    }
    let left = rig
        .cloud
        .list(&rig.scope, Kind::Instance, Mode::StrictFresh)
        .await;
    assert!(left.unwrap().items.is_empty());
    let spaces = Command::new("ip").arg("netns").output().unwrap();
    let spaces = String::from_utf8_lossy(&spaces.stdout).into_owned();
    assert!(!spaces.contains(ann.as_str()), "{spaces}");
}

#[tokio::test]
async fn volumes_of_this_computer_hang_and_are_restored() {
    if !available() || !can_run("loop devices", missing("losetup", &["-a"])) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let _machines = Machines(folder.path().join("local"));
    let rig = rig(folder.path()).await;
    let machine = made(&rig.run(Action::RequestInstance(wanted("db"))).await);
    let new = NewVolume {
        name: Some("data".into()),
        bytes: Some(1 << 20),
        zone: None,
        snapshot: None,
        sort: None,
        tags: Tags::new(),
    };
    let volume = made(&rig.run(Action::CreateVolume(new.clone())).await);
    let file = folder.path().join(format!("local/volumes/{volume}.img"));
    std::fs::write(&file, vec![7; 1 << 20]).unwrap();
    let attach = Action::AttachVolume {
        id: volume.clone(),
        instance: machine.clone(),
        device: None,
    };
    assert!(Rig::well(&rig.run(attach.clone()).await));
    assert!(!Rig::well(&rig.run(attach).await), "it hangs there already");
    let delete = Action::DeleteVolume { id: volume.clone() };
    assert_eq!(rig.run(delete.clone()).await.state.name(), "failed");

    let snapshot = Action::CreateSnapshots {
        volumes: vec![volume.clone()],
        description: Some("before".into()),
        tags: Tags::new(),
    };
    let snapshot = made(&rig.run(snapshot).await);
    let restored = NewVolume {
        bytes: None,
        snapshot: Some(snapshot),
        ..new
    };
    let restored = made(&rig.run(Action::CreateVolume(restored)).await);
    let copy = folder.path().join(format!("local/volumes/{restored}.img"));
    assert_eq!(std::fs::read(copy).unwrap(), vec![7; 1 << 20]);

    let detach = Action::DetachVolume {
        id: volume,
        instance: None,
        force: false,
    };
    assert!(Rig::well(&rig.run(detach).await));
    assert!(Rig::well(&rig.run(delete).await));
    let terminate = Action::TerminateInstance { id: machine };
    assert!(Rig::well(&rig.run(terminate).await));
}

#[tokio::test]
async fn a_machine_whose_first_process_is_killed_is_off() {
    if !available() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let _machines = Machines(folder.path().join("local"));
    let rig = rig(folder.path()).await;
    let id = made(&rig.run(Action::RequestInstance(wanted("web"))).await);
    assert_eq!(rig.power(&id).await, Power::On);
    let kept = folder.path().join(format!("local/machines/{id}.json"));
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(kept).unwrap()).unwrap();
    let pid = kept["pid"].as_u64().unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-9", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(rig.power(&id).await, Power::Off);
    assert!(Rig::well(&rig.run(start(&id)).await));
    assert!(Rig::well(&rig.run(stop(&id, true)).await));
    assert!(Rig::well(&rig.run(Action::TerminateInstance { id }).await));
}

/// Whether somebody in a namespace gets a page of a machine, on a connection of its own.
fn gets(space: &str, to: IpAddr, port: u16) -> bool {
    let asked = Command::new("ip")
        .args(["netns", "exec", space, "curl", "-sf", "--max-time", "1"])
        .arg(format!("http://{to}:{port}/"))
        .output()
        .unwrap();
    asked.status.success()
}

/// The namespace of a machine: the only one whose name ends so.
fn space(id: &Id) -> String {
    let spaces = Command::new("ip").arg("netns").output().unwrap();
    let spaces = String::from_utf8_lossy(&spaces.stdout).into_owned();
    let mut names = spaces
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let found = names.find(|name| name.ends_with(id.as_str()));
    found.unwrap().to_owned()
}

#[tokio::test]
async fn a_firewall_lets_in_what_is_allowed_and_no_more() {
    if !available()
        || !can_run(
            "firewalls",
            missing("nft", &["--version"]).or_else(|| missing("curl", &["--version"])),
        )
    {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let _machines = Machines(folder.path().join("local"));
    let rig = rig(folder.path()).await;
    let firewall = |name: &str| Action::CreateFirewall {
        name: name.into(),
        description: None,
        tags: Tags::new(),
    };
    let webs = made(&rig.run(firewall("webs")).await);
    let friends = made(&rig.run(firewall("friends")).await);
    let guarded = |name: &str, firewall: &Id| {
        Action::RequestInstance(NewInstance {
            firewalls: vec![firewall.clone()],
            ..wanted(name)
        })
    };
    let web = made(&rig.run(guarded("web", &webs)).await);
    let eve = made(&rig.run(Action::RequestInstance(wanted("eve"))).await);
    let ann = made(&rig.run(guarded("ann", &friends)).await);
    let to = address(&rig, &web).await;
    let from = |id: &Id| gets(&space(id), to, 80);
    // It serves, which somebody who is inside sees.
    let inside = space(&web);
    crate::conformance::wait_for("it serves", || gets(&inside, to, 80));
    assert!(!from(&eve) && !from(&ann), "nothing comes in by itself");

    let rule = |protocol, ports, peer| redeye_cloud::FirewallRule {
        direction: redeye_cloud::Direction::In,
        protocol,
        ports,
        peer,
    };
    let http = rule(
        Protocol::Tcp,
        Some((80, 80)),
        Peer::Firewall(friends.clone()),
    );
    let allow = |rule: &redeye_cloud::FirewallRule| Action::Allow {
        id: webs.clone(),
        rule: rule.clone(),
    };
    let deny = |rule: &redeye_cloud::FirewallRule| Action::Deny {
        id: webs.clone(),
        rule: rule.clone(),
    };
    assert!(Rig::well(&rig.run(allow(&http)).await));
    assert!(!Rig::well(&rig.run(allow(&http)).await), "it was so");
    assert!(from(&ann), "those behind the other firewall come in");
    assert!(!from(&eve), "and nobody else");
    let listed = rig
        .cloud
        .list(&rig.scope, Kind::Firewall, Mode::StrictFresh)
        .await;
    let listed = serde_json::to_string(&listed.unwrap().items).unwrap();
    assert!(listed.contains(r#""ports":[80,80]"#), "{listed}");

    // A machine that joins them comes in too; one network is as good as a firewall.
    let bob = made(&rig.run(guarded("bob", &friends)).await);
    assert!(from(&bob));
    let eves = Peer::Network(format!("{}/32", address(&rig, &eve).await));
    let eves = rule(Protocol::Tcp, None, eves);
    assert!(Rig::well(&rig.run(allow(&eves)).await));
    assert!(from(&eve));

    // What is denied no longer comes in, also after the machine was off.
    assert!(Rig::well(&rig.run(deny(&http)).await));
    assert!(!Rig::well(&rig.run(deny(&http)).await), "it was so");
    assert!(!from(&ann) && !from(&bob) && from(&eve));
    assert!(Rig::well(&rig.run(stop(&web, true)).await));
    assert!(Rig::well(&rig.run(start(&web)).await));
    crate::conformance::wait_for("it serves", || gets(&inside, to, 80));
    assert!(!from(&ann) && from(&eve));

    let odd = [
        rule(Protocol::Http, None, Peer::Firewall(friends.clone())),
        rule(
            Protocol::Icmp,
            Some((1, 2)),
            Peer::Firewall(friends.clone()),
        ),
        rule(
            Protocol::Tcp,
            None,
            Peer::Network("10.0.0.0/8; flush".into()),
        ),
    ];
    for rule in &odd {
        let (class, ..) = rig.refused(allow(rule), 20).await;
        assert_eq!(class.name(), "invalid", "{rule}");
    }
    let delete = |id: &Id| Action::DeleteFirewall { id: id.clone() };
    let (class, ..) = rig.refused(delete(&webs), 20).await;
    assert_eq!(class.name(), "conflict", "a machine is behind it");
    for id in [&web, &eve, &ann, &bob] {
        let terminate = Action::TerminateInstance { id: id.clone() };
        assert!(Rig::well(&rig.run(terminate).await));
    }
    for id in [&webs, &friends] {
        assert!(Rig::well(&rig.run(delete(id)).await));
    }
}
