//! Checks a monitor file: prints what would run, or everything that is wrong.
//!
//! `cargo run -p rem-config --example embed -- FILE [NAME]` reads a file of yours
//! and, with a name, says where everything about that machine, service or monitor
//! comes from.

use std::process::ExitCode;

use rem_config::{explain, load_with};
use rem_yaml::Loader;

const SAMPLE: &str = "
site: acme
machines:
  web-01: {address: 192.0.2.11}
packages:
  apache:
    interfaces: {http: {listen: tcp, port: 80}}
    monitors:
      http: {check: http, url: 'http://{machine.address}:{interfaces.http.port}/', every: 10s}
      ping: {check: ping, every: 10s}
services:
  web: {packages: [apache], deployments: {prod: {machines: [web-01]}}}
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (loader, file) = match arguments.next() {
        Some(file) => (Loader::new(), file),
        None => (
            Loader::from_memory([("sample.yaml", SAMPLE)]),
            "sample.yaml".to_owned(),
        ),
    };
    let config = match load_with(loader, file) {
        Ok(config) => config,
        Err(problems) => {
            println!("{problems}");
            return ExitCode::FAILURE;
        }
    };
    let Some(name) = arguments.next() else {
        for monitor in config.monitors() {
            let kind = monitor.check.kind();
            println!("{} every {}: {kind}", monitor.id, monitor.every);
        }
        return ExitCode::SUCCESS;
    };
    match explain(&config, &name) {
        Ok(text) => print!("{text}"),
        Err(unknown) => println!("{unknown}"),
    }
    ExitCode::SUCCESS
}
