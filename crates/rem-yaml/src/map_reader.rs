use std::collections::BTreeSet;

use crate::at::At;
use crate::from_yaml::FromYaml;
use crate::node::Map;
use crate::problem::{Problem, Problems};
use crate::suggest::suggest;

/// Reads a map key by key and, at the end, refuses the keys nobody asked for.
///
/// A key with nothing behind it (`port:`) counts as written for [`required`],
/// which then says what belongs there, and as absent for [`optional`].
///
/// [`required`]: MapReader::required
/// [`optional`]: MapReader::optional
#[derive(Debug)]
pub struct MapReader<'n> {
    at: At<'n>,
    map: &'n Map,
    known: BTreeSet<&'static str>,
}

impl<'n> MapReader<'n> {
    pub(crate) const fn new(at: At<'n>, map: &'n Map) -> Self {
        Self {
            at,
            map,
            known: BTreeSet::new(),
        }
    }

    /// The map itself.
    pub const fn at(&self) -> &At<'n> {
        &self.at
    }

    /// Whether the key is written. Does not make it a known key.
    pub fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    /// The value of a key to be read by hand; from now on the key is known.
    pub fn get(&mut self, key: &'static str) -> Option<At<'n>> {
        self.known.insert(key);
        let node = self.map.get(key)?;
        Some(At::new(node, self.at.path().key(key)))
    }

    /// The value of a key that must be there.
    pub fn required<T: FromYaml>(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<T> {
        match self.get(key) {
            Some(at) => at.read(problems),
            None => {
                problems.add(self.missing(key));
                None
            }
        }
    }

    /// The value of a key that may be absent, or empty.
    pub fn optional<T: FromYaml>(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<T> {
        self.get(key)
            .filter(|at| !at.node().is_null())?
            .read(problems)
    }

    /// The value of a key, or what it is when nobody wrote it. After a problem it
    /// is the default too: reading goes on, the whole does not count.
    pub fn with_default<T: FromYaml>(
        &mut self,
        key: &'static str,
        default: T,
        problems: &mut Problems,
    ) -> T {
        self.optional(key, problems).unwrap_or(default)
    }

    /// Takes a key without reading it, for keys that are read elsewhere.
    pub fn know(&mut self, key: &'static str) {
        self.known.insert(key);
    }

    /// The problem that a key is missing.
    pub fn missing(&self, key: &str) -> Problem {
        let near = suggest(key, self.unknown().map(|(key, _)| key));
        let help = match near {
            Some(near) => format!("rename {near}"),
            None => format!("add `{key}: …`"),
        };
        self.at.problem(format!("{key} is missing")).help(help)
    }

    /// Reports every key nobody asked for. Call it after the last key was read.
    pub fn finish(self, problems: &mut Problems) {
        for (key, place) in self.unknown() {
            let missing = self
                .known
                .iter()
                .filter(|known| !self.map.contains_key(known));
            let help = match suggest(key, missing.copied())
                .or_else(|| suggest(key, self.known.iter().copied()))
            {
                Some(near) => format!("did you mean {near}?"),
                None if self.known.is_empty() => "remove it: no key is known here".to_owned(),
                None => {
                    let known: Vec<&str> = self.known.iter().copied().collect();
                    format!("known keys: {}", known.join(", "))
                }
            };
            let path = self.at.path().key(key);
            problems.add(Problem::new(place, &path, format!("unknown key {key}")).help(help));
        }
    }

    fn unknown(&self) -> impl Iterator<Item = (&'n str, &'n crate::place::Place)> {
        self.map
            .iter()
            .filter(|(key, _)| !self.known.contains(key))
            .map(|(key, entry)| (key, &entry.key_at))
    }
}
