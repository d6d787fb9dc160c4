//! What the whole monitor costs: the real binary, watched from outside.
//!
//! `make bench` has built it; elsewhere: `cargo build --release -p rem-monitor-bin`.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rem_bench::{Report, cpu_time_of};

/// Ten monitors of a hundred series each, every 10 s.
const MONITORS: usize = 10;
const SERIES_EACH: usize = 100;
const SETTLE: Duration = Duration::from_secs(25);
const WATCH: Duration = Duration::from_secs(40);

struct Monitor {
    child: Child,
    address: String,
    started: Instant,
}

fn main() {
    let binary = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/rem-monitor");
    let binary = std::env::var_os("REM_MONITOR").map_or(binary, PathBuf::from);
    let mut report = Report::new(
        "rem-monitor",
        "the release binary; 1,000 series at 10 s from 10 scripts; CPU and memory from /proc",
    );
    if !binary.is_file() {
        return report.note(&format!("not measured, {} is not built", binary.display()));
    }
    let folder = tempfile::tempdir().unwrap();
    start_to_first_page(&binary, folder.path(), &mut report);
    idle(&binary, folder.path(), &mut report);
}

fn start_to_first_page(binary: &Path, folder: &Path, report: &mut Report) {
    let file = folder.join("small.yaml");
    let text = "data: ./small\nlisten: [{http: \"127.0.0.1:0\"}]\n\
        machines: {here: {address: 127.0.0.1, local: true}}\n\
        packages: {linux: {monitors: {cpu: {check: local.cpu, every: 5s}}}}\n\
        services: {all: {packages: [linux], deployments: {prod: {machines: [here]}}}}\n";
    std::fs::write(&file, text).unwrap();
    let mut best = f64::MAX;
    for _ in 0..5 {
        let mut monitor = start(binary, &file);
        let page = get(&monitor.address, "/system_monitor/monitor");
        assert!(page.starts_with("HTTP/1.1 200"), "{page}");
        best = best.min(monitor.started.elapsed().as_secs_f64());
        stop(&mut monitor);
    }
    report.row("start to first page", best * 1e3, "ms wall", "<= 1000");
}

/// Each script is one long-lived thread that answers a hundred numbers at once, as
/// a poller of a switch or a database would.
fn idle(binary: &Path, folder: &Path, report: &mut Report) {
    let script = "import random\n\n\n\
        def ProcessBlock(pipe_data, block, request_state, input_data, tag=None, cwd=None, env=None, block_parent=None):\n    \
        return {'port%03d' % n: {'bytes': random.randint(0, 1000000)} for n in range(100)}\n";
    std::fs::write(folder.join("ports.py"), script).unwrap();
    let monitors: String = (0..MONITORS)
        .map(|n| format!("      switch{n}: {{run: [{{script: ports.py}}], every: 10s}}\n"))
        .collect();
    let text = format!(
        "data: ./idle\nlisten: [{{http: \"127.0.0.1:0\"}}]\n\
         machines: {{here: {{address: 127.0.0.1, local: true}}}}\n\
         packages:\n  all:\n    monitors:\n{monitors}\
         services: {{all: {{packages: [all], deployments: {{prod: {{machines: [here]}}}}}}}}\n"
    );
    let file = folder.join("idle.yaml");
    std::fs::write(&file, text).unwrap();
    let mut monitor = start(binary, &file);
    // The files of a thousand series are made once; that is not what idle costs.
    std::thread::sleep(SETTLE);
    wait_for_files(&folder.join("idle/series/series"), MONITORS * SERIES_EACH);
    let pid = monitor.child.id();
    let share = |from: Duration, wall: Duration| {
        cpu_with_children(pid).saturating_sub(from).as_secs_f64() / wall.as_secs_f64() * 100.0
    };

    let (cpu, wall) = (cpu_with_children(pid), Instant::now());
    std::thread::sleep(WATCH);
    report.row(
        "idle, 1,000 series at 10 s",
        share(cpu, wall.elapsed()),
        "% of a core",
        "<= 2",
    );
    report.row("memory, 1,000 series", resident_mb(pid), "MB RSS", "<= 80");

    // An open page: one event stream that is read.
    let mut stream = TcpStream::connect(&monitor.address).unwrap();
    write!(
        stream,
        "GET /events?topics=checks HTTP/1.1\r\nhost: localhost\r\n\r\n"
    )
    .unwrap();
    let reader = std::thread::spawn(move || {
        let mut sink = Vec::new();
        let _ = stream.read_to_end(&mut sink);
        sink.len()
    });
    let (cpu, wall) = (cpu_with_children(pid), Instant::now());
    std::thread::sleep(WATCH);
    report.row(
        "the same with a page open",
        share(cpu, wall.elapsed()),
        "% of a core",
        "",
    );

    let asked = Instant::now();
    let numbers = get(&monitor.address, "/system_monitor/series?range=1h");
    let took = asked.elapsed().as_secs_f64() * 1e3;
    let drawn = numbers.matches("\"step\"").count();
    let rate = took / drawn.max(1) as f64 * 300.0;
    report.row(
        &format!("numbers of {drawn} series in one request"),
        took,
        "ms wall",
        "",
    );
    report.row("the same for 300 series", rate, "ms wall", "<= 150");
    stop(&mut monitor);
    let streamed = reader.join().unwrap();
    report.note(&format!(
        "the open page got {} KiB in {} s",
        streamed / 1024,
        WATCH.as_secs()
    ));
}

fn start(binary: &Path, file: &Path) -> Monitor {
    let started = Instant::now();
    let mut child = Command::new(binary)
        .args([file.to_str().unwrap(), "--log", "error"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line
        .trim()
        .trim_start_matches("http://")
        .split('/')
        .next()
        .unwrap()
        .to_owned();
    Monitor {
        child,
        address,
        started,
    }
}

fn stop(monitor: &mut Monitor) {
    let pid = rustix::process::Pid::from_child(&monitor.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(monitor.child.wait().unwrap().success());
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn wait_for_files(folder: &Path, wanted: usize) {
    let until = Instant::now() + Duration::from_secs(180);
    let count = || {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.path().extension().is_some_and(|e| e == "rrd"))
            .count()
    };
    while count() < wanted {
        assert!(
            Instant::now() < until,
            "only {} of {wanted} files were made",
            count()
        );
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// The monitor and the Python workers that run its scripts.
fn cpu_with_children(pid: u32) -> Duration {
    let is_child = |child: &u32| {
        let status = std::fs::read_to_string(format!("/proc/{child}/status")).unwrap_or_default();
        status.lines().any(|line| line == format!("PPid:\t{pid}"))
    };
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let children: Duration = pids.filter(is_child).map(cpu_time_of).sum();
    cpu_time_of(pid) + children
}

/// The monitor alone; a Python worker takes about 10 MB beside it.
fn resident_mb(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.split_whitespace()
        .next()
        .unwrap()
        .parse::<f64>()
        .unwrap()
        / 1024.0
}
