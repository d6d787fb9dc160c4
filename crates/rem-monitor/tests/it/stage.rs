//! A site and a script of what happens to it, with every message that is to come.
//!
//! ```text
//! 10m   tor-1/net/ping finds critical     something happens
//! 10m20s -> ann page: down: machine:tor-1  a message that is to come, at that instant
//! 11m   ann snoozes 30m down@machine:tor-1
//! 11m   down@machine:tor-1 is snoozed      what the desk shows
//! 2h    end
//! ```
//!
//! Instants are exact. A message that is not in the script fails the test, as does
//! one in the script that does not come.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::Arc;

use rem_alert::episode::{HoldKind, HoldPlan, Step, When};
use rem_alert::level::{Action as LevelAction, Level};
use rem_alert::shift::Role;
use rem_check::Verdict;
use rem_desk::{Action, Actor, Reach, Rules, Target, User};
use rem_graph::Builder;
use rem_monitor::Retry;
use rem_monitor::simulate::{Answer, Finding, Happened, Sent, Simulation, Staged};
use rem_notify::Contact;
use rem_time::{Span, Timestamp};

pub(crate) fn span(text: &str) -> Span {
    text.parse().unwrap()
}

/// A site before anything happened.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) start: Timestamp,
    pub(crate) rules: Rules,
    pub(crate) monitors: Vec<Staged>,
    needs: Vec<(String, String)>,
    others: BTreeMap<String, Stage>,
    jobs: bool,
}

pub(crate) fn user(name: &str) -> User {
    let mut user = User {
        contacts: vec![Reach::person(
            Contact::mail(&format!("{name}@example.com")).unwrap(),
        )],
        ..User::default()
    };
    user.notices.weekly = None;
    user
}

/// The level that nearly every monitor of the scripts has.
pub(crate) fn down() -> Vec<Level> {
    vec![
        Level::new("down", "status != ok".parse().unwrap())
            .doing(LevelAction::Alert("down".into())),
    ]
}

impl Stage {
    /// Ann is on call for `web`, Bob is the manager; each is paged twice, five
    /// minutes apart. An alert is over after ten quiet minutes.
    pub(crate) fn new() -> Self {
        let mut rules = Rules {
            site: "acme".into(),
            users: BTreeMap::from([("ann".into(), user("ann")), ("bob".into(), user("bob"))]),
            roles: vec![
                Role::new("web").standing("ann"),
                Role::new("manager").standing("bob"),
            ],
            default_ladder: vec![
                Step::new("web", 2, span("5m")),
                Step::new("manager", 2, span("5m")),
            ],
            ..Rules::default()
        };
        rules.timing.self_test_every = None;
        Self {
            start: "2026-11-23T09:00:00Z".parse().unwrap(),
            rules,
            monitors: Vec::new(),
            needs: Vec::new(),
            others: BTreeMap::new(),
            jobs: false,
        }
    }

    /// A monitor `machine/package/name` that looks at a place in its interval and
    /// whose alerts are about the machine.
    pub(crate) fn monitor(self, id: &str, every: &str, at: &str) -> Self {
        self.monitor_with(id, every, at, down(), |staged| staged)
    }

    pub(crate) fn monitor_with(
        mut self,
        id: &str,
        every: &str,
        at: &str,
        levels: Vec<Level>,
        change: impl FnOnce(Staged) -> Staged,
    ) -> Self {
        let alerts: Vec<Arc<str>> = levels.iter().flat_map(alerts_of).collect();
        let machine: Arc<str> = format!("machine:{}", id.split('/').next().unwrap()).into();
        let staged = Staged::new(id, span(every)).unwrap().at(span(at));
        let staged = staged.judged_by(levels).unwrap().told_by(|telling| {
            for alert in alerts {
                telling.subjects.insert(alert, vec![machine.clone()]);
            }
            let name = machine.trim_start_matches("machine:");
            telling.labels.insert("machine".into(), name.into());
        });
        self.monitors.push(change(staged));
        let watched = &mut self.rules.watched;
        let interval = watched.get(&machine).copied().unwrap_or(Span::MAX);
        watched.insert(machine, interval.min(span(every)));
        self
    }

    pub(crate) fn retry(after: &str, times: u32) -> impl FnOnce(Staged) -> Staged {
        let after = span(after);
        move |staged| staged.retrying(Retry { after, times })
    }

    /// A machine needs another one.
    pub(crate) fn needs(mut self, machine: &str, other: &str) -> Self {
        self.needs
            .push((format!("machine:{machine}"), format!("machine:{other}")));
        self
    }

    pub(crate) fn rules(mut self, change: impl FnOnce(&mut Rules)) -> Self {
        change(&mut self.rules);
        self
    }

    pub(crate) fn from(mut self, start: &str) -> Self {
        self.start = start.parse().unwrap();
        self
    }

    /// What `reload <name>` goes over to.
    pub(crate) fn other(mut self, name: &str, other: Stage) -> Self {
        self.others.insert(name.into(), other);
        self
    }

    /// Jobs that levels start are in the script too: `-> job: restart`.
    pub(crate) fn with_jobs(mut self) -> Self {
        self.jobs = true;
        self
    }

    pub(crate) fn ready(&self) -> Rules {
        let mut rules = self.rules.clone();
        if !self.needs.is_empty() {
            let mut graph = Builder::new();
            for (node, other) in &self.needs {
                graph.node(node);
                graph.node(other);
                graph.require(node, "network", 1, [other]);
            }
            rules.graph = Some(Arc::new(graph.build().unwrap()));
        }
        rules
    }

    pub(crate) fn raise(&self) -> Simulation {
        let mut site = Simulation::new(self.start, self.ready());
        site.apply(self.monitors.clone());
        site
    }

    /// Plays the script; whatever does not go as written fails the test.
    #[track_caller]
    pub(crate) fn play(&self, script: &str) -> Simulation {
        let mut site = self.raise();
        let mut lines: Vec<Line> = Vec::new();
        let mut found: Vec<(Span, String)> = Vec::new();
        for (number, text) in script.lines().enumerate() {
            let text = text.split('#').next().unwrap().trim();
            if text.is_empty() {
                continue;
            }
            let (at, what) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
            let at: Span = at
                .parse()
                .unwrap_or_else(|_| panic!("line {}: {text}", number + 1));
            lines.push(Line::new(at, what.trim()));
        }
        for line in &lines {
            if let What::Done = line.what {
                site.run_to(line.at);
                if let Some(saw) = self.act(&mut site, &line.text) {
                    found.push((line.at, saw));
                }
            }
        }
        found.extend(site.sent().iter().map(|sent| (sent.at, said(sent))));
        if self.jobs {
            found.extend(
                site.happened()
                    .iter()
                    .filter_map(|happened| match &happened.what {
                        Happened::Job(job) => Some((happened.at, format!("-> job: {job}"))),
                        _ => None,
                    }),
            );
        }
        compare(&lines, found);
        assert_eq!(site.spins(), 0, "the desk turns without end");
        site
    }

    /// Does what a line says; what the desk shows, if the line asks for it.
    fn act(&self, site: &mut Simulation, text: &str) -> Option<String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            ["end"] => {}
            ["restart"] => site.restart().unwrap(),
            ["clock", by] => {
                let seconds = span(&by[1..]).as_seconds() as i64;
                site.set_clock_by(if by.starts_with('-') {
                    -seconds
                } else {
                    seconds
                });
            }
            ["reload", ref name @ ..] => {
                let other = &self.others[&name.join(" ")];
                site.reload(other.ready());
                site.apply(other.monitors.clone());
            }
            ["post", ref whom @ .., answer] => {
                let answer = match answer {
                    "takes" => Answer::Takes,
                    "down" => Answer::Down,
                    "refuses" => Answer::Refuses,
                    "hangs" => Answer::Hangs,
                    other => panic!("no such answer: {other}"),
                };
                site.post(&whom.join(" "), answer);
            }
            [id, "finds", verdict, ref readings @ ..] => {
                let finding = Arc::new(finding(verdict, readings));
                for id in self.matching(id) {
                    assert!(site.finds(&id, Arc::clone(&finding)), "no monitor {id}");
                }
            }
            [id, "hangs"] => {
                for id in self.matching(id) {
                    site.finds(&id, Finding::ok().taking(Span::MAX));
                }
            }
            [id, "takes", long, verdict] if long.starts_with(|c: char| c.is_ascii_digit()) => {
                for id in self.matching(id) {
                    site.finds(&id, finding(verdict, &[]).taking(span(long)));
                }
            }
            [id, "is", "told", verdict] => {
                let finding = finding(verdict, &[]);
                assert!(site.push(id, &finding, None), "no monitor {id}");
            }
            [id, "is", "told", verdict, "for", ttl] => {
                let finding = finding(verdict, &[]);
                assert!(site.push(id, &finding, Some(span(ttl))), "no monitor {id}");
            }
            ["hold", id, "for", lasts, ref covers @ ..] => {
                let now = site.wall();
                let plan = HoldPlan {
                    id: id.into(),
                    kind: HoldKind::Forced,
                    covers: vec![covers.join(" ").parse().unwrap()],
                    when: When::Once {
                        from: now,
                        until: now + span(lasts),
                    },
                    by: "ann".into(),
                    why: "known".into(),
                };
                site.desk(|desk, now| desk.hold(&Actor::operator("bob"), plan, now))
                    .unwrap();
            }
            [
                who,
                verb @ ("snoozes" | "completes" | "takes" | "escalates"),
                ref rest @ ..,
            ] => {
                let (alert, subject) = rest[rest.len() - 1].split_once('@').unwrap();
                let action = match verb {
                    "snoozes" => Action::Snooze(span(rest[0])),
                    "completes" => Action::Complete,
                    "takes" => Action::Take,
                    _ => Action::Escalate,
                };
                let target = Target::Key {
                    alert: alert.into(),
                    subject: subject.into(),
                };
                site.desk(|desk, now| desk.act(&target, &Actor::operator(who), &action, now))
                    .unwrap();
            }
            [key, "is", ..] if key.contains('@') => {
                let alerts = site.alerts();
                let alert = alerts
                    .iter()
                    .find(|alert| format!("{}@{}", alert.id.alert, alert.id.subject) == key);
                let shows = alert.map_or("not open".into(), |alert| alert.display.to_string());
                return Some(format!("{key} is {shows}"));
            }
            ["open:", ..] => return Some(format!("open: {}", site.alerts().len())),
            _ => panic!("nobody knows how to: {text}"),
        }
        None
    }

    fn matching(&self, pattern: &str) -> Vec<String> {
        let (head, tail) = pattern.split_once('*').unwrap_or((pattern, ""));
        let is_pattern = pattern.contains('*');
        let all = self
            .monitors
            .iter()
            .chain(self.others.values().flat_map(|o| &o.monitors));
        let mut ids: Vec<String> = all
            .map(|staged| staged.id().to_owned())
            .filter(|id| match is_pattern {
                true => id.starts_with(head) && id.ends_with(tail),
                false => id == pattern,
            })
            .collect();
        ids.sort();
        ids.dedup();
        assert!(!ids.is_empty(), "no monitor {pattern}");
        ids
    }
}

fn alerts_of(level: &Level) -> Vec<Arc<str>> {
    let alerts = level.actions.iter().filter_map(|action| match action {
        LevelAction::Alert(alert) => Some(alert.clone()),
        _ => None,
    });
    alerts.collect()
}

fn finding(verdict: &str, readings: &[&str]) -> Finding {
    let verdict = match verdict {
        "ok" => Verdict::Ok,
        "warning" => Verdict::Warning,
        "critical" => Verdict::Critical,
        "unknown" => Verdict::Unknown,
        other => panic!("no such verdict: {other}"),
    };
    readings
        .iter()
        .fold(Finding::of(verdict, ""), |found, reading| {
            let (field, value) = reading.split_once('=').unwrap();
            found.reading(field, value.parse().unwrap())
        })
}

/// A message as a script writes it.
pub(crate) fn said(sent: &Sent) -> String {
    let by = match &sent.contact {
        Contact::Mail(_) => String::new(),
        other => format!(" {}", other.kind()),
    };
    format!(
        "-> {}{by} {}: {}",
        sent.user,
        sent.message.kind.as_str(),
        sent.message.subject
    )
}

struct Line {
    at: Span,
    what: What,
    text: String,
}

enum What {
    Done,
    Expected,
}

impl Line {
    fn new(at: Span, text: &str) -> Self {
        let what = if text.starts_with("->") {
            What::Expected
        } else {
            What::Done
        };
        Self {
            at,
            what,
            text: text.into(),
        }
    }

    /// A line that says what the desk shows is done and expected.
    fn expects(&self) -> bool {
        let asks = self.text.contains('@') && self.text.contains(" is ");
        matches!(self.what, What::Expected) || asks || self.text.starts_with("open: ")
    }
}

/// The timeline: `-` did not come, `+` came and nobody expected it.
#[track_caller]
fn compare(lines: &[Line], found: Vec<(Span, String)>) {
    let mut wanted: HashMap<(Span, String), i64> = HashMap::new();
    for line in lines.iter().filter(|line| line.expects()) {
        *wanted.entry((line.at, line.text.clone())).or_default() += 1;
    }
    let mut timeline: Vec<(Span, u8, String)> = Vec::new();
    let mut wrong = 0;
    for (at, text) in found {
        let key = (at, text);
        match wanted.get_mut(&key) {
            Some(left) if 0 < *left => {
                *left -= 1;
                timeline.push((key.0, 2, format!("  {:<10} {}", key.0.to_string(), key.1)));
            }
            _ => {
                wrong += 1;
                timeline.push((key.0, 2, format!("+ {:<10} {}", key.0.to_string(), key.1)));
            }
        }
    }
    for ((at, text), left) in wanted {
        for _ in 0..left {
            wrong += 1;
            timeline.push((at, 1, format!("- {:<10} {text}", at.to_string())));
        }
    }
    for line in lines.iter().filter(|line| !line.expects()) {
        let text = format!("  {:<10} {}", line.at.to_string(), line.text);
        timeline.push((line.at, 0, text));
    }
    if wrong == 0 {
        return;
    }
    timeline.sort();
    let mut text = String::new();
    for (_, _, line) in timeline {
        let _ = writeln!(text, "{line}");
    }
    panic!("{wrong} lines differ: - did not come, + was not expected\n{text}");
}
