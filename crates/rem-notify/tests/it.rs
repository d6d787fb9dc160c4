//! Messages to real peers: a mail server, receivers of webhooks, programs, a
//! mailbox, Alertmanager.
#![allow(clippy::unwrap_used)]

#[path = "it/alertmanager.rs"]
mod alertmanager;
#[path = "it/contract.rs"]
mod contract;
#[path = "it/imap.rs"]
mod imap;
#[path = "it/receiver.rs"]
mod receiver;
#[path = "it/script.rs"]
mod script;
#[path = "it/smtp.rs"]
mod smtp;
#[path = "it/tls.rs"]
mod tls;
#[path = "it/webhook.rs"]
mod webhook;

use std::time::Duration;

use rem_notify::{Kind, Outgoing};
use rem_time::Timestamp;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn page(id: &str) -> Outgoing {
    let mut page = Outgoing::new(
        id,
        Kind::Page,
        "web-01 does not answer",
        "apache/http: no answer for 30 s\n.\n\u{fc}berall",
        Timestamp::from_seconds(1_282_114_491),
    );
    page.tag = Some("7F3K-19".into());
    page.reply_token = Some("t0ken".into());
    page
}
