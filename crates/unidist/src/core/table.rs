//! The locks that are known, by name and by place.

use std::collections::{BTreeMap, HashMap};

use super::command::Name;
use super::hashing::NameHashing;
use super::locks::Held;
use crate::wire::{Decoded, Wire};

/// Free locks whose names are remembered, to spare their next holder an allocation.
const FREE_LOCKS_KEPT: usize = 1024;

/// Where a lock was last seen in the table. It may be elsewhere by now, or
/// forgotten: whoever uses it compares the name or the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(pub u32);

impl Slot {
    pub(crate) const UNKNOWN: Self = Self(u32::MAX);
}

#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<(Name, Held)>,
    places: HashMap<Name, u32, NameHashing>,
    free: usize,
}

impl Table {
    pub(crate) fn get(&self, name: &str) -> Option<&Held> {
        let place = *self.places.get(name)?;
        self.rows.get(place as usize).map(|(_, held)| held)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Held> {
        let place = *self.places.get(name)?;
        self.rows.get_mut(place as usize).map(|(_, held)| held)
    }

    /// The place of a lock, which may be the one it was last seen in.
    pub(crate) fn slot(&self, name: &Name, seen: Slot) -> Option<Slot> {
        match self.rows.get(seen.0 as usize) {
            Some((there, _)) if there == name => Some(seen),
            _ => self.places.get(name).copied().map(Slot),
        }
    }

    pub(crate) fn at(&mut self, slot: Slot) -> Option<&mut Held> {
        self.rows.get_mut(slot.0 as usize).map(|(_, held)| held)
    }

    pub(crate) fn insert(&mut self, name: Name, held: Held) -> Slot {
        let place = self.rows.len() as u32;
        self.rows.push((name.clone(), held));
        self.places.insert(name, place);
        Slot(place)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(Name, Held)> {
        self.rows.iter()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// One that was free is taken.
    pub(crate) fn taken(&mut self) {
        self.free -= 1;
    }

    /// One more is free; many free ones are forgotten together.
    pub(crate) fn freed(&mut self) {
        self.free += 1;
        if FREE_LOCKS_KEPT < self.free {
            self.rows.retain(|(_, held)| !held.is_free());
            let rows = std::mem::take(&mut self.rows);
            *self = rows.into_iter().collect();
        }
    }
}

impl FromIterator<(Name, Held)> for Table {
    fn from_iter<I: IntoIterator<Item = (Name, Held)>>(rows: I) -> Self {
        let mut table = Self::default();
        for (name, held) in rows {
            table.free += usize::from(held.is_free());
            table.insert(name, held);
        }
        table
    }
}

/// Equal if the same locks are known, in whatever places.
impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        let same = |(name, held): &(Name, Held)| other.get(name) == Some(held);
        self.rows.len() == other.rows.len() && self.rows.iter().all(same)
    }
}

impl Wire for Table {
    fn put(&self, out: &mut Vec<u8>) {
        // In the order of names, so that the same state has the same bytes.
        let mut rows: Vec<_> = self.rows.iter().collect();
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows.len().put(out);
        for (name, held) in rows {
            name.put(out);
            held.put(out);
        }
    }

    fn get(input: &mut &[u8]) -> Decoded<Self> {
        // Through a map: a name that comes twice must not have two rows.
        let rows = <BTreeMap<Name, Held> as Wire>::get(input)?;
        Ok(rows.into_iter().collect())
    }
}
