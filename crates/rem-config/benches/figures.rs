//! What loading and comparing a large configuration costs.
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::hint::black_box;

use rem_bench::{Report, Who, measure};
use rem_config::{Config, diff, load_with};
use rem_yaml::Loader;

const MACHINES: usize = 2_000;

fn load(text: &str) -> Config {
    load_with(
        Loader::from_memory([("monitor.yaml", text)]),
        "monitor.yaml",
    )
    .unwrap()
}

/// 50,000 monitors on 5,000 machines, each with three levels; `when` of the first.
fn with_levels(when: &str) -> String {
    const MACHINES: usize = 5_000;
    let mut text = "packages:\n  p:\n    monitors:\n".to_owned();
    for n in 0..10 {
        writeln!(
            text,
            "      m{n}:
        check: ping
        every: 60s
        retry: 3s
        scope: near
        levels:
          slow: {{when: '{when}', in: 20% of last 10, alert: slow}}
          down: {{when: status != ok, in: 3 of last 3, alert: down}}
          busy: {{when: 'avg(rtt_avg, 10m) > 20ms', for: 5m, clear: rtt_avg < 10ms, clear_in: 5 of last 5, set: {{state: busy{n}, value: 1}}}}"
        )
        .unwrap();
    }
    let names: Vec<String> = (0..MACHINES).map(|n| format!("web-{n:05}")).collect();
    writeln!(
        text,
        "observers: {{a: {{location: /eu}}, b: {{location: /na}}}}
services: {{web: {{packages: [p], deployments: {{prod: {{machines: [{}]}}}}}}}}
machines:",
        names.join(", ")
    )
    .unwrap();
    for name in &names {
        writeln!(
            text,
            "  {name}: {{address: {name}.example.com, location: /na/us/ca, depends: [{{group: power, of: [node:pdu]}}]}}"
        )
        .unwrap();
    }
    text.push_str("nodes: {pdu: {}}\nalerts: {slow: {severity: warning}}\n");
    text
}

fn main() {
    let mut text =
        "packages:\n  p:\n    interfaces: {http: {port: 80}}\n    monitors:\n".to_owned();
    for n in 0..10 {
        writeln!(
            text,
            "      m{n}: {{check: http, url: 'http://{{machine.address}}:{{interfaces.http.port}}/{n}', every: 10s}}"
        )
        .unwrap();
    }
    let names: Vec<String> = (0..MACHINES).map(|n| format!("web-{n:05}")).collect();
    writeln!(
        text,
        "services:\n  web:\n    packages: [p]\n    deployments:\n      prod: {{machines: [{}]}}\nmachines:",
        names.join(", ")
    )
    .unwrap();
    for name in &names {
        writeln!(
            text,
            "  {name}: {{address: {name}.example.com, location: /na/us/ca}}"
        )
        .unwrap();
    }
    let monitors = MACHINES * 10;
    let title = format!("{MACHINES} machines, {monitors} monitors, 3 rounds, best round");
    let mut report = Report::new("rem-config", &title);
    let loaded = measure(Who::Process, 3, || {
        black_box(load(&text)).monitors().len() as u64
    });
    report.row(
        "load, check and resolve, per monitor",
        loaded.cpu_ns() / 1e3,
        "us CPU",
        "<= 20",
    );
    let (old, new) = (load(&text), load(&text.replace("every: 10s", "every: 20s")));
    let compared = measure(Who::Process, 3, || {
        black_box(diff(&old, &new)).changed.len() as u64
    });
    report.row(
        "compare for a reload, per monitor",
        compared.cpu_ns() / 1e3,
        "us CPU",
        "<= 5",
    );
    for (what, when) in [
        ("the same on every machine", "rtt_avg > 50ms"),
        (
            "filled in for each machine",
            "rtt_avg > 50ms and state(\"machine:{machine}/x\") != 1",
        ),
    ] {
        let text = with_levels(when);
        let loaded = measure(Who::Process, 3, || {
            black_box(load(&text)).monitors().len() as u64
        });
        report.row(
            &format!("with 3 levels, {what}, per monitor"),
            loaded.cpu_ns() / 1e3,
            "us CPU",
            "<= 20",
        );
        report.row(
            &format!("50,000 monitors with 3 levels, {what}"),
            loaded.cpu_ns() * 50_000.0 / 1e9,
            "s CPU",
            "<= 1",
        );
    }
}
