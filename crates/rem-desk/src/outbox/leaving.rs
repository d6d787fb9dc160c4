//! What may leave now, line by line.

use std::collections::BTreeSet;

use rem_alert::message::{Context, Event, State};
use rem_time::{Span, Timestamp};

use super::{Addressee, Fates, Judge, Line, LineKey, Outbox, Trying, Words};
use crate::rules::Reach;

/// How long a sender that died keeps a message, beyond its deadline.
const LEASE_MARGIN: Span = Span::from_seconds(10);
/// Who sends, in a lease.
const SENDER: &str = "desk";

impl Outbox {
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
    pub(super) fn look(
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

    pub(super) fn lease(
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
    pub(super) fn working(&self, to: &Addressee, reaches: &[Reach]) -> Option<u32> {
        let works = |reach: &Reach| !self.is_broken(to, reach);
        reaches.iter().position(works).map(|at| at as u32)
    }

    /// The contact of this line is broken or gone: its letters go to another one.
    pub(super) fn move_on(
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
