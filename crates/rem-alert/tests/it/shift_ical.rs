//! What we write a parser of RFC 5545 reads back.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rem_alert::shift::{Calendar, Feed, Plan, Range, Role, Rotation, Shift, ical};
use rem_time::{LocalTime, Span, Timestamp, Zone};

use crate::shift::{calendar, quarter};

/// The properties of one VEVENT.
type Event = BTreeMap<String, String>;

/// A small parser: unfolds, checks line ends and lengths and nesting.
#[track_caller]
fn parse(text: &str) -> Vec<Event> {
    assert!(text.ends_with("\r\n"));
    assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
    let mut lines: Vec<String> = Vec::new();
    for line in text.trim_end_matches("\r\n").split("\r\n") {
        assert!(line.len() <= 75 && !line.is_empty(), "{line}");
        match (line.strip_prefix(' '), lines.last_mut()) {
            (Some(more), Some(last)) => last.push_str(more),
            _ => lines.push(line.into()),
        }
    }
    assert_eq!(lines.first().unwrap(), "BEGIN:VCALENDAR");
    assert_eq!(lines.pop().unwrap(), "END:VCALENDAR");
    let (mut events, mut open): (Vec<Event>, Option<Event>) = (Vec::new(), None);
    for line in &lines[1..] {
        let (name, value) = line.split_once(':').unwrap();
        match (name, value) {
            ("BEGIN", "VEVENT") => assert!(open.replace(Event::new()).is_none()),
            ("END", "VEVENT") => events.push(open.take().unwrap()),
            _ => {
                if let Some(event) = &mut open {
                    let twice = event.insert(name.into(), unescape(value));
                    assert_eq!(twice, None, "{line}");
                }
            }
        }
    }
    assert!(open.is_none());
    events
}

fn unescape(value: &str) -> String {
    let mut text = String::new();
    let mut signs = value.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => match signs.next().unwrap() {
                'n' | 'N' => text.push('\n'),
                other => text.push(other),
            },
            _ => text.push(sign),
        }
    }
    text
}

fn time(stamp: &str) -> Timestamp {
    let part = |range: std::ops::Range<usize>| &stamp[range];
    assert_eq!((stamp.len(), part(8..9), part(15..16)), (16, "T", "Z"));
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0..4),
        part(4..6),
        part(6..8),
        part(9..11),
        part(11..13),
        part(13..15)
    );
    text.parse().unwrap()
}

fn times(events: &[Event]) -> Vec<(Timestamp, Timestamp)> {
    let times = events
        .iter()
        .map(|event| (time(&event["DTSTART"]), time(&event["DTEND"])));
    times.collect()
}

fn listed(shifts: &[Shift]) -> Vec<(Timestamp, Timestamp)> {
    shifts.iter().map(|one| (one.from, one.to)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if std::env::var("REM_NIGHTLY").is_ok() { 1_000 } else { 60 }))]

    #[test]
    fn every_shift_comes_back_from_the_text_under_its_own_name(calendar in calendar()) {
        let web = "web".into();
        let events = parse(&ical(&calendar, &Feed::Role("web".into()), quarter(), quarter().from));
        let shifts = calendar.whole_shifts(&web, quarter());
        prop_assert_eq!(times(&events), listed(&shifts));
        for (event, shift) in events.iter().zip(&shifts) {
            prop_assert_eq!(&event["SUMMARY"], &format!("web: {}", shift.user));
            prop_assert_eq!(time(&event["DTSTAMP"]), quarter().from);
        }
        let names: BTreeSet<&String> = events.iter().map(|event| &event["UID"]).collect();
        prop_assert_eq!(names.len(), events.len());
    }

    #[test]
    fn an_entry_keeps_its_name_and_time_as_the_feed_moves_on(calendar in calendar(), days in 1u64..30) {
        let standing = Role { standing: vec![], ..calendar.roles()[0].clone() };
        let calendar = Calendar::new(vec![standing], vec![], calendar.edits().to_vec());
        let feed = Feed::Role("web".into());
        let later = Range::new(quarter().from + Span::from_seconds(days * 86_400), quarter().to);
        let entries = |range| -> BTreeMap<String, Event> {
            let events = parse(&ical(&calendar, &feed, range, quarter().from)).into_iter();
            events.map(|event| (event["UID"].clone(), event)).collect()
        };
        let (early, late) = (entries(quarter()), entries(later));
        for (name, event) in &late {
            prop_assert_eq!(Some(event), early.get(name));
        }
    }
}

#[test]
fn a_name_of_any_signs_comes_back() {
    let odd = "Zoë; \"die\" Müller, née \\ O'Neil\nзамечательный-замечательный-замечательный 🦀🦀🦀🦀🦀🦀";
    let every = rem_alert::shift::Every::Weeks(1);
    let plan = Plan::new(
        vec![odd.into()],
        every,
        LocalTime::from_seconds(0),
        Zone::utc(),
    )
    .unwrap();
    let role = Role::new("a,b;c").layer(Rotation::new("r:s", plan));
    let calendar = Calendar::new(vec![role], vec![], vec![]);
    let text = ical(
        &calendar,
        &Feed::Role("a,b;c".into()),
        quarter(),
        quarter().from,
    );
    let events = parse(&text);
    assert_eq!(events[0]["SUMMARY"], format!("a,b;c: {odd}"));
    assert!(events[0]["UID"].is_ascii());
    let own = ical(
        &calendar,
        &Feed::User(odd.into()),
        quarter(),
        quarter().from,
    );
    assert_eq!(times(&parse(&own)), times(&events));
}
