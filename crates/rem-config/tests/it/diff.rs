use rem_config::{Changes, diff};

use crate::config;

const OLD: &str = "
listen: [{http: 127.0.0.1:1}, {http: 127.0.0.1:2}]
machines: {a: {address: 192.0.2.1}, b: {address: 192.0.2.2}}
packages:
  p:
    monitors:
      ping: {check: ping, every: 10s}
      ssh: {check: tcp, port: 22}
services: {s: {packages: [p], deployments: {d: {machines: [a, b]}}}}
";

/// The changes after the replacements, as ids.
#[track_caller]
fn changes(replace: &[(&str, &str)]) -> Changes {
    let mut new = OLD.to_owned();
    for (from, to) in replace {
        assert!(new.contains(from), "{from}");
        new = new.replace(from, to);
    }
    diff(&config(OLD), &config(&new))
}

fn names(ids: &[rem_config::MonitorId]) -> Vec<&str> {
    ids.iter().map(rem_config::MonitorId::as_str).collect()
}

#[test]
fn moved_lines_and_comments_change_nothing() {
    let changes = changes(&[
        ("machines: {a:", "# hello\n\nmachines: {a:"),
        ("{check: ping, every: 10s}", "{every: 10s, check: ping}"),
    ]);
    assert!(changes.is_empty());
    assert_eq!(changes.to_string(), "nothing changed");
}

#[test]
fn only_what_is_different_starts_anew() {
    let changes = changes(&[("every: 10s", "every: 20s"), ("192.0.2.2", "192.0.2.3")]);
    assert_eq!(names(&changes.changed), ["a/p/ping", "b/p/ping", "b/p/ssh"]);
    assert!(changes.added.is_empty() && changes.removed.is_empty());
}

#[test]
fn new_and_removed_machines_bring_and_take_their_monitors() {
    let changes = changes(&[("b: {address", "c: {address"), ("[a, b]", "[a, c]")]);
    assert_eq!(names(&changes.added), ["c/p/ping", "c/p/ssh"]);
    assert_eq!(names(&changes.removed), ["b/p/ping", "b/p/ssh"]);
    assert_eq!(changes.to_string(), "2 monitors added, 2 removed");
}

#[test]
fn a_new_title_or_service_disturbs_nothing() {
    let changes = changes(&[
        ("port: 22", "port: 22, title: SSH"),
        ("services: {s:", "services: {t:"),
    ]);
    assert_eq!(changes.relabelled.len(), 4);
    assert!(changes.changed.is_empty() && !changes.is_empty());
}

#[test]
fn listeners_site_and_data_are_compared() {
    let changes = changes(&[
        (
            "{http: 127.0.0.1:1}",
            "{http: 127.0.0.1:1, tls: {self_signed: true}}",
        ),
        ("{http: 127.0.0.1:2}", "{http: 127.0.0.1:3}"),
        ("machines: {a:", "site: x\ndata: y\nmachines: {a:"),
    ]);
    assert_eq!(changes.listeners_changed, ["127.0.0.1:1".parse().unwrap()]);
    assert_eq!(changes.listeners_added, ["127.0.0.1:3".parse().unwrap()]);
    assert_eq!(changes.listeners_removed, ["127.0.0.1:2".parse().unwrap()]);
    assert_eq!(
        changes.to_string(),
        "1 listener added, 1 removed, 1 changed; site renamed; data moved, which needs a restart"
    );
}

const ALERTING: &str = include_str!("../alerting.yaml");

/// The changes after the replacements in the file that has everything.
#[track_caller]
fn alerting(replace: &[(&str, &str)]) -> Changes {
    let mut new = ALERTING.to_owned();
    for (from, to) in replace {
        assert!(new.contains(from), "{from}");
        new = new.replace(from, to);
    }
    diff(&config(ALERTING), &config(&new))
}

#[test]
fn another_level_does_not_disturb_the_looking() {
    let changes = alerting(&[("duration > 50ms", "duration > 60ms")]);
    assert_eq!(changes.levels.len(), 6);
    assert!(changes.changed.is_empty() && changes.relabelled.is_empty());
    assert_eq!(changes.to_string(), "levels of 6 monitors changed");
}

#[test]
fn another_observer_starts_a_monitor_anew() {
    let moved = alerting(&[
        ("dc1/cage4/row0/rack4", "dc1"),
        ("netns: fra", "netns: frankfurt"),
    ]);
    assert_eq!(moved.observers.changed, ["fra-probe"]);
    assert!(moved.changed.is_empty());
    let moved = alerting(&[("/na/us/ca/sunnyvale/dc1/cage4/row0/rack4", "/eu/de/fra")]);
    assert_eq!(
        names(&moved.changed),
        ["web-01/apache/http@near", "web-01/apache/http@far"]
    );
}

#[test]
fn alerts_people_jobs_holds_and_messages_are_compared_by_name() {
    let changes = alerting(&[
        ("repeat: 5m", "repeat: 6m"),
        ("manager: {users: [bob]}", "manager: {users: [cho]}"),
        ("mail: ann@example.com", "mail: anna@example.com"),
        ("timeout: 60s", "timeout: 61s"),
        ("weekly: sun 02:00", "weekly: sat 02:00"),
        ("tries: 3, every: 5m", "tries: 4, every: 5m"),
        ("per_target: 4", "per_target: 5"),
        ("folder: INBOX", "folder: Alerts"),
        (
            "need: 1, of: [node:pdu-4a, node:pdu-4b]",
            "need: 2, of: [node:pdu-4a, node:pdu-4b]",
        ),
    ]);
    assert_eq!(changes.alerts.changed, ["web-down"]);
    assert_eq!(changes.roles.changed, ["manager"]);
    assert_eq!(changes.users.changed, ["ann"]);
    assert_eq!(changes.jobs.changed, ["restart-apache"]);
    assert_eq!(
        (changes.holds.added.len(), changes.holds.removed.len()),
        (1, 1)
    );
    assert_eq!(changes.ladders.changed, ["web/prod"]);
    assert_eq!(
        changes.to_string(),
        "1 alert changed; 1 role changed; 1 user changed; 1 job changed; \
         1 hold added, 1 removed; 1 ladder changed; dependencies changed; \
         messages changed; limits changed"
    );
    assert!(changes.changed.is_empty() && changes.levels.is_empty());
}
