//! Episodes, open and over.

use std::collections::BTreeMap;
use std::sync::Arc;

use rem_alert::episode::{Ack, Condition, Episode, Hold, Ladder, Recheck, Settle};
use rem_time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Nanos, TimerRecord, from, from_timer, is_default, timer};
use crate::episodes::{About, Open};

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
