use std::time::Duration;

use super::*;
use crate::Verdict;

const HEADING: &str = "Inter-| Receive | Transmit\n face |bytes packets |bytes packets\n";

fn looks(before: &str, now: &str, seconds: u64) -> Looks<Vec<Interface>> {
    let parse = |text: &str| parse_net_dev(&format!("{HEADING}{text}")).unwrap();
    Looks {
        before: parse(before),
        now: parse(now),
        apart: Duration::from_secs(seconds),
    }
}

#[test]
fn a_captured_machine_shows_its_interfaces() {
    let text = include_str!("../../../tests/fixtures/vm/net_dev");
    let interfaces = parse_net_dev(text).unwrap();
    let names: Vec<&str> = interfaces.iter().map(|i| i.name.as_str()).collect();
    assert_eq!(names, ["lo", "ifb0", "ifb1", "eth0"]);
    assert!(interfaces[3].counts[0] > 1_000_000);
}

#[test]
fn an_old_kernel_without_a_blank_and_an_alias_with_a_colon_are_read() {
    let text = format!(
        "{HEADING}eth0:123 1 0 0 0 0 0 0 456 2 0 0 0 0 0 0\n eth0:1:7 1 0 0 0 0 0 0 8 2 0 0 0 0 0 0\n"
    );
    let interfaces = parse_net_dev(&text).unwrap();
    assert_eq!(interfaces[0].name, "eth0");
    assert_eq!(interfaces[0].counts, [123, 1, 0, 0, 456, 2, 0, 0]);
    assert_eq!(interfaces[1].name, "eth0:1");
}

#[test]
fn counters_become_rates() {
    let finding = finding(
        &looks(
            "eth0: 1000 10 0 0 0 0 0 0 500 5 0 0 0 0 0 0\n",
            "eth0: 3000 30 2 0 0 0 0 0 500 5 0 4 0 0 0 0\n",
            2,
        ),
        &[],
    );
    let values: Vec<f64> = finding.readings.iter().map(|r| r.value.unwrap()).collect();
    assert_eq!(values, [1000.0, 10.0, 1.0, 0.0, 0.0, 0.0, 0.0, 2.0]);
    assert_eq!(finding.readings[0].to_string(), "eth0 rx_bytes 1000 B/s");
}

#[test]
fn a_counter_that_wrapped_makes_no_spike() {
    let finding = finding(
        &looks(
            "eth0: 4294967000 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n",
            "eth0: 200 2 0 0 0 0 0 0 2 2 0 0 0 0 0 0\n",
            1,
        ),
        &[],
    );
    assert!(finding.readings.iter().all(|r| r.value.is_none()));
    assert_eq!(finding.verdict, Verdict::Unknown);
    assert_eq!(finding.message, "1 interface, counters started anew: eth0");
}

#[test]
fn broken_files_are_refused_with_their_line() {
    for (text, wanted) in [
        ("eth0 1 2 3\n", "an interface and a colon"),
        ("eth0: 1 2 3\n", "at least twelve counters"),
        ("eth0: 1 2 3 -4 5 6 7 8 9 10 11 12\n", "counters"),
    ] {
        let error = parse_net_dev(&format!("{HEADING}{text}")).unwrap_err();
        assert_eq!(error.to_string(), format!("net/dev:3: expected {wanted}"));
    }
}
