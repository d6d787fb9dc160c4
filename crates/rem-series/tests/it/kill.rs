//! `kill -9` at random moments. The child is this test binary run again; it pushes
//! as fast as it is asked to and tells through a pipe what it has pushed and what a
//! sync has confirmed.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rem_series::{
    Archive, Consolidation, Declaration, Error, Fault, Field, Options, Query, Series, Store,
};
use rem_time::Span;

use crate::{T0, at, clock, quiet, seconds};

const SERIES: i64 = 4;
/// Rows pushed to each series at once, between two looks at the clock.
const BURST: i64 = 20;
/// The bursts of a child come this far apart.
const PACE: Duration = Duration::from_millis(4);
const WINDOW: Span = Span::from_millis(300);
/// Rows of the archive: more than one life of a child.
const ROWS: u32 = 20_000;

fn options(fault: Fault) -> Options {
    Options {
        archives: vec![
            Archive::new(Consolidation::Average, 1, ROWS),
            Archive::new(Consolidation::Max, 7, 500),
        ],
        commit_window: WINDOW,
        // Often, so that most kills hit an update.
        flush_rows: 40,
        flush_every: Span::from_millis(600),
        segment_bytes: 50_000,
        ahead_max: seconds(1 << 32),
        fault,
        ..quiet()
    }
}

/// What a second holds; a row that slipped to another second is noticed.
fn value(series: i64, second: i64) -> f64 {
    ((second * 7 + series * 3) % 1009) as f64
}

fn handles(store: &Store) -> Vec<Series> {
    // A kill leaves some series in front of others. Their silence until the next life is
    // bridged, since RRD would have the first value after it as unknown.
    let patient = Field {
        heartbeat: Some(seconds(100_000)),
        ..Field::default()
    };
    let declaration = Declaration::default().field("v", patient);
    let names = (0..SERIES).map(|i| format!("series {i}"));
    let declared = names.map(|name| {
        store.declare(&name, seconds(1), &declaration).unwrap();
        store.series(&name, seconds(1)).unwrap()
    });
    declared.collect()
}

/// The child: not a test of anything when nobody asked for it.
#[test]
fn child_that_is_killed() {
    let Ok(task) = std::env::var("REM_SERIES_TEST_CHILD") else {
        return;
    };
    let (folder, rest) = task.split_once('|').unwrap();
    let (from, fault) = rest.split_once('|').unwrap();
    let fault = match fault {
        "no journal" => Fault::NoJournal,
        _ => Fault::None,
    };
    let store = Store::open(Path::new(folder), options(fault), clock()).unwrap();
    let mut out = std::io::stdout();
    let handles = handles(&store);
    let mut next: i64 = from.parse().unwrap();
    // A channel that nobody sends to: a pause that is not a way to wait for something.
    let (_keep, pause) = std::sync::mpsc::channel::<()>();
    for burst in 1.. {
        for second in next..next + BURST {
            for (series, handle) in (0..).zip(&handles) {
                let value = value(series, second);
                handle.push(at(second), &[("v", Some(value))]).unwrap();
            }
        }
        next += BURST;
        writeln!(out, "pushed {next}").unwrap();
        if burst % 16 == 0 {
            store.sync().unwrap();
            writeln!(out, "synced {next}").unwrap();
        }
        let _ = pause.recv_timeout(PACE);
    }
}

fn start_child(folder: &Path, from: i64, fault: Fault) -> Child {
    let fault = match fault {
        Fault::NoJournal => "no journal",
        Fault::None => "none",
    };
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "kill::child_that_is_killed",
            "--nocapture",
            "--quiet",
        ])
        .env(
            "REM_SERIES_TEST_CHILD",
            format!("{}|{from}|{fault}", folder.display()),
        )
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// One life: from the second on which must be there after it.
struct Life {
    /// Seconds before this one are older than the window, or synced.
    safe_to: i64,
    /// Nothing from this second on was said to be pushed; a burst more may have been.
    pushed_to: i64,
}

/// Runs a child and kills it `after` its first burst.
fn one_life(folder: &Path, from: i64, fault: Fault, after: Duration) -> Life {
    let mut child = start_child(folder, from, fault);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut pushed: Vec<(Instant, i64)> = Vec::new();
    let mut synced = from;
    let (send, receive) = std::sync::mpsc::channel();
    // Read to the end in a thread of its own: what is in the pipe at the kill counts.
    let reader = std::thread::spawn(move || {
        for line in lines {
            let Ok(line) = line else { return };
            let Some((what, second)) = line.split_once(' ') else {
                continue;
            };
            if let Ok(second) = second.parse::<i64>() {
                let synced = what == "synced";
                send.send((Instant::now(), synced, second)).unwrap();
            }
        }
    });
    let mut take = |(when, is_sync, second): (Instant, bool, i64)| match is_sync {
        true => synced = second,
        false => pushed.push((when, second)),
    };
    let first = receive.recv_timeout(Duration::from_secs(60));
    take(first.expect("the child did not begin"));
    let deadline = Instant::now() + after;
    while let Ok(line) = receive.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        take(line);
    }
    child.kill().unwrap();
    let killed = Instant::now();
    child.wait().unwrap();
    reader.join().unwrap();
    receive.try_iter().for_each(&mut take);
    let old = |(when, _): &&(Instant, i64)| killed.duration_since(*when) >= WINDOW.as_duration();
    let old = pushed.iter().filter(old).map(|(_, second)| *second).max();
    Life {
        safe_to: synced.max(old.unwrap_or(from)),
        pushed_to: pushed.last().map_or(from, |(_, second)| *second),
    }
}

/// Looks at everything since `from`; returns the second to go on with, or what is wrong.
fn look(folder: &Path, from: i64, life: &Life) -> Result<i64, String> {
    let store = Store::open(folder, options(Fault::None), clock()).unwrap();
    let opening = store.opening().clone();
    if opening.rolled_back > 0 {
        println!("a kill in the middle of an update was undone");
    }
    if !opening.damage.is_empty() {
        return Err(format!("{:?}", opening.damage));
    }
    let mut newest = from;
    for series in 0..SERIES {
        let name = format!("series {series}");
        let query = Query::new(at(from - 1), at(life.pushed_to + BURST));
        let rows = match store.fetch(&name, &query) {
            Err(Error::NoSeries { .. }) if life.safe_to <= from => continue,
            Err(Error::NoSeries { .. }) => return Err(format!("{name} is lost")),
            rows => rows.map_err(|error| error.to_string())?,
        };
        let mut gap = None;
        for (time, known) in rows.field("v") {
            let second = time.as_seconds() - T0;
            match known {
                Some(_) if gap.is_some() => {
                    return Err(format!("{name}: {gap:?} is missing, {second} is there"));
                }
                Some(known) if known != value(series, second) => {
                    let expected = value(series, second);
                    return Err(format!("{name}: {second} is {known}, not {expected}"));
                }
                Some(_) => newest = newest.max(second + 1),
                None if second < life.safe_to => {
                    let safe = life.safe_to;
                    return Err(format!(
                        "{name}: {second} is lost, safe to {safe}, {opening:?}"
                    ));
                }
                None => gap = gap.or(Some(second)),
            }
        }
    }
    store.close().map_err(|error| error.to_string())?;
    Ok(newest)
}

/// Lives after lives on one folder; an error says in which one what went wrong.
fn lives(count: u32, seed: u64, fault: Fault) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let mut random = seed;
    let mut from = 0;
    for life in 0..count {
        // xorshift; the moments differ, and a seed repeats them.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let after = Duration::from_micros(random % 600_000);
        let lived = one_life(folder.path(), from, fault, after);
        from = look(folder.path(), from, &lived)
            .map_err(|wrong| format!("life {life} of seed {seed}, {after:?}: {wrong}"))?;
    }
    Ok(())
}

#[test]
fn kill_9_loses_nothing_older_than_the_window_and_doubles_nothing() {
    let cycles = match std::env::var_os("REM_NIGHTLY") {
        Some(_) => 10_000,
        None => 200,
    };
    let side_by_side = 4;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (1..=side_by_side)
            .map(|seed| {
                let seed = 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed);
                scope.spawn(move || lives(cycles / side_by_side as u32, seed, Fault::None))
            })
            .collect();
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
    });
}

#[test]
fn the_kill_test_notices_a_journal_that_is_not_written() {
    let wrong = lives(20, 42, Fault::NoJournal).unwrap_err();
    assert!(wrong.contains("is lost"), "{wrong}");
}
