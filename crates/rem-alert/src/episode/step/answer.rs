//! What people answer.

use std::sync::Arc;

use rem_time::{Span, Timestamp};

use super::Turn;
use crate::episode::effect::{NoteKind, SupersedeReason};
use crate::episode::ladder::Timer;
use crate::episode::state::{Ack, Condition, Episode};

impl Episode {
    pub(super) fn snooze(&mut self, until: Timestamp, by: &Arc<str>, turn: &mut Turn<'_>) {
        let ack = Ack::Snoozed {
            timer: Timer {
                from: turn.now,
                until,
            },
            by: Arc::clone(by),
        };
        let by = Arc::clone(by);
        self.answer(ack, NoteKind::Snoozed { by, until }, turn);
    }

    pub(super) fn complete(&mut self, by: &Arc<str>, turn: &mut Turn<'_>) {
        match turn.rules.ack_max {
            Some(most) => self.snooze(turn.now + most, by, turn),
            None => {
                let by = Arc::clone(by);
                let kind = NoteKind::Completed {
                    by: Arc::clone(&by),
                };
                self.answer(Ack::Complete { by }, kind, turn);
            }
        }
    }

    pub(super) fn answer(&mut self, ack: Ack, kind: NoteKind, turn: &mut Turn<'_>) {
        if !self.is_open() {
            return;
        }
        turn.changed = true;
        self.unacked = false;
        self.note_others(kind, turn);
        if let Condition::Recovered { .. } = self.condition {
            self.rest(SupersedeReason::Acknowledged, turn);
        } else {
            self.ack = ack;
        }
    }

    pub(super) fn take(&mut self, by: &Arc<str>, turn: &mut Turn<'_>) {
        if !self.is_open() {
            return;
        }
        turn.changed = true;
        self.unacked = false;
        self.note_others(NoteKind::Taken { by: Arc::clone(by) }, turn);
        if let Condition::Recovered { .. } = self.condition {
            self.rest(SupersedeReason::Acknowledged, turn);
            return;
        }
        self.owner = Some(Arc::clone(by));
        if self.ladder.due.is_some() && self.may_talk() {
            self.supersede(SupersedeReason::Acknowledged, turn);
            self.page_user(by);
            self.ladder.due = Some(Timer::new(turn.now, self.ladder.every(turn.rules)));
        }
    }

    pub(super) fn reassign(&mut self, to: &Arc<str>, by: &Arc<str>, turn: &mut Turn<'_>) {
        if !self.is_open() {
            return;
        }
        turn.changed = true;
        self.owner = Some(Arc::clone(to));
        // Somebody else shall be woken: an answer given before says nothing about them.
        if let Condition::Firing { .. } = self.condition {
            self.ack = Ack::None;
        }
        if self.talks() {
            self.supersede(SupersedeReason::Reassigned, turn);
            self.page_user(to);
            self.ladder.due = Some(Timer::new(turn.now, Span::ZERO));
        } else {
            let kind = NoteKind::Reassigned { by: Arc::clone(by) };
            self.note(vec![Arc::clone(to)], kind, turn);
        }
    }

    pub(super) fn page_user(&mut self, user: &Arc<str>) {
        self.ladder.user = Some(Arc::clone(user));
        self.ladder.tries = 0;
        self.ladder.rest = None;
    }

    pub(super) fn escalate(&mut self, turn: &mut Turn<'_>) {
        let Condition::Firing { .. } = self.condition else {
            return;
        };
        turn.changed = true;
        let answered = std::mem::take(&mut self.ack) != Ack::None;
        if self.may_talk() {
            self.supersede(SupersedeReason::Reassigned, turn);
            self.ladder.jump(turn.now, turn.rules);
            // The answer had put the ladder back to its first step: that one answered.
            if answered && turn.rules.ladder.len() > 1 {
                self.ladder.step = 1;
            }
            self.ladder.due = Some(Timer::new(turn.now, Span::ZERO));
        }
    }

    pub(super) fn unreachable(&mut self, message: u32, turn: &mut Turn<'_>) {
        let Condition::Firing { .. } = self.condition else {
            return;
        };
        if self.ladder.due.is_some() && self.ladder.page == message && message >= self.live_from {
            self.ladder.jump(turn.now, turn.rules);
            // A page is given up once.
            self.live_from = message.saturating_add(1);
            turn.changed = true;
        }
    }
}
