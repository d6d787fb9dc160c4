//! What it costs to judge a sample, and to remember a monitor.
//! `cargo bench -p rem-alert`
#![allow(clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use rem_alert::level::{Action, Level, LevelState, Levels, NoSource, Sample, Status};
use rem_bench::{Report, Who, measure};
use rem_time::Timestamp;

fn main() {
    let mut report = Report::new(
        "rem-alert",
        "levels of 50,000 monitors with 5 readings each, judged in turn",
    );
    levels(&mut report);
}

const MONITORS: usize = 50_000;

/// Counts what is in use, and how often it was asked for.
struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);
static CALLS: AtomicUsize = AtomicUsize::new(0);

#[allow(unsafe_code)]
// SAFETY: hands everything on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        CALLS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn level(name: &str, when: &str, window: &str) -> Level {
    Level::new(name, when.parse().unwrap())
        .within(window.parse().unwrap())
        .doing(Action::Alert(name.into()))
}

fn levels(report: &mut Report) {
    let one = vec![level("slow", "duration > 50ms", "20% of last 10")];
    judge(report, "a level, 20% of last 10", one, "<= 1.0");
    let three = vec![
        level("slow", "duration > 50ms", "20% of last 10"),
        level("down", "status != ok", "10 of last 10"),
        level(
            "odd",
            "message contains \"refused\" or used / total > 90%",
            "3 of last 10",
        )
        .clearing(
            "used / total < 80%".parse().unwrap(),
            "10 of last 10".parse().unwrap(),
        ),
    ];
    judge(report, "a level, three on a monitor", three, "<= 1.0");
    let time = vec![
        level("busy", "load > 4", "for 5m"),
        level("often", "load > 4", "20% of 10m"),
    ];
    judge(report, "a level, windows over time", time, "<= 1.0");
    let series = vec![level(
        "rising",
        "avg(duration, last 10) > 50ms",
        "20% of last 10",
    )];
    judge(
        report,
        "a level, avg of the last 10 from memory",
        series,
        "<= 1.0",
    );
}

/// One sample for each of many monitors a round; every tenth sample is a bad one.
fn judge(report: &mut Report, name: &str, levels: Vec<Level>, goal: &str) {
    let levels = Levels::compile(levels).unwrap();
    let before = BYTES.load(Ordering::Relaxed);
    let mut states: Vec<LevelState> = (0..MONITORS).map(|_| levels.start()).collect();
    let good = [
        ("total", Some(100.0)),
        ("used", Some(40.0)),
        ("load", Some(0.5)),
        ("code", Some(200.0)),
        ("duration", Some(0.020)),
    ];
    let bad = good.map(|(name, value)| (name, value.map(|value| value * 10.0)));
    let mut round = 0_usize;
    let mut changes = 0;
    let mut work = || {
        round += 1;
        let at = Timestamp::from_seconds(1_282_114_800 + round as i64 * 60);
        for (i, state) in states.iter_mut().enumerate() {
            let is_bad = (i + round).is_multiple_of(10);
            let sample = Sample {
                at,
                status: if is_bad { Status::Critical } else { Status::Ok },
                message: "200 in 20ms",
                readings: if is_bad { &bad } else { &good },
            };
            changes += levels.step(state, black_box(&sample), &NoSource, at).len();
        }
        (MONITORS * levels.levels().len()) as u64
    };
    // Windows full, memory as large as it gets.
    for _ in 0..12 {
        work();
    }
    let calls = CALLS.load(Ordering::Relaxed);
    let cost = measure(Who::Process, 20, &mut work);
    let calls = CALLS.load(Ordering::Relaxed) - calls;
    report.row(name, cost.cpu_ns() / 1e3, "us CPU", goal);
    report.row(
        "  evaluations a second and core",
        cost.per_core(),
        "/s",
        ">= 1,000,000",
    );
    report.row(
        "  allocations a sample",
        calls as f64 / (21 * MONITORS) as f64,
        "",
        "0 while nothing changes",
    );
    let bytes = (BYTES.load(Ordering::Relaxed) - before) as f64 / MONITORS as f64;
    report.row("  state of a monitor", bytes, "bytes", "<= 1000");
    black_box(changes);
}
