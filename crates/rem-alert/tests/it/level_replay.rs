//! Written samples through levels, as `rem-monitor test` and `replay` do.

use rem_alert::level::{
    Action, Expression, Happening, Level, Levels, NoSource, OwnedSample, Status, Track, Truth,
    What, parse_series, replay,
};
use rem_time::{Span, Timestamp};

const MINUTE: i64 = 60;

fn samples(field: &str, series: &str) -> Vec<OwnedSample> {
    let values = parse_series(series).unwrap();
    let sample = |(minute, value)| OwnedSample {
        at: Timestamp::from_seconds(minute * MINUTE),
        status: Status::Ok,
        message: String::new(),
        readings: vec![(field.to_owned(), value)],
    };
    (0..).zip(values).map(sample).collect()
}

fn level(name: &str, when: &str, window: &str) -> Level {
    Level::new(name, when.parse().unwrap()).within(window.parse().unwrap())
}

fn sets(state: &str, value: &str) -> Action {
    Action::State {
        name: state.into(),
        value: value.parse().unwrap(),
        otherwise: None,
    }
}

fn minutes(minutes: i64) -> Timestamp {
    Timestamp::from_seconds(minutes * MINUTE)
}

/// `minute: what happened`, with the track in front if there are several.
#[track_caller]
fn check(tracks: &[Track<'_>], until: i64, expected: &[&str]) {
    let line = |happening: &Happening| {
        let what = match &happening.change.what {
            What::Became { is, .. } => {
                let levels = tracks[happening.track].levels;
                format!(
                    "{} {is}",
                    levels.groups().nth(happening.change.group).unwrap()
                )
            }
            What::AlertOn(name) => format!("alert {name}"),
            What::AlertOff(name) => format!("alert {name} off"),
            What::Trigger(job) => format!("run {job}"),
            What::State { name, value } => match value {
                Some(value) => format!("{name} = {value}"),
                None => format!("{name} unknown"),
            },
        };
        format!("{}: {what}", happening.at.as_seconds() as f64 / 60.0)
    };
    let happened = replay(tracks, &NoSource, minutes(until));
    let lines: Vec<String> = happened.iter().map(line).collect();
    assert_eq!(lines, expected);
}

#[test]
fn a_replay_says_what_begins_and_ends_when() {
    let slow = level("slow", "duration > 50ms", "2 of last 3")
        .doing(Action::Alert("web-slow".into()))
        .doing(Action::Trigger("restart".into()));
    let levels = Levels::compile(vec![slow]).unwrap();
    let track = Track {
        levels: &levels,
        samples: samples("duration", "20ms 70ms x2 _ 20ms x3"),
        every: None,
    };
    check(
        &[track],
        60,
        &[
            "0: slow false",
            "2: slow true",
            "2: run restart",
            "2: alert web-slow",
            "5: slow false",
            "5: alert web-slow off",
        ],
    );
}

#[test]
fn a_time_window_comes_true_between_samples() {
    let levels = Levels::compile(vec![level("full", "used > 90", "for 150s")]).unwrap();
    let track = Track {
        levels: &levels,
        samples: samples("used", "10 95 x3"),
        every: None,
    };
    check(&[track], 60, &["0: full false", "3.5: full true"]);
}

#[test]
fn a_monitor_that_falls_silent_is_noticed() {
    let levels = Levels::compile(vec![level("silent", "age() > 5m", "last")]).unwrap();
    let track = Track {
        levels: &levels,
        samples: samples("x", "1 x3"),
        every: Some(Span::from_seconds(60)),
    };
    check(&[track], 30, &["0: silent false", "8: silent true"]);
}

#[test]
fn a_level_reads_what_another_one_sets_in_the_same_step() {
    let costly = level("costly", "state(\"squeeze\") == 1", "last");
    let squeeze = level("squeeze", "cost > 10", "last").doing(sets("squeeze", "1"));
    // The reader is written first; the setter is judged first.
    let levels = Levels::compile(vec![costly, squeeze]).unwrap();
    let track = Track {
        levels: &levels,
        samples: samples("cost", "5 11 5"),
        every: None,
    };
    check(
        &[track],
        9,
        &[
            "0: squeeze false",
            "0: squeeze = 0",
            "0: costly false",
            "1: squeeze true",
            "1: squeeze = 1",
            "1: costly true",
            "2: squeeze false",
            "2: squeeze = 0",
            "2: costly false",
        ],
    );
}

#[test]
fn a_state_travels_from_one_monitor_to_another_and_over_time() {
    let source = level("load", "x >= 0", "last").doing(sets("load", "x * 2"));
    let reader = level("high", "avg(state(\"load\"), last 2) > 10", "last");
    let (source, reader) = (
        Levels::compile(vec![source]).unwrap(),
        Levels::compile(vec![reader]).unwrap(),
    );
    let tracks = [
        Track {
            levels: &source,
            samples: samples("x", "1 9 9"),
            every: None,
        },
        Track {
            levels: &reader,
            samples: samples("y", "0 x3"),
            every: None,
        },
    ];
    check(
        &tracks,
        9,
        &[
            "0: load true",
            "0: load = 2",
            "0: high false",
            "1: load = 18",
            "2: high true",
        ],
    );
}

#[test]
fn series_functions_see_the_whole_replay() {
    let falling = level("falling", "rate(ads, 3m) < 1", "last");
    let levels = Levels::compile(vec![falling]).unwrap();
    let track = Track {
        levels: &levels,
        // 2 a second, a restart at minute 4, then half a unit a second.
        samples: samples("ads", "0+120 x4 60 90 120 150"),
        every: None,
    };
    check(&[track], 60, &["1: falling false", "5: falling true"]);
}

#[test]
fn an_unknown_result_changes_nothing() {
    let level = level("x", "x > 1", "last").doing(Action::Alert("x".into()));
    let levels = Levels::compile(vec![level]).unwrap();
    let track = Track {
        levels: &levels,
        samples: samples("x", "_ x2 5 _ x20"),
        every: None,
    };
    check(&[track], 60, &["2: x true", "2: alert x"]);
}

#[test]
fn a_written_series_has_mistakes_with_a_place() {
    let wrong = |text: &str| parse_series(text).unwrap_err();
    assert_eq!((wrong("1 x0").offset, wrong("x3").offset), (2, 0));
    assert_eq!(wrong("1 2 three").message, "not a sample: three");
    assert_eq!(wrong("20ms 5mz").offset, 6);
    assert_eq!(
        wrong("1 x2000000").message,
        "a series has at most 100000 samples"
    );
    assert_eq!(
        parse_series("-1-2 x3, 4").unwrap(),
        [Some(-1.0), Some(-3.0), Some(-5.0), Some(4.0)]
    );
    assert_eq!(parse_series("").unwrap(), []);
}

#[test]
fn nothing_is_invented_before_or_after_the_samples() {
    let levels = Levels::compile(vec![level("x", "x > 1", "for 5m")]).unwrap();
    let late = samples("x", "5 x100");
    let track = Track {
        levels: &levels,
        samples: late,
        every: Some(Span::from_nanos(1)),
    };
    let happened = replay(&[track], &NoSource, minutes(2));
    assert_eq!(happened.len(), 1);
    assert!(matches!(
        happened[0].change.what,
        What::Became {
            is: Truth::False,
            ..
        }
    ));
    assert!(Expression::parse("x > 1").is_ok());
}
