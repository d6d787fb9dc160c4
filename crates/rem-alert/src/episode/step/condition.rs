//! What the levels and the parents say.

use std::sync::Arc;

use rem_time::Timestamp;

use super::{Turn, insert};
use crate::episode::effect::{Effect, NoteKind, SupersedeReason};
use crate::episode::event::Parents;
use crate::episode::ladder::{Ladder, Timer};
use crate::episode::rules::{AfterClear, RefireOverrides, Rules};
use crate::episode::state::{Ack, Condition, Episode, Recheck, Settle};

impl Episode {
    pub(super) fn fire(&mut self, parents: &Parents, turn: &mut Turn<'_>) {
        match self.condition {
            Condition::Clear => {
                self.unacked = false;
                self.communicated = false;
                self.told.clear();
                self.open(parents, turn);
                self.settle = Settle::begin(parents, turn);
            }
            // It inherits the debt: somebody still owes an answer.
            Condition::Recovered { .. } => self.open(parents, turn),
            Condition::Clearing(_) => {
                self.condition = Condition::Firing { since: turn.now };
                self.flaps = self.flaps.saturating_add(1);
                self.add_parents(parents);
                if self.refire_overrides(turn.rules) {
                    self.ack = Ack::None;
                }
                turn.changed = true;
            }
            Condition::Firing { .. } => {}
        }
    }

    pub(super) fn refire_overrides(&self, rules: &Rules) -> bool {
        #[cfg(test)]
        match (rules.mutant, &self.ack) {
            (Some(crate::episode::tests::Mutant::KeepsSnooze), Ack::Snoozed { .. }) => {
                return false;
            }
            (Some(crate::episode::tests::Mutant::FlapClearsComplete), Ack::Complete { .. }) => {
                return true;
            }
            _ => {}
        }
        match self.ack {
            Ack::None => false,
            Ack::Snoozed { .. } => true,
            Ack::Complete { .. } => rules.refire_overrides == RefireOverrides::Any,
        }
    }

    pub(super) fn open(&mut self, parents: &Parents, turn: &mut Turn<'_>) {
        self.supersede(SupersedeReason::Cleared, turn);
        self.number = self.number.saturating_add(1);
        self.opened = turn.now;
        self.condition = Condition::Firing { since: turn.now };
        self.settle = None;
        self.recheck = None;
        self.parents.clear();
        self.add_parents(parents);
        self.ack = Ack::None;
        self.ladder = Ladder::default();
        self.owner = None;
        self.flaps = 0;
        self.messages = 0;
        self.live_from = 1;
        if !parents.all.is_empty() {
            let nodes = Arc::clone(&parents.all);
            turn.effects.push(Effect::RecheckParents { nodes });
        }
        turn.changed = true;
    }

    pub(super) fn add_parents(&mut self, parents: &Parents) {
        for parent in parents.alerting.iter() {
            insert(&mut self.parents, parent);
        }
    }

    pub(super) fn clear(&mut self, turn: &mut Turn<'_>) {
        if let Condition::Firing { .. } = self.condition {
            self.condition = Condition::Clearing(Timer::new(turn.now, turn.rules.clear_delay));
            self.recheck = None;
            turn.changed = true;
        }
    }

    /// Clear for long enough.
    pub(super) fn close(&mut self, turn: &mut Turn<'_>) {
        turn.changed = true;
        self.note(
            self.told.clone(),
            NoteKind::Recovered {
                unacked: self.unacked,
            },
            turn,
        );
        #[cfg(test)]
        if turn.rules.mutant == Some(crate::episode::tests::Mutant::ForgetsUnacked) {
            self.rest(SupersedeReason::Cleared, turn);
            return;
        }
        if !self.unacked || turn.rules.after_clear == AfterClear::Stop {
            self.rest(SupersedeReason::Cleared, turn);
            return;
        }
        self.condition = Condition::Recovered { since: turn.now };
        self.settle = None;
        self.recheck = None;
        self.parents.clear();
        if turn.rules.after_clear == AfterClear::Low {
            let page = self.ladder.page;
            self.ladder = Ladder {
                page,
                ..Ladder::default()
            };
            self.ladder.advance_low(turn.now);
        }
    }

    /// Nothing is open any more; the number and the holds stay.
    pub(super) fn rest(&mut self, why: SupersedeReason, turn: &mut Turn<'_>) {
        self.supersede(why, turn);
        self.condition = Condition::Clear;
        self.settle = None;
        self.recheck = None;
        self.parents.clear();
        self.ack = Ack::None;
        self.ladder = Ladder::default();
        self.unacked = false;
        self.communicated = false;
        self.owner = None;
        self.told.clear();
        turn.changed = true;
    }

    pub(super) fn remove(&mut self, why: &Arc<str>, turn: &mut Turn<'_>) {
        if self.is_open() {
            let kind = NoteKind::Removed {
                why: Arc::clone(why),
            };
            self.note(self.told.clone(), kind, turn);
            self.rest(SupersedeReason::Removed, turn);
        }
    }

    pub(super) fn evaluated(&mut self, parent: &Arc<str>, at: Timestamp, turn: &mut Turn<'_>) {
        if let Some(settle) = &mut self.settle
            && settle.least.from <= at
            && let Some(place) = settle.waiting.iter().position(|node| node == parent)
        {
            settle.waiting.swap_remove(place);
            turn.changed = true;
        }
    }

    pub(super) fn is_live_alert(&self) -> bool {
        matches!(
            self.condition,
            Condition::Firing { .. } | Condition::Clearing(_)
        )
    }

    pub(super) fn parent_fires(&mut self, parent: &Arc<str>, turn: &mut Turn<'_>) {
        if !self.is_live_alert() {
            return;
        }
        self.evaluated(parent, turn.now, turn);
        let first = self.parents.is_empty();
        if !insert(&mut self.parents, parent) {
            return;
        }
        turn.changed = true;
        self.recheck = None;
        if first && self.communicated && matches!(self.condition, Condition::Firing { .. }) {
            let kind = NoteKind::ExplainedBy {
                parent: Arc::clone(parent),
            };
            self.note(self.told.clone(), kind, turn);
        }
    }

    pub(super) fn parent_clears(
        &mut self,
        parent: &Arc<str>,
        sampled: Option<Timestamp>,
        recheck: Recheck,
        turn: &mut Turn<'_>,
    ) {
        self.evaluated(parent, recheck.fresh_from, turn);
        let Ok(place) = self.parents.binary_search(parent) else {
            return;
        };
        self.parents.remove(place);
        turn.changed = true;
        let fresh = sampled.is_some_and(|at| recheck.fresh_from <= at);
        if self.parents.is_empty()
            && !fresh
            && !recheck.most.is_over(turn.now)
            && matches!(self.condition, Condition::Firing { .. })
        {
            self.recheck = Some(recheck);
            turn.effects.push(Effect::RecheckSubject);
        }
    }
}

impl Settle {
    pub(super) fn begin(parents: &Parents, turn: &Turn<'_>) -> Option<Box<Self>> {
        if parents.all.is_empty() {
            return None;
        }
        let least = turn.rules.settle.unwrap_or(parents.every);
        let most = parents.every.saturating_add(parents.every).max(least);
        let mut waiting = parents.all.to_vec();
        waiting.sort_unstable();
        waiting.dedup();
        // Those that alert explain it already.
        waiting.retain(|node| !parents.alerting.contains(node));
        let settle = Self {
            least: Timer::new(turn.now, least),
            most: Timer::new(turn.now, most),
            waiting,
        };
        Some(Box::new(settle))
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.most.is_over(now) || (self.waiting.is_empty() && self.least.is_over(now))
    }
}
