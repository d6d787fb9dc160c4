use rem_series::{Consolidation, Error, Query, Series, Store};
use rem_time::Timestamp;

use crate::{at, clock, open, quiet, seconds, values};

fn push(series: &Series, second: i64, value: f64) {
    series.push(at(second), &[("v", Some(value))]).unwrap();
}

#[test]
fn a_sample_needs_no_declaration() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store
        .push("web", seconds(1), at(0), &[("b", Some(2.0)), ("a", None)])
        .unwrap();
    store
        .push(
            "web",
            seconds(1),
            at(1),
            &[("b", Some(3.0)), ("a", Some(1.5))],
        )
        .unwrap();
    assert_eq!(values(&store, "web", "b", -1, 1), [Some(2.0), Some(3.0)]);
    assert_eq!(values(&store, "web", "a", -1, 1), [None, Some(1.5)]);
    assert!(store.path("web").is_file());
    assert_eq!(store.names().unwrap(), ["web"]);
}

#[test]
fn a_new_file_has_the_default_archives_and_its_fields_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let options = rem_series::Options {
        archives: rem_series::default_archives(),
        ..quiet()
    };
    let store = Store::open(folder.path(), options, clock()).unwrap();
    let sample = [("c", Some(1.0)), ("a", Some(1.0)), ("b", Some(1.0))];
    store.push("web", seconds(5), at(0), &sample).unwrap();
    store.flush().unwrap();
    let info = crate::stock_rrdtool::info(&store.path("web"));
    let order: Vec<&str> = info
        .lines()
        .filter(|line| line.contains(".index = "))
        .collect();
    assert_eq!(
        order,
        ["ds[a].index = 0", "ds[b].index = 1", "ds[c].index = 2"]
    );
    for wanted in [
        "step = 5",
        "ds[a].type = \"GAUGE\"",
        "ds[a].minimal_heartbeat = 10",
        "rra[0].rows = 86400",
        "rra[2].cf = \"MAX\"",
        "rra[3].rows = 1008",
        "rra[4].pdp_per_row = 60",
        "rra[4].rows = 8544",
    ] {
        assert!(info.contains(wanted), "{wanted} is not in\n{info}");
    }
    assert_eq!(store.path("web").metadata().unwrap().len(), 2_353_912);
}

#[test]
fn unknown_is_a_value_and_what_is_no_number_becomes_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let series = store.series("s", seconds(1)).unwrap();
    let numbers = [
        Some(1.0),
        None,
        Some(f64::NAN),
        Some(f64::INFINITY),
        Some(5.0),
    ];
    for (second, value) in numbers.into_iter().enumerate() {
        series.push(at(second as i64), &[("v", value)]).unwrap();
    }
    let expected = [Some(1.0), None, None, None, Some(5.0)];
    assert_eq!(values(&store, "s", "v", -1, 4), expected);
    assert_eq!(store.stats().not_numbers, 2);
    assert_eq!(store.stats().values, 5);
}

#[test]
fn fields_pushed_one_by_one_for_one_second_are_one_row() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let series = store.series("s", seconds(1)).unwrap();
    for second in 0..3 {
        series.push(at(second), &[("a", Some(1.0))]).unwrap();
        series.push(at(second), &[("b", Some(2.0))]).unwrap();
    }
    assert_eq!(values(&store, "s", "a", -1, 2), [Some(1.0); 3]);
    assert_eq!(values(&store, "s", "b", -1, 2), [Some(2.0); 3]);
    assert_eq!(store.stats().replaced, 0);
}

#[test]
fn the_newer_value_for_a_second_wins_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let series = store.series("s", seconds(1)).unwrap();
    push(&series, 0, 1.0);
    push(&series, 0, 2.0);
    series.push(at(0), &[("v", None)]).unwrap();
    assert_eq!(values(&store, "s", "v", -1, 0), [Some(2.0)]);
    assert_eq!(store.stats().replaced, 1);
}

#[test]
fn a_late_sample_finds_its_place_until_the_file_has_passed_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let series = store.series("s", seconds(1)).unwrap();
    for second in [0, 3, 1, 2] {
        push(&series, second, second as f64);
    }
    let expected = [Some(0.0), Some(1.0), Some(2.0), Some(3.0)];
    assert_eq!(values(&store, "s", "v", -1, 3), expected);
    push(&series, 2, 99.0);
    assert_eq!(values(&store, "s", "v", -1, 3), expected);
    assert_eq!(store.stats().late, 1);
}

#[test]
fn a_sample_of_next_week_does_not_lock_the_series() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let series = store.series("s", seconds(1)).unwrap();
    push(&series, 7 * 86_400, 1.0);
    push(&series, 0, 2.0);
    assert_eq!(values(&store, "s", "v", -1, 0), [Some(2.0)]);
    assert_eq!(store.stats().ahead, 1);
}

#[test]
fn any_name_is_a_file_inside_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let long = "langer Name ".repeat(50);
    let names = [
        "../../etc/passwd",
        "..",
        ".hidden",
        "a/b:c d%e",
        "Größe/日本語",
        "new\nline",
        &long,
    ];
    {
        let store = open(folder.path());
        for name in names {
            let fields = [("höhe über NN", Some(7.0)), ("f", Some(8.0))];
            store.push(name, seconds(1), at(0), &fields).unwrap();
        }
        store.close().unwrap();
    }
    let store = open(folder.path());
    let mut expected: Vec<&str> = names.to_vec();
    expected.sort_unstable();
    assert_eq!(store.names().unwrap(), expected);
    for name in names {
        assert_eq!(values(&store, name, "höhe über NN", -1, 0), [Some(7.0)]);
        assert_eq!(values(&store, name, "f", -1, 0), [Some(8.0)]);
        let path = store.path(name);
        assert_eq!(path.parent().unwrap(), folder.path().join("series"));
        assert!(path.is_file(), "{}", path.display());
    }
}

#[test]
fn empty_names_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let nameless = store.series("", seconds(1)).unwrap_err();
    assert_eq!(nameless.to_string(), "a series needs a name");
    let series = store.series("s", seconds(1)).unwrap();
    let nameless = series.push(at(0), &[("", Some(1.0))]).unwrap_err();
    assert_eq!(nameless.to_string(), "a field needs a name");
    let unknown = store.fetch("t", &Query::new(at(0), at(1))).unwrap_err();
    assert_eq!(unknown.to_string(), "no such series: t");
}

#[test]
fn a_query_can_ask_for_few_points() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let series = store.series("s", seconds(1)).unwrap();
    for second in 1..=1000 {
        push(&series, second, second as f64);
    }
    let query = Query::new(at(0), at(1000)).points(10);
    let rows = store.fetch("s", &query).unwrap();
    assert_eq!((rows.len(), rows.step), (10, seconds(100)));
    assert_eq!(rows.time(0), at(100));
    assert_eq!(rows.values[0], 50.5);
    let query = query.by(Consolidation::Max);
    let rows = store.fetch("s", &query).unwrap();
    assert_eq!(rows.values[9], 1000.0);
}

#[test]
fn many_series_are_fetched_in_one_request() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for name in ["a", "b", "c"] {
        store
            .push(name, seconds(1), at(0), &[("v", Some(1.0))])
            .unwrap();
    }
    let query = Query::new(at(-1), at(0));
    let questions = ["a", "missing", "c"].map(|name| (name, query.clone()));
    let answers = store.fetch_many(&questions);
    assert_eq!(answers[0].as_ref().unwrap().values, [1.0]);
    assert!(matches!(answers[1], Err(Error::NoSeries { .. })));
    assert_eq!(answers[2].as_ref().unwrap().values, [1.0]);
}

#[test]
fn the_last_samples_are_in_memory_and_after_a_start_come_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let series = store.series("s", seconds(1)).unwrap();
    for second in 0..150 {
        push(&series, second, second as f64);
    }
    let last = |store: &Store, n| {
        let recent = store.recent("s", n).unwrap();
        let rows = recent.rows.iter();
        rows.map(|(time, row)| (*time, row[0]))
            .collect::<Vec<(Timestamp, f64)>>()
    };
    let expected: Vec<_> = (147..150).map(|s| (at(s), s as f64)).collect();
    assert_eq!(last(&store, 3), expected);
    assert_eq!(last(&store, 1000).len(), 100);
    store.close().unwrap();

    let store = open(folder.path());
    assert_eq!(last(&store, 3), expected);
    push(&store.series("s", seconds(1)).unwrap(), 150, 150.0);
    let expected: Vec<_> = (146..151).map(|s| (at(s), s as f64)).collect();
    assert_eq!(last(&store, 5), expected);
}

#[test]
fn what_was_dropped_without_closing_comes_back_from_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let series = store.series("s", seconds(1)).unwrap();
    push(&series, 0, 1.0);
    push(&series, 1, 2.0);
    drop(store);
    assert!(matches!(
        series.push(at(2), &[("v", Some(3.0))]),
        Err(Error::Closed)
    ));
    drop(series);
    let store = open(folder.path());
    assert_eq!(store.opening().replayed, 2);
    assert_eq!(values(&store, "s", "v", -1, 1), [Some(1.0), Some(2.0)]);
}

#[test]
fn a_closed_store_leaves_an_empty_journal() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    push(&store.series("s", seconds(1)).unwrap(), 0, 1.0);
    store.close().unwrap();
    let segments = std::fs::read_dir(folder.path().join("journal")).unwrap();
    let names: Vec<_> = segments.map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names, ["undo"]);
    let store = open(folder.path());
    assert_eq!(store.opening(), &rem_series::Opening::default());
    assert_eq!(values(&store, "s", "v", -1, 0), [Some(1.0)]);
}

#[test]
fn enough_rows_are_written_without_being_asked() {
    let folder = tempfile::tempdir().unwrap();
    let options = rem_series::Options {
        flush_rows: 40,
        ..quiet()
    };
    let store = Store::open(folder.path(), options, clock()).unwrap();
    let series = store.series("s", seconds(1)).unwrap();
    for second in 0..40 {
        push(&series, second, 1.0);
    }
    crate::wait_for("the file", || store.path("s").is_file());
    crate::wait_for("its rows", || store.stats().rows_flushed >= 39);
}

#[test]
fn in_time_every_row_is_written_and_old_segments_go() {
    let folder = tempfile::tempdir().unwrap();
    let options = rem_series::Options {
        flush_every: rem_time::Span::from_millis(100),
        commit_window: rem_time::Span::from_millis(2),
        ..quiet()
    };
    let store = Store::open(folder.path(), options, clock()).unwrap();
    for name in ["a", "b"] {
        push(&store.series(name, seconds(1)).unwrap(), 0, 1.0);
    }
    crate::wait_for("rows in the files", || store.stats().rows_flushed == 2);
    // Each sample may open a segment; the ones before it go.
    let mut second = 0;
    crate::wait_for("the first segment to go", || {
        second += 1;
        push(&store.series("a", seconds(1)).unwrap(), second, 1.0);
        store.sync().unwrap();
        !folder
            .path()
            .join("journal/0000000000000001.journal")
            .exists()
    });
}

#[test]
fn two_stores_in_one_process_do_not_disturb_each_other() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (one, two) = (open(one.path()), open(two.path()));
    push(&one.series("s", seconds(1)).unwrap(), 0, 1.0);
    push(&two.series("s", seconds(1)).unwrap(), 0, 2.0);
    assert_eq!(values(&one, "s", "v", -1, 0), [Some(1.0)]);
    assert_eq!(values(&two, "s", "v", -1, 0), [Some(2.0)]);
}

#[test]
fn threads_may_push_fetch_and_draw_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    std::thread::scope(|scope| {
        for name in ["a", "b", "c"] {
            let series = store.series(name, seconds(1)).unwrap();
            let store = &store;
            scope.spawn(move || {
                for second in 0..500 {
                    push(&series, second, second as f64);
                    if second % 50 == 49 {
                        let query = Query::new(at(second - 1), at(second));
                        let rows = store.fetch(name, &query).unwrap();
                        assert_eq!(rows.values, [second as f64]);
                        let line = rem_series::Line::new(name, "v");
                        let graph = rem_series::Graph::new(at(0), at(500)).line(line);
                        store.graph(&graph).unwrap();
                    }
                }
            });
        }
    });
    for name in ["a", "b", "c"] {
        let expected: Vec<_> = (0..500).map(|s| Some(s as f64)).collect();
        assert_eq!(values(&store, name, "v", -1, 499), expected);
    }
}

/// Rows that the housekeeper is writing at this moment are not missing.
#[test]
fn a_fetch_sees_everything_that_was_pushed_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let options = rem_series::Options {
        flush_rows: 2,
        ..quiet()
    };
    let store = Store::open(folder.path(), options, clock()).unwrap();
    let series = store.series("s", seconds(1)).unwrap();
    for second in 0..1000 {
        push(&series, second, second as f64);
        let newest = values(&store, "s", "v", second - 1, second);
        assert_eq!(newest, [Some(second as f64)]);
    }
}

#[test]
fn samples_at_the_ends_of_time_are_counted_and_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let series = store.series("s", seconds(1)).unwrap();
    for nanos in [i64::MIN, -1, 0, i64::MAX] {
        let time = Timestamp::from_nanos(nanos);
        series.push(time, &[("v", Some(1.0))]).unwrap();
    }
    assert_eq!((store.stats().late, store.stats().ahead), (3, 1));
    push(&series, 0, 1.0);
    let all = Query::new(
        Timestamp::from_nanos(i64::MIN),
        Timestamp::from_nanos(i64::MAX),
    );
    let rows = store.fetch("s", &all).unwrap();
    assert_eq!(
        rows.field("v")
            .iter()
            .filter_map(|(_, v)| *v)
            .collect::<Vec<_>>(),
        [1.0]
    );
    let backwards = Query::new(at(100), at(-100));
    assert!(store.fetch("s", &backwards).unwrap().len() <= 1);
}

#[test]
fn a_sample_with_too_many_fields_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let series = store.series("s", seconds(1)).unwrap();
    let names: Vec<String> = (0..1001).map(|i| format!("f{i}")).collect();
    let sample: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), Some(1.0)))
        .collect();
    let error = series.push(at(0), &sample).unwrap_err();
    assert_eq!(
        error.to_string(),
        "series s would have more than 1000 fields"
    );
    series.push(at(0), &sample[..1000]).unwrap();
    let error = series.push(at(1), &sample[1000..]).unwrap_err();
    assert!(matches!(error, Error::TooManyFields { .. }));
    assert_eq!(values(&store, "s", "f999", -1, 0), [Some(1.0)]);
}
