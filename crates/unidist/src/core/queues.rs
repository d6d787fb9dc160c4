//! One queue: its messages in order, and how far each group of consumers is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::command::{Body, Flying, Given, Name, Push, Row, Settle, Stats};
use crate::ack::{MsgId, Token};
use crate::error::Refusal;
use crate::spec::{Overflow, QueueSpec, Retain};
use crate::wire::{Decoded, Wire, wire};

/// Groups of one queue; a name more is refused.
const GROUPS_MAX: usize = 1000;

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Queue {
    spec: QueueSpec,
    last_id: u64,
    last_token: u64,
    messages: BTreeMap<u64, Message>,
    bytes: u64,
    groups: BTreeMap<Name, Group>,
    known: BTreeMap<Name, MsgId>,
    known_until: VecDeque<(i64, Name)>,
    dead: u64,
    pushed: u64,
    gone: u64,
}

#[derive(Debug, PartialEq)]
struct Message {
    at: i64,
    not_before: Option<i64>,
    body: Body,
}

/// Every message is fresh (its id is not below `fresh`), in flight, due again, or done.
#[derive(Debug, Default, PartialEq)]
struct Group {
    fresh: u64,
    flying: BTreeMap<u64, Flight>,
    flying_until: BTreeSet<(i64, u64)>,
    again: BTreeMap<u64, Again>,
    again_at: BTreeSet<(i64, u64)>,
}

#[derive(Debug, PartialEq)]
struct Flight {
    token: Token,
    attempt: u32,
    until: i64,
}

#[derive(Debug, PartialEq)]
struct Again {
    at: i64,
    attempts: u32,
}

wire!(struct Message { at, not_before, body });
wire!(struct Flight { token, attempt, until });
wire!(struct Again { at, attempts });
wire!(struct Queue {
    spec, last_id, last_token, messages, bytes, groups, known, known_until, dead, pushed, gone,
});

impl Wire for Group {
    fn put(&self, out: &mut Vec<u8>) {
        self.fresh.put(out);
        self.flying.put(out);
        self.again.put(out);
    }

    fn get(input: &mut &[u8]) -> Decoded<Self> {
        let mut group = Self {
            fresh: Wire::get(input)?,
            flying: Wire::get(input)?,
            again: Wire::get(input)?,
            ..Self::default()
        };
        group.flying_until = group.flying.iter().map(|(id, f)| (f.until, *id)).collect();
        group.again_at = group.again.iter().map(|(id, a)| (a.at, *id)).collect();
        Ok(group)
    }
}

impl Group {
    fn fly(&mut self, id: u64, flight: Flight) {
        self.flying_until.insert((flight.until, id));
        self.flying.insert(id, flight);
    }

    fn land(&mut self, id: u64) -> Option<Flight> {
        let flight = self.flying.remove(&id)?;
        self.flying_until.remove(&(flight.until, id));
        Some(flight)
    }

    fn retry(&mut self, id: u64, at: i64, attempts: u32) {
        self.again_at.insert((at, id));
        self.again.insert(id, Again { at, attempts });
    }

    fn forget(&mut self, id: u64) {
        self.land(id);
        if let Some(again) = self.again.remove(&id) {
            self.again_at.remove(&(again.at, id));
        }
    }

    fn is_done_with(&self, id: u64) -> bool {
        id < self.fresh && !self.flying.contains_key(&id) && !self.again.contains_key(&id)
    }
}

/// A message that was given up, for the queue of dead letters.
pub(crate) struct DeadLetter {
    pub queue: Name,
    pub body: Body,
}

impl Queue {
    /// Tells whether the rules changed.
    pub(crate) fn declare(&mut self, spec: &QueueSpec) -> bool {
        if self.spec == *spec {
            return false;
        }
        self.spec = spec.clone();
        true
    }

    pub(crate) fn push(
        &mut self,
        now: i64,
        name: &str,
        items: &[Push],
    ) -> Result<Vec<MsgId>, Refusal> {
        if self.spec.overflow == Overflow::Reject {
            self.check_room(now, name, items)?;
        }
        let ids = items.iter().map(|item| self.push_one(now, item)).collect();
        self.trim(now);
        Ok(ids)
    }

    fn check_room(&self, now: i64, name: &str, items: &[Push]) -> Result<(), Refusal> {
        let live = || self.messages.values().filter(|m| !self.is_old(now, m));
        let full = |limit| {
            Err(Refusal::Full {
                what: format!("queue {name}"),
                limit,
            })
        };
        if let Some(limit) = self.spec.max_len
            && limit < live().count() as u64 + items.len() as u64
        {
            return full(limit);
        }
        let more: u64 = items.iter().map(|item| item.body.len() as u64).sum();
        let held = || live().map(|m| m.body.len() as u64).sum::<u64>();
        match self.spec.max_bytes {
            Some(limit) if limit < more + held() => full(limit),
            _ => Ok(()),
        }
    }

    fn push_one(&mut self, now: i64, item: &Push) -> MsgId {
        self.forget_known(now);
        if let Some(known) = item.dedup.as_ref().and_then(|id| self.known.get(id)) {
            return *known;
        }
        self.last_id += 1;
        let id = MsgId(self.last_id);
        if let Some(dedup) = &item.dedup {
            let until = now.saturating_add_unsigned(nanos(self.spec.dedup_window));
            self.known.insert(dedup.clone(), id);
            self.known_until.push_back((until, dedup.clone()));
        }
        self.bytes += item.body.len() as u64;
        self.pushed += 1;
        let message = Message {
            at: now,
            not_before: item.not_before,
            body: item.body.clone(),
        };
        self.messages.insert(id.0, message);
        id
    }

    fn forget_known(&mut self, now: i64) {
        while let Some((until, _)) = self.known_until.front()
            && *until <= now
        {
            if let Some((_, dedup)) = self.known_until.pop_front() {
                self.known.remove(&dedup);
            }
        }
    }

    /// Lets the oldest messages go until the limits hold.
    fn trim(&mut self, now: i64) {
        while let Some((id, message)) = self.messages.first_key_value() {
            let too_many = self
                .spec
                .max_len
                .is_some_and(|n| n < self.messages.len() as u64);
            let too_big = self.spec.max_bytes.is_some_and(|n| n < self.bytes);
            if !too_many && !too_big && !self.is_old(now, message) {
                return;
            }
            let id = *id;
            self.remove(id);
        }
    }

    fn is_old(&self, now: i64, message: &Message) -> bool {
        let max_age = self.spec.max_age;
        max_age.is_some_and(|age| message.at.saturating_add_unsigned(nanos(age)) <= now)
    }

    fn is_visible(&self, now: i64, message: &Message) -> bool {
        !self.is_old(now, message) && message.not_before.is_none_or(|at| at <= now)
    }

    fn remove(&mut self, id: u64) -> Option<Message> {
        let message = self.messages.remove(&id)?;
        self.bytes -= message.body.len() as u64;
        self.gone += 1;
        for group in self.groups.values_mut() {
            group.forget(id);
        }
        Some(message)
    }

    /// The message taken out, and whether anything changed at all.
    pub(crate) fn pop(&mut self, now: i64, newest: bool) -> (Option<Row>, bool) {
        let gone = self.gone;
        self.trim(now);
        let row = self.pop_ready(now, newest);
        (row, gone != self.gone)
    }

    fn pop_ready(&mut self, now: i64, newest: bool) -> Option<Row> {
        let ready = |(id, message): &(&u64, &Message)| {
            let flies = self.groups.values().any(|g| g.flying.contains_key(*id));
            self.is_visible(now, message) && !flies
        };
        let found = if newest {
            self.messages.iter().rev().find(ready)
        } else {
            self.messages.iter().find(ready)
        };
        let id = *found?.0;
        let message = self.remove(id)?;
        Some(Row {
            id: MsgId(id),
            at: message.at,
            body: message.body,
        })
    }

    pub(crate) fn read(&self, now: i64, from: MsgId, n: u64, newest: bool) -> Vec<Row> {
        let n = usize::try_from(n).unwrap_or(usize::MAX);
        let visible = self
            .messages
            .range(from.0..)
            .filter(|(_, message)| self.is_visible(now, message))
            .map(|(id, message)| Row {
                id: MsgId(*id),
                at: message.at,
                body: message.body.clone(),
            });
        if newest {
            let mut rows: Vec<_> = visible.rev().take(n).collect();
            rows.reverse();
            return rows;
        }
        visible.take(n).collect()
    }

    /// Gives up to `n` messages to a consumer of `group`. Also tells when there
    /// may be more, what died meanwhile, and whether anything changed at all.
    pub(crate) fn take(&mut self, now: i64, group: &Name, n: u64) -> Result<Round, Refusal> {
        let is_new = !self.groups.contains_key(group);
        if is_new && GROUPS_MAX <= self.groups.len() {
            return Err(Refusal::Full {
                what: "groups of a queue".into(),
                limit: GROUPS_MAX as u64,
            });
        }
        if is_new {
            self.groups.insert(group.clone(), Group::default());
        }
        let gone = self.gone;
        self.trim(now);
        let mut round = Round {
            changed: is_new || gone != self.gone,
            ..Round::default()
        };
        self.reclaim(now, group, &mut round);
        while (round.given.len() as u64) < n {
            let Some((id, attempt)) = self.next_for(now, group, &mut round) else {
                break;
            };
            self.last_token += 1;
            let flight = Flight {
                token: Token(self.last_token),
                attempt,
                until: now.saturating_add_unsigned(nanos(self.spec.visibility)),
            };
            let message = &self.messages[&id];
            round.changed = true;
            round.given.push(Given {
                row: Row {
                    id: MsgId(id),
                    at: message.at,
                    body: message.body.clone(),
                },
                token: flight.token,
                attempt,
                until: flight.until,
            });
            if let Some(group) = self.groups.get_mut(group) {
                group.fly(id, flight);
            }
        }
        let group = &self.groups[group];
        let due = [group.flying_until.first(), group.again_at.first()];
        round.retry_at = due.into_iter().flatten().map(|(at, _)| *at).min();
        Ok(round)
    }

    /// Takes back the deliveries whose time is over.
    fn reclaim(&mut self, now: i64, name: &Name, round: &mut Round) {
        let max = self.spec.max_deliveries;
        let mut exhausted = Vec::new();
        let Some(group) = self.groups.get_mut(name) else {
            return;
        };
        while let Some((until, id)) = group.flying_until.first().copied()
            && until <= now
        {
            round.changed = true;
            let attempts = group.land(id).map_or(1, |flight| flight.attempt);
            if max != 0 && max <= attempts {
                exhausted.push(id);
            } else {
                group.retry(id, until, attempts);
            }
        }
        for id in exhausted {
            round.dead.extend(self.bury(name, id));
        }
    }

    fn next_for(&mut self, now: i64, name: &Name, round: &mut Round) -> Option<(u64, u32)> {
        let group = self.groups.get_mut(name)?;
        if let Some((at, id)) = group.again_at.first().copied()
            && at <= now
        {
            let attempts = group.again.remove(&id).map_or(0, |again| again.attempts);
            group.again_at.remove(&(at, id));
            return Some((id, attempts + 1));
        }
        loop {
            let (id, message) = self.messages.range(group.fresh..).next()?;
            group.fresh = id + 1;
            round.changed = true;
            match message.not_before {
                Some(at) if now < at => group.retry(*id, at, 0),
                _ => return Some((*id, 1)),
            }
        }
    }

    /// The group is done with a message; tells whether it left the queue.
    fn finish(&mut self, id: u64) {
        let done = self.groups.values().all(|group| group.is_done_with(id));
        if self.spec.retain == Retain::UntilAcked && done {
            self.remove(id);
        }
    }

    fn bury(&mut self, _group: &Name, id: u64) -> Option<DeadLetter> {
        self.dead += 1;
        let body = self.messages.get(&id).map(|message| message.body.clone());
        self.finish(id);
        Some(DeadLetter {
            queue: self.spec.dead_letter.as_deref()?.into(),
            body: body?,
        })
    }

    /// Ends or prolongs a delivery, if it is still this consumer's.
    pub(crate) fn settle(
        &mut self,
        now: i64,
        group: &Name,
        id: MsgId,
        token: Token,
        how: &Settle,
    ) -> Result<Option<DeadLetter>, Refusal> {
        let max = self.spec.max_deliveries;
        let state = self.groups.get_mut(group).ok_or(Refusal::Expired)?;
        let flight = state.flying.get(&id.0).ok_or(Refusal::Expired)?;
        if flight.token != token || flight.until <= now {
            return Err(Refusal::Expired);
        }
        let attempt = flight.attempt;
        state.land(id.0);
        match how {
            Settle::Ack => self.finish(id.0),
            Settle::Nack { .. } if max != 0 && max <= attempt => return Ok(self.bury(group, id.0)),
            Settle::Nack { delay } => {
                state.retry(id.0, now.saturating_add_unsigned(*delay), attempt);
            }
            Settle::Extend { by } => {
                let until = now.saturating_add_unsigned(*by);
                state.fly(
                    id.0,
                    Flight {
                        token,
                        attempt,
                        until,
                    },
                );
            }
            Settle::Dead { .. } => return Ok(self.bury(group, id.0)),
        }
        Ok(None)
    }

    pub(crate) fn pending(&self, now: i64, group: &str) -> Vec<Flying> {
        let flying = self.groups.get(group).into_iter().flat_map(|g| &g.flying);
        flying
            .filter(|(_, flight)| now < flight.until)
            .map(|(id, flight)| Flying {
                id: MsgId(*id),
                token: flight.token,
                attempt: flight.attempt,
                until: flight.until,
            })
            .collect()
    }

    pub(crate) fn stats(&self, now: i64) -> Stats {
        let live = self.messages.values().filter(|m| !self.is_old(now, m));
        let flying = self.groups.values().flat_map(|g| g.flying.values());
        Stats {
            len: live.clone().count() as u64,
            bytes: live.clone().map(|m| m.body.len() as u64).sum(),
            oldest: live.clone().next().map(|m| m.at),
            in_flight: flying.filter(|f| now < f.until).count() as u64,
            dead: self.dead,
            pushed: self.pushed,
            gone: self.gone,
        }
    }
}

/// What one call of a consumer brought.
#[derive(Default)]
pub(crate) struct Round {
    pub given: Vec<Given>,
    pub dead: Vec<DeadLetter>,
    pub retry_at: Option<i64>,
    pub changed: bool,
}

fn nanos(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
