//! The rules of ARCHITECTURE.md that a compiler does not check.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::root;

/// Who may use whom among the libraries; a binary may use any library.
const ARROWS: &[(&str, &[&str])] = &[
    ("rem-time", &[]),
    ("rem-command", &[]),
    ("rem-yaml", &["rem-time"]),
    ("rem-script", &["rem-time"]),
    ("rem-graph", &[]),
    ("rem-alert", &["rem-time"]),
    ("rem-config", &["rem-alert", "rem-time", "rem-yaml"]),
    ("rem-series", &["rem-time"]),
    ("rem-check", &["rem-script", "rem-time"]),
    ("rem-notify", &["rem-script", "rem-time"]),
    (
        "rem-desk",
        &[
            "rem-alert",
            "rem-graph",
            "rem-notify",
            "rem-time",
            "unidist",
        ],
    ),
    ("unidist", &["rem-time"]),
    (
        "procblock",
        &["rem-script", "rem-time", "rem-yaml", "unidist"],
    ),
    (
        "dropstar",
        &["procblock", "rem-script", "rem-time", "rem-yaml", "unidist"],
    ),
    ("rem-collect", &["procblock", "rem-series", "rem-time"]),
    ("redeye-cloud", &["rem-time", "unidist"]),
    (
        "redeye-cloud-home",
        &[
            "redeye-cloud",
            "rem-check",
            "rem-script",
            "rem-time",
            "rem-yaml",
        ],
    ),
    (
        "redeye-storage",
        &[
            "redeye-cloud",
            "rem-script",
            "rem-time",
            "rem-yaml",
            "unidist",
        ],
    ),
    ("redeye-cloud-ec2", &["redeye-cloud", "rem-time"]),
    (
        "redeye-control",
        &["rem-config", "rem-graph", "rem-time", "rem-yaml"],
    ),
    (
        "rem-monitor",
        &[
            "procblock",
            "redeye-cloud",
            "rem-alert",
            "rem-check",
            "rem-collect",
            "rem-config",
            "rem-desk",
            "rem-graph",
            "rem-notify",
            "rem-script",
            "rem-series",
            "rem-time",
            "rem-yaml",
            "unidist",
        ],
    ),
    (
        "rem-web",
        &[
            "dropstar",
            "rem-alert",
            "rem-check",
            "rem-desk",
            "rem-graph",
            "rem-monitor",
            "rem-notify",
            "rem-series",
            "rem-time",
            "rem-yaml",
        ],
    ),
];

/// Each of these has one library that may use it.
const OWNERS: &[(&str, &str)] = &[
    ("aws-config", "redeye-cloud-ec2"),
    ("aws-sdk-ec2", "redeye-cloud-ec2"),
    ("aws-sdk-elasticloadbalancingv2", "redeye-cloud-ec2"),
    ("dxr", "dropstar"),
    ("jsonrpsee", "dropstar"),
    ("granit-parser", "rem-yaml"),
    ("hickory-proto", "rem-check"),
    ("lettre", "rem-notify"),
    ("mailparse", "rem-notify"),
    ("rrd", "rem-series"),
    ("rrd-sys", "rem-series"),
    ("serde-saphyr", "rem-yaml"),
    ("sqlx", "redeye-control"),
    ("yaml-edit", "rem-yaml"),
];

/// Libraries that decide and never do.
const PURE: &[&str] = &[
    "rem-alert",
    "rem-config",
    "rem-graph",
    "rem-time",
    "rem-yaml",
];
const IO: &[&str] = &["hyper", "reqwest", "rustix", "tokio"];

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// Library crates with the names of what they depend on, tests and benches left out.
fn libraries() -> BTreeMap<String, BTreeSet<String>> {
    let is_library = |package: &Value| {
        package["manifest_path"]
            .as_str()
            .unwrap()
            .starts_with(root().join("crates").to_str().unwrap())
    };
    let dependencies = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap();
        let normal = all.iter().filter(|dependency| dependency["kind"].is_null());
        normal
            .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
            .collect()
    };
    packages()
        .iter()
        .filter(|package| is_library(package))
        .map(|package| {
            (
                package["name"].as_str().unwrap().to_owned(),
                dependencies(package),
            )
        })
        .collect()
}

#[test]
fn arrows_between_the_libraries_point_downwards_only() {
    let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    for (library, dependencies) in libraries() {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == library) else {
            panic!("{library} has no line in ARROWS: say there what it may use");
        };
        for dependency in dependencies
            .iter()
            .filter(|name| ours.contains(name.as_str()))
        {
            assert!(
                allowed.contains(&dependency.as_str()),
                "{library} must not depend on {dependency}"
            );
        }
    }
}

#[test]
fn only_commands_use_the_edge_of_a_command() {
    for (library, dependencies) in libraries() {
        assert!(
            !dependencies.contains("rem-command"),
            "{library} is a library: rem-command is for binaries"
        );
    }
}

#[test]
fn every_heavy_dependency_has_one_owner() {
    for (library, dependencies) in libraries() {
        for (heavy, owner) in OWNERS {
            assert!(
                !dependencies.contains(*heavy) || library == *owner,
                "{library} uses {heavy}, which belongs to {owner}"
            );
        }
        for io in IO.iter().filter(|_| PURE.contains(&library.as_str())) {
            assert!(
                !dependencies.contains(*io),
                "{library} decides only and must not use {io}"
            );
        }
    }
}

#[test]
fn every_library_has_a_program_that_embeds_it() {
    for library in libraries().keys() {
        let example = root()
            .join("crates")
            .join(library)
            .join("examples/embed.rs");
        assert!(example.is_file(), "{} is missing", example.display());
    }
}

#[test]
fn no_library_reads_the_clock_the_environment_or_the_arguments() {
    const FORBIDDEN: &[&str] = &[
        "SystemTime::now",
        "env::var",
        "env::args",
        "tracing_subscriber::",
        "ctrl_c()",
    ];
    for library in libraries().keys() {
        // The edge of the commands: logs, signals and the environment are its task.
        if library == "rem-command" {
            continue;
        }
        for file in sources(&root().join("crates").join(library).join("src")) {
            // The one reader of the clock, and unit tests.
            let name = file.to_string_lossy();
            if name.ends_with("rem-time/src/clock.rs") || name.contains("/tests") {
                continue;
            }
            let text = std::fs::read_to_string(&file).unwrap();
            for (number, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or("");
                let found = FORBIDDEN.iter().find(|word| code.contains(**word));
                assert!(
                    found.is_none(),
                    "{name}:{}: no library uses {found:?}",
                    number + 1
                );
            }
        }
    }
}

fn sources(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
