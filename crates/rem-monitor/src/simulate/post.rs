use std::collections::BTreeMap;
use std::sync::Arc;

use rem_desk::{Outcome, SENDS_AT_ONCE_MAX, Sending};
use rem_notify::{Contact, Outgoing};
use rem_time::{Span, Timestamp};

/// How a contact answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// It takes the message over at once.
    #[default]
    Takes,
    /// It takes the message over after so long.
    TakesAfter(Span),
    /// It is down, and may come back.
    Down,
    /// It will never take anything.
    Refuses,
    /// It does not answer at all.
    Hangs,
}

/// A message that was taken over.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// How long after the start.
    pub at: Span,
    /// What the wall clock showed.
    pub wall: Timestamp,
    /// Whom it is for.
    pub user: Arc<str>,
    /// Where it went.
    pub contact: Contact,
    /// What it says.
    pub message: Outgoing,
    /// Which attempt it was.
    pub attempt: u32,
}

/// What came of an attempt.
#[derive(Debug)]
pub(super) struct Came {
    pub(super) no: u64,
    pub(super) attempt: u32,
    pub(super) outcome: Outcome,
    pub(super) took: Span,
}

/// What will come of an attempt, and the message if it is taken over.
type UnderWay = (Came, Option<Box<Sent>>);

/// Beyond its deadline a send is given up, as by the driver of the desk.
const SEND_MARGIN: Span = Span::from_seconds(2);

#[derive(Debug, Default)]
pub(super) struct Office {
    answers: BTreeMap<String, Answer>,
    /// By when they come back; the number keeps the order.
    under_way: BTreeMap<(Span, u64), UnderWay>,
    pub(super) sent: Vec<Sent>,
    pub(super) attempts: u64,
    pub(super) failed: u64,
}

impl Office {
    pub(super) fn answer(&mut self, whom: &str, answer: Answer) {
        if whom == "*" {
            self.answers.clear();
        }
        self.answers.insert(whom.to_owned(), answer);
    }

    fn answer_of(&self, contact: &Contact) -> Answer {
        let own = self.answers.get(&contact.to_string());
        let of_kind = || self.answers.get(contact.kind());
        let any = || self.answers.get("*");
        own.or_else(of_kind)
            .or_else(any)
            .copied()
            .unwrap_or_default()
    }

    /// Messages that may go on their way now.
    pub(super) fn room(&self) -> usize {
        SENDS_AT_ONCE_MAX.saturating_sub(self.under_way.len())
    }

    pub(super) fn send(&mut self, sending: Sending, now: Span, wall: Timestamp) {
        self.attempts += 1;
        let answer = self.answer_of(&sending.contact);
        let Sending {
            no,
            attempt,
            contact,
            message,
            user,
            deadline,
            ..
        } = sending;
        let sent = |at: Span| {
            Some(Box::new(Sent {
                at,
                wall: wall + at.saturating_sub(now),
                user,
                contact,
                message,
                attempt,
            }))
        };
        let longest = deadline.saturating_add(SEND_MARGIN);
        let (took, outcome, sent) = match answer {
            Answer::Takes => (Span::ZERO, taken(), sent(now)),
            Answer::TakesAfter(span) if span < longest => {
                (span, taken(), sent(now.saturating_add(span)))
            }
            Answer::TakesAfter(_) | Answer::Hangs => (longest, later("no answer"), None),
            Answer::Down => (Span::ZERO, later("connection refused"), None),
            Answer::Refuses => {
                let why = "550 no such mailbox".into();
                (Span::ZERO, Outcome::Never { why }, None)
            }
        };
        if sent.is_none() {
            self.failed += 1;
        }
        let came = Came {
            no,
            attempt,
            outcome,
            took,
        };
        let back = now.saturating_add(took);
        self.under_way.insert((back, self.attempts), (came, sent));
    }

    /// When the next answer comes.
    pub(super) fn next(&self) -> Option<Span> {
        self.under_way.keys().next().map(|(at, _)| *at)
    }

    pub(super) fn take_due(&mut self, now: Span) -> Vec<Came> {
        let mut due = Vec::new();
        while let Some(first) = self.under_way.first_entry()
            && first.key().0 <= now
        {
            let (came, sent) = first.remove();
            self.sent.extend(sent.map(|sent| *sent));
            due.push(came);
        }
        due
    }

    /// Nobody waits for the answers any more; what was taken over, was.
    pub(super) fn lose_all(&mut self) {
        for (_, (_, sent)) in std::mem::take(&mut self.under_way) {
            self.sent.extend(sent.map(|sent| *sent));
        }
    }
}

fn taken() -> Outcome {
    Outcome::Taken {
        answer: "taken".into(),
    }
}

fn later(why: &str) -> Outcome {
    Outcome::Later {
        why: why.into(),
        after: None,
    }
}
