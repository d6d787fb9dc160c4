use super::super::sample::*;
use super::*;

fn feed(feed: &Feed) -> String {
    let week = range("2026-01-09T00:00:00Z", "2026-01-12T00:00:00Z");
    ical(&calendar(vec![]), feed, week, at("2026-01-01T12:30:05Z"))
}

#[test]
fn a_feed_is_what_calendar_programs_read() {
    let text = feed(&Feed::User("ann".into()));
    let lines: Vec<&str> = text.split("\r\n").collect();
    let expected = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//REM//on-call//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        "X-WR-CALNAME:On call: ann",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "BEGIN:VEVENT",
        "UID:web/weekly.0.0.20260108T150000Z@rem",
        "DTSTAMP:20260101T123005Z",
        "DTSTART:20260108T150000Z",
        "DTEND:20260109T090000Z",
        "SUMMARY:On call: web",
        "DESCRIPTION:ann's turn in weekly",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "BEGIN:VEVENT",
        "UID:web/weekly.0.0.20260109T150000Z@rem",
        "DTSTAMP:20260101T123005Z",
        "DTSTART:20260109T150000Z",
        "DTEND:20260112T080000Z",
        "SUMMARY:On call: web",
        "DESCRIPTION:ann's turn in weekly",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_role_that_does_not_exist_has_an_empty_feed() {
    assert!(!feed(&Feed::Role("db".into())).contains("VEVENT"));
}

#[test]
fn long_lines_are_folded_between_characters() {
    let mut text = String::new();
    line(&mut text, &"ü".repeat(80));
    let lines: Vec<&str> = text.trim_end().split("\r\n").collect();
    assert_eq!(
        lines.iter().map(|line| line.len()).collect::<Vec<_>>(),
        [74, 75, 13]
    );
    assert_eq!(lines.join("").replace(' ', ""), "ü".repeat(80));
}

#[test]
fn signs_with_a_meaning_are_escaped_and_uids_stay_apart() {
    assert_eq!(escaped("a,b;c\\d\ne\r\u{7}"), "a\\,b\\;c\\\\d\\ne");
    assert_eq!(plain("a.b c"), "a%2Eb%20c");
}
