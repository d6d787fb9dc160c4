use std::net::Ipv4Addr;

use rem_check::{Family, Ping, PingOptions, Pinger, Report, Verdict};
use rem_time::Span;

use crate::{expect_part, run};

fn options(target: impl Into<String>) -> PingOptions {
    PingOptions {
        count: 2,
        interval: Span::from_millis(1),
        timeout: Span::from_seconds(30),
        ..PingOptions::new(target)
    }
}

/// Where pinging is not permitted there is the remedy to test, and no more.
#[track_caller]
fn is_permitted(report: &Report) -> bool {
    let is_permitted = !report.message.starts_with("no permission to ping");
    if !is_permitted {
        expect_part(report, Verdict::Unknown, "net.ipv4.ping_group_range");
    }
    is_permitted
}

#[tokio::test]
async fn this_machine_answers_over_both_families() {
    let pinger = Pinger::new();
    for target in ["127.0.0.1", "::1"] {
        let report = run(&Ping::new(&pinger, options(target))).await;
        let has_family = !report.message.contains("route to the");
        if !is_permitted(&report) || !has_family {
            continue;
        }
        expect_part(
            &report,
            Verdict::Ok,
            &format!("2 of 2 replies from {target}"),
        );
        assert_eq!(report.value(None, "loss"), Some(0.0));
        let value = |field| report.value(None, field).unwrap();
        assert!(0.0 < value("rtt_min") && value("rtt_min") <= value("rtt_avg"));
        assert!(value("rtt_avg") <= value("rtt_max") && value("rtt_max") < 30.0);
        assert!(report.value(None, "jitter").is_some());
    }
}

#[tokio::test]
async fn a_name_is_resolved_to_the_wanted_family() {
    let options = PingOptions {
        family: Some(Family::V4),
        ..options("localhost")
    };
    let report = run(&Ping::new(&Pinger::new(), options)).await;
    if is_permitted(&report) {
        expect_part(
            &report,
            Verdict::Ok,
            "2 of 2 replies from localhost (127.0.0.1)",
        );
    }
    let report = run(&Ping::new(
        &Pinger::new(),
        self::options("no-such-host.invalid"),
    ))
    .await;
    expect_part(
        &report,
        Verdict::Critical,
        "cannot resolve no-such-host.invalid: ",
    );
    assert_eq!(report.value(None, "loss"), None);
}

#[tokio::test]
async fn hundreds_of_targets_share_one_socket_and_none_gets_anothers_reply() {
    let pinger = Pinger::new();
    let mut pings = tokio::task::JoinSet::new();
    for last in 1..=250 {
        let ping = Ping::new(&pinger, options(Ipv4Addr::new(127, 0, 7, last).to_string()));
        pings.spawn(async move { run(&ping).await });
    }
    while let Some(report) = pings.join_next().await {
        let report = report.unwrap();
        if is_permitted(&report) {
            expect_part(&report, Verdict::Ok, "2 of 2 replies from 127.0.7.");
        }
    }
}

#[tokio::test]
async fn where_no_route_leads_the_reason_is_named() {
    // The broadcast address needs a permission that nobody asked for.
    let report = run(&Ping::new(&Pinger::new(), options("255.255.255.255"))).await;
    if is_permitted(&report) {
        expect_part(&report, Verdict::Critical, "255.255.255.255: cannot send: ");
    }
}

#[test]
fn sockets_of_a_runtime_that_ended_are_replaced() {
    let pinger = Pinger::new();
    for _ in 0..2 {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        let report = runtime.block_on(run(&Ping::new(&pinger, options("127.0.0.1"))));
        if is_permitted(&report) {
            expect_part(&report, Verdict::Ok, "2 of 2 replies");
        }
    }
}
