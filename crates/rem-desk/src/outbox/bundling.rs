//! Pages and notes that go together in one message.

use std::collections::BTreeSet;
use std::sync::Arc;

use rem_alert::message::{Bundled, Message, Throttle, bundle};
use rem_time::{Span, Timestamp};

use super::{Addressee, DIGEST_ALERTS_MAX, Fates, Letter, Line, Outbox, Trying, Words};
use crate::rules::Reach;

impl Outbox {
    /// Puts waiting pages and notes together and sends what may leave.
    #[expect(clippy::too_many_arguments, reason = "one step of `look`, split off")]
    pub(super) fn bundle(
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
    pub(super) fn digest(
        &mut self,
        lists: &[usize],
        mail: &[(Timestamp, u64)],
        now: Timestamp,
    ) -> u64 {
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
    pub(super) fn join(
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
}
