//! Alerts that clear, flap and end.

use rem_alert::episode::{AfterClear, Event, Rules};

use super::{ANN, HOUR, check, complete, fire, fire_below, simple};

#[test]
fn a_fire_after_the_clear_delay_is_a_new_episode_without_its_acknowledgement() {
    check(
        &simple(),
        ANN,
        &[
            (0, fire()),
            (10, complete()),
            (20, Event::Clear),
            (700, fire()),
        ],
        700,
        "
        0: page ann
        0: → communicating
        10: drop below 2: Acknowledged
        10: → acknowledged
        20: → clearing
        620: tell ann: recovered
        620: → idle
        700: page ann
        700: → communicating
        ",
    );
}

#[test]
fn an_intermittent_alert_keeps_its_rhythm() {
    check(
        &simple(),
        ANN,
        &[
            (0, fire()),
            (20, Event::Clear),
            (30, fire()),
            (290, Event::Clear),
            (400, fire()),
        ],
        400,
        "
        0: page ann
        0: → communicating
        20: drop below 2: Cleared
        20: → clearing
        30: → communicating
        290: → clearing
        400: page ann
        400: → communicating
        ",
    );
}

#[test]
fn what_recovered_unanswered_is_written_at_growing_intervals_until_answered() {
    check(
        &simple(),
        ANN,
        &[
            (0, fire()),
            (10, Event::Clear),
            (63 * HOUR + 700, complete()),
        ],
        99 * HOUR,
        "
        0: page ann
        0: → communicating
        10: drop below 2: Cleared
        10: → clearing
        610: tell ann: recovered, nobody answered
        610: → recovered, never acknowledged
        4210: mail ann
        11410: mail ann
        25810: mail ann
        54610: mail ann
        112210: mail ann
        198610: mail ann
        227500: drop below 9: Acknowledged
        227500: → idle
        ",
    );
}

#[test]
fn what_recovered_unanswered_can_go_on_paging_or_stop() {
    let script = [(0, fire()), (10, Event::Clear)];
    let page = Rules {
        after_clear: AfterClear::Page,
        ..simple()
    };
    check(
        &page,
        ANN,
        &script,
        1000,
        "
        0: page ann
        0: → communicating
        10: drop below 2: Cleared
        10: → clearing
        610: tell ann: recovered, nobody answered
        610: page ann
        610: → recovered, never acknowledged
        910: page ann
        ",
    );
    let stop = Rules {
        after_clear: AfterClear::Stop,
        ..simple()
    };
    check(
        &stop,
        ANN,
        &script,
        99 * HOUR,
        "
        0: page ann
        0: → communicating
        10: drop below 2: Cleared
        10: → clearing
        610: tell ann: recovered, nobody answered
        610: → idle
        ",
    );
}

#[test]
fn a_new_episode_inherits_the_answer_that_is_owed() {
    check(
        &simple(),
        ANN,
        &[
            (0, fire()),
            (10, Event::Clear),
            (700, fire_below(&["pdu"])),
            (710, Event::Clear),
        ],
        4 * HOUR,
        "
        0: page ann
        0: → communicating
        10: drop below 2: Cleared
        10: → clearing
        610: tell ann: recovered, nobody answered
        610: → recovered, never acknowledged
        700: look at pdu
        700: → held by a dependency
        710: → clearing
        1310: tell ann: recovered, nobody answered
        1310: → recovered, never acknowledged
        4910: mail ann
        12110: mail ann
        ",
    );
}

#[test]
fn a_new_fire_after_an_unanswered_recovery_pages_at_once() {
    check(
        &simple(),
        ANN,
        &[(0, fire()), (10, Event::Clear), (700, fire_below(&[]))],
        700,
        "
        0: page ann
        0: → communicating
        10: drop below 2: Cleared
        10: → clearing
        610: tell ann: recovered, nobody answered
        610: → recovered, never acknowledged
        700: look at pdu
        700: page ann
        700: → communicating
        ",
    );
}

#[test]
fn an_alert_nobody_was_told_of_ends_without_a_word() {
    check(
        &simple(),
        ANN,
        &[(0, fire_below(&[])), (30, Event::Clear)],
        HOUR,
        "
        0: look at pdu
        0: → settling
        30: → clearing
        630: → idle
        ",
    );
}

#[test]
fn an_alert_that_is_no_longer_configured_ends_with_a_word() {
    let removed = Event::Removed {
        why: "reload".into(),
    };
    check(
        &simple(),
        ANN,
        &[(0, fire()), (10, removed)],
        HOUR,
        "
        0: page ann
        0: → communicating
        10: tell ann: removed: reload
        10: drop below 3: Removed
        10: → idle
        ",
    );
}
