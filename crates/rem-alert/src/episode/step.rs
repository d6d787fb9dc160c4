use std::sync::Arc;

use rem_time::Timestamp;

use super::audit::AuditLine;
use super::effect::{Effect, Recipient};
use super::event::Event;
use super::ladder::Timer;
use super::rules::{Roster, Rules};
use super::state::{Ack, Condition, Episode, Hold, Recheck};

mod answer;
mod condition;
mod page;

/// One step under way.
struct Turn<'a> {
    now: Timestamp,
    rules: &'a Rules,
    roster: &'a dyn Roster,
    effects: &'a mut Vec<Effect>,
    /// Whether the state is another one, so that the timeline needs a line.
    changed: bool,
    asked: Vec<(Arc<str>, Vec<Arc<str>>)>,
    paged: Option<(u32, Recipient)>,
}

impl Episode {
    /// What `event` changes at `now`; what must be done is added to `effects`.
    ///
    /// Time that has passed counts before the event does. An [`Effect::Audit`]
    /// is there whenever the state changed, and for every comment. After a step
    /// [`Episode::next_wakeup`] lies in the future.
    pub fn step(
        &mut self,
        event: &Event,
        now: Timestamp,
        rules: &Rules,
        roster: &dyn Roster,
        effects: &mut Vec<Effect>,
    ) {
        let was = self.display();
        let mut turn = Turn {
            now,
            rules,
            roster,
            effects,
            changed: false,
            asked: Vec::new(),
            paged: None,
        };
        self.rebase(&mut turn);
        self.expire(&mut turn);
        self.apply(event, &mut turn);
        self.expire(&mut turn);
        self.arm(event, &mut turn);
        self.page_if_due(&mut turn);
        if turn.changed || matches!(event, Event::Comment { .. }) {
            let line = AuditLine {
                at: now,
                number: self.number,
                event: event.clone(),
                asked: turn.asked,
                was,
                is: self.display(),
                paged: turn.paged,
            };
            turn.effects.push(Effect::Audit(line));
        }
    }

    /// A clock that was set back must not make anybody wait longer.
    fn rebase(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        let clearing = match &mut self.condition {
            Condition::Clearing(timer) => timer.rebase(now),
            Condition::Clear | Condition::Firing { .. } | Condition::Recovered { .. } => false,
        };
        let snoozed = match &mut self.ack {
            Ack::Snoozed { timer, .. } => timer.rebase(now),
            Ack::None | Ack::Complete { .. } => false,
        };
        let settle = self
            .settle
            .as_mut()
            .is_some_and(|settle| settle.least.rebase(now) | settle.most.rebase(now));
        let recheck = self.recheck.as_mut().is_some_and(|recheck| {
            let moved = recheck.most.rebase(now);
            if moved {
                recheck.fresh_from = recheck.fresh_from.min(now);
            }
            moved
        });
        let due = self.ladder.due.as_mut().is_some_and(|due| due.rebase(now));
        let rest = self
            .ladder
            .rest
            .as_mut()
            .is_some_and(|rest| rest.rebase(now));
        let began = match &mut self.ladder.round_began {
            Some(began) if *began > now => {
                *began = now;
                true
            }
            Some(_) | None => false,
        };
        turn.changed |= clearing | snoozed | settle | recheck | due | rest | began;
    }

    /// Whatever ended by itself.
    fn expire(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        for hold in [&mut self.forced, &mut self.maintenance] {
            if hold.as_ref().is_some_and(|hold| hold.until <= now) {
                *hold = None;
                turn.changed = true;
            }
        }
        if matches!(&self.ack, Ack::Snoozed { timer, .. } if timer.is_over(now)) {
            self.ack = Ack::None;
            turn.changed = true;
        }
        if self
            .settle
            .as_ref()
            .is_some_and(|settle| settle.is_over(now))
        {
            self.settle = None;
            turn.changed = true;
        }
        if self
            .recheck
            .is_some_and(|recheck| recheck.most.is_over(now))
        {
            self.recheck = None;
            turn.changed = true;
        }
        if matches!(self.condition, Condition::Clearing(timer) if timer.is_over(now)) {
            self.close(turn);
        }
    }

    fn apply(&mut self, event: &Event, turn: &mut Turn<'_>) {
        match event {
            Event::Fire(parents) => self.fire(parents, turn),
            Event::Clear => self.clear(turn),
            Event::Evaluated { parent, at } => self.evaluated(parent, *at, turn),
            Event::ParentFire { parent } => self.parent_fires(parent, turn),
            Event::ParentClear {
                parent,
                at,
                sampled,
                every,
            } => {
                let recheck = Recheck {
                    fresh_from: *at,
                    most: Timer::new(turn.now, *every),
                };
                self.parent_clears(parent, *sampled, recheck, turn);
            }
            Event::Sampled { at } => {
                if self
                    .recheck
                    .is_some_and(|recheck| recheck.fresh_from <= *at)
                {
                    self.recheck = None;
                    turn.changed = true;
                }
            }
            Event::Snooze { until, by } => self.snooze(*until, by, turn),
            Event::Complete { by } => self.complete(by, turn),
            Event::Force(hold) => turn.changed |= put(&mut self.forced, Some(hold)),
            Event::EndForce { .. } => turn.changed |= put(&mut self.forced, None),
            Event::Maintenance(hold) => turn.changed |= put(&mut self.maintenance, Some(hold)),
            Event::EndMaintenance => turn.changed |= put(&mut self.maintenance, None),
            Event::Reassign { to, by } => self.reassign(to, by, turn),
            Event::Escalate { .. } => self.escalate(turn),
            Event::Take { by } => self.take(by, turn),
            Event::Unreachable { message } => self.unreachable(*message, turn),
            Event::Comment { .. } | Event::Wake => {}
            Event::Removed { why } => self.remove(why, turn),
        }
    }
}

impl Turn<'_> {
    /// Who is on call; asked once a turn, remembered for the timeline.
    fn ask(&mut self, role: &Arc<str>) -> Vec<Arc<str>> {
        if let Some((_, users)) = self.asked.iter().find(|(asked, _)| asked == role) {
            return users.clone();
        }
        let users = self.roster.on_call(role, self.now);
        if users.is_empty() {
            self.effects.push(Effect::Gap {
                role: Arc::clone(role),
            });
        }
        self.asked.push((Arc::clone(role), users.clone()));
        users
    }
}

fn put(slot: &mut Option<Box<Hold>>, hold: Option<&Hold>) -> bool {
    if slot.as_deref() == hold {
        return false;
    }
    *slot = hold.cloned().map(Box::new);
    true
}

fn insert(sorted: &mut Vec<Arc<str>>, text: &Arc<str>) -> bool {
    match sorted.binary_search(text) {
        Ok(_) => false,
        Err(place) => {
            sorted.insert(place, Arc::clone(text));
            true
        }
    }
}
