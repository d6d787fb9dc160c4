//! Forced holds and maintenance.

use rem_alert::episode::Event;

use super::{ANN, HOUR, check, complete, fire, hold, simple};

#[test]
fn a_forced_hold_blocks_an_intermittent_alert_until_it_ends() {
    check(
        &simple(),
        ANN,
        &[
            (0, fire()),
            (10, Event::Force(hold(2000))),
            (20, complete()),
            (30, Event::Clear),
            (700, fire()),
            (800, Event::Clear),
            (1500, fire()),
        ],
        2000,
        "
        0: page ann
        0: → communicating
        10: drop below 2: Held
        10: → held by a person
        30: → clearing
        630: tell ann: recovered
        630: → idle
        700: → held by a person
        800: → clearing
        1400: → idle
        1500: → held by a person
        2000: page ann
        2000: → communicating
        ",
    );
}

#[test]
fn ending_a_forced_hold_early_pages_at_once() {
    let end = Event::EndForce { by: "cho".into() };
    check(
        &simple(),
        ANN,
        &[(0, Event::Force(hold(HOUR))), (10, fire()), (60, end)],
        60,
        "
        10: → held by a person
        60: page ann
        60: → communicating
        ",
    );
}

#[test]
fn an_alert_that_began_in_maintenance_and_lasts_is_told_at_its_end() {
    check(
        &simple(),
        ANN,
        &[(0, Event::Maintenance(hold(600))), (10, fire())],
        600,
        "
        10: → held by maintenance
        600: page ann
        600: → communicating
        ",
    );
}

#[test]
fn what_recovered_unanswered_is_quiet_in_maintenance() {
    check(
        &simple(),
        ANN,
        &[
            (0, fire()),
            (10, Event::Clear),
            (620, Event::Maintenance(hold(5000))),
        ],
        9000,
        "
        0: page ann
        0: → communicating
        10: drop below 2: Cleared
        10: → clearing
        610: tell ann: recovered, nobody answered
        610: → recovered, never acknowledged
        5000: mail ann
        8600: mail ann
        ",
    );
}
