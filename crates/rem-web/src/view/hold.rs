use std::sync::Arc;

use rem_alert::episode::{Days, HoldKind, HoldPlan, When};
use rem_time::Timestamp;
use serde::Serialize;

/// An end that nobody lives to see: the year 2200.
const FOR_EVER: Timestamp = Timestamp::from_seconds(7_258_118_400);

/// A hold: a known problem or a maintenance window.
#[derive(Debug, Serialize)]
pub(crate) struct HoldJson {
    pub(crate) id: Arc<str>,
    /// `forced` or `maintenance`.
    pub(crate) kind: &'static str,
    /// As it is written in the file: `machine = db-* and service = web`.
    pub(crate) matches: String,
    pub(crate) by: Arc<str>,
    pub(crate) why: Arc<str>,
    /// When, in words.
    pub(crate) when: String,
    pub(crate) from: Option<String>,
    pub(crate) until: Option<String>,
    /// Whether it holds now.
    pub(crate) is_live: bool,
    /// Until when, if it holds now.
    pub(crate) live_until: Option<String>,
    /// When it next begins or ends; nothing: it is over.
    pub(crate) next_change: Option<String>,
}

impl HoldJson {
    pub(crate) fn new(plan: &HoldPlan, now: Timestamp) -> Self {
        let (live, next) = plan.when.at(now);
        let (from, until) = match &plan.when {
            When::Once { until, .. } if FOR_EVER <= *until => (None, None),
            When::Once { from, until } => (Some(*from), Some(*until)),
            When::Repeats(repeats) => (repeats.from, repeats.until),
        };
        let text = |at: Timestamp| at.to_string();
        let covers: Vec<String> = plan.covers.iter().map(ToString::to_string).collect();
        Self {
            id: plan.id.clone(),
            kind: match plan.kind {
                HoldKind::Forced => "forced",
                HoldKind::Maintenance => "maintenance",
            },
            matches: covers.join(" and "),
            by: plan.by.clone(),
            why: plan.why.clone(),
            when: when(&plan.when),
            from: from.map(text),
            until: until.map(text),
            is_live: live.is_some(),
            live_until: live.filter(|until| *until < FOR_EVER).map(text),
            next_change: next.filter(|at| *at < FOR_EVER).map(text),
        }
    }
}

fn when(when: &When) -> String {
    match when {
        When::Once { until, .. } if FOR_EVER <= *until => "always".to_owned(),
        When::Once { from, until } => format!("{from} to {until}"),
        When::Repeats(repeats) => {
            let days = match &repeats.days {
                Days::Daily => "every day".to_owned(),
                Days::Weekly(days) => {
                    let days: Vec<&str> = days.iter().map(|day| day.name()).collect();
                    format!("every {}", days.join(", "))
                }
                Days::Monthly(day) => format!("every month on day {day}"),
            };
            let (at, lasts, zone) = (repeats.at, repeats.lasts, repeats.zone.name());
            format!("{days} at {at} for {lasts}, {zone}")
        }
    }
}
