use std::collections::BTreeMap;
use std::sync::Arc;

use rem_alert::episode::{Ack, Display, HeldBy};
use rem_desk::AlertView;
use rem_time::Timestamp;
use serde::Serialize;

/// An alert, open or over.
#[derive(Debug, Serialize)]
pub(crate) struct AlertJson {
    /// `web-down@machine:web-01#12`
    pub(crate) id: String,
    /// `12`: enough wherever an id is wanted.
    pub(crate) number: u64,
    pub(crate) alert: Arc<str>,
    pub(crate) subject: Arc<str>,
    pub(crate) title: String,
    pub(crate) severity: String,
    /// `communicating`, `settling`, `held`, `snoozed`, `acknowledged`, `clearing`,
    /// `recovered_unacked` or `idle`.
    pub(crate) display: &'static str,
    /// The same for people, in short.
    pub(crate) said: &'static str,
    /// `dependency`, `forced` or `maintenance` while it is held.
    pub(crate) held: Option<&'static str>,
    /// The node that explains it.
    pub(crate) held_by: Option<Arc<str>>,
    /// How many other open alerts it explains.
    pub(crate) hides: usize,
    pub(crate) opened: String,
    pub(crate) closed: Option<String>,
    pub(crate) message: Arc<str>,
    pub(crate) labels: Arc<BTreeMap<Arc<str>, Arc<str>>>,
    pub(crate) values: Arc<BTreeMap<Arc<str>, Arc<str>>>,
    pub(crate) ack: Option<AckJson>,
    pub(crate) owner: Option<Arc<str>>,
    pub(crate) told: Vec<Arc<str>>,
    pub(crate) flaps: u32,
    pub(crate) round: u32,
    pub(crate) next_page: Option<String>,
    pub(crate) next_change: Option<String>,
    pub(crate) ladder: Option<Arc<str>>,
    pub(crate) runbook: Option<String>,
}

/// What people answered.
#[derive(Debug, Serialize)]
pub(crate) struct AckJson {
    /// `snoozed` or `complete`.
    pub(crate) kind: &'static str,
    pub(crate) by: Arc<str>,
    /// Until when it is quiet; nothing: until it is over.
    pub(crate) until: Option<String>,
}

impl From<AlertView> for AlertJson {
    fn from(view: AlertView) -> Self {
        let text = |at: Timestamp| at.to_string();
        Self {
            id: view.id.to_string(),
            number: view.id.number,
            alert: view.id.alert,
            subject: view.id.subject,
            title: view.title,
            severity: view.severity,
            display: key(view.display),
            said: said(view.display),
            held: held(view.display),
            held_by: view.held_by,
            hides: view.hides,
            opened: text(view.opened),
            closed: view.closed.map(text),
            message: view.message,
            labels: view.labels,
            values: view.values,
            ack: ack(view.ack),
            owner: view.owner,
            told: view.told,
            flaps: view.flaps,
            round: view.round,
            next_page: view.next_page.map(text),
            next_change: view.next_change.map(text),
            ladder: view.ladder,
            runbook: view.runbook,
        }
    }
}

fn ack(ack: Ack) -> Option<AckJson> {
    match ack {
        Ack::None => None,
        Ack::Snoozed { timer, by } => Some(AckJson {
            kind: "snoozed",
            by,
            until: Some(timer.until.to_string()),
        }),
        Ack::Complete { by } => Some(AckJson {
            kind: "complete",
            by,
            until: None,
        }),
    }
}

/// Every word of [`key`] that an open alert can have.
pub(crate) const DISPLAYS: [&str; 7] = [
    "communicating",
    "settling",
    "held",
    "snoozed",
    "acknowledged",
    "clearing",
    "recovered_unacked",
];

/// The word for programs.
pub(crate) fn key(display: Display) -> &'static str {
    match display {
        Display::Idle => "idle",
        Display::Settling => "settling",
        Display::Held(_) => "held",
        Display::Communicating => "communicating",
        Display::Snoozed => "snoozed",
        Display::Acknowledged => "acknowledged",
        Display::Clearing => "clearing",
        Display::RecoveredUnacked => "recovered_unacked",
    }
}

/// The word for people.
pub(crate) fn said(display: Display) -> &'static str {
    match display {
        Display::Idle => "Over",
        Display::Settling => "Settling",
        Display::Held(HeldBy::Dependency) => "Explained",
        Display::Held(HeldBy::Forced) => "On hold",
        Display::Held(HeldBy::Maintenance) => "Maintenance",
        Display::Communicating => "Paging",
        Display::Snoozed => "Snoozed",
        Display::Acknowledged => "Acknowledged",
        Display::Clearing => "Clearing",
        Display::RecoveredUnacked => "Recovered, nobody answered",
    }
}

fn held(display: Display) -> Option<&'static str> {
    match display {
        Display::Held(HeldBy::Dependency) => Some("dependency"),
        Display::Held(HeldBy::Forced) => Some("forced"),
        Display::Held(HeldBy::Maintenance) => Some("maintenance"),
        Display::Idle
        | Display::Settling
        | Display::Communicating
        | Display::Snoozed
        | Display::Acknowledged
        | Display::Clearing
        | Display::RecoveredUnacked => None,
    }
}
