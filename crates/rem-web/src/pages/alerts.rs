use std::collections::BTreeMap;
use std::sync::Arc;

use dropstar::{Failure, Request, Response};
use rem_alert::episode::{Ack, Display, HeldBy};
use rem_desk::AlertView;
use rem_monitor::Running;
use rem_time::Timestamp;
use serde::Serialize;

use crate::alerts;
use crate::asked::{Asked, missing};
use crate::format::percent_encoded;
use crate::frame::{Frame, Wall, When, back};
use crate::trouble::Trouble;
use crate::view::{key, said};

/// Alerts of a section that are shown; the others are counted. A page of a very bad
/// day must still open on a phone.
const SHOWN_MAX: usize = 100;
/// Alerts below their cause.
const HIDDEN_SHOWN_MAX: usize = 20;
/// Alerts that are over, on the same page.
const CLOSED_SHOWN: usize = 20;

/// `/system_monitor/alerts`
#[derive(Debug, Serialize)]
struct Page {
    frame: Frame,
    title: &'static str,
    total: usize,
    sections: Vec<Section>,
    closed: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Section {
    key: &'static str,
    title: &'static str,
    /// How many there are, shown or not.
    total: usize,
    rows: Vec<Row>,
}

/// An alert in the list.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) subject: Arc<str>,
    pub(crate) message: String,
    /// The pill: a status of the style sheet, and its word.
    pub(crate) status: &'static str,
    pub(crate) display: &'static str,
    pub(crate) said: &'static str,
    pub(crate) severity: String,
    pub(crate) opened: When,
    pub(crate) closed: Option<When>,
    /// What else is to be known, in a few words: who answered, until when.
    pub(crate) aside: String,
    pub(crate) held_by: Option<Arc<str>>,
    /// How many others it explains, and the first of them.
    pub(crate) hides: usize,
    pub(crate) hidden: Vec<Row>,
    pub(crate) is_answered: bool,
}

impl Row {
    pub(crate) fn new(view: &AlertView, wall: &Wall) -> Self {
        Self {
            number: view.id.number,
            title: view.title.clone(),
            subject: view.id.subject.clone(),
            message: wall.say(&view.message),
            status: match view.closed {
                Some(_) => "ok",
                None => status(view.display, &view.severity),
            },
            display: key(view.display),
            said: match view.closed {
                Some(_) => "Over",
                None => said(view.display),
            },
            severity: view.severity.clone(),
            opened: wall.when(view.opened),
            closed: view.closed.map(|at| wall.when(at)),
            aside: aside(view, wall),
            held_by: view.held_by.clone(),
            hides: view.hides,
            hidden: Vec::new(),
            is_answered: view.ack != Ack::None,
        }
    }
}

/// The shape and colour of an alert.
fn status(display: Display, severity: &str) -> &'static str {
    match display {
        Display::Communicating if severity == "warning" => "warning",
        Display::Communicating => "critical",
        Display::Settling => "unknown",
        Display::Held(_) | Display::Snoozed | Display::Acknowledged => "paused",
        Display::Clearing | Display::RecoveredUnacked | Display::Idle => "ok",
    }
}

fn aside(view: &AlertView, wall: &Wall) -> String {
    let mut parts = Vec::new();
    match &view.ack {
        Ack::None => {}
        Ack::Snoozed { timer, by } => {
            parts.push(format!("{by} snoozed it until {}", wall.local(timer.until)));
        }
        Ack::Complete { by } => parts.push(format!("{by} acknowledged it")),
    }
    if let Some(owner) = &view.owner {
        parts.push(format!("{owner} has it"));
    } else if view.ack == Ack::None && !view.told.is_empty() {
        parts.push(format!("told: {}", view.told.join(", ")));
    }
    if let Some(at) = view.next_page {
        parts.push(format!("next page {}", wall.when(at).said));
    }
    if view.flaps > 0 {
        parts.push(format!("came back {} times", view.flaps));
    }
    parts.join(" · ")
}

/// Everything that is open, what needs somebody first.
pub(crate) async fn list(running: Running, request: Request) -> Result<Response, Failure> {
    let overview = running.desk.overview();
    let (frame, wall) = Frame::new("alerts", &running, &request, &overview);
    let cause = request.arg("cause").filter(|cause| !cause.is_empty());
    let sections = match cause {
        None => sections(&overview.alerts, &wall),
        Some(cause) => {
            let hidden = |alert: &&AlertView| alert.held_by.as_deref() == Some(cause);
            let rows = overview.alerts.iter().filter(hidden);
            let rows: Vec<&AlertView> = rows.collect();
            vec![section(
                "cause",
                "Explained by the same failure",
                &rows,
                &wall,
            )]
        }
    };
    let mut closed = Vec::new();
    for number in running
        .desk
        .closed(if cause.is_some() { 0 } else { CLOSED_SHOWN })
    {
        let episode = running.desk.episode(number).await.map_err(Trouble::from);
        if let Some(episode) = episode.map_err(Trouble::page)? {
            closed.push(Row::new(&episode.alert, &wall));
        }
    }
    let page = Page {
        frame,
        title: "Alerts",
        total: overview.alerts.len(),
        sections,
        closed,
    };
    Ok(Response::view("monitor/alerts.html", page))
}

/// Root causes stand with what they hide; what something holds or somebody answered
/// comes after what needs somebody.
fn sections(alerts: &[AlertView], wall: &Wall) -> Vec<Section> {
    let mut hidden: BTreeMap<&str, Vec<&AlertView>> = BTreeMap::new();
    let mut groups: [Vec<&AlertView>; 4] = Default::default();
    for alert in alerts {
        let group = match alert.display {
            Display::Held(HeldBy::Dependency) => {
                let cause = alert.held_by.as_deref().unwrap_or("");
                hidden.entry(cause).or_default().push(alert);
                continue;
            }
            Display::Communicating
            | Display::Settling
            | Display::RecoveredUnacked
            | Display::Idle => 0,
            Display::Snoozed | Display::Acknowledged => 1,
            Display::Held(HeldBy::Forced | HeldBy::Maintenance) => 2,
            Display::Clearing => 3,
        };
        groups[group].push(alert);
    }
    // Those that hide most are most likely what is wrong.
    groups[0].sort_by_key(|alert| (place(alert.display), std::cmp::Reverse(alert.hides)));
    let names = [
        ("open", "Needs somebody"),
        ("answered", "Answered"),
        ("holds", "On hold"),
        ("clearing", "Getting well"),
    ];
    let mut sections: Vec<Section> = names
        .iter()
        .zip(&groups)
        .map(|((key, title), alerts)| section(key, title, alerts, wall))
        .collect();
    for row in sections.iter_mut().flat_map(|section| &mut section.rows) {
        // Several alerts may be about one cause: the first has them all.
        if let Some(below) = hidden.remove(&*row.subject) {
            row.hides = below.len();
            row.hidden = rows(&below, HIDDEN_SHOWN_MAX, wall);
        }
    }
    let orphans: Vec<&AlertView> = hidden.into_values().flatten().collect();
    sections.push(section(
        "explained",
        "Explained by something else",
        &orphans,
        wall,
    ));
    sections.retain(|section| section.total > 0);
    sections
}

fn place(display: Display) -> u8 {
    match display {
        Display::Communicating => 0,
        Display::Settling => 1,
        _ => 2,
    }
}

fn section(key: &'static str, title: &'static str, alerts: &[&AlertView], wall: &Wall) -> Section {
    Section {
        key,
        title,
        total: alerts.len(),
        rows: rows(alerts, SHOWN_MAX, wall),
    }
}

fn rows(alerts: &[&AlertView], most: usize, wall: &Wall) -> Vec<Row> {
    let shown = alerts.iter().take(most);
    shown.map(|alert| Row::new(alert, wall)).collect()
}

/// What a button of a form says: `ack`, `snooze:10m`, `take:12` …: what, how long, and
/// which alert where it is not the boxes that are ticked.
pub(crate) async fn act(running: Running, request: Request) -> Result<Response, Failure> {
    let asked = Asked::by_request(&request);
    let button = asked.wanted("do").map_err(Trouble::page)?;
    let (what, asked) = pressed(&button, asked).map_err(Trouble::page)?;
    let done = match what.as_str() {
        "snooze" => alerts::snooze(running, asked).await,
        "ack" => alerts::complete(running, asked).await,
        "take" => alerts::take(running, asked).await,
        "comment" => alerts::comment(running, asked).await,
        "escalate" => alerts::escalate(running, asked).await,
        "reassign" => alerts::reassign(running, asked).await,
        _ => Err(Trouble::Invalid(format!(
            "there is no such button: {button}"
        ))),
    };
    done.map_err(Trouble::page)?;
    Ok(back(&request, "/system_monitor/alerts", &what))
}

/// `withdraw:12`: what, and which.
pub(crate) fn pressed_id(button: &str, asked: Asked) -> (String, Asked) {
    match button.split_once(':') {
        Some((what, id)) => (what.to_owned(), asked.with("id", id)),
        None => (button.to_owned(), asked),
    }
}

pub(crate) fn pressed(button: &str, asked: Asked) -> Result<(String, Asked), Trouble> {
    let mut parts = button.split(':');
    let what = parts.next().unwrap_or("").to_owned();
    let mut asked = asked;
    for part in parts {
        asked = match part.bytes().all(|byte| byte.is_ascii_digit()) {
            true => asked.with("id", part),
            false => asked.with("for", part),
        };
    }
    match asked.value("id") {
        Some(_) => Ok((what, asked)),
        None => Err(match what.as_str() {
            "" => missing("do"),
            _ => Trouble::Invalid("no alert is ticked".into()),
        }),
    }
}

/// Where the pages of nodes are.
pub(crate) fn node_link(node: &str) -> Option<String> {
    let id = node.strip_prefix("monitor:")?;
    let id = id.split_once('#').map_or(id, |(id, _)| id);
    Some(format!("/system_monitor/one?id={}", percent_encoded(id)))
}

/// The alerts about a monitor or a part of it, open ones.
pub(crate) fn of_monitor(alerts: &[AlertView], id: &str, wall: &Wall) -> Vec<Row> {
    let node = format!("monitor:{id}");
    let about = |alert: &&AlertView| {
        let subject = &*alert.id.subject;
        let subject = subject.split_once('#').map_or(subject, |(node, _)| node);
        subject == node
            || alert
                .labels
                .get("monitor")
                .is_some_and(|label| **label == *id)
    };
    let rows = alerts.iter().filter(about).take(SHOWN_MAX);
    rows.map(|alert| Row::new(alert, wall)).collect()
}

pub(crate) fn when(wall: &Wall, text: &str) -> When {
    let at = text.parse().unwrap_or(Timestamp::from_seconds(0));
    wall.when(at)
}
