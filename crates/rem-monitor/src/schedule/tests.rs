use proptest::prelude::*;

use super::*;

fn s(seconds: u64) -> Span {
    Span::from_seconds(seconds)
}

#[test]
fn a_late_round_does_not_move_the_next_one() {
    let mut schedule = Schedule::new();
    schedule.add(1, s(10), s(0));
    assert_eq!(schedule.take_due(s(3)), [(1, 0)]);
    assert_eq!(schedule.next_due(), Some(s(10)));
}

#[test]
fn the_longest_overdue_comes_first() {
    let mut schedule = Schedule::new();
    schedule.add("b", s(10), s(2));
    schedule.add("a", s(10), s(3));
    schedule.add("c", s(10), s(9));
    assert_eq!(schedule.take_due(s(5)), [("b", 0), ("a", 0)]);
    assert_eq!(schedule.next_due(), Some(s(9)));
}

#[test]
fn what_is_put_off_again_and_again_takes_one_place_and_is_due_in_time() {
    let mut schedule = Schedule::new();
    for second in 0..1_000 {
        schedule.add("tick", s(1), s(second + 180));
        assert_eq!(schedule.take_due(s(second)), []);
        assert_eq!(schedule.next_due(), Some(s(second + 180)));
        assert_eq!(schedule.due.len(), 1);
    }
    // Sooner than it was: at once, and not a second time.
    schedule.add("tick", s(500), s(1_000));
    assert_eq!(schedule.take_due(s(1_179)), [("tick", 0)]);
    assert_eq!(schedule.next_due(), Some(s(1_500)));
    assert_eq!(schedule.take_due(s(1_500)), [("tick", 0)]);
}

#[test]
fn what_is_taken_out_leaves_nothing_behind() {
    let mut schedule = Schedule::new();
    for second in 0..100 {
        schedule.add("once", Span::MAX, s(second));
        assert_eq!(schedule.take_out_due(s(second)), ["once"]);
        assert!(schedule.is_empty() && schedule.due.is_empty());
    }
}

#[test]
fn what_was_removed_or_replaced_is_not_due_any_more() {
    let mut schedule = Schedule::new();
    schedule.add("gone", s(10), s(1));
    schedule.add("moved", s(10), s(2));
    schedule.remove(&"gone");
    schedule.add("moved", s(10), s(7));
    assert_eq!(schedule.next_due(), Some(s(7)));
    assert_eq!(schedule.take_due(s(6)), []);
    assert_eq!(schedule.len(), 1);
}

#[test]
fn offsets_are_spread_over_the_interval() {
    let every = s(10);
    let mut tenths = [0; 10];
    for n in 0..10_000 {
        let offset = offset(&format!("web-{n}/linux/cpu"), every);
        assert!(offset < every);
        tenths[(offset.as_nanos() / s(1).as_nanos()) as usize] += 1;
    }
    assert!(
        tenths.iter().all(|&n| (850..1150).contains(&n)),
        "{tenths:?}"
    );
}

proptest! {
    #[test]
    fn every_round_runs_once_or_is_counted_as_missed(
        every in 1u64..50, first in 0u64..50, looks in prop::collection::vec(0u64..30, 1..60),
    ) {
        let mut schedule = Schedule::new();
        schedule.add((), s(every), s(first));
        let (mut now, mut rounds) = (0, 0);
        for wait in looks {
            now += wait;
            for ((), missed) in schedule.take_due(s(now)) {
                rounds += 1 + missed;
            }
            let passed = if now < first { 0 } else { (now - first) / every + 1 };
            prop_assert_eq!(rounds, passed);
        }
    }
}
