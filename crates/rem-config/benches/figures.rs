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
}
