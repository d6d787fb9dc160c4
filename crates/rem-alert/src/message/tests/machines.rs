use std::collections::{HashSet, VecDeque};

use rem_time::{Span, Timestamp};

use crate::episode::{SupersedeReason, Timer, Urgency};
use crate::message::{Context, Effect, Event, Message, RETRY_FIRST, RETRY_MAX, State};

const NOW: Timestamp = Timestamp::from_seconds(1_000_000);
const LEASE: Span = Span::from_seconds(30);

fn after(seconds: u64) -> Timestamp {
    NOW + Span::from_seconds(seconds)
}

fn page() -> Message {
    Message {
        urgency: Some(Urgency::Page),
        ..Message::new("web-down@web#1.1/ann", "ann", NOW)
    }
}

fn lease() -> Event {
    Event::Lease {
        node: "node-1".into(),
        lasts: LEASE,
    }
}

fn refused(epoch: u32) -> Event {
    Event::Permanent {
        epoch,
        error: "550 no such user".into(),
    }
}

fn taken() -> Event {
    Event::Accepted {
        provider: "250 queued as 77".into(),
    }
}

const TWO: Context<'_> = Context {
    contacts: &[true, true],
    seed: 7,
};

fn step(message: &mut Message, event: &Event, now: Timestamp, contacts: &[bool]) -> Vec<Effect> {
    let mut effects = Vec::new();
    let context = Context { contacts, seed: 7 };
    message.step(event, now, context, &mut effects);
    effects
}

#[test]
fn a_message_is_leased_and_sent() {
    let mut message = page();
    assert!(step(&mut message, &lease(), NOW, &[true]).is_empty());
    assert!(matches!(&message.state, State::Leased(lease) if lease.epoch == 1));
    step(&mut message, &taken(), after(1), &[true]);
    assert!(matches!(message.state, State::Sent { .. }));
    step(&mut message, &Event::Delivered, after(2), &[true]);
    assert_eq!(message.state, State::Delivered { at: after(2) });
    assert_eq!(message.next_wakeup(), None);
}

#[test]
fn two_nodes_cannot_lease_one_message() {
    let mut message = page();
    step(&mut message, &lease(), NOW, &[true]);
    let before = message.clone();
    step(&mut message, &lease(), after(1), &[true]);
    assert_eq!(message, before);
}

#[test]
fn retries_have_no_limit_and_spread_between_one_second_and_five_minutes() {
    let mut message = page();
    let mut now = NOW;
    let mut longest = Span::ZERO;
    for attempt in 1..=500_u32 {
        step(&mut message, &lease(), now, &[true]);
        assert_eq!(message.attempts, attempt);
        step(
            &mut message,
            &Event::Temporary { epoch: attempt },
            now,
            &[true],
        );
        let State::RetryWait { timer } = message.state else {
            panic!("{message:?}");
        };
        let wait = timer.until.since(now);
        assert!(Span::from_seconds(1) <= wait && wait <= RETRY_MAX);
        assert!(attempt > 1 || wait <= RETRY_FIRST);
        longest = longest.max(wait);
        now = timer.until;
    }
    assert!(longest > Span::from_seconds(240), "it backs off: {longest}");
    assert_eq!(&*message.id, "web-down@web#1.1/ann");
}

#[test]
fn messages_that_failed_together_are_not_retried_together() {
    let waits: HashSet<Timestamp> = (0..100)
        .map(|number| {
            let mut message = Message::new(format!("e#1.{number}"), "ann", NOW);
            for attempt in 1..=6 {
                message.state = State::Queued { not_before: NOW };
                step(&mut message, &lease(), NOW, &[true]);
                step(
                    &mut message,
                    &Event::Temporary { epoch: attempt },
                    NOW,
                    &[true],
                );
            }
            message.next_wakeup().unwrap()
        })
        .collect();
    assert!(waits.len() > 95, "{}", waits.len());
}

#[test]
fn a_lease_that_runs_out_is_tried_again() {
    let mut message = page();
    step(&mut message, &lease(), NOW, &[true]);
    assert_eq!(message.next_wakeup(), Some(NOW + LEASE));
    step(&mut message, &Event::Wake, NOW + LEASE, &[true]);
    assert!(matches!(message.state, State::RetryWait { .. }));
    let again = message.next_wakeup().unwrap();
    step(&mut message, &lease(), again, &[true]);
    assert_eq!(message.attempts, 2);
}

#[test]
fn a_late_success_counts_and_a_late_failure_does_not() {
    let mut message = page();
    step(&mut message, &lease(), NOW, &[true]);
    step(&mut message, &Event::Wake, after(60), &[true]);
    let waiting = message.clone();
    step(
        &mut message,
        &Event::Temporary { epoch: 1 },
        after(61),
        &[true],
    );
    step(&mut message, &refused(1), after(61), &[true]);
    assert_eq!(message, waiting);
    step(&mut message, &taken(), after(62), &[true]);
    assert!(matches!(message.state, State::Sent { .. }));
}

#[test]
fn a_broken_contact_brings_the_next_one_at_once() {
    let mut message = page();
    step(&mut message, &lease(), NOW, TWO.contacts);
    let effects = step(&mut message, &refused(1), after(1), TWO.contacts);
    assert_eq!(
        effects,
        [Effect::ContactBroken {
            contact: 0,
            error: "550 no such user".into()
        }]
    );
    assert_eq!((message.contact, message.is_ready(after(1))), (1, true));
    let effects = {
        step(&mut message, &lease(), after(1), &[false, true]);
        step(&mut message, &refused(2), after(2), &[false, true])
    };
    assert_eq!(effects.last(), Some(&Effect::Unreachable));
    assert_eq!(message.state, State::Unreachable { at: after(2) });
}

#[test]
fn a_contact_known_to_be_broken_is_not_tried() {
    let mut message = page();
    let effects = step(&mut message, &lease(), NOW, &[false, true]);
    assert_eq!((effects, message.contact), (vec![], 1));
    assert!(matches!(message.state, State::Leased(_)));
    let mut message = page();
    let effects = step(&mut message, &lease(), NOW, &[false, false]);
    assert_eq!(effects, [Effect::Unreachable]);
    let effects = step(&mut page(), &lease(), NOW, &[]);
    assert_eq!(effects, [Effect::Unreachable]);
}

#[test]
fn what_waits_can_be_superseded_and_what_is_on_its_way_cannot() {
    let supersede = Event::Supersede {
        why: SupersedeReason::Acknowledged,
    };
    let mut message = page();
    step(&mut message, &lease(), NOW, &[true]);
    step(&mut message, &supersede, NOW, &[true]);
    assert!(matches!(message.state, State::Leased(_)));
    step(&mut message, &Event::Temporary { epoch: 1 }, NOW, &[true]);
    step(&mut message, &supersede, NOW, &[true]);
    assert!(matches!(message.state, State::Superseded { .. }));
    let mut note = Message::new("e#1.2/ann", "ann", NOW);
    step(&mut note, &supersede, NOW, &[true]);
    assert!(
        matches!(note.state, State::Queued { .. }),
        "a note always leaves"
    );
}

#[test]
fn what_is_bundled_shares_the_fate_of_what_carries_it() {
    let bundled = || {
        let mut message = page();
        let into = "digest/ann/1".into();
        step(&mut message, &Event::Bundle { into }, NOW, &[true]);
        assert!(!message.is_ready(after(9)) && !message.is_over());
        message
    };
    let mut message = bundled();
    step(&mut message, &taken(), after(1), &[true]);
    assert!(matches!(message.state, State::Sent { .. }));
    let mut message = bundled();
    let effects = step(&mut message, &Event::Abandoned, after(1), &[true]);
    assert_eq!(effects, [Effect::Unreachable]);
    assert_eq!(message.state, State::Unreachable { at: after(1) });
    let mut message = page();
    step(&mut message, &Event::Abandoned, after(1), &[true]);
    assert_eq!(message, page(), "it is not carried by another");
}

#[test]
fn a_clock_that_is_set_back_does_not_prolong_a_wait() {
    let mut message = page();
    step(&mut message, &lease(), after(3600), &[true]);
    step(
        &mut message,
        &Event::Temporary { epoch: 1 },
        after(3600),
        &[true],
    );
    assert!(message.is_ready(NOW) || message.next_wakeup().unwrap() > NOW);
    step(&mut message, &Event::Wake, NOW, &[true]);
    assert!(message.next_wakeup().unwrap() <= NOW + RETRY_FIRST);
}

/// A message and what really happened to it, which the machine does not see.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    message: Message,
    contacts: [bool; 2],
    /// How often it arrived.
    arrived: u8,
    /// Senders that ended after it arrived and before they could say so.
    crashes: u8,
    wanted: bool,
}

#[derive(Clone, Copy, Debug)]
enum Move {
    Lease,
    /// It arrives and the answer is kept.
    Send,
    /// It arrives, and the sender ends before the answer is kept.
    SendAndCrash,
    /// The sender ends before it sends.
    Crash,
    Fail,
    Refuse,
    Supersede,
    Tick,
}

const MOVES: [Move; 8] = [
    Move::Lease,
    Move::Send,
    Move::SendAndCrash,
    Move::Crash,
    Move::Fail,
    Move::Refuse,
    Move::Supersede,
    Move::Tick,
];

/// I11: at most one duplicate for each crash, and nothing that is wanted is lost.
#[test]
fn every_reachable_state_of_a_message_loses_nothing_and_doubles_only_by_crash() {
    let start = World {
        message: page(),
        contacts: [true; 2],
        arrived: 0,
        crashes: 0,
        wanted: true,
    };
    let mut seen = HashSet::from([start.clone()]);
    let mut queue = VecDeque::from([start]);
    let mut transitions = 0;
    while let Some(world) = queue.pop_front() {
        for what in MOVES {
            let Some(next) = go(&world, what) else {
                continue;
            };
            transitions += 1;
            judge(&world, what, &next);
            let mut next = next;
            normal(&mut next.message, what);
            if next.crashes <= 3 && seen.insert(next.clone()) {
                queue.push_back(next);
            }
        }
    }
    println!("message: {} states, {transitions} transitions", seen.len());
    assert!(seen.len() > 100, "{}", seen.len());
}

fn go(world: &World, what: Move) -> Option<World> {
    let mut next = world.clone();
    let leased = match &world.message.state {
        State::Leased(lease) => Some(lease.epoch),
        _ => None,
    };
    let mut now = NOW;
    let event = match (what, leased) {
        (Move::Lease, None) => lease(),
        (Move::Send, Some(_)) => {
            next.arrived += 1;
            taken()
        }
        (Move::SendAndCrash, Some(_)) => {
            next.arrived += 1;
            next.crashes += 1;
            now = NOW + LEASE;
            Event::Wake
        }
        (Move::Crash, Some(_)) => {
            now = NOW + LEASE;
            Event::Wake
        }
        (Move::Fail, Some(epoch)) => Event::Temporary { epoch },
        (Move::Refuse, Some(epoch)) => refused(epoch),
        (Move::Supersede, _) => {
            next.wanted = false;
            Event::Supersede {
                why: SupersedeReason::Cleared,
            }
        }
        (Move::Tick, None) => {
            now = world.message.next_wakeup().unwrap_or(NOW).max(NOW);
            Event::Wake
        }
        _ => return None,
    };
    let contacts = next.contacts;
    for effect in step(&mut next.message, &event, now, &contacts) {
        if let Effect::ContactBroken { contact, .. } = effect {
            next.contacts[contact as usize] = false;
        }
    }
    Some(next)
}

#[track_caller]
fn judge(before: &World, what: Move, after: &World) {
    let case = || format!("{what:?} from {before:?} to {after:?}");
    assert!(after.arrived <= 1 + after.crashes, "doubled: {}", case());
    assert!(
        before.message.attempts <= after.message.attempts,
        "{}",
        case()
    );
    assert_eq!(before.message.id, after.message.id, "{}", case());
    match &after.message.state {
        State::Superseded { .. } => assert!(!after.wanted, "dropped: {}", case()),
        State::Unreachable { .. } => {
            assert_eq!(after.contacts, [false; 2], "given up: {}", case());
        }
        State::Sent { .. } | State::Delivered { .. } => {
            assert!(after.arrived > 0, "lost: {}", case());
        }
        State::Queued { .. } | State::Leased(_) | State::RetryWait { .. } => {
            assert!(after.message.next_wakeup().is_some(), "asleep: {}", case());
        }
        State::Bundled { .. } => unreachable!("nothing bundles here"),
    }
    if before.message.is_over() {
        assert_eq!(before.message.state, after.message.state, "{}", case());
    }
}

/// The same an unbounded time and number of attempts later.
fn normal(message: &mut Message, what: Move) {
    message.attempts = message.attempts.min(1);
    message.failures = message.failures.min(2);
    let timer = Timer {
        from: NOW,
        until: after(5),
    };
    match &mut message.state {
        State::Queued { not_before } => *not_before = NOW,
        State::Leased(lease) => {
            lease.epoch = 1;
            lease.timer = Timer {
                from: NOW,
                until: NOW + LEASE,
            };
        }
        State::RetryWait { timer: old } => {
            *old = if matches!(what, Move::Tick) {
                Timer {
                    from: NOW,
                    until: NOW,
                }
            } else {
                timer
            };
        }
        State::Sent { at, .. }
        | State::Delivered { at }
        | State::Superseded { at, .. }
        | State::Unreachable { at } => *at = NOW,
        State::Bundled { .. } => {}
    }
}
