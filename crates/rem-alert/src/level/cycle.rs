use std::collections::HashMap;
use std::fmt;

/// Most steps of a cycle that its text spells out; the others are counted.
const SHOWN_MAX: usize = 8;

/// Levels whose states feed each other in a circle, so that no order to
/// evaluate them in exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// A level, and the state it sets that the next one reads; the last feeds the first.
    pub steps: Vec<(String, String)>,
}

/// ``a sets `x`, b reads it and sets `y`, a reads it``
impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = self.steps.len().saturating_sub(SHOWN_MAX);
        for (i, (level, state)) in self.steps.iter().enumerate() {
            if hidden > 0 && (SHOWN_MAX / 2..SHOWN_MAX / 2 + hidden).contains(&i) {
                if i == SHOWN_MAX / 2 {
                    write!(f, "{hidden} more, ")?;
                }
                continue;
            }
            match i {
                0 => write!(f, "{level} sets `{state}`, ")?,
                _ => write!(f, "{level} reads it and sets `{state}`, ")?,
            }
        }
        match self.steps.first() {
            Some((first, _)) => write!(f, "{first} reads it"),
            None => Ok(()),
        }
    }
}

/// Looks for a [`Cycle`] among levels, each with the states it sets and those it
/// reads. Entries of one name are one level group. Whoever has states of one name
/// on several machines hands them over with the machine in their name.
///
/// ```
/// use rem_alert::level::find_cycle;
///
/// let levels = [("a", ["x"], ["y"]), ("b", ["y"], ["x"])];
/// let cycle = find_cycle(levels).unwrap();
/// assert_eq!(cycle.to_string(), "a sets `x`, b reads it and sets `y`, a reads it");
/// ```
pub fn find_cycle<N, S, R>(levels: impl IntoIterator<Item = (N, S, R)>) -> Option<Cycle>
where
    N: AsRef<str>,
    S: IntoIterator<Item: AsRef<str>>,
    R: IntoIterator<Item: AsRef<str>>,
{
    let mut graph = Graph::default();
    for (name, sets, reads) in levels {
        let level = graph.levels.index(name.as_ref());
        for state in sets {
            let state = graph.states.index(state.as_ref());
            graph.feeds(level, state);
        }
        for state in reads {
            let state = graph.states.index(state.as_ref());
            graph.read_by(state, level);
        }
    }
    graph.cycle()
}

#[derive(Default)]
struct Names {
    index: HashMap<String, usize>,
    names: Vec<String>,
}

impl Names {
    fn index(&mut self, name: &str) -> usize {
        if let Some(index) = self.index.get(name) {
            return *index;
        }
        self.names.push(name.to_owned());
        self.index.insert(name.to_owned(), self.names.len() - 1);
        self.names.len() - 1
    }
}

#[derive(Default)]
struct Graph {
    levels: Names,
    states: Names,
    /// For each level the states it sets, for each state the levels that read it.
    sets: Vec<Vec<usize>>,
    readers: Vec<Vec<usize>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Seen {
    Never,
    OnPath,
    Done,
}

impl Graph {
    fn feeds(&mut self, level: usize, state: usize) {
        self.sets
            .resize_with(self.sets.len().max(level + 1), Vec::new);
        self.sets[level].push(state);
    }

    fn read_by(&mut self, state: usize, level: usize) {
        self.readers
            .resize_with(self.readers.len().max(state + 1), Vec::new);
        self.readers[state].push(level);
    }

    /// Each level that `level` feeds, by which state.
    fn fed(&self, level: usize, nth_state: usize, nth_reader: usize) -> Option<Next> {
        let state = self.sets.get(level).and_then(|sets| sets.get(nth_state))?;
        let reader = self
            .readers
            .get(*state)
            .and_then(|readers| readers.get(nth_reader));
        Some(match reader {
            Some(reader) => Next::Level(*reader, *state),
            None => Next::State,
        })
    }

    /// Depth first with its own stack: a chain of any length is fine.
    fn cycle(&self) -> Option<Cycle> {
        struct Place {
            level: usize,
            state: usize,
            reader: usize,
            /// By which state the next place of the path is reached.
            by: usize,
        }
        let enter = |level| Place {
            level,
            state: 0,
            reader: 0,
            by: 0,
        };
        let mut seen = vec![Seen::Never; self.levels.names.len()];
        for start in 0..seen.len() {
            if seen[start] != Seen::Never {
                continue;
            }
            seen[start] = Seen::OnPath;
            let mut path = vec![enter(start)];
            while let Some(place) = path.last_mut() {
                match self.fed(place.level, place.state, place.reader) {
                    None => {
                        seen[place.level] = Seen::Done;
                        path.pop();
                    }
                    Some(Next::State) => (place.state, place.reader) = (place.state + 1, 0),
                    Some(Next::Level(next, by)) => {
                        place.reader += 1;
                        place.by = by;
                        match seen[next] {
                            Seen::Done => {}
                            Seen::Never => {
                                seen[next] = Seen::OnPath;
                                path.push(enter(next));
                            }
                            Seen::OnPath => {
                                let steps = path.iter().skip_while(|place| place.level != next);
                                let name = |place: &Place| {
                                    let level = self.levels.names[place.level].clone();
                                    (level, self.states.names[place.by].clone())
                                };
                                return Some(Cycle {
                                    steps: steps.map(name).collect(),
                                });
                            }
                        }
                    }
                }
            }
        }
        None
    }
}

enum Next {
    /// A level, and the state by which it is fed.
    Level(usize, usize),
    /// This state has no more readers.
    State,
}
