//! Every state the machine can reach in a bounded world, and every transition
//! out of it, against the invariants I1 to I10 and I14 of its specification.
//! One tick is an hour, so that the longest pause (a day) is 24 ticks.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use rem_time::{Span, Timestamp};

use super::Mutant;
use crate::episode::{
    Ack, AfterClear, Condition, Effect, Episode, Event, Hold, Ladder, Parents, RefireOverrides,
    Rules, Step, Timer, replay,
};

const TICK: Span = Span::from_seconds(3600);
const NOW: Timestamp = Timestamp::from_seconds(1_000_000 * 3600);
const PARENTS: [&str; 2] = ["machine:a", "machine:b"];

/// What the world looks like, always as of [`NOW`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    episode: Episode,
    fires: bool,
    failed: [bool; 2],
    /// A page was made and nobody answered: what must never be forgotten.
    debt: bool,
    /// Who is on call for the roles of the ladder.
    staffed: [bool; 2],
}

/// One thing that can happen.
#[derive(Clone, Debug)]
enum Move {
    Event(Event),
    /// An hour passes.
    Tick,
    /// The process ends and another one reads the state.
    Crash,
    /// A role is staffed, or no longer.
    Staff(usize),
    /// A parent fails or recovers; whether the subject was looked at since.
    Parent(usize, bool),
}

struct Model {
    rules: Rules,
    parents: usize,
    people: bool,
}

#[derive(Debug, Default)]
struct Found {
    states: usize,
    transitions: usize,
    /// The longest run of ticks from a state that is to talk to its next page.
    worst_ticks: u32,
    /// The first example for each broken invariant.
    broken: BTreeMap<&'static str, String>,
}

#[test]
fn every_reachable_state_keeps_every_invariant() {
    let found = model(None).explore();
    println!("one parent: {found:?}");
    assert!(found.broken.is_empty(), "{:#?}", found.broken);
    assert!(
        found.states >= 258 && found.transitions >= 2_580,
        "the world is too small: {found:?}"
    );
    assert_eq!(found.worst_ticks, 2);
}

#[test]
fn two_parents_keep_every_invariant() {
    let model = Model {
        parents: 2,
        ..model(None)
    };
    let found = model.explore();
    println!("two parents: {found:?}");
    assert!(found.broken.is_empty(), "{:#?}", found.broken);
}

#[test]
fn a_ladder_of_two_roles_keeps_every_invariant() {
    let mut model = model(None);
    model.rules.ladder = vec![
        Step::new("first", 2, TICK),
        Step::new("second", 1, TICK).after(span(3)),
    ];
    model.people = true;
    model.parents = 0;
    let found = model.explore();
    println!("ladder: {found:?}");
    assert!(found.broken.is_empty(), "{:#?}", found.broken);
}

#[test]
fn every_choice_of_rules_keeps_every_invariant() {
    for after_clear in [AfterClear::Page, AfterClear::Low] {
        for ack_max in [None, Some(span(1))] {
            for refire_overrides in [RefireOverrides::Snooze, RefireOverrides::Any] {
                for (settle, clear_delay) in [(0, 0), (0, 1), (3, 1)] {
                    let mut model = model(None);
                    model.rules.after_clear = after_clear;
                    model.rules.ack_max = ack_max;
                    model.rules.refire_overrides = refire_overrides;
                    model.rules.settle = Some(span(settle));
                    model.rules.clear_delay = span(clear_delay);
                    let found = model.explore();
                    assert!(
                        found.broken.is_empty(),
                        "{:?}: {:#?}",
                        model.rules,
                        found.broken
                    );
                }
            }
        }
    }
}

#[track_caller]
fn caught(mutant: Mutant, invariants: &[&str]) {
    let found = model(Some(mutant)).explore();
    for invariant in invariants {
        assert!(
            found.broken.contains_key(invariant),
            "{mutant:?} is not caught by {invariant}, only by {:?}",
            found.broken.keys()
        );
    }
}

#[test]
fn a_machine_that_keeps_a_snooze_over_a_refire_is_caught() {
    caught(Mutant::KeepsSnooze, &["I4"]);
}

#[test]
fn a_machine_that_forgets_the_unacknowledged_on_close_is_caught() {
    caught(Mutant::ForgetsUnacked, &["I8"]);
}

#[test]
fn a_machine_that_arms_on_edges_is_caught() {
    caught(Mutant::EdgeTriggered, &["I1", "I3", "liveness"]);
}

#[test]
fn a_machine_whose_flaps_clear_a_complete_acknowledgement_is_caught() {
    caught(Mutant::FlapClearsComplete, &["I5"]);
}

#[test]
fn a_machine_whose_forced_hold_does_not_disarm_is_caught() {
    caught(Mutant::ForcedKeepsDue, &["I7", "I2"]);
}

fn span(ticks: u64) -> Span {
    Span::from_seconds(3600 * ticks)
}

fn model(mutant: Option<Mutant>) -> Model {
    Model {
        rules: Rules {
            clear_delay: span(2),
            ladder: vec![Step::new("first", 1, span(2))],
            repeat: span(2),
            round_gap_max: span(2),
            mutant,
            ..Rules::default()
        },
        parents: 1,
        people: false,
    }
}

impl Model {
    fn explore(&self) -> Found {
        let start = World {
            episode: Episode::default(),
            fires: false,
            failed: [false; 2],
            debt: false,
            staffed: [true; 2],
        };
        let mut found = Found::default();
        let mut seen = HashSet::from([start.clone()]);
        let mut queue = VecDeque::from([start]);
        while let Some(world) = queue.pop_front() {
            found.states += 1;
            self.check_liveness(&world, &mut found);
            for what in self.moves(&world) {
                found.transitions += 1;
                let next = self.go(&world, &what, &mut found);
                if seen.insert(next.clone()) {
                    queue.push_back(next);
                }
            }
            if found.states > 300_000 {
                found
                    .broken
                    .insert("bounded", "the world does not end".into());
                break;
            }
        }
        found
    }

    fn moves(&self, world: &World) -> Vec<Move> {
        let ann: Arc<str> = "ann".into();
        let hold = |ticks| Hold {
            until: NOW + span(ticks),
            by: "bob".into(),
            why: "known".into(),
        };
        let mut events = vec![
            Event::Fire(self.parents_of(world)),
            Event::Clear,
            Event::Sampled { at: NOW },
            Event::Snooze {
                until: NOW + span(2),
                by: Arc::clone(&ann),
            },
            Event::Complete {
                by: Arc::clone(&ann),
            },
            Event::Force(hold(2)),
            Event::EndForce {
                by: Arc::clone(&ann),
            },
            Event::Maintenance(hold(1)),
            Event::EndMaintenance,
            Event::Wake,
            Event::Removed {
                why: "reload".into(),
            },
        ];
        events.extend(
            PARENTS[..self.parents]
                .iter()
                .map(|parent| Event::Evaluated {
                    parent: (*parent).into(),
                    at: NOW,
                }),
        );
        if self.people {
            // A maintenance window does to a ladder what a forced hold does.
            events.retain(|event| !matches!(event, Event::Maintenance(_) | Event::EndMaintenance));
        }
        let mut moves: Vec<Move> = events.into_iter().map(Move::Event).collect();
        for parent in 0..self.parents {
            moves.extend([Move::Parent(parent, true), Move::Parent(parent, false)]);
        }
        moves.extend([Move::Tick, Move::Crash]);
        if self.people {
            let (to, by) = (Arc::from("cho"), Arc::clone(&ann));
            moves.extend([
                Move::Staff(0),
                Move::Staff(1),
                Move::Event(Event::Reassign { to, by }),
                Move::Event(Event::Escalate {
                    by: Arc::clone(&ann),
                }),
                Move::Event(Event::Take { by: ann }),
                Move::Event(Event::Unreachable {
                    message: world.episode.ladder.page,
                }),
            ]);
        }
        moves
    }

    fn parents_of(&self, world: &World) -> Parents {
        let names = &PARENTS[..self.parents];
        Parents {
            all: names.iter().map(|name| Arc::from(*name)).collect(),
            alerting: names
                .iter()
                .zip(world.failed)
                .filter(|(_, failed)| *failed)
                .map(|(name, _)| Arc::from(*name))
                .collect(),
            every: TICK,
        }
    }

    /// One transition, its checks, and the world after it.
    fn go(&self, world: &World, what: &Move, found: &mut Found) -> World {
        let mut next = world.clone();
        let mut now = NOW;
        let event = match what {
            Move::Event(event) => event.clone(),
            Move::Tick => {
                now = NOW + TICK;
                Event::Wake
            }
            Move::Crash => Event::Wake,
            Move::Staff(role) => {
                next.staffed[*role] ^= true;
                Event::Wake
            }
            Move::Parent(parent, sampled) => {
                next.failed[*parent] ^= true;
                let name = Arc::from(PARENTS[*parent]);
                if next.failed[*parent] {
                    Event::ParentFire { parent: name }
                } else {
                    Event::ParentClear {
                        parent: name,
                        at: NOW,
                        sampled: sampled.then_some(NOW),
                        every: TICK,
                    }
                }
            }
        };
        match event {
            Event::Fire(_) => next.fires = true,
            Event::Clear | Event::Removed { .. } => next.fires = false,
            _ => {}
        }
        let staffed = next.staffed;
        let roster = |role: &str, _: Timestamp| match role {
            "first" if staffed[0] => vec![Arc::from("ann")],
            "second" if staffed[1] => vec![Arc::from("bob")],
            _ => vec![],
        };
        let mut effects = Vec::new();
        next.episode
            .step(&event, now, &self.rules, &roster, &mut effects);
        let answers = matches!(
            event,
            Event::Snooze { .. }
                | Event::Complete { .. }
                | Event::Take { .. }
                | Event::Removed { .. }
        );
        next.debt = (next.debt && !answers) || pages(&effects) > 0;
        let step = Taken {
            before: world,
            after: &next,
            event: &event,
            what,
            now,
            effects: &effects,
            rules: &self.rules,
        };
        step.check(&mut |name| {
            found
                .broken
                .entry(name)
                .or_insert_with(|| format!("{what:?} from {world:?} to {next:?} with {effects:?}"));
        });
        self.normal(&mut next.episode, now);
        next
    }

    /// From a state that is to talk, time alone leads to a page.
    fn check_liveness(&self, world: &World, found: &mut Found) {
        if !eligible(&world.episode) {
            return;
        }
        let mut unused = Found::default();
        let mut world = world.clone();
        for ticks in 1..=4 {
            let mut effects = Vec::new();
            let mut probe = world.episode.clone();
            probe.step(&Event::Wake, NOW + TICK, &self.rules, &nobody, &mut effects);
            if pages(&effects) > 0 {
                found.worst_ticks = found.worst_ticks.max(ticks);
                return;
            }
            world = self.go(&world, &Move::Tick, &mut unused);
            if !eligible(&world.episode) {
                return;
            }
        }
        found
            .broken
            .entry("liveness")
            .or_insert_with(|| format!("{world:#?}"));
    }

    /// The same state an unbounded time later: instants relative to now, counters
    /// that do not decide anything put to one value.
    fn normal(&self, episode: &mut Episode, now: Timestamp) {
        let back = now.since(NOW);
        let timer = |timer: &mut Timer| {
            timer.until = timer.until - back;
            timer.from = (timer.from - back).max(NOW - span(3)).min(NOW);
        };
        let begun = |value: &mut Timer| {
            timer(value);
            value.from = NOW;
        };
        episode.number = episode.number.min(1);
        episode.opened = NOW;
        episode.flaps = 0;
        match &mut episode.condition {
            Condition::Clear => {}
            Condition::Firing { since } | Condition::Recovered { since } => *since = NOW,
            Condition::Clearing(timer) => begun(timer),
        }
        if let Some(settle) = &mut episode.settle {
            begun(&mut settle.least);
            begun(&mut settle.most);
            // A least wait that is over and one that has been over for longer are one.
            settle.least.until = settle.least.until.max(NOW);
            settle.waiting.sort_unstable();
        }
        if let Some(recheck) = &mut episode.recheck {
            recheck.fresh_from = NOW;
            begun(&mut recheck.most);
        }
        for hold in [&mut episode.forced, &mut episode.maintenance]
            .into_iter()
            .flatten()
        {
            hold.until = hold.until - back;
        }
        if let Ack::Snoozed { timer, .. } = &mut episode.ack {
            begun(timer);
        }
        let superseded = episode.ladder.page < episode.live_from.max(1);
        (episode.messages, episode.ladder.page) = (9, 9);
        episode.live_from = if superseded { 10 } else { 9 };
        let recovered = matches!(episode.condition, Condition::Recovered { .. });
        let ladder: &mut Ladder = &mut episode.ladder;
        let low = recovered && self.rules.after_clear == AfterClear::Low;
        ladder.round = ladder.round.min(if low { 6 } else { 2 });
        if let Some(due) = &mut ladder.due {
            timer(due);
        }
        if let Some(rest) = &mut ladder.rest {
            begun(rest);
        }
        ladder.rest = ladder.rest.filter(|rest| NOW < rest.until);
        if let Some(began) = &mut ladder.round_began {
            *began = (*began - back).max(NOW - span(4));
        }
        if self.rules.ladder.iter().all(|step| step.after.is_zero()) {
            ladder.round_began = None;
        }
    }
}

/// One transition to judge.
struct Taken<'a> {
    before: &'a World,
    after: &'a World,
    event: &'a Event,
    what: &'a Move,
    now: Timestamp,
    effects: &'a [Effect],
    rules: &'a Rules,
}

impl Taken<'_> {
    fn check(&self, broken: &mut dyn FnMut(&'static str)) {
        let (before, after) = (&self.before.episode, &self.after.episode);
        let pages = pages(self.effects);
        let mut holds = |name, kept: bool| {
            if !kept {
                broken(name);
            }
        };
        let due = after.ladder.due;
        let talks = eligible(after) || eligible_low(after);
        let low = matches!(after.condition, Condition::Recovered { .. });
        let longest = if low { span(24) } else { self.rules.gap_max() };
        holds(
            "I1",
            !talks || due.is_some_and(|due| due.until <= self.now + longest),
        );
        holds(
            "I2",
            talks || (pages == 0 && due.is_none() && !after.is_live(after.number, after.messages)),
        );
        holds("I2", after.talks() == talks);
        if let Event::ParentClear { sampled, .. } = self.event {
            let last = !before.parents.is_empty() && after.parents.is_empty();
            let firing = matches!(after.condition, Condition::Firing { .. });
            let quiet = after.forced.is_some()
                || after.maintenance.is_some()
                || after.ack != Ack::None
                || after.settle.is_some();
            let waits = after
                .recheck
                .is_some_and(|recheck| recheck.most.until <= self.now + TICK);
            let told = if sampled.is_some() { pages == 1 } else { waits };
            holds("I3", !last || !firing || quiet || told);
        }
        if let (Event::Fire(_), Condition::Clearing(_)) = (self.event, before.condition) {
            let snoozed = matches!(before.ack, Ack::Snoozed { .. });
            holds("I4", !snoozed || after.ack == Ack::None);
            holds("I4", !snoozed || !eligible(after) || pages == 1);
            let complete = matches!(before.ack, Ack::Complete { .. });
            let stays = self.rules.refire_overrides == RefireOverrides::Snooze;
            holds(
                "I5",
                !complete || !stays || (after.ack == before.ack && pages == 0),
            );
        }
        holds(
            "I6",
            after.number == before.number || after.ack == Ack::None,
        );
        let held = after.forced.is_some() || after.maintenance.is_some();
        holds("I7", !held || (pages == 0 && due.is_none()));
        holds("I8", !self.after.debt || after.is_open());
        holds("I8", self.after.debt == after.unacked);
        if let Move::Crash = self.what {
            holds("I9", before == after && self.effects.is_empty());
        }
        let firing = matches!(after.condition, Condition::Firing { .. });
        holds("I10", self.after.fires == firing);
        holds("wake", after.next_wakeup().is_none_or(|at| self.now < at));
        holds("one page", pages <= 1);
        let lines: Vec<_> = self
            .effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Audit(line) => Some(line),
                _ => None,
            })
            .collect();
        // What a person said twice is on the timeline twice.
        let repeated = before == after && self.event.by().is_some();
        holds(
            "I14",
            repeated || lines.len() == usize::from(before != after),
        );
        holds("I14", replay(before.clone(), lines, self.rules) == *after);
    }
}

/// To be paged for, written down anew rather than taken from the machine.
fn eligible(episode: &Episode) -> bool {
    matches!(episode.condition, Condition::Firing { .. })
        && episode.parents.is_empty()
        && episode.settle.is_none()
        && episode.recheck.is_none()
        && episode.forced.is_none()
        && episode.maintenance.is_none()
        && episode.ack == Ack::None
}

fn eligible_low(episode: &Episode) -> bool {
    matches!(episode.condition, Condition::Recovered { .. })
        && episode.forced.is_none()
        && episode.maintenance.is_none()
}

fn pages(effects: &[Effect]) -> usize {
    effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Page(_)))
        .count()
}

fn nobody(_: &str, _: Timestamp) -> Vec<Arc<str>> {
    Vec::new()
}
