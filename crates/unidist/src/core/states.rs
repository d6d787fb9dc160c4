//! The versioned keys of one bucket and the recent history of their changes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::command::{Body, Change, Condition, Happened, Kept, Name};
use super::locks::Locks;
use crate::ack::Revision;
use crate::error::Refusal;
use crate::wire::{Decoded, Wire, wire};

/// Changes kept for watchers; who lags further behind gets `Compacted`.
pub(crate) const HISTORY_KEPT: usize = 4096;

#[derive(Debug, Default, PartialEq)]
pub(crate) struct States {
    keys: BTreeMap<Name, Entry>,
    ends: BTreeSet<(i64, Name)>,
    history: VecDeque<Happened>,
    /// Changes up to this revision are no longer in the history.
    compacted: Revision,
}

#[derive(Debug, PartialEq)]
struct Entry {
    body: Body,
    rev: Revision,
    at: i64,
    until: Option<i64>,
}

wire!(struct Entry { body, rev, at, until });

impl Wire for States {
    fn put(&self, out: &mut Vec<u8>) {
        self.keys.put(out);
        self.history.put(out);
        self.compacted.put(out);
    }

    fn get(input: &mut &[u8]) -> Decoded<Self> {
        let mut states = Self {
            keys: Wire::get(input)?,
            history: Wire::get(input)?,
            compacted: Wire::get(input)?,
            ..Self::default()
        };
        let ends = states.keys.iter();
        states.ends = ends
            .filter_map(|(key, entry)| Some((entry.until?, key.clone())))
            .collect();
        Ok(states)
    }
}

impl States {
    fn live(&self, now: i64, key: &str) -> Option<&Entry> {
        let entry = self.keys.get(key)?;
        entry.until.is_none_or(|until| now < until).then_some(entry)
    }

    pub(crate) fn get(&self, now: i64, key: &str) -> Option<Kept> {
        self.live(now, key).map(|entry| Kept {
            body: entry.body.clone(),
            rev: entry.rev,
            at: entry.at,
            until: entry.until,
        })
    }

    pub(crate) fn keys(&self, now: i64, prefix: &Name) -> Vec<Name> {
        let from = self.keys.range(prefix.clone()..);
        from.take_while(|(key, _)| key.starts_with(&**prefix))
            .filter(|(_, entry)| entry.until.is_none_or(|until| now < until))
            .map(|(key, _)| key.clone())
            .collect()
    }

    pub(crate) fn check(
        &self,
        now: i64,
        locks: &Locks,
        conditions: &[Condition],
    ) -> Result<(), Refusal> {
        for condition in conditions {
            match condition {
                Condition::RevisionIs { key, rev } => {
                    let current = self.live(now, key).map_or(Revision(0), |entry| entry.rev);
                    if current != *rev {
                        return Err(Refusal::Conflict { current });
                    }
                }
                Condition::Exists { key } if self.live(now, key).is_none() => {
                    return Err(Refusal::Conflict {
                        current: Revision(0),
                    });
                }
                Condition::Exists { .. } => {}
                Condition::LockHeld { lock, token } if !locks.holds(now, lock, *token) => {
                    return Err(Refusal::LeaseLost);
                }
                Condition::LockHeld { .. } => {}
            }
        }
        Ok(())
    }

    /// Applies all changes at revision `rev`; tells how many keys are gone or touched.
    pub(crate) fn change(&mut self, now: i64, rev: Revision, changes: &[Change]) -> u64 {
        let mut hit = 0;
        for change in changes {
            match change {
                Change::Put { key, body, ttl } => {
                    let until = ttl.map(|ttl| now.saturating_add_unsigned(ttl));
                    self.put(now, rev, key, body, until);
                    hit += 1;
                }
                Change::Delete { key } => {
                    // One whose time is over is for the next tick to remove.
                    if self.live(now, key).is_some() {
                        self.delete(now, rev, key, false);
                        hit += 1;
                    }
                }
                Change::Touch { key, ttl } => {
                    let until = now.saturating_add_unsigned(*ttl);
                    hit += u64::from(self.touch(now, key, until));
                }
            }
        }
        hit
    }

    fn put(&mut self, now: i64, rev: Revision, key: &Name, body: &Body, until: Option<i64>) {
        let entry = Entry {
            body: body.clone(),
            rev,
            at: now,
            until,
        };
        let before = self.keys.insert(key.clone(), entry);
        if let Some(end) = before.and_then(|entry| entry.until) {
            self.ends.remove(&(end, key.clone()));
        }
        if let Some(end) = until {
            self.ends.insert((end, key.clone()));
        }
        self.remember(Happened {
            rev,
            at: now,
            key: key.clone(),
            body: Some(body.clone()),
            expired: false,
        });
    }

    fn delete(&mut self, now: i64, rev: Revision, key: &Name, expired: bool) {
        let Some(entry) = self.keys.remove(key) else {
            return;
        };
        if let Some(end) = entry.until {
            self.ends.remove(&(end, key.clone()));
        }
        self.remember(Happened {
            rev,
            at: now,
            key: key.clone(),
            body: None,
            expired,
        });
    }

    fn touch(&mut self, now: i64, key: &Name, until: i64) -> bool {
        if self.live(now, key).is_none() {
            return false;
        }
        if let Some(entry) = self.keys.get_mut(key) {
            if let Some(end) = entry.until.replace(until) {
                self.ends.remove(&(end, key.clone()));
            }
            self.ends.insert((until, key.clone()));
        }
        true
    }

    fn remember(&mut self, happened: Happened) {
        self.history.push_back(happened);
        // All changes of one revision go together: half a transaction is no history.
        while HISTORY_KEPT < self.history.len() {
            let Some(oldest) = self.history.pop_front() else {
                return;
            };
            self.compacted = oldest.rev;
            while self
                .history
                .front()
                .is_some_and(|next| next.rev == oldest.rev)
            {
                self.history.pop_front();
            }
        }
    }

    /// When the next key's time is over.
    pub(crate) fn next_end(&self) -> Option<i64> {
        self.ends.first().map(|(end, _)| *end)
    }

    /// Removes what is over; tells whether there was anything.
    pub(crate) fn tick(&mut self, now: i64, rev: Revision) -> bool {
        let mut any = false;
        while let Some((end, key)) = self.ends.first().cloned()
            && end <= now
        {
            self.delete(now, rev, &key, true);
            any = true;
        }
        any
    }

    pub(crate) fn events(
        &self,
        prefix: &str,
        after: Revision,
        n: u64,
        current: Revision,
    ) -> Result<(Vec<Happened>, Revision), Refusal> {
        if after < self.compacted {
            return Err(Refusal::Compacted {
                oldest: self.compacted,
            });
        }
        let start = self
            .history
            .partition_point(|happened| happened.rev <= after);
        let mut events: Vec<Happened> = Vec::new();
        for happened in self.history.range(start..) {
            // Never half of a transaction: the reader goes on after a whole revision.
            let full = n <= events.len() as u64;
            if full && events.last().is_some_and(|last| last.rev != happened.rev) {
                let upto = events.last().map_or(after, |last| last.rev);
                return Ok((events, upto));
            }
            if happened.key.starts_with(prefix) {
                events.push(happened.clone());
            }
        }
        Ok((events, current.max(after)))
    }
}
