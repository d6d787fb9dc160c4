use proptest::prelude::*;

use super::*;

fn zone(name: &str) -> Zone {
    name.parse().unwrap()
}

#[track_caller]
fn resolves(zone_name: &str, local: &str, first: &str, last: &str) {
    let zone = zone(zone_name);
    let local = local.parse().unwrap();
    assert_eq!(zone.resolve(local).to_string(), first);
    assert_eq!(zone.resolve_last(local).to_string(), last);
}

#[test]
fn a_wall_clock_time_that_comes_twice_means_the_first() {
    let (first, second) = ("2020-11-01T06:30:00Z", "2020-11-01T07:30:00Z");
    resolves("America/Chicago", "2020-11-01 01:30", first, second);
}

#[test]
fn a_skipped_wall_clock_time_means_the_end_of_the_gap() {
    let gap = "2020-03-08T08:00:00Z";
    resolves("America/Chicago", "2020-03-08 02:00", gap, gap);
    resolves("America/Chicago", "2020-03-08 02:30", gap, gap);
    resolves("America/Chicago", "2020-03-08 03:00", gap, gap);
}

#[test]
fn an_ordinary_time_is_one_instant() {
    let at = "2026-07-01T06:00:00Z";
    resolves("Europe/Berlin", "2026-07-01 08:00", at, at);
    resolves("UTC", "2026-07-01 06:00", at, at);
    let future = "2150-07-01T06:00:00Z";
    resolves("Europe/Berlin", "2150-07-01 08:00", future, future);
}

#[test]
fn a_whole_day_that_was_skipped_means_the_next_one() {
    // Samoa had no 2011-12-30.
    let gap = "2011-12-30T10:00:00Z";
    resolves("Pacific/Apia", "2011-12-30 08:00", gap, gap);
}

#[test]
fn half_an_hour_of_summer_is_understood() {
    // Lord Howe Island moves its clocks by thirty minutes.
    let (first, second) = ("2024-04-06T14:45:00Z", "2024-04-06T15:15:00Z");
    resolves("Australia/Lord_Howe", "2024-04-07 01:45", first, second);
}

#[test]
fn people_see_local_time_with_its_offset() {
    let at = Timestamp::from_seconds(1_604_212_200);
    assert_eq!(zone("America/Chicago").show(at), "2020-11-01 01:30 -05:00");
    assert_eq!(zone("Asia/Kathmandu").show(at), "2020-11-01 12:15 +05:45");
    assert_eq!(
        zone("Europe/Berlin")
            .next_transition(at)
            .unwrap()
            .to_string(),
        "2021-03-28T01:00:00Z"
    );
    assert_eq!(Zone::utc().next_transition(at), None);
}

#[test]
fn names_are_found_in_any_case_and_old_names_too() {
    assert_eq!(zone("europe/berlin").name(), "Europe/Berlin");
    assert_eq!(zone(" UTC ").name(), "UTC");
    assert_eq!(zone("US/Central").offset(Timestamp::EPOCH), -21_600);
}

#[track_caller]
fn unknown(name: &str, message: &str) {
    assert_eq!(name.parse::<Zone>().unwrap_err().to_string(), message);
}

#[test]
fn an_unknown_name_comes_with_the_nearest_one() {
    unknown(
        "Europe/Berln",
        "unknown time zone Europe/Berln: did you mean Europe/Berlin?",
    );
    unknown(
        "New York",
        "unknown time zone New York: did you mean America/New_York?",
    );
    unknown(
        "berlin",
        "unknown time zone berlin: did you mean Europe/Berlin?",
    );
    unknown(
        "../../etc/passwd",
        "unknown time zone ../../etc/passwd: use a name such as Europe/Berlin or UTC",
    );
    unknown(
        "",
        "unknown time zone : use a name such as Europe/Berlin or UTC",
    );
}

#[test]
fn a_machine_without_a_database_has_the_bundled_one() {
    let bundled = TimeZoneDatabase::bundled();
    for name in [
        "Europe/Berlin",
        "America/Chicago",
        "US/Central",
        "Australia/Lord_Howe",
    ] {
        let rules = Rules::new(name.into(), &bundled.get(name).unwrap());
        assert!(rules.starts.len() > 100, "{name}");
    }
}

const ZONES: [&str; 6] = [
    "America/Chicago",
    "Europe/Dublin",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Apia",
    "America/St_Johns",
];

proptest! {
    #[test]
    fn the_table_agrees_with_jiff(
        at in -3_000_000_000i64..8_000_000_000,
        which in 0usize..ZONES.len(),
    ) {
        let zone = zone(ZONES[which]);
        let theirs = look_up(ZONES[which]).unwrap();
        let instant = jiff::Timestamp::from_second(at).unwrap();
        prop_assert_eq!(zone.offset(Timestamp::from_seconds(at)), theirs.to_offset(instant).seconds());
        let civil = jiff::civil::DateTime::from_parts(
            jiff::civil::date(1970, 1, 1),
            jiff::civil::time(0, 0, 0, 0),
        )
        .checked_add(jiff::Span::new().seconds(at))
        .unwrap();
        let local = LocalTime::from_seconds(at);
        let ambiguous = theirs.to_ambiguous_timestamp(civil);
        if !matches!(ambiguous.offset(), jiff::tz::AmbiguousOffset::Gap { .. }) {
            let earlier = ambiguous.earlier().unwrap().as_second();
            prop_assert_eq!(zone.resolve(local).as_seconds(), earlier);
            let later = ambiguous.later().unwrap().as_second();
            prop_assert_eq!(zone.resolve_last(local).as_seconds(), later);
        }
    }

    #[test]
    fn a_later_wall_clock_is_never_an_earlier_instant(
        at in -3_000_000_000i64..8_000_000_000,
        step in 0i64..200_000,
        which in 0usize..ZONES.len(),
    ) {
        let zone = zone(ZONES[which]);
        let (early, late) = (LocalTime::from_seconds(at), LocalTime::from_seconds(at + step));
        prop_assert!(zone.resolve(early) <= zone.resolve(late));
        prop_assert!(zone.resolve(early) <= zone.resolve_last(early));
        prop_assert!(zone.local(zone.resolve(early)) >= early);
        let (instant, shown) = (Timestamp::from_seconds(at), LocalTime::from_seconds(at - 20_000 + step / 5));
        prop_assert_eq!(zone.latest(instant) >= shown, zone.resolve(shown) <= instant);
    }

    #[test]
    fn no_instant_panics(nanos in any::<i64>(), seconds in any::<i64>()) {
        let zone = zone("Europe/Berlin");
        let _ = zone.show(Timestamp::from_nanos(nanos));
        let _ = zone.resolve(LocalTime::from_seconds(seconds));
        let _ = zone.resolve_last(LocalTime::from_seconds(seconds));
    }
}
