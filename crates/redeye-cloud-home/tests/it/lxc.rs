//! Containers of LXC, in a folder of the test's own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use redeye_cloud::{Action, Id, Kind, Mode, NewInstance};

use crate::conformance::{
    FULL, Rig, Spec, can_run, conform, hung, killed, missing, not_root, start, stop,
};

/// Ends whatever runs in a folder, also if the test fails.
struct Containers(PathBuf);

impl Drop for Containers {
    fn drop(&mut self) {
        for entry in std::fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if let Some(monitor) = monitor(&self.0, &name.to_string_lossy()) {
                signal("-CONT", monitor);
            }
            let _ = Command::new("lxc-stop")
                .arg("-P")
                .arg(&self.0)
                .args(["-k", "-n"])
                .arg(&name)
                .stderr(Stdio::null())
                .status();
        }
    }
}

fn signal(signal: &str, pid: u32) {
    let pid = pid.to_string();
    let _ = Command::new("kill").args([signal, &pid]).status();
}

/// The process that LXC keeps beside a container.
fn monitor(path: &Path, name: &str) -> Option<u32> {
    let title = format!("[lxc monitor] {} {name}", path.display());
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let mut numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.find(|pid: &u32| {
        let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&words).trim_end_matches('\0') == title
    })
}

fn wanted(name: &str, image: &str) -> Action {
    Action::RequestInstance(NewInstance {
        name: Some(name.into()),
        image: Some(image.parse().unwrap()),
        ..NewInstance::default()
    })
}

pub(crate) async fn containers_come_serve_and_go() {
    let lacks = not_root()
        .or_else(|| missing("lxc-start", &["--version"]))
        .or_else(|| missing("busybox", &["true"]));
    if !can_run("lxc", lacks) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("containers");
    let images = folder.path().join("images");
    let spec = Spec::new("lxc", folder.path())
        .setting("path", path.to_string_lossy())
        .setting("images", images.to_string_lossy());
    let _containers = Containers(path.clone());
    let rig = spec.rig(&folder.path().join("journal")).await;
    let none = rig.cloud.list(&rig.scope, Kind::Instance, Mode::Fresh);
    assert!(none.await.unwrap().is_proof());
    let ann = Rig::made(&rig.run(wanted("ann", "busybox")).await);
    conform(&rig, &ann, &FULL).await;
    killed(&spec, &folder.path().join("killed"), &ann).await;

    // A person on its console is inside.
    let terminal = rig.home.console(&ann).unwrap();
    let script = folder.path().join("typed");
    std::fs::write(&script, "hostname; wget -q -O - http://127.0.0.1/\n").unwrap();
    let typed = std::fs::File::open(&script).unwrap();
    let said = Command::new(&terminal.argv[0])
        .args(&terminal.argv[1..])
        .envs(terminal.env)
        .stdin(typed)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert_eq!(
        said.matches(ann.as_str()).count(),
        2,
        "its name and its page: {said}"
    );

    // The root file system of one is the image of another.
    std::fs::create_dir_all(&images).unwrap();
    let own = path.join(ann.as_str()).join("rootfs");
    let copied = Command::new("cp")
        .arg("-a")
        .arg(own)
        .arg(images.join("mine"))
        .status();
    assert!(copied.unwrap().success());
    let bob = Rig::made(&rig.run(wanted("bob", "mine")).await);
    let (class, ..) = rig.refused(wanted("eve", "../../etc"), 20).await;
    assert_eq!(class.name(), "invalid");

    // What LXC asks for a container's state does not answer.
    let asked = monitor(&path, bob.as_str()).unwrap();
    signal("-STOP", asked);
    hung(&rig, &bob, start(&bob)).await;
    signal("-CONT", asked);

    let protect = |on| Action::ProtectInstance {
        id: ann.clone(),
        on,
    };
    let terminate = |id: &Id| Action::TerminateInstance { id: id.clone() };
    assert!(Rig::well(&rig.run(protect(true)).await));
    let (class, ..) = rig.refused(terminate(&ann), 20).await;
    assert_eq!(class.name(), "conflict");
    assert!(Rig::well(&rig.run(protect(false)).await));
    for id in [&ann, &bob] {
        assert!(Rig::well(&rig.run(terminate(id)).await));
        assert!(!Rig::well(&rig.run(terminate(id)).await), "it was gone");
    }
    let left = rig
        .cloud
        .list(&rig.scope, Kind::Instance, Mode::StrictFresh)
        .await;
    assert!(left.unwrap().items.is_empty());
    let (class, ..) = rig.refused(start(&ann), 20).await;
    assert_eq!(class.name(), "not_found");
    let (class, ..) = rig.refused(stop(&"../x".parse().unwrap(), true), 20).await;
    assert_eq!(class.name(), "not_found");
}
