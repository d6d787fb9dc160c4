use proptest::prelude::*;

use super::*;

#[track_caller]
fn parses(text: &str, nanos: u64) {
    assert_eq!(text.parse(), Ok(Span::from_nanos(nanos)), "{text}");
}

#[track_caller]
fn refuses(text: &str, message: &str) {
    assert_eq!(text.parse::<Span>().unwrap_err().to_string(), message);
}

#[test]
fn spans_are_read_as_operators_write_them() {
    parses("5m", 300_000_000_000);
    parses("250ms", 250_000_000);
    parses("1h30m", 5_400_000_000_000);
    parses("1h 30m", 5_400_000_000_000);
    parses("1.5h", 5_400_000_000_000);
    parses("2w", 14 * 86_400_000_000_000);
    parses("10us", 10_000);
    parses("0", 0);
    parses(" 90s ", 90_000_000_000);
}

#[test]
fn what_is_no_span_says_what_to_write() {
    refuses("", "a span of time is missing, such as 5m");
    refuses("90", "90 has no unit: write 90s, 90m or 90h");
    refuses("five", "not a span of time such as 5m or 1h30m: five");
    refuses("-5m", "not a span of time such as 5m or 1h30m: -5m");
    refuses(
        "5 fortnights",
        "unknown unit fortnights: use ns, us, ms, s, m, h, d, w or y",
    );
    refuses(
        "5m1h",
        "units must go from the largest to the smallest, each once: 5m1h",
    );
    refuses(
        "1m1m",
        "units must go from the largest to the smallest, each once: 1m1m",
    );
    refuses("600y", "longer than 584 years: 600y");
    refuses("1.2.3s", "not a span of time such as 5m or 1h30m: 1.2.3s");
    refuses("5µ", "unknown unit µ: use ns, us, ms, s, m, h, d, w or y");
}

#[test]
fn spans_are_shown_the_shortest_exact_way() {
    assert_eq!(Span::from_seconds(0).to_string(), "0s");
    assert_eq!(Span::from_seconds(90).to_string(), "1m30s");
    assert_eq!(Span::from_seconds(86_400).to_string(), "1d");
    assert_eq!(Span::from_seconds(8 * 86_400).to_string(), "8d");
    assert_eq!(Span::from_seconds(14 * 86_400).to_string(), "2w");
    assert_eq!(Span::from_millis(1_500).to_string(), "1s500ms");
}

proptest! {
    #[test]
    fn showing_and_reading_are_inverse(nanos in any::<u64>()) {
        let span = Span::from_nanos(nanos);
        prop_assert_eq!(span.to_string().parse(), Ok(span));
    }

    #[test]
    fn no_text_panics(text in "\\PC*") {
        let _ = text.parse::<Span>();
    }
}
