use std::collections::BTreeMap;

use proptest::prelude::*;

use rem_config::MachineName;

use super::{Limits, Need, Places};

fn need(kind: &'static str, target: &str) -> Need {
    Need {
        kind,
        target: MachineName::new(target).unwrap(),
    }
}

fn limits(checks_at_once: usize, per_target: usize, scripts: usize) -> Limits {
    Limits {
        checks_at_once,
        per_target,
        per_kind: BTreeMap::from([("run".to_owned(), scripts)]),
    }
}

#[test]
fn a_slow_machine_takes_only_its_own_places() {
    let mut places = Places::new(limits(10, 2, 10));
    assert!(places.ask(1, need("ping", "slow")).is_some());
    assert!(places.ask(2, need("ping", "slow")).is_some());
    assert!(places.ask(3, need("ping", "slow")).is_none());
    assert!(places.ask(4, need("ping", "quick")).is_some());
    assert_eq!((places.taken(), places.waiting()), (3, 1));
    let seated = places.free(&need("ping", "slow"));
    assert_eq!(seated, [(3, need("ping", "slow"))]);
}

#[test]
fn who_waited_longest_is_first() {
    let mut places = Places::new(limits(1, 1, 1));
    assert!(places.ask(1, need("tcp", "a")).is_some());
    for key in 2..=4 {
        assert!(places.ask(key, need("tcp", &format!("m{key}"))).is_none());
    }
    let (next, its) = places.free(&need("tcp", "a")).remove(0);
    assert_eq!(next, 2);
    assert_eq!(places.free(&its).remove(0).0, 3);
}

#[test]
fn a_kind_has_its_own_limit() {
    let mut places = Places::new(limits(10, 10, 1));
    assert!(places.ask(1, need("run", "a")).is_some());
    assert!(places.ask(2, need("run", "b")).is_none());
    assert!(places.ask(3, need("http", "b")).is_some());
    assert_eq!(places.free(&need("http", "b")), []);
    assert_eq!(places.free(&need("run", "a")), [(2, need("run", "b"))]);
}

#[test]
fn other_limits_count_at_once() {
    let mut places = Places::new(limits(10, 10, 1));
    for key in 1..=4 {
        places.ask(key, need("run", "a"));
    }
    assert_eq!((places.taken(), places.waiting()), (1, 3));
    let seated = places.limit(limits(10, 10, 3));
    assert_eq!(seated.len(), 2);
    assert_eq!((places.taken(), places.waiting()), (3, 1));
}

proptest! {
    /// Whatever comes and goes: no limit is passed, and everybody gets a place.
    #[test]
    fn limits_hold_and_nobody_is_forgotten(
        wants in prop::collection::vec((0..2_usize, 0..4_usize), 1..80),
        total in 1..6_usize, target in 1..3_usize, scripts in 1..3_usize,
    ) {
        const KINDS: [&str; 2] = ["run", "http"];
        const TARGETS: [&str; 4] = ["a", "b", "c", "d"];
        let mut places = Places::new(limits(total, target, scripts));
        let mut sitting = std::collections::VecDeque::new();
        let mut served = 0;
        for (key, (kind, at)) in wants.iter().enumerate() {
            sitting.extend(places.ask(key, need(KINDS[*kind], TARGETS[*at])));
        }
        while let Some((_, its)) = sitting.pop_front() {
            prop_assert!(sitting.len() < total);
            let scripts_now = sitting.iter().filter(|(_, n)| n.kind == "run").count();
            prop_assert!(scripts_now <= scripts);
            for t in TARGETS {
                prop_assert!(sitting.iter().filter(|(_, n)| n.target.as_str() == t).count() <= target);
            }
            served += 1;
            sitting.extend(places.free(&its));
        }
        prop_assert_eq!(served, wants.len());
        prop_assert_eq!((places.taken(), places.waiting()), (0, 0));
    }
}
