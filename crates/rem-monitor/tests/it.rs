//! The engine on a paused clock, with checks that do what a test says.
#![allow(clippy::unwrap_used)]

#[path = "it/acceptance.rs"]
mod acceptance;
#[path = "it/counts.rs"]
mod counts;
#[path = "it/full_disk.rs"]
mod full_disk;
#[path = "it/oracle.rs"]
mod oracle;
#[path = "it/replaying.rs"]
mod replaying;
#[path = "it/stage.rs"]
mod stage;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rem_check::{Check, Pushed, Reading, Report, Running, Unit, Verdict};
use rem_config::{Config, load_with};
use rem_monitor::{
    Engine, Limits, Look, Memory, MonitorView, NotTaken, Parts, Plan, Planned, Retry, SeenBy, State,
};
use rem_series::{Options, Query, Store};
use rem_time::{Clock, Span, Timestamp};
use rem_yaml::Loader;
use unidist::{BucketSpec, Unidist};

/// Follows tokio's paused clock, so that time only moves where a test lets it.
#[derive(Debug)]
struct PausedClock {
    origin: tokio::time::Instant,
}

const START: i64 = 1_795_000_000;

impl PausedClock {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            origin: tokio::time::Instant::now(),
        })
    }
}

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(START) + Span::from(self.origin.elapsed())
    }
}

/// Takes some time, then reports what it was told; panics where it was told to.
#[derive(Debug, Default)]
struct Puppet {
    takes: Span,
    verdict: Option<Verdict>,
    panics: bool,
    looks: Arc<AtomicUsize>,
}

impl Check for Puppet {
    fn name(&self) -> &str {
        "puppet"
    }

    fn deadline(&self) -> Span {
        Span::from_seconds(60)
    }

    fn run(&self, now: Timestamp) -> Running<'_> {
        Box::pin(async move {
            let look = self.looks.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(self.takes.as_duration()).await;
            assert!(!self.panics || look > 0, "told to");
            Report {
                at: now,
                took: self.takes,
                verdict: self.verdict.unwrap_or(Verdict::Ok),
                message: format!("look {look}"),
                readings: vec![
                    Reading::gauge("level", look as f64, Unit::One),
                    Reading::gauge("used", 50.0, Unit::Percent).of("/var"),
                ],
            }
        })
    }
}

fn config(monitors: &str) -> Config {
    let text = format!(
        "machines: {{here: {{address: 127.0.0.1, local: true}}}}\n\
         packages:\n  all:\n    monitors:\n{monitors}\
         services: {{all: {{packages: [all], deployments: {{prod: {{machines: [here]}}}}}}}}\n"
    );
    load_with(
        Loader::from_memory([("monitor.yaml", text.as_str())]),
        "monitor.yaml",
    )
    .unwrap()
}

/// A plan of the file's monitors in which puppets look.
fn plan(monitors: &str, puppet: impl Fn(&str) -> Puppet) -> Plan {
    let config = config(monitors);
    let planned = config.monitors().iter().map(|monitor| {
        let check = Arc::new(puppet(monitor.name.as_str()));
        Planned::new(monitor.clone(), check)
    });
    Plan {
        site: "test".into(),
        monitors: planned.collect(),
        limits: Limits::default(),
        jobs: Vec::new(),
    }
}

struct Bench {
    folder: tempfile::TempDir,
    shared: Unidist,
    clock: Arc<PausedClock>,
}

impl Bench {
    fn new() -> Self {
        let clock = PausedClock::new();
        Self {
            folder: tempfile::tempdir().unwrap(),
            shared: Unidist::memory_with(clock.clone()),
            clock,
        }
    }

    async fn start(&self, plan: Plan) -> Engine {
        let store = Store::open(self.folder.path(), Options::default(), self.clock.clone());
        let bucket = self
            .shared
            .consistent("monitor", BucketSpec::default())
            .unwrap();
        let parts = Parts {
            store: Arc::new(store.unwrap()),
            memory: Memory::new(&bucket),
            clock: self.clock.clone(),
            blocks: procblock::Engine::new(procblock::EngineOptions::new()),
            alerts: None,
        };
        Engine::start(plan, parts).await
    }
}

fn view(engine: &Engine, name: &str) -> MonitorView {
    engine.monitor_named(&format!("here/all/{name}")).unwrap()
}

async fn pass(seconds: u64) {
    // In small steps, so that everything due in between runs in order.
    for _ in 0..seconds * 10 {
        tokio::time::advance(Duration::from_millis(100)).await;
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn everything_is_looked_at_soon_and_then_at_its_rate() {
    let bench = Bench::new();
    let looks = Arc::new(AtomicUsize::new(0));
    let file = "      hourly: {check: local.load, every: 1h}\n      \
                often: {check: local.load, every: 10s}\n";
    let engine = bench
        .start(plan(file, |name| match name {
            "often" => Puppet {
                looks: looks.clone(),
                ..Puppet::default()
            },
            _ => Puppet::default(),
        }))
        .await;
    assert_eq!(view(&engine, "hourly").state, State::Pending);
    pass(5).await;
    assert_eq!(
        view(&engine, "hourly").state,
        State::Ok,
        "an hour is too long for a first look"
    );
    pass(120).await;
    let looks = looks.load(Ordering::SeqCst);
    assert!(
        (12..=14).contains(&looks),
        "{looks} looks in 125 s at a rate of one in 10 s"
    );
    assert_eq!(view(&engine, "often").rounds_missed, 0);
    engine.stop(Span::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn a_check_that_takes_too_long_never_overlaps_itself_and_its_rounds_are_counted() {
    let bench = Bench::new();
    let looks = Arc::new(AtomicUsize::new(0));
    let engine = bench
        .start(plan(
            "      slow: {check: local.load, every: 10s}\n",
            |_| Puppet {
                takes: Span::from_seconds(25),
                looks: looks.clone(),
                ..Puppet::default()
            },
        ))
        .await;
    pass(120).await;
    let (looks, missed) = (
        looks.load(Ordering::SeqCst),
        view(&engine, "slow").rounds_missed,
    );
    assert!((4..=5).contains(&looks), "{looks} looks");
    assert!((7..=9).contains(&missed), "{missed} rounds missed");
    engine.stop(Span::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn a_check_that_panics_runs_again_and_harms_nobody() {
    let bench = Bench::new();
    let file = "      bad: {check: local.load, every: 10s}\n      \
                good: {check: local.load, every: 10s}\n";
    let panics = |name: &str| Puppet {
        panics: name == "bad",
        ..Puppet::default()
    };
    let engine = bench.start(plan(file, panics)).await;
    pass(60).await;
    assert!(view(&engine, "good").beats.len() >= 5);
    assert!(
        view(&engine, "bad").beats.len() >= 4,
        "its later looks are there"
    );
    engine.stop(Span::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn another_plan_keeps_what_did_not_change() {
    let bench = Bench::new();
    let file = "      kept: {check: local.load, every: 10s}\n      \
                gone: {check: local.load, every: 10s}\n";
    let engine = bench.start(plan(file, |_| Puppet::default())).await;
    pass(30).await;
    let before = view(&engine, "kept");
    let file = "      kept: {check: local.load, every: 10s}\n      \
                new: {check: local.load, every: 10s}\n";
    let applied = engine.apply(plan(file, |_| Puppet::default())).await;
    assert_eq!(applied.added.len(), 1);
    assert_eq!(applied.removed.len(), 1);
    assert_eq!(applied.changed.len(), 0);
    let after = view(&engine, "kept");
    assert_eq!(
        (after.since, after.beats.len()),
        (before.since, before.beats.len())
    );
    assert!(engine.monitor_named("here/all/gone").is_none());
    pass(10).await;
    assert_eq!(view(&engine, "new").state, State::Ok);
    engine.stop(Span::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_as_old_after_a_restart_as_it_was_before() {
    let bench = Bench::new();
    let file = "      down: {check: local.load, every: 10s}\n";
    let down = |_: &str| Puppet {
        verdict: Some(Verdict::Critical),
        ..Puppet::default()
    };
    let engine = bench.start(plan(file, down)).await;
    pass(60).await;
    let before = view(&engine, "down");
    engine.stop(Span::from_seconds(1)).await;
    drop(engine);

    let engine = bench.start(plan(file, down)).await;
    let after = view(&engine, "down");
    assert_eq!((after.state, after.since), (State::Critical, before.since));
    assert!(
        after.beats.len() >= 4,
        "the bar began anew: {:?}",
        after.beats
    );
    assert!(
        after.beats.iter().all(|beat| beat.state == State::Critical),
        "{:?}",
        after.beats
    );
    engine.stop(Span::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn every_number_is_kept_without_a_word_in_the_file() {
    let bench = Bench::new();
    let file = "      any: {check: local.load, every: 10s, series: {level: {max: 3}}}\n";
    let engine = bench.start(plan(file, |_| Puppet::default())).await;
    pass(100).await;
    let names = engine.store().names().unwrap();
    assert_eq!(names, ["here/all/any", "here/all/any/%2Fvar"]);
    let (end, hour) = (bench.clock.now(), Span::from_seconds(3600));
    let rows = engine
        .store()
        .fetch("here/all/any", &Query::new(end - hour, end))
        .unwrap();
    let known = |field| -> Vec<f64> {
        rows.field(field)
            .into_iter()
            .filter_map(|(_, value)| value)
            .collect()
    };
    assert!(known("check.took").len() >= 7, "{rows:?}");
    let levels = known("level");
    assert!(
        !levels.is_empty() && levels.iter().all(|level| *level <= 3.0),
        "{levels:?}"
    );
    assert_eq!(
        engine
            .store()
            .unit("here/all/any/%2Fvar", "used")
            .unwrap()
            .as_deref(),
        Some("%")
    );
    engine.stop(Span::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_looked_at_again_soon_but_not_for_ever() {
    let bench = Bench::new();
    let looks = Arc::new(AtomicUsize::new(0));
    let file = "      down: {check: local.load, every: 10m}\n";
    let mut plan = plan(file, |_| Puppet {
        verdict: Some(Verdict::Critical),
        looks: looks.clone(),
        ..Puppet::default()
    });
    plan.monitors[0].retry = Some(Retry {
        after: Span::from_seconds(3),
        times: 2,
    });
    let engine = bench.start(plan).await;
    pass(60).await;
    assert_eq!(looks.load(Ordering::SeqCst), 3, "once, and twice again");
    assert_eq!(engine.tally().checks, [0, 0, 3, 0]);
    engine.stop(Span::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn many_slow_checks_at_one_machine_take_turns() {
    let bench = Bench::new();
    let file: String = (0..6)
        .map(|n| format!("      slow{n}: {{check: local.load, every: 10m}}\n"))
        .collect();
    let mut plan = plan(&file, |_| Puppet {
        takes: Span::from_seconds(5),
        ..Puppet::default()
    });
    plan.limits.per_target = 2;
    let engine = bench.start(plan).await;
    pass(5).await;
    let tally = engine.tally();
    assert_eq!(tally.running, 2, "{tally:?}");
    assert!(tally.waiting >= 2, "{tally:?}");
    pass(20).await;
    assert_eq!(engine.tally().checks[0], 6, "everybody had a turn");
    engine.stop(Span::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn a_passive_monitor_believes_what_it_is_told_until_that_is_old() {
    let bench = Bench::new();
    let mut plan = plan("      told: {check: local.load, every: 1m}\n", |_| {
        Puppet::default()
    });
    plan.monitors[0].look = Look::Waits {
        fresh: Span::from_seconds(90),
    };
    let engine = bench.start(plan).await;
    let told = |verdict| Report {
        at: bench.clock.now(),
        took: Span::ZERO,
        verdict,
        message: "backup done".into(),
        readings: vec![Reading::gauge("bytes", 7.0, Unit::Bytes)],
    };
    pass(60).await;
    assert_eq!(view(&engine, "told").state, State::Pending, "nobody looks");
    engine
        .push("here/all/told", told(Verdict::Ok))
        .await
        .unwrap();
    assert_eq!(view(&engine, "told").state, State::Ok);
    pass(80).await;
    assert_eq!(view(&engine, "told").state, State::Ok);
    pass(20).await;
    let stale = view(&engine, "told");
    assert_eq!(stale.state, State::Unknown);
    assert!(stale.last.unwrap().message.contains("1m30s"));
    engine
        .push("here/all/told", told(Verdict::Critical))
        .await
        .unwrap();
    assert_eq!(view(&engine, "told").state, State::Critical);
    // What says how long it is good for is believed for so long, whatever the file says.
    let good_for = |seconds, age| {
        let mut pushed = Pushed::from(told(Verdict::Ok));
        pushed.report.at = bench.clock.now() - Span::from_seconds(age);
        pushed.ttl = Some(Span::from_seconds(seconds));
        pushed.source = Some("backup.sh".into());
        pushed
    };
    engine
        .push("here/all/told", good_for(30, 10))
        .await
        .unwrap();
    let fresh = view(&engine, "told");
    assert_eq!(
        (fresh.state, &*fresh.by.to_string()),
        (State::Ok, "pushed by backup.sh")
    );
    pass(19).await;
    assert_eq!(view(&engine, "told").state, State::Ok);
    pass(2).await;
    let stale = view(&engine, "told");
    assert_eq!((stale.state, stale.by), (State::Unknown, SeenBy::Nobody));
    assert!(stale.last.unwrap().message.contains("30s"));
    engine
        .push("here/all/told", good_for(86_400, 0))
        .await
        .unwrap();
    pass(300).await;
    assert_eq!(view(&engine, "told").state, State::Ok);
    let unknown = engine.push("here/all/other", told(Verdict::Ok)).await;
    assert_eq!(unknown, Err(NotTaken::Unknown("here/all/other".into())));
    engine.stop(Span::ZERO).await;
}
