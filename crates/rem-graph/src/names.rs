//! Texts with numbers: one arena, and an open table over it.

use std::hash::{BuildHasher, RandomState};

const FREE: u32 = u32::MAX;

/// Interned texts, numbered in the order they came.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    text: String,
    /// Where each name ends in `text`.
    ends: Vec<usize>,
    /// The number and a part of the hash, so that growing and most misses read no text.
    table: Vec<(u32, u32)>,
    hasher: RandomState,
}

impl Names {
    pub(crate) fn new() -> Self {
        Self {
            text: String::new(),
            ends: Vec::new(),
            table: vec![(FREE, 0); 16],
            hasher: RandomState::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The text of a number; empty for a number never given.
    pub(crate) fn get(&self, number: u32) -> &str {
        let at = number as usize;
        let Some(&end) = self.ends.get(at) else {
            return "";
        };
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.text[start..end]
    }

    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        let (found, _) = self.table[self.slot(name, self.hash(name))];
        (found != FREE).then_some(found)
    }

    /// The number of `name`, a new one if it has none yet.
    pub(crate) fn intern(&mut self, name: &str) -> u32 {
        let hash = self.hash(name);
        let slot = self.slot(name, hash);
        let (found, _) = self.table[slot];
        if found != FREE {
            return found;
        }
        let number = self.ends.len() as u32;
        self.text.push_str(name);
        self.ends.push(self.text.len());
        self.table[slot] = (number, hash);
        if self.ends.len() * 4 > self.table.len() * 3 {
            self.grow();
        }
        number
    }

    pub(crate) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    fn hash(&self, name: &str) -> u32 {
        self.hasher.hash_one(name) as u32
    }

    /// Where `name` is in the table, or the free place where it belongs.
    fn slot(&self, name: &str, hash: u32) -> usize {
        let mask = self.table.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let (number, other) = self.table[slot];
            if number == FREE || (other == hash && self.get(number) == name) {
                return slot;
            }
            slot = (slot + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let mask = self.table.len() * 2 - 1;
        let mut table = vec![(FREE, 0); mask + 1];
        for &(number, hash) in self.table.iter().filter(|(number, _)| *number != FREE) {
            let mut slot = hash as usize & mask;
            while table[slot].0 != FREE {
                slot = (slot + 1) & mask;
            }
            table[slot] = (number, hash);
        }
        self.table = table;
    }
}
