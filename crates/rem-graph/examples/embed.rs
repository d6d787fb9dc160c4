//! A rack with two feeds: what a failure does, why, and what nobody wants to lose.
//! `cargo run -p rem-graph --example embed`
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use rem_graph::{Builder, Evaluation, Live};

fn main() {
    let mut builder = Builder::new();
    for name in [
        "feed-a", "feed-b", "pdu-a", "pdu-b", "tor", "web-01", "web-02", "web",
    ] {
        builder.node(name);
    }
    builder.require("pdu-a", "feed", 1, ["feed-a"]);
    builder.require("pdu-b", "feed", 1, ["feed-b"]);
    builder.require("tor", "power", 1, ["pdu-a"]);
    for machine in ["web-01", "web-02"] {
        builder.require(machine, "power", 1, ["pdu-a", "pdu-b"]);
        builder.require(machine, "network", 1, ["tor"]);
    }
    builder.require("web", "machines", 1, ["web-01", "web-02"]);
    let graph = Arc::new(builder.build().unwrap());
    let id = |name: &str| graph.node(name).unwrap();

    let mut what_if = Evaluation::new(Arc::clone(&graph));
    let points = what_if.single_points_of_failure(id("web"));
    let names: Vec<&str> = points.iter().map(|&node| graph.name(node)).collect();
    println!("web falls with any of: {}", names.join(", "));

    let mut live = Live::new(Arc::clone(&graph));
    for change in live.fail(id("feed-a"), 0) {
        println!("{:?}: {}", change.state, graph.name(change.node));
    }
    live.fail(id("web"), 1);
    for cause in live.explain(id("web"), 10).unwrap().by {
        for link in &cause.path {
            let (node, lost) = (graph.name(link.node), graph.name(link.lost));
            println!(
                "{node} has {} of {} in {}: {lost} is down",
                link.up, link.need, link.kind
            );
        }
    }
    for cause in live.root_causes() {
        println!("{} hides {}", graph.name(cause.node), cause.hides);
    }
}
