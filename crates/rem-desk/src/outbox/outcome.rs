//! Attempts that were made, and what follows for the line they came from.

use rem_alert::message::{Context, Effect, Event, State};
use rem_time::Timestamp;

use super::{Attempt, Broken, Fates, Judge, Line, LineKey, Outbox, Outcome, Tried, Trying};

impl Outbox {
    /// What came of the attempt `epoch` of a letter.
    pub(crate) fn outcome(
        &mut self,
        Tried { no, epoch, took }: Tried,
        outcome: &Outcome,
        now: Timestamp,
        judge: &impl Judge,
        trying: Trying,
    ) -> Fates {
        let mut fates = Fates::default();
        let Some(letter) = self.letters.get_mut(&no) else {
            return fates;
        };
        let ours = matches!(&letter.message.state, State::Leased(lease) if lease.epoch == epoch);
        if !ours {
            return fates;
        }
        let key = (letter.to.clone(), letter.message.contact);
        let reaches = judge.reaches(&key.0);
        let name = reaches
            .get(key.1 as usize)
            .map_or_else(String::new, |reach| reach.contact.to_string());
        letter.note(Attempt {
            at: now - took,
            contact: name.as_str().into(),
            took: Some(took),
            taken: Some(matches!(outcome, Outcome::Taken { .. })),
            answer: outcome.answer().into(),
        });
        self.touched.insert(no);
        let mut works: Vec<bool> = reaches
            .iter()
            .map(|reach| {
                !self
                    .broken
                    .contains_key(&(key.0.clone(), reach.contact.to_string()))
            })
            .collect();
        if let (Outcome::Never { .. }, Some(this)) = (outcome, works.get_mut(key.1 as usize)) {
            *this = false;
        }
        if letter.only {
            works.fill(false);
        }
        let context = Context {
            contacts: &works,
            seed: no,
        };
        let mut line = self.lines.remove(&key).unwrap_or_default();
        line.in_flight.remove(&no);
        match outcome {
            Outcome::Taken { answer } => {
                let accepted = Event::Accepted {
                    provider: answer.as_str().into(),
                };
                letter
                    .message
                    .step(&accepted, now, context, &mut Vec::new());
                self.end(no, &mut fates, |_| {});
                line.works();
                if self.broken.remove(&(key.0.clone(), name.clone())).is_some() {
                    fates.healed.push((key.0.clone(), name));
                }
            }
            Outcome::Later { after, .. } => {
                letter
                    .message
                    .step(&Event::Temporary { epoch }, now, context, &mut Vec::new());
                line.failed(now, *after);
                let other = (0..works.len() as u32)
                    .map(|step| (key.1 + 1 + step) % works.len().max(1) as u32)
                    .find(|at| *at != key.1 && works[*at as usize]);
                if let Some(other) =
                    other.filter(|_| trying.next_contact_after <= letter.message.failures)
                {
                    letter.message.contact = other;
                    letter.message.failures = 0;
                    letter.message.state = State::Queued { not_before: now };
                }
                self.requeue(no, &mut line, &key);
            }
            Outcome::Never { why } => {
                let permanent = Event::Permanent {
                    epoch,
                    error: why.as_str().into(),
                };
                let mut effects = Vec::new();
                letter.message.step(&permanent, now, context, &mut effects);
                if effects.contains(&Effect::Unreachable) {
                    self.end(no, &mut fates, |_| {});
                } else {
                    self.requeue(no, &mut line, &key);
                }
                line.failed(now, None);
                let broken = Broken {
                    to: key.0.clone(),
                    contact: name.clone(),
                    since: now,
                    why: why.clone(),
                };
                if self
                    .broken
                    .insert((key.0.clone(), name), broken.clone())
                    .is_none()
                {
                    fates.broke.push(broken);
                }
            }
        }
        if line.works_again() {
            // What failed meanwhile need not wait for its own turn.
            self.hurry(&mut line, now);
        }
        if let Some((due, _)) = line.waiting.first().copied() {
            let at = line
                .paused(now)
                .map_or(due, |until| until.max(due.min(until)));
            Self::arm(&mut self.ready, &mut line, key.clone(), at);
        }
        if !line.is_idle(now) {
            self.lines.insert(key, line);
        }
        self.fold(no, judge);
        fates
    }

    /// A letter that waits again, in this line or in that of another contact.
    fn requeue(&mut self, no: u64, line: &mut Line, key: &LineKey) {
        let Some(letter) = self.letters.get(&no) else {
            return;
        };
        let Some(due) = letter.due() else {
            return;
        };
        if letter.message.contact == key.1 {
            line.waiting.insert((due, no));
            return;
        }
        let other = (key.0.clone(), letter.message.contact);
        let line = self.lines.entry(other.clone()).or_default();
        line.waiting.insert((due, no));
        Self::arm(&mut self.ready, line, other, due);
    }

    /// Everything that waits for another attempt may leave now.
    fn hurry(&mut self, line: &mut Line, now: Timestamp) {
        let later: Vec<(Timestamp, u64)> = line.waiting.range((now, u64::MAX)..).copied().collect();
        for (due, no) in later {
            if let Some(letter) = self.letters.get_mut(&no) {
                line.waiting.remove(&(due, no));
                line.waiting.insert((now, no));
                letter.message.state = State::Queued { not_before: now };
                self.touched.insert(no);
            }
        }
    }

    /// The clock was set back: nobody waits for it to come round again.
    pub(crate) fn clock_set_back(&mut self, now: Timestamp) {
        let keys: Vec<LineKey> = self.lines.keys().cloned().collect();
        for key in keys {
            if let Some(mut line) = self.lines.remove(&key) {
                self.hurry(&mut line, now);
                if !line.waiting.is_empty() {
                    Self::arm(&mut self.ready, &mut line, key.clone(), now);
                }
                self.lines.insert(key, line);
            }
        }
    }

    /// The rules changed: every line is looked at anew.
    pub(crate) fn rules_changed(&mut self, now: Timestamp) {
        for (key, line) in &mut self.lines {
            if !line.waiting.is_empty() {
                Self::arm(&mut self.ready, line, key.clone(), now);
            }
        }
    }
}
