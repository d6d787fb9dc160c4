use std::sync::Arc;

use rem_alert::level::{Action, Level, UnknownAs, What};
use rem_check::{Reading, Report, Unit, Verdict};
use rem_config::{MachineName, MonitorId, MonitorName, PackageName};
use rem_series::{Options, Store};
use rem_time::{ManualClock, Span, Timestamp};

use super::{Judge, Judged, Library, MonitorLevels};
use crate::states::States;

struct Court {
    id: MonitorId,
    states: States,
    store: Store,
    _folder: tempfile::TempDir,
}

fn court() -> Court {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(at(0)));
    Court {
        id: MonitorId::new(
            &MachineName::new("web-01").unwrap(),
            &PackageName::new("linux").unwrap(),
            &MonitorName::new("disk").unwrap(),
        ),
        states: States::default(),
        store: Store::open(folder.path(), Options::default(), clock).unwrap(),
        _folder: folder,
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_795_000_000 + seconds)
}

fn level(name: &str, when: &str, window: &str, alert: &str) -> Level {
    Level::new(name, when.parse().unwrap())
        .within(window.parse().unwrap())
        .doing(Action::Alert(alert.into()))
}

fn report(seconds: i64, verdict: Verdict, readings: Vec<Reading>) -> Report {
    Report {
        at: at(seconds),
        took: Span::from_millis(72),
        verdict,
        message: String::new(),
        readings,
    }
}

fn used(part: &str, percent: f64) -> Reading {
    Reading::gauge("used_percent", percent, Unit::Percent).of(part)
}

fn judge(levels: Vec<Level>) -> Judge {
    let levels = MonitorLevels::compile(levels, Span::from_seconds(10), false);
    Judge::new(Arc::new(levels.unwrap()))
}

impl Court {
    fn see(&self, judge: &mut Judge, report: &Report) -> Vec<Judged> {
        let library = Library {
            id: &self.id,
            owners: &[],
            states: &self.states,
            store: Some(&self.store),
        };
        judge.see(report, library, report.at)
    }
}

/// `/var full on`, one line each; a first look that finds all well clears as well.
fn alerts(judged: &[Judged]) -> Vec<String> {
    let words = judged.iter().filter_map(|judged| {
        let part = judged.part.as_deref().unwrap_or("-");
        match &judged.change.what {
            What::AlertOn(alert) => Some(format!("{part} {alert} on")),
            What::AlertOff(alert) => Some(format!("{part} {alert} off")),
            _ => None,
        }
    });
    words.collect()
}

#[test]
fn each_part_is_judged_by_itself() {
    let court = court();
    let mut judge = judge(vec![level(
        "filling",
        "used_percent > 90",
        "2 of last 2",
        "full",
    )]);
    let disks = |seconds, root, var| {
        report(
            seconds,
            Verdict::Ok,
            vec![used("/", root), used("/var", var)],
        )
    };
    assert_eq!(
        alerts(&court.see(&mut judge, &disks(0, 95.0, 10.0))),
        ["/ full off", "/var full off"]
    );
    assert_eq!(
        alerts(&court.see(&mut judge, &disks(10, 95.0, 99.0))),
        ["/ full on"]
    );
    assert_eq!(
        alerts(&court.see(&mut judge, &disks(20, 50.0, 99.0))),
        ["/ full off", "/var full on"]
    );
}

#[test]
fn levels_without_readings_judge_the_monitor_as_a_whole() {
    let court = court();
    let mut judge = judge(vec![
        level("down", "status != ok", "2 of last 2", "down"),
        level("slow", "duration > 50ms", "1 of last 1", "slow"),
        level("filling", "used_percent > 90", "1 of last 1", "full"),
    ]);
    let parts = vec![used("/", 95.0), used("/var", 95.0)];
    let first = court.see(&mut judge, &report(0, Verdict::Critical, parts.clone()));
    assert_eq!(
        alerts(&first),
        ["- slow on", "- down off", "/ full on", "/var full on"]
    );
    let second = court.see(&mut judge, &report(10, Verdict::Critical, parts));
    assert_eq!(alerts(&second), ["- down on"]);
    assert!(
        second
            .iter()
            .any(|judged| judged.because.contains("status = critical")),
        "{second:?}"
    );
}

#[test]
fn the_whole_has_precedence_over_its_parts_unless_the_file_says_per() {
    let court = court();
    let levels = || vec![level("busy", "busy > 90", "1 of last 1", "busy")];
    let readings = vec![
        Reading::gauge("busy", 95.0, Unit::Percent),
        Reading::gauge("busy", 99.0, Unit::Percent).of("cpu0"),
    ];
    let mut whole = judge(levels());
    let found = court.see(&mut whole, &report(0, Verdict::Ok, readings.clone()));
    assert_eq!(alerts(&found), ["- busy on"]);
    let each = MonitorLevels::compile(levels(), Span::from_seconds(10), true);
    let mut each = Judge::new(Arc::new(each.unwrap()));
    let found = court.see(&mut each, &report(0, Verdict::Ok, readings));
    assert_eq!(alerts(&found), ["cpu0 busy on"]);
}

#[test]
fn a_part_that_is_gone_is_unknown_and_a_level_may_call_that_bad() {
    let court = court();
    let gone = level("gone", "used_percent < 0", "1 of last 1", "gone");
    let mut judge = judge(vec![gone.counting_unknown(UnknownAs::Bad)]);
    court.see(&mut judge, &report(0, Verdict::Ok, vec![used("/mnt", 5.0)]));
    let found = court.see(&mut judge, &report(10, Verdict::Ok, vec![]));
    assert_eq!(alerts(&found), ["/mnt gone on"]);
}

#[test]
fn what_was_on_before_a_restart_is_on_after_it() {
    let court = court();
    let levels = vec![
        level("down", "status != ok", "3 of last 3", "down"),
        level("filling", "used_percent > 90", "2 of last 3", "full"),
    ];
    let mut before = judge(levels.clone());
    for n in 0..3 {
        let parts = vec![used("/", 95.0), used("/var", 10.0)];
        court.see(&mut before, &report(n * 10, Verdict::Critical, parts));
    }
    let saved = before.save();
    let mut after = judge(levels);
    after.restore(&saved);
    assert_eq!(after.alerts(), before.alerts());
    assert_eq!(after.alerts().len(), 2);
    let parts = vec![used("/", 95.0), used("/var", 10.0)];
    let found = court.see(&mut after, &report(30, Verdict::Critical, parts));
    assert_eq!(alerts(&found), ["/var full off"], "nothing is told twice");
    let found = court.see(&mut after, &report(40, Verdict::Ok, vec![]));
    assert_eq!(alerts(&found), ["- down off"]);
}

#[test]
fn another_file_keeps_what_did_not_change() {
    let court = court();
    let down = level("down", "status != ok", "3 of last 3", "down");
    let slow = level("slow", "duration > 50ms", "1 of last 1", "slow");
    let mut judge = judge(vec![down.clone(), slow]);
    for n in 0..2 {
        court.see(&mut judge, &report(n * 10, Verdict::Critical, vec![]));
    }
    let levels = MonitorLevels::compile(vec![down], Span::from_seconds(10), false);
    let gone = judge.reload(Arc::new(levels.unwrap()));
    assert_eq!(alerts(&gone), ["- slow off"]);
    let found = court.see(&mut judge, &report(20, Verdict::Critical, vec![]));
    assert_eq!(alerts(&found), ["- down on"], "two looks were kept");
}
