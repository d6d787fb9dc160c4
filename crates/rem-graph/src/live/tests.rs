use super::*;
use crate::Builder;

/// A ring of ten switches, a source at the first.
fn ring() -> Live {
    let mut builder = Builder::new();
    let source = builder.node("source");
    let ids: Vec<NodeId> = (0..10).map(|i| builder.node(&format!("s{i}"))).collect();
    for i in 0..10 {
        let mut around = vec![ids[(i + 1) % 10], ids[(i + 9) % 10]];
        if i == 0 {
            around.push(source);
        }
        builder.require_ids(ids[i], "net", 1, &around);
    }
    Live::new(Arc::new(builder.build().expect("nothing is wrong")))
}

#[test]
fn ranks_that_have_grown_too_high_start_again_and_nothing_changes() {
    let mut live = ring();
    let node = |i: usize| NodeId(1 + i as u32);
    live.next_rank = u32::MAX / 2 + 1;
    live.fail(node(3), 1);
    assert!(live.next_rank < 100);
    for (i, state) in [(0, State::Down), (5, State::Up), (7, State::Degraded)] {
        live.next_rank = u32::MAX / 2 + 1;
        live.fail(node(i), 2);
        live.next_rank = u32::MAX / 2 + 1;
        assert_eq!(live.state(node(8)), state);
        live.recover(node(i));
        let down = (0..10).filter(|&i| live.state(node(i)) == State::Down);
        assert_eq!(down.collect::<Vec<_>>(), [3]);
    }
}

#[test]
fn events_are_told_apart_after_their_numbers_have_run_out() {
    let mut live = ring();
    live.event.stamp = u32::MAX - 2;
    for at in 0..6 {
        let changes = live.fail(NodeId(4), at);
        assert_eq!(changes.iter().count(), 3, "event {at}");
        assert_eq!(live.recover(NodeId(4)).iter().count(), 3, "event {at}");
    }
}
