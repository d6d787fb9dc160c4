//! Everything the desk decides: synchronous, without a clock, without a disk.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use rem_alert::episode::{Episode, Event, Holds};
use rem_graph::Live;
use rem_time::{Span, Timestamp};

use crate::actor::Right;
use crate::compiled::{Behaviours, Compiled};
use crate::episodes::{About, Episodes, Open, Slot};
use crate::event::Report;
use crate::outbox::{Addressee, Judge, Letter, Outbox, Words};
use crate::paths::Paths;
use crate::people::People;
use crate::rules::{Reach, Rules};
use crate::timeline::Timeline;

mod acting;
mod depending;
mod holding;
mod keep;
mod mail;
mod oncall;
mod reload;
mod selftest;
mod stepping;

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
}
