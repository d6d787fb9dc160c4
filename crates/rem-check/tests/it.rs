//! Checks against peers that behave and peers that do not.
#![allow(clippy::unwrap_used)]

#[path = "it/contract.rs"]
mod contract;
#[path = "it/daemon.rs"]
mod daemon;
#[path = "it/dns.rs"]
mod dns;
#[path = "it/exporter.rs"]
mod exporter;
#[path = "it/faults.rs"]
mod faults;
#[path = "it/http.rs"]
mod http;
#[path = "it/local.rs"]
mod local;
#[path = "it/mail.rs"]
mod mail;
#[path = "it/nginx.rs"]
mod nginx;
#[path = "it/peer.rs"]
mod peer;
#[path = "it/ping.rs"]
mod ping;
#[path = "it/plugin.rs"]
mod plugin;
#[path = "it/snmp.rs"]
mod snmp;
#[path = "it/snmp_agent.rs"]
mod snmp_agent;
#[path = "it/tcp.rs"]
mod tcp;
#[path = "it/tls.rs"]
mod tls;

use rem_check::{Check, Report, Verdict};
use rem_time::{Clock, SystemClock};

async fn run(check: &dyn Check) -> Report {
    check.run(SystemClock.now()).await
}

#[track_caller]
fn expect(report: &Report, verdict: Verdict, message: &str) {
    assert_eq!(
        (report.verdict, report.message.as_str()),
        (verdict, message)
    );
}

#[track_caller]
fn expect_part(report: &Report, verdict: Verdict, part: &str) {
    assert_eq!(report.verdict, verdict, "{report}");
    assert!(report.message.contains(part), "{report}");
}
