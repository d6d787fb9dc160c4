//! Domains of libvirt: a daemon of the test's own in its session mode, whose guests are
//! real ones under QEMU's own emulation; and its `test` driver for what virsh says.
//!
//! Not covered: `qemu:///system`, which wants users and folders of the whole computer,
//! and consoles, for which virsh wants a terminal.

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use redeye_cloud::{Action, Class, Id, Kind, Mode, Power};

use crate::conformance::{
    FULL, Rig, Server, Spec, conform_when, killed, may_run, missing, not_root, start, stop,
    wait_for, wait_for_long,
};
use crate::guest::{Guest, READY, guest};

/// Nobody: a session of root's would be that of the whole computer.
const USER: &str = "65534";

struct Daemon {
    uri: String,
    folder: PathBuf,
    _server: Server,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        for name in ["web-1", "a b"] {
            let _ = virsh(&self.uri, &["destroy", "--domain", name]);
        }
    }
}

fn virsh(uri: &str, args: &[&str]) -> (bool, String) {
    let done = Command::new("virsh")
        .args(["-q", "-c", uri])
        .args(args)
        .output()
        .unwrap();
    let text = [done.stdout, done.stderr].concat();
    (
        done.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

/// Files that the daemon, which is not root, can read.
fn open_to_all(folder: &Path) {
    let mode = Command::new("chmod").arg("755").arg(folder).status();
    assert!(mode.unwrap().success());
}

fn daemon(folder: &Path) -> Daemon {
    open_to_all(folder);
    let home = folder.join("libvirt-home");
    std::fs::create_dir_all(&home).unwrap();
    let owned = Command::new("chown").arg(USER).arg(&home).status();
    assert!(owned.unwrap().success());
    let log = std::fs::File::create(folder.join("libvirtd.log")).unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let child = Command::new("setpriv")
        .args([
            "--reuid",
            USER,
            "--regid",
            USER,
            "--clear-groups",
            "libvirtd",
        ])
        .env_clear()
        .env("PATH", path)
        .env("HOME", &home)
        .env("XDG_RUNTIME_DIR", &home)
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_CACHE_HOME", home.join("cache"))
        .env("XDG_DATA_HOME", home.join("data"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let socket = home.join("libvirt/libvirt-sock");
    let uri = format!("qemu+unix:///session?socket={}", socket.display());
    let daemon = Daemon {
        uri,
        folder: home,
        _server: Server(child),
    };
    wait_for("libvirtd answers", || virsh(&daemon.uri, &["list"]).0);
    daemon
}

fn domain(name: &str, guest: &Guest, log: &Path) -> String {
    format!(
        "<domain type='qemu'><name>{name}</name><memory unit='MiB'>128</memory><vcpu>1</vcpu>\n\
         <os><type arch='x86_64' machine='q35'>hvm</type><kernel>{}</kernel><initrd>{}</initrd>\n\
         <cmdline>console=ttyS0 quiet panic=-1</cmdline></os><features><acpi/></features>\n\
         <devices><emulator>/usr/bin/qemu-system-x86_64</emulator>\n\
         <serial type='pty'><log file='{}' append='on'/></serial></devices></domain>\n",
        guest.kernel.display(),
        guest.initrd.display(),
        log.display(),
    )
}

fn lacks() -> Option<String> {
    not_root()
        .or_else(|| missing("virsh", &["--version"]))
        .or_else(|| missing("libvirtd", &["--version"]))
        .or_else(|| missing("qemu-system-x86_64", &["--version"]))
        .or_else(|| missing("setpriv", &["--version"]))
}

pub(crate) async fn domains_are_listed_switched_and_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let mut guest = match (lacks(), guest(folder.path())) {
        (Some(why), _) | (None, Err(why)) => {
            may_run("libvirt", Some(&why));
            return;
        }
        (None, Ok(guest)) => guest,
    };
    // The kernel too must lie where the daemon can read.
    let kernel = folder.path().join("kernel");
    std::fs::copy(&guest.kernel, &kernel).unwrap();
    guest.kernel = kernel;
    let daemon = daemon(folder.path());
    let log = daemon.folder.join("serial.log");
    for name in ["web-1", "a b"] {
        let file = folder.path().join("domain.xml");
        std::fs::write(&file, domain(name, &guest, &log)).unwrap();
        let (well, said) = virsh(&daemon.uri, &["define", &file.to_string_lossy()]);
        assert!(well, "{said}");
    }
    let spec = Spec::new("libvirt", folder.path()).setting("uri", &daemon.uri);
    let rig = spec.rig(&folder.path().join("journal")).await;
    let listing = rig
        .cloud
        .list(&rig.scope, Kind::Instance, Mode::Fresh)
        .await;
    let listing = listing.unwrap();
    assert_eq!(listing.items.len(), 2);
    let odd = listing
        .items
        .iter()
        .filter_map(redeye_cloud::Resource::as_instance)
        .find(|one| one.name.as_deref() == Some("a b"))
        .unwrap();
    assert_eq!(
        odd.id.as_str().len(),
        36,
        "its UUID, as its name has a space"
    );
    assert_eq!(odd.power, Power::Off);
    let odd = odd.id.clone();

    let id: Id = "web-1".parse().unwrap();
    assert!(Rig::well(&rig.run(start(&id)).await));
    let boots = || {
        let log = std::fs::read(&log).unwrap_or_default();
        String::from_utf8_lossy(&log).matches(READY).count()
    };
    let mut up = 0;
    let mut is_up = || {
        up += 1;
        wait_for_long("the guest is up", || up <= boots());
    };
    is_up();
    let stopped = rig.run(stop(&id, false)).await;
    assert!(Rig::well(&stopped), "by its power button");
    conform_when(&rig, &id, &FULL, &mut is_up).await;
    killed(&spec, &folder.path().join("killed"), &id).await;
    let terminate = |id: &Id| Action::TerminateInstance { id: id.clone() };
    for id in [&id, &odd] {
        assert!(Rig::well(&rig.run(terminate(id)).await));
        assert!(!Rig::well(&rig.run(terminate(id)).await), "it was gone");
    }
    let left = rig
        .cloud
        .list(&rig.scope, Kind::Instance, Mode::StrictFresh);
    assert!(left.await.unwrap().items.is_empty());
    let (class, ..) = rig.refused(start(&id), 20).await;
    assert_eq!(class, Class::NotFound);
}

/// A socket that takes connections and never answers.
#[tokio::test]
async fn a_libvirt_that_hangs_or_is_not_there_is_lost() {
    if !may_run("virsh", missing("virsh", &["--version"]).as_deref()) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("hung");
    let _hung = UnixListener::bind(&socket).unwrap();
    let uri = |socket: &Path| format!("qemu+unix:///session?socket={}", socket.display());
    let spec = Spec::new("libvirt", folder.path()).setting("uri", uri(&socket));
    let spec = spec.machines("web-1: {}\n");
    let rig = spec.rig(&folder.path().join("journal")).await;
    let id: Id = "web-1".parse().unwrap();
    let listed = rig
        .cloud
        .list(&rig.scope, Kind::Instance, Mode::StrictFresh);
    assert_eq!(listed.await.unwrap_err().class, Class::Unavailable);
    let (class, ..) = rig.refused(start(&id), 3).await;
    assert_eq!(class, Class::Unavailable);
    let gone = Spec::new("libvirt", folder.path()).setting("uri", uri(Path::new("/nowhere")));
    let rig = gone.rig(&folder.path().join("journal-2")).await;
    let listed = rig
        .cloud
        .list(&rig.scope, Kind::Instance, Mode::StrictFresh);
    assert_eq!(listed.await.unwrap_err().class, Class::Unavailable);
}

/// The `test` driver forgets all when virsh ends, so it serves for what is said only.
#[tokio::test]
async fn what_virsh_says_is_read() {
    if !may_run("virsh", missing("virsh", &["--version"]).as_deref()) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let spec = Spec::new("libvirt", folder.path()).setting("uri", "test:///default");
    let rig = spec.rig(&folder.path().join("journal")).await;
    let id: Id = "test".parse().unwrap();
    assert_eq!(rig.power(&id).await, Power::On);
    assert!(!Rig::well(&rig.run(start(&id)).await), "it runs already");
    for id in ["nobody", "--all"] {
        let (class, ..) = rig.refused(start(&id.parse().unwrap()), 20).await;
        assert_eq!(class, Class::NotFound, "{id}");
    }
}
