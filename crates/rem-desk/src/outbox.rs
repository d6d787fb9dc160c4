//! Messages on their way to people: each by the machine of
//! [`rem_alert::message`], in one line for each contact. Pure; the desk finds
//! the words when a message leaves.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rem_alert::episode::SupersedeReason;
use rem_alert::message::{Bundled, Context, Event, Message, State, Throttle, bundle};
use rem_time::{Span, Timestamp};

use crate::rules::Reach;

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
/// How long a sender that died keeps a message, beyond its deadline.
const LEASE_MARGIN: Span = Span::from_seconds(10);
/// Who sends, in a lease.
const SENDER: &str = "desk";

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

    /// Everything that may leave now, up to `most` messages. They are leased; the
    /// caller makes that durable before it sends.
    pub(crate) fn take(
        &mut self,
        now: Timestamp,
        most: usize,
        judge: &impl Judge,
        trying: Trying,
    ) -> Fates {
        let mut fates = Fates::default();
        while let Some((at, key)) = self.ready.first().cloned()
            && at <= now
            && fates.leased.len() < most
        {
            self.ready.pop_first();
            let Some(mut line) = self.lines.remove(&key) else {
                continue;
            };
            line.ready = None;
            let again = self.look(&mut line, &key, now, most, judge, trying, &mut fates);
            if let Some(again) = again {
                Self::arm(&mut self.ready, &mut line, key.clone(), again);
            }
            if !line.is_idle(now) {
                self.lines.insert(key, line);
            }
        }
        fates
    }

    /// Looks at one line; tells when to look again, if not at the next outcome.
    #[expect(clippy::too_many_arguments, reason = "one step of `take`, split off")]
    fn look(
        &mut self,
        line: &mut Line,
        key: &LineKey,
        now: Timestamp,
        most: usize,
        judge: &impl Judge,
        trying: Trying,
        fates: &mut Fates,
    ) -> Option<Timestamp> {
        let reaches = judge.reaches(&key.0);
        let Some(reach) = reaches.get(key.1 as usize) else {
            return self.move_on(line, key, now, judge, fates);
        };
        if self.is_broken(&key.0, reach) && self.working(&key.0, reaches).is_some() {
            return self.move_on(line, key, now, judge, fates);
        }
        if let Some(until) = line.paused(now) {
            return (!line.waiting.is_empty()).then_some(until);
        }
        let mut room = line.room(reach.at_once).min(most - fates.leased.len());
        let mut mail = Vec::new();
        while 0 < room
            && let Some((due, no)) = line.waiting.first().copied()
            && due <= now
        {
            let Some(letter) = self.letters.get(&no) else {
                line.waiting.pop_first();
                continue;
            };
            if !self.wanted(letter, judge) {
                line.waiting.pop_first();
                self.supersede(no, now, fates);
                continue;
            }
            let bundles =
                reach.digest && matches!(letter.words, Words::Page { .. } | Words::Note(_));
            if bundles && letter.message.attempts == 0 {
                // Those that can go together are looked at together, below.
                line.waiting.pop_first();
                mail.push((due, no));
                continue;
            }
            line.waiting.pop_first();
            self.lease(no, now, line, trying, fates);
            room -= 1;
        }
        let mut again = None;
        if !mail.is_empty() {
            again = self.bundle(line, &mail, room, reach, now, trying, fates);
        }
        let next = line.waiting.first().map(|(due, _)| *due);
        match (line.room(reach.at_once), again, next) {
            (0, ..) => None,
            (_, Some(again), Some(next)) if next > now => Some(again.min(next)),
            (_, Some(again), _) => Some(again),
            (_, None, next) => next,
        }
    }

    /// Puts waiting pages and notes together and sends what may leave.
    #[expect(clippy::too_many_arguments, reason = "one step of `look`, split off")]
    fn bundle(
        &mut self,
        line: &mut Line,
        mail: &[(Timestamp, u64)],
        mut room: usize,
        reach: &Reach,
        now: Timestamp,
        trying: Trying,
        fates: &mut Fates,
    ) -> Option<Timestamp> {
        let messages: Vec<&Message> = mail
            .iter()
            .filter_map(|(_, no)| self.letters.get(no).map(|letter| &letter.message))
            .collect();
        let throttle = Throttle {
            window: Span::ZERO,
            gap: if line.may_burst(now, reach) {
                Span::ZERO
            } else {
                reach.pace
            },
            digest_max: DIGEST_ALERTS_MAX,
        };
        let bundle = bundle(&messages, &mut line.pace, throttle, now);
        let mut left: BTreeSet<usize> = (0..mail.len()).collect();
        for bundled in bundle.send {
            if room == 0 {
                break;
            }
            room -= 1;
            let no = match bundled {
                Bundled::Single { message, same } => {
                    left.remove(&message);
                    let no = mail[message].1;
                    self.join(&same, mail, no, &mut left);
                    no
                }
                Bundled::Digest { lists, same, .. } => {
                    let no = self.digest(&lists, mail, now);
                    self.join(&lists, mail, no, &mut left);
                    self.join(&same, mail, no, &mut left);
                    no
                }
            };
            line.burst_used();
            self.lease(no, now, line, trying, fates);
        }
        for at in left {
            line.waiting.insert(mail[at]);
        }
        bundle.next
    }

    /// A new letter that brings those at `lists`.
    fn digest(&mut self, lists: &[usize], mail: &[(Timestamp, u64)], now: Timestamp) -> u64 {
        let no = self.next_number();
        let nos: Vec<u64> = lists.iter().map(|at| mail[*at].1).collect();
        let first = nos.first().and_then(|no| self.letters.get(no));
        let (to, contact, user) = match first {
            Some(first) => (
                first.to.clone(),
                first.message.contact,
                first.message.user.clone(),
            ),
            // Lists are never empty; a fallback that harms nobody.
            None => (Addressee::Fallback, 0, Arc::from("")),
        };
        let mut message = Message::new(format!("digest-{no}"), user, now);
        message.contact = contact;
        message.carries = nos
            .iter()
            .filter_map(|no| Some(self.letters.get(no)?.message.id.clone()))
            .collect();
        let letter = Letter {
            no,
            to,
            words: Words::Digest(nos),
            message,
            only: false,
            replaces: Vec::new(),
            went_with: None,
            again: 0,
            log: Vec::new(),
        };
        self.letters.insert(no, letter);
        self.touched.insert(no);
        no
    }

    /// Those at `places` go with the letter `into`.
    fn join(
        &mut self,
        places: &[usize],
        mail: &[(Timestamp, u64)],
        into: u64,
        left: &mut BTreeSet<usize>,
    ) {
        let Some(id) = self
            .letters
            .get(&into)
            .map(|letter| letter.message.id.clone())
        else {
            return;
        };
        let mut older = Vec::new();
        for at in places {
            left.remove(at);
            let no = mail[*at].1;
            if let Some(letter) = self.letters.get_mut(&no) {
                letter.go_with(into, id.clone());
                self.touched.insert(no);
                older.push(no);
            }
        }
        if let Some(letter) = self.letters.get_mut(&into) {
            match &mut letter.words {
                Words::Digest(nos) => {
                    for no in older {
                        if !nos.contains(&no) {
                            letter.replaces.push(no);
                        }
                    }
                }
                Words::Page { .. }
                | Words::Note(_)
                | Words::HandOver { .. }
                | Words::Plain { .. } => {
                    letter.replaces.extend(older);
                }
            }
        }
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

    fn lease(
        &mut self,
        no: u64,
        now: Timestamp,
        line: &mut Line,
        trying: Trying,
        fates: &mut Fates,
    ) {
        let Some(letter) = self.letters.get_mut(&no) else {
            return;
        };
        let lease = Event::Lease {
            node: self.sender.get_or_insert_with(|| SENDER.into()).clone(),
            lasts: trying.deadline.saturating_add(LEASE_MARGIN),
        };
        // Where no contact works, the one at hand is tried all the same.
        let all = vec![true; letter.message.contact as usize + 1];
        let context = Context {
            contacts: &all,
            seed: no,
        };
        letter.message.step(&lease, now, context, &mut Vec::new());
        line.in_flight.insert(no);
        self.touched.insert(no);
        fates.leased.push(no);
    }

    /// The first contact of an addressee that works.
    fn working(&self, to: &Addressee, reaches: &[Reach]) -> Option<u32> {
        let works = |reach: &Reach| !self.is_broken(to, reach);
        reaches.iter().position(works).map(|at| at as u32)
    }

    /// The contact of this line is broken or gone: its letters go to another one.
    fn move_on(
        &mut self,
        line: &mut Line,
        key: &LineKey,
        now: Timestamp,
        judge: &impl Judge,
        fates: &mut Fates,
    ) -> Option<Timestamp> {
        let reaches = judge.reaches(&key.0);
        let next = self.working(&key.0, reaches).filter(|next| *next != key.1);
        let next = next.or((!reaches.is_empty() && reaches.len() <= key.1 as usize).then_some(0));
        let mut stay = BTreeSet::new();
        for (due, no) in std::mem::take(&mut line.waiting) {
            let Some(letter) = self.letters.get_mut(&no) else {
                continue;
            };
            match next {
                _ if letter.only && (key.1 as usize) < reaches.len() => {
                    stay.insert((due, no));
                }
                Some(next) if !letter.only => {
                    letter.message.contact = next;
                    letter.message.failures = 0;
                    letter.message.state = State::Queued { not_before: now };
                    self.touched.insert(no);
                    let (key, line) = (
                        (key.0.clone(), next),
                        self.lines.entry((key.0.clone(), next)).or_default(),
                    );
                    line.waiting.insert((now, no));
                    Self::arm(&mut self.ready, line, key, now);
                }
                _ => {
                    self.end(no, fates, |message| {
                        message.state = State::Unreachable { at: now };
                    });
                }
            }
        }
        line.waiting = stay;
        // A self-test of a broken contact: it is there to find out.
        let test = line.waiting.first().copied();
        if let Some((due, no)) = test
            && due <= now
            && line.in_flight.is_empty()
        {
            line.waiting.pop_first();
            let trying = Trying {
                deadline: Span::from_seconds(60),
                next_contact_after: u32::MAX,
            };
            self.lease(no, now, line, trying, fates);
            return None;
        }
        test.map(|(due, _)| due)
    }
}
