//! Scripts of events and the exact log of what they lead to: anything that is
//! not expected fails the test. Times are seconds.

use std::fmt::Write as _;
use std::sync::Arc;

use rem_alert::episode::{
    Effect, Episode, Event, Hold, NoteKind, Parents, Recipient, Rules, Step, Urgency, replay,
};
use rem_time::{Span, Timestamp};

#[path = "episode/answer.rs"]
mod answer;
#[path = "episode/clearing.rs"]
mod clearing;
#[path = "episode/dependency.rs"]
mod dependency;
#[path = "episode/holds.rs"]
mod holds;
#[path = "episode/ladder.rs"]
mod ladder;
#[path = "episode/scenario.rs"]
mod scenario;

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;

/// Who is on call: a role's name to its users, from an instant on.
type Calendar = &'static [(i64, &'static str, &'static [&'static str])];

const ANN: Calendar = &[(0, "web", &["ann"]), (0, "manager", &["bob"])];

/// Runs the script as a host does, with every wake-up in time, and compares.
#[track_caller]
fn check(rules: &Rules, calendar: Calendar, script: &[(i64, Event)], until: i64, expected: &str) {
    let mut expected: Vec<&str> = expected.lines().map(str::trim).collect();
    expected.retain(|line| !line.is_empty());
    let log = run(rules, calendar, script, until);
    let log: Vec<&str> = log.lines().collect();
    assert_eq!(log, expected, "\n{}", log.join("\n"));
}

fn run(rules: &Rules, calendar: Calendar, script: &[(i64, Event)], until: i64) -> String {
    let mut log = String::new();
    let mut episode = Episode::default();
    let mut lines = Vec::new();
    let mut script = script.iter().peekable();
    loop {
        let wake = episode
            .next_wakeup()
            .map(|at| (at.as_seconds(), Event::Wake));
        let (at, event) = match (script.peek().copied(), wake) {
            (Some((at, _)), Some(wake)) if wake.0 < *at => wake,
            (Some(next), _) => {
                script.next();
                next.clone()
            }
            (None, Some(wake)) if wake.0 <= until => wake,
            (None, _) => break,
        };
        let now = Timestamp::from_seconds(at);
        let was = episode.display();
        let mut effects = Vec::new();
        let roster = |role: &str, _: Timestamp| on_call(calendar, role, at);
        episode.step(&event, now, rules, &roster, &mut effects);
        for effect in &effects {
            match effect {
                Effect::Audit(line) => lines.push(line.clone()),
                other => {
                    let _ = writeln!(log, "{at}: {}", show(other));
                }
            }
        }
        if episode.display() != was {
            let _ = writeln!(log, "{at}: → {}", episode.display());
        }
        assert!(
            episode.next_wakeup().is_none_or(|wake| now < wake),
            "wakes for ever at {at}: {episode:?}"
        );
    }
    assert_eq!(
        replay(Episode::default(), &lines, rules),
        episode,
        "the timeline tells it all"
    );
    log
}

fn on_call(calendar: Calendar, role: &str, at: i64) -> Vec<Arc<str>> {
    calendar
        .iter()
        .rfind(|(from, name, _)| *from <= at && *name == role)
        .map(|(.., users)| users.iter().map(|user| Arc::from(*user)).collect())
        .unwrap_or_default()
}

fn show(effect: &Effect) -> String {
    match effect {
        Effect::Page(page) => {
            let kind = match page.urgency {
                Urgency::Page => "page",
                Urgency::Low => "mail",
            };
            let who = match page.to {
                Recipient::Fallback => "the site".into(),
                Recipient::Role(_) | Recipient::User(_) => page.users.join(" "),
            };
            format!("{kind} {who}")
        }
        Effect::Note(note) => {
            let what = match &note.kind {
                NoteKind::ExplainedBy { parent } => format!("explained by {parent}"),
                NoteKind::Snoozed { by, .. } => format!("{by} snoozed"),
                NoteKind::Completed { by } => format!("{by} acknowledged"),
                NoteKind::Taken { by } => format!("{by} took it"),
                NoteKind::Reassigned { by } => format!("given by {by}"),
                NoteKind::Recovered { unacked: false } => "recovered".into(),
                NoteKind::Recovered { unacked: true } => "recovered, nobody answered".into(),
                NoteKind::Removed { why } => format!("removed: {why}"),
            };
            format!("tell {}: {what}", note.users.join(" "))
        }
        Effect::Gap { role } => format!("gap {role}"),
        Effect::Supersede { before, why, .. } => format!("drop below {before}: {why:?}"),
        Effect::RecheckParents { nodes } => format!("look at {}", nodes.join(" ")),
        Effect::RecheckSubject => "look again".into(),
        Effect::Audit(_) => unreachable!("kept apart"),
    }
}

/// Web three times every 5 minutes, the manager once after 15.
fn rules() -> Rules {
    Rules {
        ladder: vec![
            Step::new("web", 3, minutes(5)),
            Step::new("manager", 1, minutes(5)).after(minutes(15)),
        ],
        clear_delay: minutes(10),
        ..Rules::default()
    }
}

/// One role, every 5 minutes.
fn simple() -> Rules {
    Rules {
        ladder: vec![Step::new("web", 1, minutes(5))],
        round_gap_max: minutes(5),
        ..rules()
    }
}

fn minutes(count: u64) -> Span {
    Span::from_seconds(60 * count)
}

fn fire() -> Event {
    Event::fire()
}

fn fire_below(alerting: &[&str]) -> Event {
    Event::Fire(Parents {
        all: Arc::from([Arc::from("pdu")]),
        alerting: alerting.iter().map(|node| Arc::from(*node)).collect(),
        every: minutes(1),
    })
}

fn evaluated(at: i64) -> Event {
    Event::Evaluated {
        parent: "pdu".into(),
        at: Timestamp::from_seconds(at),
    }
}

fn parent_fires() -> Event {
    Event::ParentFire {
        parent: "pdu".into(),
    }
}

fn parent_clears(at: i64, sampled: i64) -> Event {
    Event::ParentClear {
        parent: "pdu".into(),
        at: Timestamp::from_seconds(at),
        sampled: Some(Timestamp::from_seconds(sampled)),
        every: minutes(1),
    }
}

fn snooze(until: i64) -> Event {
    Event::Snooze {
        until: Timestamp::from_seconds(until),
        by: "ann".into(),
    }
}

fn complete() -> Event {
    Event::Complete { by: "ann".into() }
}

fn hold(until: i64) -> Hold {
    Hold {
        until: Timestamp::from_seconds(until),
        by: "cho".into(),
        why: "known problem".into(),
    }
}

fn take() -> Event {
    Event::Take { by: "ann".into() }
}
