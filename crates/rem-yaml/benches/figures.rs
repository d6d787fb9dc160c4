//! What reading YAML costs, beside the serde reader on the same parser.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;

use rem_bench::{Report, Who, measure};
use serde::Deserialize;
use serde_saphyr::Spanned;

/// The nearest thing the peer can do: every value with its place.
#[derive(Deserialize)]
#[serde(untagged)]
#[allow(dead_code)]
enum Untyped {
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Untyped>),
    Map(BTreeMap<String, Untyped>),
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Site {
    machines: BTreeMap<String, Machine>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Machine {
    address: Spanned<String>,
    location: Spanned<String>,
    port: Spanned<u16>,
    tags: Spanned<Vec<Spanned<String>>>,
}

fn main() {
    let mut text = "machines:\n".to_owned();
    for n in 0..10_000 {
        writeln!(
            text,
            "  web-{n:05}:\n    address: 192.0.2.{}\n    location: /na/us/ca/sunnyvale/rack{n}\n    port: 80\n    tags: [web, prod]",
            n % 256
        )
        .unwrap();
    }
    let megabytes = text.len() as f64 / 1e6;
    let title = format!("{megabytes:.1} MB, 10,000 machines, 3 rounds, best round");
    let mut report = Report::new("rem-yaml", &title);
    let per_megabyte = |ns: f64| ns / 1e6 / megabytes;

    let ours = measure(Who::Process, 3, || {
        black_box(rem_yaml::parse("bench.yaml", &text).unwrap());
        1
    });
    report.row(
        "parse, every value with its place",
        per_megabyte(ours.cpu_ns()),
        "ms CPU/MB",
        "<= 150",
    );

    let typed = measure(Who::Process, 3, || {
        black_box(serde_saphyr::from_str::<Site>(&text).unwrap());
        1
    });
    report.row(
        "serde-saphyr, typed, places",
        per_megabyte(typed.cpu_ns()),
        "ms CPU/MB",
        "peer",
    );
    report.ratio(
        "parse against serde-saphyr, typed",
        ours.cpu_ns(),
        typed.cpu_ns(),
        "<= 1.0",
    );

    let untyped = measure(Who::Process, 3, || {
        black_box(serde_saphyr::from_str::<Untyped>(&text).unwrap());
        1
    });
    report.row(
        "serde-saphyr, untyped, no places",
        per_megabyte(untyped.cpu_ns()),
        "ms CPU/MB",
        "peer",
    );
    report.ratio(
        "parse against serde-saphyr, untyped",
        ours.cpu_ns(),
        untyped.cpu_ns(),
        "<= 1.0",
    );
}
