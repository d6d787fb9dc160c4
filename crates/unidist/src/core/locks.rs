//! Locks of one bucket: who holds what until when. Waiting is done outside.

use std::collections::BTreeMap;

use super::command::{LockRow, Name, Take};
use super::table::{Slot, Table};
use crate::ack::Token;
use crate::error::Refusal;
use crate::wire::wire;

/// How far tokens jump when the files change hands: more than the grants a
/// crash can have made us forget.
const TOKENS_SKIPPED_ON_OPEN: u64 = 1 << 20;

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Locks {
    last_token: u64,
    held: Table,
    fences: BTreeMap<Name, Token>,
}

/// A lock somebody holds, or (token zero) held.
#[derive(Debug, PartialEq)]
pub(super) struct Held {
    owner: Name,
    pid: u32,
    token: Token,
    since: i64,
    until: i64,
    priority: u32,
}

wire!(struct Held { owner, pid, token, since, until, priority });
wire!(struct Locks { last_token, held, fences });

/// The answer to a request for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Granted(Token),
    HeldUntil(i64),
}

impl Held {
    pub(super) fn is_free(&self) -> bool {
        self.token.0 == 0
    }

    /// As [`Self::holds`], where that is known without the time.
    fn holds_always(&self) -> bool {
        self.until == i64::MAX && !self.is_free()
    }

    fn give(&mut self, token: Token, since: i64, until: i64, take: &Take) {
        self.token = token;
        if !std::sync::Arc::ptr_eq(&self.owner, &take.owner) {
            self.owner = take.owner.clone();
        }
        self.pid = take.pid;
        self.since = since;
        self.until = until;
        self.priority = take.priority;
    }

    fn new(token: Token, since: i64, until: i64, take: &Take) -> Self {
        Self {
            owner: take.owner.clone(),
            pid: take.pid,
            token,
            since,
            until,
            priority: take.priority,
        }
    }

    fn holds(&self, now: i64) -> bool {
        !self.is_free() && now < self.until
    }

    fn row(&self, name: &Name) -> LockRow {
        LockRow {
            name: name.clone(),
            owner: self.owner.clone(),
            pid: self.pid,
            token: self.token,
            since: self.since,
            until: (self.until != i64::MAX).then_some(self.until),
            priority: self.priority,
            waiters: Vec::new(),
        }
    }
}

fn lease_end(now: i64, lease: Option<u64>) -> i64 {
    lease.map_or(i64::MAX, |lease| now.saturating_add_unsigned(lease))
}

impl Locks {
    pub(crate) fn opened(&mut self, release: bool) {
        self.last_token += TOKENS_SKIPPED_ON_OPEN;
        if release {
            self.held.clear();
        }
    }

    pub(crate) fn take(&mut self, now: i64, take: &Take) -> Result<Taken, Refusal> {
        if take.priority != 0 {
            self.check_order(now, take)?;
        }
        let until = lease_end(now, take.lease);
        let token = Token(self.last_token + 1);
        if let Some(held) = self.held.get_mut(&take.name) {
            if held.holds(now) {
                return Ok(Taken::HeldUntil(held.until));
            }
            let was_free = held.is_free();
            held.give(token, now, until, take);
            if was_free {
                self.held.taken();
            }
        } else {
            let held = Held::new(token, now, until, take);
            self.held.insert(take.name.clone(), held);
        }
        self.last_token = token.0;
        Ok(Taken::Granted(token))
    }

    /// As [`Self::take`], where neither a lease nor the order of locks has a
    /// say, so that the time only serves to tell since when. `None`: they have.
    pub(crate) fn take_at_once(
        &mut self,
        seen: Slot,
        since: impl FnOnce() -> i64,
        take: &Take,
    ) -> Option<(Taken, Slot)> {
        if take.lease.is_some() || take.priority != 0 {
            return None;
        }
        let token = Token(self.last_token + 1);
        let slot = match self.held.slot(&take.name, seen) {
            Some(slot) => {
                let held = self.held.at(slot)?;
                if held.holds_always() {
                    return Some((Taken::HeldUntil(i64::MAX), slot));
                }
                if !held.is_free() {
                    return None;
                }
                held.give(token, since(), i64::MAX, take);
                self.held.taken();
                slot
            }
            None => {
                let held = Held::new(token, since(), i64::MAX, take);
                self.held.insert(take.name.clone(), held)
            }
        };
        self.last_token = token.0;
        Some((Taken::Granted(token), slot))
    }

    /// As [`Self::release`] of a lock without a lease; `false`: it is no such
    /// lock, or it is elsewhere.
    pub(crate) fn release_at_once(&mut self, seen: Slot, token: Token) -> bool {
        // No other lock has this token, whatever its name.
        let held = self.held.at(seen).filter(|held| held.token == token);
        let Some(held) = held.filter(|held| held.holds_always()) else {
            return false;
        };
        held.token = Token(0);
        self.held.freed();
        true
    }

    /// The rule against deadlocks: one owner takes locks in falling priority only.
    fn check_order(&self, now: i64, take: &Take) -> Result<(), Refusal> {
        let mine = self.held.iter().filter(|(name, held)| {
            held.holds(now) && held.owner == take.owner && *name != take.name
        });
        let lowest = mine
            .map(|(_, held)| held.priority)
            .filter(|p| *p != 0)
            .min();
        match lowest {
            Some(held) if held <= take.priority => Err(Refusal::Order {
                held,
                asked: take.priority,
            }),
            _ => Ok(()),
        }
    }

    pub(crate) fn renew(
        &mut self,
        now: i64,
        name: &str,
        token: Token,
        lease: Option<u64>,
    ) -> Result<(), Refusal> {
        match self.held.get_mut(name) {
            Some(held) if held.token == token && held.holds(now) => {
                held.until = lease_end(now, lease);
                Ok(())
            }
            _ => Err(Refusal::LeaseLost),
        }
    }

    pub(crate) fn release(&mut self, now: i64, name: &str, token: Token) -> Result<(), Refusal> {
        let Some(held) = self.held.get_mut(name) else {
            return Err(Refusal::LeaseLost);
        };
        if held.token != token || !held.holds(now) {
            return Err(Refusal::LeaseLost);
        }
        held.token = Token(0);
        self.held.freed();
        Ok(())
    }

    pub(crate) fn holds(&self, now: i64, name: &str, token: Token) -> bool {
        let held = self.held.get(name);
        held.is_some_and(|held| held.token == token && held.holds(now))
    }

    /// The end of the lease of a lock that is held now.
    pub(crate) fn held_until(&self, now: i64, name: &str) -> Option<i64> {
        let held = self.held.get(name).filter(|held| held.holds(now))?;
        Some(held.until)
    }

    pub(crate) fn info(&self, now: i64, name: &Name) -> LockRow {
        match self.held.get(name).filter(|held| held.holds(now)) {
            Some(held) => held.row(name),
            None => LockRow {
                name: name.clone(),
                ..LockRow::default()
            },
        }
    }

    pub(crate) fn list(&self, now: i64, prefix: &str) -> Vec<LockRow> {
        let held = self.held.iter();
        let mut rows: Vec<_> = held
            .filter(|(name, held)| held.holds(now) && name.starts_with(prefix))
            .map(|(name, held)| held.row(name))
            .collect();
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        rows
    }

    /// Remembers the greatest token seen by a resource; tells whether that changed.
    pub(crate) fn fence(&mut self, resource: &Name, token: Token) -> Result<bool, Refusal> {
        let seen = self.fences.get(resource).copied().unwrap_or_default();
        if token < seen {
            return Err(Refusal::Fenced { seen });
        }
        if token == seen {
            return Ok(false);
        }
        self.fences.insert(resource.clone(), token);
        Ok(true)
    }
}
