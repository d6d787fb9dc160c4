use std::fmt;

use rem_yaml::{Located, Place};

use crate::name::ObserverName;

#[cfg(test)]
mod tests;

/// From where a monitor looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// From the machine itself; only for the machine the monitor runs on.
    Local,
    /// From the observer that is nearest to the machine.
    Near,
    /// From the nearest observer that is somewhere else than the near one.
    Far,
}

/// A vantage point: somewhere a machine can be looked at from.
#[derive(Clone, Debug)]
pub struct Observer {
    /// Its name.
    pub name: ObserverName,
    /// Where it stands, as the machines' locations are written.
    pub location: String,
    /// The network namespace of this host in which it looks, if not the usual one.
    pub netns: Option<String>,
    /// Where it is written.
    pub place: Place,
}

/// The scopes of a monitor, each once.
pub(crate) type Scopes = Vec<Located<Scope>>;

impl Scope {
    /// As it is written: `near`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Near => "near",
            Self::Far => "far",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Observer {
    /// Whether both look from the same place in the same way, wherever that is written.
    pub fn same_as(&self, other: &Self) -> bool {
        self.name == other.name && self.location == other.location && self.netns == other.netns
    }
}

/// Who looks at a machine from near and from far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Views<'o> {
    pub(crate) near: Option<&'o Observer>,
    pub(crate) far: Option<&'o Observer>,
}

impl<'o> Views<'o> {
    /// Ties are spread over the machines by their names, the same way each time.
    pub(crate) fn of(
        machine: &str,
        location: Option<&str>,
        observers: impl Iterator<Item = &'o Observer> + Clone,
    ) -> Self {
        let nearest = |among: &mut dyn Iterator<Item = &'o Observer>| {
            among.min_by_key(|observer| {
                let distance = location.map_or(0, |own| distance(own, &observer.location));
                (distance, spread(machine, observer.name.as_str()))
            })
        };
        let near = nearest(&mut observers.clone());
        let far = near.and_then(|near| {
            let mut elsewhere =
                observers.filter(|other| !steps(&other.location).eq(steps(&near.location)));
            nearest(&mut elsewhere)
        });
        Self { near, far }
    }
}

/// How many steps lead from one location to another: up to what they share, and down.
fn distance(one: &str, other: &str) -> usize {
    let shared = steps(one)
        .zip(steps(other))
        .take_while(|(one, other)| one == other)
        .count();
    steps(one).count() + steps(other).count() - 2 * shared
}

fn steps(location: &str) -> impl Iterator<Item = &str> {
    location
        .split('/')
        .map(str::trim)
        .filter(|step| !step.is_empty())
}

/// A number for a pair of names that is the same on every machine and for ever.
fn spread(machine: &str, observer: &str) -> u64 {
    crate::hash::fnv([machine, observer])
}
