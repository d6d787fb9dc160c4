//! What watching fifty thousand things costs: the engine itself, without the checks'
//! own work.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rem_alert::level::{Action, Level};
use rem_bench::{Report, Who, cpu_time};
use rem_check::{FakeCheck, Reading, Unit, Verdict};
use rem_config::{MachineName, MonitorId, load_with};
use rem_monitor::{CHECKS_KEPT, Engine, Limits, Memory, MonitorLevels, Parts, Plan, Planned};
use rem_series::{Archive, Consolidation, Options, Store};
use rem_time::{Clock, Span, SystemClock};
use rem_yaml::Loader;
use tokio::sync::mpsc;
use unidist::{BucketSpec, Unidist};

const MACHINES: usize = 5_000;
const MONITORS_EACH: usize = 10;
const EVERY: Span = Span::from_seconds(60);
/// For the first looks.
const SETTLE: Duration = Duration::from_secs(60);
/// For the files of all series, which are made once.
const FILES: Duration = Duration::from_secs(900);
const WATCH: Duration = Duration::from_secs(60);
/// A day: with the archives of the defaults, which keep sixty at this rate, fifty
/// thousand series take 120 GB.
const ARCHIVES: [Archive; 1] = [Archive {
    consolidation: Consolidation::Average,
    steps: 1,
    rows: 1_440,
    unknown_share: 0.5,
}];

fn plan() -> Plan {
    let file = "machines: {here: {address: 127.0.0.1, local: true}}\n\
        packages: {linux: {monitors: {load: {check: local.load, every: 60s}}}}\n\
        services: {all: {packages: [linux], deployments: {prod: {machines: [here]}}}}\n";
    let config = load_with(
        Loader::from_memory([("monitor.yaml", file)]),
        "monitor.yaml",
    )
    .unwrap();
    let pattern = config.monitors()[0].clone();
    let level = |name: &str, when: &str, window: &str| {
        Level::new(name, when.parse().unwrap())
            .within(window.parse().unwrap())
            .doing(Action::Alert(name.into()))
    };
    let levels = vec![
        level("slow", "answer > 50ms", "20% of last 10"),
        level("down", "status != ok", "3 of last 3"),
    ];
    let levels = Arc::new(MonitorLevels::compile(levels, EVERY, false).unwrap());
    let readings = vec![Reading::gauge("answer", 0.020, Unit::Seconds)];
    let check = Arc::new(FakeCheck::new("fake").then(Verdict::Ok, "200", readings));
    let mut monitors = Vec::with_capacity(MACHINES * MONITORS_EACH);
    for machine in 0..MACHINES {
        let machine = MachineName::new(&format!("m{machine:05}")).unwrap();
        for number in 0..MONITORS_EACH {
            let name = rem_config::MonitorName::new(&format!("check{number}")).unwrap();
            let mut monitor = pattern.clone();
            monitor.id = MonitorId::new(&machine, &monitor.package, &name);
            monitor.machine = machine.clone();
            monitor.name = name;
            monitor.every = EVERY;
            let mut planned = Planned::new(monitor, check.clone());
            planned.levels = Arc::clone(&levels);
            planned
                .telling
                .labels
                .insert("machine".into(), machine.as_str().into());
            monitors.push(planned);
        }
    }
    Plan {
        site: "bench".into(),
        monitors,
        limits: Limits::default(),
        jobs: Vec::new(),
    }
}

/// Memory of this process that is in RAM, in MB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes / 1024.0
}

fn files_in(folder: &Path) -> usize {
    let files = std::fs::read_dir(folder).unwrap().flatten();
    files
        .filter(|file| file.path().extension().is_some_and(|end| end == "rrd"))
        .count()
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut report = Report::new(
        "rem-monitor scale",
        "50,000 monitors at 60 s that find two numbers each and have two levels; the real engine, \
         series of a day in a folder; CPU of the process over a minute, without checks' own work",
    );
    runtime.block_on(run(&mut report));
}

async fn run(report: &mut Report) {
    let folder = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let options = Options {
        archives: ARCHIVES.to_vec(),
        recent: CHECKS_KEPT,
        ..Options::default()
    };
    let store = Store::open(folder.path(), options, Arc::clone(&clock)).unwrap();
    let store = Arc::new(store);
    let shared = Unidist::memory();
    let bucket = shared.consistent("monitor", BucketSpec::default()).unwrap();
    let (alerts, mut words) = mpsc::unbounded_channel();
    tokio::spawn(async move { while words.recv().await.is_some() {} });
    let parts = Parts {
        store: Arc::clone(&store),
        memory: Memory::new(&bucket),
        clock,
        blocks: procblock::Engine::new(procblock::EngineOptions::new()),
        alerts: Some(alerts),
    };
    let begin = cpu_time(Who::Process);
    let engine = Engine::start(plan(), parts).await;
    let ready = (cpu_time(Who::Process) - begin).as_secs_f64();
    report.row("start with 50,000 monitors", ready, "s CPU", "");
    tokio::time::sleep(SETTLE).await;

    let early = engine.tally().checks.iter().sum::<u64>();
    report.row(
        "checks while files are made",
        early as f64,
        "in the first minute",
        "",
    );
    let files = Instant::now();
    while files_in(&folder.path().join("series")) < MACHINES * MONITORS_EACH {
        assert!(files.elapsed() < FILES, "{:?}", store.stats());
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    let made = (cpu_time(Who::Process) - begin).as_secs_f64();
    report.row("start, looks and files of all series", made, "s CPU", "");

    let (before, begin) = (engine.tally(), cpu_time(Who::Process));
    tokio::time::sleep(WATCH).await;
    let cpu = (cpu_time(Who::Process) - begin).as_secs_f64();
    let checks = engine.tally().checks.iter().sum::<u64>() - before.checks.iter().sum::<u64>();
    let share = cpu / WATCH.as_secs_f64() * 100.0;
    report.row("50,000 monitors at 60 s", share, "% of a core", "<= 15");
    report.row("each check", cpu * 1e6 / checks as f64, "us CPU", "");
    report.row("in memory", resident(), "MB", "<= 600");
    report.row("checks done", checks as f64, "in a minute", ">= 49000");
    engine.stop(Span::from_seconds(5)).await;
}
