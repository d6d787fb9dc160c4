//! Holds, edits of the calendar, swaps.

use std::sync::Arc;

use rem_alert::episode::{Days, HoldKind, HoldPlan, Matcher, Repeats, When};
use rem_alert::shift::{Change, Edit, EditId, Range, Slot, Swap, SwapId, SwapState, UserId};
use rem_time::{Span, Timestamp, Weekday};
use serde::{Deserialize, Serialize};

use super::{Nanos, from};
use crate::paths::Path;

/// What is known beside the lists.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SiteRecord {
    pub episodes: u64,
    pub letters: u64,
    pub noticed: Nanos,
    pub tested: Option<Nanos>,
    pub beaten: Option<Nanos>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<Path>,
}

/// A hold. Its times of day, days and zone are kept as they are written.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HoldPlanRecord {
    id: Arc<str>,
    maintenance: bool,
    covers: Vec<String>,
    when: WhenRecord,
    by: Arc<str>,
    why: Arc<str>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WhenRecord {
    Once(Nanos, Nanos),
    Repeats {
        days: DaysRecord,
        at: String,
        lasts: u64,
        zone: String,
        from: Option<Nanos>,
        until: Option<Nanos>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DaysRecord {
    Daily,
    Weekly(Vec<String>),
    Monthly(u8),
}

impl From<&HoldPlan> for HoldPlanRecord {
    fn from(plan: &HoldPlan) -> Self {
        Self {
            id: plan.id.clone(),
            maintenance: plan.kind == HoldKind::Maintenance,
            covers: plan.covers.iter().map(ToString::to_string).collect(),
            when: match &plan.when {
                When::Once { from, until } => WhenRecord::Once(from.as_nanos(), until.as_nanos()),
                When::Repeats(repeats) => WhenRecord::Repeats {
                    days: match &repeats.days {
                        Days::Daily => DaysRecord::Daily,
                        Days::Weekly(days) => {
                            DaysRecord::Weekly(days.iter().map(ToString::to_string).collect())
                        }
                        Days::Monthly(day) => DaysRecord::Monthly(*day),
                    },
                    at: repeats.at.to_string(),
                    lasts: repeats.lasts.as_nanos(),
                    zone: repeats.zone.to_string(),
                    from: repeats.from.map(Timestamp::as_nanos),
                    until: repeats.until.map(Timestamp::as_nanos),
                },
            },
            by: plan.by.clone(),
            why: plan.why.clone(),
        }
    }
}

impl TryFrom<HoldPlanRecord> for HoldPlan {
    /// The part that is no longer understood, such as a zone that is gone.
    type Error = String;

    fn try_from(record: HoldPlanRecord) -> Result<Self, String> {
        let when = match record.when {
            WhenRecord::Once(begin, end) => When::Once {
                from: from(begin),
                until: from(end),
            },
            WhenRecord::Repeats {
                days,
                at,
                lasts,
                zone,
                from: begin,
                until,
            } => When::Repeats(Repeats {
                days: match days {
                    DaysRecord::Daily => Days::Daily,
                    DaysRecord::Weekly(days) => {
                        let days: Result<Vec<Weekday>, _> =
                            days.iter().map(|day| day.parse()).collect();
                        Days::Weekly(days.map_err(|error| error.to_string())?)
                    }
                    DaysRecord::Monthly(day) => Days::Monthly(day),
                },
                at: at.parse().map_err(|_| at)?,
                lasts: Span::from_nanos(lasts),
                zone: zone.parse().map_err(|_| zone)?,
                from: begin.map(from),
                until: until.map(from),
            }),
        };
        let covers: Result<Vec<Matcher>, _> =
            record.covers.iter().map(|text| text.parse()).collect();
        Ok(Self {
            id: record.id,
            kind: match record.maintenance {
                true => HoldKind::Maintenance,
                false => HoldKind::Forced,
            },
            covers: covers.map_err(|error| error.to_string())?,
            when,
            by: record.by,
            why: record.why,
        })
    }
}

type RangeRecord = (Nanos, Nanos);

#[derive(Debug, Serialize, Deserialize)]
struct SlotRecord(String, String, RangeRecord);

/// An edit of the calendar.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EditRecord {
    id: u64,
    author: String,
    at: Nanos,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    reason: String,
    change: ChangeRecord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    withdrawn: Option<(String, Nanos)>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChangeRecord {
    Replace(SlotRecord, Option<String>),
    Add(SlotRecord),
    Take(SlotRecord),
    Swap(u64, SlotRecord, String, Option<SlotRecord>),
    Vacation(String, RangeRecord),
}

/// An offer to swap shifts.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SwapRecord {
    id: u64,
    author: String,
    at: Nanos,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    reason: String,
    give: SlotRecord,
    to: String,
    want: Option<SlotRecord>,
    expires: Nanos,
    state: SwapStateRecord,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SwapStateRecord {
    Offered,
    Accepted(String, Nanos),
    Applied(Nanos),
    Declined(String, Nanos),
    Expired(Nanos),
    Rejected(Nanos, String),
}

fn range(range: Range) -> RangeRecord {
    (range.from.as_nanos(), range.to.as_nanos())
}

fn from_range((begin, end): RangeRecord) -> Range {
    Range::new(from(begin), from(end))
}

fn slot(slot: &Slot) -> SlotRecord {
    SlotRecord(
        slot.role.to_string(),
        slot.user.to_string(),
        range(slot.range),
    )
}

fn from_slot(SlotRecord(role, user, range): SlotRecord) -> Slot {
    Slot {
        role: role.into(),
        user: user.into(),
        range: from_range(range),
    }
}

impl From<&Edit> for EditRecord {
    fn from(edit: &Edit) -> Self {
        Self {
            id: edit.id.0,
            author: edit.author.to_string(),
            at: edit.at.as_nanos(),
            reason: edit.reason.clone(),
            change: match &edit.change {
                Change::Replace {
                    slot: who,
                    instead_of,
                } => ChangeRecord::Replace(slot(who), instead_of.as_ref().map(UserId::to_string)),
                Change::Add { slot: who } => ChangeRecord::Add(slot(who)),
                Change::Take { slot: who } => ChangeRecord::Take(slot(who)),
                Change::Swap {
                    swap,
                    give,
                    to,
                    want,
                } => {
                    ChangeRecord::Swap(swap.0, slot(give), to.to_string(), want.as_ref().map(slot))
                }
                Change::Vacation { user, range: away } => {
                    ChangeRecord::Vacation(user.to_string(), range(*away))
                }
            },
            withdrawn: edit
                .withdrawn
                .as_ref()
                .map(|(by, at)| (by.to_string(), at.as_nanos())),
        }
    }
}

impl From<EditRecord> for Edit {
    fn from(record: EditRecord) -> Self {
        Self {
            id: EditId(record.id),
            author: record.author.into(),
            at: from(record.at),
            reason: record.reason,
            change: match record.change {
                ChangeRecord::Replace(who, instead_of) => Change::Replace {
                    slot: from_slot(who),
                    instead_of: instead_of.map(Into::into),
                },
                ChangeRecord::Add(who) => Change::Add {
                    slot: from_slot(who),
                },
                ChangeRecord::Take(who) => Change::Take {
                    slot: from_slot(who),
                },
                ChangeRecord::Swap(swap, give, to, want) => Change::Swap {
                    swap: SwapId(swap),
                    give: from_slot(give),
                    to: to.into(),
                    want: want.map(from_slot),
                },
                ChangeRecord::Vacation(user, away) => Change::Vacation {
                    user: user.into(),
                    range: from_range(away),
                },
            },
            withdrawn: record.withdrawn.map(|(by, at)| (by.into(), from(at))),
        }
    }
}

impl From<&Swap> for SwapRecord {
    fn from(swap: &Swap) -> Self {
        Self {
            id: swap.id.0,
            author: swap.author.to_string(),
            at: swap.at.as_nanos(),
            reason: swap.reason.clone(),
            give: slot(&swap.give),
            to: swap.to.to_string(),
            want: swap.want.as_ref().map(slot),
            expires: swap.expires.as_nanos(),
            state: match &swap.state {
                SwapState::Offered => SwapStateRecord::Offered,
                SwapState::Accepted { by, at } => {
                    SwapStateRecord::Accepted(by.to_string(), at.as_nanos())
                }
                SwapState::Applied { at } => SwapStateRecord::Applied(at.as_nanos()),
                SwapState::Declined { by, at } => {
                    SwapStateRecord::Declined(by.to_string(), at.as_nanos())
                }
                SwapState::Expired { at } => SwapStateRecord::Expired(at.as_nanos()),
                SwapState::Rejected { at, why } => {
                    SwapStateRecord::Rejected(at.as_nanos(), why.clone())
                }
            },
        }
    }
}

impl From<SwapRecord> for Swap {
    fn from(record: SwapRecord) -> Self {
        Self {
            id: SwapId(record.id),
            author: record.author.into(),
            at: from(record.at),
            reason: record.reason,
            give: from_slot(record.give),
            to: record.to.into(),
            want: record.want.map(from_slot),
            expires: from(record.expires),
            state: match record.state {
                SwapStateRecord::Offered => SwapState::Offered,
                SwapStateRecord::Accepted(by, at) => SwapState::Accepted {
                    by: by.into(),
                    at: from(at),
                },
                SwapStateRecord::Applied(at) => SwapState::Applied { at: from(at) },
                SwapStateRecord::Declined(by, at) => SwapState::Declined {
                    by: by.into(),
                    at: from(at),
                },
                SwapStateRecord::Expired(at) => SwapState::Expired { at: from(at) },
                SwapStateRecord::Rejected(at, why) => SwapState::Rejected { at: from(at), why },
            },
        }
    }
}
