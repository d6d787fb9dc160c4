//! The crate as its users see it.
#![allow(clippy::unwrap_used)]

#[path = "it/beside.rs"]
mod beside;
#[allow(dead_code)]
#[path = "../examples/embed.rs"]
mod embed;
#[path = "it/faults.rs"]
mod faults;
#[path = "it/kill.rs"]
mod kill;
#[path = "it/pictures.rs"]
mod pictures;
#[path = "it/refine.rs"]
mod refine;
#[path = "it/samples.rs"]
mod samples;
#[path = "it/stock_rrdtool.rs"]
mod stock_rrdtool;

use std::path::Path;
use std::sync::Arc;

use rem_series::{Archive, Consolidation, Options, Store};
use rem_time::{Clock, ManualClock, Span, Timestamp};

/// A multiple of every step used here.
const T0: i64 = 1_282_114_800;

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(T0 + second)
}

fn seconds(seconds: u64) -> Span {
    Span::from_seconds(seconds)
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::at(at(3600)))
}

/// Small files, and nothing happens by itself within a test.
fn quiet() -> Options {
    Options {
        archives: vec![
            Archive::new(Consolidation::Average, 1, 2000),
            Archive::new(Consolidation::Max, 10, 200),
        ],
        flush_every: seconds(3600),
        flush_rows: 100_000,
        ..Options::default()
    }
}

fn open(folder: &Path) -> Store {
    Store::open(folder, quiet(), clock()).unwrap()
}

/// One field of a series from `from` to `to` in seconds after `T0`, without times.
#[track_caller]
fn values(store: &Store, series: &str, field: &str, from: i64, to: i64) -> Vec<Option<f64>> {
    let query = rem_series::Query::new(at(from), at(to));
    let rows = store.fetch(series, &query).unwrap();
    rows.field(field).into_iter().map(|(_, v)| v).collect()
}

/// Waits for a state of things, half a minute at most.
#[track_caller]
fn wait_for(what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !reached() {
        assert!(std::time::Instant::now() < deadline, "waited for {what}");
        std::thread::yield_now();
    }
}
