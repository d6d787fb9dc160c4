//! Black-box scenarios of other systems, clocks and texts.

use rem_alert::episode::{Display, Effect, Episode, EpisodeId, Event, Rules, Step};
use rem_time::{Span, Timestamp};

use super::{
    ANN, Calendar, HOUR, MINUTE, check, complete, evaluated, fire, hold, minutes, on_call,
    parent_clears, rules, simple, snooze,
};

#[test]
fn s5_who_acknowledged_is_not_paged_when_the_snooze_ends_on_another_shift() {
    check(
        &simple(),
        &[(0, "web", &["u1"]), (1000, "web", &["u2"])],
        &[(0, fire()), (60, snooze(60 + 31 * MINUTE))],
        32 * MINUTE,
        "
        0: page u1
        0: → communicating
        60: tell u1: ann snoozed
        60: drop below 3: Acknowledged
        60: → snoozed
        1920: page u2
        1920: → communicating
        ",
    );
}

#[test]
fn s9_saying_the_same_again_makes_no_message() {
    check(
        &simple(),
        ANN,
        &[
            (0, fire()),
            (1, fire()),
            (2, Event::Wake),
            (
                3,
                Event::Sampled {
                    at: Timestamp::from_seconds(3),
                },
            ),
            (4, evaluated(4)),
            (5, parent_clears(5, 5)),
            (6, Event::EndMaintenance),
            (7, Event::Unreachable { message: 77 }),
        ],
        299,
        "
        0: page ann
        0: → communicating
        ",
    );
}

#[test]
fn s1_two_rules_that_were_missed_are_one_page() {
    // Two steps of one user, due after 1 and 2 minutes; three minutes pass at once.
    let rules = Rules {
        ladder: vec![
            Step::new("web", 1, minutes(1)),
            Step::new("web", 1, minutes(1)).after(minutes(1)),
        ],
        ..rules()
    };
    let roster = |role: &str, _: Timestamp| on_call(ANN, role, 0);
    let (mut episode, mut effects) = (Episode::default(), Vec::new());
    episode.step(
        &fire(),
        Timestamp::from_seconds(0),
        &rules,
        &roster,
        &mut effects,
    );
    effects.clear();
    let later = Timestamp::from_seconds(180);
    episode.step(&Event::Wake, later, &rules, &roster, &mut effects);
    let pages = effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Page(_)));
    assert_eq!(pages.count(), 1);
}

#[test]
fn s2_a_heartbeat_that_stops_is_one_alert_until_it_beats_again() {
    // 60 minutes without a beat; a beat; 15 minutes later nothing more.
    let muted = Event::Force(hold(100 * HOUR));
    let rules = Rules {
        clear_delay: Span::ZERO,
        round_gap_max: Span::from_seconds(86_400),
        ladder: vec![Step::new("web", 1, Span::from_seconds(86_400))],
        ..rules()
    };
    check(
        &rules,
        ANN,
        &[(3600, fire()), (3700, complete()), (3800, Event::Clear)],
        3800 + 15 * MINUTE,
        "
        3600: page ann
        3600: → communicating
        3700: drop below 2: Acknowledged
        3700: → acknowledged
        3800: tell ann: recovered
        3800: → idle
        ",
    );
    let expected = "3600: → held by a person";
    check(
        &rules,
        ANN,
        &[(0, muted), (3600, fire())],
        9 * HOUR,
        expected,
    );
}

#[test]
fn s3_the_page_goes_to_who_is_on_call_at_that_instant() {
    // Two users, two hours each, started 3 h 50 min ago: the second, then the first.
    let calendar: Calendar = &[(0, "web", &["user-2"]), (600, "web", &["user-1"])];
    check(
        &simple(),
        calendar,
        &[(0, fire()), (10, snooze(20 * MINUTE))],
        20 * MINUTE,
        "
        0: page user-2
        0: → communicating
        10: tell user-2: ann snoozed
        10: drop below 3: Acknowledged
        10: → snoozed
        1200: page user-1
        1200: → communicating
        ",
    );
}

#[test]
fn s4_a_ladder_with_one_late_step_still_pages_at_once() {
    let rules = Rules {
        ladder: vec![Step::new("web", 1, minutes(5)).after(minutes(30))],
        ..rules()
    };
    let expected = "0: page ann
        0: → communicating";
    check(&rules, ANN, &[(0, fire())], 299, expected);
}

#[test]
fn a_clock_that_is_set_back_makes_nobody_wait_longer() {
    let rules = simple();
    let roster = |role: &str, _: Timestamp| on_call(ANN, role, 0);
    let (mut episode, mut effects) = (Episode::default(), Vec::new());
    let start = Timestamp::from_seconds(7200);
    episode.step(&fire(), start, &rules, &roster, &mut effects);
    let back = Timestamp::from_seconds(3600);
    episode.step(&Event::Wake, back, &rules, &roster, &mut effects);
    assert_eq!(episode.next_wakeup(), Some(back + minutes(5)));
    episode.step(&snooze(3600 + 600), back, &rules, &roster, &mut effects);
    let further = Timestamp::from_seconds(0);
    episode.step(&Event::Wake, further, &rules, &roster, &mut effects);
    assert_eq!(episode.next_wakeup(), Some(further + minutes(10)));
    assert_eq!(episode.display(), Display::Snoozed);
}

#[test]
fn the_timeline_reads_as_sentences() {
    let rules = simple();
    let roster = |role: &str, _: Timestamp| on_call(ANN, role, 0);
    let (mut episode, mut effects) = (Episode::default(), Vec::new());
    for event in [
        fire(),
        Event::Comment {
            by: "bob".into(),
            text: "on my way".into(),
        },
        snooze(600),
        Event::Force(hold(700)),
    ] {
        episode.step(&event, Timestamp::EPOCH, &rules, &roster, &mut effects);
    }
    let lines: Vec<String> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Audit(line) => Some(line.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(
        lines,
        [
            "fires; message 1 to web; idle → communicating",
            "bob: on my way",
            "ann snoozed it until 1970-01-01T00:10:00Z; communicating → snoozed",
            "cho holds it until 1970-01-01T00:11:40Z: known problem; snoozed → held by a person",
        ]
    );
}

#[test]
fn ids_of_episodes_and_messages_read_back() {
    for text in [
        "web-down@machine:web-01#3",
        "full@monitor:web-01/linux/disk#/var#12",
    ] {
        let id: EpisodeId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(id.message(2), format!("{text}.2"));
    }
    for text in ["", "web-down", "web-down#3", "web@x#many", "web@x#-1"] {
        assert!(text.parse::<EpisodeId>().is_err(), "{text}");
    }
}
