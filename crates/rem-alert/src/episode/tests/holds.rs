use rem_time::{Span, Timestamp, Weekday, Zone};

use crate::episode::{
    Days, HoldKind, HoldPlan, Holds, Matcher, ParseMatcherError, Repeats, Subject, When,
};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn subject() -> Subject {
    Subject::default()
        .label("machine", "web-01")
        .label("service", "web")
        .label("service", "shop")
        .label("location", "eu/fra/rack-4")
        .label("alert", "web-down")
}

fn plan(id: &str, kind: HoldKind, covers: &[&str], when: When) -> HoldPlan {
    HoldPlan {
        id: id.into(),
        kind,
        covers: covers.iter().map(|text| text.parse().unwrap()).collect(),
        when,
        by: "ann".into(),
        why: id.into(),
    }
}

fn once(from: i64, until: i64) -> When {
    When::Once {
        from: Timestamp::from_seconds(from),
        until: Timestamp::from_seconds(until),
    }
}

fn repeats(days: Days, at: &str, hours: u64, zone: &str) -> Repeats {
    Repeats {
        days,
        at: at.parse().unwrap(),
        lasts: Span::from_seconds(hours * 3600),
        zone: zone.parse::<Zone>().unwrap(),
        from: None,
        until: None,
    }
}

#[test]
fn matchers_read_and_match() {
    for (text, matches) in [
        ("machine = web-01", true),
        ("machine = web-*", true),
        ("machine = web-0?", true),
        ("machine = web", false),
        ("machine=\"web-01\"", true),
        ("machine != web-01", false),
        ("machine != db-*", true),
        ("service = shop", true),
        ("service != shop", false),
        ("service = *o*", true),
        ("location in eu", true),
        ("location in eu/fra", true),
        ("location in eu/fra/", true),
        ("location in eu/f", false),
        ("location in eu/fra/rack-4", true),
        ("location in us", false),
        ("rack = 4", false),
        ("rack != 4", true),
        ("rack = *", true),
        ("rack in eu", false),
    ] {
        let matcher: Matcher = text.parse().unwrap();
        assert_eq!(matcher.matches(&subject()), matches, "{text}");
        assert_eq!(matcher.to_string().parse(), Ok(matcher), "{text}");
    }
    for text in ["", "machine", "= web", "mach ine = web", "!=", "in eu"] {
        let result: Result<Matcher, ParseMatcherError> = text.parse();
        assert!(result.is_err(), "{text}");
    }
}

#[test]
fn patterns_of_many_stars_end_soon_and_count_characters() {
    let long = Subject::default().label("m", "a".repeat(2_000));
    let matcher: Matcher = format!("m = {}b", "a*".repeat(200)).parse().unwrap();
    assert!(!matcher.matches(&long));
    let matcher: Matcher = "m = gr?n*".parse().unwrap();
    assert!(matcher.matches(&Subject::default().label("m", "grün-01")));
}

#[test]
fn a_hold_answers_until_when_by_whom_and_why() {
    let holds = Holds {
        plans: vec![
            plan(
                "disk swap",
                HoldKind::Maintenance,
                &["machine = web-01"],
                once(100, 200),
            ),
            plan(
                "longer",
                HoldKind::Maintenance,
                &["location in eu"],
                once(150, 400),
            ),
            plan(
                "known",
                HoldKind::Forced,
                &["alert = web-down", "service = web"],
                once(0, 50),
            ),
            plan(
                "other",
                HoldKind::Forced,
                &["machine = db-01"],
                once(0, 900),
            ),
        ],
    };
    let held = |at| holds.held(&subject(), Timestamp::from_seconds(at));
    let first = held(0);
    assert_eq!(
        first.forced.map(|hold| (hold.until, hold.why)),
        Some((Timestamp::from_seconds(50), "known".into()))
    );
    assert_eq!(
        (first.maintenance, first.next_change),
        (None, Some(Timestamp::from_seconds(50)))
    );
    assert_eq!(held(50).forced, None);
    assert_eq!(held(50).next_change, Some(Timestamp::from_seconds(100)));
    assert_eq!(
        held(120).maintenance.map(|hold| hold.why),
        Some("disk swap".into())
    );
    let both = held(160);
    assert_eq!(both.maintenance.map(|hold| hold.why), Some("longer".into()));
    assert_eq!(both.next_change, Some(Timestamp::from_seconds(200)));
    assert_eq!(held(400), Default::default());
}

#[test]
fn a_hold_without_matchers_covers_everything() {
    let holds = Holds {
        plans: vec![plan("all", HoldKind::Forced, &[], once(0, 10))],
    };
    assert!(
        holds
            .held(&Subject::default(), Timestamp::EPOCH)
            .forced
            .is_some()
    );
}

#[test]
fn holds_that_are_over_are_forgotten() {
    let mut holds = Holds {
        plans: vec![
            plan("over", HoldKind::Forced, &[], once(0, 10)),
            plan("empty", HoldKind::Forced, &[], once(90, 20)),
            plan("to come", HoldKind::Forced, &[], once(100, 110)),
            plan(
                "weekly",
                HoldKind::Maintenance,
                &[],
                When::Repeats(repeats(Days::Daily, "02:00", 1, "UTC")),
            ),
        ],
    };
    let over = holds.drop_over(Timestamp::from_seconds(10));
    assert_eq!(
        over.iter().map(|plan| &*plan.id).collect::<Vec<_>>(),
        ["over", "empty"]
    );
    assert_eq!(holds.plans.len(), 2);
    assert_eq!(
        holds.next_change(Timestamp::from_seconds(10)),
        Some(Timestamp::from_seconds(100))
    );
}

#[track_caller]
fn check(repeats: &Repeats, now: &str, until: Option<&str>, change: Option<&str>) {
    let found = repeats.at(time(now));
    assert_eq!(
        found,
        (until.map(time), change.map(time)),
        "at {now}: {found:?}"
    );
}

#[test]
fn a_daily_window_keeps_to_the_wall_when_the_clocks_change() {
    let window = repeats(Days::Daily, "08:00", 1, "Europe/Berlin");
    check(
        &window,
        "2026-03-28T06:59:59Z",
        None,
        Some("2026-03-28T07:00:00Z"),
    );
    check(
        &window,
        "2026-03-28T07:00:00Z",
        Some("2026-03-28T08:00:00Z"),
        Some("2026-03-28T08:00:00Z"),
    );
    check(
        &window,
        "2026-03-28T08:00:00Z",
        None,
        Some("2026-03-29T06:00:00Z"),
    );
}

#[test]
fn a_window_at_a_time_that_is_skipped_begins_right_after_and_once_when_repeated() {
    let window = repeats(Days::Daily, "02:30", 1, "Europe/Berlin");
    check(
        &window,
        "2026-03-29T00:00:00Z",
        None,
        Some("2026-03-29T01:00:00Z"),
    );
    check(
        &window,
        "2026-10-25T00:30:00Z",
        Some("2026-10-25T01:30:00Z"),
        Some("2026-10-25T01:30:00Z"),
    );
    check(
        &window,
        "2026-10-25T01:30:00Z",
        None,
        Some("2026-10-26T01:30:00Z"),
    );
}

#[test]
fn a_weekly_window_over_midnight_holds_on_the_next_day() {
    let window = repeats(Days::Weekly(vec![Weekday::Sunday]), "22:00", 6, "UTC");
    check(
        &window,
        "2026-11-23T03:00:00Z",
        Some("2026-11-23T04:00:00Z"),
        Some("2026-11-23T04:00:00Z"),
    );
    check(
        &window,
        "2026-11-23T04:00:00Z",
        None,
        Some("2026-11-29T22:00:00Z"),
    );
}

#[test]
fn a_monthly_window_on_the_31st_is_on_the_last_day() {
    let window = repeats(Days::Monthly(31), "00:00", 24, "UTC");
    check(
        &window,
        "2027-02-10T00:00:00Z",
        None,
        Some("2027-02-28T00:00:00Z"),
    );
    check(
        &window,
        "2027-02-28T12:00:00Z",
        Some("2027-03-01T00:00:00Z"),
        Some("2027-03-01T00:00:00Z"),
    );
    check(
        &window,
        "2027-03-01T00:00:00Z",
        None,
        Some("2027-03-31T00:00:00Z"),
    );
}

#[test]
fn windows_that_overlap_hold_until_the_last_one_ends() {
    let window = repeats(Days::Daily, "00:00", 36, "UTC");
    check(
        &window,
        "2026-11-21T06:00:00Z",
        Some("2026-11-22T12:00:00Z"),
        Some("2026-11-22T00:00:00Z"),
    );
}

#[test]
fn a_series_of_windows_has_a_first_and_a_last() {
    let window = Repeats {
        from: Some(time("2027-06-01T00:00:00Z")),
        until: Some(time("2027-06-03T00:00:00Z")),
        ..repeats(Days::Daily, "12:00", 1, "UTC")
    };
    check(
        &window,
        "2026-11-21T12:30:00Z",
        None,
        Some("2027-06-01T12:00:00Z"),
    );
    check(
        &window,
        "2027-06-02T12:30:00Z",
        Some("2027-06-02T13:00:00Z"),
        Some("2027-06-02T13:00:00Z"),
    );
    check(&window, "2027-06-02T13:00:00Z", None, None);
}

#[test]
fn windows_that_cannot_be_are_never() {
    check(
        &repeats(Days::Daily, "12:00", 0, "UTC"),
        "2026-11-21T12:00:00Z",
        None,
        None,
    );
    check(
        &repeats(Days::Weekly(vec![]), "12:00", 1, "UTC"),
        "2026-11-21T12:00:00Z",
        None,
        None,
    );
    check(
        &repeats(Days::Monthly(0), "12:00", 1, "UTC"),
        "2026-11-21T12:00:00Z",
        None,
        None,
    );
    let end = Timestamp::from_nanos(i64::MAX);
    let _ = repeats(Days::Daily, "12:00", 1, "UTC").at(end);
    let _ = repeats(Days::Daily, "12:00", 1, "UTC").at(Timestamp::from_nanos(i64::MIN));
}
