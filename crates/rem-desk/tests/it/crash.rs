//! Power cuts at random points: what was told "done" is there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rem_alert::episode::{Ack, Display, EpisodeId};
use rem_desk::{Action, Desk, Reach, Report, Rules, Target};
use rem_notify::{Contact, FakePost, Outgoing, Post, SendError, Sending};
use rem_time::{Clock, ManualClock, Span};
use unidist::{Cut, SimDisk};

use crate::house::{at, by, mail, open_with, rules};

/// Sites whose power is cut at the same time, and the alerts in flight in each.
const SITES: u64 = 4;
const ALERTS: usize = 125;

/// A post that sends nothing any more once its process is dead.
struct Mortal {
    post: Arc<FakePost>,
    dead: AtomicBool,
}

impl Post for Mortal {
    fn send<'a>(
        &'a self,
        message: &'a Outgoing,
        contact: &'a Contact,
        deadline: Duration,
    ) -> Sending<'a> {
        if self.dead.load(Ordering::SeqCst) {
            return Box::pin(std::future::pending());
        }
        self.post.send(message, contact, deadline)
    }
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// What has to be true of one subject.
#[derive(Clone, Debug, PartialEq)]
enum Known {
    Fires,
    Clear,
    Completed,
    Snoozed,
    /// It was asked for, and nobody answered before the power was cut.
    Unclear,
}

fn programs() -> Rules {
    let mut rules = rules();
    for (name, user) in &mut rules.users {
        user.contacts = vec![Reach::program(mail(name))];
    }
    rules
}

fn subject(at: usize) -> String {
    format!("machine:m{at:03}")
}

/// Does random things until the power is cut; tells what is known of each subject.
async fn live(desk: &Desk, clock: &ManualClock, known: &mut [Known], chance: &mut Chance) {
    loop {
        let at = chance.below(ALERTS as u64) as usize;
        let subject = subject(at);
        let now = clock.now();
        let before = std::mem::replace(&mut known[at], Known::Unclear);
        let key = Target::Key {
            alert: "down".into(),
            subject: subject.as_str().into(),
        };
        let fires = vec![Report::fires("down", &subject, now)];
        known[at] = match chance.below(6) {
            0 if before != Known::Unclear => {
                let clears = vec![Report::clears("down", &subject, now)];
                desk.report(clears).await.unwrap();
                Known::Clear
            }
            1 if before == Known::Fires => {
                desk.act(key, &by("ann"), Action::Complete).await.unwrap();
                Known::Completed
            }
            2 if before == Known::Fires => {
                let long = Action::Snooze(Span::from_seconds(1_000_000));
                desk.act(key, &by("ann"), long).await.unwrap();
                Known::Snoozed
            }
            3 => {
                clock.advance(Span::from_seconds(1 + chance.below(20)));
                before
            }
            _ if matches!(before, Known::Clear | Known::Unclear) => {
                desk.report(fires).await.unwrap();
                // It may have been acknowledged before it cleared.
                Known::Unclear
            }
            _ => before,
        };
    }
}

fn check(desk: &Desk, known: &[Known], life: u64) {
    let overview = desk.overview();
    let open: BTreeMap<&str, _> = overview
        .alerts
        .iter()
        .map(|alert| (&*alert.id.subject, alert))
        .collect();
    for (at, known) in known.iter().enumerate() {
        let subject = subject(at);
        let alert = open.get(subject.as_str());
        let right = match known {
            Known::Unclear => true,
            Known::Clear => alert.is_none_or(|alert| alert.display != Display::Communicating),
            Known::Fires => alert.is_some_and(|alert| alert.ack == Ack::None),
            Known::Completed => {
                alert.is_some_and(|alert| matches!(alert.ack, Ack::Complete { .. }))
            }
            Known::Snoozed => alert.is_some_and(|alert| matches!(alert.ack, Ack::Snoozed { .. })),
        };
        assert!(
            right,
            "life {life}: {subject} should be {known:?}: {alert:?}"
        );
    }
}

#[test]
fn a_power_cut_at_any_point_loses_nothing_and_doubles_no_message_in_one_life() {
    let nightly = std::env::var("REM_NIGHTLY").is_ok_and(|v| v == "1");
    let lives: u64 = if nightly { 10_000 } else { 1_000 };
    std::thread::scope(|scope| {
        for site in 0..SITES {
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread();
                let runtime = { runtime }.enable_all().start_paused(true).build();
                runtime.unwrap().block_on(cut_and_look(site, lives / SITES));
            });
        }
    });
}

async fn cut_and_look(site: u64, lives: u64) {
    let clock = Arc::new(ManualClock::at(at(0)));
    let post = Arc::new(FakePost::new());
    let mut disk = SimDisk::new();
    let mut chance = Chance(2026 + site);
    let mut known = vec![Known::Unclear; ALERTS];
    let mut attempts: BTreeMap<u64, u32> = BTreeMap::new();
    let mut told: BTreeSet<String> = BTreeSet::new();
    for life in 0..lives {
        let mortal = Arc::new(Mortal {
            post: post.clone(),
            dead: AtomicBool::new(false),
        });
        let (desk, unidist) = open_with(&disk, &clock, mortal.clone(), programs()).await;
        check(&desk, &known, life);
        for (no, made) in desk.attempts() {
            let before = attempts.insert(no, made).unwrap_or(0);
            assert!(before <= made, "life {life}: message {no} forgot attempts");
        }
        if life == 0 {
            let all = (0..ALERTS).map(|at| Report::fires("down", &subject(at), clock.now()));
            desk.report(all.collect()).await.unwrap();
            known.fill(Known::Fires);
        }
        for _ in 0..chance.below(4) {
            post.refuse_next(SendError::temporary("451 later"));
        }
        let turns = chance.below(60);
        {
            let work = live(&desk, &clock, &mut known, &mut chance);
            let cut = async {
                for _ in 0..turns {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                biased;
                () = cut => {}
                () = work => {}
            }
        }
        mortal.dead.store(true, Ordering::SeqCst);
        let cut = match chance.below(4) {
            0 => Cut::LoseAll,
            _ => Cut::Torn(chance.below(u64::MAX)),
        };
        let after = disk.after_power_cut(cut);
        drop(desk);
        drop(unidist);
        disk = after;
        let mut in_this_life = BTreeSet::new();
        for delivered in post.take_delivered() {
            let id = delivered.message.id;
            assert!(
                in_this_life.insert(id.clone()),
                "life {life}: {id} came twice"
            );
            told.insert(id);
        }
    }
    // What is open and not acknowledged was told, or is told now.
    let (desk, _unidist) = open_with(&disk, &clock, post.clone(), programs()).await;
    clock.advance(Span::from_seconds(4_000));
    for _ in 0..10_000 {
        desk.tick().await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
        told.extend(
            post.take_delivered()
                .into_iter()
                .map(|told| told.message.id),
        );
        let alerts = desk.overview().alerts;
        let talking = alerts
            .iter()
            .filter(|alert| alert.display == Display::Communicating);
        let silent = |id: &EpisodeId| {
            let id = format!("{id}.");
            let first = told.range(id.clone()..).next();
            !first.is_some_and(|told| told.starts_with(&id))
        };
        if !talking.into_iter().any(|alert| silent(&alert.id)) {
            return;
        }
        clock.advance(Span::from_millis(100));
    }
    panic!("an alert that pages was never told");
}

#[tokio::test(start_paused = true)]
async fn a_restart_changes_nothing() {
    let clock = Arc::new(ManualClock::at(at(0)));
    let post = Arc::new(FakePost::new());
    let disk = SimDisk::new();
    let (desk, unidist) = open_with(&disk, &clock, post.clone(), programs()).await;
    let all = (0..20).map(|at| Report::fires("down", &subject(at), clock.now()));
    desk.report(all.collect()).await.unwrap();
    while post.delivered().len() < 20 || desk.overview().waiting != 0 {
        desk.tick().await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let key = Target::Key {
        alert: "down".into(),
        subject: subject(3).as_str().into(),
    };
    desk.act(key, &by("ann"), Action::Complete).await.unwrap();
    let clears = vec![Report::clears("down", &subject(4), clock.now())];
    desk.report(clears).await.unwrap();
    let before = format!("{:?}", desk.overview());
    let after = disk.after_power_cut(Cut::LoseAll);
    drop((desk, unidist));
    let (desk, _unidist) = open_with(&after, &clock, post.clone(), programs()).await;
    assert_eq!(format!("{:?}", desk.overview()), before);
    assert!(matches!(desk.overview().alerts.len(), 20));

    // An hour later every repeat that was missed is one message.
    post.take_delivered();
    clock.advance(Span::from_seconds(3_600));
    while desk.overview().waiting != 0 || post.delivered().is_empty() {
        desk.tick().await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let subjects: BTreeSet<String> = post
        .delivered()
        .into_iter()
        .map(|told| told.message.id)
        .collect();
    // One was acknowledged; of the one that cleared only a mail comes.
    assert_eq!(subjects.len(), 19);
    assert_eq!(post.delivered().len(), 19);
}
