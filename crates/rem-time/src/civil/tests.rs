use proptest::prelude::*;

use super::*;

#[track_caller]
fn date(text: &str) -> Date {
    text.parse().unwrap()
}

#[test]
fn days_months_and_weekdays_follow_the_calendar() {
    assert_eq!(date("1970-01-01").days(), 0);
    assert_eq!(date("2000-02-29").weekday(), Weekday::Tuesday);
    assert_eq!(date("2026-11-21").weekday(), Weekday::Saturday);
    assert_eq!(date("2024-02-28").add_days(2), date("2024-03-01"));
    assert_eq!(date("2021-01-31").add_months(1), date("2021-02-28"));
    assert_eq!(date("2024-01-31").add_months(1), date("2024-02-29"));
    assert_eq!(date("2021-03-31").add_months(-13), date("2020-02-29"));
    assert_eq!(date("2021-12-15").add_months(1), date("2022-01-15"));
}

#[test]
fn what_is_shown_can_be_read_again() {
    let local: LocalTime = "2020-11-01T01:30".parse().unwrap();
    assert_eq!(local.to_string(), "2020-11-01 01:30");
    assert_eq!(local.to_string().parse(), Ok(local));
    assert_eq!("2020-11-01".parse(), Ok(local.add_seconds(-5_400)));
    assert_eq!(
        "8:05:09".parse::<TimeOfDay>().unwrap().to_string(),
        "08:05:09"
    );
    assert_eq!("Sun".parse(), Ok(Weekday::Sunday));
    assert_eq!("thursday".parse(), Ok(Weekday::Thursday));
}

#[test]
fn what_no_calendar_shows_is_refused() {
    for text in [
        "2021-02-29",
        "2021-13-01",
        "21-01-01",
        "2021-01-01-01",
        "+021-01-01",
        "",
    ] {
        assert!(text.parse::<Date>().is_err(), "{text}");
    }
    for text in ["24:00", "8", "08:60", "1:2:3:4", "-1:00", "08:00:99"] {
        assert!(text.parse::<TimeOfDay>().is_err(), "{text}");
    }
    assert_eq!(
        "soon".parse::<LocalTime>().unwrap_err().to_string(),
        "not a local time such as 2026-03-31 08:00: soon"
    );
    assert!("su".parse::<Weekday>().is_err());
}

#[test]
fn the_ends_of_the_calendar_hold() {
    let last = Date::from_days(i32::MAX);
    assert_eq!(last.add_days(i64::MAX), last);
    assert_eq!(last.add_months(i64::MAX), last);
    assert_eq!(last.add_months(i64::MIN), Date::from_days(i32::MIN));
    assert!(LocalTime::from_seconds(i64::MAX).date().year() > 0);
    assert!(LocalTime::from_seconds(i64::MIN).date().year() < 0);
}

proptest! {
    #[test]
    fn a_day_is_its_year_month_and_day(days in -1_000_000i32..1_000_000) {
        let day = Date::from_days(days);
        prop_assert_eq!(Date::new(day.year(), day.month(), day.day()), Some(day));
        let theirs = jiff::civil::date(1970, 1, 1)
            .checked_add(jiff::Span::new().days(days));
        if let Ok(theirs) = theirs {
            prop_assert_eq!(i32::from(theirs.year()), day.year());
            prop_assert_eq!(theirs.month().unsigned_abs(), day.month());
            prop_assert_eq!(theirs.day().unsigned_abs(), day.day());
            let weekday = theirs.weekday().to_monday_zero_offset().unsigned_abs();
            prop_assert_eq!(weekday, day.weekday().index());
        }
    }

    #[test]
    fn months_are_added_as_jiff_adds_them(days in -40_000i32..40_000, months in -500i32..500) {
        let day = Date::from_days(days).add_months(i64::from(months));
        let theirs = jiff::civil::date(1970, 1, 1)
            .checked_add(jiff::Span::new().days(days))
            .unwrap()
            .checked_add(jiff::Span::new().months(months))
            .unwrap();
        prop_assert_eq!(day.to_string(), theirs.to_string());
    }

    #[test]
    fn no_text_panics(text in ".{0,24}") {
        let _ = text.parse::<LocalTime>();
        let _ = text.parse::<Weekday>();
        let _ = text.parse::<crate::Zone>();
    }
}
