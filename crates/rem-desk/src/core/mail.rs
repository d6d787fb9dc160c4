//! Letters: leased, answered, done.

use std::collections::BTreeSet;
use std::sync::Arc;

use rem_alert::episode::Event;
use rem_alert::message::{Message, State};
use rem_notify::{Contact, Outgoing};
use rem_time::{Span, Timestamp};

use super::{CONTACT_BROKEN, Court, DeskCore, News};
use crate::event::Report;
use crate::outbox::{Addressee, Fates, Judge, Letter, Outcome, PlainKind, Tried, Words};
use crate::timeline::Line;
use crate::token::TokenKey;

/// One attempt to be made.
#[derive(Clone, Debug)]
pub struct Sending {
    /// The letter's number.
    pub no: u64,
    /// Which attempt.
    pub attempt: u32,
    /// Where to.
    pub contact: Contact,
    /// What.
    pub message: Outgoing,
    /// A shift begins: the task list of this role is to be added.
    pub tasks: Option<Arc<str>>,
    /// For whom.
    pub user: Arc<str>,
    /// How long it may take.
    pub deadline: Span,
}

impl DeskCore {
    /// Messages that may leave now, at most `most`. They are leased: make that
    /// durable, send them, and tell [`DeskCore::came`] what came of it.
    pub fn lease(&mut self, most: usize, key: &TokenKey, now: Timestamp) -> Vec<Sending> {
        let court = Court {
            episodes: &self.episodes,
            rules: &self.rules,
        };
        let fates = self.outbox.take(now, most, &court, self.rules.trying());
        let mut sendings = Vec::with_capacity(fates.leased.len());
        for no in &fates.leased {
            let Some(letter) = self.outbox.get(*no) else {
                continue;
            };
            let reaches = self.rules.reaches(&letter.to);
            let reach = reaches.get(letter.message.contact as usize);
            let message = self.compose(letter, key, now);
            if let (Some(reach), Some(message)) = (reach, message) {
                sendings.push(Sending {
                    no: *no,
                    attempt: letter.message.attempts,
                    contact: reach.contact.clone(),
                    message,
                    tasks: match &letter.words {
                        Words::HandOver { role, .. } => Some(role.clone()),
                        _ => None,
                    },
                    user: letter.message.user.clone(),
                    deadline: self.rules.rules.timing.send_deadline,
                });
            }
        }
        let sent: BTreeSet<u64> = sendings.iter().map(|sending| sending.no).collect();
        let lost: Vec<(u64, u32)> = fates
            .leased
            .iter()
            .filter(|no| !sent.contains(no))
            .filter_map(|no| Some((*no, self.outbox.get(*no)?.message.attempts)))
            .collect();
        self.settle(fates, now);
        for (no, attempt) in lost {
            let why = "there is nothing to say, or nobody to say it to".into();
            let later = Outcome::Later { why, after: None };
            self.came(no, attempt, &later, Span::ZERO, now);
        }
        sendings
    }

    /// What came of an attempt.
    pub fn came(&mut self, no: u64, attempt: u32, outcome: &Outcome, took: Span, now: Timestamp) {
        let court = Court {
            episodes: &self.episodes,
            rules: &self.rules,
        };
        let trying = self.rules.trying();
        let tried = Tried {
            no,
            epoch: attempt,
            took,
        };
        let fates = self.outbox.outcome(tried, outcome, now, &court, trying);
        self.settle(fates, now);
    }

    fn settle(&mut self, fates: Fates, now: Timestamp) {
        for letter in fates.done {
            self.done(letter, now);
        }
        for broken in fates.broke {
            self.dirty.broken = true;
            self.changes.news.push(News::People);
            let (subject, whose) = (contact_subject(&broken.to), &broken.to);
            let text = format!(
                "{} of {whose} does not work: {}",
                broken.contact, broken.why
            );
            let report = Report::fires(CONTACT_BROKEN, &subject, now).message(text);
            self.report(&report, now);
        }
        for (to, _) in fates.healed {
            self.dirty.broken = true;
            self.changes.news.push(News::People);
            if self.outbox.broken().all(|broken| broken.to != to) {
                let subject = contact_subject(&to);
                self.report(&Report::clears(CONTACT_BROKEN, &subject, now), now);
            }
        }
    }

    fn done(&mut self, letter: Letter, now: Timestamp) {
        self.test_done(&letter, now);
        self.changes.news.push(News::Message(letter.no));
        if let Some((id, number)) = &letter.message.about {
            if let Some(slot) = self.episodes.numbered(id.number) {
                if let Some(open) = self.episodes.get_mut(slot) {
                    open.lines += 1;
                    let line = Line::Message {
                        at: now,
                        no: letter.no,
                        end: end(&letter).into(),
                    };
                    self.timeline.add(id.number, open.lines, line);
                    self.dirty.episodes.insert(slot);
                }
                let page = matches!(letter.words, Words::Page { .. });
                if page && matches!(letter.message.state, State::Unreachable { .. }) {
                    let event = Event::Unreachable { message: *number };
                    self.step(slot, &event, now);
                }
            } else if let Some(closed) = self
                .closed
                .iter_mut()
                .rev()
                .find(|closed| closed.number == id.number)
            {
                closed.lines += 1;
                let line = Line::Message {
                    at: now,
                    no: letter.no,
                    end: end(&letter).into(),
                };
                self.timeline.add(id.number, closed.lines, line);
            }
        }
        self.dirty.done.push(letter);
    }

    /// A letter about no alert.
    pub(crate) fn write_plain(
        &mut self,
        to: Addressee,
        contact: Option<u32>,
        kind: PlainKind,
        subject: &str,
        text: &str,
        now: Timestamp,
    ) {
        let no = self.outbox.next_number();
        let name = to.name();
        let site = &self.rules.rules.site;
        let message = Message::new(format!("{site}-message-{no}"), name, now);
        let words = Words::Plain {
            kind,
            subject: subject.into(),
            text: text.into(),
        };
        let mut letter = Letter::new(no, to, words, message);
        if let Some(contact) = contact {
            letter.only = true;
            letter.message.contact = contact;
        }
        let court = Court {
            episodes: &self.episodes,
            rules: &self.rules,
        };
        self.outbox.post(letter, &court);
    }

    /// Whether anybody still wants what a letter says.
    pub(crate) fn is_wanted(&self, letter: &Letter) -> bool {
        let court = Court {
            episodes: &self.episodes,
            rules: &self.rules,
        };
        court.is_wanted(letter)
    }
}

fn contact_subject(to: &Addressee) -> String {
    match to {
        Addressee::User(user) => format!("user:{user}"),
        Addressee::Fallback | Addressee::Heartbeat | Addressee::SelfTest => {
            format!("site:{}", to.name())
        }
    }
}

/// How a letter ended, for the timeline.
fn end(letter: &Letter) -> String {
    let to = &letter.to;
    let attempts = match letter.message.attempts {
        0 | 1 => String::new(),
        attempts => format!(", attempt {attempts}"),
    };
    let attempts = match letter.again {
        0 => attempts,
        again => format!(", due {} times{attempts}", again + 1),
    };
    let by = letter
        .log
        .last()
        .map_or_else(String::new, |attempt| format!(" by {}", attempt.contact));
    let with = letter
        .went_with
        .map_or_else(String::new, |no| format!(" in message {no}"));
    match &letter.message.state {
        State::Sent { provider, .. } if provider.is_empty() => {
            format!("sent to {to}{by}{with}{attempts}")
        }
        State::Sent { provider, .. } => format!("sent to {to}{by}{with}{attempts}: {provider}"),
        State::Delivered { .. } => format!("delivered to {to}{by}{with}{attempts}"),
        State::Superseded { .. } => format!("not sent to {to}: nobody needs it any more"),
        State::Unreachable { .. } => format!("not sent to {to}: no contact works{by}"),
        State::Queued { .. }
        | State::Leased(_)
        | State::RetryWait { .. }
        | State::Bundled { .. } => format!("waits for {to}"),
    }
}
