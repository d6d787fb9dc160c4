//! A graph is replaced while nodes are failed.

use rem_graph::{Diff, State};

use super::world::{World, graph};

#[test]
fn a_reload_says_what_differs_and_keeps_failures_by_name() {
    let mut world = World::new(
        "old pdu-a pdu-b
         web power 1: pdu-a pdu-b
         db power 1: pdu-a",
    );
    for name in ["old", "pdu-a", "db"] {
        let node = world.id(name);
        world.live.fail(node, 7);
    }
    // Other order of nodes and members, one node more, one less, one with other needs.
    let new = graph(
        "db power 1: pdu-b
         web power 1: pdu-b pdu-a
         http machine 1: web
         pdu-b pdu-a",
    );
    let diff = Diff::between(&world.graph, &new);
    assert_eq!(diff.added, ["http"]);
    assert_eq!(diff.removed, ["old"]);
    assert_eq!(diff.changed, ["db"]);
    assert!(!diff.is_empty() && Diff::between(&new, &new).is_empty());

    let carried = world.live.carry(new.clone());
    assert_eq!(carried.gone, ["old"]);
    let id = |name: &str| new.node(name).unwrap();
    assert_eq!(carried.live.state(id("web")), State::Degraded);
    // Its reason is gone.
    assert!(world.held("db") && !carried.live.held(id("db")));
    let mut failed: Vec<_> = carried
        .live
        .failed()
        .map(|(n, s)| (new.name(n), s))
        .collect();
    failed.sort_unstable();
    assert_eq!(failed, [("db", 7), ("pdu-a", 7)]);
}
