use std::sync::Arc;

use rem_alert::message::Message;
use rem_notify::Contact;
use rem_time::{Span, Timestamp};

use super::{Addressee, Fates, Judge, Letter, Outbox, Outcome, PlainKind, Tried, Trying, Words};
use crate::rules::Reach;

const TRYING: Trying = Trying {
    deadline: Span::from_seconds(20),
    next_contact_after: 3,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

/// Everything is wanted, and everybody has these contacts.
struct Easy(Vec<Reach>);

impl Judge for Easy {
    fn is_wanted(&self, _: &Letter) -> bool {
        true
    }

    fn reaches(&self, _: &Addressee) -> &[Reach] {
        &self.0
    }
}

fn programs(count: usize) -> Easy {
    let hook = |at: usize| Contact::webhook(&format!("http://127.0.0.1:{}/", at + 1)).unwrap();
    Easy((0..count).map(|at| Reach::program(hook(at))).collect())
}

fn post(outbox: &mut Outbox, judge: &Easy, now: Timestamp) -> u64 {
    let no = outbox.next_number();
    let user: Arc<str> = "ann".into();
    let message = Message::new(format!("m{no}"), user.clone(), now);
    let words = Words::Plain {
        kind: PlainKind::OnCall,
        subject: "s".into(),
        text: "t".into(),
    };
    let letter = Letter::new(no, Addressee::User(user), words, message);
    outbox.post(letter, judge);
    no
}

fn came(outbox: &mut Outbox, judge: &Easy, no: u64, outcome: &Outcome, now: Timestamp) -> Fates {
    let epoch = outbox.get(no).map_or(0, |letter| letter.message.attempts);
    let tried = Tried {
        no,
        epoch,
        took: Span::ZERO,
    };
    outbox.outcome(tried, outcome, now, judge, TRYING)
}

fn later() -> Outcome {
    Outcome::Later {
        why: "503".into(),
        after: None,
    }
}

fn taken() -> Outcome {
    Outcome::Taken {
        answer: "200".into(),
    }
}

#[test]
fn a_receiver_that_is_down_is_asked_by_one_message_at_a_time_and_gets_all_when_it_is_back() {
    let (mut outbox, judge) = (Outbox::default(), programs(1));
    for _ in 0..100 {
        post(&mut outbox, &judge, at(0));
    }
    let first = outbox.take(at(0), 1_000, &judge, TRYING).leased;
    assert_eq!(first.len(), 32);
    for no in first {
        came(&mut outbox, &judge, no, &later(), at(0));
    }
    let mut asked = 0;
    for second in 1..=20 {
        let leased = outbox.take(at(second), 1_000, &judge, TRYING).leased;
        assert!(leased.len() <= 1, "{second}: {leased:?}");
        for no in leased {
            asked += 1;
            came(&mut outbox, &judge, no, &later(), at(second));
        }
    }
    assert!((10..=20).contains(&asked), "{asked}");
    // It is back: the first one proves it, then all leave without a pause.
    let probe = outbox.take(at(22), 1_000, &judge, TRYING).leased;
    assert_eq!(probe.len(), 1);
    came(&mut outbox, &judge, probe[0], &taken(), at(22));
    let mut sent = 1;
    loop {
        let leased = outbox.take(at(22), 1_000, &judge, TRYING).leased;
        if leased.is_empty() {
            break;
        }
        for no in leased {
            came(&mut outbox, &judge, no, &taken(), at(22));
            sent += 1;
        }
    }
    assert_eq!(sent, 100);
    assert_eq!(outbox.letters().len(), 0);
}

#[test]
fn a_receiver_that_asks_for_time_gets_it() {
    let (mut outbox, judge) = (Outbox::default(), programs(1));
    let no = post(&mut outbox, &judge, at(0));
    outbox.take(at(0), 9, &judge, TRYING);
    let busy = Outcome::Later {
        why: "429".into(),
        after: Some(Span::from_seconds(90)),
    };
    came(&mut outbox, &judge, no, &busy, at(0));
    assert!(outbox.take(at(89), 9, &judge, TRYING).leased.is_empty());
    assert_eq!(outbox.take(at(90), 9, &judge, TRYING).leased, [no]);
}

#[test]
fn after_three_refusals_the_next_contact_is_tried() {
    let (mut outbox, judge) = (Outbox::default(), programs(2));
    let no = post(&mut outbox, &judge, at(0));
    let mut now = 0;
    for _ in 0..3 {
        loop {
            if outbox.take(at(now), 9, &judge, TRYING).leased == [no] {
                break;
            }
            now += 1;
        }
        assert_eq!(outbox.get(no).unwrap().message.contact, 0);
        came(&mut outbox, &judge, no, &later(), at(now));
    }
    assert_eq!(outbox.take(at(now), 9, &judge, TRYING).leased, [no]);
    assert_eq!(outbox.get(no).unwrap().message.contact, 1);
}

#[test]
fn the_answer_to_an_attempt_that_was_given_up_changes_nothing() {
    let (mut outbox, judge) = (Outbox::default(), programs(1));
    let no = post(&mut outbox, &judge, at(0));
    outbox.take(at(0), 9, &judge, TRYING);
    let stale = Tried {
        no,
        epoch: 7,
        took: Span::ZERO,
    };
    let fates = outbox.outcome(stale, &taken(), at(1), &judge, TRYING);
    assert!(fates.done.is_empty());
    assert!(outbox.get(no).is_some());
}

#[test]
fn nobody_waits_for_a_clock_that_was_set_back() {
    let (mut outbox, judge) = (Outbox::default(), programs(1));
    let no = post(&mut outbox, &judge, at(10_000));
    outbox.take(at(10_000), 9, &judge, TRYING);
    came(&mut outbox, &judge, no, &later(), at(10_000));
    outbox.clock_set_back(at(100));
    assert_eq!(outbox.take(at(100), 9, &judge, TRYING).leased, [no]);
}
