//! The process that [`crate::kill`] kills: a desk on a real disk, workers that do
//! random things to it, and a post whose other end the parent holds.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rem_alert::episode::{Ack, Display, HoldKind, HoldPlan, When};
use rem_desk::{Action, Desk, Parts, Reach, Report, Rules, Target, TokenKey};
use rem_notify::{Contact, Outgoing, Post, SendError, Sending, Sent};
use rem_time::{Clock, ManualClock, Span};
use tokio::sync::oneshot;
use unidist::{BucketSpec, FileOpts, Unidist};

use crate::crash::Chance;
use crate::house::{at, by, mail, rules};
use crate::kill::ALERTS;

/// Each has subjects of its own, so that it knows what is true of them.
const WORKERS: usize = 4;
/// Holds that one worker has at the same time.
const HOLDS: usize = 4;
/// Longer than the run.
const LONG: Span = Span::from_seconds(100_000_000);

/// What the parent hears, and its answers to what is sent.
struct Wire {
    out: Mutex<UnixStream>,
    waiting: Mutex<(u64, HashMap<u64, oneshot::Sender<bool>>)>,
    fault: String,
}

impl Wire {
    fn open(fault: String) -> Arc<Self> {
        let stdin = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
        let stream = UnixStream::from(stdin);
        let wire = Arc::new(Self {
            out: Mutex::new(stream.try_clone().unwrap()),
            waiting: Mutex::default(),
            fault,
        });
        let answers = Arc::clone(&wire);
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let (place, answer) = line.split_once(' ').unwrap();
                let place = place.parse().unwrap();
                let waits = answers.waiting.lock().unwrap().1.remove(&place);
                // The desk may have given it up.
                let _ = waits.map(|waits| waits.send(answer == "ok"));
            }
            // Nobody holds the other end: there is nothing to live for.
            std::process::exit(1);
        });
        wire
    }

    fn says(&self, line: &str) {
        let mut out = self.out.lock().unwrap();
        // A parent that is gone ends this process by the thread above.
        let _ = out.write_all(format!("{line}\n").as_bytes());
    }

    async fn send(&self, id: &str) -> bool {
        let (place, answer) = {
            let mut waiting = self.waiting.lock().unwrap();
            waiting.0 += 1;
            let place = waiting.0;
            let (answers, answer) = oneshot::channel();
            waiting.1.insert(place, answers);
            (place, answer)
        };
        self.says(&format!("send {place} {id}"));
        answer.await.unwrap_or(false)
    }
}

struct ToParent(Arc<Wire>);

impl Post for ToParent {
    fn send<'a>(&'a self, message: &'a Outgoing, _: &'a Contact, _: Duration) -> Sending<'a> {
        Box::pin(async move {
            let (wire, id) = (&self.0, &message.id);
            let taken = match &*wire.fault {
                "forgets" if id.contains(":m04") => true,
                "sends-twice" => wire.send(id).await && wire.send(id).await,
                _ => wire.send(id).await,
            };
            match taken {
                true => Ok(Sent {
                    provider_id: None,
                    detail: "taken".into(),
                }),
                false => Err(SendError::temporary("451 later")),
            }
        })
    }
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

/// Tells what is there.
async fn tell_all(desk: &Desk, wire: &Wire) -> HashMap<String, (bool, bool)> {
    // A count that nothing was sent under yet is not yet written.
    let attempts = desk.attempts();
    desk.tick().await.unwrap();
    for (no, made) in attempts {
        wire.says(&format!("attempts {no} {made}"));
    }
    for hold in desk.holds() {
        wire.says(&format!("hold {}", hold.id));
    }
    let mut open = HashMap::new();
    for alert in desk.overview().alerts {
        let display = match alert.display {
            Display::Clearing => "clearing",
            Display::RecoveredUnacked => "recovered",
            Display::Communicating => "communicating",
            Display::Idle
            | Display::Settling
            | Display::Held(_)
            | Display::Snoozed
            | Display::Acknowledged => "quiet",
        };
        let ack = match alert.ack {
            Ack::None => "none",
            Ack::Snoozed { .. } => "snoozed",
            Ack::Complete { .. } => "complete",
        };
        wire.says(&format!("alert {} {display} {ack}", alert.id));
        let fires = !matches!(display, "clearing" | "recovered");
        open.insert(alert.id.subject.to_string(), (fires, ack != "none"));
    }
    open
}

/// One who does things for ever.
struct Worker {
    number: usize,
    desk: Desk,
    wire: Arc<Wire>,
    clock: Arc<ManualClock>,
    chance: Chance,
    /// Of each of its subjects, whether it fires and somebody answered.
    open: HashMap<String, (bool, bool)>,
    holds: Vec<String>,
    life: u64,
    made: u64,
}

impl Worker {
    async fn works(mut self) {
        loop {
            let of_mine = self.chance.below((ALERTS / WORKERS) as u64) as usize;
            let subject = subject(of_mine * WORKERS + self.number);
            let (fires, answered) = self.open.get(&subject).copied().unwrap_or_default();
            let now = self.clock.now();
            let target = || Target::Key {
                alert: "down".into(),
                subject: subject.as_str().into(),
            };
            let ann = by("ann");
            let desk = self.desk.clone();
            match self.chance.below(10) {
                0..=2 if !fires => {
                    let fires = vec![Report::fires("down", &subject, now)];
                    self.doing("fire", &subject, desk.report(fires)).await;
                    // Whether it was answered before is not known.
                    self.open.insert(subject, (true, true));
                }
                3 if fires => {
                    let clears = vec![Report::clears("down", &subject, now)];
                    self.doing("clear", &subject, desk.report(clears)).await;
                    self.open.insert(subject, (false, false));
                }
                4 | 5 if fires && !answered => {
                    let done = desk.act(target(), &ann, Action::Complete);
                    self.doing("complete", &subject, done).await;
                    self.open.insert(subject, (true, true));
                }
                6 if fires && !answered => {
                    let done = desk.act(target(), &ann, Action::Snooze(LONG));
                    self.doing("snooze", &subject, done).await;
                    self.open.insert(subject, (true, true));
                }
                7 if self.holds.len() < HOLDS => {
                    self.made += 1;
                    let id = format!("{}-{}-{}", self.number, self.life, self.made);
                    let done = desk.hold(&ann, self.plan(&id, &subject));
                    self.doing("hold", &id, done).await;
                    self.holds.push(id);
                }
                8 if !self.holds.is_empty() => {
                    let id = self.holds.remove(0);
                    let done = desk.end_hold(&id, &ann);
                    self.doing("end", &id, done).await;
                }
                9 if self.number == 0 => {
                    self.clock
                        .advance(Span::from_seconds(1 + self.chance.below(10)));
                    let seconds = self.clock.now().as_seconds() - at(0).as_seconds();
                    self.wire.says(&format!("time {seconds}"));
                    desk.tick().await.unwrap();
                }
                _ => {}
            }
        }
    }

    fn plan(&self, id: &str, subject: &str) -> HoldPlan {
        let name = subject.trim_start_matches("machine:");
        HoldPlan {
            id: id.into(),
            kind: HoldKind::Forced,
            covers: vec![format!("machine = {name}").parse().unwrap()],
            when: When::Once {
                from: self.clock.now(),
                until: self.clock.now() + LONG,
            },
            by: "ann".into(),
            why: "known".into(),
        }
    }

    /// Says what begins, does it, and says when it is done.
    async fn doing<T>(
        &self,
        what: &str,
        on: &str,
        does: impl Future<Output = Result<T, rem_desk::DeskError>>,
    ) {
        let wire = &self.wire;
        wire.says(&format!("begin {} {what} {on}", self.number));
        if wire.fault == "says-done-first" {
            wire.says(&format!("done {}", self.number));
        }
        does.await
            .unwrap_or_else(|error| panic!("{what} {on}: {error}"));
        if wire.fault != "says-done-first" {
            wire.says(&format!("done {}", self.number));
        }
    }
}

/// Does nothing unless the tests in [`crate::kill`] start it.
#[test]
fn a_desk_that_is_killed() {
    let Ok(folder) = std::env::var("REM_DESK_KILLED_IN") else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(live(PathBuf::from(folder)));
}

fn number(name: &str) -> u64 {
    std::env::var(name).unwrap().parse().unwrap()
}

async fn live(folder: PathBuf) {
    let fault = std::env::var("REM_DESK_KILLED_FAULT").unwrap();
    let (seed, life) = (
        number("REM_DESK_KILLED_SEED"),
        number("REM_DESK_KILLED_LIFE"),
    );
    let wire = Wire::open(fault);
    wire.says("hello");
    let now = at(number("REM_DESK_KILLED_CLOCK") as i64);
    let clock = Arc::new(ManualClock::at(now));
    let options = FileOpts {
        clock: clock.clone(),
        // Kills meet snapshots as well, and a life begins sooner.
        segment_bytes: 1 << 20,
        snapshot_bytes: 4 << 20,
        ..FileOpts::default()
    };
    let unidist = Unidist::open(folder.join("data"), options).await.unwrap();
    let parts = Parts {
        bucket: unidist.consistent("alerts", BucketSpec::default()).unwrap(),
        post: Arc::new(ToParent(wire.clone())),
        clock: clock.clone(),
        key: TokenKey::from_secret(b"of the tests"),
        tasks: None,
    };
    let desk = Desk::open(parts, programs()).await.unwrap();
    let open = tell_all(&desk, &wire).await;
    wire.says("found");
    if life == 0 {
        let all = (0..ALERTS).map(|at| Report::fires("down", &subject(at), now));
        desk.report(all.collect()).await.unwrap();
    }
    wire.says("ready");
    if number("REM_DESK_KILLED_QUIET") == 1 {
        return grow_quiet(&desk, &clock, &wire).await;
    }
    let holds = desk.holds();
    let workers = (0..WORKERS).map(|number| {
        let begin = format!("{number}-");
        let holds = holds.iter().map(|hold| hold.id.to_string());
        let worker = Worker {
            number,
            desk: desk.clone(),
            wire: wire.clone(),
            clock: clock.clone(),
            chance: Chance(seed ^ ((number as u64) << 50)),
            open: open.clone(),
            holds: holds.filter(|id| id.starts_with(&begin)).collect(),
            life,
            made: 0,
        };
        tokio::spawn(worker.works())
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
}

/// Until everything is sent; then tells what is there.
async fn grow_quiet(desk: &Desk, clock: &ManualClock, wire: &Wire) {
    clock.advance(Span::from_seconds(600));
    desk.tick().await.unwrap();
    while desk.overview().waiting != 0 {
        clock.advance(Span::from_millis(200));
        desk.tick().await.unwrap();
    }
    let seconds = clock.now().as_seconds() - at(0).as_seconds();
    wire.says(&format!("time {seconds}"));
    tell_all(desk, wire).await;
    wire.says("quiet");
    std::future::pending::<()>().await;
}
