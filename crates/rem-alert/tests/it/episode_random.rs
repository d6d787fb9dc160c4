//! Long random lives of an episode, on clocks that also jump back.

use std::sync::Arc;

use proptest::prelude::*;
use rem_alert::episode::{
    Ack, AfterClear, Condition, Effect, Episode, Event, Hold, Parents, RefireOverrides, Rules,
    Step, replay,
};
use rem_time::{Span, Timestamp};

const NODES: [&str; 3] = ["machine:a", "machine:b", "switch:c"];
const ROLES: [&str; 3] = ["first", "second", "third"];
const USERS: [&str; 3] = ["ann", "bob", "cho"];

/// One step: seconds that pass (back when negative), what happens, who is on call.
#[derive(Clone, Debug)]
struct Beat {
    seconds: i64,
    event: Event,
    staffed: [bool; 3],
}

fn name(names: &'static [&'static str]) -> impl Strategy<Value = Arc<str>> {
    (0..names.len()).prop_map(move |place| Arc::from(names[place]))
}

fn instant() -> impl Strategy<Value = Timestamp> {
    (0_i64..20_000).prop_map(Timestamp::from_seconds)
}

fn hold() -> impl Strategy<Value = Hold> {
    (instant(), name(&USERS)).prop_map(|(until, by)| Hold {
        until,
        by,
        why: "known".into(),
    })
}

fn event() -> impl Strategy<Value = Event> {
    let nodes = || proptest::collection::vec(name(&NODES), 0..3).prop_map(Arc::from);
    let fire = (nodes(), nodes(), 0_u64..120).prop_map(|(all, alerting, every)| {
        Event::Fire(Parents {
            all,
            alerting,
            every: Span::from_seconds(every),
        })
    });
    let parent_clears = (
        name(&NODES),
        instant(),
        proptest::option::of(instant()),
        0_u64..120,
    )
        .prop_map(|(parent, at, sampled, every)| Event::ParentClear {
            parent,
            at,
            sampled,
            every: Span::from_seconds(every),
        });
    prop_oneof![
        4 => fire,
        3 => Just(Event::Clear),
        8 => Just(Event::Wake),
        2 => (name(&NODES), instant()).prop_map(|(parent, at)| Event::Evaluated { parent, at }),
        1 => name(&NODES).prop_map(|parent| Event::ParentFire { parent }),
        2 => parent_clears,
        1 => instant().prop_map(|at| Event::Sampled { at }),
        1 => (instant(), name(&USERS)).prop_map(|(until, by)| Event::Snooze { until, by }),
        1 => name(&USERS).prop_map(|by| Event::Complete { by }),
        1 => hold().prop_map(Event::Force),
        1 => name(&USERS).prop_map(|by| Event::EndForce { by }),
        1 => hold().prop_map(Event::Maintenance),
        1 => Just(Event::EndMaintenance),
        1 => (name(&USERS), name(&USERS)).prop_map(|(to, by)| Event::Reassign { to, by }),
        1 => name(&USERS).prop_map(|by| Event::Escalate { by }),
        1 => name(&USERS).prop_map(|by| Event::Take { by }),
        1 => (0_u32..6).prop_map(|message| Event::Unreachable { message }),
        1 => name(&USERS).prop_map(|by| Event::Comment { by, text: "hm".into() }),
        1 => Just(Event::Removed { why: "reload".into() }),
    ]
}

fn beat() -> impl Strategy<Value = Beat> {
    let seconds = prop_oneof![9 => 0_i64..900, 1 => -4_000_i64..4_000];
    (seconds, event(), any::<[bool; 3]>()).prop_map(|(seconds, event, staffed)| Beat {
        seconds,
        event,
        staffed,
    })
}

fn rules() -> impl Strategy<Value = Rules> {
    let step =
        (name(&ROLES), 0_u32..4, 0_u64..600, 0_u64..900).prop_map(|(role, tries, every, after)| {
            Step::new(role, tries, Span::from_seconds(every)).after(Span::from_seconds(after))
        });
    let spans = (0_u64..700, 0_u64..700, 0_u64..2_000)
        .prop_map(|(a, b, c)| [a, b, c].map(Span::from_seconds));
    (
        proptest::collection::vec(step, 0..4),
        spans,
        proptest::option::of((0_u64..300).prop_map(Span::from_seconds)),
        proptest::option::of((0_u64..300).prop_map(Span::from_seconds)),
        any::<bool>(),
        prop_oneof![
            Just(AfterClear::Low),
            Just(AfterClear::Page),
            Just(AfterClear::Stop)
        ],
    )
        .prop_map(|(ladder, spans, settle, ack_max, any, after_clear)| Rules {
            settle,
            clear_delay: spans[0],
            ladder,
            repeat: spans[1],
            round_gap_max: spans[2],
            ack_max,
            refire_overrides: if any {
                RefireOverrides::Any
            } else {
                RefireOverrides::Snooze
            },
            after_clear,
        })
}

/// The rule of communication, written down once more.
fn wants_to_talk(episode: &Episode) -> bool {
    let held = episode.forced.is_some() || episode.maintenance.is_some();
    match episode.condition {
        Condition::Firing { .. } => {
            !held
                && episode.ack == Ack::None
                && episode.parents.is_empty()
                && episode.settle.is_none()
                && episode.recheck.is_none()
        }
        Condition::Recovered { .. } => !held,
        Condition::Clear | Condition::Clearing(_) => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if std::env::var_os("REM_NIGHTLY").is_some() { 20_000 } else { 300 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_life_of_an_episode_breaks_a_promise(
        rules in rules(),
        beats in proptest::collection::vec(beat(), 1..120),
    ) {
        let mut episode = Episode::default();
        let mut at = 5_000_i64;
        let mut lines = Vec::new();
        let mut newest = (0, 0);
        let mut debt = false;
        for beat in &beats {
            at += beat.seconds;
            let now = Timestamp::from_seconds(at);
            let staffed = beat.staffed;
            let roster = |role: &str, _: Timestamp| {
                let place = ROLES.iter().position(|name| *name == role).unwrap();
                if staffed[place] { vec![Arc::from(USERS[place])] } else { vec![] }
            };
            let before = episode.clone();
            let mut effects = Vec::new();
            episode.step(&beat.event, now, &rules, &roster, &mut effects);

            let talks = wants_to_talk(&episode);
            prop_assert_eq!(talks, episode.talks());
            prop_assert_eq!(talks, episode.ladder.due.is_some());
            let longest = match episode.condition {
                Condition::Recovered { .. } => rules.gap_max().max(Span::from_seconds(86_400)),
                _ => rules.gap_max(),
            };
            prop_assert!(episode.ladder.due.is_none_or(|due| due.until <= now + longest));
            prop_assert!(episode.next_wakeup().is_none_or(|wake| now < wake));

            let mut audited = false;
            for effect in &effects {
                let number = match effect {
                    Effect::Page(page) => {
                        prop_assert!(talks && episode.is_live(page.episode, page.message));
                        debt = true;
                        (page.episode, page.message)
                    }
                    Effect::Note(note) => {
                        prop_assert!(!note.users.is_empty());
                        (note.episode, note.message)
                    }
                    Effect::Audit(line) => {
                        lines.push(line.clone());
                        audited = true;
                        continue;
                    }
                    _ => continue,
                };
                prop_assert!(newest < number, "numbers only grow: {:?} {:?}", newest, number);
                newest = number;
            }
            prop_assert!(audited || before == episode, "{:?} is on no line", beat.event);
            if !effects.iter().any(|effect| matches!(effect, Effect::Page(_))) {
                debt &= !matches!(
                    beat.event,
                    Event::Snooze { .. } | Event::Complete { .. } | Event::Take { .. }
                        | Event::Removed { .. }
                );
                debt &= rules.after_clear != AfterClear::Stop || episode.is_open();
            }
            prop_assert!(!debt || episode.is_open(), "forgotten");

            let mut again = episode.clone();
            let mut nothing = Vec::new();
            again.step(&Event::Wake, now, &rules, &roster, &mut nothing);
            prop_assert_eq!(&again, &episode, "a restart is the identity");
            prop_assert!(nothing.is_empty());
        }
        prop_assert_eq!(replay(Episode::default(), &lines, &rules), episode);
    }

    #[test]
    fn a_host_that_follows_the_wakeups_always_reaches_the_next_page(
        rules in rules(),
        beats in proptest::collection::vec(beat(), 1..60),
    ) {
        let roster = |role: &str, _: Timestamp| vec![Arc::from(role)];
        let mut episode = Episode::default();
        let mut at = 5_000_i64;
        for beat in &beats {
            at += beat.seconds;
            let now = Timestamp::from_seconds(at);
            episode.step(&beat.event, now, &rules, &roster, &mut Vec::new());
        }
        let mut effects = Vec::new();
        let pages = |effects: &[Effect]| effects.iter().filter(|e| matches!(e, Effect::Page(_))).count();
        for _ in 0..12 {
            if matches!(episode.ack, Ack::Complete { .. }) || !episode.is_open() || pages(&effects) > 0 {
                break;
            }
            let Some(wake) = episode.next_wakeup() else {
                prop_assert!(!episode.parents.is_empty(), "sleeps for ever: {:?}", episode);
                break;
            };
            episode.step(&Event::Wake, wake, &rules, &roster, &mut effects);
        }
        let waits = !episode.is_open()
            || matches!(episode.ack, Ack::Complete { .. })
            || !episode.parents.is_empty();
        prop_assert!(waits || pages(&effects) > 0, "{:?}", episode);
    }
}
