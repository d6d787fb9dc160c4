//! The public face of rem-config: what is refused in which words, what a
//! configuration resolves to, what a reload changes.
#![allow(clippy::unwrap_used)]

#[path = "it/alerting.rs"]
mod alerting;
#[path = "it/broken.rs"]
mod broken;
#[path = "it/diff.rs"]
mod diff;
#[path = "it/explain.rs"]
mod explain;
#[path = "it/odd.rs"]
mod odd;
#[path = "it/resolve.rs"]
mod resolve;
#[path = "it/schema.rs"]
mod schema;

use rem_config::{Config, load_with};
use rem_yaml::Loader;

/// Loads `monitor.yaml` from memory, together with a script it may run.
#[track_caller]
fn config(yaml: &str) -> Config {
    let files = [("monitor.yaml", yaml), ("scripts/a.py", "")];
    match load_with(Loader::from_memory(files), "monitor.yaml") {
        Ok(config) => config,
        Err(problems) => panic!("{problems}"),
    }
}
