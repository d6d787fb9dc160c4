//! How long the command takes for a list of EC2, and to say that EC2 is away, beside
//! the tools that people use today. The command is the one in
//! `target/release`, or the one that is named as an argument.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rem_bench::Report;
use rem_ec2_fake::{FakeEc2, Fault, KEY, SECRET};

const MACHINES: usize = 100;
const ROUNDS: usize = 7;
/// Nobody is waited for longer.
const CAP: Duration = Duration::from_secs(10);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn main() {
    let peers = root().join("target/peers/bin");
    let named = std::env::args().skip(1).find(|one| !one.starts_with("--"));
    let ours = named.map_or_else(|| root().join("target/release/redeye-cloud"), PathBuf::from);
    for program in [peers.join("moto_server"), peers.join("aws"), ours.clone()] {
        if !program.is_file() {
            println!(
                "{} is missing: scripts/setup bench and scripts/bench",
                program.display()
            );
            return;
        }
    }
    let method = "wall time of a whole command, median of seven; failures once, 10 s at the most";
    let mut report = Report::new("redeye-cloud-ec2", method);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    lists(&mut report, folder, &peers, &ours);
    failures(&mut report, folder, &peers, &ours);
}

struct Moto(Child, u16);

impl Drop for Moto {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn moto(peers: &Path) -> Moto {
    let port = free_port();
    let child = Command::new(peers.join("moto_server"))
        .args(["-H", "127.0.0.1", "-p", &port.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let moto = Moto(child, port);
    let until = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "moto does not answer");
        std::thread::sleep(Duration::from_millis(50));
    }
    moto
}

/// A bare request, and how long its whole answer took.
fn raw(port: u16, body: &str) -> (Duration, String) {
    let since = Instant::now();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential={KEY}/20270101/eu-west-1/ec2/aws4_request, \
         SignedHeaders=host, Signature=0\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut buffer = [0; 64 << 10];
    // Some servers take their time to close.
    while !is_whole(&answer) {
        let count = stream.read(&mut buffer).unwrap();
        assert!(0 < count, "the answer breaks off");
        answer.extend_from_slice(&buffer[..count]);
    }
    (since.elapsed(), String::from_utf8(answer).unwrap())
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let head = head.to_lowercase();
    let length = head.split_once("content-length:").unwrap().1;
    let length: usize = length.lines().next().unwrap().trim().parse().unwrap();
    length <= body.len()
}

fn median(mut work: impl FnMut() -> Duration) -> f64 {
    work();
    let mut all: Vec<Duration> = (0..ROUNDS).map(|_| work()).collect();
    all.sort();
    all[ROUNDS / 2].as_secs_f64() * 1e3
}

/// Runs a command with the credentials; how long it took, and what came of it.
fn timed(command: &mut Command) -> (Duration, String) {
    let since = Instant::now();
    let mut child = command
        .env("AWS_ACCESS_KEY_ID", KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_DEFAULT_REGION", "eu-west-1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        // What is killed may have said half of a letter.
        let _ = stdout.read_to_string(&mut text);
        text
    });
    let ended = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if CAP < since.elapsed() {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        std::thread::sleep(Duration::from_micros(200));
    };
    let took = since.elapsed();
    let said = reader.join().unwrap();
    let code = match ended {
        None => "no end".to_owned(),
        Some(status) => format!("exit {}", status.code().unwrap_or(-1)),
    };
    (
        took,
        format!("{code}, {} machines", said.matches("i-").count()),
    )
}

fn our_list(ours: &Path, folder: &Path, flag: &str) -> Command {
    let mut command = Command::new(ours);
    command
        .args(["instance", "list", "-o", "id", flag])
        .current_dir(folder);
    command
}

fn aws_list(peers: &Path, port: u16) -> Command {
    let mut command = Command::new(peers.join("aws"));
    command
        .args(["ec2", "describe-instances", "--output", "text"])
        .args(["--query", "Reservations[].Instances[].InstanceId"])
        .args(["--endpoint-url", &format!("http://127.0.0.1:{port}")]);
    command
}

fn libcloud_list(peers: &Path, port: u16) -> Command {
    let script = format!(
        "from libcloud.compute.providers import get_driver\n\
         from libcloud.compute.types import Provider\n\
         driver = get_driver(Provider.EC2)('{KEY}', '{SECRET}', region='eu-west-1', \
         host='127.0.0.1', port={port}, secure=False)\n\
         print(' '.join(node.id for node in driver.list_nodes()))"
    );
    let mut command = Command::new(peers.join("python3"));
    command.args(["-c", &script]);
    command
}

fn configure(folder: &Path, port: u16) {
    let text = format!(
        "data: data-{port}\nmegavisors: {{aws: {{ec2: {{region: eu-west-1, \
         endpoint: \"http://127.0.0.1:{port}\"}}}}}}\n"
    );
    fs::write(folder.join("redeye-cloud.yaml"), text).unwrap();
}

fn lists(report: &mut Report, folder: &Path, peers: &Path, ours: &Path) {
    let moto = moto(peers);
    let port = moto.1;
    for _ in 0..MACHINES {
        let body = "Action=RunInstances&Version=2016-11-15&ImageId=ami-12c6146b\
                    &InstanceType=t3.micro&MinCount=1&MaxCount=1";
        assert!(raw(port, body).1.contains("instancesSet"));
    }
    configure(folder, port);
    let body = "Action=DescribeInstances&Version=2016-11-15";
    let server = median(|| raw(port, body).0);
    report.row("the server's own time for 100 machines", server, "ms", "");
    let mut all = |name: &str, goal: &str, make: &dyn Fn() -> Command| {
        let mut said = String::new();
        let took = median(|| {
            let (took, what) = timed(&mut make());
            said = what;
            took
        });
        report.row(&format!("{name} ({said})"), took, "ms", goal);
        took
    };
    let live = all("live list", "", &|| {
        our_list(ours, folder, "--strict-fresh")
    });
    all("aws-cli", "", &|| aws_list(peers, port));
    all("libcloud", "", &|| libcloud_list(peers, port));
    all("from the cache", "", &|| our_list(ours, folder, "--cached"));
    report.row(
        "live list beyond the server's time",
        live - server,
        "ms",
        "<= 40",
    );
    let version = |program: &Path| {
        let mut command = Command::new(program);
        command.arg("--version");
        median(|| timed(&mut command).0)
    };
    report.row("redeye-cloud --version", version(ours), "ms", "<= 5");
    report.row("aws --version", version(&peers.join("aws")), "ms", "");
    drop(moto);
    let down = median(|| timed(&mut our_list(ours, folder, "--fresh")).0);
    report.row(
        "asked freshly while EC2 is down, from the cache",
        down,
        "ms",
        "<= 50",
    );
}

fn failures(report: &mut Report, folder: &Path, peers: &Path, ours: &Path) {
    for (name, fault) in [
        ("throttled", Some(Fault::Throttle)),
        ("500", Some(Fault::Internal)),
        ("reset", Some(Fault::Reset)),
        ("refused", None),
        ("no answer", Some(Fault::Hang)),
        ("an empty set", Some(Fault::EmptySet)),
    ] {
        let fake = FakeEc2::start();
        fake.with_instances(MACHINES);
        let port = fake.endpoint().rsplit(':').next().unwrap().parse().unwrap();
        configure(folder, port);
        let (_, kept) = timed(&mut our_list(ours, folder, "--strict-fresh"));
        assert_eq!(kept, "exit 0, 100 machines");
        let fake = match fault {
            Some(fault) => {
                fake.fail("*", u32::MAX, fault);
                Some(fake)
            }
            None => {
                drop(fake);
                None
            }
        };
        for (who, mut command) in [
            ("redeye-cloud", our_list(ours, folder, "--max-age=0s")),
            ("aws-cli", aws_list(peers, port)),
            ("libcloud", libcloud_list(peers, port)),
        ] {
            let (took, said) = timed(&mut command);
            let row = format!("{name}: {who} ({said})");
            report.row(&row, took.as_secs_f64() * 1e3, "ms", "");
        }
        drop(fake);
    }
}
