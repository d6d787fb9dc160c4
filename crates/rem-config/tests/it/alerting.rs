//! One file with everything that alerting has, and what it becomes.

use std::sync::Arc;

use rem_alert::episode::{AfterClear, Days, RefireOverrides, Step, When};
use rem_alert::level::Action;
use rem_alert::shift::{Order, UserId};
use rem_config::{
    AlertSubject, Config, ContactKind, ContactWay, DependencyNode, Monitor, Scope, WebhookBody,
    load,
};
use rem_time::{Span, Timestamp};
use rem_yaml::SecretSource;

use crate::config;

fn site() -> Config {
    load("tests/alerting.yaml").unwrap_or_else(|problems| panic!("{problems}"))
}

fn monitor<'c>(config: &'c Config, id: &str) -> &'c Monitor {
    let found = config.monitors().iter().find(|one| one.id.as_str() == id);
    found.unwrap_or_else(|| panic!("no monitor {id}"))
}

#[test]
fn levels_become_the_alerting_crates_own_and_are_shared_by_machines() {
    let config = site();
    let near = monitor(&config, "web-01/apache/http@near");
    let texts: Vec<String> = near
        .levels
        .iter()
        .map(|level| format!("{}: {} {}", level.name, level.when, level.window))
        .collect();
    assert_eq!(
        texts,
        [
            "slow: duration > 50ms 20% of last 10",
            "down: status != ok 3 of last 3",
            "down: state(\"maintenance\") != 1 1 of last 1",
            "busy: duration > 20ms for 5m",
        ]
    );
    assert_eq!(
        near.levels[1].actions,
        [
            Action::Alert("web-down".into()),
            Action::Trigger("restart-apache".into())
        ]
    );
    let (clear, window) = near.levels[3].clear.as_ref().unwrap();
    assert_eq!(format!("{clear} {window}"), "duration < 10ms 5 of last 5");
    let other = monitor(&config, "web-02/apache/http@far");
    assert!(Arc::ptr_eq(&near.levels, &other.levels));
    assert!(monitor(&config, "web-01/linux/ping").levels.is_empty());
}

#[test]
fn levels_that_name_the_machine_are_filled_in_for_each() {
    let config = config(
        "
machines: {a: {address: 192.0.2.1}, b: {address: 192.0.2.2}}
packages:
  p:
    monitors:
      m:
        check: ping
        levels:
          x: {when: 'state(\"machine:{machine}/busy\") == 1', set: {state: s, value: 1}}
services: {s: {packages: [p], deployments: {d: {machines: [a, b]}}}}
",
    );
    let when = |id: &str| monitor(&config, id).levels[0].when.to_string();
    assert_eq!(when("a/p/m"), "state(\"machine:a/busy\") == 1");
    assert_eq!(when("b/p/m"), "state(\"machine:b/busy\") == 1");
}

#[test]
fn a_monitor_looks_from_near_and_from_far() {
    let config = site();
    let near = monitor(&config, "web-01/apache/http@near");
    let far = monitor(&config, "web-01/apache/http@far");
    assert_eq!(
        (near.scope, far.scope),
        (Some(Scope::Near), Some(Scope::Far))
    );
    assert_eq!(near.observer.as_ref().unwrap().as_str(), "svl-probe");
    assert_eq!(far.observer.as_ref().unwrap().as_str(), "fra-probe");
    let retry = near.retry.unwrap();
    assert_eq!((retry.after, retry.times), (Span::from_seconds(3), 3));
    let ping = monitor(&config, "web-01/linux/ping");
    assert_eq!((ping.scope, ping.observer.as_ref()), (None, None));
}

#[test]
fn one_scope_leaves_the_id_as_it_is() {
    let config = config(
        "
machines: {a: {address: 192.0.2.1, local: true}}
packages: {p: {monitors: {m: {check: ping, scope: local}, n: {check: ping, scope: near}}}}
services: {s: {packages: [p], deployments: {d: {machines: [a]}}}}
",
    );
    assert_eq!(monitor(&config, "a/p/m").scope, Some(Scope::Local));
    assert_eq!(monitor(&config, "a/p/n").observer, None);
}

#[test]
fn alerts_have_what_is_written_and_the_defaults_otherwise() {
    let config = site();
    let down = config.alert("web-down").unwrap();
    assert_eq!(down.title, "{machine} does not answer");
    assert_eq!(down.subject, AlertSubject::Machine);
    assert_eq!(down.rules.after_clear, AfterClear::Page);
    assert_eq!(down.rules.refire_overrides, RefireOverrides::Any);
    assert_eq!(down.rules.ack_max, Some(Span::from_seconds(8 * 3600)));
    assert_eq!(down.rules.settle, Some(Span::ZERO));
    let slow = config.alert("web-slow").unwrap();
    assert_eq!(slow.title, "web-slow: {subject}");
    assert_eq!(slow.severity, "critical");
    assert_eq!(slow.rules.clear_delay, Span::from_seconds(600));
    assert!(config.alert("zzz").is_none());
}

#[test]
fn owners_become_a_ladder_where_somebody_is_told() {
    let config = site();
    let minutes = |minutes: u64| Span::from_seconds(minutes * 60);
    let web = Step::new("web-oncall", 3, minutes(5));
    let manager = Step::new("manager", 3, minutes(5)).after(minutes(15));
    assert_eq!(config.ladder("web", "prod"), Some(vec![web, manager]));
    assert_eq!(config.ladder("web", "staging"), None);
    assert_eq!(config.ladder("db", "prod"), Some(vec![]));
    assert_eq!(config.ladder("db", "nowhere"), None);
    assert_eq!(
        config.ladder_of("web-down", "web", "prod"),
        Some(vec![Step::new("manager", 3, minutes(5))])
    );
}

#[test]
fn roles_and_vacations_answer_who_is_on_call() {
    let config = site();
    let role = &config.role("web-oncall").unwrap().role;
    let plan = &role.layers[0].versions()[0].plan;
    assert_eq!(plan.anchor().to_string(), "2026-01-05 09:00");
    assert!(matches!(plan.order(), Order::Fair(fair) if fair.trailing_days == 90));
    let calendar = config.calendar(Vec::new());
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let manager = calendar.on_call(&"manager".into(), at("2026-04-01T12:00:00Z"));
    assert_eq!(manager, [UserId::from("bob")]);
    // Nobody but in the hours of the rotation.
    let night = calendar.on_call(&"web-oncall".into(), at("2026-04-01T01:00:00Z"));
    assert!(night.is_empty());
    let away = config.vacations().next().unwrap();
    assert_eq!(away.users(), [&UserId::from("ann")]);
    assert_eq!(away.ranges()[0].from, at("2026-12-23T23:00:00Z"));
    assert_eq!(away.ranges()[0].to, at("2027-01-01T23:00:00Z"));
}

#[test]
fn rotations_begin_where_they_are_said_to() {
    let first = |rotation: &str| {
        let yaml =
            format!("users: {{ann: {{}}}}\nroles: {{r: {{users: [ann], rotation: {rotation}}}}}\n");
        let config = config(&yaml);
        let role = &config.role("r").unwrap().role;
        role.layers[0].versions()[0].plan.anchor().to_string()
    };
    assert_eq!(first("{every: 1w}"), "2000-01-03 09:00");
    assert_eq!(first("{every: 1w, at: fri 17:00}"), "2000-01-07 17:00");
    assert_eq!(first("{every: 1w, from: 2026-01-06}"), "2026-01-06 09:00");
    assert_eq!(
        first("{every: 1d, at: 08:00, from: 2026-01-06}"),
        "2026-01-06 08:00"
    );
    assert_eq!(
        first("{every: 1w, at: mon 09:00, from: 2026-01-06}"),
        "2026-01-12 09:00"
    );
    assert_eq!(
        first("{every: 1 month, at: 31 09:00, from: 2026-02-10}"),
        "2026-02-28 09:00"
    );
    assert_eq!(
        first("{every: 1 month, at: 1 09:00, from: 2026-12-10}"),
        "2027-01-01 09:00"
    );
}

#[test]
fn people_have_contacts_in_order_and_no_secret_is_shown() {
    let config = site();
    let ann = config.user("ann").unwrap();
    assert_eq!(ann.full_name.as_deref(), Some("Ann"));
    assert_eq!(ann.user.zone.name(), "Europe/Berlin");
    assert_eq!(ann.user.notices.before.len(), 2);
    let shown: Vec<String> = ann.contacts.iter().map(|one| one.way.to_string()).collect();
    assert_eq!(
        shown,
        [
            "mail ann@example.com",
            "webhook https://ntfy.example.com",
            "script /usr/local/bin/sms"
        ]
    );
    let ContactWay::Webhook(webhook) = &ann.contacts[1].way else {
        panic!("{:?}", ann.contacts[1]);
    };
    assert_eq!(webhook.body, WebhookBody::Ntfy);
    assert_eq!(webhook.secret, Some(SecretSource::Env("X".into())));
    let ContactWay::Script(script) = &ann.contacts[2].way else {
        panic!("{:?}", ann.contacts[2]);
    };
    assert_eq!(script.command, ["/usr/local/bin/sms", "+49 1"]);
    assert!(!format!("{config:?}").contains("ntfy.example.com/x"));
    assert!(!format!("{config:?}").contains("hc.example.com/x"));
}

#[test]
fn holds_jobs_messages_and_limits_are_handed_out() {
    let config = site();
    let holds: Vec<_> = config.holds().collect();
    let When::Once { from, until } = &holds[0].when else {
        panic!("{:?}", holds[0]);
    };
    assert_eq!(from.to_string(), "2026-12-01T01:00:00Z");
    assert_eq!(until.since(*from), Span::from_seconds(7200));
    assert_eq!(holds[0].covers.len(), 2);
    assert!(matches!(&holds[2].when, When::Repeats(repeats) if repeats.days == Days::Monthly(31)));
    assert_eq!(
        config.job("restart-apache").unwrap().timeout,
        Span::from_seconds(60)
    );
    let notify = config.notify();
    assert_eq!(notify.url.as_deref(), Some("https://rem.example.com"));
    assert_eq!(notify.fallback.len(), 1);
    let test = notify.self_test.as_ref().unwrap();
    assert_eq!(test.every, Span::from_seconds(86_400));
    assert_eq!(test.within, Span::from_seconds(600));
    assert_eq!(test.comes_back, [ContactKind::Mail, ContactKind::Webhook]);
    assert_eq!(
        notify.heartbeat.as_ref().unwrap().every,
        Span::from_seconds(60)
    );
    assert_eq!(config.limits().per_target, 4);
    assert_eq!(config.limits().per_kind["run"], 32);
    assert_eq!(config.limits().per_kind["plugin"], 64);
}

fn shown(config: &Config, name: &str) -> String {
    let found = config.dependencies().iter().find(|node| node.name == name);
    let node: &DependencyNode = found.unwrap_or_else(|| panic!("no node {name}"));
    let groups = node.groups.iter().map(|group| {
        let members = group.members.join(" ");
        format!("{}: {} of {members}", group.kind, group.need)
    });
    groups.collect::<Vec<_>>().join("; ")
}

#[test]
fn dependencies_are_nodes_with_groups() {
    let config = site();
    assert_eq!(
        shown(&config, "machine:web-01"),
        "power: 1 of node:pdu-4a node:pdu-4b; network: 1 of machine:tor-4a"
    );
    assert_eq!(shown(&config, "node:pdu-4a"), "");
    assert_eq!(
        shown(&config, "monitor:web-01/apache/http@far"),
        "machine: 1 of machine:web-01"
    );
    assert_eq!(
        shown(&config, "package:web-01/apache"),
        "machine: 1 of machine:web-01"
    );
    assert_eq!(
        shown(&config, "service:web/prod"),
        "machines: 1 of machine:web-01 machine:web-02; service db: 1 of service:db"
    );
    // Staging tells nobody, so nothing hangs on it.
    assert_eq!(
        shown(&config, "service:web"),
        "deployments: 1 of service:web/prod"
    );
    let names: Vec<&str> = config
        .dependencies()
        .iter()
        .map(|n| n.name.as_str())
        .collect();
    for group in config.dependencies().iter().flat_map(|node| &node.groups) {
        for member in &group.members {
            assert!(names.contains(&member.as_str()), "{member}");
        }
    }
}
