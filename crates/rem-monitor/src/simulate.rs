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
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;

use rem_alert::level::{StateValue, What};
use rem_check::{Report, Verdict};
use rem_desk::{AlertView, DeskCore, Kept, RecordError, Reloaded, Rules, TokenKey};
use rem_time::{Span, Timestamp};

use crate::agenda::{Agenda, Due};
use crate::judge::{Judge, Judged, Library};
use crate::places::{Limits, Need, Places};
use crate::states::{StateOwner, States};
use crate::telling::{Voice, Word};

mod post;
mod replay;
mod rule_test;
mod staged;

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

/// A monitor that plays.
#[derive(Debug)]
struct Actor {
    staged: Staged,
    /// What its looks are looks at, worked out once.
    nodes: Arc<[Arc<str>]>,
    judge: Judge,
    finds: Arc<Finding>,
    last: Option<Report>,
    busy: Option<Look>,
    missed: u64,
    looks: u64,
}

/// A look under way.
#[derive(Debug)]
struct Look {
    number: u64,
    began: Timestamp,
    need: Option<Need>,
    finds: Arc<Finding>,
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

    /// Goes over to these monitors. Those that did not change go on undisturbed.
    pub fn apply(&mut self, monitors: Vec<Staged>) {
        let mut wanted: BTreeMap<Arc<str>, Staged> = BTreeMap::new();
        for staged in monitors {
            wanted.insert(staged.id().into(), staged);
        }
        for seat in 0..self.seats.len() as Seat {
            let Some(actor) = &self.seats[seat as usize] else {
                continue;
            };
            if !wanted.contains_key(actor.staged.id()) {
                self.dismiss(seat);
            }
        }
        for (id, staged) in wanted {
            match self.by_id.get(&id).copied() {
                Some(seat) => self.change(seat, &staged),
                None => self.cast(id, staged),
            }
        }
        self.by_node.clear();
        for (seat, actor) in (0..).zip(&self.seats) {
            let Some(actor) = actor else { continue };
            for node in actor.nodes.iter() {
                self.by_node.entry(Arc::clone(node)).or_default().push(seat);
            }
        }
        self.settle();
    }

    /// A monitor that was not there before.
    fn cast(&mut self, id: Arc<str>, staged: Staged) {
        let seat = self.seats.len() as Seat;
        self.by_id.insert(id, seat);
        let judge = Judge::new(Arc::clone(&staged.levels));
        self.place(seat, &staged);
        self.seats.push(Some(Actor {
            nodes: staged.telling.nodes_of(&staged.id),
            staged,
            judge,
            finds: Arc::default(),
            last: None,
            busy: None,
            missed: 0,
            looks: 0,
        }));
    }

    fn change(&mut self, seat: Seat, staged: &Staged) {
        let Some(actor) = self.seats[seat as usize].as_mut() else {
            return;
        };
        let moved = !actor.staged.same_time_as(staged);
        if !actor.staged.levels.all().eq(staged.levels.all()) {
            let judged = actor.judge.reload(Arc::clone(&staged.levels));
            if let Some(last) = &actor.last {
                let on = actor.judge.has_alerts();
                let words = &mut self.words;
                actor
                    .voice()
                    .tell(last, &judged, on, |word| words.push(word));
            }
        }
        actor.nodes = staged.telling.nodes_of(&staged.id);
        actor.staged = staged.clone();
        if moved {
            self.place(seat, staged);
        }
    }

    /// A monitor that is gone. What its levels had on is over.
    fn dismiss(&mut self, seat: Seat) {
        let Some(mut actor) = self.seats[seat as usize].take() else {
            return;
        };
        self.agenda.forget(&seat);
        self.by_id.remove(actor.staged.id());
        let judged = actor.judge.reload(Arc::default());
        if let Some(last) = &actor.last {
            let words = &mut self.words;
            let voice = actor.voice();
            voice.tell(last, &judged, false, |word| words.push(word));
        }
        if let Some(need) = actor.busy.and_then(|look| look.need) {
            self.free(&need);
        }
    }

    fn place(&mut self, seat: Seat, staged: &Staged) {
        let now = self.now.saturating_sub(self.born);
        match staged.fresh {
            Some(fresh) => self.agenda.wait(&seat, fresh, now),
            None => self.agenda.place(&seat, staged.rate(), now),
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

    /// A result that somebody tells a passive monitor; says whether there is such a
    /// monitor.
    pub fn push(&mut self, id: &str, finding: &Finding) -> bool {
        let Some(seat) = self.by_id.get(id).copied() else {
            return false;
        };
        let report = finding.report(self.wall());
        self.hear(seat, report);
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

    /// Begins a look, or lets it wait for a place.
    fn look(&mut self, seat: Seat) {
        let wall = self.wall();
        let Some(actor) = self.seats.get_mut(seat as usize).and_then(Option::as_mut) else {
            return;
        };
        if actor.staged.fresh.is_some() || actor.busy.is_some() {
            return;
        }
        let at_once = actor.finds.takes.is_zero() && self.places.taken() == 0;
        if at_once {
            // It would give its place back in the same instant.
            actor.looks += 1;
            let report = actor.finds.report(wall);
            return self.ended(seat, report);
        }
        actor.busy = Some(Look {
            number: 0,
            began: Timestamp::default(),
            need: None,
            finds: Arc::clone(&actor.finds),
        });
        let need = actor.staged.need.clone();
        if let Some((seat, need)) = self.places.ask(seat, need) {
            self.begin(seat, Some(need));
        }
    }

    fn begin(&mut self, seat: Seat, need: Option<Need>) {
        let wall = self.wall();
        self.looks += 1;
        let Some(actor) = self.seats.get_mut(seat as usize).and_then(Option::as_mut) else {
            if let Some(need) = need {
                self.free(&need);
            }
            return;
        };
        actor.looks += 1;
        let finds = Arc::clone(&actor.finds);
        let at = self.now.saturating_add(finds.takes);
        actor.busy = Some(Look {
            number: self.looks,
            began: wall,
            need,
            finds,
        });
        if at < Span::MAX {
            self.under_way.push(Reverse((at, self.looks, seat)));
        }
    }

    fn free(&mut self, need: &Need) {
        for (seat, need) in self.places.free(need) {
            self.begin(seat, Some(need));
        }
    }

    fn done(&mut self, seat: Seat, number: u64) {
        let Some(actor) = self.seats.get_mut(seat as usize).and_then(Option::as_mut) else {
            return;
        };
        let Some(look) = actor.busy.take_if(|look| look.number == number) else {
            return;
        };
        let report = look.finds.report(look.began);
        if let Some(need) = look.need {
            self.free(&need);
        }
        self.ended(seat, report);
    }

    fn ended(&mut self, seat: Seat, report: Report) {
        let now = self.now.saturating_sub(self.born);
        let retry = self.seats[seat as usize]
            .as_ref()
            .and_then(|actor| actor.staged.retry);
        if let Some(retry) = retry {
            self.agenda.look_again(&seat, retry, report.verdict, now);
        }
        self.take_in(seat, report);
    }

    fn hear(&mut self, seat: Seat, report: Report) {
        let now = self.now.saturating_sub(self.born);
        let actor = self.seats[seat as usize].as_ref();
        if let Some(fresh) = actor.and_then(|actor| actor.staged.fresh) {
            self.agenda.wait(&seat, fresh, now);
        }
        self.take_in(seat, report);
    }

    fn nothing_heard(&mut self, seat: Seat) {
        let report = Report {
            at: self.wall(),
            took: Span::ZERO,
            verdict: Verdict::Unknown,
            message: "nobody has told anything".into(),
            readings: Vec::new(),
        };
        self.take_in(seat, report);
    }

    fn take_in(&mut self, seat: Seat, report: Report) {
        let now = self.wall();
        let Some(actor) = self.seats[seat as usize].as_mut() else {
            return;
        };
        let library = library(&actor.staged, &self.states);
        let judged = actor.judge.see(&report, library, now);
        let on = actor.judge.has_alerts();
        let (words, desk) = (&mut self.words, &self.desk);
        actor.voice().tell(&report, &judged, on, |word| {
            // Nearly always nobody waits for a look.
            let wanted = match &word {
                Word::Alert(_) => true,
                Word::Looked(looked) => desk.waits_for(&looked.node),
            };
            if wanted || !judged.is_empty() {
                words.push(word);
            }
        });
        actor.last = Some(report);
        self.after_judging(seat, &judged, now);
    }

    /// Time alone may have changed what levels say.
    fn tick(&mut self, seat: Seat) {
        let now = self.wall();
        let Some(actor) = self.seats[seat as usize].as_mut() else {
            return;
        };
        let library = library(&actor.staged, &self.states);
        let judged = actor.judge.tick(library, now);
        if let Some(last) = &actor.last {
            let on = actor.judge.has_alerts();
            let words = &mut self.words;
            actor
                .voice()
                .tell(last, &judged, on, |word| words.push(word));
        }
        self.after_judging(seat, &judged, now);
    }

    fn after_judging(&mut self, seat: Seat, judged: &[Judged], now: Timestamp) {
        let Some(actor) = self.seats[seat as usize].as_ref() else {
            return;
        };
        let own = self.now.saturating_sub(self.born);
        let next = actor.judge.next_tick();
        let next = next.map(|at| own.saturating_add(at.since(now).max(crate::rounds::TICK_MIN)));
        self.agenda.tick_at(&seat, next);
        let staged = &actor.staged;
        for found in judged {
            let what = match &found.change.what {
                What::State { name, value } => {
                    if let Some(owner) = staged.telling.owners.first() {
                        self.states.set(owner, name, value.as_ref());
                    }
                    vec![Happened::State(Arc::clone(name), value.clone())]
                }
                What::Trigger(job) => vec![Happened::Job(Arc::clone(job))],
                What::AlertOn(alert) => staged.alert(alert, found.part.as_ref(), true),
                What::AlertOff(alert) => staged.alert(alert, found.part.as_ref(), false),
                What::Became { .. } => Vec::new(),
            };
            for what in what {
                self.happened.push(Happening {
                    at: self.now,
                    monitor: staged.id().into(),
                    what,
                });
            }
        }
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

    /// How long the simulation has run.
    pub fn now(&self) -> Span {
        self.now
    }

    /// What the wall clock shows.
    pub fn wall(&self) -> Timestamp {
        let nanos = (self.start + self.now).as_nanos();
        Timestamp::from_nanos(nanos.saturating_add(self.stepped))
    }

    /// When the wall clock will show `at`, if nobody sets it.
    fn at_wall(&self, at: Timestamp) -> Span {
        let nanos = at.as_nanos().saturating_sub(self.stepped);
        Timestamp::from_nanos(nanos).since(self.start).max(self.now)
    }

    /// Messages that were taken over, oldest first.
    pub fn sent(&self) -> &[Sent] {
        &self.office.sent
    }

    /// Attempts to send, and those of them that did not succeed.
    pub fn attempts(&self) -> (u64, u64) {
        (self.office.attempts, self.office.failed)
    }

    /// What happened beside messages, oldest first.
    pub fn happened(&self) -> &[Happening] {
        &self.happened
    }

    /// The open alerts.
    pub fn alerts(&self) -> Vec<AlertView> {
        self.desk.overview(self.wall()).alerts
    }

    /// The desk.
    pub fn core(&self) -> &DeskCore {
        &self.desk
    }

    /// The states that levels have set, in order.
    pub fn states(&self) -> Vec<(StateOwner, Arc<str>, StateValue)> {
        self.states.all()
    }

    /// How often a monitor has looked, and the rounds it missed.
    pub fn looks(&self, id: &str) -> Option<(u64, u64)> {
        let seat = *self.by_id.get(id)?;
        let actor = self.seats[seat as usize].as_ref()?;
        Some((actor.looks, actor.missed))
    }

    /// How often the desk wanted to be looked at again and again without end. A
    /// sound desk never does.
    pub fn spins(&self) -> u64 {
        self.spins
    }
}

impl Actor {
    fn voice(&self) -> Voice<'_> {
        Voice {
            telling: &self.staged.telling,
            id: &self.staged.id,
            every: self.staged.every,
            nodes: &self.nodes,
        }
    }
}

fn library<'a>(staged: &'a Staged, states: &'a States) -> Library<'a> {
    Library {
        id: &staged.id,
        owners: &staged.telling.owners,
        states,
        store: None,
    }
}
