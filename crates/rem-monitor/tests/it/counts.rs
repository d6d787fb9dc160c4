//! Counters of anything become rates in the series.

use std::sync::Arc;

use rem_check::{FakeCheck, Reading, Unit, Verdict};
use rem_monitor::Planned;
use rem_series::Query;
use rem_time::{Clock, Span};

use crate::{Bench, Puppet, pass, plan};

#[tokio::test(start_paused = true)]
async fn a_counter_becomes_a_rate_and_one_that_starts_anew_makes_no_spike() {
    let bench = Bench::new();
    let mut plan = plan("      eth0: {check: local.load, every: 10s}\n", |_| {
        Puppet::default()
    });
    let packets = |count: f64| vec![Reading::counter("packets", count, Unit::One)];
    // A hundred each look, and in the middle the device starts again.
    let counts = (0..8)
        .chain(0..8)
        .map(|look| f64::from(look) * 100.0 + 5_000.0);
    let check = counts.fold(FakeCheck::new("switch"), |check, count| {
        check.then(Verdict::Ok, "up", packets(count))
    });
    plan.monitors[0] = Planned::new(plan.monitors[0].monitor.clone(), Arc::new(check));
    let engine = bench.start(plan).await;
    pass(150).await;
    let now = bench.clock.now();
    let query = Query::new(now - Span::from_seconds(150), now);
    let rows = engine.store().fetch("here/all/eth0", &query).unwrap();
    let rates = rows.field("packets").into_iter();
    let rates: Vec<f64> = rates.filter_map(|(_, rate)| rate).collect();
    assert!(8 <= rates.len(), "{rates:?}");
    // Looks are ten seconds apart but for the first, which is early.
    assert!(
        rates.iter().all(|rate| (0.0..=110.0).contains(rate)),
        "{rates:?}"
    );
    let steady = rates.iter().filter(|rate| (**rate - 10.0).abs() < 0.5);
    assert!(6 <= steady.count(), "{rates:?}");
    engine.stop(Span::ZERO).await;
}
