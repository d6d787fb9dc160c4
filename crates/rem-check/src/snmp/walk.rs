//! A walk through a table: what to ask next, and what the answers made of it.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::oid::Oid;
use super::value::Value;

/// How many columns are asked for in one packet.
const COLUMNS_AT_ONCE: usize = 32;

/// What is known of a table so far.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    columns: Vec<Column>,
    /// The cells of each row by its index, as far as they are known.
    pub(super) rows: BTreeMap<Box<[u32]>, Box<[Option<Value>]>>,
    rows_max: usize,
    /// Whether there were more rows than that.
    pub(super) is_cut: bool,
    at_once: usize,
}

#[derive(Clone, Debug)]
struct Column {
    prefix: Oid,
    /// The last object that was found.
    cursor: Oid,
    is_done: bool,
}

/// An object that comes behind one that is greater or the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotIncreasing(pub(super) Oid);

impl Walk {
    pub(super) fn new(columns: impl IntoIterator<Item = Oid>, rows_max: usize) -> Self {
        let column = |prefix: Oid| Column {
            cursor: prefix.clone(),
            prefix,
            is_done: false,
        };
        Self {
            columns: columns.into_iter().map(column).collect(),
            rows: BTreeMap::new(),
            rows_max,
            is_cut: false,
            at_once: COLUMNS_AT_ONCE,
        }
    }

    /// The objects whose successors are wanted; empty at the end of the walk.
    pub(super) fn wanted(&self) -> Vec<Oid> {
        let cursor = |index: usize| self.columns[index].cursor.clone();
        self.active().into_iter().map(cursor).collect()
    }

    /// Takes the successors of what was [`wanted`](Self::wanted): once or
    /// several times each of them, maybe with some missing at the end.
    ///
    /// Every call brings a column forward or ends it, so that a walk ends too,
    /// whatever the agent says.
    pub(super) fn take(&mut self, found: Vec<(Oid, Value)>) -> Result<(), NotIncreasing> {
        let active = self.active();
        if found.is_empty() {
            self.columns
                .iter_mut()
                .for_each(|column| column.is_done = true);
        }
        for ((oid, value), at) in found.into_iter().zip(active.iter().cycle()) {
            let (width, column) = (self.columns.len(), &mut self.columns[*at]);
            if column.is_done {
                continue;
            }
            let Some(index) = oid.below(&column.prefix).filter(|_| !value.is_missing()) else {
                column.is_done = true;
                continue;
            };
            if oid <= column.cursor {
                return Err(NotIncreasing(oid));
            }
            if !self.rows.contains_key(index) {
                if self.rows.len() >= self.rows_max {
                    self.is_cut = true;
                    column.is_done = true;
                    continue;
                }
                self.rows.insert(index.into(), vec![None; width].into());
            }
            if let Some(cells) = self.rows.get_mut(index) {
                cells[*at] = Some(value);
            }
            column.cursor = oid;
        }
        Ok(())
    }

    /// Ends the column of one of the wanted objects, counted from 1 as agents
    /// do; `false` if there is none.
    pub(super) fn end(&mut self, index: i32) -> bool {
        let at = usize::try_from(index).ok().and_then(|at| at.checked_sub(1));
        let column = at.and_then(|at| self.active().get(at).copied());
        if let Some(column) = column {
            self.columns[column].is_done = true;
        }
        column.is_some()
    }

    /// Asks for fewer columns at once; `false` if that is not possible.
    pub(super) fn narrow(&mut self) -> bool {
        let active = self.active().len();
        self.at_once = (active / 2).max(1);
        active > 1
    }

    fn active(&self) -> Vec<usize> {
        let is_active = |index: &usize| !self.columns[*index].is_done;
        let active = (0..self.columns.len()).filter(is_active);
        active.take(self.at_once).collect()
    }
}
