//! What a site of a million nodes costs. `cargo bench -p rem-graph`
#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::sync::Arc;

use rem_bench::{Report, Who, measure};
use rem_graph::{Builder, Evaluation, Graph, Live, NodeId};

#[path = "figures/site.rs"]
mod site;

use site::Site;

fn main() {
    let site = Site::generate();
    let mut report = Report::new("rem-graph", "one thread; a site with two utilities");
    let build = measure(Who::Thread, 3, || {
        black_box(builder(&site).build().unwrap());
        1
    });
    let graph = Arc::new(builder(&site).build().unwrap());
    report.note(&format!(
        "{} nodes ({} components, {} ports), {} groups, {} edges",
        graph.len(),
        site.components.len(),
        site.ports,
        graph.group_count(),
        graph.member_count()
    ));
    report.row(
        "build, names interned",
        build.cpu_ns() / 1e9,
        "s CPU",
        "<= 0.5",
    );
    falls(&mut report, &site, &graph);
    live(&mut report, &site, &graph);
    points(&mut report, &site, &graph);
}

fn builder(site: &Site) -> Builder {
    let mut builder = Builder::new();
    for name in &site.names {
        builder.node(name);
    }
    let id = |number: u32| NodeId::from_index(number);
    let mut members: Vec<NodeId> = Vec::new();
    for (node, kind, need, of) in &site.groups {
        members.clear();
        members.extend(of.iter().map(|&member| id(member)));
        builder.require_ids(id(*node), kind, *need, &members);
    }
    builder
}

fn falls(report: &mut Report, site: &Site, graph: &Arc<Graph>) {
    let mut what_if = Evaluation::new(Arc::clone(graph));
    let mut row = |name: &str, goal: &str, sets: &[Vec<NodeId>], rounds: usize| {
        let down = what_if.count(&sets[0]);
        let cost = measure(Who::Thread, rounds, || {
            for set in sets {
                black_box(what_if.count(set));
            }
            sets.len() as u64
        });
        let name = format!("what if: {name}, {down} nodes");
        report.row(&name, cost.cpu_ns() / 1e3, "us CPU", goal);
    };
    let id = |number: &u32| NodeId::from_index(*number);
    let alone = |numbers: &[u32]| numbers.iter().map(|n| vec![id(n)]).collect::<Vec<_>>();
    row("1 server", "-", &alone(&site.servers[..1000]), 20);
    row("1 PDU", "<= 2", &alone(&site.pdus[..1]), 2000);
    row(
        "1 PDU, mean over a hundred racks",
        "-",
        &alone(&site.pdus[..200]),
        20,
    );
    let both: Vec<Vec<NodeId>> = site
        .pdus
        .chunks(2)
        .map(|p| p.iter().map(id).collect())
        .collect();
    row("both PDUs of a rack", "-", &both[..1], 200);
    row(
        "1 of 2 switches of a rack",
        "-",
        &alone(&site.tors[..1]),
        2000,
    );
    row("1 UPS", "-", &alone(&site.upses[..1]), 20);
    row(
        "all core routers",
        "-",
        &[site.cores.iter().map(id).collect()],
        5,
    );
    row("1 utility", "-", &alone(&site.utilities[..1]), 5);
    row(
        "total blackout",
        "<= 10000",
        &[site.utilities.iter().map(id).collect()],
        5,
    );
}

fn live(report: &mut Report, site: &Site, graph: &Arc<Graph>) {
    let mut live = Live::new(Arc::clone(graph));
    let pdu = NodeId::from_index(site.pdus[0]);
    let cost = measure(Who::Thread, 2000, || {
        black_box(live.fail(pdu, 1).iter().count());
        black_box(live.recover(pdu).iter().count());
        2
    });
    report.row(
        "live: a PDU fails or recovers, changes read",
        cost.cpu_ns() / 1e3,
        "us CPU",
        "<= 2",
    );

    let mut dark = Live::new(Arc::clone(graph));
    let utilities: Vec<NodeId> = site
        .utilities
        .iter()
        .map(|&n| NodeId::from_index(n))
        .collect();
    let cost = measure(Who::Thread, 5, || {
        dark.recover_many(utilities.iter().copied());
        black_box(dark.fail_many(utilities.iter().map(|&u| (u, 1))).moved());
        1
    });
    report.row(
        "live: blackout and back",
        cost.cpu_ns() / 1e6,
        "ms CPU",
        "<= 20",
    );

    // Thousands are failed already; each event pays for what it changes.
    for (at, &server) in site.servers.iter().enumerate() {
        live.fail(NodeId::from_index(server), at as i64);
    }
    let held = measure(Who::Thread, 20, || {
        let servers = site.servers.iter();
        black_box(
            servers
                .filter(|&&s| dark.held(NodeId::from_index(s)))
                .count(),
        );
        site.servers.len() as u64
    });
    report.row("live: is it explained", held.cpu_ns(), "ns CPU", "<= 100");
    let cost = measure(Who::Thread, 200, || {
        black_box(live.fail(pdu, 1).iter().count());
        black_box(live.recover(pdu).iter().count());
        2
    });
    let name = format!("live: the same with {} servers failed", site.servers.len());
    report.row(&name, cost.cpu_ns() / 1e3, "us CPU", "<= 2");
    let tor = [site.tors[0], site.tors[1]].map(NodeId::from_index);
    live.fail_many(tor.map(|tor| (tor, 0)));
    let cost = measure(Who::Thread, 20, || {
        for &server in &site.servers[..40] {
            black_box(live.explain(NodeId::from_index(server), 3));
        }
        40
    });
    report.row(
        "live: explain one of them",
        cost.cpu_ns() / 1e3,
        "us CPU",
        "-",
    );
}

fn points(report: &mut Report, site: &Site, graph: &Arc<Graph>) {
    let mut what_if = Evaluation::new(Arc::clone(graph));
    let components: Vec<NodeId> = site
        .components
        .iter()
        .map(|&n| NodeId::from_index(n))
        .collect();
    let mut watched = vec![false; graph.len()];
    for &server in site.servers.iter().chain(&site.services) {
        watched[server as usize] = true;
    }
    let mut found = 0;
    let cost = measure(Who::Thread, 3, || {
        let points = what_if.points_of_failure(components.iter().copied(), |n| watched[n.index()]);
        found = points.len();
        1
    });
    let name = format!(
        "all {} components tried, {found} take a server or service down",
        components.len()
    );
    report.row(&name, cost.cpu_ns() / 1e9, "s CPU", "<= 0.5");
    let service = NodeId::from_index(site.services[0]);
    let mut count = 0;
    let cost = measure(Who::Thread, 5, || {
        count = what_if.single_points_of_failure(service).len();
        1
    });
    let name = format!("single points of failure of one service: {count}");
    report.row(&name, cost.cpu_ns() / 1e3, "us CPU", "-");
}
