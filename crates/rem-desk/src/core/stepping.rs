//! One event of one episode, and all that follows from it.

use std::sync::Arc;

use rem_alert::episode::{self, Effect, Event, NoteKind};
use rem_alert::message::Message;
use rem_time::Timestamp;

use super::{Court, DeskCore, News};
use crate::episodes::{Slot, whole};
use crate::outbox::{Addressee, Due, Letter, Words};
use crate::timeline::Line;

impl DeskCore {
    /// One event of one episode, and all that follows from it.
    pub(crate) fn step(&mut self, slot: Slot, event: &Event, now: Timestamp) {
        self.episodes.unindex(slot);
        let last_number = self.episodes.last_number;
        let mut effects = Vec::new();
        let Some(open) = self.episodes.get_mut(slot) else {
            return;
        };
        let behaviour = self
            .behaviours
            .of(&self.rules, &open.alert, open.about.ladder.as_ref());
        // Numbers are the desk's, not each alert's: short, and never used twice.
        let before = open.state.number;
        let hidden_by = open.state.parents.first().cloned();
        let fires = matches!(event, Event::Fire(_)) && !open.is_firing();
        let was = (fires && open.state.is_open()).then(|| open.clone());
        if fires {
            open.state.number = last_number;
        }
        let people = &self.people;
        let roster = |role: &str, at: Timestamp| people.on_call(role, at);
        open.state
            .step(event, now, &behaviour, &roster, &mut effects);
        if fires {
            if open.state.number == last_number {
                open.state.number = before;
            } else {
                self.episodes.last_number = last_number + 1;
                if let Some(was) = was.filter(|was| was.state.number != 0) {
                    self.dirty.closed.push(was);
                }
                if let Some(open) = self.episodes.get_mut(slot) {
                    open.lines = 0;
                }
            }
        }
        self.episodes.index(slot);
        if effects.is_empty() && !fires {
            return;
        }
        self.dirty.episodes.insert(slot);
        let Some(open) = self.episodes.get(slot) else {
            return;
        };
        if hidden_by.as_ref() != open.state.parents.first() {
            if let Some(before) = hidden_by
                && let Some(count) = self.hidden.get_mut(&before)
            {
                *count -= 1;
                if *count == 0 {
                    self.hidden.remove(&before);
                }
            }
            if let Some(root) = open.state.parents.first() {
                *self.hidden.entry(root.clone()).or_default() += 1;
            }
        }
        self.changes.news.push(News::Episode(open.state.number));
        for effect in effects {
            self.follow(slot, effect, now);
        }
        if let Some(false) = self.episodes.fires_now(slot) {
            self.recover(slot, now);
        }
        self.close_if_at_rest(slot);
        if !self.found_gaps.is_empty() {
            self.report_gaps(now);
        }
    }

    pub(super) fn follow(&mut self, slot: Slot, effect: Effect, now: Timestamp) {
        match effect {
            Effect::Page(page) => {
                let low = page.urgency == episode::Urgency::Low;
                let to: Vec<Addressee> = match page.users.is_empty() {
                    true => vec![Addressee::Fallback],
                    false => page.users.into_iter().map(Addressee::User).collect(),
                };
                for to in to {
                    let words = Words::Page { low };
                    self.write_to(slot, to, page.message, words, Some(page.urgency), now);
                }
            }
            Effect::Note(note) => {
                for user in note.users {
                    let words = Words::Note(note_text(&note.kind).into());
                    self.write_to(slot, Addressee::User(user), note.message, words, None, now);
                }
            }
            Effect::Gap { role } => self.gap(&role, now),
            // The outbox asks before anything leaves.
            Effect::Supersede { .. } => {}
            Effect::RecheckParents { nodes } => {
                for node in nodes.iter() {
                    self.recheck(node, now);
                }
            }
            Effect::RecheckSubject => {
                if let Some(open) = self.episodes.get(slot) {
                    let node: Arc<str> = whole(&open.subject).into();
                    self.recheck(&node, now);
                }
            }
            Effect::Audit(line) => {
                if let Some(open) = self.episodes.get_mut(slot) {
                    let number = open.state.number;
                    open.lines += 1;
                    self.timeline
                        .add(number, open.lines, Line::Step(Box::new(line)));
                }
            }
        }
    }

    pub(super) fn write_to(
        &mut self,
        slot: Slot,
        to: Addressee,
        number: u32,
        words: Words,
        urgency: Option<episode::Urgency>,
        now: Timestamp,
    ) {
        let Some(open) = self.episodes.get(slot) else {
            return;
        };
        let id = open.id();
        let court = Court {
            episodes: &self.episodes,
            rules: &self.rules,
        };
        if let Some(urgency) = urgency {
            let due = Due {
                episode: id.number,
                number,
                to: &to,
                urgency,
            };
            if self.outbox.goes_with(due, &court) {
                return;
            }
        }
        let no = self.outbox.next_number();
        let user = to.name();
        let mut message = Message::new(format!("{}/{user}", id.message(number)), user, now);
        message.service = open
            .about
            .labels
            .get("service")
            .cloned()
            .unwrap_or_default();
        message.urgency = urgency;
        message.about = Some((id, number));
        self.outbox
            .post(Letter::new(no, to, words, message), &court);
    }

    pub(super) fn close_if_at_rest(&mut self, slot: Slot) {
        if self
            .episodes
            .get(slot)
            .is_some_and(|open| open.state.is_at_rest())
        {
            self.dirty.episodes.remove(&slot);
            if let Some(open) = self.episodes.remove(slot)
                && open.state.number != 0
            {
                self.changes.news.push(News::Closed(open.state.number));
                self.dirty.closed.push(open);
            }
        }
    }
}

fn note_text(kind: &NoteKind) -> String {
    match kind {
        NoteKind::ExplainedBy { parent } => format!("explained by {parent}"),
        NoteKind::Snoozed { by, until } => format!("{by} snoozed it until {until}"),
        NoteKind::Completed { by } => format!("{by} acknowledged it"),
        NoteKind::Taken { by } => format!("{by} took it"),
        NoteKind::Reassigned { by } => format!("{by} gave it to you; it is held for now"),
        NoteKind::Recovered { unacked: false } => "it is over".into(),
        NoteKind::Recovered { unacked: true } => "it is over, and nobody acknowledged it".into(),
        NoteKind::Removed { why } => format!("it is no longer configured: {why}"),
    }
}
