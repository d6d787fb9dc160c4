use std::fs;

use dropstar::{Family, Samples};

#[cfg(test)]
mod tests;

/// What the kernel counts processor time in for programs; the same on all of Linux.
const TICKS_A_SECOND: f64 = 100.0;

/// What `/proc/self/stat` says.
#[derive(Debug, PartialEq)]
struct Stat {
    cpu_seconds: f64,
    started_ticks: f64,
    virtual_bytes: f64,
}

/// The metrics that every Prometheus client has; what cannot be read is left out.
pub(super) fn write(page: &mut Samples) {
    use Family::{Counter, Gauge};
    let read = |path| fs::read_to_string(path).ok();
    if let Some(stat) = read("/proc/self/stat").as_deref().and_then(stat) {
        page.one(
            "process_cpu_seconds_total",
            Counter,
            "user and system time used, in seconds",
            stat.cpu_seconds,
        );
        page.one(
            "process_virtual_memory_bytes",
            Gauge,
            "address space in use, in bytes",
            stat.virtual_bytes,
        );
        let boot = read("/proc/stat").as_deref().and_then(boot_seconds);
        if let Some(boot) = boot {
            page.one(
                "process_start_time_seconds",
                Gauge,
                "when the process began, in seconds since 1970",
                boot + stat.started_ticks / TICKS_A_SECOND,
            );
        }
    }
    if let Some(resident) = read("/proc/self/status")
        .as_deref()
        .and_then(resident_bytes)
    {
        page.one(
            "process_resident_memory_bytes",
            Gauge,
            "memory in use, in bytes",
            resident,
        );
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        page.one(
            "process_open_fds",
            Gauge,
            "files and sockets that are open",
            open.count() as f64,
        );
    }
    if let Some(max) = read("/proc/self/limits").as_deref().and_then(files_max) {
        page.one(
            "process_max_fds",
            Gauge,
            "files and sockets that may be open",
            max,
        );
    }
}

/// The name in brackets may hold anything, also brackets.
fn stat(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // Numbered from 1 in proc(5), and `rest` begins with the third.
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    Some(Stat {
        cpu_seconds: (field(14)? + field(15)?) / TICKS_A_SECOND,
        started_ticks: field(22)?,
        virtual_bytes: field(23)?,
    })
}

fn resident_bytes(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1_024.0)
}

fn boot_seconds(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}

fn files_max(text: &str) -> Option<f64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}
