//! Real servers of other people, each on a port of its own and in a folder of
//! its own, ended with the test.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::net::TcpStream;

/// How long a server may take to accept its first connection.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    pub(crate) address: SocketAddr,
    _folder: TempDir,
}

impl Daemon {
    /// Starts `command` with what it writes thrown away, and waits until it
    /// accepts connections.
    pub(crate) async fn start(
        mut command: Command,
        package: &str,
        address: SocketAddr,
        folder: TempDir,
    ) -> Self {
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        command
            .stdin(Stdio::null())
            .stderr(log.try_clone().unwrap());
        let mut daemon = Self {
            child: spawn(command.stdout(log), package),
            address,
            _folder: folder,
        };
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(address).await.is_err() {
            let ended = daemon.child.try_wait().unwrap();
            let log = std::fs::read_to_string(daemon._folder.path().join("log"));
            assert!(ended.is_none(), "{package} ended: {}", log.unwrap());
            assert!(Instant::now() < until, "{package} accepts nothing");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        daemon
    }

    /// Starts `command`, which writes its port as its first line.
    pub(crate) fn announced(mut command: Command, package: &str, folder: TempDir) -> Self {
        let mut child = spawn(
            command.stdin(Stdio::piped()).stdout(Stdio::piped()),
            package,
        );
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let port: u16 = line.trim().parse().expect(package);
        Self {
            child,
            address: ([127, 0, 0, 1], port).into(),
            _folder: folder,
        }
    }

    pub(crate) fn host(&self, name: &str) -> String {
        format!("{name}:{}", self.address.port())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port where nobody listens at the moment.
pub(crate) fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

pub(crate) fn write(folder: &TempDir, name: &str, text: &str) -> String {
    let path: &Path = &folder.path().join(name);
    std::fs::write(path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[track_caller]
fn spawn(command: &mut Command, package: &str) -> Child {
    let spawned = command.spawn();
    spawned.unwrap_or_else(|error| {
        panic!("this test needs the Debian package {package}: {command:?}: {error}")
    })
}
