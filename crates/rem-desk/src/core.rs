//! Everything the desk decides: synchronous, without a clock, without a disk.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use rem_alert::episode::{self, Effect, Episode, Event, Holds, NoteKind, Parents};
use rem_alert::message::Message;
use rem_graph::{Change, Live, NodeId, State};
use rem_time::{Span, Timestamp};

use crate::actor::{Actor, Right};
use crate::compiled::{Behaviours, Compiled};
use crate::episodes::{About, Episodes, Open, Slot, whole};
use crate::event::{Action, Evaluated, Report, Target};
use crate::outbox::{Addressee, Due, Judge, Letter, Outbox, Words};
use crate::paths::Paths;
use crate::people::People;
use crate::rules::{Reach, Rules};
use crate::timeline::{Line, Timeline};

mod holding;
mod keep;
mod mail;
mod oncall;
mod reload;
mod selftest;

pub use holding::HOLDS_MAX;
pub(crate) use keep::key;
pub use keep::{CLOSED_KEPT_MAX, LINES_KEPT_MAX, MESSAGES_KEPT_MAX, RecordError};
pub use mail::Sending;
pub use oncall::ONCALL_FINDING;
pub use reload::Reloaded;
pub use selftest::ONCALL_PATH;

/// The alert of a contact that does not work; its subject is `user:<name>`.
pub const CONTACT_BROKEN: &str = "contact-broken";
/// The alert of a role that nobody has; its subject is `role:<name>`.
pub const ONCALL_GAP: &str = "oncall-gap";
/// How soon a node is asked for again that nobody looked at.
const RECHECK_AGAIN_AFTER: Span = Span::from_seconds(10);
/// A clock that is set back by less is not noticed.
const STEP_BACK_MIN: Span = Span::from_seconds(2);

/// What has to be done beside writing what changed.
#[derive(Debug, Default)]
pub struct Changes {
    /// Nodes to look at at once, each once.
    pub rechecks: Vec<Arc<str>>,
    /// What subscribers hear.
    pub news: Vec<News>,
}

/// Something a page that is open would show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// An episode began or changed.
    Episode(u64),
    /// An episode is over.
    Closed(u64),
    /// A message was sent, failed, or dropped.
    Message(u64),
    /// Holds, shifts, swaps or contacts changed.
    People,
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such open alert.
    #[error("there is no such open alert: {0}")]
    NoEpisode(String),
    /// There is no such hold.
    #[error("there is no such hold: {0}")]
    NoHold(String),
    /// There is no such person.
    #[error("there is no user of this name: {0}")]
    NoUser(String),
    /// Who wants it may not do it.
    #[error("{who} may not {what}: that needs the right of an {least}, and {who} is a {right}")]
    NotAllowed {
        /// Who.
        who: Arc<str>,
        /// Their right.
        right: Right,
        /// What they wanted to do.
        what: &'static str,
        /// The least right that may.
        least: Right,
    },
    /// What was said makes no sense.
    #[error("{0}")]
    Invalid(String),
}

/// The alert desk without its clock, its disk and its post.
#[derive(Debug)]
pub struct DeskCore {
    pub(crate) rules: Arc<Compiled>,
    behaviours: Behaviours,
    pub(crate) episodes: Episodes,
    pub(crate) outbox: Outbox,
    pub(crate) holds: Holds,
    next_hold_change: Option<Timestamp>,
    pub(crate) people: People,
    pub(crate) live: Live,
    /// Nodes whose recheck was asked for and has not come, since when.
    asked: HashMap<Arc<str>, Timestamp>,
    last_now: Timestamp,
    pub(crate) dirty: Dirty,
    pub(crate) timeline: Timeline,
    /// Attempts to send since the start, by the contact's kind and what came of them.
    pub(crate) attempts: BTreeMap<(&'static str, &'static str), u64>,
    changes: Changes,
    /// Episodes that are over and still shown, the oldest first.
    pub(crate) closed: VecDeque<Closed>,
    /// Messages that are done and still shown, the oldest first.
    pub(crate) finished: VecDeque<u64>,
    /// How many open alerts each node explains.
    hidden: HashMap<Arc<str>, usize>,
    /// When every contact was tested, and the outside told that we live.
    pub(crate) tested: Option<Timestamp>,
    pub(crate) beaten: Option<Timestamp>,
    /// What became of the tests, by the kind of contact.
    pub(crate) paths: Paths,
    pub(crate) numbers: (u64, u64),
    /// Who ends a hold, while it is ended.
    ended_by: Option<Arc<str>>,
    /// Gaps that were met and are to be reported.
    found_gaps: Vec<Report>,
    /// Nothing more leaves.
    pub(crate) closing: bool,
}

/// An episode that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    pub number: u64,
    pub lines: u32,
}

/// What is to be written.
#[derive(Debug, Default)]
pub(crate) struct Dirty {
    pub episodes: BTreeSet<Slot>,
    /// Episodes that are over, with their last state.
    pub closed: Vec<Open>,
    pub done: Vec<Letter>,
    pub holds: bool,
    pub people: bool,
    pub broken: bool,
}

/// What the outbox is told about episodes.
struct Court<'a> {
    episodes: &'a Episodes,
    rules: &'a Compiled,
}

impl Judge for Court<'_> {
    fn is_wanted(&self, letter: &Letter) -> bool {
        let Words::Page { .. } = letter.words else {
            return true;
        };
        let Some((id, number)) = &letter.message.about else {
            return true;
        };
        self.episodes
            .numbered(id.number)
            .and_then(|slot| self.episodes.get(slot))
            .is_some_and(|open| open.state.is_live(id.number, *number))
    }

    fn reaches(&self, to: &Addressee) -> &[Reach] {
        self.rules.reaches(to)
    }
}

impl DeskCore {
    /// A desk on which nothing is open.
    pub fn new(rules: Rules, now: Timestamp) -> Self {
        let compiled = Compiled::new(rules);
        let live = Live::new(compiled.graph.clone());
        let holds = Holds {
            plans: compiled.rules.holds.clone(),
        };
        Self {
            people: People::new(&compiled.rules, Vec::new(), Vec::new(), now),
            rules: Arc::new(compiled),
            behaviours: Behaviours::default(),
            episodes: Episodes::default(),
            outbox: Outbox::default(),
            next_hold_change: holds.next_change(now),
            holds,
            live,
            asked: HashMap::new(),
            last_now: now,
            dirty: Dirty::default(),
            timeline: Timeline::default(),
            attempts: BTreeMap::new(),
            changes: Changes::default(),
            closed: VecDeque::new(),
            finished: VecDeque::new(),
            hidden: HashMap::new(),
            tested: None,
            beaten: None,
            paths: Paths::default(),
            numbers: (0, 0),
            ended_by: None,
            found_gaps: Vec::new(),
            closing: false,
        }
    }

    /// What has to be done since this was last asked.
    pub fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    /// When [`DeskCore::wake`] has to be called at the latest.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        [
            self.episodes.next_wakeup(),
            self.outbox.next_wakeup(),
            Some(self.people.next_look),
            self.next_hold_change,
            self.next_sign(),
            self.next_path(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Time has passed.
    pub fn wake(&mut self, now: Timestamp) {
        if now + STEP_BACK_MIN < self.last_now {
            self.clock_set_back(now);
        }
        self.last_now = now;
        self.holds_change(now);
        for slot in self.episodes.due(now) {
            self.step(slot, &Event::Wake, now);
        }
        self.look_at_people(now);
        self.give_signs(now);
        self.look_at_paths(now);
    }

    /// All timers are looked at: each knows when it began, and none gets longer.
    fn clock_set_back(&mut self, now: Timestamp) {
        let slots: Vec<Slot> = self.episodes.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            self.step(slot, &Event::Wake, now);
        }
        self.outbox.clock_set_back(now);
        self.asked.clear();
    }

    /// An alert fires or is clear.
    pub fn report(&mut self, report: &Report, now: Timestamp) {
        let slot = self.episodes.find(&report.alert, &report.subject);
        let slot = match slot {
            Some(slot) => slot,
            None if !report.firing => return,
            None => {
                let node = self.rules.node_of(&report.subject);
                self.episodes.insert(
                    report.alert.clone(),
                    report.subject.clone(),
                    node,
                    Episode::default(),
                    About::default(),
                    0,
                )
            }
        };
        if let Some(open) = self.episodes.get_mut(slot) {
            open.about.take(report);
        }
        if !report.firing {
            self.step(slot, &Event::Clear, now);
            return;
        }
        if self.episodes.get(slot).is_some_and(Open::is_firing) {
            self.sampled(slot, report.at, now);
            return;
        }
        self.fire(slot, now);
    }

    fn fire(&mut self, slot: Slot, now: Timestamp) {
        let Some(open) = self.episodes.get(slot) else {
            return;
        };
        let mut parents = Parents::default();
        if let Some((node, part)) = open.node {
            let changed = if part {
                Vec::new()
            } else {
                self.fail(node, now)
            };
            let explained = if part {
                self.live.state(node) == State::Down
            } else {
                self.live.held(node)
            };
            let (all, every) = self.rules.parents(node);
            parents.every = every;
            parents.alerting = match explained {
                true => Arc::from([self.root_of(node)]),
                false => Arc::from([]),
            };
            parents.all = all.into();
            self.hold_if_idle(slot, now);
            self.step(slot, &Event::Fire(parents), now);
            self.reconcile(&changed, now);
            return;
        }
        self.hold_if_idle(slot, now);
        self.step(slot, &Event::Fire(parents), now);
    }

    fn fail(&mut self, node: NodeId, now: Timestamp) -> Vec<Change> {
        if self.live.is_failed(node) {
            return Vec::new();
        }
        self.live.fail(node, now.as_nanos()).iter().collect()
    }

    /// What explains a node, by name; the nearest one.
    fn root_of(&self, node: NodeId) -> Arc<str> {
        let graph = self.live.graph();
        let cause = self.live.explain(node, 1);
        let root = cause
            .and_then(|explained| explained.by.first().map(|cause| cause.root))
            .unwrap_or(node);
        graph.name(root).into()
    }

    /// Tells the episodes of nodes whose explanation changed.
    fn reconcile(&mut self, changed: &[Change], now: Timestamp) {
        for change in changed {
            if change.failed {
                for slot in self.episodes.of_node(change.node).to_vec() {
                    self.explain(slot, change.node, change.held, now);
                }
            }
            for slot in self.episodes.of_part(change.node).to_vec() {
                self.explain(slot, change.node, change.state == State::Down, now);
            }
        }
    }

    fn explain(&mut self, slot: Slot, node: NodeId, explained: bool, now: Timestamp) {
        let Some(open) = self.episodes.get(slot) else {
            return;
        };
        if explained && open.state.parents.is_empty() {
            let parent = self.root_of(node);
            self.step(slot, &Event::ParentFire { parent }, now);
        } else if !explained {
            self.unexplain(slot, now);
        }
    }

    fn unexplain(&mut self, slot: Slot, now: Timestamp) {
        let Some(open) = self.episodes.get(slot) else {
            return;
        };
        let (sampled, every) = (open.about.sampled, open.about.every);
        for parent in open.state.parents.clone() {
            let clear = Event::ParentClear {
                parent,
                at: now,
                sampled,
                every,
            };
            self.step(slot, &clear, now);
        }
    }

    /// Whether anything waits for a node to be looked at.
    pub fn waits_for(&self, node: &str) -> bool {
        self.asked.contains_key(node)
            || !self.episodes.waiting_for(node).is_empty()
            || !self.episodes.rechecking(node).is_empty()
    }

    /// A node was looked at.
    pub fn evaluated(&mut self, evaluated: &Evaluated, now: Timestamp) {
        if !evaluated.doubtful {
            self.asked.remove(&evaluated.node);
            let event = Event::Evaluated {
                parent: evaluated.node.clone(),
                at: evaluated.at,
            };
            for slot in self.episodes.waiting_for(&evaluated.node) {
                self.step(slot, &event, now);
            }
        }
        for slot in self.episodes.rechecking(&evaluated.node) {
            self.sampled(slot, evaluated.at, now);
        }
    }

    fn sampled(&mut self, slot: Slot, at: Timestamp, now: Timestamp) {
        if let Some(open) = self.episodes.get_mut(slot) {
            open.about.sampled = Some(open.about.sampled.map_or(at, |before| before.max(at)));
            if open.state.recheck.is_some() {
                self.step(slot, &Event::Sampled { at }, now);
            }
        }
    }

    /// A person does something with open alerts; tells which.
    ///
    /// # Errors
    /// If they may not, none of them is open, or what was said makes no sense.
    pub fn act(
        &mut self,
        target: &Target,
        by: &Actor,
        action: &Action,
        now: Timestamp,
    ) -> Result<Vec<u64>, Refused> {
        by.needs(Right::Operator, "act on alerts")?;
        let numbers = self.targets(target)?;
        let by = by.name.clone();
        let event = match action {
            Action::Snooze(span) if span.is_zero() => {
                return Err(Refused::Invalid("a snooze has to last some time".into()));
            }
            Action::Snooze(span) => Event::Snooze {
                until: now + *span,
                by,
            },
            Action::Complete => Event::Complete { by },
            Action::Comment(text) => Event::Comment {
                by,
                text: text.clone(),
            },
            Action::Take => Event::Take { by },
            Action::Reassign(to) => {
                if !self.rules.rules.users.contains_key(&**to) {
                    return Err(Refused::NoUser(to.to_string()));
                }
                Event::Reassign { to: to.clone(), by }
            }
            Action::Escalate => Event::Escalate { by },
        };
        for number in &numbers {
            if let Some(slot) = self.episodes.numbered(*number) {
                self.step(slot, &event, now);
            }
        }
        Ok(numbers)
    }

    fn targets(&self, target: &Target) -> Result<Vec<u64>, Refused> {
        let open = |number: &u64| {
            self.episodes
                .numbered(*number)
                .and_then(|slot| self.episodes.get(slot))
                .is_some_and(|open| open.state.is_open())
        };
        let numbers: Vec<u64> = match target {
            Target::Episode(number) => vec![*number],
            Target::Episodes(numbers) => numbers.clone(),
            Target::Key { alert, subject } => self
                .episodes
                .find(alert, subject)
                .and_then(|slot| self.episodes.get(slot))
                .map(|open| open.state.number)
                .into_iter()
                .collect(),
        };
        let numbers: Vec<u64> = numbers.into_iter().filter(open).collect();
        if numbers.is_empty() {
            return Err(Refused::NoEpisode(target.to_string()));
        }
        Ok(numbers)
    }

    /// One event of one episode, and all that follows from it.
    pub(crate) fn step(&mut self, slot: Slot, event: &Event, now: Timestamp) {
        self.episodes.unindex(slot);
        let last_number = self.episodes.last_number;
        let mut effects = Vec::new();
        let Some(open) = self.episodes.get_mut(slot) else {
            return;
        };
        let behaviour = self
            .behaviours
            .of(&self.rules, &open.alert, open.about.ladder.as_ref());
        // Numbers are the desk's, not each alert's: short, and never used twice.
        let before = open.state.number;
        let hidden_by = open.state.parents.first().cloned();
        let fires = matches!(event, Event::Fire(_)) && !open.is_firing();
        let was = (fires && open.state.is_open()).then(|| open.clone());
        if fires {
            open.state.number = last_number;
        }
        let people = &self.people;
        let roster = |role: &str, at: Timestamp| people.on_call(role, at);
        open.state
            .step(event, now, &behaviour, &roster, &mut effects);
        if fires {
            if open.state.number == last_number {
                open.state.number = before;
            } else {
                self.episodes.last_number = last_number + 1;
                if let Some(was) = was.filter(|was| was.state.number != 0) {
                    self.dirty.closed.push(was);
                }
                if let Some(open) = self.episodes.get_mut(slot) {
                    open.lines = 0;
                }
            }
        }
        self.episodes.index(slot);
        if effects.is_empty() && !fires {
            return;
        }
        self.dirty.episodes.insert(slot);
        let Some(open) = self.episodes.get(slot) else {
            return;
        };
        if hidden_by.as_ref() != open.state.parents.first() {
            if let Some(before) = hidden_by
                && let Some(count) = self.hidden.get_mut(&before)
            {
                *count -= 1;
                if *count == 0 {
                    self.hidden.remove(&before);
                }
            }
            if let Some(root) = open.state.parents.first() {
                *self.hidden.entry(root.clone()).or_default() += 1;
            }
        }
        self.changes.news.push(News::Episode(open.state.number));
        for effect in effects {
            self.follow(slot, effect, now);
        }
        if let Some(false) = self.episodes.fires_now(slot) {
            self.recover(slot, now);
        }
        self.close_if_at_rest(slot);
        if !self.found_gaps.is_empty() {
            self.report_gaps(now);
        }
    }

    fn follow(&mut self, slot: Slot, effect: Effect, now: Timestamp) {
        match effect {
            Effect::Page(page) => {
                let low = page.urgency == episode::Urgency::Low;
                let to: Vec<Addressee> = match page.users.is_empty() {
                    true => vec![Addressee::Fallback],
                    false => page.users.into_iter().map(Addressee::User).collect(),
                };
                for to in to {
                    let words = Words::Page { low };
                    self.write_to(slot, to, page.message, words, Some(page.urgency), now);
                }
            }
            Effect::Note(note) => {
                for user in note.users {
                    let words = Words::Note(note_text(&note.kind).into());
                    self.write_to(slot, Addressee::User(user), note.message, words, None, now);
                }
            }
            Effect::Gap { role } => self.gap(&role, now),
            // The outbox asks before anything leaves.
            Effect::Supersede { .. } => {}
            Effect::RecheckParents { nodes } => {
                for node in nodes.iter() {
                    self.recheck(node, now);
                }
            }
            Effect::RecheckSubject => {
                if let Some(open) = self.episodes.get(slot) {
                    let node: Arc<str> = whole(&open.subject).into();
                    self.recheck(&node, now);
                }
            }
            Effect::Audit(line) => {
                if let Some(open) = self.episodes.get_mut(slot) {
                    let number = open.state.number;
                    open.lines += 1;
                    self.timeline
                        .add(number, open.lines, Line::Step(Box::new(line)));
                }
            }
        }
    }

    fn write_to(
        &mut self,
        slot: Slot,
        to: Addressee,
        number: u32,
        words: Words,
        urgency: Option<episode::Urgency>,
        now: Timestamp,
    ) {
        let Some(open) = self.episodes.get(slot) else {
            return;
        };
        let id = open.id();
        let court = Court {
            episodes: &self.episodes,
            rules: &self.rules,
        };
        if let Some(urgency) = urgency {
            let due = Due {
                episode: id.number,
                number,
                to: &to,
                urgency,
            };
            if self.outbox.goes_with(due, &court) {
                return;
            }
        }
        let no = self.outbox.next_number();
        let user = to.name();
        let mut message = Message::new(format!("{}/{user}", id.message(number)), user, now);
        message.service = open
            .about
            .labels
            .get("service")
            .cloned()
            .unwrap_or_default();
        message.urgency = urgency;
        message.about = Some((id, number));
        self.outbox
            .post(Letter::new(no, to, words, message), &court);
    }

    /// How many open alerts a subject explains.
    pub(crate) fn hidden_by(&self, subject: &str) -> usize {
        self.hidden.get(subject).copied().unwrap_or(0)
    }

    fn recheck(&mut self, node: &Arc<str>, now: Timestamp) {
        let again = |since: &Timestamp| RECHECK_AGAIN_AFTER <= now.since(*since);
        if self.asked.get(node).is_none_or(again) {
            self.asked.insert(node.clone(), now);
            self.changes.rechecks.push(node.clone());
        }
    }

    /// An episode no longer fires: its node has recovered if none of its others does.
    fn recover(&mut self, slot: Slot, now: Timestamp) {
        let Some((node, false)) = self.episodes.get(slot).and_then(|open| open.node) else {
            return;
        };
        let others = self.episodes.of_node(node);
        let fires = |slot: &Slot| self.episodes.get(*slot).is_some_and(Open::is_firing);
        if others.iter().any(fires) {
            return;
        }
        let changed: Vec<Change> = self.live.recover(node).iter().collect();
        self.reconcile(&changed, now);
    }

    fn close_if_at_rest(&mut self, slot: Slot) {
        if self
            .episodes
            .get(slot)
            .is_some_and(|open| open.state.is_at_rest())
        {
            self.dirty.episodes.remove(&slot);
            if let Some(open) = self.episodes.remove(slot)
                && open.state.number != 0
            {
                self.changes.news.push(News::Closed(open.state.number));
                self.dirty.closed.push(open);
            }
        }
    }
}

fn note_text(kind: &NoteKind) -> String {
    match kind {
        NoteKind::ExplainedBy { parent } => format!("explained by {parent}"),
        NoteKind::Snoozed { by, until } => format!("{by} snoozed it until {until}"),
        NoteKind::Completed { by } => format!("{by} acknowledged it"),
        NoteKind::Taken { by } => format!("{by} took it"),
        NoteKind::Reassigned { by } => format!("{by} gave it to you; it is held for now"),
        NoteKind::Recovered { unacked: false } => "it is over".into(),
        NoteKind::Recovered { unacked: true } => "it is over, and nobody acknowledged it".into(),
        NoteKind::Removed { why } => format!("it is no longer configured: {why}"),
    }
}
