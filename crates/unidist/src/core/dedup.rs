//! Answers kept for operations that may be repeated.

use std::collections::{BTreeMap, BTreeSet};

use super::command::{Command, Reply};
use super::locks::Locks;
use crate::ack::{OpId, Revision};
use crate::error::Refusal;
use crate::wire::{Decoded, Wire, wire};

/// Clients remembered; the one silent for longest is forgotten first.
const CLIENTS_MAX: usize = 4096;
/// Answers remembered for each client; the oldest go first.
const ANSWERS_MAX: usize = 4096;

/// An operation as it travels: `floor` is the least number of its client that
/// may still be repeated, so that answers below it can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Op {
    pub id: OpId,
    pub floor: u64,
}

/// What is known about an operation.
pub(crate) enum Recall {
    New,
    Answered {
        result: Result<Reply, Refusal>,
        rev: Revision,
    },
    /// The same number was used for another command.
    Mixed,
}

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Dedup {
    clients: BTreeMap<u64, Client>,
    by_age: BTreeSet<(i64, u64)>,
}

#[derive(Debug, Default, PartialEq)]
struct Client {
    seen: i64,
    answers: BTreeMap<u64, Answer>,
}

#[derive(Debug, PartialEq)]
struct Answer {
    command: u32,
    rev: Revision,
    result: Result<Reply, Refusal>,
}

wire!(struct Op { id, floor });
wire!(struct Client { seen, answers });
wire!(struct Answer { command, rev, result });

impl Wire for Dedup {
    fn put(&self, out: &mut Vec<u8>) {
        self.clients.put(out);
    }

    fn get(input: &mut &[u8]) -> Decoded<Self> {
        let clients: BTreeMap<u64, Client> = Wire::get(input)?;
        let by_age = clients.iter().map(|(id, c)| (c.seen, *id)).collect();
        Ok(Self { clients, by_age })
    }
}

fn fingerprint(command: &Command) -> u32 {
    crc32c::crc32c(&command.to_bytes())
}

impl Dedup {
    pub(super) fn recall(&self, op: Op, command: &Command, locks: &Locks, now: i64) -> Recall {
        let client = self.clients.get(&op.id.client);
        let Some(answer) = client.and_then(|client| client.answers.get(&op.id.seq)) else {
            return Recall::New;
        };
        if answer.command != fingerprint(command) {
            return Recall::Mixed;
        }
        // A grant that has been released since must not be handed out again.
        if let (Command::LockTake { take }, Ok(Reply::Token { token })) = (command, &answer.result)
            && !locks.holds(now, &take.name, *token)
        {
            return Recall::New;
        }
        Recall::Answered {
            result: answer.result.clone(),
            rev: answer.rev,
        }
    }

    pub(super) fn remember(
        &mut self,
        now: i64,
        op: Op,
        command: &Command,
        rev: Revision,
        result: &Result<Reply, Refusal>,
    ) {
        let client = self.clients.entry(op.id.client).or_default();
        self.by_age.remove(&(client.seen, op.id.client));
        client.seen = now;
        self.by_age.insert((now, op.id.client));
        while let Some(oldest) = client.answers.first_entry()
            && *oldest.key() < op.floor
        {
            oldest.remove();
        }
        if ANSWERS_MAX <= client.answers.len() {
            client.answers.pop_first();
        }
        let answer = Answer {
            command: fingerprint(command),
            rev,
            result: result.clone(),
        };
        client.answers.insert(op.id.seq, answer);
        if CLIENTS_MAX < self.clients.len()
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.clients.remove(&oldest);
        }
    }
}
