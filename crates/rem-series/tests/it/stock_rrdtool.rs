use std::path::Path;
use std::process::Command;

use rem_series::{Query, Store};

use crate::{T0, at, clock, open, quiet, seconds};

/// Runs the `rrdtool` of the machine.
#[track_caller]
pub(crate) fn rrdtool(arguments: &[&str]) -> String {
    let output = Command::new("rrdtool")
        .args(arguments)
        .env("TZ", "UTC")
        .output()
        .expect("these tests need the program rrdtool, such as of the package rrdtool");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "rrdtool {arguments:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
pub(crate) fn info(path: &Path) -> String {
    rrdtool(&["info", path.to_str().unwrap()])
}

/// The same samples through us and through `rrdtool update` make the same file.
#[test]
fn it_fetches_and_keeps_what_we_do() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), quiet(), clock()).unwrap();
    let series = store.series("s", seconds(5)).unwrap();
    let theirs = folder.path().join("theirs.rrd");
    let theirs = theirs.to_str().unwrap();
    let start = (T0 - 5).to_string();
    rrdtool(&[
        "create",
        theirs,
        "--step",
        "5",
        "--start",
        &start,
        "DS:a:GAUGE:10:U:U",
        "DS:b:GAUGE:10:U:U",
        "RRA:AVERAGE:0.5:1:2000",
        "RRA:MAX:0.5:10:200",
    ]);
    let mut updates = vec!["update".to_owned(), theirs.to_owned()];
    // Off the beat of the steps, with a gap.
    for i in (0..300).filter(|i| !(100..110).contains(i)) {
        let (second, a) = (
            i * 5 + i % 3,
            f64::from(i32::try_from(i).unwrap()) * 1.25 - 100.0,
        );
        let b = (i % 7 != 0).then_some(1e9 / (a + 1000.0));
        series
            .push(at(second), &[("a", Some(a)), ("b", b)])
            .unwrap();
        let b = b.map_or("U".into(), |b| b.to_string());
        updates.push(format!("{}:{a}:{b}", T0 + second));
        if i % 37 == 0 {
            store.flush().unwrap();
        }
    }
    rrdtool(&updates.iter().map(String::as_str).collect::<Vec<_>>());
    store.flush().unwrap();
    let ours = store.path("s");
    let ours = ours.to_str().unwrap();
    for function in ["AVERAGE", "MAX"] {
        let (start, end) = (T0.to_string(), (T0 + 1500).to_string());
        let fetch = |path| rrdtool(&["fetch", path, function, "--start", &start, "--end", &end]);
        assert_eq!(fetch(ours), fetch(theirs));
    }
    assert_eq!(
        rrdtool(&["lastupdate", ours]),
        rrdtool(&["lastupdate", theirs])
    );

    // And our fetch reads what theirs reads.
    let rows = store.fetch("s", &Query::new(at(0), at(1500))).unwrap();
    let (start, end) = (T0.to_string(), (T0 + 1500).to_string());
    let text = rrdtool(&["fetch", ours, "AVERAGE", "--start", &start, "--end", &end]);
    let mut lines = text.lines().filter(|line| line.contains(": "));
    assert_eq!(rows.len(), 300);
    for (time, row) in rows.iter() {
        let line = lines.next().unwrap();
        let (second, values) = line.split_once(": ").unwrap();
        assert_eq!(second, time.as_seconds().to_string());
        for (ours, theirs) in row.iter().zip(values.split(' ')) {
            let theirs: f64 = theirs.trim_start_matches('-').parse().unwrap();
            let close = (ours.abs() - theirs).abs() <= 1e-9 * theirs.abs();
            assert!(close || (ours.is_nan() && theirs.is_nan()), "{ours} {line}");
        }
    }
}

#[test]
fn it_draws_our_files() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store
        .push("s", seconds(1), at(0), &[("v", Some(1.0))])
        .unwrap();
    store.close().unwrap();
    let picture = folder.path().join("picture.png");
    let definition = format!(
        "DEF:v={}:v:AVERAGE",
        folder.path().join("series/s.rrd").display()
    );
    let (start, end) = (T0.to_string(), (T0 + 60).to_string());
    rrdtool(&[
        "graph",
        picture.to_str().unwrap(),
        "--start",
        &start,
        "--end",
        &end,
        &definition,
        "LINE1:v#CA442A",
    ]);
    assert!(std::fs::read(picture).unwrap().starts_with(b"\x89PNG"));
}
