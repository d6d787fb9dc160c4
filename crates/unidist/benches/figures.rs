//! The figures of `make bench` for coordination: in memory as CPU time, in files
//! as durable operations beside what the disk itself does right before and after.
//!
//! `cargo bench -p unidist --bench figures -- memory` (or `files`) makes one half.
#![allow(clippy::unwrap_used)]

#[path = "figures/files.rs"]
mod files;
#[path = "figures/memory.rs"]
mod memory;

use rem_bench::Report;

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let asked = |half: &str| {
        let mut halves = asked.iter().filter(|word| !word.starts_with('-'));
        halves.clone().next().is_none() || halves.any(|word| word == half)
    };
    let mut report = Report::new(
        "unidist",
        "memory: best of five rounds, CPU; files: wall, median round",
    );
    report.note(&format!("scheduling: {}", scheduling()));
    if asked("memory") {
        memory::figures(&mut report);
    }
    if asked("files") {
        files::figures(&mut report);
    }
}

/// How the kernel schedules this process, field 41 of `/proc/self/stat`:
/// `chrt` in front of the bench changes it.
fn scheduling() -> String {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = after_name.split(' ').collect();
    let (priority, policy) = (fields.get(37), fields.get(38));
    let priority = priority.copied().unwrap_or("?");
    match policy.copied() {
        Some("0") => "other, chrt was not used".into(),
        Some("1") => format!("first in first out, priority {priority}, by chrt"),
        Some("2") => format!("round robin, priority {priority}, by chrt"),
        Some("3") => "batch, by chrt".into(),
        other => format!("policy {}", other.unwrap_or("unknown")),
    }
}
