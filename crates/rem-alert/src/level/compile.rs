use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use rem_time::Span;

use super::cycle::{Cycle, find_cycle};
use super::recent::Keep;
use super::watch::{Memory, Watch};
use super::window::Needs;
use super::{Action, GroupState, Kind, Level, LevelState};

/// Most levels of one monitor; more are refused.
pub const LEVELS_MAX: usize = 1024;

/// The levels of a monitor, ready to judge samples; shared by all monitors of one
/// definition. What is remembered for each of them is a [`LevelState`].
#[derive(Clone, Debug, Default)]
pub struct Levels {
    /// In the order of evaluation: groups in one piece, those that set a state
    /// before those that read it.
    pub(super) levels: Box<[Level]>,
    pub(super) rules: Box<[Rule]>,
    pub(super) groups: Box<[Group]>,
    pub(super) alerts: Box<[AlertSlot]>,
    pub(super) keep: Keep,
    /// How long a sample stands for what follows it.
    pub(super) stand: Option<Span>,
    /// Whether any window is one over time.
    pub(super) is_timed: bool,
}

/// What of a level is needed with each sample.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) fingerprint: u64,
    pub(super) window: Needs,
    pub(super) clear: Option<Needs>,
    /// Whether time alone may change what the condition says.
    pub(super) follows_clock: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) name: Arc<str>,
    pub(super) members: Range<usize>,
    /// States all of whose setters have been judged once this group has.
    pub(super) states: Box<[StateSlot]>,
}

#[derive(Clone, Debug)]
pub(super) struct StateSlot {
    pub(super) name: Arc<str>,
    /// Group, level and action that set it, the first that matches first.
    pub(super) setters: Box<[(usize, usize, usize)]>,
}

#[derive(Clone, Debug)]
pub(super) struct AlertSlot {
    pub(super) name: Arc<str>,
    pub(super) groups: Box<[u16]>,
}

/// Why levels cannot be used together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// A `when` or `clear` that is not true or false.
    #[error("level {level}: this is no condition: {expression}")]
    NoCondition {
        /// The level.
        level: String,
        /// What it has for a condition.
        expression: String,
    },
    /// Their states feed each other.
    #[error("levels read each other's states in a circle: {0}")]
    Circle(Cycle),
    /// More than [`LEVELS_MAX`].
    #[error("a monitor has at most {LEVELS_MAX} levels, here are {count}")]
    TooMany {
        /// How many there are.
        count: usize,
    },
}

impl Levels {
    /// Puts the levels of one monitor together.
    pub fn compile(levels: Vec<Level>) -> Result<Self, CompileError> {
        if levels.len() > LEVELS_MAX {
            return Err(CompileError::TooMany {
                count: levels.len(),
            });
        }
        for level in &levels {
            let clear = level.clear.iter().map(|(when, _)| when);
            for condition in [&level.when].into_iter().chain(clear) {
                if condition.kind() != Kind::Truth {
                    return Err(CompileError::NoCondition {
                        level: level.name.to_string(),
                        expression: condition.to_string(),
                    });
                }
            }
        }
        let names = order(&levels)?;
        let place: HashMap<&str, usize> = names
            .iter()
            .zip(0..)
            .map(|(name, i)| (&**name, i))
            .collect();
        let mut levels = levels;
        levels.sort_by_key(|level| place[&*level.name]);

        let mut groups: Vec<Group> = Vec::with_capacity(names.len());
        for (at, level) in levels.iter().enumerate() {
            match groups.last_mut() {
                Some(group) if group.name == level.name => group.members.end = at + 1,
                _ => groups.push(Group {
                    name: Arc::clone(&level.name),
                    members: at..at + 1,
                    states: Box::default(),
                }),
            }
        }
        place_states(&levels, &mut groups);
        let rules: Box<[Rule]> = levels.iter().map(Rule::of).collect();
        let aggregates = levels.iter().flat_map(Level::expressions);
        let keep = Keep::of(aggregates.flat_map(super::Expression::aggregates));
        let is_time = |needs: &Needs| !matches!(needs, Needs::Samples { .. });
        Ok(Self {
            alerts: alerts(&levels, &groups),
            is_timed: rules
                .iter()
                .any(|rule| is_time(&rule.window) || rule.clear.as_ref().is_some_and(is_time)),
            levels: levels.into(),
            rules,
            groups: groups.into(),
            keep,
            stand: None,
        })
    }

    /// The same levels, for samples that stand for what follows them at most for
    /// `span`; three intervals of the check are a good choice. When no sample came
    /// for so long, conditions are unknown until the next one.
    #[must_use]
    pub fn standing_for(self, span: Span) -> Self {
        Self {
            stand: Some(span),
            ..self
        }
    }

    /// All levels, in the order they are evaluated in.
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// The names of the groups, in the order they are evaluated in.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = &str> {
        self.groups.iter().map(|group| &*group.name)
    }

    /// The levels of a group; none if there is no such group.
    pub fn members(&self, group: usize) -> &[Level] {
        self.groups
            .get(group)
            .map(|group| &self.levels[group.members.clone()])
            .unwrap_or_default()
    }

    /// Whether [`tick`](Self::tick) may ever change anything.
    pub fn follow_the_clock(&self) -> bool {
        let follows = |rule: &Rule| rule.follows_clock;
        self.is_timed || self.stand.is_some() || self.rules.iter().any(follows)
    }

    /// A state for a monitor of which nothing is known.
    pub fn start(&self) -> LevelState {
        let watch = |rule: &Rule| Watch {
            when: Memory::for_window(rule.window),
            clear: rule.clear.map(Memory::for_window).unwrap_or_default(),
            ..Watch::default()
        };
        LevelState {
            watches: self.rules.iter().map(watch).collect(),
            groups: vec![GroupState::default(); self.groups.len()].into(),
            recent: None,
            last: None,
            sampled: None,
            line: 0,
            sampled_line: 0,
        }
    }
}

impl Rule {
    fn of(level: &Level) -> Self {
        Self {
            fingerprint: level.fingerprint(),
            window: level.window.needs(),
            clear: level.clear.as_ref().map(|(_, window)| window.needs()),
            follows_clock: level.when.follows_the_clock()
                || level
                    .clear
                    .as_ref()
                    .is_some_and(|(when, _)| when.follows_the_clock()),
        }
    }

    pub(super) fn needs(&self, is_clearing: bool) -> Needs {
        match (is_clearing, self.clear) {
            (true, Some(clear)) => clear,
            _ => self.window,
        }
    }
}

/// The groups' names: who sets a state before who reads it, else as they were written.
fn order(levels: &[Level]) -> Result<Vec<Arc<str>>, CompileError> {
    let mut names: Vec<Arc<str>> = Vec::new();
    let mut index: HashMap<Arc<str>, usize> = HashMap::new();
    let mut setters: HashMap<&str, BTreeSet<usize>> = HashMap::new();
    for level in levels {
        let group = *index.entry(Arc::clone(&level.name)).or_insert_with(|| {
            names.push(Arc::clone(&level.name));
            names.len() - 1
        });
        for state in level.sets() {
            setters.entry(state).or_default().insert(group);
        }
    }
    let mut waits_for: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); names.len()];
    for level in levels {
        for state in level.reads() {
            waits_for[index[&level.name]].extend(setters.get(state).into_iter().flatten());
        }
    }
    let mut feeds: Vec<Vec<usize>> = vec![Vec::new(); names.len()];
    for (reader, setters) in waits_for.iter().enumerate() {
        for setter in setters {
            feeds[*setter].push(reader);
        }
    }
    let mut missing: Vec<usize> = waits_for.iter().map(BTreeSet::len).collect();
    let mut ready: BTreeSet<usize> = (0..names.len()).filter(|i| missing[*i] == 0).collect();
    let mut ordered = Vec::with_capacity(names.len());
    while let Some(group) = ready.pop_first() {
        ordered.push(Arc::clone(&names[group]));
        for reader in &feeds[group] {
            missing[*reader] -= 1;
            if missing[*reader] == 0 {
                ready.insert(*reader);
            }
        }
    }
    if ordered.len() == names.len() {
        return Ok(ordered);
    }
    let entries = levels.iter().map(|level| {
        let sets: Vec<&str> = level.sets().collect();
        let reads: Vec<&str> = level.reads().collect();
        (&*level.name, sets, reads)
    });
    let nothing = Cycle { steps: Vec::new() };
    Err(CompileError::Circle(find_cycle(entries).unwrap_or(nothing)))
}

/// Gives each state to the last group that sets it.
fn place_states(levels: &[Level], groups: &mut [Group]) {
    let mut slots: Vec<StateSlot> = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        for member in group.members.clone() {
            for (action_at, action) in levels[member].actions.iter().enumerate() {
                let Action::State { name, .. } = action else {
                    continue;
                };
                let setter = (at, member, action_at);
                match slots.iter_mut().find(|slot| slot.name == *name) {
                    Some(slot) => {
                        slot.setters = slot.setters.iter().copied().chain([setter]).collect();
                    }
                    None => slots.push(StateSlot {
                        name: Arc::clone(name),
                        setters: [setter].into(),
                    }),
                }
            }
        }
    }
    for slot in slots {
        let Some((last, _, _)) = slot.setters.last().copied() else {
            continue;
        };
        let states = &mut groups[last].states;
        *states = states.iter().cloned().chain([slot]).collect();
    }
}

fn alerts(levels: &[Level], groups: &[Group]) -> Box<[AlertSlot]> {
    let mut slots: Vec<(Arc<str>, BTreeSet<u16>)> = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        for action in levels[group.members.clone()]
            .iter()
            .flat_map(|level| &level.actions)
        {
            let Action::Alert(name) = action else {
                continue;
            };
            // At most `LEVELS_MAX` groups.
            let at = at as u16;
            match slots.iter_mut().find(|(known, _)| known == name) {
                Some((_, groups)) => {
                    groups.insert(at);
                }
                None => slots.push((Arc::clone(name), BTreeSet::from([at]))),
            }
        }
    }
    let slot = |(name, groups): (Arc<str>, BTreeSet<u16>)| AlertSlot {
        name,
        groups: groups.into_iter().collect(),
    };
    slots.into_iter().map(slot).collect()
}
