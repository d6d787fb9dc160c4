//! Reading what another process has open.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use rem_series::{Error, Query, Store};
use rem_time::Span;

use crate::{at, clock, quiet, seconds, values};

fn beside(folder: &Path, scratch: &Path) -> Store {
    let wanted = |name: &str| !name.starts_with("secret");
    Store::beside(folder, scratch, wanted, quiet(), clock()).unwrap()
}

/// Every file below a folder with its bytes.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all.extend(contents(&path)),
            false => {
                let bytes = std::fs::read(&path).unwrap();
                all.insert(path.display().to_string(), bytes);
            }
        }
    }
    all
}

#[test]
fn what_is_committed_is_read_beside_the_store_that_has_it_open_and_nothing_is_touched() {
    let (folder, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = crate::open(folder.path());
    for second in 0..5 {
        for series in ["a/b", "secret"] {
            let value = Some(second as f64);
            store
                .push(series, seconds(1), at(second), &[("x", value)])
                .unwrap();
        }
    }
    store.flush().unwrap();
    for second in 5..9 {
        let value = Some(second as f64);
        store
            .push("a/b", seconds(1), at(second), &[("x", value)])
            .unwrap();
    }
    for (second, value) in [(1, 7.0), (2, 8.0)] {
        store
            .push("new", seconds(1), at(second), &[("y", Some(value))])
            .unwrap();
    }
    store.sync().unwrap();
    let before = contents(folder.path());

    let copy = beside(folder.path(), scratch.path());
    assert_eq!(copy.names().unwrap(), ["a/b", "new"]);
    let new = values(&copy, "new", "y", 0, 2).into_iter().flatten();
    assert_eq!(new.collect::<Vec<f64>>(), [7.0, 8.0]);
    assert_eq!(
        copy.names().unwrap(),
        ["a/b", "new"],
        "also when it was read"
    );
    let known: Vec<f64> = values(&copy, "a/b", "x", 0, 8)
        .into_iter()
        .flatten()
        .collect();
    // What was pushed at 0 ends where this query begins.
    assert_eq!(known, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    assert!(matches!(
        copy.fetch("secret", &Query::new(at(0), at(9))),
        Err(Error::NoSeries { .. })
    ));
    copy.push("a/b", seconds(1), at(20), &[("x", Some(1.0))])
        .unwrap();
    copy.close().unwrap();
    assert_eq!(contents(folder.path()), before, "nothing of it was written");
    assert!(matches!(
        Store::open(folder.path(), quiet(), clock()),
        Err(Error::InUse { .. })
    ));
    store
        .push("a/b", seconds(1), at(9), &[("x", Some(9.0))])
        .unwrap();
    store.close().unwrap();
}

#[test]
fn a_store_that_is_written_to_all_the_time_is_read_whole() {
    const SERIES: i64 = 3;
    let folder = tempfile::tempdir().unwrap();
    let options = rem_series::Options {
        flush_rows: 5,
        flush_every: Span::from_millis(60),
        commit_window: Span::from_millis(20),
        segment_bytes: 20_000,
        ahead_max: seconds(1 << 32),
        ..quiet()
    };
    let store = Store::open(folder.path(), options, clock()).unwrap();
    let (pushed, ended) = (AtomicI64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for second in 0..1_900 {
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                for series in 0..SERIES {
                    let value = Some((second * 10 + series) as f64);
                    let name = format!("s{series}");
                    store
                        .push(&name, seconds(1), at(second), &[("v", value)])
                        .unwrap();
                }
                if second % 20 == 0 {
                    store.sync().unwrap();
                    pushed.store(second, Ordering::SeqCst);
                }
            }
            ended.store(true, Ordering::Relaxed);
        });
        let mut looks = 0;
        while !ended.load(Ordering::Relaxed) || looks == 0 {
            let scratch = tempfile::tempdir().unwrap();
            let promised = pushed.load(Ordering::SeqCst);
            if promised == 0 {
                std::thread::yield_now();
                continue;
            }
            let copy = beside(folder.path(), scratch.path());
            for series in 0..SERIES {
                let query = Query::new(at(0), at(1_999)).points(4_000);
                let rows = copy.fetch(&format!("s{series}"), &query).unwrap();
                let known: Vec<(i64, f64)> = rows
                    .field("v")
                    .into_iter()
                    .filter_map(|(time, value)| {
                        Some((time.since(at(0)).as_seconds() as i64, value?))
                    })
                    .collect();
                let last = known.last().map_or(0, |(second, _)| *second);
                let expected: Vec<(i64, f64)> =
                    (1..=last).map(|n| (n, (n * 10 + series) as f64)).collect();
                // What was pushed at 0 ends where this query begins.
                assert_eq!(known, expected, "no hole and nothing twice");
                assert!(promised <= last, "{promised} was committed, {last} is read");
            }
            looks += 1;
        }
        assert!(looks > 3, "{looks} looks");
    });
    store.close().unwrap();
}
