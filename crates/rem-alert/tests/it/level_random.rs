//! Levels beside a reference that keeps everything and computes anew each time,
//! and texts of any kind.

use proptest::prelude::*;
use rem_alert::level::{
    Aggregate, Expression, Level, LevelState, Levels, NoSource, Over, Sample, SavedWindow, Source,
    StateValue, Status, Truth, UnknownAs, Window, parse_series,
};
use rem_time::{Span, Timestamp};

/// How many of each; more at night.
fn cases() -> u32 {
    match std::env::var_os("REM_NIGHTLY") {
        Some(_) => 4000,
        None => 150,
    }
}

#[derive(Clone, Debug)]
enum Event {
    /// Milliseconds since the event before, and what `when` and `clear` come to.
    Sample(i64, Option<bool>, Option<bool>),
    Tick(i64),
    /// Save, restore where nothing must differ.
    Reload,
}

fn windows() -> impl Strategy<Value = Window> {
    let count = (1_u16..12, 0_u16..8).prop_map(|(need, more)| format!("{need} of {}", need + more));
    let wide = (1_u16..90).prop_map(|need| format!("{need} of last {}", need + 40));
    let share = (1_u16..=100, 1_u16..20).prop_map(|(percent, of)| format!("{percent}% of {of}"));
    let held = (1_i64..30_000).prop_map(|millis| format!("for {millis}ms"));
    let part = (1_u16..=100, 1_i64..30_000).prop_map(|(p, millis)| format!("{p}% of {millis}ms"));
    prop_oneof![count, wide, share, held, part].prop_map(|text| text.parse().unwrap())
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let truth = || prop_oneof![3 => Just(Some(true)), 3 => Just(Some(false)), 1 => Just(None)];
    let step = prop_oneof![20 => 0_i64..5000, 1 => -10_000_i64..0];
    let event = prop_oneof![
        8 => (step.clone(), truth(), truth()).prop_map(|(t, a, b)| Event::Sample(t, a, b)),
        3 => step.prop_map(Event::Tick),
        1 => Just(Event::Reload),
    ];
    prop::collection::vec(event, 0..150)
}

fn unknowns() -> impl Strategy<Value = UnknownAs> {
    prop_oneof![
        Just(UnknownAs::Ignore),
        Just(UnknownAs::Bad),
        Just(UnknownAs::Good)
    ]
}

/// Keeps every sample and every stretch of time, and counts them all each time.
struct Reference {
    window: Window,
    clear: Option<Window>,
    unknown: UnknownAs,
    stand: Option<u64>,
    active: bool,
    /// Milliseconds on a line without steps back.
    line: u64,
    sampled: u64,
    looked: bool,
    standing: Option<bool>,
    /// Since the windows were last empty: what counted, and when it came.
    counted: Vec<(u64, bool)>,
    /// From, to, and what held meanwhile.
    stretches: Vec<(u64, u64, Option<bool>)>,
}

impl Reference {
    fn counts(&self, truth: Option<bool>) -> Option<bool> {
        let is_clearing = self.active && self.clear.is_some();
        truth.or(match self.unknown {
            UnknownAs::Ignore => None,
            UnknownAs::Bad => Some(!is_clearing),
            UnknownAs::Good => Some(is_clearing),
        })
    }

    fn pass(&mut self, millis: i64) {
        // A new stretch for each event: a word in between may have ended the last.
        self.stretches.push((self.line, self.line, self.standing));
        for _ in 0..millis.max(0) {
            let is_stale = self
                .stand
                .is_some_and(|stand| self.line >= self.sampled + stand);
            if is_stale && self.looked {
                self.standing = self.counts(None);
            }
            match self.stretches.last_mut() {
                Some((_, to, held)) if *held == self.standing && *to == self.line => *to += 1,
                _ => self
                    .stretches
                    .push((self.line, self.line + 1, self.standing)),
            }
            self.line += 1;
        }
    }

    fn sample(&mut self, when: Option<bool>, clear: Option<bool>) {
        let is_clearing = self.active && self.clear.is_some();
        self.sampled = self.line;
        self.standing = self.counts(if is_clearing { clear } else { when });
        if let Some(held) = self.standing {
            self.counted.push((self.line, held));
            self.looked = true;
        }
    }

    fn settle(&mut self) {
        let is_clearing = self.active && self.clear.is_some();
        let window = self.clear.filter(|_| is_clearing).unwrap_or(self.window);
        let matches = self.matches(window);
        let active = if is_clearing { !matches } else { matches };
        if active != self.active && self.clear.is_some() {
            self.counted.clear();
            self.stretches.clear();
            self.standing = None;
        }
        self.active = active;
    }

    fn matches(&self, window: Window) -> bool {
        if let Some((need, of)) = window.samples() {
            let newest = self.counted.iter().rev().take(usize::from(of));
            return newest.filter(|(_, held)| *held).count() >= usize::from(need);
        }
        let (need, of) = window.time().unwrap();
        if window.to_string().starts_with("for") {
            // Everything since the last word that it did not hold.
            let no = self
                .counted
                .iter()
                .filter(|(_, held)| !held)
                .map(|(at, _)| *at);
            let stale_no = self
                .stretches
                .iter()
                .filter(|s| s.2 == Some(false))
                .map(|s| s.1);
            let since = no.chain(stale_no).max();
            let is_after = |at: u64| since.is_none_or(|since| at >= since);
            let holds = self.counted.iter().filter(|(_, held)| *held);
            let last_no = self.counted.iter().rposition(|(_, held)| !held);
            let last_yes = self.counted.iter().rposition(|(_, held)| *held);
            let yes_last = last_yes > last_no && holds.clone().any(|(at, _)| is_after(*at));
            let yes = self
                .stretches
                .iter()
                .filter(|s| s.2 == Some(true) && is_after(s.0));
            let held: u64 = yes.clone().map(|(from, to, _)| to - from).sum();
            return (yes_last || yes.count() > 0) && held * 1_000_000 >= need.as_nanos();
        }
        let of = of.as_millis();
        let from = self.line.saturating_sub(of);
        let held = self.stretches.iter().filter(|s| s.2 == Some(true));
        let covered: u64 = held.map(|(a, b, _)| (*b).max(from) - (*a).max(from)).sum();
        covered * 1_000_000 >= need.as_nanos()
    }
}

fn readings(when: Option<bool>, clear: Option<bool>) -> [(&'static str, Option<f64>); 2] {
    let number = |truth: Option<bool>| truth.map(|truth| f64::from(u8::from(truth)));
    [("w", number(when)), ("c", number(clear))]
}

fn step(levels: &Levels, state: &mut LevelState, now: Timestamp, event: &Event) {
    match event {
        Event::Sample(_, when, clear) => {
            let sample = Sample {
                at: now,
                status: Status::Ok,
                message: "",
                readings: &readings(*when, *clear),
            };
            levels.step(state, &sample, &NoSource, now);
        }
        Event::Tick(_) => {
            levels.tick(state, &NoSource, now);
        }
        Event::Reload => {
            let (kept, changes) = levels.reload(levels, state);
            assert_eq!(changes, []);
            assert_eq!(levels.save(&kept), levels.save(state));
            *state = kept;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn levels_do_what_the_reference_does(
        window in windows(),
        clear in prop::option::of(windows()),
        unknown in unknowns(),
        stand in prop::option::of(1_u64..10_000),
        events in events(),
    ) {
        let mut level = Level::new("x", "w > 0".parse().unwrap())
            .within(window)
            .counting_unknown(unknown);
        if let Some(clear) = clear {
            level = level.clearing("c > 0".parse().unwrap(), clear);
        }
        let mut levels = Levels::compile(vec![level]).unwrap();
        if let Some(stand) = stand {
            levels = levels.standing_for(Span::from_millis(stand));
        }
        let mut state = levels.start();
        let mut reference = Reference {
            window, clear, unknown, stand,
            active: false, line: 0, sampled: 0, looked: false, standing: None,
            counted: Vec::new(), stretches: Vec::new(),
        };
        let mut now = 1_000_000_000_i64;
        let mut is_first = true;
        for (i, event) in events.iter().enumerate() {
            if let Event::Sample(millis, ..) | Event::Tick(millis) = event {
                now += millis;
                // Before the first there is nothing that time could pass for.
                if !is_first {
                    reference.pass(*millis);
                }
                is_first = false;
                if let Event::Sample(_, when, clear) = event {
                    reference.sample(*when, *clear);
                }
                reference.settle();
            }
            step(&levels, &mut state, Timestamp::from_millis(now), event);
            prop_assert_eq!(
                state.level(0).is_true(), reference.active,
                "event {} {:?} of {:?}", i, event, levels.levels()
            );
        }
    }

    /// Nothing changes between two ticks that a tick at the promised time would not see.
    #[test]
    fn the_next_tick_is_never_too_late(
        window in windows(),
        clear in prop::option::of(windows()),
        unknown in unknowns(),
        stand in prop::option::of(1_u64..10_000),
        events in events(),
    ) {
        let mut level = Level::new("x", "w > 0".parse().unwrap())
            .within(window)
            .counting_unknown(unknown);
        if let Some(clear) = clear {
            level = level.clearing("c > 0".parse().unwrap(), clear);
        }
        let mut levels = Levels::compile(vec![level]).unwrap();
        if let Some(stand) = stand {
            levels = levels.standing_for(Span::from_millis(stand));
        }
        let mut state = levels.start();
        let mut now = 1_000_000_000_i64;
        for event in &events {
            if let Event::Sample(millis, ..) | Event::Tick(millis) = event {
                now += millis.abs();
            }
            step(&levels, &mut state, Timestamp::from_millis(now), event);
            let promised = levels.next_tick(&state);
            let before = promised.map(|at| at.as_nanos() - 1).unwrap_or(i64::MAX / 2);
            let before = before.min((now + 60_000) * 1_000_000);
            if before > now * 1_000_000 {
                let truth = state.level(0);
                let mut ahead = state.clone();
                levels.tick(&mut ahead, &NoSource, Timestamp::from_nanos(before));
                prop_assert_eq!(ahead.level(0), truth, "promised {:?}", promised);
            }
        }
    }

    /// Whether memory serves it or the store, a function is what its definition says.
    #[test]
    fn functions_over_series_are_what_they_say(
        rows in rows(),
        millis in 1_i64..60_000,
        count in 1_u16..150,
        by_count in any::<bool>(),
        function in prop::sample::select(vec!["avg", "min", "max", "sum", "count", "p90", "rate", "delta"]),
    ) {
        let over = if by_count { format!("last {count}") } else { format!("{millis}ms") };
        let call = match function {
            "p90" => format!("percentile(x, 90, {over})"),
            name => format!("{name}(x, {over})"),
        };
        // Both sides of 10, and unknown, tell enough of the number apart.
        let level = Level::new("x", format!("{call} > 10").parse().unwrap());
        let levels = Levels::compile(vec![level]).unwrap();
        let mut state = levels.start();
        let mut stored = Stored(Vec::new());
        let mut now = 0;
        for (step, value) in rows {
            now += step;
            stored.0.push((now, value));
            let at = Timestamp::from_millis(now);
            let readings = [("x", value)];
            let sample = Sample { at, status: Status::Ok, message: "", readings: &readings };
            levels.step(&mut state, &sample, &stored, at);
            let part: Vec<_> = match by_count {
                true => stored.0.iter().rev().take(usize::from(count)).rev().copied().collect(),
                false => stored.0.iter().filter(|(at, _)| *at > now - millis).copied().collect(),
            };
            let expected = by_hand(function, &part).map(|value| value > 10.0);
            prop_assert_eq!(state.newest(0), Truth::from(expected), "{} at {}", call, now);
        }
    }

    #[test]
    fn no_saved_state_does_harm(
        saved in saved_windows(),
        window in windows(),
        last in any::<i64>(),
        flags in any::<[bool; 3]>(),
        events in events(),
    ) {
        let level = Level::new("x", "w > 0".parse().unwrap())
            .within(window)
            .clearing("c > 0".parse().unwrap(), window);
        let levels = Levels::compile(vec![level]).unwrap().standing_for(Span::from_seconds(3));
        let mut data = levels.save(&levels.start());
        data.last = Some(Timestamp::from_nanos(last));
        data.sampled = flags[2].then(|| Timestamp::from_nanos(last.wrapping_neg()));
        for level in &mut data.levels {
            (level.active, level.looked) = (flags[0], flags[1]);
            (level.when, level.clear) = (saved.clone(), saved.clone());
            level.standing = Some(flags[1]);
        }
        let mut state = levels.restore(&data);
        let mut now = 0;
        for event in &events {
            if let Event::Sample(millis, ..) | Event::Tick(millis) = event {
                now += millis;
            }
            step(&levels, &mut state, Timestamp::from_millis(now), event);
            let _ = levels.next_tick(&state);
        }
    }

    #[test]
    fn no_text_at_all_does_harm(text in "\\PC{0,80}") {
        read_everything(&text)?;
    }

    #[test]
    fn no_heap_of_words_does_harm(words in prop::collection::vec(word(), 0..25)) {
        read_everything(&words.join(" "))?;
        read_everything(&words.concat())?;
    }

    #[test]
    fn what_is_shown_reads_the_same(text in condition()) {
        let expression = Expression::condition(&text)
            .map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        let shown = expression.to_string();
        prop_assert_eq!(&Expression::condition(&shown).unwrap(), &expression, "{}", shown);
        let readings = [("a", Some(1.0)), ("b", None)];
        let at = Timestamp::EPOCH;
        let sample = Sample { at, status: Status::Warning, message: "m", readings: &readings };
        let truth = expression.truth(&sample, &NoSource, at);
        let explained = expression.explain(&sample, &NoSource, at);
        prop_assert_eq!(explained.truth, Some(truth));
        // Knowing more never turns one certain answer into the other.
        if truth.is_known() {
            let more = [("a", Some(1.0)), ("b", Some(0.5))];
            let sample = Sample { readings: &more, ..sample };
            if !text.contains(" is ") {
                prop_assert_eq!(expression.truth(&sample, &NoSource, at), truth);
            }
        }
    }
}

fn saved_windows() -> impl Strategy<Value = SavedWindow> {
    let span = || any::<u64>().prop_map(Span::from_nanos);
    prop_oneof![
        Just(SavedWindow::None),
        prop::collection::vec(any::<bool>(), 0..300).prop_map(SavedWindow::Samples),
        (span(), any::<bool>()).prop_map(|(span, on)| SavedWindow::Held { span, on }),
        prop::collection::vec((span(), span()), 0..20).prop_map(SavedWindow::Times),
    ]
}

/// Rows with a reading each, and the time since the row before.
fn rows() -> impl Strategy<Value = Vec<(i64, Option<f64>)>> {
    let value = prop_oneof![5 => (0_u8..50).prop_map(|v| Some(f64::from(v))), 1 => Just(None)];
    prop::collection::vec((1_i64..5000, value), 1..100)
}

/// A function of all rows, written down as its definition says.
fn by_hand(function: &str, rows: &[(i64, Option<f64>)]) -> Option<f64> {
    let known: Vec<(i64, f64)> = rows
        .iter()
        .filter_map(|(at, v)| Some((*at, (*v)?)))
        .collect();
    let values: Vec<f64> = known.iter().map(|(_, value)| *value).collect();
    let (first, last) = (known.first(), known.last());
    let mut sorted = values.clone();
    sorted.sort_by(f64::total_cmp);
    match function {
        "count" => Some(values.len() as f64),
        _ if values.is_empty() => None,
        "avg" => Some(values.iter().sum::<f64>() / values.len() as f64),
        "sum" => Some(values.iter().sum()),
        "min" => sorted.first().copied(),
        "max" => sorted.last().copied(),
        "p90" => sorted
            .iter()
            .find(|v| values.iter().filter(|w| w <= v).count() * 10 >= values.len() * 9)
            .copied(),
        _ if values.len() < 2 => None,
        "delta" => Some(last?.1 - first?.1),
        _ => {
            let grown = values
                .windows(2)
                .map(|w| if w[1] < w[0] { w[1] } else { w[1] - w[0] });
            let seconds = (last?.0 - first?.0) as f64 / 1000.0;
            Some(grown.sum::<f64>() / seconds)
        }
    }
}

/// Stored rows, for what the samples in memory do not reach.
struct Stored(Vec<(i64, Option<f64>)>);

impl Source for Stored {
    fn state(&self, _name: &str) -> Option<StateValue> {
        None
    }

    fn aggregate(&self, aggregate: &Aggregate, now: Timestamp) -> Option<f64> {
        let from = match aggregate.over {
            Over::Span(span) => now - span,
            Over::Samples(count) => {
                let rows = self.0.len().saturating_sub(usize::from(count));
                Timestamp::from_millis(self.0[rows].0 - 1)
            }
        };
        let rows = self
            .0
            .iter()
            .map(|(at, value)| (Timestamp::from_millis(*at), *value));
        aggregate
            .function
            .over_points(rows.filter(|(at, _)| *at > from))
    }
}

fn read_everything(text: &str) -> Result<(), TestCaseError> {
    let _ = parse_series(text).map_err(|error| assert!(text.is_char_boundary(error.offset)));
    if let Ok(window) = text.parse::<Window>() {
        prop_assert_eq!(window.to_string().parse(), Ok(window));
    }
    match Expression::parse(text) {
        Ok(expression) => {
            let shown = expression.to_string();
            prop_assert_eq!(
                &Expression::parse(&shown).unwrap(),
                &expression,
                "{}",
                shown
            );
            let missing = Sample::missing(Timestamp::EPOCH);
            let explained = expression.explain(&missing, &NoSource, Timestamp::EPOCH);
            prop_assert!(!explained.to_string().is_empty());
        }
        Err(error) => {
            prop_assert!(text.is_char_boundary(error.offset), "{}", error.offset);
            prop_assert!(!error.message.is_empty());
        }
    }
    Ok(())
}

fn word() -> impl Strategy<Value = String> {
    let words = [
        "and",
        "or",
        "not",
        "is",
        "unknown",
        "ok",
        "critical",
        "status",
        "message",
        "contains",
        "matches",
        "\"*a?\"",
        "'b'",
        "last",
        "5",
        "50ms",
        "10GiB",
        "90%",
        "1h30m",
        "10MB/s",
        "(",
        ")",
        ",",
        "+",
        "-",
        "*",
        "/",
        "<",
        "<=",
        "==",
        "!=",
        "avg",
        "min",
        "max(",
        "percentile(",
        "state(",
        "field(",
        "age()",
        "rate(",
        "x",
        "`a b`",
        "1e9",
        "10m)",
        "true",
        "of",
        "for",
        "20%",
        "x3",
        "_",
        "1e400",
        "é",
        "\"",
        "`",
        "\\",
    ];
    prop::sample::select(words.to_vec()).prop_map(str::to_owned)
}

fn number() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "a",
        "b",
        "50ms",
        "1",
        "2.5",
        "90%",
        "10KiB",
        "age()",
        "state(\"s\")",
        "`x y`",
        "field(\"q`q\")",
        "avg(a, 10m)",
        "max(a, last 3)",
        "percentile(b, 99, 1h)",
        "last(a, 2)",
        "rate(\"a\\\\b\\\"\", 1h30m)",
        "delta(state(\"s\"), 5m)",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |inner| {
        let sign = prop::sample::select(vec!["+", "-", "*", "/"]);
        prop_oneof![
            (inner.clone(), sign, inner.clone()).prop_map(|(a, s, b)| format!("{a} {s} {b}")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.clone().prop_map(|a| format!("-{a}")),
            inner.clone().prop_map(|a| format!("abs({a})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("min({a}, {b})")),
        ]
    })
}

fn condition() -> impl Strategy<Value = String> {
    let sign = prop::sample::select(vec!["<", "<=", ">", ">=", "==", "!="]);
    let leaf = prop_oneof![
        (number(), sign, number()).prop_map(|(a, s, b)| format!("{a} {s} {b}")),
        Just("status != ok".to_owned()),
        Just("status == unknown".to_owned()),
        Just("message contains \"a\\n\"".to_owned()),
        Just("message matches 'a*'".to_owned()),
        Just("state(\"s\") == \"x\"".to_owned()),
        Just("true".to_owned()),
        number().prop_map(|a| format!("{a} is not unknown")),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} and {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} or {b}")),
            inner.clone().prop_map(|a| format!("not {a}")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.prop_map(|a| format!("({a}) is unknown")),
        ]
    })
}

#[test]
fn knowledge_only_ever_makes_an_answer_more_certain() {
    for (a, b) in [
        (Truth::Unknown, Truth::True),
        (Truth::Unknown, Truth::False),
    ] {
        for other in [Truth::False, Truth::Unknown, Truth::True] {
            for join in [Truth::and, Truth::or] {
                let (less, more) = (join(a, other), join(b, other));
                assert!(!less.is_known() || less == more);
            }
        }
    }
}
