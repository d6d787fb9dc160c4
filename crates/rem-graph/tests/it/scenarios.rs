//! Situations an operator knows.

use rem_graph::{Evaluation, Live, State};

use super::world::{World, graph};

#[test]
fn a_machine_with_two_power_supplies_is_degraded_by_one_and_down_by_both() {
    let mut world = World::new(
        "pdu-a pdu-b
         psu-1 feed 1: pdu-a
         psu-2 feed 1: pdu-b
         web-01 power 1: psu-1 psu-2
         http machine 1: web-01",
    );
    world.fail("pdu-a", &["pdu-a=down!", "psu-1=down", "web-01=degraded"]);
    // Degraded is local: what hangs on a degraded machine is up.
    assert_eq!(world.state("http"), State::Up);
    world.fail("psu-2", &["http=down", "psu-2=down!", "web-01=down"]);
    world.fail("web-01", &["web-01=down?"]);
    world.fail("http", &["http=down?"]);
    assert_eq!(
        world.why("http"),
        [
            "http(machine 0 of 1) web-01(power 0 of 1) psu-2",
            "http(machine 0 of 1) web-01(power 0 of 1) psu-1(feed 0 of 1) pdu-a",
        ]
    );
    assert_eq!(world.roots(), ["pdu-a hides 2", "psu-2 hides 2"]);
    // The cause is gone and the child still down: now it is told.
    world.recover("psu-2", &["psu-2=up", "web-01=down!"]);
    world.recover("web-01", &["http=down!", "web-01=degraded"]);
    world.recover("pdu-a", &["pdu-a=up", "psu-1=up", "web-01=up"]);
    world.recover("http", &["http=up"]);
}

#[test]
fn a_transfer_switch_carries_its_outlets_on_either_feed() {
    let text = "utility generator
         feed-a from 1: utility
         feed-b from 1: generator
         ats feeds 1: feed-a feed-b
         outlet-1 ats 1: ats
         outlet-2 ats 1: ats
         router power 1: outlet-1
         lamp power 1: outlet-2";
    let mut world = World::new(text);
    world.fail("utility", &["ats=degraded", "feed-a=down", "utility=down!"]);
    assert_eq!(world.state("router"), State::Up);
    let graph = graph(text);
    let mut what_if = Evaluation::new(graph.clone());
    let points = what_if.single_points_of_failure(graph.node("router").unwrap());
    assert_eq!(world.names(&points), ["ats", "outlet-1"]);
    // With the utility gone, the generator's side is one as well.
    let mut what_if = Evaluation::given(&world.live);
    let points = what_if.single_points_of_failure(world.id("router"));
    assert_eq!(
        world.names(&points),
        ["ats", "feed-b", "generator", "outlet-1"]
    );
}

#[test]
fn a_ring_of_switches_carries_both_ways_and_cannot_hold_itself_up() {
    let mut world = World::new(
        "monitor
         s1 net 1: monitor s2 s4
         s2 net 1: s1 s3
         s3 net 1: s2 s4
         s4 net 1: s3 s1
         host-3 net 1: s3",
    );
    world.fail("s2", &["s1=degraded", "s2=down!", "s3=degraded"]);
    world.fail("s4", &["host-3=down", "s3=down", "s4=down!"]);
    world.fail("s3", &["s3=down?"]);
    world.fail("host-3", &["host-3=down?"]);
    assert_eq!(world.roots(), ["s2 hides 2", "s4 hides 2"]);
    world.recover("s2", &["s2=degraded", "s3=down!"]);
    world.recover("s3", &["host-3=down!", "s2=up", "s3=degraded"]);
    world.recover("host-3", &["host-3=up"]);
    world.recover("s4", &["s1=up", "s3=up", "s4=up"]);
    // Cut from the vantage point all of the ring is down at once.
    world.fail(
        "monitor",
        &[
            "host-3=down",
            "monitor=down!",
            "s1=down",
            "s2=down",
            "s3=down",
            "s4=down",
        ],
    );
}

#[test]
fn a_service_that_needs_8_of_16_falls_with_the_ninth_machine() {
    let mut text = String::new();
    let machines: Vec<String> = (1..=16).map(|i| format!("m{i:02}")).collect();
    text += &machines.join(" ");
    text += &format!("\nweb machines 8: {}", machines.join(" "));
    let mut world = World::new(&text);
    world.fail("m01", &["m01=down!", "web=degraded"]);
    for machine in &machines[1..8] {
        world.fail(machine, &[&format!("{machine}=down!")]);
    }
    assert_eq!(world.state("web"), State::Degraded);
    world.fail("m09", &["m09=down!", "web=down"]);
    world.fail("web", &["web=down?"]);
    assert_eq!(world.why("web").len(), 9);
    assert_eq!(world.why("web")[0], "web(machines 7 of 8) m01");
    assert_eq!(world.live.explain(world.id("web"), 3).unwrap().by.len(), 3);
    world.recover("m03", &["m03=up", "web=down!"]);
}

#[test]
fn one_power_strip_behind_another_is_the_only_cause_told() {
    let mut text = String::from("pdu-0\n");
    for i in 1..=300 {
        text += &format!("pdu-{i} feed 1: pdu-{}\n", i - 1);
    }
    let mut world = World::new(&text);
    // Children notice first.
    for i in (100..=300).rev() {
        let node = world.id(&format!("pdu-{i}"));
        world.live.fail(node, 1000 - i);
    }
    assert_eq!(world.roots(), ["pdu-100 hides 200"]);
    let node = world.id("pdu-7");
    let changes = world.live.fail(node, 2000);
    assert_eq!(changes.moved(), 93);
    assert_eq!(world.roots(), ["pdu-7 hides 201"]);
    let node = world.id("pdu-7");
    world.live.recover(node);
    assert_eq!(world.roots(), ["pdu-100 hides 200"]);
    assert_eq!(world.why("pdu-102").len(), 1);
}

#[test]
fn ten_thousand_alerts_behind_one_switch_are_one_page() {
    let mut text = String::from("switch other\n");
    for i in 0..10_000 {
        text += &format!("m{i} net 1: switch\n");
    }
    let mut world = World::new(&text);
    for i in 0..10_000 {
        let node = world.id(&format!("m{i}"));
        world.live.fail(node, i);
    }
    assert_eq!(world.live.root_causes().len(), 10_000);
    let switch = world.id("switch");
    // Each of them is now explained, and each is named in the change.
    let changed = world
        .live
        .fail(switch, 10_000)
        .iter()
        .filter(|c| c.held)
        .count();
    assert_eq!(changed, 10_000);
    assert_eq!(world.roots(), ["switch hides 10000"]);
    assert_eq!(world.live.hidden_by(switch).len(), 10_000);
    for i in 300..10_000 {
        let node = world.id(&format!("m{i}"));
        world.live.recover(node);
    }
    let told = world
        .live
        .recover(switch)
        .iter()
        .filter(|c| c.failed && !c.held)
        .count();
    assert_eq!(told, 300);
}

#[test]
fn a_dead_fan_degrades_its_chassis_and_never_takes_it_down() {
    let mut world = World::new(
        "rack
         chassis rack 1: rack
         chassis fans 0: fan-1 fan-2
         fan-1 chassis 1: chassis
         fan-2 chassis 1: chassis",
    );
    assert!(world.graph.cycles().is_empty());
    world.fail("fan-1", &["chassis=degraded", "fan-1=down!"]);
    world.fail("fan-2", &["fan-2=down!"]);
    assert_eq!(world.state("chassis"), State::Degraded);
    assert!(world.live.explain(world.id("chassis"), 1).is_none());
    world.fail(
        "rack",
        &["chassis=down", "fan-1=down?", "fan-2=down?", "rack=down!"],
    );
}

#[test]
fn of_two_services_that_require_each_other_the_older_failure_is_told() {
    let mut world = World::new(
        "disk
         a needs 1: b
         a disk 1: disk
         b needs 1: a
         page b 1: b",
    );
    assert_eq!(world.graph.cycle_texts(), ["a → b → a"]);
    let never: Vec<_> = world.graph.never_up().collect();
    assert_eq!(world.names(&never), ["a", "b", "page"]);
    world.fail("b", &["b=down!"]);
    world.fail("a", &["a=down?"]);
    world.fail("page", &["page=down?"]);
    assert_eq!(world.roots(), ["b hides 2"]);
    assert_eq!(world.why("page"), ["page(b 0 of 1) b"]);
    // Outside of the circle there is a better reason.
    world.fail("disk", &["b=down?", "disk=down!"]);
    assert_eq!(world.roots(), ["disk hides 3"]);
    world.recover("disk", &["b=down!", "disk=up"]);
    world.recover("b", &["a=down!", "b=down"]);
    assert_eq!(world.roots(), ["a hides 1"]);
    world.recover("a", &["a=down", "page=down!"]);
    assert!(!world.held("page"));
    assert_eq!(world.state("page"), State::Down);
}

#[test]
fn equal_ages_are_told_apart_by_name() {
    let graph = graph("z needs 1: y\ny needs 1: x\nx needs 1: z");
    let ids: Vec<_> = ["x", "y", "z"]
        .iter()
        .map(|n| graph.node(n).unwrap())
        .collect();
    let mut live = Live::new(graph);
    live.fail_many([(ids[2], 5), (ids[1], 5), (ids[0], 5)]);
    assert!(!live.held(ids[0]) && live.held(ids[1]) && live.held(ids[2]));
    // Told again with a later time.
    let changed = live.fail(ids[0], 6).iter().count();
    assert_eq!(changed, 2);
    assert!(live.held(ids[0]) && !live.held(ids[1]));
}

#[test]
fn a_chain_of_a_million_nodes_falls_and_is_explained_without_deep_recursion() {
    let mut builder = rem_graph::Builder::new();
    let ids: Vec<_> = (0..1_000_000)
        .map(|i| builder.node(&i.to_string()))
        .collect();
    for i in 1..ids.len() {
        builder.require_ids(ids[i], "previous", 1, &ids[i - 1..i]);
        // Every other one counts, so that both ways of falling are long.
        if i % 2 == 0 {
            builder.require_ids(ids[i], "also", 0, &ids[..1]);
        }
    }
    let graph = std::sync::Arc::new(builder.build().unwrap());
    let mut live = Live::new(graph);
    let last = ids[ids.len() - 1];
    live.fail(last, 1);
    assert!(!live.held(last));
    assert_eq!(live.fail(ids[0], 2).moved(), 999_999);
    assert!(live.held(last));
    let explained = live.explain(last, 1).unwrap();
    assert_eq!(explained.by[0].path.len(), 999_999);
    assert_eq!(live.root_causes()[0].hides, 1);
    assert_eq!(live.recover(ids[0]).moved(), 999_999);
    // And a ring of needs as long.
    let mut builder = rem_graph::Builder::new();
    let ids: Vec<_> = (0..200_000).map(|i| builder.node(&i.to_string())).collect();
    for i in 0..ids.len() {
        builder.require_ids(ids[i], "next", 1, &[ids[(i + 1) % ids.len()]]);
    }
    let graph = builder.build().unwrap();
    assert_eq!(graph.cycles()[0].len(), 200_000);
}

#[test]
fn ids_of_no_node_change_nothing() {
    let graph = graph("a\nb on 1: a");
    let stranger = rem_graph::NodeId::from_index(77);
    let mut live = Live::new(graph.clone());
    assert!(live.fail(stranger, 1).is_empty());
    assert!(live.recover(stranger).is_empty());
    assert_eq!(live.state(stranger), State::Down);
    assert!(!live.held(stranger) && !live.is_failed(stranger));
    assert!(live.explain(stranger, 1).is_none() && live.roots(stranger).is_empty());
    assert!(live.hidden_by(stranger).is_empty());
    assert_eq!(
        (graph.name(stranger), graph.groups(stranger).len()),
        ("", 0)
    );
    let mut what_if = Evaluation::new(graph.clone());
    assert!(what_if.impact(stranger).down.is_empty());
    assert!(what_if.single_points_of_failure(stranger).is_empty());
    // Recovering what never failed.
    assert!(live.recover(graph.node("b").unwrap()).is_empty());
    assert!(rem_graph::Builder::new().build().unwrap().is_empty());
}
