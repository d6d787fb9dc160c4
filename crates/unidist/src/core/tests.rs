use proptest::prelude::*;

use super::*;
use crate::ack::{MsgId, OpId, Token};
use crate::spec::QueueSpec;
use crate::wire::Wire;

fn name() -> impl Strategy<Value = Name> {
    prop_oneof![Just("a"), Just("b"), Just("c")].prop_map(Name::from)
}

fn body() -> impl Strategy<Value = Body> {
    any::<[u8; 3]>().prop_map(|bytes| Body::from(bytes.as_slice()))
}

fn command() -> impl Strategy<Value = Command> {
    let token = || (0..20_u64).prop_map(Token);
    prop_oneof![
        (name(), proptest::option::of(0..50_u64)).prop_map(|(name, lease)| Command::LockTake {
            take: Take {
                name,
                owner: "o".into(),
                pid: 1,
                lease,
                priority: 0
            }
        }),
        (name(), token()).prop_map(|(name, token)| Command::LockRelease { name, token }),
        (name(), -9..9_i64).prop_map(|(name, n)| Command::CounterAdd { name, n }),
        (name(), 1..5_u64).prop_map(|(name, n)| {
            let spec = QueueSpec {
                max_deliveries: 2,
                dead_letter: Some("c".into()),
                ..QueueSpec::last(n)
            };
            Command::QueueDeclare { name, spec }
        }),
        (name(), body(), proptest::option::of(name())).prop_map(|(name, body, dedup)| {
            Command::QueuePush {
                name,
                items: vec![Push {
                    body,
                    dedup,
                    not_before: None,
                }],
            }
        }),
        (name(), any::<bool>()).prop_map(|(name, newest)| Command::QueuePop { name, newest }),
        (name(), name(), 1..3_u64).prop_map(|(name, group, n)| Command::QueueTake {
            name,
            group,
            n
        }),
        (name(), name(), 1..20_u64, token(), any::<bool>()).prop_map(
            |(name, group, id, token, ack)| {
                let how = if ack {
                    Settle::Ack
                } else {
                    Settle::Nack { delay: 3 }
                };
                Command::QueueSettle {
                    name,
                    group,
                    id: MsgId(id),
                    token,
                    how,
                    then: vec![],
                }
            }
        ),
        (name(), body(), proptest::option::of(0..50_u64)).prop_map(|(key, body, ttl)| {
            Command::StateTxn {
                conditions: vec![],
                changes: vec![Change::Put { key, body, ttl }],
            }
        }),
        name().prop_map(|key| {
            Command::StateTxn {
                conditions: vec![],
                changes: vec![Change::Delete { key }],
            }
        }),
        Just(Command::Tick),
    ]
}

proptest! {
    #[test]
    fn the_commands_that_changed_something_make_the_same_state_again(
        steps in proptest::collection::vec((command(), 0..30_i64), 0..80)
    ) {
        let (mut live, mut replayed) = (Core::new(Mode::Consistent), Core::new(Mode::Consistent));
        let mut now = 0;
        for (seq, (command, later)) in steps.into_iter().enumerate() {
            now += later;
            let id = OpId { client: 1, seq: seq as u64 };
            let op = Some(Op { id, floor: (seq as u64).saturating_sub(5) });
            let wired = Command::from_bytes(&command.to_bytes()).unwrap();
            prop_assert_eq!(&wired, &command);
            if live.apply(now, op, &command).changed {
                replayed.apply(now, op, &wired);
            }
        }
        prop_assert_eq!(&live, &replayed);
        let restored = Core::from_bytes(&live.to_bytes()).unwrap();
        prop_assert_eq!(live.to_bytes(), restored.to_bytes());
    }
}

fn check(core: &mut Core, now: i64, command: &Command, expected: &Result<Reply, Refusal>) {
    assert_eq!(&core.apply(now, None, command).result, expected);
}

#[test]
fn a_lease_ends_at_its_end_and_not_before() {
    let mut core = Core::new(Mode::Consistent);
    let take = |owner: &str| Command::LockTake {
        take: Take {
            name: "a".into(),
            owner: owner.into(),
            pid: 1,
            lease: Some(10),
            priority: 0,
        },
    };
    let token = |n| Ok(Reply::Token { token: Token(n) });
    check(&mut core, 0, &take("ann"), &token(1));
    check(
        &mut core,
        9,
        &take("bob"),
        &Ok(Reply::Held { until: Some(10) }),
    );
    check(&mut core, 10, &take("bob"), &token(2));
    let name = "a".into();
    let late = Command::LockRelease {
        name,
        token: Token(1),
    };
    check(&mut core, 11, &late, &Err(Refusal::LeaseLost));
}

#[test]
fn many_free_locks_are_forgotten_and_their_tokens_still_grow() {
    let mut core = Core::new(Mode::Consistent);
    for i in 1..=3000 {
        let name: Name = format!("lock {i}").into();
        let take = Take {
            name: name.clone(),
            owner: "o".into(),
            pid: 1,
            lease: None,
            priority: 0,
        };
        let token = Token(i);
        check(
            &mut core,
            0,
            &Command::LockTake { take },
            &Ok(Reply::Token { token }),
        );
        check(
            &mut core,
            0,
            &Command::LockRelease { name, token },
            &Ok(Reply::Done),
        );
    }
    assert!(core.to_bytes().len() < 60_000);
}

fn take(name: &str) -> Take {
    Take {
        name: name.into(),
        owner: "o".into(),
        pid: 1,
        lease: None,
        priority: 0,
    }
}

#[test]
fn a_lock_is_the_same_one_by_command_and_without() {
    let mut core = Core::new(Mode::Consistent);
    let a = take("a");
    let (taken, slot) = core.take_lock(Slot::UNKNOWN, || 5, &a).unwrap();
    assert_eq!(taken, Taken::Granted(Token(1)));
    let held = Ok(Reply::Held { until: None });
    check(&mut core, 6, &Command::LockTake { take: take("a") }, &held);
    let again = core.take_lock(slot, || 6, &a).unwrap();
    assert_eq!(again, (Taken::HeldUntil(i64::MAX), slot));
    assert_eq!(core.release_lock(slot, Token(9)), None, "not its token");
    assert_eq!(core.release_lock(slot, Token(1)), Some(Revision(2)));
    assert_eq!(core.release_lock(slot, Token(1)), None, "it is free");
    assert_eq!(core.release_lock(slot, Token(0)), None, "nobody's token");
    let token = Ok(Reply::Token { token: Token(2) });
    check(&mut core, 7, &Command::LockTake { take: take("a") }, &token);
    assert_eq!(core.release_lock(slot, Token(2)), Some(Revision(4)));
}

#[test]
fn a_lock_with_a_lease_or_a_place_in_the_order_is_left_to_the_command() {
    let mut core = Core::new(Mode::Consistent);
    let leased = Take {
        lease: Some(10),
        ..take("a")
    };
    let ordered = Take {
        priority: 1,
        ..take("a")
    };
    assert_eq!(core.take_lock(Slot::UNKNOWN, || 0, &leased), None);
    assert_eq!(core.take_lock(Slot::UNKNOWN, || 0, &ordered), None);
    let token = Ok(Reply::Token { token: Token(1) });
    check(&mut core, 0, &Command::LockTake { take: leased }, &token);
    assert_eq!(core.take_lock(Slot::UNKNOWN, || 99, &take("a")), None);
    assert_eq!(core.release_lock(Slot(0), Token(1)), None);
    assert_eq!(core.rev, Revision(1));
}

#[test]
fn the_place_of_a_forgotten_lock_leads_to_no_other_one() {
    let mut core = Core::new(Mode::Consistent);
    let first = core.take_lock(Slot::UNKNOWN, || 0, &take("first"));
    let (Taken::Granted(token), slot) = first.unwrap() else {
        panic!("not granted: {first:?}");
    };
    core.release_lock(slot, token).unwrap();
    let kept = take("kept");
    let (_, kept_slot) = core.take_lock(Slot::UNKNOWN, || 0, &kept).unwrap();
    for i in 0..2000 {
        let other = take(&format!("other {i}"));
        let (taken, slot) = core.take_lock(Slot::UNKNOWN, || 0, &other).unwrap();
        let Taken::Granted(token) = taken else {
            panic!("not granted: {taken:?}");
        };
        core.release_lock(slot, token).unwrap();
    }
    let moved = core.take_lock(kept_slot, || 0, &kept).unwrap();
    assert_eq!(moved.0, Taken::HeldUntil(i64::MAX), "it was forgotten");
    assert_ne!(moved.1, kept_slot, "nothing was forgotten");
    let (taken, _) = core.take_lock(slot, || 0, &take("first")).unwrap();
    assert!(matches!(taken, Taken::Granted(_)), "{taken:?}");
    let rows = core.locks.list(0, "");
    assert_eq!(rows.len(), 2, "{rows:?}");
    let restored = Core::from_bytes(&core.to_bytes()).unwrap();
    assert_eq!(restored, core);
}
