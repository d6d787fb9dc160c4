//! The whole of a bucket as one synchronous state machine: a command and a
//! point in time go in, an answer comes out. The same commands at the same times
//! make the same state, which is what the log on disk relies on.

use std::collections::BTreeMap;

pub(crate) use command::{
    Body, Change, Command, Condition, Given, Happened, Kept, LockRow, Name, Push, Reply, Row,
    Settle, Stats, Take,
};
pub(crate) use dedup::{Op, Recall};
pub(crate) use hashing::NameHashing;
pub(crate) use locks::Taken;
pub(crate) use table::Slot;

use crate::ack::{Revision, Token};
use crate::error::Refusal;
use crate::spec::Mode;
use crate::wire::wire;

mod command;
mod dedup;
mod hashing;
mod locks;
mod queues;
mod states;
mod table;
#[cfg(test)]
mod tests;

#[derive(Debug, PartialEq)]
pub(crate) struct Core {
    pub(crate) mode: Mode,
    pub(crate) rev: Revision,
    /// The time of the last command; time never steps back in here.
    pub(crate) now: i64,
    pub(crate) locks: locks::Locks,
    counters: BTreeMap<Name, i64>,
    queues: BTreeMap<Name, queues::Queue>,
    states: states::States,
    dedup: dedup::Dedup,
}

wire!(struct Core { mode, rev, now, locks, counters, queues, states, dedup });

/// The answer to a command, and whether it left a trace that has to be kept.
pub(crate) struct Applied {
    pub result: Result<Reply, Refusal>,
    pub changed: bool,
}

impl Core {
    pub(crate) fn new(mode: Mode) -> Self {
        Self {
            mode,
            rev: Revision(0),
            now: i64::MIN,
            locks: locks::Locks::default(),
            counters: BTreeMap::new(),
            queues: BTreeMap::new(),
            states: states::States::default(),
            dedup: dedup::Dedup::default(),
        }
    }

    /// When [`Command::Tick`] has something to do.
    pub(crate) fn next_tick(&self) -> Option<i64> {
        self.states.next_end()
    }

    /// What is known about an operation that may have come before.
    pub(crate) fn recall(&self, op: Op, command: &Command) -> Recall {
        self.dedup.recall(op, command, &self.locks, self.now)
    }

    /// Applies a command and remembers the answer for those who repeat it.
    pub(crate) fn apply(&mut self, now: i64, op: Option<Op>, command: &Command) -> Applied {
        let applied = self.decide(now.max(self.now), command);
        if applied.changed {
            self.advance(now);
            if let Some(op) = op {
                self.dedup
                    .remember(self.now, op, command, self.rev, &applied.result);
            }
        }
        applied
    }

    /// As [`Command::LockTake`], where no log has to know and neither the clock
    /// or anybody has to be asked. `None`: it takes the command.
    pub(crate) fn take_lock(
        &mut self,
        seen: Slot,
        clock: impl FnOnce() -> i64,
        take: &Take,
    ) -> Option<(Taken, Slot)> {
        let since = || clock().max(self.now);
        let (taken, slot) = self.locks.take_at_once(seen, since, take)?;
        if matches!(taken, Taken::Granted(_)) {
            self.rev.0 += 1;
        }
        Some((taken, slot))
    }

    /// As [`Command::LockRelease`], under the same conditions.
    pub(crate) fn release_lock(&mut self, seen: Slot, token: Token) -> Option<Revision> {
        if !self.locks.release_at_once(seen, token) {
            return None;
        }
        self.rev.0 += 1;
        Some(self.rev)
    }

    fn advance(&mut self, now: i64) {
        self.now = now.max(self.now);
        self.rev.0 += 1;
    }

    fn decide(&mut self, now: i64, command: &Command) -> Applied {
        let next = Revision(self.rev.0 + 1);
        match command {
            Command::Opened { release_locks } => {
                self.locks.opened(*release_locks);
                changed(Reply::Done)
            }
            Command::Tick => {
                let any = self.states.tick(now, next);
                done(Reply::Done, any)
            }
            Command::LockTake { take } => match self.locks.take(now, take) {
                Ok(Taken::Granted(token)) => changed(Reply::Token { token }),
                Ok(Taken::HeldUntil(until)) => same(Reply::Held {
                    until: (until != i64::MAX).then_some(until),
                }),
                Err(refusal) => refused(refusal),
            },
            Command::LockRenew { name, token, lease } => {
                written(self.locks.renew(now, name, *token, *lease))
            }
            Command::LockRelease { name, token } => written(self.locks.release(now, name, *token)),
            Command::LockInfo { name } => same(Reply::Lock {
                lock: self.locks.info(now, name),
            }),
            Command::LockList { prefix } => same(Reply::Locks {
                locks: self.locks.list(now, prefix),
            }),
            Command::FenceCheck { resource, token } => match self.locks.fence(resource, *token) {
                Ok(any) => done(Reply::Done, any),
                Err(refusal) => refused(refusal),
            },
            Command::CounterAdd { .. }
            | Command::CounterSwap { .. }
            | Command::CounterGet { .. }
            | Command::CounterList { .. } => self.decide_counter(command),
            Command::QueueDeclare { .. }
            | Command::QueuePush { .. }
            | Command::QueuePop { .. }
            | Command::QueueTake { .. }
            | Command::QueueSettle { .. }
            | Command::QueueRead { .. }
            | Command::QueueStats { .. }
            | Command::QueuePending { .. } => self.decide_queue(now, next, command),
            Command::StateTxn {
                conditions,
                changes,
            } => {
                if let Err(refusal) = self.states.check(now, &self.locks, conditions) {
                    return refused(refusal);
                }
                let hit = self.states.change(now, next, changes);
                done(Reply::Changed { removed: hit }, hit != 0)
            }
            Command::StateGet { key } => same(Reply::Value {
                value: self.states.get(now, key),
            }),
            Command::StateKeys { prefix } => same(Reply::Keys {
                keys: self.states.keys(now, prefix),
            }),
            Command::StateEvents { prefix, after, n } => {
                match self.states.events(prefix, *after, *n, self.rev) {
                    Ok((events, upto)) => same(Reply::Events { events, upto }),
                    Err(refusal) => refused(refusal),
                }
            }
        }
    }

    fn decide_counter(&mut self, command: &Command) -> Applied {
        match command {
            Command::CounterAdd { name, n } => {
                let value = self.counter(name);
                let before = *value;
                *value = before.saturating_add(*n);
                changed(Reply::Number { value: before })
            }
            Command::CounterSwap { name, value } => {
                let before = std::mem::replace(self.counter(name), *value);
                changed(Reply::Number { value: before })
            }
            Command::CounterGet { name } => same(Reply::Number {
                value: self.counters.get(name).copied().unwrap_or(0),
            }),
            Command::CounterList { prefix } => {
                let from = self.counters.range(prefix.clone()..);
                let values = from.take_while(|(name, _)| name.starts_with(&**prefix));
                same(Reply::Numbers {
                    values: values.map(|(name, value)| (name.clone(), *value)).collect(),
                })
            }
            _ => refused(misrouted()),
        }
    }

    fn counter(&mut self, name: &Name) -> &mut i64 {
        self.counters.entry(name.clone()).or_insert(0)
    }

    fn decide_queue(&mut self, now: i64, next: Revision, command: &Command) -> Applied {
        match command {
            Command::QueueDeclare { name, spec } => {
                let is_default = *spec == crate::spec::QueueSpec::default();
                let any = match self.queues.get_mut(name) {
                    Some(queue) => queue.declare(spec),
                    None if is_default => false,
                    None => self.queue(name).declare(spec),
                };
                done(Reply::Done, any)
            }
            Command::QueuePush { name, items } => match self.queue(name).push(now, name, items) {
                Ok(ids) => changed(Reply::Ids { ids }),
                Err(refusal) => refused(refusal),
            },
            Command::QueuePop { name, newest } => {
                let popped = self.queues.get_mut(name).map(|q| q.pop(now, *newest));
                let (message, any) = popped.unwrap_or((None, false));
                done(Reply::Message { message }, any)
            }
            Command::QueueTake { name, group, n } => match self.queue(name).take(now, group, *n) {
                Ok(round) => {
                    self.bury(now, round.dead);
                    let taken = Reply::Taken {
                        taken: round.given,
                        retry_at: round.retry_at,
                    };
                    done(taken, round.changed)
                }
                Err(refusal) => refused(refusal),
            },
            Command::QueueSettle {
                name,
                group,
                id,
                token,
                how,
                then,
            } => match self
                .queues
                .get_mut(name)
                .map_or(Err(Refusal::Expired), |queue| {
                    queue.settle(now, group, *id, *token, how)
                }) {
                Ok(dead) => {
                    self.bury(now, dead);
                    self.states.change(now, next, then);
                    changed(Reply::Done)
                }
                Err(refusal) => refused(refusal),
            },
            Command::QueueRead {
                name,
                from,
                n,
                newest,
            } => {
                let queue = self.queues.get(name);
                same(Reply::Messages {
                    messages: queue.map_or(Vec::new(), |q| q.read(now, *from, *n, *newest)),
                })
            }
            Command::QueueStats { name } => {
                let queue = self.queues.get(name);
                same(Reply::Stats {
                    stats: queue.map_or(Stats::default(), |q| q.stats(now)),
                })
            }
            Command::QueuePending { name, group } => {
                let queue = self.queues.get(name);
                same(Reply::Pending {
                    pending: queue.map_or(Vec::new(), |q| q.pending(now, group)),
                })
            }
            _ => refused(misrouted()),
        }
    }

    fn queue(&mut self, name: &Name) -> &mut queues::Queue {
        self.queues.entry(name.clone()).or_default()
    }

    fn bury(&mut self, now: i64, dead: impl IntoIterator<Item = queues::DeadLetter>) {
        for letter in dead {
            let item = Push {
                body: letter.body,
                dedup: None,
                not_before: None,
            };
            // A full queue of dead letters must not stop the living: the letter is dropped.
            let _ = self.queue(&letter.queue).push(now, &letter.queue, &[item]);
        }
    }
}

fn changed(reply: Reply) -> Applied {
    done(reply, true)
}

fn same(reply: Reply) -> Applied {
    done(reply, false)
}

fn done(reply: Reply, changed: bool) -> Applied {
    Applied {
        result: Ok(reply),
        changed,
    }
}

fn refused(refusal: Refusal) -> Applied {
    Applied {
        result: Err(refusal),
        changed: false,
    }
}

fn written(result: Result<(), Refusal>) -> Applied {
    match result {
        Ok(()) => changed(Reply::Done),
        Err(refusal) => refused(refusal),
    }
}

fn misrouted() -> Refusal {
    Refusal::Invalid {
        why: "a command reached the wrong part of the core".into(),
    }
}
