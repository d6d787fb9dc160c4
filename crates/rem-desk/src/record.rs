//! The JSON that is kept: short names, since there is one of these for every
//! alert and message. A field that is missing has its default, so that an older
//! record can be read.

use std::collections::BTreeMap;
use std::sync::Arc;

use rem_alert::episode::{
    Ack, Condition, Episode, EpisodeId, Hold, Ladder, Recheck, Settle, SupersedeReason, Timer,
    Urgency,
};
use rem_alert::message::{Lease, Message, State};
use rem_time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::episodes::{About, Open};
use crate::outbox::{Addressee, Attempt, Broken, Letter, PlainKind, Words};

mod line;
mod people;

pub(crate) use line::LineRecord;
pub(crate) use people::{EditRecord, HoldPlanRecord, SiteRecord, SwapRecord};

type Nanos = i64;
type TimerRecord = (Nanos, Nanos);

fn from(at: Nanos) -> Timestamp {
    Timestamp::from_nanos(at)
}

fn timer(timer: Timer) -> TimerRecord {
    (timer.from.as_nanos(), timer.until.as_nanos())
}

fn from_timer((begin, end): TimerRecord) -> Timer {
    Timer {
        from: from(begin),
        until: from(end),
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

macro_rules! record {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty = $short:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        pub(crate) struct $name {
            $(
                #[serde(rename = $short, skip_serializing_if = "is_default")]
                pub $field: $type,
            )*
        }
    };
}

record!(
    /// An open episode, or one that is over.
    EpisodeRecord {
        alert: Arc<str> = "a",
        subject: Arc<str> = "s",
        number: u64 = "n",
        opened: Nanos = "o",
        condition: ConditionRecord = "c",
        settle: Option<SettleRecord> = "w",
        parents: Vec<Arc<str>> = "p",
        recheck: Option<(Nanos, TimerRecord)> = "r",
        forced: Option<HoldRecord> = "hf",
        maintenance: Option<HoldRecord> = "hm",
        ack: AckRecord = "k",
        ladder: LadderRecord = "l",
        unacked: bool = "u",
        communicated: bool = "d",
        owner: Option<Arc<str>> = "by",
        told: Vec<Arc<str>> = "t",
        flaps: u32 = "f",
        messages: u32 = "m",
        live_from: u32 = "lf",
        message: Arc<str> = "x",
        labels: Arc<BTreeMap<Arc<str>, Arc<str>>> = "lb",
        values: Arc<BTreeMap<Arc<str>, Arc<str>>> = "v",
        on: Option<Arc<str>> = "on",
        every: u64 = "e",
        sampled: Option<Nanos> = "z",
        lines: u32 = "i",
        closed: Option<Nanos> = "q",
    }
);

record!(SettleRecord {
    least: TimerRecord = "l",
    most: TimerRecord = "m",
    waiting: Vec<Arc<str>> = "w",
});

record!(HoldRecord {
    until: Nanos = "u",
    by: Arc<str> = "b",
    why: Arc<str> = "w",
});

record!(LadderRecord {
    round: u32 = "r",
    step: u32 = "s",
    tries: u32 = "t",
    round_began: Option<Nanos> = "b",
    due: Option<TimerRecord> = "d",
    rest: Option<TimerRecord> = "x",
    user: Option<Arc<str>> = "u",
    page: u32 = "p",
});

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum ConditionRecord {
    #[default]
    #[serde(rename = "c")]
    Clear,
    #[serde(rename = "f")]
    Firing(Nanos),
    #[serde(rename = "g")]
    Clearing(TimerRecord),
    #[serde(rename = "r")]
    Recovered(Nanos),
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum AckRecord {
    #[default]
    #[serde(rename = "n")]
    None,
    #[serde(rename = "s")]
    Snoozed(TimerRecord, Arc<str>),
    #[serde(rename = "c")]
    Complete(Arc<str>),
}

impl From<&Hold> for HoldRecord {
    fn from(hold: &Hold) -> Self {
        Self {
            until: hold.until.as_nanos(),
            by: hold.by.clone(),
            why: hold.why.clone(),
        }
    }
}

impl From<HoldRecord> for Hold {
    fn from(record: HoldRecord) -> Self {
        Self {
            until: from(record.until),
            by: record.by,
            why: record.why,
        }
    }
}

impl From<&Ladder> for LadderRecord {
    fn from(ladder: &Ladder) -> Self {
        Self {
            round: ladder.round,
            step: ladder.step,
            tries: ladder.tries,
            round_began: ladder.round_began.map(Timestamp::as_nanos),
            due: ladder.due.map(timer),
            rest: ladder.rest.map(timer),
            user: ladder.user.clone(),
            page: ladder.page,
        }
    }
}

impl From<LadderRecord> for Ladder {
    fn from(record: LadderRecord) -> Self {
        Self {
            round: record.round,
            step: record.step,
            tries: record.tries,
            round_began: record.round_began.map(from),
            due: record.due.map(from_timer),
            rest: record.rest.map(from_timer),
            user: record.user,
            page: record.page,
        }
    }
}

impl EpisodeRecord {
    pub(crate) fn of(open: &Open, closed: Option<Timestamp>) -> Self {
        let state = &open.state;
        Self {
            alert: open.alert.clone(),
            subject: open.subject.clone(),
            number: state.number,
            opened: state.opened.as_nanos(),
            condition: match state.condition {
                Condition::Clear => ConditionRecord::Clear,
                Condition::Firing { since } => ConditionRecord::Firing(since.as_nanos()),
                Condition::Clearing(at) => ConditionRecord::Clearing(timer(at)),
                Condition::Recovered { since } => ConditionRecord::Recovered(since.as_nanos()),
            },
            settle: state.settle.as_ref().map(|settle| SettleRecord {
                least: timer(settle.least),
                most: timer(settle.most),
                waiting: settle.waiting.clone(),
            }),
            parents: state.parents.clone(),
            recheck: state
                .recheck
                .map(|recheck| (recheck.fresh_from.as_nanos(), timer(recheck.most))),
            forced: state.forced.as_deref().map(Into::into),
            maintenance: state.maintenance.as_deref().map(Into::into),
            ack: match &state.ack {
                Ack::None => AckRecord::None,
                Ack::Snoozed { timer: at, by } => AckRecord::Snoozed(timer(*at), by.clone()),
                Ack::Complete { by } => AckRecord::Complete(by.clone()),
            },
            ladder: (&state.ladder).into(),
            unacked: state.unacked,
            communicated: state.communicated,
            owner: state.owner.clone(),
            told: state.told.clone(),
            flaps: state.flaps,
            messages: state.messages,
            live_from: state.live_from,
            message: open.about.message.clone(),
            labels: open.about.labels.clone(),
            values: open.about.values.clone(),
            on: open.about.ladder.clone(),
            every: open.about.every.as_nanos(),
            sampled: open.about.sampled.map(Timestamp::as_nanos),
            lines: open.lines,
            closed: closed.map(Timestamp::as_nanos),
        }
    }

    pub(crate) fn state(&self) -> Episode {
        Episode {
            number: self.number,
            opened: from(self.opened),
            condition: match &self.condition {
                ConditionRecord::Clear => Condition::Clear,
                ConditionRecord::Firing(since) => Condition::Firing {
                    since: from(*since),
                },
                ConditionRecord::Clearing(at) => Condition::Clearing(from_timer(*at)),
                ConditionRecord::Recovered(since) => Condition::Recovered {
                    since: from(*since),
                },
            },
            settle: self.settle.as_ref().map(|settle| {
                Box::new(Settle {
                    least: from_timer(settle.least),
                    most: from_timer(settle.most),
                    waiting: settle.waiting.clone(),
                })
            }),
            parents: self.parents.clone(),
            recheck: self.recheck.map(|(fresh, most)| Recheck {
                fresh_from: from(fresh),
                most: from_timer(most),
            }),
            forced: self.forced.as_ref().map(HoldRecord::boxed),
            maintenance: self.maintenance.as_ref().map(HoldRecord::boxed),
            ack: match &self.ack {
                AckRecord::None => Ack::None,
                AckRecord::Snoozed(at, by) => Ack::Snoozed {
                    timer: from_timer(*at),
                    by: by.clone(),
                },
                AckRecord::Complete(by) => Ack::Complete { by: by.clone() },
            },
            ladder: self.ladder.ladder(),
            unacked: self.unacked,
            communicated: self.communicated,
            owner: self.owner.clone(),
            told: self.told.clone(),
            flaps: self.flaps,
            messages: self.messages,
            live_from: self.live_from,
        }
    }

    pub(crate) fn about(&self) -> About {
        About {
            message: self.message.clone(),
            labels: self.labels.clone(),
            values: self.values.clone(),
            ladder: self.on.clone(),
            every: Span::from_nanos(self.every),
            sampled: self.sampled.map(from),
        }
    }
}

impl HoldRecord {
    fn boxed(&self) -> Box<Hold> {
        Box::new(Hold {
            until: from(self.until),
            by: self.by.clone(),
            why: self.why.clone(),
        })
    }
}

impl LadderRecord {
    fn ladder(&self) -> Ladder {
        Ladder {
            round: self.round,
            step: self.step,
            tries: self.tries,
            round_began: self.round_began.map(from),
            due: self.due.map(from_timer),
            rest: self.rest.map(from_timer),
            user: self.user.clone(),
            page: self.page,
        }
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum AddresseeRecord {
    #[serde(rename = "u")]
    User(Arc<str>),
    #[serde(rename = "f")]
    Fallback,
    #[serde(rename = "h")]
    Heartbeat,
    #[serde(rename = "s")]
    SelfTest,
}

impl From<&Addressee> for AddresseeRecord {
    fn from(to: &Addressee) -> Self {
        match to {
            Addressee::User(user) => Self::User(user.clone()),
            Addressee::Fallback => Self::Fallback,
            Addressee::Heartbeat => Self::Heartbeat,
            Addressee::SelfTest => Self::SelfTest,
        }
    }
}

impl From<AddresseeRecord> for Addressee {
    fn from(record: AddresseeRecord) -> Self {
        match record {
            AddresseeRecord::User(user) => Self::User(user),
            AddresseeRecord::Fallback => Self::Fallback,
            AddresseeRecord::Heartbeat => Self::Heartbeat,
            AddresseeRecord::SelfTest => Self::SelfTest,
        }
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum WordsRecord {
    #[serde(rename = "p")]
    Page,
    #[serde(rename = "l")]
    Low,
    #[serde(rename = "n")]
    Note(Arc<str>),
    #[serde(rename = "d")]
    Digest(Vec<u64>),
    #[serde(rename = "h")]
    HandOver(Arc<str>, Arc<str>),
    #[serde(rename = "x")]
    Plain(PlainKind, Arc<str>, Arc<str>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum StageRecord {
    #[serde(rename = "q")]
    Queued(Nanos),
    #[serde(rename = "l")]
    Leased(Arc<str>, u32, TimerRecord),
    #[serde(rename = "s")]
    Sent(Nanos, Arc<str>),
    #[serde(rename = "d")]
    Delivered(Nanos),
    #[serde(rename = "w")]
    RetryWait(TimerRecord),
    #[serde(rename = "b")]
    Bundled(Arc<str>),
    #[serde(rename = "x")]
    Superseded(Nanos, u8),
    #[serde(rename = "u")]
    Unreachable(Nanos),
}

/// When, where, how long, whether it was taken over, the answer.
type AttemptRecord = (Nanos, Arc<str>, Option<u64>, Option<bool>, Arc<str>);

/// A message.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LetterRecord {
    #[serde(rename = "n")]
    pub no: u64,
    #[serde(rename = "t")]
    to: AddresseeRecord,
    #[serde(rename = "w")]
    words: WordsRecord,
    #[serde(rename = "i")]
    id: Arc<str>,
    #[serde(rename = "a", default, skip_serializing_if = "is_default")]
    about: Option<(Arc<str>, Arc<str>, u64, u32)>,
    #[serde(rename = "v", default, skip_serializing_if = "is_default")]
    service: Arc<str>,
    /// Nothing for a note, else whether it may wait.
    #[serde(rename = "u", default, skip_serializing_if = "is_default")]
    low: Option<bool>,
    #[serde(rename = "c", default, skip_serializing_if = "is_default")]
    contact: u32,
    #[serde(rename = "cc", default, skip_serializing_if = "is_default")]
    carries: Vec<Arc<str>>,
    #[serde(rename = "m")]
    made: Nanos,
    #[serde(rename = "k", default, skip_serializing_if = "is_default")]
    attempts: u32,
    #[serde(rename = "f", default, skip_serializing_if = "is_default")]
    failures: u32,
    #[serde(rename = "s")]
    stage: StageRecord,
    #[serde(rename = "o", default, skip_serializing_if = "is_default")]
    only: bool,
    #[serde(rename = "r", default, skip_serializing_if = "is_default")]
    replaces: Vec<u64>,
    #[serde(rename = "g", default, skip_serializing_if = "is_default")]
    went_with: Option<u64>,
    #[serde(rename = "aa", default, skip_serializing_if = "is_default")]
    again: u32,
    #[serde(rename = "l", default, skip_serializing_if = "is_default")]
    log: Vec<AttemptRecord>,
}

const REASONS: [SupersedeReason; 6] = [
    SupersedeReason::Cleared,
    SupersedeReason::Dependency,
    SupersedeReason::Held,
    SupersedeReason::Acknowledged,
    SupersedeReason::Removed,
    SupersedeReason::Reassigned,
];

impl From<&Letter> for LetterRecord {
    fn from(letter: &Letter) -> Self {
        let message = &letter.message;
        Self {
            no: letter.no,
            to: (&letter.to).into(),
            words: match &letter.words {
                Words::Page { low: false } => WordsRecord::Page,
                Words::Page { low: true } => WordsRecord::Low,
                Words::Note(text) => WordsRecord::Note(text.clone()),
                Words::Digest(nos) => WordsRecord::Digest(nos.clone()),
                Words::HandOver { role, text } => WordsRecord::HandOver(role.clone(), text.clone()),
                Words::Plain {
                    kind,
                    subject,
                    text,
                } => WordsRecord::Plain(*kind, subject.clone(), text.clone()),
            },
            id: message.id.clone(),
            about: message
                .about
                .as_ref()
                .map(|(id, number)| (id.alert.clone(), id.subject.clone(), id.number, *number)),
            service: message.service.clone(),
            low: message.urgency.map(|urgency| urgency == Urgency::Low),
            contact: message.contact,
            carries: message.carries.clone(),
            made: message.made.as_nanos(),
            attempts: message.attempts,
            failures: message.failures,
            stage: stage(&message.state),
            only: letter.only,
            replaces: letter.replaces.clone(),
            went_with: letter.went_with,
            again: letter.again,
            log: letter.log.iter().map(attempt).collect(),
        }
    }
}

fn attempt(attempt: &Attempt) -> AttemptRecord {
    (
        attempt.at.as_nanos(),
        attempt.contact.clone(),
        attempt.took.map(Span::as_nanos),
        attempt.taken,
        attempt.answer.clone(),
    )
}

fn stage(state: &State) -> StageRecord {
    match state {
        State::Queued { not_before } => StageRecord::Queued(not_before.as_nanos()),
        State::Leased(lease) => {
            StageRecord::Leased(lease.node.clone(), lease.epoch, timer(lease.timer))
        }
        State::Sent { at, provider } => StageRecord::Sent(at.as_nanos(), provider.clone()),
        State::Delivered { at } => StageRecord::Delivered(at.as_nanos()),
        State::RetryWait { timer: at } => StageRecord::RetryWait(timer(*at)),
        State::Bundled { into } => StageRecord::Bundled(into.clone()),
        State::Superseded { at, why } => {
            let why = REASONS.iter().position(|reason| reason == why);
            StageRecord::Superseded(at.as_nanos(), why.unwrap_or(0) as u8)
        }
        State::Unreachable { at } => StageRecord::Unreachable(at.as_nanos()),
    }
}

impl From<LetterRecord> for Letter {
    fn from(record: LetterRecord) -> Self {
        let to: Addressee = record.to.into();
        let user = to.name();
        let message = Message {
            id: record.id,
            about: record.about.map(|(alert, subject, number, message)| {
                let id = EpisodeId {
                    alert,
                    subject,
                    number,
                };
                (id, message)
            }),
            user,
            service: record.service,
            urgency: record.low.map(|low| match low {
                true => Urgency::Low,
                false => Urgency::Page,
            }),
            contact: record.contact,
            carries: record.carries,
            made: from(record.made),
            attempts: record.attempts,
            failures: record.failures,
            state: match record.stage {
                StageRecord::Queued(at) => State::Queued {
                    not_before: from(at),
                },
                StageRecord::Leased(node, epoch, timer) => State::Leased(Lease {
                    node,
                    epoch,
                    timer: from_timer(timer),
                }),
                StageRecord::Sent(at, provider) => State::Sent {
                    at: from(at),
                    provider,
                },
                StageRecord::Delivered(at) => State::Delivered { at: from(at) },
                StageRecord::RetryWait(timer) => State::RetryWait {
                    timer: from_timer(timer),
                },
                StageRecord::Bundled(into) => State::Bundled { into },
                StageRecord::Superseded(at, why) => State::Superseded {
                    at: from(at),
                    why: REASONS
                        .get(usize::from(why))
                        .copied()
                        .unwrap_or(SupersedeReason::Cleared),
                },
                StageRecord::Unreachable(at) => State::Unreachable { at: from(at) },
            },
        };
        Self {
            no: record.no,
            to,
            words: match record.words {
                WordsRecord::Page => Words::Page { low: false },
                WordsRecord::Low => Words::Page { low: true },
                WordsRecord::Note(text) => Words::Note(text),
                WordsRecord::Digest(nos) => Words::Digest(nos),
                WordsRecord::HandOver(role, text) => Words::HandOver { role, text },
                WordsRecord::Plain(kind, subject, text) => Words::Plain {
                    kind,
                    subject,
                    text,
                },
            },
            message,
            only: record.only,
            replaces: record.replaces,
            went_with: record.went_with,
            again: record.again,
            log: record
                .log
                .into_iter()
                .map(|(at, contact, took, taken, answer)| Attempt {
                    at: from(at),
                    contact,
                    took: took.map(Span::from_nanos),
                    taken,
                    answer,
                })
                .collect(),
        }
    }
}

/// A contact that does not work.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BrokenRecord {
    to: AddresseeRecord,
    contact: String,
    since: Nanos,
    why: String,
}

impl From<&Broken> for BrokenRecord {
    fn from(broken: &Broken) -> Self {
        Self {
            to: (&broken.to).into(),
            contact: broken.contact.clone(),
            since: broken.since.as_nanos(),
            why: broken.why.clone(),
        }
    }
}

impl From<BrokenRecord> for Broken {
    fn from(record: BrokenRecord) -> Self {
        Self {
            to: record.to.into(),
            contact: record.contact,
            since: from(record.since),
            why: record.why,
        }
    }
}
