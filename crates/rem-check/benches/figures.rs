//! What a look costs: CPU of this process per run. The servers that answer run
//! in a child process, so that their work is not counted.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rem_bench::{Report, Who, cpu_time_of, measure};
use rem_check::{
    Check, DiskOptions, Dns, DnsAssertion, DnsClient, DnsKind, DnsOptions, Http, HttpOptions,
    LocalCpu, LocalDisk, LocalDiskIo, LocalLoad, LocalMemory, LocalNetwork, Ping, PingOptions,
    Pinger, Root, Script, ScriptOptions, Tcp, TcpOptions, Verdict,
};
use rem_time::{Clock, Span, SystemClock};
use tokio::runtime::Runtime;

const ROUNDS: usize = 5;

fn main() {
    if std::env::args().any(|argument| argument == "--serve") {
        return serve();
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut report = Report::new(
        "rem-check",
        "CPU per run of each check, server in another process, five rounds, best round",
    );
    local(&runtime, &mut report);
    script(&runtime, &mut report);
    ping(&runtime, &mut report);
    network(&runtime, &mut report);
}

fn local(runtime: &Runtime, report: &mut Report) {
    let root = Root::default;
    let checks: [Box<dyn Check>; 6] = [
        Box::new(LocalCpu::new(root())),
        Box::new(LocalLoad::new(root())),
        Box::new(LocalMemory::new(root())),
        Box::new(LocalDisk::new(root(), DiskOptions::default())),
        Box::new(LocalDiskIo::new(root())),
        Box::new(LocalNetwork::new(root())),
    ];
    let mut sum = 0.0;
    for check in &checks {
        // Rates keep their looks 250 ms apart, so few runs fit in a round.
        let has_rates = ["local.cpu", "local.diskio", "local.network"].contains(&check.name());
        let runs = if has_rates { 4 } else { 500 };
        let us = cost(runtime, check.as_ref(), runs);
        sum += us;
        report.row(check.name(), us, "us CPU/run", "");
    }
    report.row("all six of them", sum, "us CPU", "<= 1000");
}

fn ping(runtime: &Runtime, report: &mut Report) {
    let pinger = Pinger::new();
    let addresses = (1..=1000).map(|index| Ipv4Addr::from(0x7f01_0000 + index).to_string());
    let addresses: Vec<String> = addresses.collect();
    let target = |address: &String| {
        let options = PingOptions {
            count: 1,
            ..PingOptions::new(address.clone())
        };
        Arc::new(Ping::new(&pinger, options))
    };
    let checks: Vec<Arc<Ping>> = addresses.iter().map(target).collect();
    let first = runtime.block_on(checks[0].run(SystemClock.now()));
    if first.verdict != Verdict::Ok {
        return report.note(&first.message);
    }
    let one = measure(Who::Process, ROUNDS, || {
        for _ in 0..5 {
            for check in &checks {
                let run = runtime.block_on(check.run(SystemClock.now()));
                assert_eq!(run.verdict, Verdict::Ok, "{run}");
            }
        }
        5000
    });
    let all = measure(Who::Process, ROUNDS, || {
        runtime.block_on(async {
            let mut runs = tokio::task::JoinSet::new();
            for check in &checks {
                let check = Arc::clone(check);
                runs.spawn(async move { check.run(SystemClock.now()).await.verdict });
            }
            let verdicts = runs.join_all().await;
            let lost = verdicts.iter().filter(|v| **v != Verdict::Ok).count();
            assert_eq!(lost, 0, "replies lost in a burst");
        });
        1000
    });
    let (one, all) = (one.cpu_ns() / 1000.0, all.cpu_ns() / 1000.0);
    report.row(
        "ping, 1000 targets one after another",
        one,
        "us CPU/echo",
        "<= 15",
    );
    report.row("ping, 1000 targets at once", all, "us CPU/echo", "<= 15");
    let mut fping = Command::new("fping");
    fping
        .args(["-q", "-i", "0.1", "-C", "5", "-p", "1000"])
        .args(&addresses);
    fping.stdout(Stdio::null()).stderr(Stdio::null());
    if fping.status().is_err() {
        return report.note("the peer is missing: install the Debian package fping");
    }
    let peer = measure(Who::WithChildren, 1, || {
        assert!(fping.status().unwrap().success(), "fping lost replies");
        5000
    });
    let peer = peer.cpu_ns() / 1000.0;
    report.row(
        "fping, 1000 targets, 5 echoes each",
        peer,
        "us CPU/echo",
        "",
    );
    report.ratio("ping one after another, against fping", one, peer, "<= 1.0");
}

fn network(runtime: &Runtime, report: &mut Report) {
    // Whoever asks and whoever answers wake each other all the time.
    rem_bench::stay_on_one_core();
    let mut server = Command::new(std::env::current_exe().unwrap())
        .arg("--serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let mut address = || -> SocketAddr { lines.next().unwrap().unwrap().parse().unwrap() };
    let (address, name_server) = (address(), address());

    let connect = Tcp::new(TcpOptions::new(address.to_string())).unwrap();
    let connect = cost(runtime, &connect, 500);
    report.row("tcp, connect only", connect, "us CPU/run", "<= 120");
    let talk = Tcp::new(TcpOptions {
        send: Some(b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        expect: Some(b"200 OK".to_vec()),
        ..TcpOptions::new(address.to_string())
    });
    let talk = cost(runtime, &talk.unwrap(), 500);
    report.row("tcp, send and expect", talk, "us CPU/run", "<= 120");
    let url = format!("http://{address}/");
    let fresh = Http::new(HttpOptions::new(&url)).unwrap();
    let fresh = cost(runtime, &fresh, 500);
    report.row(
        "http, new connection, 200 with 2 bytes",
        fresh,
        "us CPU/run",
        "",
    );
    let options = HttpOptions {
        fresh: false,
        ..HttpOptions::new(&url)
    };
    let kept = cost(runtime, &Http::new(options).unwrap(), 500);
    report.row(
        "http, kept connection, 200 with 2 bytes",
        kept,
        "us CPU/run",
        "<= 200",
    );
    let dns = DnsOptions {
        server: Some(name_server.to_string()),
        assertions: vec![DnsAssertion::AtMost(0)],
        ..DnsOptions::new("www.example.com", DnsKind::A)
    };
    let dns = Dns::new(&DnsClient::new(), dns).unwrap();
    report.row(
        "dns, one question",
        cost(runtime, &dns, 500),
        "us CPU/run",
        "",
    );

    match Blackbox::start() {
        None => report
            .note("the peer is missing: install the Debian package prometheus-blackbox-exporter"),
        Some(blackbox) => {
            let tcp = blackbox.cost(runtime, "tcp", &address.to_string());
            report.row("blackbox_exporter, tcp connect", tcp, "us CPU/probe", "");
            report.ratio("tcp, against blackbox_exporter", connect, tcp, "<= 1.0");
            let http = blackbox.cost(runtime, "http", &url);
            report.row("blackbox_exporter, http", http, "us CPU/probe", "");
            report.ratio("http new connection, against it", fresh, http, "<= 1.0");
            report.ratio("http kept connection, against it", kept, http, "<= 1.0");
            report.note("its own share includes being asked over HTTP and its exposition");
        }
    }
    drop(server.stdin.take());
    server.wait().unwrap();
}

/// The peer, ended with this.
struct Blackbox {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Blackbox {
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("blackbox.yml");
        let modules = "modules:\n  tcp: {prober: tcp}\n  http: {prober: http, http: {preferred_ip_protocol: ip4}}\n";
        std::fs::write(&config, modules).unwrap();
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let child = Command::new("prometheus-blackbox-exporter")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--web.listen-address={address}"))
            .env("GOMAXPROCS", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let until = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < until, "blackbox_exporter accepts nothing");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self {
            child,
            address,
            _folder: folder,
        })
    }

    /// Microseconds of its CPU per probe, asked over one kept connection.
    fn cost(&self, runtime: &Runtime, module: &str, target: &str) -> f64 {
        const PROBES: u32 = 1000;
        let options = HttpOptions {
            fresh: false,
            contains: Some(b"probe_success 1".to_vec()),
            ..HttpOptions::new(format!(
                "http://{}/probe?module={module}&target={target}",
                self.address
            ))
        };
        let probe = Http::new(options).unwrap();
        let mut best = f64::INFINITY;
        for _ in 0..ROUNDS {
            let before = cpu_time_of(self.child.id());
            for _ in 0..PROBES {
                let run = runtime.block_on(probe.run(SystemClock.now()));
                assert_eq!(run.verdict, Verdict::Ok, "blackbox_exporter: {run}");
            }
            let spent = cpu_time_of(self.child.id()) - before;
            best = best.min(spent.as_secs_f64() * 1e6 / f64::from(PROBES));
        }
        best
    }
}

impl Drop for Blackbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn script(runtime: &Runtime, report: &mut Report) {
    let options = ScriptOptions {
        deadline: Span::from_seconds(30),
        ..ScriptOptions::new(["/bin/true"])
    };
    let script = Script::new(options).unwrap();
    let us = cost(runtime, &script, 100);
    report.row(
        "script /bin/true, without the program's own",
        us,
        "us CPU/run",
        "",
    );
}

/// Microseconds of CPU per run.
fn cost(runtime: &Runtime, check: &dyn Check, runs: u64) -> f64 {
    let cost = measure(Who::Process, ROUNDS, || {
        for _ in 0..runs {
            let run = runtime.block_on(check.run(SystemClock.now()));
            assert_eq!(run.verdict, Verdict::Ok, "{}: {run}", check.name());
        }
        runs
    });
    cost.cpu_ns() / 1000.0
}

/// A bare web server that keeps connections and a name server that knows
/// nothing, until the input ends.
fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            std::thread::spawn(move || {
                let mut request = [0; 1024];
                while matches!(stream.read(&mut request), Ok(1..)) {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                }
            });
        }
    });
    let names = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    println!("{}", names.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut packet = [0; 1024];
        while let Ok((length, from)) = names.recv_from(&mut packet) {
            packet[2] |= 0x80;
            let _ = names.send_to(&packet[..length], from);
        }
    });
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
