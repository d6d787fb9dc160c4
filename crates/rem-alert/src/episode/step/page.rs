//! Whom to page, when, and what must not leave any more.

use std::sync::Arc;

use super::{Turn, insert};
use crate::episode::effect::{Effect, Note, NoteKind, Page, Recipient, SupersedeReason, Urgency};
use crate::episode::event::Event;
use crate::episode::ladder::{Ladder, Timer};
use crate::episode::rules::AfterClear;
use crate::episode::state::{Ack, Condition, Episode};

impl Episode {
    /// The one rule: due while there is something to say, not due otherwise.
    pub(super) fn arm(&mut self, event: &Event, turn: &mut Turn<'_>) {
        let _ = event;
        #[cfg(test)]
        match turn.rules.mutant {
            Some(crate::episode::tests::Mutant::EdgeTriggered)
                if self.talks()
                    && self.ladder.due.is_none()
                    && !matches!(event, Event::Fire(_)) =>
            {
                return;
            }
            Some(crate::episode::tests::Mutant::ForcedKeepsDue) if self.forced.is_some() => return,
            _ => {}
        }
        if !self.may_talk() {
            self.supersede(self.silence(), turn);
            let page = self.ladder.page;
            let start = Ladder {
                page,
                ..Ladder::default()
            };
            if self.ladder != start {
                self.ladder = start;
                turn.changed = true;
            }
        } else if !self.talks() {
            if let Some(due) = self.ladder.due.take() {
                self.supersede(SupersedeReason::Cleared, turn);
                self.ladder.rest = Some(due);
                turn.changed = true;
            }
        } else if self.ladder.due.is_none() {
            let rest = self.ladder.rest.take();
            self.ladder.due = Some(Timer {
                from: turn.now,
                until: rest.map_or(turn.now, |rest| rest.until.max(turn.now)),
            });
            turn.changed = true;
        }
    }

    pub(super) fn silence(&self) -> SupersedeReason {
        if self.forced.is_some() || self.maintenance.is_some() {
            SupersedeReason::Held
        } else if self.ack != Ack::None {
            SupersedeReason::Acknowledged
        } else {
            SupersedeReason::Dependency
        }
    }

    pub(super) fn page_if_due(&mut self, turn: &mut Turn<'_>) {
        if !self.ladder.due.is_some_and(|due| due.is_over(turn.now)) {
            return;
        }
        turn.changed = true;
        let low = matches!(self.condition, Condition::Recovered { .. })
            && turn.rules.after_clear != AfterClear::Page;
        let Some((to, users)) = self.whom(low, turn) else {
            return;
        };
        self.messages = self.messages.saturating_add(1);
        let page = Page {
            episode: self.number,
            message: self.messages,
            to: to.clone(),
            users: users.clone(),
            urgency: if low { Urgency::Low } else { Urgency::Page },
            round: self.ladder.round,
            attempt: self.ladder.tries.saturating_add(1),
        };
        turn.effects.push(Effect::Page(page));
        turn.paged = Some((self.messages, to.clone()));
        for user in &users {
            insert(&mut self.told, user);
        }
        self.unacked = true;
        self.communicated = true;
        self.ladder.page = self.messages;
        if to == Recipient::Fallback {
            // No round of a ladder that nobody is on: were its page brought forward
            // because nobody gets it, it would spin.
            self.ladder.round_began = None;
        } else {
            self.ladder.round_began.get_or_insert(turn.now);
        }
        if low {
            self.ladder.user = None;
            self.ladder.advance_low(turn.now);
        } else if to == Recipient::Fallback {
            self.ladder.due = Some(Timer::new(turn.now, self.ladder.every(turn.rules)));
        } else {
            self.ladder.advance(turn.now, turn.rules);
        }
    }

    /// Whom to page now; `None` when a new round begins after a pause.
    pub(super) fn whom(
        &mut self,
        low: bool,
        turn: &mut Turn<'_>,
    ) -> Option<(Recipient, Vec<Arc<str>>)> {
        if let Some(user) = &self.ladder.user {
            return Some((Recipient::User(Arc::clone(user)), vec![Arc::clone(user)]));
        }
        let steps = &turn.rules.ladder;
        // A reload may have made the ladder shorter.
        if low || self.ladder.step as usize >= steps.len() {
            self.ladder.step = 0;
        }
        let start = self.ladder.step as usize;
        for (place, step) in steps.iter().enumerate().skip(start) {
            let users = turn.ask(&step.role);
            if !users.is_empty() {
                if !low && place != start {
                    self.ladder.step = place as u32;
                    self.ladder.tries = 0;
                }
                return Some((Recipient::Role(Arc::clone(&step.role)), users));
            }
        }
        let other = steps[..start]
            .iter()
            .position(|step| !turn.ask(&step.role).is_empty());
        let Some(place) = other else {
            self.ladder.step = 0;
            self.ladder.tries = 0;
            return Some((Recipient::Fallback, Vec::new()));
        };
        // The rest of this round is empty: the next one comes after its pause.
        let last = self.ladder.due.map_or(turn.now, |due| due.from);
        let next = Timer {
            from: last,
            until: last + self.ladder.pause(turn.rules),
        };
        self.ladder.next_round();
        if !next.is_over(turn.now) {
            self.ladder.due = Some(next);
            return None;
        }
        self.ladder.step = place as u32;
        let role = &steps[place].role;
        Some((Recipient::Role(Arc::clone(role)), turn.ask(role)))
    }

    /// Pages made so far must not leave any more.
    pub(super) fn supersede(&mut self, why: SupersedeReason, turn: &mut Turn<'_>) {
        if self.ladder.page < self.live_from || self.ladder.page == 0 {
            return;
        }
        self.live_from = self.messages.saturating_add(1);
        turn.changed = true;
        turn.effects.push(Effect::Supersede {
            episode: self.number,
            before: self.live_from,
            why,
        });
    }

    pub(super) fn note_others(&mut self, kind: NoteKind, turn: &mut Turn<'_>) {
        let by = match &kind {
            NoteKind::Snoozed { by, .. } | NoteKind::Completed { by } | NoteKind::Taken { by } => {
                Some(by)
            }
            NoteKind::ExplainedBy { .. }
            | NoteKind::Reassigned { .. }
            | NoteKind::Recovered { .. }
            | NoteKind::Removed { .. } => None,
        };
        let others = self.told.iter().filter(|user| Some(*user) != by);
        self.note(others.cloned().collect(), kind, turn);
    }

    pub(super) fn note(&mut self, users: Vec<Arc<str>>, kind: NoteKind, turn: &mut Turn<'_>) {
        if users.is_empty() {
            return;
        }
        self.messages = self.messages.saturating_add(1);
        turn.changed = true;
        turn.effects.push(Effect::Note(Note {
            episode: self.number,
            message: self.messages,
            users,
            kind,
        }));
    }
}
