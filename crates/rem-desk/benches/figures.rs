//! The Alertmanager run: 10,000 alerts, durably accepted and delivered to a webhook.
//! `cargo bench -p rem-desk`
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rem_bench::{Report as Table, Who, cpu_time};
use rem_desk::{Desk, Parts, Reach, Report, Rules, TokenKey};
use rem_notify::{Contact, PostOffice};
use rem_time::{Clock, SystemClock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use unidist::{BucketSpec, FileOpts, Unidist};

const ALERTS: usize = 10_000;
const PER_CALL: usize = 500;

/// A receiver of webhooks that counts what comes, by its idempotency key.
#[derive(Default)]
struct Receiver {
    came: Mutex<HashMap<String, u32>>,
    distinct: AtomicUsize,
    down: AtomicBool,
    refused: AtomicUsize,
}

async fn receive(listener: TcpListener, receiver: Arc<Receiver>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let receiver = receiver.clone();
        tokio::spawn(async move {
            // A client that hangs up is no matter.
            let _ = answer(stream, &receiver).await;
        });
    }
}

async fn answer(mut stream: TcpStream, receiver: &Receiver) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = Vec::new();
    loop {
        let head = loop {
            if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        };
        let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
        let header = |name: &str| {
            text.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name)
                    .then(|| value.trim().to_owned())
            })
        };
        let length: usize = header("content-length")
            .and_then(|n| n.parse().ok())
            .unwrap_or(0);
        while bytes.len() < head + length {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        }
        bytes.drain(..head + length);
        let answer: &[u8] = if receiver.down.load(Ordering::Relaxed) {
            receiver.refused.fetch_add(1, Ordering::Relaxed);
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
        } else {
            let id = header("idempotency-key").unwrap_or_default();
            let mut came = receiver.came.lock();
            let times = came.entry(id).or_default();
            *times += 1;
            if *times == 1 {
                receiver.distinct.fetch_add(1, Ordering::Relaxed);
            }
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        };
        stream.write_all(answer).await?;
    }
}

fn rules(port: u16) -> Rules {
    let hook = Contact::webhook(&format!("http://127.0.0.1:{port}/alerts")).unwrap();
    let mut rules = Rules {
        site: "bench".into(),
        fallback: vec![Reach {
            at_once: 128,
            ..Reach::program(hook)
        }],
        ..Rules::default()
    };
    rules.timing.self_test_every = None;
    rules
}

async fn desk(folder: &std::path::Path, rules: Rules) -> Desk {
    let unidist = Unidist::open(folder, FileOpts::default()).await.unwrap();
    let parts = Parts {
        bucket: unidist.consistent("alerts", BucketSpec::default()).unwrap(),
        post: Arc::new(PostOffice::new()),
        clock: Arc::new(SystemClock),
        key: TokenKey::of_folder(folder).unwrap(),
        tasks: None,
    };
    Desk::open(parts, rules).await.unwrap()
}

async fn push(desk: &Desk, from: usize) {
    let reports = (from..from + PER_CALL).map(|at| {
        Report::fires(
            "instance-down",
            &format!("machine:m{at:05}"),
            SystemClock.now(),
        )
        .message("no answer for 30 s")
        .label("service", "web")
        .label("machine", &format!("m{at:05}"))
    });
    desk.report(reports.collect()).await.unwrap();
}

async fn wait_for(receiver: &Receiver, count: usize, most: Duration) {
    let began = Instant::now();
    while receiver.distinct.load(Ordering::Relaxed) < count && began.elapsed() < most {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Bytes of memory this process has in RAM.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes / 1024.0
}

/// The receiver runs on a thread of its own; its CPU is taken off ours.
fn receiver() -> (Arc<Receiver>, u16, Arc<Mutex<Duration>>) {
    let receiver = Arc::new(Receiver::default());
    let cpu = Arc::new(Mutex::new(Duration::ZERO));
    let (port, bound) = std::sync::mpsc::channel();
    let (theirs, spent) = (receiver.clone(), cpu.clone());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            port.send(listener.local_addr().unwrap().port()).unwrap();
            tokio::spawn(receive(listener, theirs));
            loop {
                tokio::time::sleep(Duration::from_millis(5)).await;
                *spent.lock() = this_thread();
            }
        });
    });
    (receiver, bound.recv().unwrap(), cpu)
}

/// CPU of the calling thread.
fn this_thread() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanos = stat.split_whitespace().next().unwrap().parse().unwrap();
    Duration::from_nanos(nanos)
}

fn main() {
    let mut table = Table::new(
        "rem-desk",
        "10,000 alerts in calls of 500, a page each by HTTP keep-alive, one receiver in the same process",
    );
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(2).enable_all().build().unwrap();

    let (receiver_a, port, spent) = receiver();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let desk = desk(folder.path(), rules(port)).await;
        let (cpu, theirs) = (cpu_time(Who::Process), *spent.lock());
        let began = Instant::now();
        let calls = (0..ALERTS).step_by(PER_CALL).map(|from| push(&desk, from));
        futures_util::future::join_all(calls).await;
        let accepted = began.elapsed();
        wait_for(&receiver_a, ALERTS, Duration::from_secs(60)).await;
        let delivered = began.elapsed();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let cpu = (cpu_time(Who::Process) - cpu).saturating_sub(*spent.lock() - theirs);
        let doubles: u32 = receiver_a.came.lock().values().map(|times| times - 1).sum();
        table.row(
            "accepted durably",
            ALERTS as f64 / accepted.as_secs_f64(),
            "/s",
            ">= 10000",
        );
        table.row(
            "all delivered",
            delivered.as_secs_f64(),
            "s",
            "<= 2 (Alertmanager 0.25: 5.5-12.2)",
        );
        table.row(
            "CPU of it",
            cpu.as_secs_f64(),
            "s",
            "<= 1.5 (Alertmanager 0.25: 2.5-2.9)",
        );
        table.row(
            "resident, at most, receiver included",
            resident(),
            "MB",
            "<= 80",
        );
        table.row("delivered twice", f64::from(doubles), "", "0");
        table.row(
            "delivered",
            receiver_a.distinct.load(Ordering::Relaxed) as f64,
            "",
            "10000",
        );
        desk.close(Duration::from_secs(5)).await;
    });

    let (receiver_o, port, _) = receiver();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let desk = desk(folder.path(), rules(port)).await;
        receiver_o.down.store(true, Ordering::Relaxed);
        for from in (0..ALERTS).step_by(PER_CALL) {
            push(&desk, from).await;
        }
        let before = resident();
        tokio::time::sleep(Duration::from_secs(20)).await;
        receiver_o.down.store(false, Ordering::Relaxed);
        let began = Instant::now();
        wait_for(&receiver_o, ALERTS, Duration::from_secs(60)).await;
        let drained = began.elapsed();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let doubles: u32 = receiver_o.came.lock().values().map(|times| times - 1).sum();
        table.row(
            "receiver down 20 s: drained after",
            drained.as_secs_f64(),
            "s",
            "<= 3 (Alertmanager 0.25: 14.8)",
        );
        table.row(
            "receiver down 20 s: doubles",
            f64::from(doubles),
            "",
            "0 (Alertmanager 0.25: 2172)",
        );
        let refused = receiver_o.refused.load(Ordering::Relaxed) as f64;
        table.row(
            "receiver down 20 s: attempts refused",
            refused,
            "",
            "(Alertmanager 0.25: 28797)",
        );
        table.row(
            "receiver down 20 s: memory grew by",
            resident() - before,
            "MB",
            "<= 20",
        );
        desk.close(Duration::from_secs(5)).await;
    });
}
