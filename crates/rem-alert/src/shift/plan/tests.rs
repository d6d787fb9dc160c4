use super::super::Rotation;
use super::*;

fn plan(zone: &str, every: Every, anchor: &str) -> Plan {
    let users = ["u0", "u1", "u2"].map(UserId::from).to_vec();
    Plan::new(users, every, anchor.parse().unwrap(), zone.parse().unwrap()).unwrap()
}

/// Consecutive hand-overs from shift `first` on, and that each instant around them
/// belongs to the right shift.
#[track_caller]
fn hands_over(plan: &Plan, first: i64, expected: &[&str]) {
    for (k, expected) in (first..).zip(expected) {
        let boundary = plan.boundary(k);
        assert_eq!(boundary.to_string(), *expected, "boundary {k}");
        assert_eq!(plan.shift_at(boundary), k);
        assert_eq!(plan.shift_at(boundary - Span::from_nanos(1)), k - 1);
    }
}

#[track_caller]
fn lasts_hours(plan: &Plan, date: &str, hours: u64) {
    let at = plan
        .zone()
        .resolve(format!("{date} 12:00").parse().unwrap());
    let k = plan.shift_at(at);
    let length = plan.boundary(k + 1).since(plan.boundary(k));
    assert_eq!(length, Span::from_seconds(hours * 3_600), "{date}");
}

#[test]
fn d1_daily_in_the_hour_that_repeats_hands_over_the_first_time() {
    let expected = [
        "2020-10-30T06:30:00Z",
        "2020-10-31T06:30:00Z",
        "2020-11-01T06:30:00Z",
        "2020-11-02T07:30:00Z",
        "2020-11-03T07:30:00Z",
    ];
    let zone = "America/Chicago";
    hands_over(
        &plan(zone, Every::Days(1), "2020-10-30 01:30"),
        0,
        &expected,
    );
    hands_over(
        &plan(zone, Every::Hours(24), "2020-10-30 01:30"),
        0,
        &expected,
    );
}

#[test]
fn d2_daily_in_the_hour_that_is_skipped_hands_over_after_the_gap() {
    let daily = plan("America/Chicago", Every::Days(1), "2020-03-06 02:30");
    let expected = [
        "2020-03-06T08:30:00Z",
        "2020-03-07T08:30:00Z",
        "2020-03-08T08:00:00Z",
        "2020-03-09T07:30:00Z",
        "2020-03-10T07:30:00Z",
    ];
    hands_over(&daily, 0, &expected);
}

#[test]
fn d5_an_hourly_shift_lasts_two_hours_in_autumn() {
    let hourly = plan("America/Chicago", Every::Hours(1), "2020-10-31 23:30");
    let expected = [
        "2020-11-01T04:30:00Z",
        "2020-11-01T05:30:00Z",
        "2020-11-01T06:30:00Z",
        "2020-11-01T08:30:00Z",
        "2020-11-01T09:30:00Z",
    ];
    hands_over(&hourly, 0, &expected);
}

#[test]
fn an_hourly_shift_is_cut_in_two_halves_in_spring() {
    let hourly = plan("America/Chicago", Every::Hours(1), "2020-03-08 00:30");
    let expected = [
        "2020-03-08T06:30:00Z",
        "2020-03-08T07:30:00Z",
        "2020-03-08T08:00:00Z",
        "2020-03-08T08:30:00Z",
        "2020-03-08T09:30:00Z",
    ];
    hands_over(&hourly, 0, &expected);
}

#[test]
fn d8_a_daily_shift_lasts_23_and_25_hours_when_the_clock_moves() {
    let daily = plan("America/Chicago", Every::Days(1), "2017-01-01 08:00");
    lasts_hours(&daily, "2017-03-10", 24);
    lasts_hours(&daily, "2017-03-11", 23);
    lasts_hours(&daily, "2017-03-12", 24);
    lasts_hours(&daily, "2017-11-04", 25);
    lasts_hours(&daily, "2017-11-05", 24);
}

#[test]
fn d9_a_weekly_shift_lasts_167_and_169_hours_when_the_clock_moves() {
    let from_friday = plan("America/Chicago", Every::Weeks(1), "2017-03-03 08:00");
    lasts_hours(&from_friday, "2017-03-10", 167);
    lasts_hours(&from_friday, "2017-03-17", 168);
    let from_saturday = plan("America/Chicago", Every::Weeks(1), "2017-10-28 08:00");
    lasts_hours(&from_saturday, "2017-11-04", 169);
    let fortnight = plan("America/Chicago", Every::Weeks(2), "2017-06-10 08:00");
    let expected = ["2017-06-10T13:00:00Z", "2017-06-24T13:00:00Z"];
    hands_over(&fortnight, 0, &expected);
}

#[test]
fn d17_a_weekly_shift_from_the_hour_that_repeats_leaves_no_gap() {
    let weekly = plan("US/Central", Every::Weeks(1), "2016-01-03 01:30");
    let first = weekly.shift_at("2016-10-23T06:30:00Z".parse().unwrap());
    let expected = [
        "2016-10-23T06:30:00Z",
        "2016-10-30T06:30:00Z",
        "2016-11-06T06:30:00Z",
        "2016-11-13T07:30:00Z",
    ];
    hands_over(&weekly, first, &expected);
    lasts_hours(&weekly, "2016-11-08", 169);
}

#[test]
fn d19_a_monthly_shift_from_the_31st_begins_on_the_last_day_of_short_months() {
    let monthly = plan("UTC", Every::Months(1), "2021-01-31 00:00");
    let expected = [
        "2021-01-31T00:00:00Z",
        "2021-02-28T00:00:00Z",
        "2021-03-31T00:00:00Z",
        "2021-04-30T00:00:00Z",
        "2021-05-31T00:00:00Z",
    ];
    hands_over(&monthly, 0, &expected);
    let before = ["2020-02-29T00:00:00Z", "2020-03-31T00:00:00Z"];
    hands_over(&monthly, -11, &before);
}

#[test]
fn an_elapsed_day_wanders_over_the_wall() {
    let daily = plan("America/Chicago", Every::Days(1), "2020-10-31 08:00");
    let expected = [
        "2020-10-31T13:00:00Z",
        "2020-11-01T13:00:00Z",
        "2020-11-02T13:00:00Z",
    ];
    hands_over(&daily.align(Align::Elapsed).unwrap(), 0, &expected);
}

#[test]
fn four_and_three_days_alternate() {
    let lengths = [4, 3]
        .map(|days| Span::from_seconds(days * 86_400))
        .to_vec();
    let split = plan("Europe/Berlin", Every::Lengths(lengths), "2026-10-19 09:00");
    let expected = [
        "2026-10-19T07:00:00Z",
        "2026-10-23T07:00:00Z",
        "2026-10-26T08:00:00Z",
        "2026-10-30T08:00:00Z",
    ];
    hands_over(&split, 0, &expected);
    hands_over(&split, -1, &["2026-10-16T07:00:00Z"]);
    let turns = (-1..4).map(|k| split.turn(k, 0));
    assert_eq!(turns.collect::<Vec<_>>(), [2, 0, 1, 2, 0]);
}

#[test]
fn a_day_that_a_zone_skipped_has_one_short_shift_and_no_hole() {
    // Samoa had no 2011-12-30.
    let daily = plan("Pacific/Apia", Every::Days(1), "2011-12-28 08:00");
    let expected = [
        "2011-12-28T18:00:00Z",
        "2011-12-29T18:00:00Z",
        "2011-12-30T10:00:00Z",
        "2011-12-30T18:00:00Z",
    ];
    hands_over(&daily, 0, &expected);
}

#[track_caller]
fn refused(every: Every, message: &str) {
    let anchor = LocalTime::from_seconds(0);
    let error = Plan::new(vec![], every, anchor, Zone::utc()).unwrap_err();
    assert_eq!(error.to_string(), message);
}

#[test]
fn a_length_that_cannot_be_is_refused() {
    let length = "a shift must last between a minute and a hundred years";
    refused(Every::Hours(0), length);
    refused(Every::Months(0), length);
    refused(Every::Weeks(u32::MAX), length);
    refused(Every::Lengths(vec![]), length);
    refused(
        Every::Lengths(vec![Span::MAX]),
        "a custom shift must last whole seconds and at least a minute: 213503d23h34m33s709ms551us615ns",
    );
    refused(
        Every::Lengths(vec![Span::from_seconds(59)]),
        "a custom shift must last whole seconds and at least a minute: 59s",
    );
    refused(
        Every::Lengths(vec![Span::from_seconds(60); 367]),
        "a rotation has at most 366 custom lengths: 367",
    );
    let monthly = plan("UTC", Every::Months(1), "2021-01-31");
    assert_eq!(
        monthly.align(Align::Elapsed).unwrap_err().to_string(),
        "months cannot be measured as elapsed time: align to the wall clock"
    );
}

#[test]
fn a_version_that_starts_before_the_last_is_refused() {
    let daily = plan("UTC", Every::Days(1), "2021-01-02");
    let from = "2021-01-02T00:00:00Z".parse().unwrap();
    let error = Rotation::new("web", daily.clone())
        .then(from, daily)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "version 2 of rotation web must start after 2021-01-02T00:00:00Z: 2021-01-02T00:00:00Z"
    );
}

#[test]
fn the_ends_of_time_hold() {
    let ends = [i64::MIN, -1, 0, i64::MAX];
    let lengths = vec![Span::from_seconds(60), Span::from_seconds(86_400)];
    for every in [Every::Hours(1), Every::Months(1), Every::Lengths(lengths)] {
        let plan = plan("Europe/Berlin", every, "2021-01-31 08:00");
        for end in ends {
            let _ = plan.boundary(end);
            let _ = plan.shift_at(Timestamp::from_nanos(end));
            let _ = plan.next_edge(Timestamp::from_nanos(end));
        }
    }
    let far = LocalTime::from_seconds(i64::MIN);
    let plan = Plan::new(vec![], Every::Months(1), far, Zone::utc()).unwrap();
    let _ = plan.shift_at(Timestamp::EPOCH);
}
