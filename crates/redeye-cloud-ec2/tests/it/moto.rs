//! A second opinion: moto, an EC2 in Python that is not ours.
//!
//! What it lacks, and is therefore asked of our own fake alone: states that take time,
//! tokens (a repeated request makes another machine), pages of volumes, attaching
//! across zones, leaving volumes out of a snapshot of an instance, releasing an address that is in use, a firewall that is in use, and
//! faults.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redeye_cloud::{Health, Hidden, Kind, Power};
use redeye_cloud_ec2::{Keys, Settings};
use rem_time::Span;

use crate::conformance::conform;
use crate::rig::{Rig, id};
use crate::things;

struct Moto {
    child: Child,
    endpoint: String,
}

impl Drop for Moto {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/bin/moto_server")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A moto on a port of its own; nothing where there is none and none is required.
fn moto(folder: &Path) -> Option<Moto> {
    let program = program();
    if !program.is_file() {
        let required = std::env::var("REQUIRE_BACKENDS").is_ok_and(|value| value == "1");
        assert!(
            !required,
            "moto must run here: scripts/setup test installs it"
        );
        eprintln!("skipped moto: there is no {}", program.display());
        return None;
    }
    let port = free_port();
    let log = std::fs::File::create(folder.join("moto.log")).unwrap();
    let child = Command::new(program)
        .args(["-H", "127.0.0.1", "-p", &port.to_string()])
        .env("MOTO_ENABLE_AMI_VALIDATION", "1")
        .env("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "1")
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let moto = Moto {
        child,
        endpoint: format!("http://127.0.0.1:{port}"),
    };
    let until = Instant::now() + Duration::from_secs(60);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        let log = std::fs::read_to_string(folder.join("moto.log")).unwrap_or_default();
        assert!(Instant::now() < until, "moto does not answer: {log}");
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(moto)
}

async fn rig(moto: &Moto, folder: &Path) -> Rig {
    let settings = Settings {
        endpoint: Some(moto.endpoint.clone()),
        keys: Some(Keys {
            id: "anybody".into(),
            secret: Hidden::new("anything"),
        }),
        // The first answer of each sort takes seconds.
        patience: Span::from_seconds(60),
        look_after: Span::from_millis(20),
        image_owners: vec!["amazon".into()],
        ..Settings::new("ec2/test/eu-west-1".parse().unwrap())
    };
    let mut rig = Rig::new(settings, &folder.join("journal")).await;
    let images = rig.list(Kind::Image).await;
    rig.wanted.image = Some(images.items[0].id().clone());
    rig.zones = ["eu-west-1a", "eu-west-1b"].map(id);
    rig
}

#[tokio::test]
async fn moto_agrees_about_machines_and_all_else() {
    let folder = tempfile::tempdir().unwrap();
    let Some(moto) = moto(folder.path()) else {
        return;
    };
    let rig = rig(&moto, folder.path()).await;
    conform(&rig).await;
    things::volumes(&rig, false).await;
    things::addresses(&rig).await;
    things::keys(&rig).await;
    things::images(&rig).await;
    things::balancers(&rig, Health::Healthy).await;
    for kind in Kind::ALL {
        rig.list(kind).await;
    }
    let mut wanted = rig.wanted.clone();
    wanted.size = Some(id("t9.huge"));
    let asked = redeye_cloud::Action::RequestInstance(wanted);
    // The real one, and ours, say `InvalidParameterValue`.
    assert_eq!(rig.refused(asked).await, "not_found");
    let gone = rig.list(Kind::Instance).await;
    let on = gone.items.iter().filter_map(|one| one.as_instance());
    assert_eq!(on.filter(|one| one.power == Power::On).count(), 0);
}
