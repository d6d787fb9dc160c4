//! Disks that are full, receivers that hang, processes that are killed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rem_desk::{DeskError, Evaluated, Parts, Reach, Report, TokenKey};
use rem_notify::{Contact, FakePost, Outgoing, Post, Sending};
use rem_time::{Clock, ManualClock, SystemClock};
use unidist::{BucketSpec, Cut, FileOpts, SimDisk, Unidist};

use crate::house::{House, at, mail, open_with, rules};

#[tokio::test(start_paused = true)]
async fn a_full_disk_is_said_loudly_pages_go_on_and_nothing_accepted_is_lost() {
    let house = House::open(rules()).await;
    house.fires("machine:before").await;
    assert_eq!(house.got().len(), 1);
    // Nothing that would make a file longer, and what there is will be used up.
    house.disk.limit(Some(0));
    let mut refused = None;
    let mut accepted = vec!["machine:before".to_owned()];
    for number in 0..1_000 {
        let subject = format!("machine:m{number}");
        let long = Report::fires("down", &subject, house.clock.now()).message("x".repeat(4_000));
        match house.desk.report(vec![long]).await {
            Ok(()) => accepted.push(subject),
            Err(error) => {
                refused = Some((subject, error));
                break;
            }
        }
    }
    let (subject, error) = refused.unwrap();
    assert!(matches!(error, DeskError::NotDurable(_)), "{error:?}");
    let (_, why) = house.desk.overview().not_durable.unwrap();
    assert!(why.contains("space"), "{why}");
    // It pages all the same: who is on call wants to hear of a full disk.
    house.clock.set(at(400));
    let ticked = house.desk.tick().await;
    assert!(
        matches!(ticked, Err(DeskError::NotDurable(_))),
        "{ticked:?}"
    );
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!house.got().is_empty(), "a full disk made the desk silent");

    house.disk.limit(None);
    house.at(402).await;
    assert_eq!(house.desk.overview().not_durable, None);
    let again = vec![Report::fires("down", &subject, house.clock.now())];
    house.desk.report(again).await.unwrap();
    accepted.push(subject);
    let after = house.disk.after_power_cut(Cut::LoseAll);
    let (desk, _unidist) = open_with(&after, &house.clock, house.post.clone(), rules()).await;
    let overview = desk.overview();
    for subject in accepted {
        let there = overview
            .alerts
            .iter()
            .any(|alert| *alert.id.subject == *subject);
        assert!(there, "{subject} was accepted, and is gone");
    }
}

/// A post that never answers to one contact.
struct Hanging {
    post: Arc<FakePost>,
    hangs: Contact,
}

impl Post for Hanging {
    fn send<'a>(
        &'a self,
        message: &'a Outgoing,
        contact: &'a Contact,
        deadline: Duration,
    ) -> Sending<'a> {
        if *contact == self.hangs {
            return Box::pin(std::future::pending());
        }
        self.post.send(message, contact, deadline)
    }
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_hangs_for_ever_blocks_nobody_else() {
    let clock = Arc::new(ManualClock::at(at(0)));
    let post = Arc::new(FakePost::new());
    let hook = Contact::webhook("http://127.0.0.1:9/").unwrap();
    let mut rules = rules();
    rules.roles[0] = rem_alert::shift::Role::new("web")
        .standing("ann")
        .standing("bob");
    rules.users.get_mut("ann").unwrap().contacts = vec![Reach::program(hook.clone())];
    let hanging = Arc::new(Hanging {
        post: post.clone(),
        hangs: hook,
    });
    let (desk, _unidist) = open_with(&SimDisk::new(), &clock, hanging, rules).await;
    for number in 0..300 {
        let report = Report::fires("down", &format!("machine:m{number}"), clock.now());
        desk.report(vec![report]).await.unwrap();
    }
    let mut told = 0;
    for _ in 0..5_000 {
        told += post
            .take_delivered()
            .iter()
            .filter(|told| told.contact == mail("bob"))
            .map(|told| told.message.json["alerts"].as_array().map_or(0, Vec::len))
            .sum::<usize>();
        if 300 <= told {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        clock.advance("100ms".parse().unwrap());
        desk.tick().await.unwrap();
    }
    assert!(300 <= told, "only {told} reached who does not hang");
    let attempts = desk.attempts();
    assert!(
        attempts.iter().any(|(_, made)| *made != 0),
        "the hanging one is tried"
    );
    desk.close(Duration::from_secs(1)).await;
}

fn kills() -> u32 {
    let nightly = std::env::var("REM_NIGHTLY").is_ok_and(|v| v == "1");
    if nightly { 1_000 } else { 30 }
}

/// Writes down each message, and in which life, before it says that it was sent.
struct Ledger(std::sync::Mutex<std::fs::File>, u32);

impl Post for Ledger {
    fn send<'a>(&'a self, message: &'a Outgoing, _: &'a Contact, _: Duration) -> Sending<'a> {
        use std::io::Write;
        let mut file = self.0.lock().unwrap();
        writeln!(file, "{} {}", self.1, message.id).unwrap();
        Box::pin(async { Ok(rem_notify::Sent::default()) })
    }
}

async fn in_folder(folder: &Path, life: u32) -> (rem_desk::Desk, Unidist) {
    let unidist = Unidist::open(folder.join("data"), FileOpts::default())
        .await
        .unwrap();
    let ledger = std::fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("sent"))
        .unwrap();
    let mut rules = rules();
    for (name, user) in &mut rules.users {
        user.contacts = vec![Reach::program(mail(name))];
    }
    let parts = Parts {
        bucket: unidist.consistent("alerts", BucketSpec::default()).unwrap(),
        post: Arc::new(Ledger(std::sync::Mutex::new(ledger), life)),
        clock: Arc::new(SystemClock),
        key: TokenKey::of_folder(folder).unwrap(),
        tasks: None,
    };
    (rem_desk::Desk::open(parts, rules).await.unwrap(), unidist)
}

/// Runs only as a child of the test below: reports alerts for ever, and tells
/// which were accepted.
#[test]
fn child_process() {
    let Ok(folder) = std::env::var("REM_DESK_KILL_FOLDER") else {
        return;
    };
    let life: u32 = std::env::var("REM_DESK_KILL_LIFE")
        .unwrap()
        .parse()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (desk, _unidist) = in_folder(&PathBuf::from(folder), life).await;
        println!("ready");
        for number in 0.. {
            let subject = format!("machine:m{life}-{number}");
            let report = Report::fires("down", &subject, SystemClock.now());
            desk.report(vec![report]).await.unwrap();
            println!("accepted {subject}");
        }
    });
}

#[test]
fn what_was_accepted_before_kill_9_is_there_and_told_at_most_once_more_a_life() {
    let folder = tempfile::tempdir().unwrap();
    let mut accepted = Vec::new();
    for life in 0..kills() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["faults::child_process", "--exact", "--nocapture"])
            .env("REM_DESK_KILL_FOLDER", folder.path())
            .env("REM_DESK_KILL_LIFE", life.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Each life is a different number of alerts long, and ends in the middle of the next.
        let most = (life * 7 % 40) as usize;
        let mut mine = 0;
        for line in lines.map_while(Result::ok) {
            if let Some(subject) = line.strip_prefix("accepted ") {
                accepted.push(subject.to_owned());
                mine += 1;
            }
            if (line.contains("ready") && most == 0) || (most != 0 && most <= mine) {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    runtime.block_on(async {
        let (desk, _unidist) = in_folder(folder.path(), kills()).await;
        let overview = desk.overview();
        for subject in &accepted {
            let there = overview
                .alerts
                .iter()
                .any(|alert| *alert.id.subject == **subject);
            assert!(there, "{subject} was accepted, and is gone");
        }
        let numbers: BTreeMap<&str, String> = overview
            .alerts
            .iter()
            .map(|alert| (&*alert.id.subject, format!("{}.1/ann", alert.id)))
            .collect();
        let sent = || std::fs::read_to_string(folder.path().join("sent")).unwrap();
        let all_told = || {
            let sent = sent();
            let ids = sent.lines().filter_map(|line| line.split_once(' '));
            let told: std::collections::BTreeSet<&str> = ids.map(|(_, id)| id).collect();
            accepted
                .iter()
                .all(|subject| told.contains(&*numbers[&**subject]))
        };
        let began = std::time::Instant::now();
        while !all_told() {
            assert!(
                began.elapsed() < Duration::from_secs(120),
                "an accepted alert was never told"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut times: BTreeMap<String, u32> = BTreeMap::new();
        for line in sent().lines() {
            *times.entry(line.to_owned()).or_default() += 1;
        }
        for (sent, times) in times {
            // Once in the life in which it is under way, and once in each that takes it
            // over from one that was killed meanwhile.
            assert_eq!(times, 1, "in one life: {sent}");
        }
        desk.close(Duration::from_secs(5)).await;
    });
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_is_not_written() {
    let house = House::open(rules()).await;
    let before = house
        .unidist
        .consistent("alerts", BucketSpec::default())
        .unwrap();
    let before = before
        .state::<serde_json::Value>()
        .revision()
        .await
        .unwrap();
    let looked = Evaluated {
        node: "machine:web-01".into(),
        at: house.clock.now(),
        doubtful: false,
    };
    house.desk.evaluated(vec![looked]).await.unwrap();
    let after = house
        .unidist
        .consistent("alerts", BucketSpec::default())
        .unwrap();
    assert_eq!(
        after.state::<serde_json::Value>().revision().await.unwrap(),
        before
    );
}
