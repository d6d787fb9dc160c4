//! Honest figures: CPU time per operation of this process (and of its finished
//! children where asked), wall time beside it, a peer measured in the same run,
//! and the state the machine was in.
//!
//! A bench target has `harness = false` and a `main` that prints rows:
//!
//! ```
//! use rem_bench::{Report, Who, measure};
//!
//! let mut report = Report::new("vec", "push of one million u64, three rounds, best round");
//! let ours = measure(Who::Process, 3, || {
//!     let v: Vec<u64> = (0..1_000_000).collect();
//!     std::hint::black_box(&v);
//!     1_000_000
//! });
//! report.row("push", ours.cpu_ns(), "ns CPU/op", "<= 100");
//! report.ratio("push, against itself", ours.cpu_ns(), ours.cpu_ns(), "<= 1.0");
//! ```

use std::fs;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getcpu, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// Whose CPU time counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// This process, all its threads.
    Process,
    /// This process and the children it has waited for.
    WithChildren,
    /// The calling thread only.
    Thread,
}

/// What one round of a measurement cost.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Operations done.
    pub operations: u64,
    /// CPU time spent, user and system.
    pub cpu: Duration,
    /// Wall time passed.
    pub wall: Duration,
}

impl Cost {
    /// Nanoseconds of CPU per operation.
    pub fn cpu_ns(&self) -> f64 {
        self.cpu.as_nanos() as f64 / self.operations.max(1) as f64
    }

    /// Operations per second that one core could do at this CPU cost.
    pub fn per_core(&self) -> f64 {
        1e9 / self.cpu_ns()
    }

    /// Operations per second of wall time.
    pub fn per_second(&self) -> f64 {
        self.operations as f64 / self.wall.as_secs_f64()
    }
}

/// Runs `work` (which returns how many operations it did) once to warm up and
/// then `rounds` times; the round with the least CPU per operation counts,
/// because a neighbour can only make a round dearer.
pub fn measure(who: Who, rounds: usize, mut work: impl FnMut() -> u64) -> Cost {
    work();
    let mut best: Option<Cost> = None;
    for _ in 0..rounds.max(1) {
        let (cpu, wall) = (cpu_time(who), Instant::now());
        let operations = work();
        let cost = Cost {
            operations,
            cpu: cpu_time(who).saturating_sub(cpu),
            wall: wall.elapsed(),
        };
        if best.is_none_or(|best| cost.cpu_ns() < best.cpu_ns()) {
            best = Some(cost);
        }
    }
    best.unwrap_or(Cost {
        operations: 0,
        cpu: Duration::ZERO,
        wall: Duration::ZERO,
    })
}

/// Keeps this process, and what it starts, on the core it is on. What hands work to
/// and fro between processes is otherwise charged for waking an idle core each time,
/// which on a virtual machine costs more than the work.
pub fn stay_on_one_core() {
    let mut cores = CpuSet::new();
    cores.set(sched_getcpu());
    if let Err(error) = sched_setaffinity(None, &cores) {
        println!("   not kept on one core: {error}");
    }
}

/// CPU time spent so far.
pub fn cpu_time(who: Who) -> Duration {
    let clock = match who {
        Who::Thread => ClockId::ThreadCPUTime,
        Who::Process | Who::WithChildren => ClockId::ProcessCPUTime,
    };
    let now = clock_gettime(clock);
    let own = Duration::new(
        now.tv_sec.unsigned_abs(),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    );
    match who {
        Who::WithChildren => own + children_cpu_time(),
        Who::Process | Who::Thread => own,
    }
}

/// CPU time of another process, all threads, in steps of 10 ms; zero if it is gone.
pub fn cpu_time_of(pid: u32) -> Duration {
    let ticks = stat_fields(&format!("/proc/{pid}/stat"), 13..15);
    Duration::from_millis(10 * ticks)
}

fn children_cpu_time() -> Duration {
    Duration::from_millis(10 * stat_fields("/proc/self/stat", 15..17))
}

/// The sum of some of the numbered fields of a stat file, counted from 0.
fn stat_fields(path: &str, fields: std::ops::Range<usize>) -> u64 {
    let stat = fs::read_to_string(path).unwrap_or_default();
    // The second field is a name in parentheses that may hold spaces.
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let wanted = after_name
        .split(' ')
        .skip(fields.start - 2)
        .take(fields.len());
    wanted.filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

/// The table that one bench prints, line by line, as it is measured.
#[derive(Debug)]
pub struct Report {
    area: String,
}

impl Report {
    /// Prints the heading: what is measured, how, and on what machine.
    pub fn new(area: &str, method: &str) -> Self {
        println!("\n== {area}: {method}");
        println!("   {}", machine());
        println!(
            "   {:<52} {:>14} {:<14} {:<16}",
            "figure", "measured", "unit", "goal"
        );
        Self { area: area.into() }
    }

    /// One figure beside its goal, which is free text such as `<= 1.0`.
    pub fn row(&mut self, name: &str, value: f64, unit: &str, goal: &str) {
        let verdict = verdict(value, goal);
        println!(
            "   {name:<52} {:>14} {unit:<14} {goal:<16} {verdict}",
            number(value)
        );
    }

    /// Ours as a multiple of a peer that was measured in the same run.
    pub fn ratio(&mut self, name: &str, ours: f64, peer: f64, goal: &str) {
        self.row(name, ours / peer, "x peer", goal);
    }

    /// A remark, such as why a figure is missing.
    pub fn note(&self, text: &str) {
        println!("   {}: {text}", self.area);
    }
}

fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 1000.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

fn verdict(value: f64, goal: &str) -> &'static str {
    let mut words = goal.split_whitespace();
    let (Some(sign), Some(limit)) = (words.next(), words.next()) else {
        return "";
    };
    let Ok(limit) = limit.replace(',', "").parse::<f64>() else {
        return "";
    };
    match sign {
        "<=" if value <= limit => "met",
        ">=" if value >= limit => "met",
        "<=" | ">=" => "MISSED",
        _ => "",
    }
}

/// One line about the machine and how busy it is now.
pub fn machine() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .and_then(|rest| rest.split_once(": "))
        .map_or("unknown processor", |(_, model)| model);
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    let load: Vec<&str> = load.split(' ').take(3).collect();
    let build = if cfg!(debug_assertions) {
        "DEBUG BUILD, not comparable"
    } else {
        "release"
    };
    format!(
        "{model}, {cores} cores, Linux {}, load {}, {build}",
        kernel.trim(),
        load.join(" ")
    )
}
