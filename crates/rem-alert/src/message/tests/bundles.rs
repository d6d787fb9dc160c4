use rem_time::{Span, Timestamp};

use crate::episode::{EpisodeId, Urgency};
use crate::message::{Bundled, Message, Pace, State, Throttle, bundle};

const NOW: Timestamp = Timestamp::from_seconds(1_000_000);
const WINDOW: Span = Span::from_millis(500);

fn at(seconds: f64) -> Timestamp {
    NOW + Span::from_secs_f64(seconds)
}

fn page(service: &str, episode: u64, number: u32, made: Timestamp) -> Message {
    let id = EpisodeId {
        alert: "down".into(),
        subject: service.into(),
        number: episode,
    };
    Message {
        about: Some((id.clone(), number)),
        service: service.into(),
        urgency: Some(Urgency::Page),
        ..Message::new(format!("{}/ann", id.message(number)), "ann", made)
    }
}

/// Runs the outbox of one contact until nothing waits: when, and what.
fn drain(
    mut waiting: Vec<Message>,
    pace: &mut Pace,
    mut now: Timestamp,
) -> Vec<(Timestamp, Bundled)> {
    let mut sent = Vec::new();
    for _ in 0..1_000 {
        let list: Vec<&Message> = waiting.iter().collect();
        let result = bundle(&list, pace, Throttle::default(), now);
        for item in result.send {
            let places = match &item {
                Bundled::Single { message, same } => [&[*message], &same[..]].concat(),
                Bundled::Digest { lists, same, .. } => [&lists[..], &same[..]].concat(),
            };
            for place in places {
                waiting[place].state = State::Delivered { at: now };
            }
            sent.push((now, item));
        }
        waiting.retain(|message| !message.is_over());
        match result.next {
            Some(next) => {
                assert!(now < next, "asks for ever");
                now = next;
            }
            None => break,
        }
    }
    assert!(
        waiting.is_empty(),
        "something was dropped: {}",
        waiting.len()
    );
    sent
}

#[test]
fn the_first_message_of_a_person_waits_for_the_window_alone() {
    let sent = drain(vec![page("web", 1, 1, NOW)], &mut Pace::default(), NOW);
    let single = Bundled::Single {
        message: 0,
        same: vec![],
    };
    assert_eq!(sent, [(NOW + WINDOW, single)]);
}

#[test]
fn ten_thousand_alerts_at_once_are_a_few_digests_that_list_them_all() {
    let messages = (0..10_000)
        .map(|n| page(&format!("s{}", n % 100), n, 1, NOW))
        .collect();
    let mut pace = Pace::default();
    let sent = drain(messages, &mut pace, NOW);
    assert_eq!(sent.len(), 4);
    let mut listed: Vec<usize> = sent
        .iter()
        .flat_map(|(when, item)| {
            assert_eq!(*when, NOW + WINDOW);
            match item {
                Bundled::Digest { lists, .. } => lists.clone(),
                Bundled::Single { .. } => panic!("not a digest"),
            }
        })
        .collect();
    listed.sort_unstable();
    assert_eq!(listed, (0..10_000).collect::<Vec<_>>());
    assert_eq!(pace.digests, 4);
}

#[test]
fn three_hundred_children_leave_as_one_digest_within_a_second() {
    let messages = (0..300)
        .map(|n| page("web", n, 1, at(n as f64 / 1_000.0)))
        .collect();
    let sent = drain(messages, &mut Pace::default(), at(0.3));
    assert_eq!(sent.len(), 1);
    assert!(sent[0].0 <= at(1.0));
}

#[test]
fn more_within_the_gap_is_delayed_and_bundled_and_never_dropped() {
    let mut pace = Pace {
        last: Some(NOW),
        paged: Some(NOW),
        digests: 0,
    };
    let messages = (0..5).map(|n| page("web", n, 1, at(n as f64))).collect();
    let sent = drain(messages, &mut pace, at(5.0));
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].0, at(60.0));
}

#[test]
fn a_page_does_not_wait_because_of_a_note() {
    let mut pace = Pace {
        last: Some(NOW),
        ..Pace::default()
    };
    let messages = vec![
        Message::new("note/ann", "ann", at(1.0)),
        page("web", 1, 1, at(2.0)),
    ];
    let sent = drain(messages, &mut pace, at(2.0));
    let digest = Bundled::Digest {
        number: 1,
        lists: vec![1, 0],
        same: vec![],
    };
    assert_eq!(sent, [(at(2.5), digest)]);
    let notes = vec![Message::new("note/ann", "ann", at(3.0))];
    assert_eq!(drain(notes, &mut pace, at(3.0))[0].0, at(62.5));
}

#[test]
fn the_first_alert_of_each_service_stands_in_front() {
    let mut messages: Vec<Message> = (0..4)
        .map(|n| page("web", n, 1, at(n as f64 / 100.0)))
        .collect();
    messages.push(page("db", 9, 1, at(0.3)));
    messages.push(Message::new("note/ann", "ann", NOW));
    let sent = drain(messages, &mut Pace::default(), at(0.3));
    let digest = Bundled::Digest {
        number: 1,
        lists: vec![0, 4, 1, 2, 3, 5],
        same: vec![],
    };
    assert_eq!(sent, [(NOW + WINDOW, digest)]);
}

#[test]
fn a_day_of_repeats_of_one_alert_is_one_message() {
    let messages: Vec<Message> = (1..=288)
        .map(|n| page("web", 1, n, at(300.0 * f64::from(n))))
        .collect();
    let sent = drain(messages, &mut Pace::default(), at(86_400.0));
    assert_eq!(sent.len(), 1);
    match &sent[0].1 {
        Bundled::Single { message, same } => assert_eq!((*message, same.len()), (287, 287)),
        Bundled::Digest { .. } => panic!("one alert needs no digest"),
    }
}

#[test]
fn what_was_tried_leaves_as_it_is_and_waits_for_its_back_off_alone() {
    let mut tried = page("web", 1, 1, NOW);
    tried.attempts = 1;
    let fresh = page("db", 2, 1, NOW);
    let mut digest = Message::new("digest/ann/1", "ann", NOW);
    digest.carries = vec!["a".into(), "b".into()];
    let mut pace = Pace {
        last: Some(NOW),
        paged: Some(NOW),
        digests: 1,
    };
    let result = bundle(
        &[&tried, &fresh, &digest],
        &mut pace,
        Throttle::default(),
        at(1.0),
    );
    let alone = |message| Bundled::Single {
        message,
        same: vec![],
    };
    assert_eq!(result.send, [alone(0), alone(2)]);
    assert_eq!(result.next, Some(at(60.0)));
}

#[test]
fn a_newer_page_of_the_same_episode_stands_for_one_that_failed() {
    let mut tried = page("web", 1, 1, NOW);
    tried.attempts = 4;
    let messages = vec![tried, page("web", 1, 2, at(300.0))];
    let sent = drain(messages, &mut Pace::default(), at(300.0));
    let single = Bundled::Single {
        message: 1,
        same: vec![0],
    };
    assert_eq!(sent, [(at(300.5), single)]);
}

#[test]
fn a_clock_that_is_set_back_does_not_silence_a_contact() {
    let mut pace = Pace {
        last: Some(at(3_600.0)),
        paged: Some(at(3_600.0)),
        digests: 0,
    };
    let messages = vec![page("web", 1, 1, at(3_700.0))];
    let mut waiting = messages;
    waiting[0].state = State::Queued { not_before: NOW };
    let list: Vec<&Message> = waiting.iter().collect();
    let result = bundle(&list, &mut pace, Throttle::default(), NOW);
    assert_eq!(result.next, Some(at(60.0)));
}

#[test]
fn nothing_to_send_asks_for_nothing() {
    let result = bundle(&[], &mut Pace::default(), Throttle::default(), NOW);
    assert!(result.send.is_empty() && result.next.is_none());
}
