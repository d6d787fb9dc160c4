//! Windows, groups, clearing, unknown samples, restarts and reloads.

use std::sync::Arc;

use rem_alert::level::{
    Action, Change, CompileError, Level, LevelState, Levels, NoSource, Sample, SavedState, Status,
    Truth, UnknownAs, What, Window, WindowError, find_cycle, parse_series,
};
use rem_time::{Span, Timestamp};

fn level(name: &str, when: &str, window: &str) -> Level {
    Level::new(name, when.parse().unwrap()).within(window.parse().unwrap())
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(1_000_000 + second)
}

fn feed(levels: &Levels, state: &mut LevelState, second: i64, x: Option<f64>) -> Vec<Change> {
    let readings = [("other", Some(1.0)), ("x", x)];
    let sample = Sample {
        at: at(second),
        status: Status::Ok,
        message: "",
        readings: &readings,
    };
    levels.step(state, &sample, &NoSource, at(second))
}

fn mark(truth: Truth) -> char {
    match truth {
        Truth::False => '.',
        Truth::Unknown => '?',
        Truth::True => '#',
    }
}

/// One sample each ten seconds; one mark for what the group is after each.
#[track_caller]
fn check(level: Level, series: &str, expected: &str) {
    let levels = Levels::compile(vec![level]).unwrap();
    let mut state = levels.start();
    let mut marks = String::new();
    for (i, x) in (0..).zip(parse_series(series).unwrap()) {
        feed(&levels, &mut state, i * 10, x);
        marks.push(mark(state.group(0).truth));
    }
    assert_eq!(marks, expected, "{series}");
}

#[test]
fn a_share_of_the_last_samples_needs_its_matches_only() {
    let window = |text| level("slow", "x > 50", text);
    check(
        window("20% of last 10"),
        "60 60 1 x9 60 60",
        ".#########..#",
    );
    check(window("3 of last 3"), "60 60 60 1 60", "..#..");
    check(window("3 of 5"), "60 1 60 1 60 1 1", "....#..");
    check(window("1% of last 100"), "1 60 1 x3", ".####");
    check(window("last"), "1 60 1", ".#.");
    check(window("5 of last 5"), "60 x4 1 60 x5", ".........#");
}

#[test]
fn a_window_of_more_than_a_word_forgets_in_order() {
    let window = |text| level("slow", "x > 50", text);
    let quiet = ".".repeat(69);
    check(
        window("70 of last 70"),
        "60 x70 1 60",
        &format!("{quiet}#.."),
    );
    let series = "60 1 x129 1 60";
    let held = "#".repeat(130);
    check(window("1 of last 130"), series, &format!("{held}.#"));
}

#[test]
fn samples_of_which_nothing_is_known_take_no_place() {
    let three = level("x", "x > 50", "3 of last 3");
    check(three, "_ 60 _ 60 _ _ 60 _ 1", "?.....##.");
    check(level("x", "x > 50", "last"), "_ 60 _ _ 1 _", "?###..");
}

#[test]
fn unknown_counts_as_the_level_says() {
    let counting = |unknown| level("x", "x > 50", "2 of last 2").counting_unknown(unknown);
    check(counting(UnknownAs::Bad), "_ _ 1 _ 60", ".#..#");
    check(counting(UnknownAs::Good), "60 60 _ 60 60", ".#..#");
}

#[test]
fn a_level_clears_by_its_own_condition() {
    let filling = level("filling", "x > 90", "2 of last 2")
        .clearing("x < 85".parse().unwrap(), "2 of last 2".parse().unwrap());
    check(filling.clone(), "95 95 88 84 88 84 84 95 95", ".#####..#");
    let unknown_is_bad = filling.counting_unknown(UnknownAs::Bad);
    check(unknown_is_bad, "95 95 84 _ 84 84 95", ".####..");
}

#[test]
fn both_windows_start_empty_when_a_level_begins_or_ends() {
    let slow =
        level("slow", "x > 50", "20% of last 10").clearing("x < 20".parse().unwrap(), Window::LAST);
    // Its three matches are still among the last ten, and it does not begin again.
    check(slow, "60 60 60 10 30 10 60 60", ".##....#");
}

#[test]
fn a_time_window_counts_time() {
    check(
        level("x", "x > 50", "for 20s"),
        "60 60 60 1 60 60 60",
        "..#...#",
    );
    // What is not known neither adds to the time nor ends it.
    check(level("x", "x > 50", "for 30s"), "60 60 _ _ 60 60", ".....#");
    check(
        level("x", "x > 50", "50% of 40s"),
        "60 60 1 1 1 1 60 60 60",
        "..###...#",
    );
}

/// Marks after each second without a sample.
fn ticks(levels: &Levels, state: &mut LevelState, seconds: std::ops::Range<i64>) -> String {
    let mut marks = String::new();
    for second in seconds {
        levels.tick(state, &NoSource, at(second));
        marks.push(mark(state.group(0).truth));
    }
    marks
}

#[test]
fn time_windows_move_on_without_samples() {
    let levels = Levels::compile(vec![level("x", "x > 50", "for 5s")]).unwrap();
    let mut state = levels.start();
    feed(&levels, &mut state, 0, Some(60.0));
    assert_eq!(levels.next_tick(&state), Some(at(5)));
    assert_eq!(ticks(&levels, &mut state, 1..8), "....###");

    let levels = Levels::compile(vec![level("x", "x > 50", "40% of 10s")]).unwrap();
    let mut state = levels.start();
    feed(&levels, &mut state, 0, Some(60.0));
    feed(&levels, &mut state, 5, Some(1.0));
    assert_eq!(mark(state.group(0).truth), '#');
    // Four of the ten seconds before 11 are true ones, and fewer after it.
    assert_eq!(levels.next_tick(&state), Some(at(11) + Span::from_nanos(1)));
    assert_eq!(ticks(&levels, &mut state, 6..14), "######..");
}

#[test]
fn a_sample_stands_no_longer_than_it_is_said_to() {
    let for_10s = level("x", "x > 50", "for 10s");
    let levels = Levels::compile(vec![for_10s.clone()]).unwrap();
    let levels = levels.standing_for(Span::from_seconds(6));
    let mut state = levels.start();
    feed(&levels, &mut state, 0, Some(60.0));
    assert_eq!(levels.next_tick(&state), Some(at(6)));
    assert_eq!(ticks(&levels, &mut state, 1..60), ".".repeat(59));
    assert_eq!(state.newest(0), Truth::Unknown);
    feed(&levels, &mut state, 60, Some(60.0));
    assert_eq!(
        ticks(&levels, &mut state, 61..66),
        "...##",
        "six seconds were held before"
    );

    let levels = Levels::compile(vec![for_10s.counting_unknown(UnknownAs::Bad)]).unwrap();
    let levels = levels.standing_for(Span::from_seconds(6));
    let mut state = levels.start();
    feed(&levels, &mut state, 0, Some(1.0));
    assert_eq!(ticks(&levels, &mut state, 1..18), "...............##");
}

#[test]
fn a_clock_that_steps_back_stops_time_and_nothing_else() {
    let levels = Levels::compile(vec![level("x", "x > 50", "for 30s")]).unwrap();
    let mut state = levels.start();
    let mut marks = String::new();
    for second in [0, 10, -3600, -3590, -3580] {
        feed(&levels, &mut state, second, Some(60.0));
        marks.push(mark(state.group(0).truth));
    }
    assert_eq!(marks, "....#");

    let silent = level("silent", "age() > 60s", "last");
    let levels = Levels::compile(vec![silent]).unwrap();
    let mut state = levels.start();
    feed(&levels, &mut state, 0, Some(1.0));
    levels.tick(&mut state, &NoSource, at(-3600));
    levels.tick(&mut state, &NoSource, at(-3600 + 61));
    assert_eq!(state.group(0).truth, Truth::True);
}

#[test]
fn levels_of_one_name_are_joined_and_each_does_its_own() {
    let action = |name: &str| Action::Alert(name.into());
    let levels = vec![
        level("slow", "x > 50", "last").doing(action("a")),
        level("slow", "x < 90", "last")
            .doing(action("b"))
            .doing(Action::Trigger("job".into())),
        level("over", "x > 80", "last").doing(action("a")),
    ];
    let levels = Levels::compile(levels).unwrap();
    assert_eq!(levels.groups().collect::<Vec<_>>(), ["slow", "over"]);
    assert_eq!(levels.members(0).len(), 2);
    let mut state = levels.start();
    let mut step = |second, x| {
        let changes = feed(&levels, &mut state, second, Some(x));
        let alerts = state
            .alerts(&levels)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>();
        let done = changes.iter().filter_map(|change| match &change.what {
            What::AlertOn(name) => Some(format!("+{name}")),
            What::AlertOff(name) => Some(format!("-{name}")),
            What::Trigger(name) => Some(format!("run {name}")),
            What::Became { .. } | What::State { .. } => None,
        });
        (done.collect::<Vec<_>>().join(" "), alerts.join(" "))
    };
    assert_eq!(step(0, 1.0), (String::new(), String::new()));
    assert_eq!(step(1, 60.0), ("run job +a +b".into(), "a b".into()));
    assert_eq!(step(2, 85.0), (String::new(), "a b".into()));
    assert_eq!(
        step(3, 95.0),
        ("-b".into(), "a".into()),
        "`over` keeps `a` on"
    );
    assert_eq!(step(4, 1.0), ("-a".into(), String::new()));
}

#[test]
fn an_alert_that_moves_between_levels_in_one_step_stays_on() {
    let alert = || Action::Alert("a".into());
    let levels = vec![
        level("low", "x < 10", "last").doing(alert()),
        level("high", "x > 90", "last").doing(alert()),
    ];
    let levels = Levels::compile(levels).unwrap();
    let mut state = levels.start();
    feed(&levels, &mut state, 0, Some(1.0));
    let changes = feed(&levels, &mut state, 1, Some(99.0));
    assert_eq!(changes.len(), 2, "two groups became, no alert: {changes:?}");
}

#[test]
fn a_state_has_a_value_with_each_sample() {
    let sets = |name: &str, value: &str, otherwise: Option<&str>| Action::State {
        name: name.into(),
        value: value.parse().unwrap(),
        otherwise: otherwise.map(|text| text.parse().unwrap()),
    };
    let levels = vec![
        level("hot", "x > 50", "last").doing(sets("mode", "\"hot\"", Some("\"cool\""))),
        level("very", "x > 80", "last").doing(sets("heat", "x * 2", None)),
        level("some", "x > 60", "last").doing(sets("heat", "x", None)),
    ];
    let levels = Levels::compile(levels).unwrap();
    let mut state = levels.start();
    let mut step = |second, x| {
        let changes = feed(&levels, &mut state, second, x);
        let states = changes.into_iter().filter_map(|change| match change.what {
            What::State { name, value } => Some(format!("{name}={}", value.unwrap())),
            _ => None,
        });
        states.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(step(0, None), "", "nothing is known yet");
    assert_eq!(step(1, Some(1.0)), "mode=cool heat=0");
    assert_eq!(step(2, Some(70.0)), "mode=hot heat=70");
    assert_eq!(
        step(3, Some(90.0)),
        "mode=hot heat=180",
        "the first that matches sets it"
    );
    assert_eq!(step(4, Some(90.0)), "mode=hot heat=180");
}

#[test]
fn short_series_are_served_from_memory() {
    let rising = level(
        "rising",
        "x > last(x, 2) + 10 and avg(x, last 3) > 5",
        "last",
    );
    check(rising, "1 2 30 31 32 60 1", "..#..#.");
    check(
        level("many", "count(x, 25s) >= 3", "last"),
        "1 2 3 _ 5",
        "..#..",
    );
    check(
        level("top", "max(x, 25s) > 9", "last"),
        "1 10 1 1 1",
        ".###.",
    );
    check(level("gone", "sum(x, 15s) == 0", "last"), "_ _ 1", "??.");
}

#[test]
fn a_restart_keeps_windows_and_forgets_the_time_between() {
    let all = || {
        vec![
            level("count", "x > 50", "3 of last 3"),
            level("time", "x > 50", "for 30s"),
            level("share", "x > 50", "50% of 40s"),
            level("clear", "x > 50", "last").clearing("x < 20".parse().unwrap(), Window::LAST),
            level("wide", "x > 50", "99 of last 100"),
            level("avg", "avg(x, last 3) > 50", "last"),
        ]
    };
    let levels = Levels::compile(all()).unwrap();
    let mut state = levels.start();
    for i in 0..3 {
        feed(&levels, &mut state, i * 10, Some(60.0));
    }
    let truths = |state: &LevelState| {
        (0..6)
            .map(|i| mark(state.group(i).truth))
            .collect::<String>()
    };
    assert_eq!(truths(&state), "#.##.#");
    let saved = levels.save(&state);
    let mut back = levels.restore(&saved);
    assert_eq!(truths(&back), "#.##.#");
    assert_eq!(back.group(0).since, Some(at(20)));
    assert!(
        levels
            .step(&mut back, &Sample::missing(at(1000)), &NoSource, at(1000))
            .iter()
            .all(|change| levels.groups().nth(change.group) == Some("share"))
    );
    // Twenty seconds were held before the restart.
    feed(&levels, &mut back, 1001, Some(60.0));
    feed(&levels, &mut back, 1011, Some(60.0));
    assert_eq!(back.group(1).truth, Truth::True);

    let mut changed = all();
    changed[0] = level("count", "x > 51", "3 of last 3");
    let changed = Levels::compile(changed).unwrap();
    let (kept, changes) = changed.reload(&levels, &state);
    assert_eq!(
        truths(&kept),
        "?.##.#",
        "only the changed level starts anew"
    );
    assert_eq!(changes.len(), 1);
    // A garbled file does no harm.
    assert_eq!(
        levels.restore(&SavedState::default()).group(0).truth,
        Truth::Unknown
    );
}

#[test]
fn a_reload_switches_off_what_nobody_keeps_on() {
    let alert = |name: &str| Action::Alert(name.into());
    let old = vec![
        level("a", "x > 1", "last").doing(alert("kept")),
        level("b", "x > 1", "last").doing(alert("gone")),
        level("c", "x > 1", "last").doing(alert("kept")),
    ];
    let old = Levels::compile(old).unwrap();
    let mut state = old.start();
    feed(&old, &mut state, 0, Some(5.0));
    let new = Levels::compile(vec![level("a", "x > 1", "last").doing(alert("kept"))]).unwrap();
    let (kept, changes) = new.reload(&old, &state);
    let off: Vec<_> = changes
        .iter()
        .filter_map(|change| match &change.what {
            What::AlertOff(name) => Some(&**name),
            _ => None,
        })
        .collect();
    assert_eq!(off, ["gone"]);
    assert_eq!(kept.alerts(&new), [Arc::from("kept")]);
    let (same, nothing) = old.reload(&old, &state);
    assert!(nothing.is_empty());
    assert_eq!(same.alerts(&old), state.alerts(&old));
}

#[test]
fn fingerprints_tell_levels_apart() {
    let base = || level("a", "x > 1", "last");
    let others = [
        level("b", "x > 1", "last"),
        level("a", "x > 2", "last"),
        level("a", "x > 1", "2 of last 2"),
        base().clearing("x < 1".parse().unwrap(), Window::LAST),
        base().counting_unknown(UnknownAs::Bad),
        base().doing(Action::Alert("y".into())),
        base().doing(Action::Trigger("y".into())),
    ];
    let mut prints: Vec<u64> = others.iter().map(Level::fingerprint).collect();
    prints.push(base().fingerprint());
    prints.sort_unstable();
    prints.dedup();
    assert_eq!(prints.len(), 8);
    assert_eq!(
        level("a", "x>1", "1 of 1").fingerprint(),
        base().fingerprint()
    );
}

#[test]
fn what_cannot_work_is_refused() {
    let error = Levels::compile(vec![level("a", "x + 1", "last")]).unwrap_err();
    assert_eq!(error.to_string(), "level a: this is no condition: x + 1");
    let feeds = |name: &str, reads: &str, state: &str| {
        level(name, &format!("state(\"{reads}\") > 1"), "last").doing(Action::State {
            name: state.into(),
            value: "1".parse().unwrap(),
            otherwise: None,
        })
    };
    let error = Levels::compile(vec![feeds("a", "y", "x"), feeds("b", "x", "y")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "levels read each other's states in a circle: a sets `x`, b reads it and sets `y`, a reads it"
    );
    let many = vec![level("a", "x > 1", "last"); 1025];
    assert_eq!(
        Levels::compile(many).unwrap_err(),
        CompileError::TooMany { count: 1025 }
    );
    let own = find_cycle([("a", ["x"], ["x"])]).unwrap();
    assert_eq!(own.to_string(), "a sets `x`, a reads it");
}

#[test]
fn five_thousand_levels_in_one_circle_are_shown_as_such() {
    const COUNT: usize = 5000;
    let chain = |closed: bool| {
        let last = if closed { COUNT } else { COUNT - 1 };
        let entries = (0..last).map(|i| {
            let next = (i + 1) % COUNT;
            (format!("level{i}"), [format!("s{next}")], [format!("s{i}")])
        });
        find_cycle(entries.collect::<Vec<_>>())
    };
    let cycle = chain(true).unwrap();
    assert_eq!(cycle.steps.len(), COUNT);
    let text = cycle.to_string();
    assert!(
        text.starts_with("level0 sets `s1`, level1 reads it"),
        "{text}"
    );
    assert!(text.contains("4992 more"), "{text}");
    assert!(text.len() < 1000);
    assert_eq!(chain(false), None);
}

#[test]
fn windows_are_read_and_shown() {
    #[track_caller]
    fn shown(text: &str, expected: &str) {
        let window: Window = text.parse().unwrap();
        assert_eq!(window.to_string(), expected);
        assert_eq!(expected.parse(), Ok(window));
    }
    shown("5 of last 5", "5 of last 5");
    shown(" 3  of 5 ", "3 of last 5");
    shown("20% of last 10", "20% of last 10");
    shown("20% of 10", "20% of last 10");
    shown("12.50% of last 10", "12.5% of last 10");
    shown("for 5m", "for 5m");
    shown("for 1h 30m", "for 1h30m");
    shown("20% of 10m", "20% of 10m");
    shown("last", "1 of last 1");
    let needs = |text: &str| text.parse::<Window>().unwrap().samples().unwrap();
    assert_eq!(needs("20% of last 10"), (2, 10));
    assert_eq!(needs("21% of last 10"), (3, 10));
    assert_eq!(needs("0.001% of last 10"), (1, 10));
    assert_eq!(needs("100% of last 7"), (7, 7));
    let time = "20% of 10m".parse::<Window>().unwrap().time().unwrap();
    assert_eq!(time, (Span::from_seconds(120), Span::from_seconds(600)));
}

#[test]
fn windows_that_cannot_be_are_refused() {
    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error: WindowError = text.parse::<Window>().unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(expected), "{text}");
    }
    refused("", "not a window");
    refused("sometimes", "not a window");
    refused("6 of last 5", "6 of 5 can never match");
    refused("0 of last 5", "not a number of samples");
    refused("5 of last 0", "not a number of samples");
    refused("5 of last 20000", "not a number of samples");
    refused("+5 of last 5", "not a number of samples");
    refused("120% of last 5", "not a share");
    refused("0% of last 5", "not a share");
    refused("-1% of last 5", "not a share");
    refused("for", "not a window");
    refused("for 5", "not a length of time");
    refused("for 0s", "not a length of time");
    refused("for 2y", "not a length of time");
    refused("3 of 10m", "not a window");
}

#[test]
fn a_level_explains_itself_with_its_window() {
    let levels = Levels::compile(vec![level("slow", "x > 50ms", "2 of last 3")]).unwrap();
    let mut state = levels.start();
    feed(&levels, &mut state, 0, Some(0.06));
    let readings = [("x", Some(0.072))];
    let sample = Sample {
        at: at(10),
        status: Status::Ok,
        message: "",
        readings: &readings,
    };
    levels.step(&mut state, &sample, &NoSource, at(10));
    let explained = levels.explain(0, &state, &sample, &NoSource, at(10));
    assert_eq!(
        explained[0].to_string(),
        "slow: x = 72ms > 50ms: true, 2 of the first 2 match, 2 of 3 needed"
    );
    assert_eq!(explained[0].matches, Truth::True);
    assert!(
        levels
            .explain(7, &state, &sample, &NoSource, at(10))
            .is_empty()
    );
}
