//! Pages that are due again while their post is down.

use std::sync::Arc;

use rem_alert::episode::Step;
use rem_desk::{Action, Line, Report, Target};
use rem_notify::{Delivered, SendError};
use rem_time::{Clock, ManualClock, Span};
use unidist::{Cut, SimDisk};

use crate::house::{House, at, by, mail, open_with, rules};

fn down(house: &House) {
    for name in ["ann", "bob"] {
        house
            .post
            .refuse(mail(name), SendError::temporary("451 try later"));
    }
}

fn up(house: &House) {
    for name in ["ann", "bob"] {
        house.post.repair(&mail(name));
    }
}

fn names(told: &[Delivered]) -> Vec<String> {
    let mut names: Vec<String> = told.iter().map(|told| told.message.id.clone()).collect();
    names.sort();
    names
}

async fn ends(house: &House, number: u64) -> Vec<String> {
    let episode = house.desk.episode(number).await.unwrap().unwrap();
    let lines = episode.timeline.into_iter();
    lines
        .filter_map(|line| match line {
            Line::Message { end, .. } => Some(end.to_string()),
            Line::Step(_) => None,
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_due_again_while_it_waits_is_one_message_under_its_first_id() {
    let house = House::open(rules()).await;
    down(&house);
    house.fires("machine:web-01").await;
    let number = house.desk.overview().alerts[0].id.number;
    // Ann at 0 and 60 s, Bob at 120 and 180 s, Ann again at 240 s.
    for second in (10..=240).step_by(10) {
        house.at(second).await;
    }
    let alert = &house.desk.overview().alerts[0];
    assert_eq!(alert.told, [Arc::from("ann"), "bob".into()]);
    assert_eq!(house.desk.overview().waiting, 2);
    assert_eq!(house.got(), Vec::<String>::new());

    let after = house.disk.after_power_cut(Cut::LoseAll);
    let again = House::open_on(after, house.clock.clone(), rules()).await;
    let known = again.desk.episode(number).await.unwrap().unwrap();
    assert_eq!(
        known
            .messages
            .iter()
            .map(|letter| letter.again)
            .collect::<Vec<_>>(),
        [2, 1]
    );
    for second in [250, 400, 550, 700] {
        again.at(second).await;
    }
    let told = again.post.take_delivered();
    let id = |page: u32, name: &str| format!("down@machine:web-01#{number}.{page}/{name}");
    let told = names(&told);
    for (first, joined, name) in [(1, &[2, 5][..], "ann"), (3, &[4], "bob")] {
        let times = |id: String| told.iter().filter(|told| **told == id).count();
        assert_eq!(times(id(first, name)), 1, "{told:?}");
        for page in joined {
            assert_eq!(times(id(*page, name)), 0, "{told:?}");
        }
    }
    let ends = ends(&again, number).await;
    for name in ["ann", "bob"] {
        let begin = format!("sent to {name} by mail {name}@example.com, due ");
        assert!(
            ends.iter()
                .any(|end| end.starts_with(&begin) && end.contains(" times, attempt ")),
            "{ends:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_waiting_digest_brings_is_not_brought_again_by_another_message() {
    let mut rules = rules();
    rules.default_ladder = vec![Step::new("web", 1_000, Span::from_seconds(60))];
    let house = House::open(rules).await;
    down(&house);
    let now = house.clock.now();
    let both = ["machine:a", "machine:b"].map(|subject| Report::fires("down", subject, now));
    house.desk.report(both.to_vec()).await.unwrap();
    house.settle().await;
    for second in (10..=100).step_by(10) {
        house.at(second).await;
    }
    assert_eq!(
        house.desk.overview().waiting,
        3,
        "the digest and what it brings"
    );
    up(&house);
    let mut got = Vec::new();
    for second in (101..=500).step_by(3) {
        house.at(second).await;
        got = house.got();
        if !got.is_empty() {
            break;
        }
    }
    assert_eq!(got, ["ann: 2 alerts"]);
    for alert in house.desk.overview().alerts {
        let ends = ends(&house, alert.id.number).await;
        assert_eq!(ends.len(), 1, "{ends:?}");
        assert!(ends[0].contains(", due "), "{ends:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_mail_for_the_morning_that_is_due_again_is_one_message() {
    let mut rules = rules();
    rules
        .alerts
        .insert("down".into(), rem_desk::AlertRule::default());
    let house = House::open(rules).await;
    house.fires("machine:web-01").await;
    assert_eq!(house.got(), ["ann: down: machine:web-01"]);
    house.clears("machine:web-01").await;
    down(&house);
    // Over after ten minutes, and then a low page after one, two and four hours.
    for minute in (5..=9 * 60).step_by(5) {
        house.at(minute * 60).await;
    }
    house.post.take_delivered();
    up(&house);
    for minute in (9 * 60..=9 * 60 + 15).step_by(5) {
        house.at(minute * 60).await;
    }
    let told = house.post.take_delivered();
    let pages = told
        .iter()
        .filter(|told| told.message.kind == rem_notify::Kind::Page);
    assert_eq!(pages.count(), 1, "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_page_after_a_snooze_is_not_the_one_that_waited_before_it() {
    let house = House::open(rules()).await;
    down(&house);
    house.fires("machine:web-01").await;
    let number = house.desk.overview().alerts[0].id.number;
    let snooze = Action::Snooze(Span::from_seconds(30));
    let ann = by("ann");
    let done = house.desk.act(Target::Episode(number), &ann, snooze);
    done.await.unwrap();
    for second in [10, 20, 30] {
        house.at(second).await;
    }
    up(&house);
    for second in [35, 40] {
        house.at(second).await;
    }
    let told = house.post.take_delivered();
    assert_eq!(told.len(), 1, "{told:?}");
    // Whoever got the first attempt after all must not take this one for the same.
    assert_ne!(
        told[0].message.id,
        format!("down@machine:web-01#{number}.1/ann")
    );
}

// Time must pass by itself: a paused clock jumps to the deadline of what hangs while
// the disk is waited for.
#[tokio::test]
async fn pages_that_wait_beside_each_other_are_one_after_a_restart() {
    // A program takes several at once: the second page leaves while the first is
    // under way, and neither is answered when the power goes.
    let (disk, clock) = (SimDisk::new(), Arc::new(ManualClock::at(at(0))));
    let mut rules = rules();
    for (name, user) in &mut rules.users {
        user.contacts = vec![rem_desk::Reach::program(mail(name))];
    }
    rules.timing.send_deadline = Span::from_seconds(86_400);
    let (desk, _unidist) = open_with(&disk, &clock, Arc::new(Hangs), rules.clone()).await;
    let report = Report::fires("down", "machine:web-01", clock.now());
    desk.report(vec![report]).await.unwrap();
    clock.advance(Span::from_seconds(60));
    desk.tick().await.unwrap();
    assert_eq!(desk.attempts(), [(1, 1), (2, 1)]);
    let after = disk.after_power_cut(Cut::LoseAll);
    let again = House::open_on(after, clock, rules).await;
    again.settle().await;
    let told = again.post.take_delivered();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].message.id.ends_with(".1/ann"), "{told:?}");
}

struct Hangs;

impl rem_notify::Post for Hangs {
    fn send<'a>(
        &'a self,
        _: &'a rem_notify::Outgoing,
        _: &'a rem_notify::Contact,
        _: std::time::Duration,
    ) -> rem_notify::Sending<'a> {
        Box::pin(std::future::pending())
    }
}
