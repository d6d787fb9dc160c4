//! What programs ask of the pages: every current value of 50,000 monitors, and a POST of
//! 500 alerts.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dropstar::{Listener, Server};
use rem_bench::{Report as Table, Who, cpu_time};
use rem_check::{FakeCheck, Reading, Unit, Verdict};
use rem_config::{Config, MachineName, MonitorId, MonitorName, load_with};
use rem_monitor::{Engine, Host, Limits, Memory, Parts, Plan, Planned, Reload, Running};
use rem_notify::FakePost;
use rem_series::{Options, Store};
use rem_time::{Clock, Span, SystemClock};
use rem_yaml::Loader;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use unidist::{BucketSpec, Unidist};

const MACHINES: usize = 5_000;
const MONITORS_EACH: usize = 10;
const MONITORS: usize = MACHINES * MONITORS_EACH;
const ALERTS: usize = 500;
const POSTS: usize = 20;

const YAML: &str = "machines: {here: {address: 127.0.0.1, local: true}}\n\
    packages: {linux: {monitors: {load: {check: local.load, every: 1h}}}}\n\
    services: {all: {packages: [linux], deployments: {prod: {machines: [here]}}}}\n";

fn config() -> Config {
    load_with(
        Loader::from_memory([("monitor.yaml", YAML)]),
        "monitor.yaml",
    )
    .unwrap()
}

/// Monitors that find two numbers each.
fn plan() -> Plan {
    let pattern = config().monitors()[0].clone();
    let readings = vec![
        Reading::gauge("answer", 0.020, Unit::Seconds),
        Reading::gauge("size", 12_345.0, Unit::Bytes),
    ];
    let check = Arc::new(FakeCheck::new("fake").then(Verdict::Ok, "200", readings));
    let mut monitors = Vec::with_capacity(MONITORS);
    for machine in 0..MACHINES {
        let machine = MachineName::new(&format!("m{machine:05}")).unwrap();
        for number in 0..MONITORS_EACH {
            let name = MonitorName::new(&format!("check{number}")).unwrap();
            let mut monitor = pattern.clone();
            monitor.id = MonitorId::new(&machine, &monitor.package, &name);
            monitor.machine = machine.clone();
            monitor.name = name;
            monitors.push(Planned::new(monitor, check.clone()));
        }
    }
    Plan {
        site: "bench".into(),
        monitors,
        limits: Limits::default(),
        jobs: Vec::new(),
    }
}

/// An engine whose numbers stay in the journal: 50,000 files are another measurement.
async fn engine(folder: &std::path::Path) -> Engine {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let options = Options {
        flush_every: Span::from_seconds(86_400),
        flush_rows: usize::MAX,
        ..Options::default()
    };
    let shared = Unidist::memory();
    let bucket = shared.consistent("monitor", BucketSpec::default()).unwrap();
    let parts = Parts {
        store: Arc::new(Store::open(folder, options, Arc::clone(&clock)).unwrap()),
        memory: Memory::new(&bucket),
        clock,
        blocks: procblock::Engine::new(procblock::EngineOptions::new()),
        alerts: None,
    };
    let engine = Engine::start(plan(), parts).await;
    while engine.tally().checks.iter().sum::<u64>() < MONITORS as u64 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    engine
}

/// Megabytes in RAM: `VmRSS` now, `VmHWM` at most so far.
fn memory(which: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(which)).unwrap();
    let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes / 1024.0
}

/// The whole answer, of which only as much is kept as the caller takes.
async fn ask(address: SocketAddr, request: &str, mut take: impl FnMut(&[u8])) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut piece = vec![0; 64 << 10];
    loop {
        match stream.read(&mut piece).await.unwrap() {
            0 => return,
            read => take(&piece[..read]),
        }
    }
}

async fn values(address: SocketAddr, table: &mut Table) {
    let request =
        format!("GET /metrics/values HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    // Once to warm up, and three times of which the best counts.
    let mut best = (f64::MAX, f64::MAX, f64::MAX);
    let (mut bytes, mut lines) = (0, 0);
    for round in 0..4 {
        // From here on the highest counts.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = memory("VmRSS");
        let (cpu, wall) = (cpu_time(Who::Process), Instant::now());
        (bytes, lines) = (0, 0);
        ask(address, &request, |piece| {
            bytes += piece.len();
            lines += piece.iter().filter(|byte| **byte == b'\n').count();
        })
        .await;
        let cpu = (cpu_time(Who::Process) - cpu).as_secs_f64();
        let grown = memory("VmHWM") - before;
        if round > 0 {
            best = (
                best.0.min(wall.elapsed().as_secs_f64()),
                best.1.min(cpu),
                best.2.min(grown),
            );
        }
    }
    assert!(lines > 3 * MONITORS, "{lines} lines");
    table.row("values of 50,000 monitors", best.0, "s", "<= 2");
    table.row("CPU of it, reader included", best.1, "s", "");
    table.row("memory grew at most by", best.2, "MB", "<= 30");
    table.row("its size", bytes as f64 / 1e6, "MB", "");
}

async fn posts(running: &Running, address: SocketAddr, table: &mut Table) {
    let alert = |x: usize| {
        json!({
            "labels": { "alertname": "InstanceDown", "instance": format!("m{x:05}:9100"), "x": x.to_string() },
            "annotations": { "summary": "has not answered for 30 s" },
        })
    };
    let mut took = Vec::new();
    let cpu = cpu_time(Who::Process);
    for post in 0..POSTS {
        let alerts: Vec<Value> = (post * ALERTS..(post + 1) * ALERTS).map(alert).collect();
        let body = Value::from(alerts).to_string();
        let request = format!(
            "POST /api/v2/alerts HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let began = Instant::now();
        let mut answer = Vec::new();
        ask(address, &request, |piece| answer.extend_from_slice(piece)).await;
        took.push(began.elapsed().as_secs_f64() * 1e3);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.contains("\"accepted\":500"), "{answer}");
    }
    let cpu = (cpu_time(Who::Process) - cpu).as_secs_f64() * 1e3 / POSTS as f64;
    assert_eq!(running.desk.overview().alerts.len(), POSTS * ALERTS);
    took.sort_by(f64::total_cmp);
    table.row(
        "POST of 500 alerts, durable, median",
        took[POSTS / 2],
        "ms",
        "<= 50",
    );
    table.row("the slowest of 20", took[POSTS - 1], "ms", "");
    table.row("CPU of each", cpu, "ms", "");
}

fn main() {
    let mut table = Table::new(
        "rem-web",
        "50,000 monitors with two values each, by HTTP; alerts that nobody posted before, on disk when answered",
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(SystemClock);
        let data = folder.path().join("host");
        let host = Host::open(&data, clock.clone(), []).await.unwrap();
        let post = Arc::new(FakePost::new());
        let small = host.start(&config(), post, Reload::channel().0).await;
        let small = small.unwrap();
        let running = Running {
            engine: engine(&folder.path().join("many")).await,
            ..small.clone()
        };
        let listener = Listener::on(([127, 0, 0, 1], 0)).site(rem_web::site(&running));
        let server = Server::bind([listener], clock).await.unwrap();
        let address = server.addresses()[0];
        values(address, &mut table).await;
        posts(&running, address, &mut table).await;
    });
    // Nothing of it is to be kept.
    std::process::exit(0);
}
