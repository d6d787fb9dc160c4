//! Alerts that a parent explains.

use std::sync::Arc;

use rem_alert::episode::Event;
use rem_time::Timestamp;

use super::{
    ANN, HOUR, MINUTE, check, evaluated, fire, fire_below, minutes, parent_clears, parent_fires,
    rules, simple,
};

#[test]
fn an_alert_with_parents_waits_an_interval_and_for_their_results() {
    check(
        &simple(),
        ANN,
        &[(0, fire_below(&[])), (10, evaluated(9))],
        MINUTE,
        "
        0: look at pdu
        0: → settling
        60: page ann
        60: → communicating
        ",
    );
}

#[test]
fn a_parents_result_from_before_the_failure_does_not_count() {
    check(
        &simple(),
        ANN,
        &[
            (5, fire_below(&[])),
            (10, evaluated(4)),
            (100, evaluated(99)),
        ],
        2 * MINUTE,
        "
        5: look at pdu
        5: → settling
        100: page ann
        100: → communicating
        ",
    );
}

#[test]
fn parents_that_are_never_looked_at_delay_by_two_intervals_at_most() {
    check(
        &simple(),
        ANN,
        &[(0, fire_below(&[]))],
        2 * MINUTE,
        "
        0: look at pdu
        0: → settling
        120: page ann
        120: → communicating
        ",
    );
}

#[test]
fn a_child_of_a_failed_parent_is_held_and_nobody_is_paged() {
    check(
        &simple(),
        ANN,
        &[(0, fire_below(&[])), (10, parent_fires())],
        HOUR,
        "
        0: look at pdu
        0: → settling
        10: → held by a dependency
        ",
    );
}

#[test]
fn a_page_that_a_parent_explains_later_is_dropped_and_explained_once() {
    check(
        &simple(),
        ANN,
        &[(0, fire()), (30, parent_fires()), (40, parent_fires())],
        HOUR,
        "
        0: page ann
        0: → communicating
        30: tell ann: explained by pdu
        30: drop below 3: Dependency
        30: → held by a dependency
        ",
    );
}

#[test]
fn a_child_still_down_when_its_parent_recovers_is_told_from_the_first_role() {
    check(
        &rules(),
        ANN,
        &[
            (0, fire()),
            (1000, parent_fires()),
            (2000, parent_clears(2000, 2000)),
        ],
        2400,
        "
        0: page ann
        0: → communicating
        300: page ann
        600: page ann
        900: page bob
        1000: tell ann bob: explained by pdu
        1000: drop below 6: Dependency
        1000: → held by a dependency
        2000: page ann
        2000: → communicating
        2300: page ann
        ",
    );
}

#[test]
fn a_child_looked_at_before_its_parent_recovered_is_looked_at_first() {
    check(
        &simple(),
        ANN,
        &[
            (0, fire_below(&["pdu"])),
            (100, parent_clears(100, 50)),
            (
                110,
                Event::Sampled {
                    at: Timestamp::from_seconds(99),
                },
            ),
            (
                120,
                Event::Sampled {
                    at: Timestamp::from_seconds(119),
                },
            ),
        ],
        2 * MINUTE,
        "
        0: look at pdu
        0: → held by a dependency
        100: look again
        100: → settling
        120: page ann
        120: → communicating
        ",
    );
}

#[test]
fn a_child_that_recovered_with_its_parent_is_never_paged_for() {
    check(
        &simple(),
        ANN,
        &[
            (0, fire_below(&["pdu"])),
            (100, parent_clears(100, 50)),
            (120, Event::Clear),
        ],
        HOUR,
        "
        0: look at pdu
        0: → held by a dependency
        100: look again
        100: → settling
        120: → clearing
        720: → idle
        ",
    );
}

#[test]
fn a_child_that_nobody_looks_at_again_waits_one_interval_at_most() {
    check(
        &simple(),
        ANN,
        &[(0, fire_below(&["pdu"])), (100, parent_clears(100, 50))],
        160,
        "
        0: look at pdu
        0: → held by a dependency
        100: look again
        100: → settling
        160: page ann
        160: → communicating
        ",
    );
}

#[test]
fn the_last_of_two_parents_decides() {
    let other = |fires: bool| {
        let parent = Arc::from("switch");
        if fires {
            Event::ParentFire { parent }
        } else {
            let now = Timestamp::from_seconds(90);
            Event::ParentClear {
                parent,
                at: now,
                sampled: Some(now),
                every: minutes(1),
            }
        }
    };
    check(
        &simple(),
        ANN,
        &[
            (0, fire_below(&["pdu"])),
            (10, other(true)),
            (70, parent_clears(70, 70)),
            (90, other(false)),
        ],
        100,
        "
        0: look at pdu
        0: → held by a dependency
        90: page ann
        90: → communicating
        ",
    );
}
