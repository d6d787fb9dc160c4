//! A machine that a packet wakes and ssh stops: a network namespace with a server for
//! ssh of its own, whose cable is pulled while it sleeps.

use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::conformance::{missing, not_root, wait_for};

/// The hardware address that wakes it.
pub(crate) const MAC: [u8; 6] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];

/// One for each test of this process.
static NUMBER: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Sleeper {
    pub(crate) folder: PathBuf,
    /// Its address.
    pub(crate) host: String,
    /// Where packets that wake it are heard.
    pub(crate) broadcast: String,
    wire: Wire,
    packets: Arc<Mutex<Vec<Vec<u8>>>>,
    ends: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

/// The namespace, its cable, and the server in it.
#[derive(Clone)]
struct Wire {
    space: String,
    cable: String,
    folder: PathBuf,
    server: Arc<Mutex<Option<Child>>>,
}

pub(crate) fn lacks() -> Option<String> {
    not_root()
        .or_else(|| missing("ip", &["-V"]))
        .or_else(|| missing("ssh", &["-V"]))
        .or_else(|| missing("/usr/sbin/sshd", &["-V"]))
}

fn ip(args: &[&str]) {
    let done = Command::new("ip").args(args).output().unwrap();
    assert!(done.status.success(), "ip {args:?}: {done:?}");
}

fn key(folder: &Path, name: &str) -> String {
    let file = folder.join(name);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&file)
        .status();
    assert!(made.unwrap().success());
    fs::read_to_string(file.with_extension("pub")).unwrap()
}

/// What the machine lets people do; above all, it is no way to stop this computer.
fn guard(folder: &Path) -> String {
    format!(
        "#!/bin/sh\nasked=\"$SSH_ORIGINAL_COMMAND\"\necho \"$asked\" >>{0}/calls\ncase \"$asked\" in\n\
         \"echo on\") echo on;;\n\
         fake-poweroff) (sleep 1; ip link set eth0 down) </dev/null >/dev/null 2>&1 &;;\n\
         fake-reboot) (sleep 0.2; ip link set eth0 down; sleep 1; ip link set eth0 up) </dev/null >/dev/null 2>&1 &;;\n\
         \"sh -l\") hostname; cat;;\n\
         *) exit 77;;\nesac\n",
        folder.display()
    )
}

/// Takes away what tests left that were killed: their process is in the name.
fn tidy() {
    let spaces = Command::new("ip").arg("netns").output().unwrap();
    let spaces = String::from_utf8_lossy(&spaces.stdout).into_owned();
    for name in spaces.lines().filter_map(|line| line.split(' ').next()) {
        let owner = name
            .strip_prefix("rem-sleeper-")
            .and_then(|rest| rest.split('-').next());
        let lives = |pid: &str| Path::new("/proc").join(pid).exists();
        if owner.is_some_and(|pid| pid.parse::<u32>().is_ok() && !lives(pid)) {
            end(name);
        }
    }
}

/// Ends all that runs in a namespace, and the namespace.
fn end(space: &str) {
    let inside = Command::new("ip").args(["netns", "pids", space]).output();
    let inside = inside.map(|done| String::from_utf8_lossy(&done.stdout).into_owned());
    for pid in inside.unwrap_or_default().split_whitespace() {
        let _ = Command::new("kill").args(["-9", pid]).status();
    }
    let _ = Command::new("ip").args(["netns", "del", space]).status();
}

impl Sleeper {
    /// One that sleeps.
    pub(crate) fn new(folder: &Path) -> Self {
        tidy();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let own = std::process::id();
        let wire = Wire {
            space: format!("rem-sleeper-{own}-{number}"),
            cable: format!("rs{own:x}-{number}"),
            folder: folder.to_owned(),
            server: Arc::default(),
        };
        // Addresses for measurements between networks (RFC 2544), which nobody uses here.
        let net = format!("198.{}.{}", 18 + number % 2, own % 250);
        let low = 4 * (number % 60);
        let (near, host) = (format!("{net}.{}", low + 1), format!("{net}.{}", low + 2));
        let host_key = key(folder, "host");
        let public = key(folder, "key");
        key(folder, "other");
        fs::write(folder.join("authorized"), public).unwrap();
        let known = |key: &str| {
            let mut words = key.split_whitespace();
            format!(
                "{host} {} {}\n",
                words.next().unwrap(),
                words.next().unwrap()
            )
        };
        fs::write(folder.join("known_hosts"), known(&host_key)).unwrap();
        let other = fs::read_to_string(folder.join("other.pub")).unwrap();
        fs::write(folder.join("wrong_hosts"), known(&other)).unwrap();
        let script = folder.join("guard");
        fs::write(&script, guard(folder)).unwrap();
        let mode = Command::new("chmod").arg("755").arg(&script).status();
        assert!(mode.unwrap().success());
        let config = format!(
            "Port 22\nListenAddress {host}\nHostKey {0}/host\nPidFile none\n\
             AuthorizedKeysFile {0}/authorized\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nForceCommand {0}/guard\n",
            folder.display()
        );
        fs::write(folder.join("sshd.conf"), config).unwrap();

        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let broadcast = socket.local_addr().unwrap().to_string();
        let limit = Some(Duration::from_millis(100));
        socket.set_read_timeout(limit).unwrap();
        let mut sleeper = Self {
            folder: folder.to_owned(),
            host: host.clone(),
            broadcast,
            wire: wire.clone(),
            packets: Arc::default(),
            ends: Arc::default(),
            listener: None,
        };
        ip(&["netns", "add", &wire.space]);
        let (space, cable) = (wire.space.as_str(), wire.cable.as_str());
        ip(&[
            "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", space,
        ]);
        ip(&["addr", "add", &format!("{near}/30"), "dev", cable]);
        ip(&["link", "set", cable, "up"]);
        ip(&[
            "-n",
            space,
            "addr",
            "add",
            &format!("{host}/30"),
            "dev",
            "eth0",
        ]);
        ip(&["-n", space, "link", "set", "lo", "up"]);
        let (packets, ends) = (sleeper.packets.clone(), sleeper.ends.clone());
        sleeper.listener = Some(std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while !ends.load(Ordering::Relaxed) {
                let Ok((size, _)) = socket.recv_from(&mut buffer) else {
                    continue;
                };
                let packet = buffer[..size].to_vec();
                if wakes(&packet) {
                    wire.wake();
                }
                packets.lock().unwrap().push(packet);
            }
        }));
        sleeper
    }

    /// How many packets came, each of which was such as wakes it.
    pub(crate) fn packets(&self) -> usize {
        let packets = self.packets.lock().unwrap();
        assert!(packets.iter().all(|packet| wakes(packet)));
        packets.len()
    }

    /// What was asked by ssh.
    pub(crate) fn calls(&self) -> String {
        fs::read_to_string(self.folder.join("calls")).unwrap_or_default()
    }
}

/// Six times 255, then sixteen times its address.
fn wakes(packet: &[u8]) -> bool {
    let addresses = packet.get(6..).unwrap_or_default();
    packet.len() == 102
        && packet[..6] == [255; 6]
        && addresses.chunks(6).all(|address| address == MAC)
}

impl Wire {
    fn wake(&self) {
        ip(&["-n", &self.space, "link", "set", "eth0", "up"]);
        let mut server = self.server.lock().unwrap();
        if server.is_some() {
            return;
        }
        // Where sshd leaves its privileges; packages make it when their service starts.
        fs::create_dir_all("/run/sshd").unwrap();
        let log = fs::File::create(self.folder.join("sshd.log")).unwrap();
        let child = Command::new("ip")
            .args([
                "netns",
                "exec",
                &self.space,
                "/usr/sbin/sshd",
                "-D",
                "-e",
                "-f",
            ])
            .arg(self.folder.join("sshd.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        *server = Some(child.unwrap());
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
        end(&self.wire.space);
        if let Some(mut server) = self.wire.server.lock().unwrap().take() {
            // It may not have got as far as the namespace.
            let _ = server.kill();
            let _ = server.wait();
        }
        // It goes with the namespace, unless that was not made.
        let cable = ["link", "del", &self.wire.cable];
        let _ = Command::new("ip")
            .args(cable)
            .stderr(Stdio::null())
            .status();
    }
}

/// Waits until a machine answers on a port.
pub(crate) fn answers(host: &str, port: u16) {
    let address = format!("{host}:{port}").parse().unwrap();
    wait_for("the machine answers", || {
        let limit = Duration::from_secs(1);
        std::net::TcpStream::connect_timeout(&address, limit).is_ok()
    });
}
