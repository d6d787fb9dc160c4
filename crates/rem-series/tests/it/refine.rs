use rem_series::{Archive, Consolidation, Declaration, Field, Kind, Query, RrdFile};

use crate::stock_rrdtool::info;
use crate::{at, open, seconds, values};

fn ramp(store: &rem_series::Store, field: &str, from: i64, to: i64) {
    let series = store.series("s", seconds(1)).unwrap();
    for second in from..to {
        series
            .push(at(second), &[(field, Some(second as f64))])
            .unwrap();
    }
}

#[test]
fn a_declaration_before_the_first_sample_shapes_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let field = Field {
        kind: Kind::Derive,
        unit: Some("B/s".into()),
        min: Some(-5.5),
        max: Some(1e9),
        heartbeat: Some(seconds(30)),
    };
    let declaration = Declaration::default()
        .field("rx", field)
        .archives(vec![Archive::new(Consolidation::Last, 2, 50)]);
    store.declare("eth0", seconds(10), &declaration).unwrap();
    store
        .push("eth0", seconds(10), at(0), &[("tx", Some(1.0))])
        .unwrap();
    store.flush().unwrap();
    let info = info(&store.path("eth0"));
    for wanted in [
        "ds[rx].type = \"DERIVE\"",
        "ds[rx].min = -5.5000000000e+00",
        "ds[rx].max = 1.0000000000e+09",
        "ds[rx].minimal_heartbeat = 30",
        "ds[tx].type = \"GAUGE\"",
        "rra[0].cf = \"LAST\"",
        "rra[0].pdp_per_row = 2",
    ] {
        assert!(info.contains(wanted), "{wanted} is not in\n{info}");
    }
    assert_eq!(store.unit("eth0", "rx").unwrap().as_deref(), Some("B/s"));
}

#[test]
fn a_later_declaration_keeps_the_history() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    ramp(&store, "v", 0, 100);
    let before = values(&store, "s", "v", -1, 99);
    let field = Field {
        kind: Kind::Counter,
        unit: Some("ms".into()),
        max: Some(1000.0),
        heartbeat: Some(seconds(7)),
        min: Some(0.0),
    };
    let declaration = Declaration::default().field("v", field);
    store.declare("s", seconds(1), &declaration).unwrap();
    assert_eq!(values(&store, "s", "v", -1, 99), before);
    let info = info(&store.path("s"));
    assert!(info.contains("ds[v].type = \"COUNTER\""), "{info}");
    assert!(info.contains("ds[v].minimal_heartbeat = 7"), "{info}");
    ramp(&store, "v", 100, 110);
    // A counter that grows by one a second, its first reading has no rate.
    let rates = values(&store, "s", "v", 100, 109);
    assert_eq!(rates, [Some(1.0); 9]);
    store.close().unwrap();
    let store = open(folder.path());
    assert_eq!(store.unit("s", "v").unwrap().as_deref(), Some("ms"));
    assert_eq!(values(&store, "s", "v", -1, 99), before);
}

#[test]
fn a_new_field_joins_a_file_that_has_a_history() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    ramp(&store, "v", 0, 100);
    store.flush().unwrap();
    ramp(&store, "a new one", 100, 120);
    let old: Vec<_> = (0..100).map(|s| Some(s as f64)).chain([None; 20]).collect();
    let new = [None; 100]
        .into_iter()
        .chain((100..120).map(|s| Some(s as f64)));
    assert_eq!(values(&store, "s", "v", -1, 119), old);
    assert_eq!(
        values(&store, "s", "a new one", -1, 119),
        new.collect::<Vec<_>>()
    );
    store.close().unwrap();
    let store = open(folder.path());
    assert_eq!(store.fields("s").unwrap(), ["v", "a new one"]);
    let maxima = Query::new(at(0), at(100))
        .by(Consolidation::Max)
        .resolution(seconds(10));
    let maxima = store.fetch("s", &maxima).unwrap();
    assert_eq!(maxima.step, seconds(10));
    let maxima: Vec<_> = maxima.field("v").into_iter().map(|(_, v)| v).collect();
    let expected = (1..=9).map(|i| Some(f64::from(i * 10))).chain([Some(99.0)]);
    assert_eq!(maxima, expected.collect::<Vec<_>>());
}

#[test]
fn new_archives_are_filled_from_the_old_ones() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    ramp(&store, "v", 0, 500);
    let declaration = Declaration::default().archives(vec![
        Archive::new(Consolidation::Average, 1, 3000),
        Archive::new(Consolidation::Average, 50, 100),
        Archive::new(Consolidation::Max, 10, 300),
    ]);
    store.declare("s", seconds(1), &declaration).unwrap();
    let expected: Vec<_> = (0..500).map(|s| Some(s as f64)).collect();
    assert_eq!(values(&store, "s", "v", -1, 499), expected);
    ramp(&store, "v", 500, 700);
    let expected: Vec<_> = (0..700).map(|s| Some(s as f64)).collect();
    assert_eq!(values(&store, "s", "v", -1, 699), expected);
    let coarse = Query::new(at(0), at(650)).resolution(seconds(50));
    let coarse = store.fetch("s", &coarse).unwrap();
    assert_eq!(coarse.step, seconds(50));
    let coarse: Vec<_> = coarse.field("v").into_iter().map(|(_, v)| v).collect();
    let expected: Vec<_> = (0..13).map(|i| Some(f64::from(i) * 50.0 + 25.5)).collect();
    assert_eq!(coarse, expected);
}

#[test]
fn two_fields_whose_names_look_alike_to_rrd_stay_apart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let names = [
        "a b",
        "a:b",
        "a_b",
        "a/b",
        &"x".repeat(19),
        &"x".repeat(20),
        &"x".repeat(21),
    ];
    let sample: Vec<_> = names
        .iter()
        .zip(1..)
        .map(|(name, i)| (*name, Some(f64::from(i))))
        .collect();
    store.push("s", seconds(1), at(0), &sample).unwrap();
    store.close().unwrap();
    let store = open(folder.path());
    for (name, value) in sample {
        assert_eq!(values(&store, "s", name, -1, 0), [value]);
    }
    // Those that RRD allows are what stock tools see.
    let info = info(&store.path("s"));
    for plain in ["ds[a_b].index", "ds[xxxxxxxxxxxxxxxxxxx].index"] {
        assert!(info.contains(plain), "{info}");
    }
}

#[test]
fn a_field_named_like_another_ones_source_stays_apart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store
        .push("s", seconds(1), at(0), &[("a b", Some(1.0))])
        .unwrap();
    store.flush().unwrap();
    let info = info(&store.path("s"));
    let source = info.split("ds[").nth(1).unwrap().split(']').next().unwrap();
    store
        .push(
            "s",
            seconds(1),
            at(1),
            &[(source, Some(2.0)), ("a b", Some(3.0))],
        )
        .unwrap();
    assert_eq!(values(&store, "s", "a b", -1, 1), [Some(1.0), Some(3.0)]);
    assert_eq!(values(&store, "s", source, -1, 1), [None, Some(2.0)]);
}

#[test]
fn impossible_declarations_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let refused = |declaration: Declaration| {
        let error = store.declare("s", seconds(1), &declaration);
        error.unwrap_err().to_string()
    };
    let field = Field {
        min: Some(5.0),
        max: Some(5.0),
        ..Field::default()
    };
    assert_eq!(
        refused(Declaration::default().field("v", field)),
        "field v: min 5 is not below max 5"
    );
    assert_eq!(
        refused(Declaration::default().archives(Vec::new())),
        "a series needs at least one archive"
    );
    let archive = Archive {
        unknown_share: 1.0,
        ..Archive::new(Consolidation::Min, 1, 1)
    };
    assert_eq!(
        refused(Declaration::default().archives(vec![archive])),
        "the unknown share of an archive is from 0 to below 1: 1"
    );
}

#[test]
fn counters_take_fractions_and_wrap_like_rrdtool() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let declaration = Declaration::default()
        .field("c", Field::of(Kind::Counter))
        .field("d", Field::of(Kind::Derive))
        .field("a", Field::of(Kind::Absolute));
    store.declare("s", seconds(10), &declaration).unwrap();
    let series = store.series("s", seconds(10)).unwrap();
    let readings = [
        (100.4, 50.0),
        (200.2, 40.0),
        (-1.0, 30.5),
        (1e300, 20.0),
        (500.0, 10.0),
        (600.0, 0.0),
    ];
    for (i, (counter, derive)) in readings.into_iter().enumerate() {
        let sample = [("c", Some(counter)), ("d", Some(derive)), ("a", Some(20.5))];
        series.push(at(10 * i as i64), &sample).unwrap();
    }
    let of = |field| values(&store, "s", field, 0, 50);
    assert_eq!(of("c"), [Some(10.0), None, None, None, Some(10.0)]);
    assert_eq!(of("a"), [Some(2.05); 5]);
    assert_eq!(of("d")[0], Some(-1.0));
    assert_eq!(of("d")[4], Some(-1.0));
}

#[test]
fn one_file_at_a_path_of_choice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("simplest.rrd");
    let declared = Declaration::default().field("random", Field::gauge());
    let mut file = RrdFile::open_or_create(&path, seconds(5), &declared).unwrap();
    assert!(!path.exists());
    assert!(file.push(at(0), &[("random", Some(67.0))]).unwrap());
    assert!(!file.push(at(0), &[("random", Some(68.0))]).unwrap());
    assert!(
        file.push(at(5), &[("random", Some(69.0)), ("other", Some(1.0))])
            .unwrap()
    );
    assert!(path.is_file());
    drop(file);
    let file = RrdFile::open_or_create(&path, seconds(60), &declared).unwrap();
    assert_eq!(file.step(), seconds(5));
    assert_eq!(file.last_update(), Some(at(5)));
    let rows = file.fetch(&Query::new(at(-5), at(5))).unwrap();
    assert_eq!(
        rows.field("random"),
        [(at(0), Some(67.0)), (at(5), Some(69.0))]
    );
    assert_eq!(rows.field("other")[1].1, Some(1.0));
}
