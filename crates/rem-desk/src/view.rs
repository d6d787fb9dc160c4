//! What pages and the command line show.

use std::collections::BTreeMap;
use std::sync::Arc;

use rem_alert::episode::{Ack, Condition, Display, EpisodeId};
use rem_alert::shift::{Calendar, RoleId};
use rem_graph::State;
use rem_time::Timestamp;

use crate::core::DeskCore;
use crate::episodes::Open;
use crate::outbox::{Broken, Letter};
use crate::paths::PathView;
use crate::record::EpisodeRecord;
use crate::timeline::Line;

/// Causes that an explanation names.
const CAUSES_SHOWN_MAX: usize = 10;

/// Everything at a glance.
#[derive(Clone, Debug)]
pub struct Overview {
    /// As of when.
    pub at: Timestamp,
    /// The open alerts: those that page first, then by how long they are open.
    pub alerts: Vec<AlertView>,
    /// Who is on call in each role, now and next.
    pub on_call: Vec<OnCallView>,
    /// Contacts that do not work.
    pub broken: Vec<Broken>,
    /// Where the self-test of each kind of contact stands.
    pub paths: Vec<PathView>,
    /// Messages that are not yet taken over.
    pub waiting: usize,
    /// When the oldest of them was made.
    pub oldest_waiting: Option<Timestamp>,
    /// Since when nothing can be written, and why.
    pub not_durable: Option<(Timestamp, String)>,
}

/// An open alert, or one that is over.
#[derive(Clone, Debug)]
pub struct AlertView {
    /// Its id.
    pub id: EpisodeId,
    /// What it is called.
    pub title: String,
    /// How bad it is.
    pub severity: String,
    /// What it shows.
    pub display: Display,
    /// When the episode began.
    pub opened: Timestamp,
    /// When it was over; nothing while it is open.
    pub closed: Option<Timestamp>,
    /// What was found.
    pub message: Arc<str>,
    /// What holds and pages know it by.
    pub labels: Arc<BTreeMap<Arc<str>, Arc<str>>>,
    /// The numbers behind it.
    pub values: Arc<BTreeMap<Arc<str>, Arc<str>>>,
    /// The node that explains it.
    pub held_by: Option<Arc<str>>,
    /// How many other open alerts it explains.
    pub hides: usize,
    /// What people answered.
    pub ack: Ack,
    /// Who has it.
    pub owner: Option<Arc<str>>,
    /// Who was told.
    pub told: Vec<Arc<str>>,
    /// How often it fired again within its clear delay.
    pub flaps: u32,
    /// Rounds of the ladder so far.
    pub round: u32,
    /// When the next page is due.
    pub next_page: Option<Timestamp>,
    /// When time alone changes something.
    pub next_change: Option<Timestamp>,
    /// The ladder it climbs.
    pub ladder: Option<Arc<str>>,
    /// What to do about it.
    pub runbook: Option<String>,
}

/// Who is on call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnCallView {
    /// In which role.
    pub role: RoleId,
    /// Who; nobody in a gap.
    pub now: Vec<Arc<str>>,
    /// Until when.
    pub until: Option<Timestamp>,
    /// Who then.
    pub next: Vec<Arc<str>>,
}

/// An alert with everything that happened to it.
#[derive(Clone, Debug)]
pub struct EpisodeView {
    /// The alert.
    pub alert: AlertView,
    /// What happened, oldest first.
    pub timeline: Vec<Line>,
    /// The messages about it that are still kept, oldest first, with every attempt.
    pub messages: Vec<Letter>,
    /// Why it is held.
    pub why: Option<Explanation>,
}

/// Why an alert is held, or what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The node.
    pub subject: Arc<str>,
    /// What it is, given what has failed.
    pub state: State,
    /// Whether its own alert is explained by others.
    pub held: bool,
    /// The failures behind it, the nearest first, each with the way there in words.
    pub causes: Vec<(Arc<str>, Vec<String>)>,
    /// How many open alerts it hides itself.
    pub hides: usize,
}

impl DeskCore {
    /// Everything at a glance.
    pub fn overview(&self, now: Timestamp) -> Overview {
        let mut alerts: Vec<AlertView> = self
            .episodes
            .iter()
            .filter(|(_, open)| open.state.is_open())
            .map(|(_, open)| self.view(open, None))
            .collect();
        alerts.sort_by_key(|alert| (rank(alert.display), alert.opened, alert.id.number));
        Overview {
            at: now,
            alerts,
            on_call: self.on_call_now(now),
            broken: self.outbox.broken().cloned().collect(),
            paths: self.path_views(),
            waiting: self.outbox.letters().len(),
            oldest_waiting: self
                .outbox
                .letters()
                .map(|letter| letter.message.made)
                .min(),
            not_durable: None,
        }
    }

    pub(crate) fn on_call_now(&self, now: Timestamp) -> Vec<OnCallView> {
        let calendar = &self.people.calendar;
        let roles = calendar.roles().iter();
        roles.map(|role| on_call(calendar, &role.id, now)).collect()
    }

    pub(crate) fn view(&self, open: &Open, closed: Option<Timestamp>) -> AlertView {
        let rule = self.rules.alert(&open.alert);
        let state = &open.state;
        AlertView {
            id: open.id(),
            title: self.title(open),
            severity: rule.severity.clone(),
            display: state.display(),
            opened: state.opened,
            closed,
            message: open.about.message.clone(),
            labels: open.about.labels.clone(),
            values: open.about.values.clone(),
            held_by: self.held_by(open),
            hides: match state.condition {
                Condition::Firing { .. } => self.hidden_by(&open.subject),
                Condition::Clear | Condition::Clearing(_) | Condition::Recovered { .. } => 0,
            },
            ack: state.ack.clone(),
            owner: state.owner.clone(),
            told: state.told.clone(),
            flaps: state.flaps,
            round: state.ladder.round,
            next_page: state.ladder.due.map(|due| due.until),
            next_change: state.next_wakeup(),
            ladder: open.about.ladder.clone(),
            runbook: rule.runbook.clone(),
        }
    }

    /// An open episode by its number, and why it is held.
    pub(crate) fn open_view(&self, number: u64) -> Option<(AlertView, Option<Explanation>)> {
        let open = self.episodes.get(self.episodes.numbered(number)?)?;
        let why = self.explanation(&open.subject);
        Some((self.view(open, None), why))
    }

    /// An episode that is over, as it was kept.
    pub(crate) fn closed_view(
        &self,
        record: &EpisodeRecord,
        closed: Option<Timestamp>,
    ) -> AlertView {
        let open = Open::of_record(record);
        self.view(&open, closed)
    }

    /// The cause as it is now: what explained it first may have recovered since.
    fn held_by(&self, open: &Open) -> Option<Arc<str>> {
        let first = open.state.parents.first()?;
        let graph = self.live.graph();
        let still = graph
            .node(first)
            .is_some_and(|node| self.live.is_failed(node));
        if still {
            return Some(first.clone());
        }
        let (node, _) = open.node?;
        let cause = self.live.explain(node, 1)?;
        cause.by.first().map(|cause| graph.name(cause.root).into())
    }

    /// Why a subject is held, and how many it hides. `None`: the graph has no such node.
    pub(crate) fn explanation(&self, subject: &str) -> Option<Explanation> {
        let (node, part) = self.rules.node_of(subject)?;
        let graph = self.live.graph();
        let state = self.live.state(node);
        let held = match part {
            true => state == State::Down,
            false => self.live.held(node),
        };
        let explained = (held || !self.live.is_failed(node))
            .then(|| self.live.explain(node, CAUSES_SHOWN_MAX))
            .flatten();
        let causes = explained.map_or_else(Vec::new, |explained| explained.by);
        let causes = causes
            .into_iter()
            .map(|cause| {
                let path = cause.path.iter().map(|link| {
                    format!(
                        "{} needs {} of {} for {}, {} up: lost {}",
                        graph.name(link.node),
                        link.need,
                        link.members,
                        link.kind,
                        link.up,
                        graph.name(link.lost)
                    )
                });
                (graph.name(cause.root).into(), path.collect())
            })
            .collect();
        Some(Explanation {
            subject: subject.into(),
            state,
            held,
            causes,
            hides: self.hidden_by(subject),
        })
    }
}

pub(crate) fn on_call(calendar: &Calendar, role: &RoleId, now: Timestamp) -> OnCallView {
    let names = |users: Vec<rem_alert::shift::UserId>| -> Vec<Arc<str>> {
        users.iter().map(|user| user.as_str().into()).collect()
    };
    let until = calendar.next_change(role, now);
    OnCallView {
        role: role.clone(),
        now: names(calendar.on_call(role, now)),
        until,
        next: until.map_or_else(Vec::new, |at| names(calendar.on_call(role, at))),
    }
}

/// What needs somebody most comes first.
fn rank(display: Display) -> u8 {
    match display {
        Display::Communicating => 0,
        Display::Settling => 1,
        Display::Snoozed => 2,
        Display::Acknowledged => 3,
        Display::Clearing => 4,
        Display::RecoveredUnacked => 5,
        Display::Held(_) => 6,
        Display::Idle => 7,
    }
}
