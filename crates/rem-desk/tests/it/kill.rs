//! `kill -9` at random points of one run with five hundred alerts in flight: the
//! other process is [`crate::kill_child`], what is known of it is in [`Watch`].

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::crash::Chance;

/// Alerts in flight.
pub(crate) const ALERTS: usize = 500;
/// The child says nothing for so long: it hangs.
const SILENCE_MAX: Duration = Duration::from_secs(120);
/// After so many lives one runs until nothing is left to be sent.
const QUIET_EVERY: u64 = 250;
/// At most so many lines are heard of a life.
const LINES_MAX: u64 = 120;

/// What is expected of one subject, as far as it was told.
#[derive(Clone, Debug, PartialEq)]
enum Known {
    /// Something was asked for and not answered.
    Unclear,
    /// It is clear, or on the way there.
    Clear,
    /// It fires; what people said of it, if that is known: `none`, `snoozed`, `complete`.
    Fires(Option<String>),
}

/// Everything that was told "done", and everything that arrived.
struct Watch {
    seed: u64,
    life: u64,
    known: BTreeMap<String, Known>,
    /// Holds that are there, or are not, where that is known.
    holds: BTreeMap<String, Option<bool>>,
    attempts: BTreeMap<u64, u32>,
    /// Ids of messages that arrived in any life.
    told: BTreeSet<String>,
    told_now: BTreeSet<String>,
    /// What each worker has begun.
    begun: BTreeMap<String, (String, String)>,
    /// What the child found when it began.
    found: BTreeMap<String, (String, String, String)>,
    found_holds: BTreeSet<String>,
    clock: i64,
    messages: u64,
    done: u64,
}

impl Watch {
    fn new(seed: u64) -> Self {
        Self {
            seed,
            life: 0,
            known: BTreeMap::new(),
            holds: BTreeMap::new(),
            attempts: BTreeMap::new(),
            told: BTreeSet::new(),
            told_now: BTreeSet::new(),
            begun: BTreeMap::new(),
            found: BTreeMap::new(),
            found_holds: BTreeSet::new(),
            clock: 0,
            messages: 0,
            done: 0,
        }
    }

    /// Hears one line; what is to be answered, or what is wrong.
    fn hear(&mut self, line: &str, refuse: bool) -> Result<Option<String>, String> {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["send", place, id] => {
                self.messages += 1;
                if refuse {
                    return Ok(Some(format!("{place} later\n")));
                }
                if !self.told_now.insert(id.to_owned()) {
                    return Err(format!("message {id} came twice in one life"));
                }
                self.told.insert(id.to_owned());
                return Ok(Some(format!("{place} ok\n")));
            }
            ["attempts", no, made] => {
                let (no, made): (u64, u32) = (number(no)? as u64, number(made)? as u32);
                let before = self.attempts.insert(no, made).unwrap_or(0);
                if made < before {
                    return Err(format!("message {no} had {before} attempts, now {made}"));
                }
            }
            ["hold", id] => {
                self.found_holds.insert(id.to_owned());
            }
            ["alert", id, display, ack] => {
                let subject = subject_of(id);
                let all = (id.to_owned(), display.to_owned(), ack.to_owned());
                self.found.insert(subject, all);
            }
            ["found"] => self.compare()?,
            ["time", seconds] => self.clock = self.clock.max(number(seconds)?),
            ["begin", worker, what, on] => {
                match what {
                    "hold" | "end" => self.holds.insert(on.to_owned(), None).map(drop),
                    _ => self.known.insert(on.to_owned(), Known::Unclear).map(drop),
                };
                let all = (what.to_owned(), on.to_owned());
                self.begun.insert(worker.to_owned(), all);
            }
            ["done", worker] => {
                self.done += 1;
                let (what, on) = self.begun.remove(worker).unwrap_or_default();
                let ack = |ack: &str| Known::Fires(Some(ack.to_owned()));
                let known = match &*what {
                    "hold" => return self.hold(on, true),
                    "end" => return self.hold(on, false),
                    "fire" => Known::Fires(None),
                    "clear" => Known::Clear,
                    "complete" => ack("complete"),
                    "snooze" => ack("snoozed"),
                    other => return Err(format!("the child does not know what it did: {other}")),
                };
                self.known.insert(on, known);
            }
            ["ready" | "hello" | "quiet"] => {}
            _ => return Err(format!("the child says what it never should: {line}")),
        }
        Ok(None)
    }

    fn hold(&mut self, id: String, is_there: bool) -> Result<Option<String>, String> {
        self.holds.insert(id, Some(is_there));
        Ok(None)
    }

    /// What was told "done" is there; what is there counts from now on.
    fn compare(&mut self) -> Result<(), String> {
        for (subject, known) in &self.known {
            let found = self.found.get(subject);
            let fires = found
                .is_some_and(|(_, display, _)| !matches!(&**display, "clearing" | "recovered"));
            let right = match known {
                Known::Unclear => true,
                Known::Clear => !fires,
                Known::Fires(None) => fires,
                Known::Fires(Some(ack)) => fires && found.is_some_and(|(.., is)| is == ack),
            };
            if !right {
                return Err(format!("{subject} should be {known:?}, and is {found:?}"));
            }
        }
        for (id, known) in &self.holds {
            let is_there = self.found_holds.contains(id);
            if known.is_some_and(|known| known != is_there) {
                return Err(format!(
                    "hold {id} should be there: {known:?}, is: {is_there}"
                ));
            }
        }
        self.known.clear();
        for (subject, (_, display, ack)) in &self.found {
            let known = match &**display {
                "clearing" | "recovered" => Known::Clear,
                _ => Known::Fires(Some(ack.clone())),
            };
            self.known.insert(subject.clone(), known);
        }
        self.holds = self
            .found_holds
            .iter()
            .map(|id| (id.clone(), Some(true)))
            .collect();
        Ok(())
    }

    /// Nothing is left to be sent: whatever pages was told.
    fn all_told(&self) -> Result<(), String> {
        for (id, display, _) in self.found.values() {
            let begin = format!("{id}.");
            let told = self.told.range(begin.clone()..).next();
            if display == "communicating" && !told.is_some_and(|told| told.starts_with(&begin)) {
                return Err(format!("{id} pages, and was never told"));
            }
        }
        Ok(())
    }

    fn begin_life(&mut self, life: u64) {
        self.life = life;
        self.told_now.clear();
        self.begun.clear();
        self.found.clear();
        self.found_holds.clear();
    }
}

fn subject_of(id: &str) -> String {
    let (key, _) = id.rsplit_once('#').unwrap_or((id, ""));
    let (_, subject) = key.split_once('@').unwrap_or(("", key));
    subject.to_owned()
}

fn number(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("not a number: {text}"))
}

/// A process with a desk, and the two ends of what is said.
struct Life {
    child: Child,
    heard: BufReader<UnixStream>,
    says: UnixStream,
}

impl Life {
    fn begin(folder: &Path, watch: &Watch, fault: &str, quiet: bool) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_read_timeout(Some(SILENCE_MAX)).unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args([
                "kill_child::a_desk_that_is_killed",
                "--exact",
                "--nocapture",
            ])
            .env("REM_DESK_KILLED_IN", folder)
            .env("REM_DESK_KILLED_FAULT", fault)
            .env("REM_DESK_KILLED_QUIET", u8::from(quiet).to_string())
            .env(
                "REM_DESK_KILLED_SEED",
                (watch.seed ^ (watch.life << 20)).to_string(),
            )
            .env("REM_DESK_KILLED_CLOCK", (watch.clock + 30).to_string())
            .env("REM_DESK_KILLED_LIFE", watch.life.to_string())
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            child,
            heard: BufReader::new(ours.try_clone().unwrap()),
            says: ours,
        }
    }

    /// The next whole line; `None` after the last.
    fn line(&mut self) -> Result<Option<String>, String> {
        let mut line = String::new();
        match self.heard.read_line(&mut line) {
            Ok(_) if line.ends_with('\n') => Ok(Some(line.trim_end().to_owned())),
            // What a kill cut off was not told.
            Ok(_) => Ok(None),
            // What was not read when it died.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Ok(None),
            Err(error) => Err(format!("the child says nothing: {error}")),
        }
    }

    fn answer(&mut self, watch: &mut Watch, line: &str, refuse: bool) -> Result<(), String> {
        if let Some(answer) = watch.hear(line, refuse)? {
            // It may be dead already.
            let _ = self.says.write_all(answer.as_bytes());
        }
        Ok(())
    }

    /// Ends it, and hears what it had still said.
    fn kill(mut self, watch: &mut Watch) -> Result<(), String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        while let Some(line) = self.line()? {
            watch.hear(&line, false)?;
        }
        Ok(())
    }
}

/// The moment at which a life ends.
#[derive(Debug)]
enum End {
    /// While it opens what it kept.
    Opening(Duration),
    /// After so many lines, and a moment more.
    After(u64, Duration),
}

impl End {
    fn of(chance: &mut Chance) -> Self {
        let moment = Duration::from_micros(chance.below(400));
        match chance.below(12) {
            0 => Self::Opening(Duration::from_micros(chance.below(40_000))),
            _ => Self::After(chance.below(LINES_MAX), moment),
        }
    }
}

/// A moment that is too short for a timer.
fn pass(moment: Duration) {
    let began = Instant::now();
    while began.elapsed() < moment {
        std::hint::spin_loop();
    }
}

fn live_and_die(
    folder: &Path,
    watch: &mut Watch,
    chance: &mut Chance,
    fault: &str,
) -> Result<(), String> {
    let end = End::of(chance);
    let mut life = Life::begin(folder, watch, fault, false);
    let mut lines = 0;
    let mut ready = false;
    loop {
        let Some(line) = life.line()? else {
            return Err("the child ended by itself".into());
        };
        life.answer(watch, &line, chance.below(8) == 0)?;
        ready |= line == "ready";
        lines += u64::from(ready);
        let moment = match &end {
            End::Opening(moment) if line == "hello" => *moment,
            End::After(most, moment) if ready && *most <= lines => *moment,
            End::Opening(_) | End::After(..) => continue,
        };
        pass(moment);
        return life.kill(watch);
    }
}

/// A life that ends when nothing is left to be sent.
fn live_in_quiet(folder: &Path, watch: &mut Watch, fault: &str) -> Result<(), String> {
    let mut life = Life::begin(folder, watch, fault, true);
    while let Some(line) = life.line()? {
        if line == "ready" {
            // What it finds at the end is asked for again.
            watch.found.clear();
        }
        life.answer(watch, &line, false)?;
        if line == "quiet" {
            watch.all_told()?;
            return life.kill(watch);
        }
    }
    Err("the child ended by itself".into())
}

/// The whole run; what was wrong in which life, if anything.
fn run(seed: u64, lives: u64, fault: &str) -> Result<Watch, String> {
    let folder = tempfile::tempdir().unwrap();
    let mut chance = Chance(seed);
    let mut watch = Watch::new(seed);
    for life in 0..=lives {
        watch.begin_life(life);
        let quiet = life == lives || life % QUIET_EVERY == QUIET_EVERY - 1;
        let done = match quiet {
            true => live_in_quiet(folder.path(), &mut watch, fault),
            false => live_and_die(folder.path(), &mut watch, &mut chance, fault),
        };
        done.map_err(|wrong| format!("seed {seed}, life {life}: {wrong}"))?;
    }
    Ok(watch)
}

fn seed() -> u64 {
    let given = std::env::var("REM_DESK_KILL_SEED").ok();
    given.and_then(|seed| seed.parse().ok()).unwrap_or(2_026)
}

#[test]
fn a_thousand_kills_of_five_hundred_alerts_in_flight_lose_nothing_that_was_told_done() {
    let nightly = std::env::var("REM_NIGHTLY").is_ok_and(|v| v == "1");
    let lives = if nightly { 10_000 } else { 1_000 };
    let lives = std::env::var("REM_DESK_KILLS").map_or(lives, |some| some.parse().unwrap());
    let began = Instant::now();
    println!("REM_DESK_KILL_SEED={}", seed());
    let watch = run(seed(), lives, "honest").unwrap_or_else(|wrong| panic!("{wrong}"));
    println!(
        "{lives} kills in {:.1} s: {} messages told, {} sends heard, {} times done",
        began.elapsed().as_secs_f64(),
        watch.told.len(),
        watch.messages,
        watch.done,
    );
    assert!(ALERTS < watch.told.len(), "the run did hardly anything");
    assert!(lives < watch.done, "the run did hardly anything");
}

#[test]
fn a_desk_that_says_done_before_it_has_written_is_found_out() {
    let wrong = run(seed(), 200, "says-done-first").err();
    let wrong = wrong.expect("nothing was noticed");
    assert!(wrong.contains("should be"), "{wrong}");
}

#[test]
fn a_desk_that_sends_twice_is_found_out() {
    let wrong = run(seed(), 50, "sends-twice").err();
    let wrong = wrong.expect("nothing was noticed");
    assert!(wrong.contains("came twice in one life"), "{wrong}");
}

#[test]
fn a_desk_that_forgets_to_tell_is_found_out() {
    let wrong = run(seed(), 3, "forgets").err();
    let wrong = wrong.expect("nothing was noticed");
    assert!(wrong.contains("was never told"), "{wrong}");
}
