//! `schemas/monitor.schema.json` knows the keys that the reader knows.

use std::collections::BTreeSet;

use rem_config::load_with;
use rem_yaml::Loader;
use serde_json::Value;

const UNKNOWN: &str = "qqqqqqqqqq";

/// The keys of the map in which `yaml` has the key [`UNKNOWN`], as the reader's help lists them.
fn known_keys(yaml: &str) -> BTreeSet<String> {
    let problems = load_with(Loader::from_memory([("f", yaml)]), "f").unwrap_err();
    let found = problems
        .sorted()
        .into_iter()
        .find(|problem| problem.message == format!("unknown key {UNKNOWN}"))
        .unwrap_or_else(|| panic!("{yaml}: {problems}"));
    let help = found.help.as_deref().unwrap();
    let keys = help.strip_prefix("known keys: ").unwrap();
    keys.split(", ").map(str::to_owned).collect()
}

#[track_caller]
fn check(pointer: &str, yaml: &str) {
    let schema = std::fs::read_to_string("../../schemas/monitor.schema.json").unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let properties = schema.pointer(&format!("{pointer}/properties")).unwrap();
    let in_schema: BTreeSet<String> = properties.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        in_schema,
        known_keys(&yaml.replace('?', UNKNOWN)),
        "{pointer}"
    );
}

#[test]
fn the_schema_for_editors_knows_the_same_keys() {
    check("", "?: 1");
    check("/$defs/machine", "machines: {a: {?: 1}}");
    check("/$defs/package", "packages: {a: {?: 1}}");
    check(
        "/$defs/interface",
        "packages: {a: {interfaces: {b: {?: 1}}}}",
    );
    check("/$defs/service", "services: {a: {?: 1}}");
    check(
        "/$defs/deployment",
        "services: {a: {deployments: {b: {?: 1}}}}",
    );
    check("/$defs/listener", "listen: [{?: 1}]");
    check("/$defs/tls/anyOf/0", "listen: [{tls: {?: 1}}]");
    check("/$defs/accounts", "listen: [{auth: {?: 1}}]");
    check("/$defs/user", "listen: [{auth: {users: {a: {?: 1}}}}]");
    check("/$defs/token", "listen: [{auth: {tokens: {a: {?: 1}}}}]");
}

#[test]
fn the_schema_for_editors_knows_the_same_keys_of_alerting() {
    check("/$defs/observer", "observers: {a: {?: 1}}");
    check("/$defs/node", "nodes: {a: {?: 1}}");
    check("/$defs/requirement", "nodes: {a: {depends: [{?: 1}]}}");
    check(
        "/$defs/connection",
        "services: {a: {connections: {b: {?: 1}}}}",
    );
    check("/$defs/owner", "services: {a: {owners: [{?: 1}]}}");
    check("/$defs/alert", "alerts: {a: {?: 1}}");
    check("/$defs/role", "roles: {a: {?: 1}}");
    check("/$defs/layer", "roles: {a: {layers: [{?: 1}]}}");
    check(
        "/$defs/rotation",
        "roles: {a: {users: [a], rotation: {?: 1}}}",
    );
    check("/$defs/hold", "holds: [{?: 1}]");
    check("/$defs/job", "jobs: {a: {?: 1}}");
    check("/$defs/notify", "notify: {?: 1}");
    check(
        "/$defs/notify/properties/self_test/anyOf/1",
        "notify: {self_test: {?: 1}}",
    );
    check("/$defs/smtp", "notify: {smtp: {?: 1}}");
    check("/$defs/imap", "notify: {imap: {?: 1}}");
    check("/$defs/limits", "limits: {?: 1}");
    let monitor =
        |body: &str| format!("packages: {{p: {{monitors: {{m: {{check: ping, {body}}}}}}}}}");
    check("/$defs/level", &monitor("levels: {a: {?: 1}}"));
    check("/$defs/set", &monitor("levels: {a: {set: {?: 1}}}"));
    // A password is a known key, so that it can be refused with a reason.
    check("/$defs/person", "users: {a: {?: 1}}");
}

#[test]
fn the_schema_for_editors_knows_the_same_keys_of_every_check() {
    let monitor = |body: &str| format!("packages: {{p: {{monitors: {{m: {{{body}, ?: 1}}}}}}}}");
    for (name, kind) in [
        ("cpu", "local.cpu"),
        ("load", "local.load"),
        ("memory", "local.memory"),
        ("disk", "local.disk"),
        ("diskio", "local.diskio"),
        ("network", "local.network"),
        ("ping", "ping"),
        ("http", "http"),
        ("tcp", "tcp"),
        ("units", "local.units"),
        ("processes", "local.processes"),
        ("log", "log"),
        ("dns", "dns"),
        ("tls_check", "tls"),
        ("snmp", "snmp"),
        ("plugin", "plugin"),
        ("exporter", "exporter"),
        ("passive", "passive"),
    ] {
        check(
            &format!("/$defs/{name}"),
            &monitor(&format!("check: {kind}")),
        );
    }
    check("/$defs/run", &monitor("run: []"));
    check(
        "/$defs/http/properties/expect",
        &monitor("check: http, expect: {?: 1}").replace(", ?: 1}}", "}}"),
    );
    check(
        "/$defs/step",
        &monitor("check: tcp, steps: [{?: 1}]").replace(", ?: 1}}", "}}"),
    );
    check(
        "/$defs/run/properties/series/additionalProperties",
        &monitor("run: [], series: {a: {?: 1}}").replace(", ?: 1}}", "}}"),
    );
}
