use proptest::prelude::*;

use super::*;

#[test]
fn times_are_shown_in_utc() {
    assert_eq!(Timestamp::EPOCH.to_string(), "1970-01-01T00:00:00Z");
    assert_eq!(
        Timestamp::from_millis(1_500).to_string(),
        "1970-01-01T00:00:01.5Z"
    );
    assert_eq!(
        "2026-07-01T02:00:00+02:00".parse(),
        Ok(Timestamp::from_seconds(1_782_864_000))
    );
}

#[test]
fn a_text_that_is_no_time_is_named() {
    let error = "yesterday".parse::<Timestamp>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "not a time such as 2010-08-18T06:54:51Z: yesterday"
    );
}

#[test]
fn a_time_in_the_future_was_no_time_ago() {
    let (early, late) = (Timestamp::from_seconds(10), Timestamp::from_seconds(70));
    assert_eq!(late.since(early), Span::from_seconds(60));
    assert_eq!(early.since(late), Span::ZERO);
}

#[test]
fn arithmetic_stops_at_the_ends_of_time() {
    assert_eq!(
        Timestamp::from_nanos(i64::MAX) + Span::MAX,
        Timestamp::from_nanos(i64::MAX)
    );
    assert_eq!(
        Timestamp::from_nanos(i64::MIN) - Span::MAX,
        Timestamp::from_nanos(i64::MIN)
    );
    assert_eq!(
        Timestamp::from_nanos(i64::MAX).since(Timestamp::from_nanos(i64::MIN)),
        Span::from_nanos(u64::MAX)
    );
}

proptest! {
    #[test]
    fn showing_and_reading_are_inverse(nanos in any::<i64>()) {
        let time = Timestamp::from_nanos(nanos);
        prop_assert_eq!(time.to_string().parse(), Ok(time));
    }
}
