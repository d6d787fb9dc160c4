//! The Alertmanager run through HTTP: 10,000 distinct alerts in POSTs of 500 to
//! `/api/v2/alerts` of a real rem-monitor and of Debian's Alertmanager, one message for each
//! alert to the same receiver; and the same while that receiver is down for 20 seconds.
//!
//! `cargo build --release -p rem-monitor-bin && cargo bench -p rem-web --bench alerts -- --target rem`
#![allow(clippy::unwrap_used)]

#[path = "peer/receiver.rs"]
mod receiver;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use receiver::{Receiver, message};
use rem_bench::{Report as Table, cpu_time_of};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const ALERTS: usize = 10_000;
const PER_POST: usize = 500;
/// POSTs under way at the same time, as several Prometheus servers would have them.
const POSTS_AT_ONCE: usize = 4;
const DOWN: Duration = Duration::from_secs(20);
/// Nothing here takes longer, or it is lost.
const PATIENCE: Duration = Duration::from_secs(90);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Rem,
    Alertmanager,
}

/// A server in a folder of its own, killed at the end.
struct Server {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Server {
    async fn start(target: Target, hook: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let (mut command, path) = match target {
            Target::Rem => (rem(folder.path(), port, hook), "/system_monitor/alerts"),
            Target::Alertmanager => (alertmanager(folder.path(), port, hook), "/-/ready"),
        };
        let child = command
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let server = Self {
            child,
            address,
            _folder: folder,
        };
        let until = Instant::now() + PATIENCE;
        let ask = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        loop {
            if let Ok(mut stream) = TcpStream::connect(address).await
                && stream.write_all(ask.as_bytes()).await.is_ok()
                && let Ok(Some((head, _))) = message(&mut stream, &mut Vec::new()).await
                && head.starts_with("HTTP/1.1 200")
            {
                return server;
            }
            assert!(Instant::now() < until, "{command:?} does not serve");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn cpu(&self) -> Duration {
        cpu_time_of(self.child.id())
    }

    /// Megabytes in RAM: `VmRSS` now, `VmHWM` at most so far.
    fn memory(&self, which: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap();
        let line = status.lines().find(|line| line.starts_with(which)).unwrap();
        let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kilobytes / 1024.0
    }

    /// Posts every alert; how long until the last one was accepted.
    async fn post_all(&self) -> Duration {
        // Made before the clock runs.
        let posts: Vec<String> = (0..ALERTS).step_by(PER_POST).map(post).collect();
        let next = Arc::new(Mutex::new(posts.into_iter()));
        let began = Instant::now();
        let senders = (0..POSTS_AT_ONCE).map(|_| {
            let (next, address) = (Arc::clone(&next), self.address);
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let mut bytes = Vec::new();
                loop {
                    let Some(body) = next.lock().next() else {
                        return;
                    };
                    let request = format!(
                        "POST /api/v2/alerts HTTP/1.1\r\nhost: {address}\r\n\
                         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    stream.write_all(request.as_bytes()).await.unwrap();
                    let answer = message(&mut stream, &mut bytes).await.unwrap();
                    let (head, body) = answer.expect("the server hung up");
                    let said = String::from_utf8_lossy(&body);
                    assert!(head.starts_with("HTTP/1.1 200"), "{head}{said}");
                }
            })
        });
        let senders: Vec<_> = senders.collect();
        for sender in senders {
            sender.await.unwrap();
        }
        began.elapsed()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// The program that `cargo build --release` made.
fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("REM_MONITOR") {
        return path.into();
    }
    // target/release/deps/alerts-0123456789abcdef
    let own = std::env::current_exe().unwrap();
    let path = own.parent().and_then(Path::parent).unwrap();
    path.join("rem-monitor")
}

fn rem(folder: &Path, port: u16, hook: u16) -> Command {
    let yaml = format!(
        "listen: [{{http: \"127.0.0.1:{port}\"}}]\n\
         notify: {{url: \"http://127.0.0.1:{port}\", fallback: \
         [{{webhook: \"http://127.0.0.1:{hook}/\", template: alertmanager, digest: false}}]}}\n"
    );
    std::fs::write(folder.join("monitor.yaml"), yaml).unwrap();
    let mut command = Command::new(binary());
    command.args(["monitor.yaml", "--log", "error"]);
    command
}

fn alertmanager(folder: &Path, port: u16, hook: u16) -> Command {
    let yaml = format!(
        "route: {{receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 10s, repeat_interval: 4h}}\n\
         receivers: [{{name: hook, webhook_configs: [{{url: 'http://127.0.0.1:{hook}/', send_resolved: false}}]}}]\n"
    );
    std::fs::write(folder.join("am.yml"), yaml).unwrap();
    let mut command = Command::new("prometheus-alertmanager");
    command.args([
        "--config.file=am.yml",
        "--storage.path=data",
        "--cluster.listen-address=",
        "--log.level=error",
    ]);
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    command
}

fn post(from: usize) -> String {
    let alert = |x: usize| {
        json!({
            "labels": {
                "alertname": "InstanceDown", "job": "web", "severity": "critical",
                "instance": format!("m{x:05}.example.com:9100"), "x": x.to_string(),
            },
            "annotations": { "summary": format!("m{x:05} has not answered for 30 s") },
            "generatorURL": "http://prometheus.example.com/graph",
        })
    };
    let alerts: Vec<Value> = (from..from + PER_POST).map(alert).collect();
    Value::from(alerts).to_string()
}

async fn healthy(target: Target, hook: u16, receiver: &Receiver, table: &mut Table) {
    receiver.forget();
    let server = Server::start(target, hook).await;
    let idle = server.memory("VmRSS");
    let cpu = server.cpu();
    let began = Instant::now();
    let accepted = server.post_all().await;
    let delivered = receiver.all(ALERTS, began, PATIENCE).await;
    let cpu = server.cpu().saturating_sub(cpu);
    let rate = ALERTS as f64 / accepted.as_secs_f64();
    table.row("accepted", rate, "alerts/s", target.goal(">= 10000"));
    let seconds = delivered.as_secs_f64();
    table.row("all delivered after", seconds, "s", target.goal("<= 2"));
    let seconds = cpu.as_secs_f64();
    table.row("CPU of the server", seconds, "s", target.goal("<= 1.5"));
    let most = server.memory("VmHWM");
    table.row("memory at most", most, "MB", target.goal("<= 80"));
    table.row("memory before", idle, "MB", "");
    table.row("delivered", receiver.distinct() as f64, "alerts", "");
    let again = f64::from(receiver.again());
    table.row("delivered again", again, "alerts", target.goal("<= 0"));
}

async fn down(target: Target, hook: u16, receiver: &Receiver, table: &mut Table) {
    receiver.forget();
    let server = Server::start(target, hook).await;
    let before = server.memory("VmRSS");
    receiver.down.store(true, Ordering::Relaxed);
    let cpu = server.cpu();
    let began = Instant::now();
    server.post_all().await;
    tokio::time::sleep(DOWN.saturating_sub(began.elapsed())).await;
    receiver.down.store(false, Ordering::Relaxed);
    let drained = receiver.all(ALERTS, Instant::now(), PATIENCE).await;
    let cpu = server.cpu().saturating_sub(cpu);
    // Whoever sends something twice does so soon.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let name = |what| format!("receiver down 20 s: {what}");
    let seconds = drained.as_secs_f64();
    table.row(&name("drained after"), seconds, "s", target.goal("<= 3"));
    let came = receiver.distinct() as f64;
    table.row(&name("delivered"), came, "alerts", "");
    let again = f64::from(receiver.again());
    table.row(
        &name("delivered again"),
        again,
        "alerts",
        target.goal("<= 0"),
    );
    let refused = receiver.refused() as f64;
    table.row(&name("attempts refused"), refused, "", "");
    table.row(&name("CPU of the server"), cpu.as_secs_f64(), "s", "");
    let grown = server.memory("VmHWM") - before;
    table.row(&name("memory grew by"), grown, "MB", "");
}

impl Target {
    /// Of those named behind `--target`; both if nobody says.
    fn chosen() -> Vec<Self> {
        let mut arguments = std::env::args().skip_while(|argument| argument != "--target");
        match (arguments.next(), arguments.next().as_deref()) {
            (None, _) => vec![Self::Rem, Self::Alertmanager],
            (Some(_), Some("rem")) => vec![Self::Rem],
            (Some(_), Some("am")) => vec![Self::Alertmanager],
            (Some(_), other) => panic!("--target is rem or am, not {other:?}"),
        }
    }

    /// Goals are ours; the peer's figures stand beside them.
    fn goal(self, goal: &'static str) -> &'static str {
        match self {
            Self::Rem => goal,
            Self::Alertmanager => "",
        }
    }
}

fn main() {
    let (receiver, hook) = Receiver::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for target in Target::chosen() {
        let name = match target {
            Target::Rem => "rem-monitor",
            Target::Alertmanager => "Alertmanager",
        };
        let method = format!(
            "{ALERTS} alerts by HTTP, {PER_POST} a POST, {POSTS_AT_ONCE} at once, one message each"
        );
        let mut table = Table::new(name, &method);
        runtime.block_on(async {
            healthy(target, hook, &receiver, &mut table).await;
            down(target, hook, &receiver, &mut table).await;
        });
    }
}
