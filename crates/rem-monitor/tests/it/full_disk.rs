//! The engine where nothing can be written any more.

use std::process::Command;
use std::sync::Arc;

use rem_alert::level::{Action, Level};
use rem_check::Verdict;
use rem_monitor::{Engine, Memory, MonitorLevels, Parts, State, Word};
use rem_series::{Options, Query, Store};
use rem_time::{Clock, Span};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::mpsc;
use unidist::BucketSpec;

use crate::{Bench, Puppet, pass, plan, view};

const CHILD: &str = "REM_MONITOR_TEST_CHILD";

/// By itself it is nothing; see below.
#[tokio::test(start_paused = true)]
async fn child_on_a_full_disk() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let bench = Bench::new();
    let store = Store::open(bench.folder.path(), Options::default(), bench.clock.clone());
    let store = Arc::new(store.unwrap());
    let bucket = bench.shared.consistent("monitor", BucketSpec::default());
    let (alerts, mut words) = mpsc::unbounded_channel();
    let down = Level::new("down", "status != ok".parse().unwrap())
        .within("3 of last 3".parse().unwrap())
        .doing(Action::Alert("web-down".into()));
    let mut plan = plan("      web: {check: local.load, every: 10s}\n", |_| Puppet {
        verdict: Some(Verdict::Critical),
        ..Puppet::default()
    });
    let levels = MonitorLevels::compile(vec![down], Span::from_seconds(10), false);
    plan.monitors[0].levels = Arc::new(levels.unwrap());

    // With the signal ignored, writing is refused as on a full disk.
    let before = getrlimit(Resource::Fsize);
    let full = Rlimit {
        current: Some(0),
        ..before
    };
    setrlimit(Resource::Fsize, full).unwrap();
    let parts = Parts {
        store: Arc::clone(&store),
        memory: Memory::new(&bucket.unwrap()),
        clock: bench.clock.clone(),
        blocks: procblock::Engine::new(procblock::EngineOptions::new()),
        alerts: Some(alerts),
    };
    let engine = Engine::start(plan, parts).await;
    pass(60).await;
    let refused = store.sync().unwrap_err();
    let reason = rem_monitor::chain(&refused);
    assert!(reason.contains("File too large"), "{reason}");
    assert_eq!(view(&engine, "web").state, State::Critical);
    let looks = engine.tally().checks.iter().sum::<u64>();
    assert!((6..=8).contains(&looks), "{looks} looks in a minute");
    let mut told = Vec::new();
    while let Ok(word) = words.try_recv() {
        if let Word::Alert(report) = word {
            assert_eq!(&*report.alert, "web-down");
            told.push(report.firing);
        }
    }
    assert_eq!(
        told,
        [false, true],
        "clear after the start, and then fires once"
    );

    // With room again, nothing of what was found meanwhile is missing.
    setrlimit(Resource::Fsize, before).unwrap();
    store.flush().unwrap();
    let now = bench.clock.now();
    let rows = store.fetch(
        "here/all/web",
        &Query::new(now - Span::from_seconds(40), now),
    );
    let states = rows.unwrap().field(rem_monitor::STATE_FIELD);
    let critical = states.iter().filter(|(_, state)| *state == Some(2.0));
    assert!(2 < critical.count(), "{states:?}");
    engine.stop(Span::ZERO).await;
}

#[test]
fn a_full_disk_stops_neither_looks_nor_alerts() {
    let output = Command::new("/bin/sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "full_disk::child_on_a_full_disk", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
}
