//! The monitor without its clock, its disk and its network: a day in seconds.
//!
//! A [`Simulation`] runs what is configured through the same rounds, levels and
//! alert desk as the engine, on a clock that jumps from event to event. Monitors
//! find what they are told to find, and messages go to a post that takes them over,
//! refuses, is down or hangs.
//!
//! ```
//! use rem_alert::level::{Action, Level};
//! use rem_desk::Rules;
//! use rem_monitor::simulate::{Finding, Simulation, Staged};
//! use rem_time::{Span, Timestamp};
//!
//! let down = Level::new("down", "status != ok".parse()?).doing(Action::Alert("web-down".into()));
//! let web = Staged::new("web-01/apache/http", Span::from_seconds(60))?.judged_by(vec![down])?;
//! let start = Timestamp::from_seconds(1_795_000_000);
//! let mut site = Simulation::new(start, Rules { site: "acme".into(), ..Rules::default() });
//! site.apply(vec![web]);
//! site.run_to("1h".parse()?);
//! assert!(site.alerts().is_empty());
//!
//! site.finds("web-01/apache/http", Finding::critical("refused"));
//! site.run_to("1h1m".parse()?);
//! assert_eq!(&*site.alerts()[0].id.alert, "web-down");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use rem_alert::level::StateValue;
use rem_desk::{DeskCore, Kept, RecordError, Reloaded, Rules, TokenKey};
use rem_time::{Span, Timestamp};

use crate::agenda::{Agenda, Due};
use crate::judge::Judge;
use crate::places::{Limits, Places};
use crate::states::States;
use crate::telling::Word;

mod cast;
mod look;
mod post;
mod replay;
mod rule_test;
mod shown;
mod staged;

use cast::Actor;
use post::Office;
pub use post::{Answer, Sent};
pub use replay::{Difference, Fired, Progress, ReplayError, WARM_UP, compare, replay};
pub use rule_test::{CASES_MAX, EXPECTATIONS_MAX, RuleLine, RuleReport, RuleTest, rule_test};
pub use staged::{Finding, Staged, StagedError};

/// Turns at one instant; a desk that wants more is looked at a millisecond later.
const TURNS_AT_ONCE_MAX: u32 = 1_000;

/// The place of a monitor in a simulation.
type Seat = u32;

/// A site on a clock that is moved by hand. Everything that is due up to an
/// instant has happened when [`Simulation::run_to`] returns.
#[derive(Debug)]
pub struct Simulation {
    /// What the wall clock shows at the very begin, and by how much it was set since.
    start: Timestamp,
    stepped: i64,
    now: Span,
    /// When the process began that runs now.
    born: Span,
    agenda: Agenda<Seat>,
    places: Places<Seat>,
    limits: Limits,
    under_way: BinaryHeap<Reverse<(Span, u64, Seat)>>,
    looks: u64,
    seats: Vec<Option<Actor>>,
    by_id: HashMap<Arc<str>, Seat>,
    by_node: HashMap<Arc<str>, Vec<Seat>>,
    states: States,
    rules: Rules,
    desk: DeskCore,
    kept: Kept,
    key: TokenKey,
    office: Office,
    words: Vec<Word>,
    happened: Vec<Happening>,
    spins: u64,
    /// Whether the desk has to look at what changed.
    stirred: bool,
}

/// Something that happened beside messages.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    /// How long after the start.
    pub at: Span,
    /// The monitor.
    pub monitor: Arc<str>,
    /// What.
    pub what: Happened,
}

/// See [`Happening`].
#[derive(Clone, Debug, PartialEq)]
pub enum Happened {
    /// An alert of a subject began or ended to fire, as the levels say.
    Alert {
        /// Its name.
        alert: Arc<str>,
        /// What it is about.
        subject: Arc<str>,
        /// Whether it fires.
        firing: bool,
    },
    /// A state was set, or became unknown.
    State(Arc<str>, Option<StateValue>),
    /// A job would have run.
    Job(Arc<str>),
}

impl Simulation {
    /// A site without monitors, whose wall clock shows `start`.
    pub fn new(start: Timestamp, rules: Rules) -> Self {
        Self {
            start,
            stepped: 0,
            now: Span::ZERO,
            born: Span::ZERO,
            agenda: Agenda::new(),
            places: Places::new(Limits::default()),
            limits: Limits::default(),
            under_way: BinaryHeap::new(),
            looks: 0,
            seats: Vec::new(),
            by_id: HashMap::new(),
            by_node: HashMap::new(),
            states: States::default(),
            desk: DeskCore::new(rules.clone(), start),
            rules,
            kept: Kept::default(),
            key: TokenKey::from_secret(b"of a simulation"),
            office: Office::default(),
            words: Vec::new(),
            happened: Vec::new(),
            spins: 0,
            stirred: true,
        }
    }

    /// How many checks run at once from now on.
    pub fn limit(&mut self, limits: Limits) {
        self.limits = limits.clone();
        for (seat, need) in self.places.limit(limits) {
            self.begin(seat, Some(need));
        }
    }

    /// What a monitor finds from now on; says whether there is such a monitor.
    pub fn finds(&mut self, id: &str, finding: impl Into<Arc<Finding>>) -> bool {
        let Some(actor) = self.actor_named(id) else {
            return false;
        };
        actor.finds = finding.into();
        true
    }

    /// A result that somebody tells a passive monitor, good for `ttl` or as long as the
    /// monitor says; says whether there is such a monitor.
    pub fn push(&mut self, id: &str, finding: &Finding, ttl: Option<Span>) -> bool {
        let Some(seat) = self.by_id.get(id).copied() else {
            return false;
        };
        let report = finding.report(self.wall());
        self.hear(seat, report, ttl);
        self.settle();
        true
    }

    fn actor_named(&mut self, id: &str) -> Option<&mut Actor> {
        let seat = *self.by_id.get(id)?;
        self.seats.get_mut(seat as usize)?.as_mut()
    }

    /// How the post answers from now on at contacts whose kind (`mail`) or text
    /// (`mail ann@example.com`) is `whom`; `*` is all of them.
    pub fn post(&mut self, whom: &str, answer: Answer) {
        self.office.answer(whom, answer);
        self.settle();
    }

    /// Does something with the desk, such as to acknowledge, and lets all follow
    /// that follows from it.
    pub fn desk<T>(&mut self, act: impl FnOnce(&mut DeskCore, Timestamp) -> T) -> T {
        let now = self.wall();
        self.desk.wake(now);
        let done = act(&mut self.desk, now);
        self.stirred = true;
        self.settle();
        done
    }

    /// Works by other rules of the desk.
    pub fn reload(&mut self, rules: Rules) -> Reloaded {
        self.rules = rules.clone();
        self.desk(|desk, now| desk.reload(rules, now))
    }

    /// The wall clock is set: by so many seconds, forward or back. Rounds do not
    /// notice.
    pub fn set_clock_by(&mut self, seconds: i64) {
        self.stepped = self
            .stepped
            .saturating_add(seconds.saturating_mul(1_000_000_000));
        let now = self.wall();
        self.desk.wake(now);
        self.stirred = true;
        self.settle();
    }

    /// The process ends and begins again: levels and desk are what was kept of them,
    /// looks and sends under way are lost.
    ///
    /// # Errors
    /// If what was kept cannot be read.
    pub fn restart(&mut self) -> Result<(), RecordError> {
        let now = self.wall();
        self.desk = self.kept.restore(self.rules.clone(), now)?;
        self.office.lose_all();
        self.under_way.clear();
        self.agenda = Agenda::new();
        self.places = Places::new(self.limits.clone());
        self.states = States::default();
        self.born = self.now;
        for seat in 0..self.seats.len() as Seat {
            let Some(actor) = &mut self.seats[seat as usize] else {
                continue;
            };
            let saved = actor.judge.save();
            actor.judge = Judge::new(Arc::clone(&actor.staged.levels));
            actor.judge.restore(&saved);
            actor.last = None;
            actor.busy = None;
            let staged = actor.staged.clone();
            self.place(seat, &staged);
        }
        self.stirred = true;
        self.settle();
        Ok(())
    }

    /// Lets time go by until so long after the start.
    pub fn run_to(&mut self, end: Span) {
        let mut turns = 0;
        while let Some(next) = self.next_event()
            && next <= end
        {
            turns = if next <= self.now { turns + 1 } else { 0 };
            self.now = self.now.max(next);
            if TURNS_AT_ONCE_MAX < turns {
                self.spins += 1;
                self.now = self.now.saturating_add(Span::from_millis(1)).min(end);
                if self.now == end {
                    break;
                }
            }
            self.turn();
        }
        self.now = self.now.max(end);
    }

    fn next_event(&mut self) -> Option<Span> {
        let due = self
            .agenda
            .next_due()
            .map(|due| self.born.saturating_add(due));
        let done = self.under_way.peek().map(|Reverse((at, _, _))| *at);
        let came = self.office.next();
        let wakes = self.desk.next_wakeup().map(|at| self.at_wall(at));
        due.into_iter().chain(done).chain(came).chain(wakes).min()
    }

    fn turn(&mut self) {
        while let Some(Reverse((at, number, seat))) = self.under_way.peek().copied()
            && at <= self.now
        {
            self.under_way.pop();
            self.done(seat, number);
        }
        let now = self.now.saturating_sub(self.born);
        for (seat, due) in self.agenda.take_due(now) {
            match due {
                Due::Once => self.look(seat),
                Due::Round(missed) => {
                    if let Some(actor) = &mut self.seats[seat as usize] {
                        actor.missed += missed + u64::from(actor.busy.is_some());
                    }
                    self.look(seat);
                }
                Due::Stale => self.nothing_heard(seat),
                Due::Tick => self.tick(seat),
            }
        }
        self.settle();
    }

    /// Until nothing more happens without the clock moving.
    fn settle(&mut self) {
        let now = self.wall();
        for _ in 0..TURNS_AT_ONCE_MAX {
            let wakes = self.desk.next_wakeup().is_some_and(|at| at <= now);
            let came = self.office.take_due(self.now);
            if !self.stirred && !wakes && came.is_empty() && self.words.is_empty() {
                return;
            }
            self.stirred = false;
            self.desk.wake(now);
            for word in std::mem::take(&mut self.words) {
                match word {
                    Word::Alert(report) => self.desk.report(&report, now),
                    Word::Looked(looked) => self.desk.evaluated(&looked, now),
                }
            }
            for came in came {
                self.desk
                    .came(came.no, came.attempt, &came.outcome, came.took, now);
            }
            let sendings = self.desk.lease(self.office.room(), &self.key, now);
            // What is not durable is not sent.
            self.kept.keep(&mut self.desk);
            for sending in sendings {
                self.office.send(sending, self.now, now);
            }
            for node in self.desk.take_changes().rechecks {
                for seat in self.by_node.get(&node).cloned().unwrap_or_default() {
                    self.look(seat);
                }
            }
        }
        self.spins += 1;
    }

    /// When the wall clock will show `at`, if nobody sets it.
    fn at_wall(&self, at: Timestamp) -> Span {
        let nanos = at.as_nanos().saturating_sub(self.stepped);
        Timestamp::from_nanos(nanos).since(self.start).max(self.now)
    }
}
