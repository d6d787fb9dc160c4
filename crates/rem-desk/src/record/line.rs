//! Lines of the timeline, complete enough to be replayed.

use std::sync::Arc;

use rem_alert::episode::{AuditLine, Display, Event, HeldBy, Hold, Parents, Recipient};
use rem_time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use super::{HoldRecord, Nanos, from};
use crate::timeline::Line;

/// One line.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum LineRecord {
    /// The episode changed: when, the number afterwards, what, whom it asked for,
    /// what it showed and shows, whom it paged.
    #[serde(rename = "s")]
    Step(
        Nanos,
        u64,
        EventRecord,
        Vec<(Arc<str>, Vec<Arc<str>>)>,
        u8,
        u8,
        Option<(u32, RecipientRecord)>,
    ),
    /// A message about it ended: when, its number, and how.
    #[serde(rename = "m")]
    Message(Nanos, u64, Arc<str>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum RecipientRecord {
    #[serde(rename = "r")]
    Role(Arc<str>),
    #[serde(rename = "u")]
    User(Arc<str>),
    #[serde(rename = "f")]
    Fallback,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EventRecord {
    Fire(Vec<Arc<str>>, Vec<Arc<str>>, u64),
    Clear,
    Evaluated(Arc<str>, Nanos),
    ParentFire(Arc<str>),
    ParentClear(Arc<str>, Nanos, Option<Nanos>, u64),
    Sampled(Nanos),
    Snooze(Nanos, Arc<str>),
    Complete(Arc<str>),
    Force(HoldRecord),
    EndForce(Arc<str>),
    Maintenance(HoldRecord),
    EndMaintenance,
    Reassign(Arc<str>, Arc<str>),
    Escalate(Arc<str>),
    Take(Arc<str>),
    Unreachable(u32),
    Comment(Arc<str>, Arc<str>),
    Wake,
    Removed(Arc<str>),
}

const DISPLAYS: [Display; 10] = [
    Display::Idle,
    Display::Settling,
    Display::Held(HeldBy::Dependency),
    Display::Held(HeldBy::Forced),
    Display::Held(HeldBy::Maintenance),
    Display::Communicating,
    Display::Snoozed,
    Display::Acknowledged,
    Display::Clearing,
    Display::RecoveredUnacked,
];

fn display(display: Display) -> u8 {
    DISPLAYS
        .iter()
        .position(|other| *other == display)
        .unwrap_or(0) as u8
}

fn from_display(number: u8) -> Display {
    DISPLAYS
        .get(usize::from(number))
        .copied()
        .unwrap_or(Display::Idle)
}

impl From<&Line> for LineRecord {
    fn from(line: &Line) -> Self {
        match line {
            Line::Step(line) => Self::Step(
                line.at.as_nanos(),
                line.number,
                event(&line.event),
                line.asked.clone(),
                display(line.was),
                display(line.is),
                line.paged.as_ref().map(|(number, to)| {
                    let to = match to {
                        Recipient::Role(role) => RecipientRecord::Role(role.clone()),
                        Recipient::User(user) => RecipientRecord::User(user.clone()),
                        Recipient::Fallback => RecipientRecord::Fallback,
                    };
                    (*number, to)
                }),
            ),
            Line::Message { at, no, end } => Self::Message(at.as_nanos(), *no, end.clone()),
        }
    }
}

impl From<LineRecord> for Line {
    fn from(record: LineRecord) -> Self {
        match record {
            LineRecord::Step(at, number, event, asked, was, is, paged) => {
                Self::Step(Box::new(AuditLine {
                    at: from(at),
                    number,
                    event: from_event(event),
                    asked,
                    was: from_display(was),
                    is: from_display(is),
                    paged: paged.map(|(number, to)| {
                        let to = match to {
                            RecipientRecord::Role(role) => Recipient::Role(role),
                            RecipientRecord::User(user) => Recipient::User(user),
                            RecipientRecord::Fallback => Recipient::Fallback,
                        };
                        (number, to)
                    }),
                }))
            }
            LineRecord::Message(at, no, end) => Self::Message {
                at: from(at),
                no,
                end,
            },
        }
    }
}

fn event(event: &Event) -> EventRecord {
    match event {
        Event::Fire(parents) => EventRecord::Fire(
            parents.all.to_vec(),
            parents.alerting.to_vec(),
            parents.every.as_nanos(),
        ),
        Event::Clear => EventRecord::Clear,
        Event::Evaluated { parent, at } => EventRecord::Evaluated(parent.clone(), at.as_nanos()),
        Event::ParentFire { parent } => EventRecord::ParentFire(parent.clone()),
        Event::ParentClear {
            parent,
            at,
            sampled,
            every,
        } => EventRecord::ParentClear(
            parent.clone(),
            at.as_nanos(),
            sampled.map(Timestamp::as_nanos),
            every.as_nanos(),
        ),
        Event::Sampled { at } => EventRecord::Sampled(at.as_nanos()),
        Event::Snooze { until, by } => EventRecord::Snooze(until.as_nanos(), by.clone()),
        Event::Complete { by } => EventRecord::Complete(by.clone()),
        Event::Force(hold) => EventRecord::Force(hold.into()),
        Event::EndForce { by } => EventRecord::EndForce(by.clone()),
        Event::Maintenance(hold) => EventRecord::Maintenance(hold.into()),
        Event::EndMaintenance => EventRecord::EndMaintenance,
        Event::Reassign { to, by } => EventRecord::Reassign(to.clone(), by.clone()),
        Event::Escalate { by } => EventRecord::Escalate(by.clone()),
        Event::Take { by } => EventRecord::Take(by.clone()),
        Event::Unreachable { message } => EventRecord::Unreachable(*message),
        Event::Comment { by, text } => EventRecord::Comment(by.clone(), text.clone()),
        Event::Wake => EventRecord::Wake,
        Event::Removed { why } => EventRecord::Removed(why.clone()),
    }
}

fn from_event(record: EventRecord) -> Event {
    match record {
        EventRecord::Fire(all, alerting, every) => Event::Fire(Parents {
            all: all.into(),
            alerting: alerting.into(),
            every: Span::from_nanos(every),
        }),
        EventRecord::Clear => Event::Clear,
        EventRecord::Evaluated(parent, at) => Event::Evaluated {
            parent,
            at: from(at),
        },
        EventRecord::ParentFire(parent) => Event::ParentFire { parent },
        EventRecord::ParentClear(parent, at, sampled, every) => Event::ParentClear {
            parent,
            at: from(at),
            sampled: sampled.map(from),
            every: Span::from_nanos(every),
        },
        EventRecord::Sampled(at) => Event::Sampled { at: from(at) },
        EventRecord::Snooze(until, by) => Event::Snooze {
            until: from(until),
            by,
        },
        EventRecord::Complete(by) => Event::Complete { by },
        EventRecord::Force(hold) => Event::Force(Hold::from(hold)),
        EventRecord::EndForce(by) => Event::EndForce { by },
        EventRecord::Maintenance(hold) => Event::Maintenance(Hold::from(hold)),
        EventRecord::EndMaintenance => Event::EndMaintenance,
        EventRecord::Reassign(to, by) => Event::Reassign { to, by },
        EventRecord::Escalate(by) => Event::Escalate { by },
        EventRecord::Take(by) => Event::Take { by },
        EventRecord::Unreachable(message) => Event::Unreachable { message },
        EventRecord::Comment(by, text) => Event::Comment { by, text },
        EventRecord::Wake => Event::Wake,
        EventRecord::Removed(why) => Event::Removed { why },
    }
}
