use std::fmt;

use rem_time::Timestamp;

use super::{Range, RoleId, SwapId, UserId};

/// The number of an edit; later edits have greater ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EditId(pub u64);

/// What somebody changed in the calendar: plain data, to be kept for ever.
///
/// Of two edits of the same time the one with the greater number wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Its number.
    pub id: EditId,
    /// Who did it.
    pub author: UserId,
    /// When.
    pub at: Timestamp,
    /// Why, in their words; may be empty.
    pub reason: String,
    /// What.
    pub change: Change,
    /// Who took it back, and when. It counts no more, also not for the past.
    pub withdrawn: Option<(UserId, Timestamp)>,
}

/// A person's time in a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The role.
    pub role: RoleId,
    /// Who is on call in it.
    pub user: UserId,
    /// When.
    pub range: Range,
}

/// What an edit changes.
///
/// A change that puts somebody on call does not count while they are away by a
/// vacation that was filed after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Somebody is on call instead of another.
    Replace {
        /// Who is on call, where and when.
        slot: Slot,
        /// Instead of whom; it counts only where they are on call. `None`: instead
        /// of everybody.
        instead_of: Option<UserId>,
    },
    /// Somebody is on call as well.
    Add {
        /// Who, where and when.
        slot: Slot,
    },
    /// Somebody takes over the shift of whoever has it.
    Take {
        /// Who, where and when.
        slot: Slot,
    },
    /// Two people exchange their shifts, or one gives theirs away. Made by
    /// [`Swap::apply`](super::Swap::apply).
    Swap {
        /// The offer it came from.
        swap: SwapId,
        /// The time that was offered; its user goes off call.
        give: Slot,
        /// Who goes on call for it.
        to: UserId,
        /// The time that is given in return: its user is `to`.
        want: Option<Slot>,
    },
    /// Somebody is away in every role; the next in their rotation who is not away
    /// has their shifts.
    Vacation {
        /// Who.
        user: UserId,
        /// When.
        range: Range,
    },
}

impl Change {
    /// The time it changes in a role: once, or twice for a swap; nothing for a vacation.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        let (first, second) = match self {
            Self::Replace { slot, .. } | Self::Add { slot } | Self::Take { slot } => {
                (Some(slot), None)
            }
            Self::Swap { give, want, .. } => (Some(give), want.as_ref()),
            Self::Vacation { .. } => (None, None),
        };
        first.into_iter().chain(second)
    }

    /// Everybody it names.
    pub fn users(&self) -> Vec<&UserId> {
        match self {
            Self::Replace { slot, instead_of } => {
                [&slot.user].into_iter().chain(instead_of).collect()
            }
            Self::Add { slot } | Self::Take { slot } => vec![&slot.user],
            Self::Swap { give, to, want, .. } => {
                let third = want
                    .as_ref()
                    .map(|want| &want.user)
                    .filter(|user| *user != to);
                [&give.user, to].into_iter().chain(third).collect()
            }
            Self::Vacation { user, .. } => vec![user],
        }
    }

    /// The stretches of time it names.
    pub fn ranges(&self) -> Vec<Range> {
        match self {
            Self::Vacation { range, .. } => vec![*range],
            _ => self.slots().map(|slot| slot.range).collect(),
        }
    }
}

impl fmt::Display for EditId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
