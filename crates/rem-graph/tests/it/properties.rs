//! Everything against the naive reference, on random graphs with circles and k of n.

use std::sync::Arc;

use proptest::prelude::*;
use rem_graph::{Builder, Diff, Evaluation, Graph, Live, NodeId, State};

use super::reference::{Reference, Set, up};

/// A node, how many it needs, a bit set of members.
type Need = (u8, u8, u16);

fn build(nodes: usize, needs: &[Need], links: &[(u8, u8)]) -> Arc<Graph> {
    let mut builder = Builder::new();
    let ids: Vec<NodeId> = (0..nodes)
        .map(|i| builder.node(&format!("n{i:02}")))
        .collect();
    for (at, &(node, need, members)) in needs.iter().enumerate() {
        let node = node as usize % nodes;
        let members: Vec<NodeId> = (0..nodes)
            .filter(|&m| m != node && members & (1 << m) != 0)
            .map(|m| ids[m])
            .collect();
        let need = u32::from(need) % (members.len() as u32 + 1);
        builder.require_ids(ids[node], &format!("k{at}"), need, &members);
    }
    // Links in both directions, as switches have them.
    let mut neighbours = vec![Set::new(); nodes];
    for &(a, b) in links {
        let (a, b) = (a as usize % nodes, b as usize % nodes);
        if a != b {
            neighbours[a].insert(ids[b]);
            neighbours[b].insert(ids[a]);
        }
    }
    for (node, neighbours) in neighbours.iter().enumerate() {
        // The first node is the vantage point.
        if node > 0 && !neighbours.is_empty() {
            let members: Vec<NodeId> = neighbours.iter().copied().collect();
            builder.require_ids(ids[node], "net", 1, &members);
        }
    }
    Arc::new(builder.build().unwrap())
}

fn graphs() -> impl Strategy<Value = Arc<Graph>> {
    // Few members in most groups: `a & b & c` has an eighth of the bits.
    let thin = (any::<u16>(), any::<u16>(), any::<u16>()).prop_map(|(a, b, c)| a & b & c);
    let one = (0..12_u32).prop_map(|bit| 1_u16 << bit);
    let members = prop_oneof![thin, one, any::<u16>().prop_map(|all| all & (all >> 3))];
    let needs = prop::collection::vec((any::<u8>(), any::<u8>(), members), 0..14);
    let links = prop::collection::vec((any::<u8>(), any::<u8>()), 0..10);
    (1..12_usize, needs, links).prop_map(|(nodes, needs, links)| build(nodes, &needs, &links))
}

/// Which nodes an event is about, whether they fail, and the time.
type Step = (u16, bool, i64);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let few =
        (0..12_u32, 0..16_u32).prop_map(|(a, b)| 1_u16 << a | 1_u16.checked_shl(b).unwrap_or(0));
    let one = (0..12_u32).prop_map(|bit| 1_u16 << bit);
    let nodes = prop_oneof![4 => one, 1 => few, 1 => any::<u16>()];
    prop::collection::vec((nodes, any::<bool>(), 0..6_i64), 1..12)
}

fn chosen(graph: &Graph, bits: u16) -> Vec<NodeId> {
    let nodes = graph.nodes().filter(|n| bits & (1 << n.index()) != 0);
    nodes.collect()
}

/// What everybody can see of a node.
fn seen(live: &Live) -> Vec<(State, bool, bool)> {
    let nodes = live.graph().nodes();
    nodes
        .map(|n| (live.state(n), live.is_failed(n), live.held(n)))
        .collect()
}

fn apply(live: &mut Live, (bits, fails, at): Step) -> Vec<rem_graph::Change> {
    let nodes = chosen(live.graph(), bits);
    match nodes[..] {
        [node] if fails => live.fail(node, at).iter().collect(),
        [node] => live.recover(node).iter().collect(),
        _ if fails => live
            .fail_many(nodes.into_iter().map(|n| (n, at)))
            .iter()
            .collect(),
        _ => live.recover_many(nodes).iter().collect(),
    }
}

fn config() -> ProptestConfig {
    let nightly = std::env::var_os("REM_NIGHTLY").is_some();
    ProptestConfig {
        cases: if nightly { 50_000 } else { 600 },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn each_event_leads_to_what_the_definition_says_and_lists_exactly_what_changed(
        graph in graphs(), steps in steps()
    ) {
        let reference = Reference::new(&graph);
        let mut live = Live::new(Arc::clone(&graph));
        prop_assert_eq!(&graph.never_up().collect::<Set>(), reference.never());
        for step in steps {
            let before = seen(&live);
            let mut changes = apply(&mut live, step);
            let failed: Vec<(NodeId, i64)> = live.failed().collect();
            let set: Set = failed.iter().map(|(node, _)| *node).collect();
            let up = up(&graph, &set);
            for node in graph.nodes() {
                prop_assert_eq!(live.state(node), reference.state(&up, node), "{:?}", node);
                prop_assert_eq!(live.is_failed(node), set.contains(&node));
                prop_assert_eq!(live.held(node), reference.held(&failed, node), "{:?}", node);
            }
            let after = seen(&live);
            changes.sort_by_key(|change| change.node);
            for change in &changes {
                let is = (change.state, change.failed, change.held);
                prop_assert_eq!(after[change.node.index()], is);
            }
            let listed: Vec<usize> = changes.iter().map(|c| c.node.index()).collect();
            let differ = |&i: &usize| before[i] != after[i];
            let differing: Vec<usize> = (0..graph.len()).filter(differ).collect();
            prop_assert_eq!(listed, differing);
        }
    }

    #[test]
    fn every_held_alert_leads_to_one_that_is_told(graph in graphs(), steps in steps()) {
        let reference = Reference::new(&graph);
        let mut live = Live::new(Arc::clone(&graph));
        for step in steps {
            apply(&mut live, step);
        }
        let failed: Set = live.failed().map(|(node, _)| node).collect();
        let mut hides = vec![Set::new(); graph.len()];
        for node in graph.nodes() {
            let mut reached = Set::from([node]);
            let mut stack = vec![node];
            let mut told = Set::new();
            while let Some(node) = stack.pop() {
                if failed.contains(&node) && !live.held(node) {
                    told.insert(node);
                    continue;
                }
                for lost in reference.lost(&failed, node) {
                    if reached.insert(lost) {
                        stack.push(lost);
                    }
                }
            }
            if live.state(node) != State::Down {
                prop_assert!(live.explain(node, 99).is_none() && live.roots(node).is_empty());
                continue;
            }
            prop_assert!(!failed.contains(&node) || !told.is_empty());
            prop_assert!(reference.never().contains(&node) || !told.is_empty());
            prop_assert_eq!(live.roots(node).into_iter().collect::<Set>(), told.clone());
            if live.held(node) {
                for root in &told {
                    hides[root.index()].insert(node);
                }
            }
            check_ways(&live, &reference, &failed, node, &told)?;
        }
        let roots = live.root_causes();
        prop_assert_eq!(roots.len(), failed.iter().filter(|n| !live.held(**n)).count());
        for root in roots {
            let hidden: Set = live.hidden_by(root.node).into_iter().collect();
            prop_assert_eq!(&hidden, &hides[root.node.index()]);
            prop_assert_eq!(root.hides, hidden.len());
        }
    }

    #[test]
    fn a_recovery_never_holds_back_another_alert(graph in graphs(), steps in steps()) {
        let mut live = Live::new(graph);
        for step in steps {
            apply(&mut live, step);
        }
        let failed: Vec<(NodeId, i64)> = live.failed().collect();
        for &(gone, _) in &failed {
            let mut less = live.clone();
            less.recover(gone);
            for &(node, _) in &failed {
                prop_assert!(!less.held(node) || live.held(node));
            }
        }
    }

    #[test]
    fn step_by_step_is_the_same_as_all_at_once(graph in graphs(), steps in steps()) {
        let mut live = Live::new(Arc::clone(&graph));
        for step in steps {
            apply(&mut live, step);
        }
        let mut once = Live::new(Arc::clone(&graph));
        once.fail_many(live.failed());
        prop_assert_eq!(seen(&once), seen(&live));
        let carried = live.carry(Arc::clone(&graph));
        prop_assert!(carried.gone.is_empty());
        prop_assert_eq!(seen(&carried.live), seen(&live));
        prop_assert!(Diff::between(&graph, &graph).is_empty());
    }

    #[test]
    fn what_if_is_what_would_be_and_leaves_no_trace(
        graph in graphs(), steps in steps(), trials in prop::collection::vec(any::<u16>(), 1..6)
    ) {
        let mut live = Live::new(Arc::clone(&graph));
        for step in steps {
            apply(&mut live, step);
        }
        let reference = Reference::new(&graph);
        let failed: Set = live.failed().map(|(node, _)| node).collect();
        let before = up(&graph, &failed);
        let mut what_if = Evaluation::given(&live);
        for trial in trials {
            let nodes = chosen(&graph, trial);
            let mut all = failed.clone();
            all.extend(&nodes);
            let after = up(&graph, &all);
            let impact = what_if.impact_of_many(&nodes);
            let down: Set = before.difference(&after).copied().collect();
            prop_assert_eq!(what_if.count(&nodes), down.len());
            prop_assert_eq!(impact.down.len(), down.len());
            prop_assert_eq!(impact.down.into_iter().collect::<Set>(), down);
            let degraded: Set = graph.nodes().filter(|&node| {
                reference.state(&before, node) == State::Up
                    && reference.state(&after, node) == State::Degraded
            }).collect();
            prop_assert_eq!(impact.degraded.into_iter().collect::<Set>(), degraded);
        }
        // What fails takes down, by the definition.
        let takes = |root: NodeId, target: NodeId| {
            let mut all = failed.clone();
            all.insert(root);
            before.contains(&target) && !up(&graph, &all).contains(&target)
        };
        for target in graph.nodes() {
            let points: Vec<NodeId> = graph.nodes()
                .filter(|&node| node != target && before.contains(&node) && takes(node, target))
                .collect();
            prop_assert_eq!(what_if.single_points_of_failure(target), points);
        }
        let watched = |node: NodeId| node.index().is_multiple_of(2);
        let points = what_if.points_of_failure(graph.nodes(), watched);
        let expected: Vec<(NodeId, usize)> = graph.nodes()
            .filter(|node| before.contains(node))
            .map(|node| {
                let others = graph.nodes().filter(|&t| t != node && watched(t));
                (node, others.filter(|&t| takes(node, t)).count())
            })
            .filter(|(_, watched)| *watched > 0)
            .collect();
        let found: Vec<(NodeId, usize)> = points.iter().map(|p| (p.node, p.watched)).collect();
        prop_assert_eq!(found, expected);
        // The questions left nothing behind that would make another situation wrong.
        prop_assert_eq!(what_if.impact_of_many(&[]).down.len(), 0);
    }
}

/// Each link is a group with too few members and one of the lost; the nearest come first.
fn check_ways(
    live: &Live,
    reference: &Reference<'_>,
    failed: &Set,
    node: NodeId,
    told: &Set,
) -> Result<(), TestCaseError> {
    let Some(explained) = live.explain(node, 99) else {
        prop_assert!(told.is_empty());
        return Ok(());
    };
    let roots: Set = explained.by.iter().map(|cause| cause.root).collect();
    prop_assert_eq!(&roots, told);
    prop_assert!(explained.by.is_sorted_by_key(|cause| cause.path.len()));
    for cause in &explained.by {
        let mut at = node;
        for link in &cause.path {
            prop_assert_eq!(link.node, at);
            prop_assert!(reference.lost(failed, at).contains(&link.lost));
            let groups = live.graph().groups(at);
            let group = groups.iter().find(|group| group.kind == link.kind).unwrap();
            prop_assert!(group.members.contains(&link.lost) && link.up < link.need);
            prop_assert_eq!(link.members as usize, group.members.len());
            prop_assert_eq!(link.need, group.need);
            at = link.lost;
        }
        prop_assert_eq!(at, cause.root);
    }
    Ok(())
}
