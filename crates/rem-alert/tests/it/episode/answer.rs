//! Acknowledgements.

use rem_alert::episode::{Episode, Event, RefireOverrides, Rules};
use rem_time::Timestamp;

use super::{ANN, HOUR, check, complete, fire, minutes, on_call, rules, simple, snooze, take};

#[test]
fn a_snooze_is_quiet_and_then_begins_at_the_first_role_as_it_is_now() {
    check(
        &rules(),
        &[
            (0, "web", &["ann"]),
            (0, "manager", &["bob"]),
            (1500, "web", &["cho"]),
        ],
        &[(0, fire()), (910, snooze(1510))],
        1600,
        "
        0: page ann
        0: → communicating
        300: page ann
        600: page ann
        900: page bob
        910: tell bob: ann snoozed
        910: drop below 6: Acknowledged
        910: → snoozed
        1510: page cho
        1510: → communicating
        ",
    );
}

#[test]
fn the_last_snooze_wins_and_may_shorten() {
    check(
        &simple(),
        ANN,
        &[(0, fire()), (10, snooze(HOUR)), (20, snooze(100))],
        100,
        "
        0: page ann
        0: → communicating
        10: drop below 2: Acknowledged
        10: → snoozed
        100: page ann
        100: → communicating
        ",
    );
}

#[test]
fn complete_is_quiet_until_it_is_over_and_those_told_hear_the_end() {
    check(
        &simple(),
        ANN,
        &[(0, fire()), (10, complete()), (5 * HOUR, Event::Clear)],
        10 * HOUR,
        "
        0: page ann
        0: → communicating
        10: drop below 2: Acknowledged
        10: → acknowledged
        18000: → clearing
        18600: tell ann: recovered
        18600: → idle
        ",
    );
}

#[test]
fn complete_with_a_limit_is_a_snooze() {
    let rules = Rules {
        ack_max: Some(minutes(2)),
        ..simple()
    };
    check(
        &rules,
        ANN,
        &[(0, fire()), (10, complete())],
        200,
        "
        0: page ann
        0: → communicating
        10: drop below 2: Acknowledged
        10: → snoozed
        130: page ann
        130: → communicating
        ",
    );
}

#[test]
fn a_fire_after_a_clear_overrides_a_snooze() {
    check(
        &simple(),
        ANN,
        &[
            (0, fire()),
            (10, snooze(HOUR)),
            (20, Event::Clear),
            (30, fire()),
        ],
        30,
        "
        0: page ann
        0: → communicating
        10: drop below 2: Acknowledged
        10: → snoozed
        20: → clearing
        30: page ann
        30: → communicating
        ",
    );
}

#[test]
fn a_fire_inside_the_clear_delay_leaves_a_complete_acknowledgement() {
    let script = [
        (0, fire()),
        (10, complete()),
        (20, Event::Clear),
        (30, fire()),
    ];
    check(
        &simple(),
        ANN,
        &script,
        HOUR,
        "
        0: page ann
        0: → communicating
        10: drop below 2: Acknowledged
        10: → acknowledged
        20: → clearing
        30: → acknowledged
        ",
    );
    let any = Rules {
        refire_overrides: RefireOverrides::Any,
        ..simple()
    };
    check(
        &any,
        ANN,
        &script,
        30,
        "
        0: page ann
        0: → communicating
        10: drop below 2: Acknowledged
        10: → acknowledged
        20: → clearing
        30: page ann
        30: → communicating
        ",
    );
}

#[test]
fn answers_to_nothing_do_nothing() {
    let script = [
        (0, complete()),
        (1, snooze(100)),
        (2, take()),
        (3, Event::Clear),
    ];
    check(&simple(), ANN, &script, HOUR, "");
}

#[test]
fn a_page_may_leave_only_while_its_episode_wants_it() {
    let rules = simple();
    let roster = |role: &str, _: Timestamp| on_call(ANN, role, 0);
    let (mut episode, mut effects) = (Episode::default(), Vec::new());
    let mut step = |event: Event, at| {
        let now = Timestamp::from_seconds(at);
        episode.step(&event, now, &rules, &roster, &mut effects);
        (episode.is_live(1, 1), episode.is_live(1, 2))
    };
    assert_eq!(step(fire(), 0), (true, true));
    assert_eq!(step(complete(), 1), (false, false));
    assert_eq!(step(snooze(10), 2), (false, false));
    assert_eq!(step(Event::Wake, 10), (false, true));
    assert_eq!(step(Event::Clear, 11), (false, false));
}
