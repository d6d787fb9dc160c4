use std::collections::BTreeMap;
use std::sync::Arc;

use rem_time::Timestamp;

use super::calendar::Cause;
use super::{Calendar, Change, EditId, Range, RoleId, SwapId, UserId};

/// How many stretches a list holds at most; it ends there.
pub const SHIFTS_MAX: usize = 100_000;

/// A stretch of time somebody has a role for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// The role.
    pub role: RoleId,
    /// Who.
    pub user: UserId,
    /// The first instant.
    pub from: Timestamp,
    /// The instant after the last.
    pub to: Timestamp,
    /// Why they and nobody else.
    pub why: Why,
}

/// Why somebody is on call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is their turn.
    Turn {
        /// In this rotation.
        rotation: Arc<str>,
        /// In this version of it, from 0.
        version: usize,
        /// The number of the shift.
        k: i64,
        /// Whose turn it would be, were they not away.
        stands_in_for: Option<UserId>,
    },
    /// No layer covers the time, and they stand by.
    Standing,
    /// An override put them there.
    Replaced {
        /// The edit.
        edit: EditId,
        /// Instead of whom; `None`: of everybody.
        instead_of: Option<UserId>,
    },
    /// An override put them there as well.
    Added {
        /// The edit.
        edit: EditId,
    },
    /// They took the shift.
    Taken {
        /// The edit.
        edit: EditId,
    },
    /// They got it by a swap.
    Swapped {
        /// The edit.
        edit: EditId,
        /// The offer.
        swap: SwapId,
    },
}

/// A stretch of time somebody is on call in a role without a break, whatever the
/// reasons: what they notice of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spell {
    /// The first instant and the one after the last.
    pub range: Range,
    /// The role.
    pub role: RoleId,
    /// Who.
    pub user: UserId,
}

struct Open<'a> {
    user: &'a UserId,
    cause: Cause,
    range: Range,
}

impl Calendar {
    /// The shifts of a role within a range, cut off at its ends, by their beginning.
    pub fn shifts(&self, role: &RoleId, range: Range) -> Vec<Shift> {
        match self.place(role) {
            Some(place) => self.list(place, range, false),
            None => Vec::new(),
        }
    }

    /// Somebody's shifts in all roles within a range, cut off at its ends, by their
    /// beginning.
    pub fn shifts_of(&self, user: &UserId, range: Range) -> Vec<Shift> {
        let mut shifts: Vec<Shift> = (0..self.roles().len())
            .flat_map(|role| self.list(role, range, false))
            .filter(|shift| shift.user == *user)
            .collect();
        shifts.sort_by(|a, b| (a.from, &a.role).cmp(&(b.from, &b.role)));
        shifts
    }

    /// The shifts of a role that overlap a range, each from its beginning to its end.
    /// Only who stands by without a beginning or an end is cut off.
    pub fn whole_shifts(&self, role: &RoleId, range: Range) -> Vec<Shift> {
        match self.place(role) {
            Some(place) => self.list(place, range, true),
            None => Vec::new(),
        }
    }

    /// The time within a range at which nobody has a role, joined where it touches.
    pub fn gaps(&self, role: &RoleId, range: Range) -> Vec<Range> {
        let covered = self.shifts(role, range).into_iter();
        let covered = covered.map(|shift| Range::new(shift.from, shift.to));
        Range::without(&[range], &Range::merged(covered.collect()))
    }

    /// Everybody's stretches without a break within a range, cut off at its ends, by
    /// their beginning.
    pub fn spells(&self, range: Range) -> Vec<Spell> {
        let mut spells = Vec::new();
        for (place, role) in self.roles().iter().enumerate() {
            let mut ranges: BTreeMap<UserId, Vec<Range>> = BTreeMap::new();
            for shift in self.list(place, range, false) {
                let range = Range::new(shift.from, shift.to);
                ranges.entry(shift.user).or_default().push(range);
            }
            for (user, ranges) in ranges {
                spells.extend(Range::merged(ranges).into_iter().map(|range| Spell {
                    range,
                    role: role.id.clone(),
                    user: user.clone(),
                }));
            }
        }
        spells.sort();
        spells
    }

    fn list(&self, role: usize, range: Range, whole: bool) -> Vec<Shift> {
        let mut at = match whole {
            true => self.begun(role, range.from),
            false => range.from,
        };
        let mut done: Vec<Open<'_>> = Vec::new();
        let mut open: Vec<Open<'_>> = Vec::new();
        while done.len() < SHIFTS_MAX {
            let late = at >= range.to;
            if late && !(whole && open.iter().any(|one| one.cause != Cause::Standing)) {
                break;
            }
            let holders = self.holders(role, at);
            let (still, over) = std::mem::take(&mut open)
                .into_iter()
                .partition(|one| holders.contains(&(one.user, one.cause)));
            open = still;
            done.extend::<Vec<Open<'_>>>(over);
            let next = self.next_cut(role, at).unwrap_or(range.to.max(at));
            let end = if whole { next } else { next.min(range.to) };
            for (user, cause) in holders {
                match open.iter_mut().find(|one| one.user == user) {
                    Some(one) => one.range.to = end,
                    None if late => {}
                    None => open.push(Open {
                        user,
                        cause,
                        range: Range::new(at, end),
                    }),
                }
            }
            if end <= at {
                break;
            }
            at = end;
        }
        done.append(&mut open);
        done.retain(|one| one.range.to > range.from && !one.range.is_empty());
        done.sort_by_key(|one| one.range.from);
        done.into_iter().map(|one| self.shift(role, &one)).collect()
    }

    fn shift(&self, role: usize, one: &Open<'_>) -> Shift {
        Shift {
            role: self.roles()[role].id.clone(),
            user: one.user.clone(),
            from: one.range.from,
            to: one.range.to,
            why: self.why(role, one.cause),
        }
    }

    fn why(&self, role: usize, cause: Cause) -> Why {
        match cause {
            Cause::Standing => Why::Standing,
            Cause::Turn {
                layer,
                version,
                k,
                stands_in_for,
            } => {
                let rotation = &self.roles()[role].layers[layer];
                let users = rotation.versions()[version].plan.users();
                Why::Turn {
                    rotation: rotation.shared_name(),
                    version,
                    k,
                    stands_in_for: stands_in_for.map(|place| users[place].clone()),
                }
            }
            Cause::Edit(place) => {
                let edit = &self.edits()[place];
                let id = edit.id;
                match &edit.change {
                    Change::Replace { instead_of, .. } => Why::Replaced {
                        edit: id,
                        instead_of: instead_of.clone(),
                    },
                    Change::Add { .. } => Why::Added { edit: id },
                    Change::Take { .. } => Why::Taken { edit: id },
                    Change::Swap { swap, .. } => Why::Swapped {
                        edit: id,
                        swap: *swap,
                    },
                    Change::Vacation { .. } => Why::Standing,
                }
            }
        }
    }
}
