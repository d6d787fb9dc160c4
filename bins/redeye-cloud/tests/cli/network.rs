use std::fs;

use super::{check, json, run};

/// Load balancers and firewalls whose functions write down what they were asked.
const EDGE: &str = r#"
megavisor: edge
functions:
  list_lbs: {argv: [cat, lbs.json]}
  list_firewalls: {argv: [cat, firewalls.json]}
  create_load_balancer: {argv: [sh, -c, "cat >>asked; echo '{{\"ids\": [\"lb-1\"]}}'"], idempotent: true}
  attach_member: {argv: [sh, -c, "cat >>asked"], idempotent: true}
  detach_member: {argv: [sh, -c, "cat >>asked"], idempotent: true}
  allow: {argv: [sh, -c, "cat >>asked"], idempotent: true}
  deny: {argv: [sh, -c, "cat >>asked"], idempotent: true}
"#;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    put("edge.yaml", EDGE);
    put(
        "redeye-cloud.yaml",
        "data: data\nmegavisors: {edge: {file: edge.yaml}}\n",
    );
    put(
        "lbs.json",
        r#"[{"id": "lb-1", "name": "web", "address": "192.0.2.1",
            "listeners": [{"port": 80, "protocol": "http", "target_port": 8080}],
            "members": [{"instance": "m-1", "port": 8080, "health": "healthy"},
                        {"instance": "m-2", "health": "unhealthy", "why": "refused"}]}]"#,
    );
    put(
        "firewalls.json",
        r#"[{"id": "fw-1", "name": "ssh", "rules": [
            {"direction": "in", "protocol": "tcp", "ports": [22, 22], "peer": {"network": "192.0.2.0/24"}},
            {"direction": "out", "protocol": "any", "peer": {"network": "0.0.0.0/0"}}]}]"#,
    );
    folder
}

#[test]
fn load_balancers_are_made_filled_and_looked_at() {
    let folder = folder();
    let here = folder.path();
    let create = "lb create web --listener 80/http:8080 --listener 443/tls";
    check(here, create, 0, "lb-1\n");
    check(here, "lb attach lb-1 m-3 --port 81", 0, "lb-1\n");
    check(here, "lb detach lb-1 m-3", 0, "lb-1\n");
    let asked = fs::read_to_string(here.join("asked")).unwrap();
    let asked: Vec<serde_json::Value> = asked
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let listeners = &asked[0]["action"]["listeners"];
    assert_eq!(listeners[0]["target_port"], 8080, "{asked:?}");
    assert_eq!(listeners[1]["protocol"], "tls");
    assert_eq!(asked[1]["action"]["port"], 81);
    assert_eq!(asked[2]["action"]["instance"], "m-3");
    check(
        here,
        "lb health lb-1",
        0,
        "INSTANCE  PORT  HEALTH     WHY\nm-1       8080  healthy\nm-2             unhealthy  refused\n",
    );
    check(here, "lb health lb-9", 3, "");
    check(
        here,
        "lb list -o text --columns id,listeners,members",
        0,
        "lb-1\t80/http:8080\tm-1 healthy, m-2 unhealthy\n",
    );
}

#[test]
fn firewalls_let_through_what_was_said() {
    let folder = folder();
    let here = folder.path();
    let allow = "firewall allow fw-1 tcp 22 --from 192.0.2.0/24";
    check(here, allow, 0, "fw-1\n");
    check(here, "firewall deny fw-1 icmp --to 192.0.2.7", 0, "fw-1\n");
    check(
        here,
        "firewall list",
        0,
        "ID    NAME  RULES                                       DESCRIPTION\n\
         fw-1  ssh   tcp 22 from 192.0.2.0/24, all to 0.0.0.0/0\n",
    );
    let asked = fs::read_to_string(here.join("asked")).unwrap();
    assert!(asked.contains(r#""ports":[22,22]"#), "{asked}");
    assert!(asked.contains(r#""network":"192.0.2.7/32""#), "{asked}");
    for (wrong, why) in [
        ("firewall allow fw-1 tcp 22", "--from"),
        ("firewall allow fw-1 sctp --from fw-2", "no protocol: sctp"),
        ("firewall allow fw-1 tcp 0x --from fw-2", "not a port"),
        ("lb create web --listener 80", "PORT/PROTOCOL"),
        ("firewall create fw", "cannot do this: firewall create"),
    ] {
        let output = run(here, wrong);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{wrong}: {told}");
        assert!(told.contains(why), "{wrong}: {told}");
    }
}

#[test]
fn a_query_takes_a_part_of_an_answer() {
    let folder = folder();
    let here = folder.path();
    let unwell = "lb list --query items[].members[]|[?health!='healthy'].[instance,why]";
    check(here, unwell, 0, "m-2\trefused\n");
    check(here, "lb list --query length(items)", 0, "1\n");
    let listed = json(here, "lb list -o json --query items[].name");
    assert_eq!(listed, serde_json::json!(["web"]));
    let output = run(here, "lb list --query items[?");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("--query"), "{told}");
}
