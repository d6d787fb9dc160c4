//! What a look costs: CPU of this process per run. The servers that answer run
//! in a child process, so that their work is not counted.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Command, Stdio};

use rem_bench::{Report, Who, measure};
use rem_check::{
    Check, DiskOptions, Http, HttpOptions, LocalCpu, LocalDisk, LocalDiskIo, LocalLoad,
    LocalMemory, LocalNetwork, Ping, PingOptions, Pinger, Root, Script, ScriptOptions, Tcp,
    TcpOptions, Verdict,
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
    ping(&runtime, &mut report);
    network(&runtime, &mut report);
    script(&runtime, &mut report);
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
    let target = |index: u32| {
        let options = PingOptions {
            count: 1,
            ..PingOptions::new(Ipv4Addr::from(0x7f01_0000 + index).to_string())
        };
        Ping::new(&pinger, options)
    };
    let checks: Vec<Ping> = (1..=1000).map(target).collect();
    let first = runtime.block_on(checks[0].run(SystemClock.now()));
    if first.verdict != Verdict::Ok {
        return report.note(&first.message);
    }
    let cost = measure(Who::Process, ROUNDS, || {
        for _ in 0..5 {
            for check in &checks {
                let run = runtime.block_on(check.run(SystemClock.now()));
                assert_eq!(run.verdict, Verdict::Ok, "{run}");
            }
        }
        5000
    });
    report.row(
        "ping, 1000 targets one after another",
        cost.cpu_ns() / 1000.0,
        "us CPU/echo",
        "<= 34",
    );
    let burst: Vec<std::sync::Arc<Ping>> = checks.into_iter().map(Into::into).collect();
    let cost = measure(Who::Process, ROUNDS, || {
        runtime.block_on(async {
            let mut runs = tokio::task::JoinSet::new();
            for check in &burst {
                let check = std::sync::Arc::clone(check);
                runs.spawn(async move { check.run(SystemClock.now()).await.verdict });
            }
            let verdicts = runs.join_all().await;
            let lost = verdicts.iter().filter(|v| **v != Verdict::Ok).count();
            assert_eq!(lost, 0, "replies lost in a burst");
        });
        1000
    });
    report.row(
        "ping, 1000 targets at once",
        cost.cpu_ns() / 1000.0,
        "us CPU/echo",
        "<= 34",
    );
    report.note("34 us: fping 5, 1000 targets on loopback, on another day and machine");
}

fn network(runtime: &Runtime, report: &mut Report) {
    let mut server = Command::new(std::env::current_exe().unwrap())
        .arg("--serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let stdout = server.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    let address: SocketAddr = line.trim().parse().unwrap();

    let tcp = Tcp::new(TcpOptions::new(address.to_string())).unwrap();
    let us = cost(runtime, &tcp, 500);
    report.row("tcp, connect only", us, "us CPU/run", "<= 492");
    let http = Http::new(HttpOptions::new(format!("http://{address}/"))).unwrap();
    let us = cost(runtime, &http, 500);
    report.row(
        "http, new connection, 200 with 2 bytes",
        us,
        "us CPU/run",
        "<= 781",
    );
    report.note(
        "492 and 781 us: blackbox_exporter 0.23 on another day and machine, its own HTTP included",
    );
    drop(server.stdin.take());
    server.wait().unwrap();
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

/// A bare server: answers every connection that asks, until its input ends.
fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut request = [0; 1024];
            if matches!(stream.read(&mut request), Ok(1..)) {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            }
        }
    });
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
