use super::*;

fn hours(text: &str) -> Hours {
    text.parse().unwrap()
}

#[track_caller]
fn is_in(text: &str, local: &str, expected: bool) {
    assert_eq!(
        hours(text).contains(local.parse().unwrap()),
        expected,
        "{local}"
    );
}

#[test]
fn days_and_hours_are_read_as_people_write_them() {
    let office = "mon-fri 08:00-18:00, sat 10:00-14:00";
    is_in(office, "2026-11-20 08:00", true);
    is_in(office, "2026-11-20 18:00", false);
    is_in(office, "2026-11-21 10:00", true);
    is_in(office, "2026-11-22 10:00", false);
    is_in("sat sun", "2026-11-22 23:59:59", true);
    is_in("sat sun", "2026-11-23 00:00", false);
    assert!(hours("mon-sun").is_always());
    assert!(hours("00:00-24:00").is_always());
    assert_eq!(hours("fri-mon"), hours("fri sat sun mon"));
}

#[test]
fn hours_may_run_into_the_next_day_and_week() {
    is_in("sun 22:00-06:00", "2026-11-23 05:59", true);
    is_in("sun 22:00-06:00", "2026-11-23 06:00", false);
    is_in("22:00-06:00", "2026-11-24 03:00", true);
    is_in("22:00-06:00", "2026-11-24 12:00", false);
}

#[test]
fn the_next_edge_is_found_over_the_end_of_the_week() {
    let office = hours("mon-fri 08:00-18:00");
    let edge = |local: &str| {
        office
            .next_edge(local.parse().unwrap())
            .unwrap()
            .to_string()
    };
    assert_eq!(edge("2026-11-20 08:00"), "2026-11-20 18:00");
    assert_eq!(edge("2026-11-20 18:00"), "2026-11-23 08:00");
    assert_eq!(edge("2026-11-22 23:59:59"), "2026-11-23 08:00");
    assert_eq!(Hours::always().next_edge(LocalTime::from_seconds(0)), None);
}

#[test]
fn hours_are_counted_over_weeks() {
    let office = hours("mon-fri 08:00-18:00");
    let between = |from: &str, to: &str| {
        office.seconds_between(from.parse().unwrap(), to.parse().unwrap()) / 3_600
    };
    assert_eq!(between("2026-11-16", "2026-11-23"), 50);
    assert_eq!(
        between("2026-11-16 17:00", "2026-12-01 09:00"),
        1 + 40 + 50 + 11
    );
    assert_eq!(between("2026-11-21", "2026-11-22"), 0);
    let both = office.shared(&hours("fri 12:00-24:00"));
    assert_eq!(both, hours("fri 12:00-18:00"));
    assert!(office.shared(&hours("sun")).is_never());
}

#[track_caller]
fn refused(text: &str, message: &str) {
    assert_eq!(text.parse::<Hours>().unwrap_err().to_string(), message);
}

#[test]
fn what_is_no_hours_says_why() {
    refused(
        "",
        "hours of the week are missing, such as mon-fri 08:00-18:00",
    );
    refused(
        "mon,",
        "hours of the week are missing, such as mon-fri 08:00-18:00",
    );
    refused("mon 8", "not hours such as 08:00-18:00: 8");
    refused(
        "mon 08:00-09:00 10:00-11:00",
        "not hours such as 08:00-18:00: mon 08:00-09:00 10:00-11:00",
    );
    refused(
        "mon-someday",
        "not a weekday such as mon or monday: someday",
    );
    refused("mon 08:00-25:00", "not a time of day such as 08:00: 25:00");
}
