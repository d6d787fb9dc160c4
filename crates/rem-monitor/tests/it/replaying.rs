//! Levels over what is stored.

use std::sync::Arc;

use rem_config::{Config, load_with};
use rem_monitor::simulate::{Difference, compare, replay};
use rem_monitor::{STATE_FIELD, TOOK_FIELD};
use rem_series::{Options, Store};
use rem_time::{Clock, ManualClock, Span, Timestamp};
use rem_yaml::Loader;

use crate::stage::span;

const BEGIN: Timestamp = Timestamp::from_seconds(1_795_000_020);

fn config(levels: &str) -> Config {
    let text = format!(
        "machines: {{here: {{address: 127.0.0.1, local: true}}}}\n\
         packages:\n  all:\n    monitors:\n      disk:\n        check: local.disk\n        \
         every: 60s\n        levels: {levels}\n\
         services: {{all: {{packages: [all], deployments: {{prod: {{machines: [here]}}}}}}}}\n"
    );
    let loader = Loader::from_memory([("monitor.yaml", text.as_str())]);
    load_with(loader, "monitor.yaml").unwrap_or_else(|problems| panic!("{problems}"))
}

/// A day in which /var is at 95 % from 10 h to 12 h, and at 85 % from 14 h to 15 h;
/// the check fails from 20 h on.
fn store(folder: &std::path::Path) -> Store {
    let clock = Arc::new(ManualClock::at(BEGIN));
    let store = Store::open(folder, Options::default(), clock.clone()).unwrap();
    let step = span("60s");
    for minute in 1..=24 * 60 {
        let at = BEGIN + Span::from_seconds(minute * 60);
        clock.set(at);
        let used = match minute {
            600..720 => 95.0,
            840..900 => 85.0,
            _ => 50.0,
        };
        let state = if minute < 1_200 { 0.0 } else { 2.0 };
        let own = [(STATE_FIELD, Some(state)), (TOOK_FIELD, Some(0.01))];
        store
            .push("here/all/disk", step, clock.now(), &own)
            .unwrap();
        let part = [("used_percent", Some(used))];
        store
            .push("here/all/disk/%2Fvar", step, clock.now(), &part)
            .unwrap();
    }
    store
}

#[test]
fn edited_levels_show_what_they_would_have_done_and_what_is_different() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let day = (BEGIN, BEGIN + span("24h"));
    let before = config("{full: {when: used_percent > 90, for: 10m, alert: disk-full}}");
    let after = config(
        "{full: {when: used_percent > 80, for: 10m, alert: disk-full}, \
          down: {when: status != ok, in: 3 of last 3, alert: disk-down}}",
    );

    let mut steps = Vec::new();
    let old = replay(&before, &store, day.0, day.1, |progress| {
        steps.push(progress.at);
    })
    .unwrap();
    let hours = |fired: &rem_monitor::simulate::Fired| {
        let of = |at: Timestamp| at.since(BEGIN).as_seconds() as f64 / 3_600.0;
        (fired.alert.to_string(), of(fired.from), fired.until.map(of))
    };
    let [only] = &old[..] else { panic!("{old:?}") };
    assert_eq!(&*only.subject, "monitor:here/all/disk#/var");
    let (_, from, until) = hours(only);
    assert!((10.1..10.25).contains(&from), "{from}");
    assert!((11.95..12.1).contains(&until.unwrap()), "{until:?}");
    assert!(
        only.because.contains("used_percent = 95"),
        "{}",
        only.because
    );
    assert_eq!(steps.last(), Some(&day.1));
    assert!(steps.is_sorted() && 3 < steps.len());

    let new = replay(&after, &store, day.0, day.1, |_| ()).unwrap();
    let differences = compare(&old, &new);
    let told: Vec<_> = differences
        .iter()
        .map(|difference| match difference {
            Difference::New(fired) => ("new", hours(fired).0, hours(fired).2.is_some()),
            Difference::Gone(fired) => ("gone", hours(fired).0, hours(fired).2.is_some()),
            Difference::Moved(_, fired) => ("moved", hours(fired).0, hours(fired).2.is_some()),
        })
        .collect();
    assert_eq!(
        told,
        [
            ("new", "disk-full".into(), true),
            ("new", "disk-down".into(), false)
        ],
        "{differences:?}"
    );
    let back = compare(&new, &old);
    assert!(
        back.iter().all(|one| matches!(one, Difference::Gone(_))),
        "{back:?}"
    );
}

#[test]
fn what_was_on_before_the_first_instant_is_shown_from_when_it_began() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let levels = config("{full: {when: used_percent > 90, for: 10m, alert: disk-full}}");
    let (from, to) = (BEGIN + span("11h"), BEGIN + span("13h"));
    let fired = replay(&levels, &store, from, to, |_| ()).unwrap();
    assert_eq!(fired.len(), 1);
    assert!(fired[0].from < from && fired[0].until.is_some());
    assert!(replay(&levels, &store, to, from, |_| ()).is_err());
}
