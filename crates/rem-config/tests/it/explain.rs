use rem_config::explain;

use crate::config;

const SITE: &str = "machines:
  web-01: {address: 192.0.2.11, location: rack 4}
packages:
  apache:
    interfaces: {http: {port: 80}}
    monitors:
      http:
        check: http
        url: 'http://{machine.address}/'
        headers: {authorization: hunter2}
        every: 10s
      ping: {check: ping, series: {loss: {type: GAUGE, max: 100}}}
services:
  web:
    packages: [apache]
    deployments: {prod: {machines: [web-01]}}
";

#[track_caller]
fn check(name: &str, expected: &str) {
    assert_eq!(explain(&config(SITE), name).unwrap(), expected);
}

#[test]
fn a_monitor_is_shown_resolved_with_the_place_of_each_value() {
    check(
        "web-01/apache/http",
        "monitor web-01/apache/http  # monitor.yaml:7:7
  title                 http                # default
  check                 http                # monitor.yaml:8:16
  url                   http://192.0.2.11/  # monitor.yaml:9:14
  method                GET                 # default
  header authorization  …                   # monitor.yaml:10:18
  expect status         200-299             # default
  follow_redirects      true                # default
  every                 10s                 # monitor.yaml:11:16
  timeout               8s                  # default
  used by               web prod            # monitor.yaml:14:3
",
    );
}

#[test]
fn an_address_comes_from_the_machine() {
    check(
        "web-01/apache/ping",
        "monitor web-01/apache/ping  # monitor.yaml:12:7
  title        ping            # default
  check        ping            # monitor.yaml:12:21
  address      192.0.2.11      # monitor.yaml:2:21
  count        3               # default
  interval     200ms           # default
  every        1m              # default
  timeout      10s             # default
  series loss  GAUGE, max 100  # monitor.yaml:12:35
  used by      web prod        # monitor.yaml:14:3
",
    );
}

#[test]
fn a_machine_is_shown_with_its_monitors() {
    let text = explain(&config(SITE), "web-01").unwrap();
    let expected = "machine web-01  # monitor.yaml:2:3
  address     192.0.2.11  # monitor.yaml:2:21
  location    rack 4      # monitor.yaml:2:43
  local       false       # default
  deployment  web prod    # monitor.yaml:16:37

monitor web-01/apache/http";
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn services_and_packages_are_shown() {
    check(
        "web",
        "service web  # monitor.yaml:14:3
  package          apache  # monitor.yaml:15:16
  deployment prod  web-01  # monitor.yaml:16:37
",
    );
    check(
        "apache",
        "package apache  # monitor.yaml:4:3
  interface http  tcp 80
  monitor http    check, on 1 machine  # monitor.yaml:8:16
  monitor ping    check, on 1 machine  # monitor.yaml:12:21
",
    );
}

#[test]
fn an_unknown_name_is_an_error_with_a_likely_one() {
    let unknown = explain(&config(SITE), "web-1").unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "nothing is called web-1\n  help: did you mean web-01?"
    );
    assert_eq!(
        explain(&config(SITE), "zzz").unwrap_err().to_string(),
        "nothing is called zzz"
    );
}

/// `UPDATE_GOLDEN=1 cargo test -p rem-config` rewrites the words; read the difference
/// before you commit it.
#[test]
fn whatever_alerting_has_is_shown_with_the_place_of_each_value() {
    let mut found = String::new();
    for (file, names) in [
        (
            "tests/alerting.yaml",
            &[
                "web-slow",
                "web-down",
                "web-oncall",
                "manager",
                "ann",
                "restart-apache",
                "fra-probe",
                "pdu-4a",
                "web",
                "web-01/apache/http@far",
            ][..],
        ),
        (
            "tests/checks.yaml",
            &[
                "web-01/p/units",
                "web-01/p/processes",
                "web-01/p/log",
                "web-01/p/http",
                "web-01/p/tcp",
                "web-01/p/dns",
                "web-01/p/tls",
                "web-01/p/snmp",
                "web-01/p/plugin",
                "web-01/p/exporter",
                "web-01/p/passive",
            ],
        ),
    ] {
        let config = rem_config::load(file).unwrap_or_else(|problems| panic!("{problems}"));
        for name in names {
            let text = explain(&config, name).unwrap();
            found.push_str(&text.replace(&format!("{file}:"), ""));
            found.push('\n');
        }
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write("tests/explained.txt", &found).unwrap();
    }
    assert_eq!(
        found,
        std::fs::read_to_string("tests/explained.txt").unwrap()
    );
}
