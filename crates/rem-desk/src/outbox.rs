//! Messages on their way to people: each by the machine of
//! [`rem_alert::message`], in one line for each contact. Pure; the desk finds
//! the words when a message leaves.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rem_alert::episode::SupersedeReason;
use rem_alert::message::{Message, State};
use rem_time::{Span, Timestamp};

use crate::rules::Reach;

mod bundling;
mod leaving;
mod letter;
mod line;
mod outcome;
mod repeat;
#[cfg(test)]
mod tests;

pub use letter::{ATTEMPTS_KEPT, Addressee, Attempt, Letter, Outcome, PlainKind, Words};
use line::Line;
pub(crate) use repeat::Due;

/// Alerts in one digest; more go in the next one.
pub const DIGEST_ALERTS_MAX: usize = 10_000;

/// A contact that does not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Whose.
    pub to: Addressee,
    /// The contact, without secrets.
    pub contact: String,
    /// Since when.
    pub since: Timestamp,
    /// What the other side said.
    pub why: String,
}

/// What the outbox asks about a letter before it leaves.
pub(crate) trait Judge {
    /// Whether anybody still wants what this letter, no digest, says.
    fn is_wanted(&self, letter: &Letter) -> bool;
    /// How an addressee can be reached.
    fn reaches(&self, to: &Addressee) -> &[Reach];
}

/// How attempts are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trying {
    pub deadline: Span,
    pub next_contact_after: u32,
}

/// Which attempt it was, and how long it took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tried {
    pub no: u64,
    pub epoch: u32,
    pub took: Span,
}

/// What became of letters.
#[derive(Debug, Default)]
pub(crate) struct Fates {
    /// To be sent now.
    pub leased: Vec<u64>,
    /// Letters that are done, as they ended; no longer in the outbox.
    pub done: Vec<Letter>,
    /// Contacts that broke.
    pub broke: Vec<Broken>,
    /// Contacts that work again.
    pub healed: Vec<(Addressee, String)>,
}

type LineKey = (Addressee, u32);

/// The letters that are not done, and the lines they wait in.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    letters: BTreeMap<u64, Letter>,
    /// The pages that are not done, by the number of their episode.
    pages: HashMap<u64, Vec<u64>>,
    lines: HashMap<LineKey, Line>,
    /// The lines that have something to do, by when.
    ready: BTreeSet<(Timestamp, LineKey)>,
    broken: BTreeMap<(Addressee, String), Broken>,
    last: u64,
    /// Letters that changed and are to be written.
    pub touched: BTreeSet<u64>,
    sender: Option<Arc<str>>,
}

impl Outbox {
    /// As it was when a process ended: what was being sent is sent again.
    pub(crate) fn restore(
        letters: impl IntoIterator<Item = Letter>,
        broken: impl IntoIterator<Item = Broken>,
        last: u64,
        now: Timestamp,
    ) -> Self {
        let mut outbox = Self {
            last,
            ..Self::default()
        };
        for broken in broken {
            let key = (broken.to.clone(), broken.contact.clone());
            outbox.broken.insert(key, broken);
        }
        for mut letter in letters {
            if let State::Leased(_) = letter.message.state {
                letter.message.state = State::Queued { not_before: now };
                outbox.touched.insert(letter.no);
            }
            outbox.insert(letter);
        }
        outbox.find_carriers();
        outbox
    }

    /// Letters that go with another one know with which.
    fn find_carriers(&mut self) {
        let mut with = Vec::new();
        for letter in self.letters.values() {
            let listed: &[u64] = match &letter.words {
                Words::Digest(nos) => nos,
                _ => &[],
            };
            let all = listed.iter().chain(&letter.replaces);
            with.extend(all.map(|no| (*no, letter.no)));
        }
        for (no, carrier) in with {
            if let Some(letter) = self.letters.get_mut(&no) {
                letter.went_with = Some(carrier);
            }
        }
    }

    pub(crate) fn last_number(&self) -> u64 {
        self.last
    }

    pub(crate) fn next_number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    pub(crate) fn get(&self, no: u64) -> Option<&Letter> {
        self.letters.get(&no)
    }

    pub(crate) fn letters(&self) -> impl ExactSizeIterator<Item = &Letter> {
        self.letters.values()
    }

    pub(crate) fn broken(&self) -> impl Iterator<Item = &Broken> {
        self.broken.values()
    }

    /// The letters that a digest brings, in its order.
    pub(crate) fn carried<'a>(&'a self, letter: &'a Letter) -> impl Iterator<Item = &'a Letter> {
        let nos: &[u64] = match &letter.words {
            Words::Digest(nos) => nos,
            Words::Page { .. } | Words::Note(_) | Words::HandOver { .. } | Words::Plain { .. } => {
                &[]
            }
        };
        nos.iter().filter_map(|no| self.letters.get(no))
    }

    /// Whether anything waits for an addressee.
    pub(crate) fn waits_for(&self, to: &Addressee) -> bool {
        let lines = self.lines.iter().filter(|((other, _), _)| other == to);
        lines
            .into_iter()
            .any(|(_, line)| !line.waiting.is_empty() || !line.in_flight.is_empty())
    }

    /// When the outbox is to be looked at.
    pub(crate) fn next_wakeup(&self) -> Option<Timestamp> {
        self.ready.first().map(|(at, _)| *at)
    }

    /// A new letter; it leaves with the next [`Outbox::take`].
    pub(crate) fn post(&mut self, mut letter: Letter, judge: &impl Judge) {
        let reaches = judge.reaches(&letter.to);
        if !letter.only {
            let works = |at: &usize| !self.is_broken(&letter.to, &reaches[*at]);
            letter.message.contact = (0..reaches.len()).find(works).unwrap_or(0) as u32;
        }
        self.last = self.last.max(letter.no);
        self.touched.insert(letter.no);
        self.insert(letter);
    }

    fn insert(&mut self, letter: Letter) {
        let key = (letter.to.clone(), letter.message.contact);
        if let Some(due) = letter.due() {
            let line = self.lines.entry(key.clone()).or_default();
            line.waiting.insert((due, letter.no));
            Self::arm(&mut self.ready, line, key, due);
        }
        let no = letter.no;
        self.letters.insert(no, letter);
        self.index_page(no);
    }

    fn arm(
        ready: &mut BTreeSet<(Timestamp, LineKey)>,
        line: &mut Line,
        key: LineKey,
        at: Timestamp,
    ) {
        match line.ready {
            Some(before) if before <= at => {}
            before => {
                if let Some(before) = before {
                    ready.remove(&(before, key.clone()));
                }
                line.ready = Some(at);
                ready.insert((at, key));
            }
        }
    }

    fn is_broken(&self, to: &Addressee, reach: &Reach) -> bool {
        !self.broken.is_empty()
            && self
                .broken
                .contains_key(&(to.clone(), reach.contact.to_string()))
    }

    fn wanted(&self, letter: &Letter, judge: &impl Judge) -> bool {
        match &letter.words {
            Words::Digest(nos) => nos
                .iter()
                .filter_map(|no| self.letters.get(no))
                .any(|letter| judge.is_wanted(letter)),
            Words::Page { .. } | Words::Note(_) | Words::HandOver { .. } | Words::Plain { .. } => {
                judge.is_wanted(letter)
            }
        }
    }

    /// Nobody wants it any more.
    fn supersede(&mut self, no: u64, now: Timestamp, fates: &mut Fates) {
        let why = SupersedeReason::Cleared;
        self.end(no, fates, |message| match message.state {
            State::Sent { .. } => {}
            _ => message.state = State::Superseded { at: now, why },
        });
    }

    /// The letter is done, and with it those that go with it.
    fn end(&mut self, no: u64, fates: &mut Fates, mut state: impl FnMut(&mut Message)) {
        let Some(mut letter) = self.remove(no) else {
            return;
        };
        state(&mut letter.message);
        let with: Vec<u64> = match &letter.words {
            Words::Digest(nos) => nos.iter().chain(&letter.replaces).copied().collect(),
            Words::Page { .. } | Words::Note(_) | Words::HandOver { .. } | Words::Plain { .. } => {
                letter.replaces.clone()
            }
        };
        let end = letter.message.state.clone();
        for no in with {
            if let Some(mut carried) = self.remove(no) {
                carried.message.state = end.clone();
                carried.went_with = Some(letter.no);
                fates.done.push(carried);
            }
        }
        fates.done.push(letter);
    }
}
