//! Whom a page goes to, and when the next one.

use rem_alert::episode::{Effect, Episode, Event, Rules, Step};
use rem_time::Timestamp;

use super::{
    ANN, HOUR, MINUTE, check, complete, fire, hold, minutes, on_call, rules, simple, take,
};

#[test]
fn an_unanswered_page_moves_up_the_ladder_and_round_again_for_ever() {
    check(
        &rules(),
        ANN,
        &[(0, fire())],
        3 * HOUR,
        "
        0: page ann
        0: → communicating
        300: page ann
        600: page ann
        900: page bob
        1200: page ann
        1500: page ann
        1800: page ann
        2100: page bob
        2700: page ann
        3000: page ann
        3300: page ann
        3600: page bob
        4800: page ann
        5100: page ann
        5400: page ann
        5700: page bob
        7500: page ann
        7800: page ann
        8100: page ann
        8400: page bob
        10200: page ann
        10500: page ann
        10800: page ann
        ",
    );
}

#[test]
fn the_pause_between_rounds_doubles_up_to_half_an_hour() {
    let rules = Rules {
        round_gap_max: minutes(30),
        ..simple()
    };
    check(
        &rules,
        ANN,
        &[(0, fire())],
        2 * HOUR,
        "
        0: page ann
        0: → communicating
        300: page ann
        900: page ann
        2100: page ann
        3900: page ann
        5700: page ann
        ",
    );
}

#[test]
fn the_role_before_is_paged_until_the_next_ones_time_has_come() {
    let rules = Rules {
        ladder: vec![
            Step::new("web", 1, minutes(5)),
            Step::new("manager", 1, minutes(5)).after(minutes(12)),
        ],
        ..rules()
    };
    check(
        &rules,
        ANN,
        &[(0, fire())],
        20 * MINUTE,
        "
        0: page ann
        0: → communicating
        300: page ann
        600: page ann
        900: page bob
        1200: page ann
        ",
    );
}

#[test]
fn an_empty_role_is_skipped_at_once_and_raises_a_gap() {
    check(
        &rules(),
        &[(0, "manager", &["bob"])],
        &[(0, fire())],
        400,
        "
        0: gap web
        0: page bob
        0: → communicating
        300: gap web
        300: page bob
        ",
    );
}

#[test]
fn an_empty_last_role_does_not_shorten_the_pause_between_rounds() {
    let rules = Rules {
        ladder: vec![
            Step::new("web", 1, minutes(5)),
            Step::new("manager", 1, minutes(5)),
        ],
        ..rules()
    };
    check(
        &rules,
        &[(0, "web", &["ann"])],
        &[(0, fire())],
        1500,
        "
        0: page ann
        0: → communicating
        300: gap manager
        300: page ann
        600: gap manager
        900: page ann
        1200: gap manager
        ",
    );
}

#[test]
fn with_every_role_empty_the_sites_fallback_is_paged() {
    check(
        &rules(),
        &[],
        &[(0, fire())],
        300,
        "
        0: gap web
        0: gap manager
        0: page the site
        0: → communicating
        300: gap web
        300: gap manager
        300: page the site
        ",
    );
}

#[test]
fn an_alert_without_a_ladder_goes_to_the_site() {
    let rules = Rules::default();
    let expected = "0: page the site
        0: → communicating
        300: page the site";
    check(&rules, ANN, &[(0, fire())], 300, expected);
}

#[test]
fn escalating_pages_the_next_role_at_once() {
    let escalate = || Event::Escalate { by: "ann".into() };
    check(
        &rules(),
        ANN,
        &[(0, fire()), (10, escalate()), (20, escalate())],
        330,
        "
        0: page ann
        0: → communicating
        10: drop below 2: Reassigned
        10: page bob
        20: drop below 3: Reassigned
        20: page ann
        320: page ann
        ",
    );
}

#[test]
fn reassigning_wakes_that_user_even_after_an_acknowledgement() {
    let reassign = Event::Reassign {
        to: "cho".into(),
        by: "ann".into(),
    };
    check(
        &rules(),
        ANN,
        &[(0, fire()), (10, complete()), (20, reassign)],
        920,
        "
        0: page ann
        0: → communicating
        10: drop below 2: Acknowledged
        10: → acknowledged
        20: page cho
        20: → communicating
        320: page cho
        620: page cho
        920: page ann
        ",
    );
}

#[test]
fn reassigning_a_held_alert_tells_but_does_not_page() {
    let reassign = Event::Reassign {
        to: "cho".into(),
        by: "ann".into(),
    };
    check(
        &rules(),
        ANN,
        &[(0, Event::Force(hold(HOUR))), (10, fire()), (20, reassign)],
        60,
        "
        10: → held by a person
        20: tell cho: given by ann
        ",
    );
}

#[test]
fn who_takes_it_is_paged_alone_for_the_tries_of_a_step() {
    check(
        &rules(),
        ANN,
        &[(0, fire()), (900, Event::Wake), (910, take())],
        2200,
        "
        0: page ann
        0: → communicating
        300: page ann
        600: page ann
        900: page bob
        910: tell bob: ann took it
        910: drop below 6: Acknowledged
        1210: page ann
        1510: page ann
        1810: page ann
        2110: page ann
        ",
    );
}

#[test]
fn a_page_that_reaches_nobody_brings_the_next_role_early() {
    let dead = |message| Event::Unreachable { message };
    check(
        &rules(),
        ANN,
        &[(0, fire()), (5, dead(1)), (6, dead(1)), (7, dead(2))],
        310,
        "
        0: page ann
        0: → communicating
        5: page bob
        305: page ann
        ",
    );
}

#[test]
fn missed_repeats_are_one_message() {
    let rules = simple();
    let roster = |role: &str, _: Timestamp| on_call(ANN, role, 0);
    let mut episode = Episode::default();
    let mut effects = Vec::new();
    let start = Timestamp::from_seconds(0);
    episode.step(&fire(), start, &rules, &roster, &mut effects);
    effects.clear();
    // The process was away for a day.
    let later = Timestamp::from_seconds(24 * HOUR);
    episode.step(&Event::Wake, later, &rules, &roster, &mut effects);
    let pages = effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Page(_)));
    assert_eq!(pages.count(), 1);
    assert_eq!(episode.next_wakeup(), Some(later + minutes(5)));
}
