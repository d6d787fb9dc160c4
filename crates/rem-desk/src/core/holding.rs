//! Holds: what people and the calendar of maintenance silence.

use std::sync::Arc;

use rem_alert::episode::{Event, HoldPlan, Subject};
use rem_time::Timestamp;

use super::{DeskCore, News, Refused};
use crate::actor::{Actor, Right};
use crate::episodes::{Open, Slot};

/// Holds of people that are kept at the same time.
pub const HOLDS_MAX: usize = 10_000;

impl DeskCore {
    /// A new hold, or another version of one that is there. It is `by`'s, whatever
    /// the plan says.
    ///
    /// # Errors
    /// If they may not, it can never hold, or there are too many.
    pub fn hold(
        &mut self,
        by: &Actor,
        plan: HoldPlan,
        now: Timestamp,
    ) -> Result<Arc<str>, Refused> {
        by.needs(Right::Operator, "hold alerts")?;
        let plan = HoldPlan {
            by: by.name.clone(),
            ..plan
        };
        if plan.when.at(now) == (None, None) {
            return Err(Refused::Invalid("the hold would never begin".into()));
        }
        if HOLDS_MAX <= self.holds.plans.len() {
            return Err(Refused::Invalid(format!("there are {HOLDS_MAX} holds")));
        }
        let id = plan.id.clone();
        self.holds.plans.retain(|other| other.id != id);
        self.holds.plans.push(plan);
        self.holds_changed(now);
        Ok(id)
    }

    /// Ends a hold that people made.
    ///
    /// # Errors
    /// If they may not, there is no such hold, or the file states it.
    pub fn end_hold(&mut self, id: &str, by: &Actor, now: Timestamp) -> Result<(), Refused> {
        by.needs(Right::Operator, "end a hold")?;
        if self.rules.rules.holds.iter().any(|plan| *plan.id == *id) {
            return Err(Refused::Invalid(format!(
                "the configuration states this hold: {id}"
            )));
        }
        let before = self.holds.plans.len();
        self.holds.plans.retain(|plan| *plan.id != *id);
        if self.holds.plans.len() == before {
            return Err(Refused::NoHold(id.into()));
        }
        self.ended_by = Some(by.name.clone());
        self.holds_changed(now);
        self.ended_by = None;
        Ok(())
    }

    pub(super) fn holds_changed(&mut self, now: Timestamp) {
        self.dirty.holds = true;
        self.changes.news.push(News::People);
        self.next_hold_change = Some(now);
        self.holds_change(now);
    }

    /// Holds begin and end: every episode is told what holds it now.
    pub(super) fn holds_change(&mut self, now: Timestamp) {
        if self.next_hold_change.is_none_or(|at| now < at) {
            return;
        }
        if !self.holds.drop_over(now).is_empty() {
            self.dirty.holds = true;
        }
        let slots: Vec<Slot> = self.episodes.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            self.hold_as_planned(slot, now);
        }
        self.next_hold_change = self.holds.next_change(now);
    }

    /// What already holds a subject holds its next episode from the first instant.
    pub(super) fn hold_if_idle(&mut self, slot: Slot, now: Timestamp) {
        if !self.holds.plans.is_empty() {
            self.hold_as_planned(slot, now);
        }
    }

    fn hold_as_planned(&mut self, slot: Slot, now: Timestamp) {
        let Some(open) = self.episodes.get(slot) else {
            return;
        };
        let held = self.holds.held(&subject(open), now);
        let (forced, maintenance) = (
            open.state.forced.as_deref().cloned(),
            open.state.maintenance.as_deref().cloned(),
        );
        if forced != held.forced {
            let by = self.ended_by.clone();
            let by = by.unwrap_or_else(|| "the desk".into());
            let event = held.forced.map_or(Event::EndForce { by }, Event::Force);
            self.step(slot, &event, now);
        }
        if maintenance != held.maintenance {
            let event = held
                .maintenance
                .map_or(Event::EndMaintenance, Event::Maintenance);
            self.step(slot, &event, now);
        }
    }
}

/// What holds are compared with.
fn subject(open: &Open) -> Subject {
    let labels = open.about.labels.iter();
    let mut subject = Subject {
        labels: labels
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
    }
    .label("alert", open.alert.clone())
    .label("subject", open.subject.clone());
    if let Some((kind, name)) = open.subject.split_once(':')
        && !open.about.labels.contains_key(kind)
    {
        subject = subject.label(kind, name);
    }
    subject
}
