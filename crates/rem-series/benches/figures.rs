//! What a value costs, beside rrdcached with the same files in the same run.
//! `cargo bench -p rem-series`
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rem_bench::{Report, Who, cpu_time_of, measure};
use rem_series::{Declaration, Field, Graph, Line, Options, Query, RrdFile, Series, Store};
use rem_time::{ManualClock, Span, Timestamp};

const T0: i64 = 1_282_114_800;
const FILES: usize = 200;
const ROWS: i64 = 40;
const STEP: i64 = 60;
const PAGE: usize = 300;

fn at(step: i64) -> Timestamp {
    Timestamp::from_seconds(T0 + step * STEP)
}

fn open(folder: &Path) -> Store {
    let options = Options {
        flush_rows: usize::MAX,
        flush_every: Span::from_seconds(86_400),
        ahead_max: Span::from_seconds(1 << 33),
        ..Options::default()
    };
    let clock = Arc::new(ManualClock::at(at(0)));
    Store::open(folder, options, clock).unwrap()
}

fn handles(store: &Store, count: usize) -> Vec<Series> {
    let step = Span::from_seconds(STEP.unsigned_abs());
    let names = (0..count).map(|i| format!("machine{i}/load"));
    names
        .map(|name| store.series(&name, step).unwrap())
        .collect()
}

/// Pushes `rows` values to each series; returns how many that were.
fn push(series: &[Series], next: &mut i64, rows: i64) -> u64 {
    for _ in 0..rows {
        for series in series {
            let value = (*next % 97) as f64 * 0.25;
            series.push(at(*next), &[("load", Some(value))]).unwrap();
        }
        *next += 1;
    }
    series.len() as u64 * rows.unsigned_abs()
}

fn main() {
    let mut report = Report::new(
        "rem-series",
        "one gauge a file, default archives, step 60 s, 200 files, 40 values a file and flush",
    );
    let (accept, flush) = ours(&mut report);
    match theirs(&mut report) {
        Some((their_accept, their_flush)) => {
            report.ratio(
                "accept a value, against rrdcached",
                accept,
                their_accept,
                "<= 1.0",
            );
            report.ratio(
                "flush a file, against rrdcached",
                flush,
                their_flush,
                "<= 1.0",
            );
        }
        None => report.note("rrdcached is not installed, no comparison"),
    }
    page(&mut report);
}

/// CPU ns to accept a value, and to flush a file.
fn ours(report: &mut Report) -> (f64, f64) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let series = handles(&store, FILES);
    let mut next = 0;
    push(&series, &mut next, ROWS);
    store.flush().unwrap();

    let mut accept = f64::INFINITY;
    let mut flush = f64::INFINITY;
    for _ in 0..30 {
        // The commit belongs to accepting, and runs in its own thread: all of the process.
        let cost = measure_once(|| {
            let values = push(&series, &mut next, ROWS);
            store.sync().unwrap();
            values
        });
        accept = accept.min(cost);
        flush = flush.min(measure_once(|| {
            store.flush().unwrap();
            FILES as u64
        }));
    }
    report.row(
        "accept a value, journal on",
        accept / 1e3,
        "us CPU",
        "<= 1.0",
    );
    report.row(
        "flush a file with 40 values",
        flush / 1e3,
        "us CPU",
        "<= 60",
    );
    store.close().unwrap();
    (accept, flush)
}

fn measure_once(work: impl FnOnce() -> u64) -> f64 {
    let before = rem_bench::cpu_time(Who::Process);
    let operations = work();
    let spent = rem_bench::cpu_time(Who::Process).saturating_sub(before);
    spent.as_nanos() as f64 / operations as f64
}

/// The same work through rrdcached; its own CPU time, in steps of 10 ms, so more rounds.
fn theirs(report: &mut Report) -> Option<(f64, f64)> {
    let folder = tempfile::tempdir().unwrap();
    let (base, journal) = (folder.path().join("files"), folder.path().join("journal"));
    std::fs::create_dir_all(&base).unwrap();
    std::fs::create_dir_all(&journal).unwrap();
    for i in 0..FILES {
        let declared = Declaration::default().field("load", Field::gauge());
        let path = base.join(format!("{i}.rrd"));
        let step = Span::from_seconds(STEP.unsigned_abs());
        let mut file = RrdFile::open_or_create(&path, step, &declared).unwrap();
        file.push(at(0), &[("load", Some(1.0))]).unwrap();
    }
    let socket = folder.path().join("socket");
    let daemon = Command::new("rrdcached")
        .arg("-g")
        .arg("-l")
        .arg(format!("unix:{}", socket.display()))
        .arg("-b")
        .arg(&base)
        .arg("-j")
        .arg(&journal)
        .arg("-p")
        .arg(folder.path().join("pid"))
        .args(["-w", "86400", "-f", "172800"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut daemon = Daemon(daemon);
    let pid = daemon.0.id();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !socket.exists() {
        assert!(Instant::now() < deadline, "rrdcached did not start");
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut peer = Peer::connect(&socket);
    const ROUNDS: i64 = 20;
    let (mut accept, mut flush) = (Duration::ZERO, Duration::ZERO);
    let mut next = 1;
    let mut written = 0;
    for _ in 0..ROUNDS {
        let before = cpu_time_of(pid);
        for _ in 0..ROWS {
            peer.batch((0..FILES).map(|i| {
                let value = (next % 97) as f64 * 0.25;
                format!("UPDATE {i}.rrd {}:{value}", at(next).as_seconds())
            }));
            next += 1;
        }
        let accepted = cpu_time_of(pid);
        accept += accepted.saturating_sub(before);
        written += ROWS.unsigned_abs() * FILES as u64;
        peer.say("FLUSHALL\n");
        peer.answer();
        while peer.written() < written {
            std::thread::sleep(Duration::from_millis(5));
        }
        flush += cpu_time_of(pid).saturating_sub(accepted);
    }
    let accept = accept.as_nanos() as f64 / (ROUNDS * ROWS * FILES as i64) as f64;
    let flush = flush.as_nanos() as f64 / (ROUNDS * FILES as i64) as f64;
    report.row(
        "rrdcached 1.7: accept a value, journal on, BATCH",
        accept / 1e3,
        "us CPU",
        "",
    );
    report.row(
        "rrdcached 1.7: flush a file with 40 values",
        flush / 1e3,
        "us CPU",
        "",
    );
    daemon.end();
    Some((accept, flush))
}

struct Daemon(Child);

impl Daemon {
    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.end();
    }
}

struct Peer {
    read: BufReader<UnixStream>,
    write: UnixStream,
}

impl Peer {
    fn connect(socket: &Path) -> Self {
        let write = UnixStream::connect(socket).unwrap();
        let read = BufReader::new(write.try_clone().unwrap());
        Self { read, write }
    }

    fn say(&mut self, text: &str) {
        self.write.write_all(text.as_bytes()).unwrap();
    }

    /// An answer is `<count of further lines> text`.
    fn answer(&mut self) -> Vec<String> {
        let mut line = String::new();
        self.read.read_line(&mut line).unwrap();
        let count: usize = line.split(' ').next().unwrap().parse().unwrap_or(0);
        let lines = (0..count).map(|_| {
            let mut line = String::new();
            self.read.read_line(&mut line).unwrap();
            line
        });
        lines.collect()
    }

    fn batch(&mut self, updates: impl Iterator<Item = String>) {
        self.say("BATCH\n");
        self.answer();
        let mut text: String = updates.map(|update| update + "\n").collect();
        text.push_str(".\n");
        self.say(&text);
        let errors = self.answer();
        assert!(errors.is_empty(), "{errors:?}");
    }

    fn written(&mut self) -> u64 {
        self.say("STATS\n");
        let stats = self.answer();
        let sets = stats
            .iter()
            .find_map(|line| line.strip_prefix("DataSetsWritten: "));
        sets.and_then(|n| n.trim().parse().ok()).unwrap_or(0)
    }
}

/// What a page of graphs costs.
fn page(report: &mut Report) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let series = handles(&store, PAGE);
    let mut next = 0;
    for _ in 0..36 {
        push(&series, &mut next, ROWS);
        store.flush().unwrap();
    }
    let names: Vec<String> = series.iter().map(|s| s.name().to_owned()).collect();
    let questions = |next: i64| -> Vec<(&str, Query)> {
        let query = Query::new(at(next - 1440), at(next - 1));
        names
            .iter()
            .map(|name| (name.as_str(), query.clone()))
            .collect()
    };
    let rows = |answers: Vec<rem_series::Result<rem_series::Rows>>| -> u64 {
        answers
            .into_iter()
            .map(|rows| rows.unwrap().len() as u64)
            .sum()
    };
    let cost = measure(Who::Process, 5, || {
        let rows = rows(store.fetch_many(&questions(next)));
        assert!(rows >= PAGE as u64 * 1439, "{rows}");
        1
    });
    let idle = cost.wall.as_secs_f64() * 1e3;
    report.row(
        "fetch 300 series, a day each, nothing waiting",
        idle,
        "ms wall",
        "<= 150",
    );
    let mut cost = f64::INFINITY;
    for _ in 0..5 {
        push(&series, &mut next, 5);
        let began = Instant::now();
        rows(store.fetch_many(&questions(next)));
        cost = cost.min(began.elapsed().as_secs_f64() * 1e3);
    }
    report.row(
        "fetch 300 series, a day each, 5 values waiting",
        cost,
        "ms wall",
        "<= 150",
    );
    let graph = Graph::new(at(next - 1440), at(next))
        .title("Load")
        .line(Line::new(&names[0], "load"))
        .line(Line::new(&names[1], "load"));
    let cost = measure(Who::Process, 5, || {
        (0..20).for_each(|_| drop(store.graph(&graph).unwrap()));
        20
    });
    report.row(
        "draw a PNG of two series, a day",
        cost.cpu_ns() / 1e6,
        "ms CPU",
        "",
    );
    store.close().unwrap();
}
