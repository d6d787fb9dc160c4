use rem_time::{Span, Timestamp};

use super::{Calendar, Change, Edit, EditId, Range, Role, RoleId, Slot, UserId};

#[cfg(test)]
mod tests;

/// How many edits a calendar takes; a further one is refused.
pub const EDITS_MAX: usize = 100_000;
/// The longest stretch one edit may cover: a leave of two years.
pub const EDIT_LENGTH_MAX: Span = Span::from_seconds(731 * 86_400);

/// Who changes a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// Their name.
    pub user: UserId,
    /// Whether they may change everybody's shifts in every role, as an administrator
    /// of the site. They need not be anybody who is ever on call.
    pub everywhere: bool,
}

/// Why a change is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// There is no such role.
    #[error("no such role: {role}")]
    UnknownRole {
        /// The name.
        role: RoleId,
    },
    /// There is no such user.
    #[error("no such user: {user}")]
    UnknownUser {
        /// The name.
        user: UserId,
    },
    /// It covers no time.
    #[error("the end must lie after the beginning: {range}")]
    Empty {
        /// The range.
        range: Range,
    },
    /// It covers too much time.
    #[error("a change covers at most {EDIT_LENGTH_MAX}: {range}")]
    TooLong {
        /// The range.
        range: Range,
    },
    /// There are too many edits.
    #[error("the calendar is full: {EDITS_MAX} edits")]
    Full,
    /// It changes the shifts of others.
    #[error("{author} may change own shifts only; those of {user} in {role} are for its admins")]
    NotOwn {
        /// Who wanted it.
        author: UserId,
        /// Whose shifts it would change.
        user: UserId,
        /// The role.
        role: RoleId,
    },
    /// Somebody who is not in the role cannot take it.
    #[error("{user} is not in {role}: its admins can put them there")]
    NotMember {
        /// Who.
        user: UserId,
        /// The role.
        role: RoleId,
    },
    /// It takes the place of somebody who is not on call then.
    #[error("{user} is not on call in {role} at any time from {range}")]
    NotOnCall {
        /// Who.
        user: UserId,
        /// The role.
        role: RoleId,
        /// The time.
        range: Range,
    },
    /// Nobody has the shift that should be taken, so it has no end.
    #[error("{role} has no next change to take the shift until: name an end")]
    NoEnd {
        /// The role.
        role: RoleId,
    },
    /// Swaps are offered and accepted.
    #[error("a swap is offered to the other, who accepts it")]
    SwapByHand,
    /// There is no such edit, or it was withdrawn before.
    #[error("no such edit to withdraw: {edit}")]
    UnknownEdit {
        /// Its number.
        edit: EditId,
    },
}

impl Author {
    /// An administrator of the site.
    pub fn of_site(user: impl Into<UserId>) -> Self {
        Self {
            user: user.into(),
            everywhere: true,
        }
    }
}

/// Somebody who is in charge of the roles that name them.
impl<T: Into<UserId>> From<T> for Author {
    fn from(user: T) -> Self {
        Self {
            user: user.into(),
            everywhere: false,
        }
    }
}

impl Calendar {
    /// Makes an edit of a change, if it makes sense and its author may do it: own
    /// shifts are everybody's to take, to add and to be away from; those of others
    /// are for the role's admins and for those of the site. [`with`](Self::with) puts
    /// it in.
    pub fn edit(
        &self,
        author: &Author,
        at: Timestamp,
        reason: &str,
        change: Change,
    ) -> Result<Edit, EditError> {
        self.check_names(&change)?;
        match &change {
            Change::Vacation { user, .. } => self.check_vacation(author, user)?,
            Change::Add { slot } | Change::Take { slot } => self.check_slot(author, slot)?,
            Change::Replace { slot, instead_of } => {
                if !self.may_change(author, &slot.role) {
                    let user = match instead_of {
                        Some(user) if slot.user == author.user => user,
                        _ => &slot.user,
                    };
                    return Err(not_own(author, user, &slot.role));
                }
                if let Some(user) = instead_of
                    && !self.is_on_call_in(user, &slot.role, slot.range)
                {
                    return Err(EditError::NotOnCall {
                        user: user.clone(),
                        role: slot.role.clone(),
                        range: slot.range,
                    });
                }
            }
            Change::Swap { .. } => return Err(EditError::SwapByHand),
        }
        self.record(&author.user, at, reason, change)
    }

    /// "I take this shift": from `at` until the role's next change, or for a range.
    pub fn take(
        &self,
        author: &Author,
        role: &RoleId,
        at: Timestamp,
        range: Option<Range>,
        reason: &str,
    ) -> Result<Edit, EditError> {
        let range = match range {
            Some(range) => range,
            None => {
                let end = self.next_change(role, at);
                let end = end.ok_or_else(|| EditError::NoEnd { role: role.clone() });
                Range::new(at, self.known(role).and(end)?)
            }
        };
        let slot = Slot {
            role: role.clone(),
            user: author.user.clone(),
            range,
        };
        self.edit(author, at, reason, Change::Take { slot })
    }

    /// Takes an edit back: its author, everybody it puts on or off call, and admins of
    /// its roles or of the site may. The result replaces the edit by
    /// [`with`](Self::with).
    pub fn withdraw(&self, id: EditId, by: &Author, at: Timestamp) -> Result<Edit, EditError> {
        let found = self.edits().iter().find(|edit| edit.id == id);
        let edit = found
            .filter(|edit| edit.withdrawn.is_none())
            .ok_or(EditError::UnknownEdit { edit: id })?;
        let concerned = edit.author == by.user || edit.change.users().contains(&&by.user);
        if !concerned {
            let foreign = edit
                .change
                .slots()
                .find(|slot| !self.may_change(by, &slot.role));
            if let Some(slot) = foreign {
                return Err(not_own(by, &slot.user, &slot.role));
            }
            if let Change::Vacation { user, .. } = &edit.change {
                self.check_vacation(by, user)?;
            }
        }
        Ok(Edit {
            withdrawn: Some((by.user.clone(), at)),
            ..edit.clone()
        })
    }

    /// Whether somebody may change the shifts of others in a role.
    pub fn is_admin(&self, user: &UserId, role: &RoleId) -> bool {
        self.role(role)
            .is_some_and(|role| role.admins.contains(user))
    }

    /// Whether an author may change the shifts of others in a role.
    pub(crate) fn may_change(&self, author: &Author, role: &RoleId) -> bool {
        author.everywhere || self.is_admin(&author.user, role)
    }

    pub(crate) fn is_member(&self, user: &UserId, role: &RoleId) -> bool {
        self.role(role)
            .is_some_and(|role| role.members().contains(user))
    }

    /// Whether names and ranges of a change make sense.
    pub(crate) fn check_names(&self, change: &Change) -> Result<(), EditError> {
        for slot in change.slots() {
            self.known(&slot.role)?;
        }
        for user in change.users() {
            if !self.users().contains_key(user) {
                return Err(EditError::UnknownUser { user: user.clone() });
            }
        }
        for range in change.ranges() {
            if range.is_empty() {
                return Err(EditError::Empty { range });
            }
            if range.length() > EDIT_LENGTH_MAX {
                return Err(EditError::TooLong { range });
            }
        }
        Ok(())
    }

    pub(crate) fn record(
        &self,
        author: &UserId,
        at: Timestamp,
        reason: &str,
        change: Change,
    ) -> Result<Edit, EditError> {
        if self.edits().len() >= EDITS_MAX {
            return Err(EditError::Full);
        }
        Ok(Edit {
            id: self.next_edit(),
            author: author.clone(),
            at,
            reason: reason.into(),
            change,
            withdrawn: None,
        })
    }

    fn known(&self, role: &RoleId) -> Result<&Role, EditError> {
        let unknown = || EditError::UnknownRole { role: role.clone() };
        self.role(role).ok_or_else(unknown)
    }

    fn check_slot(&self, author: &Author, slot: &Slot) -> Result<(), EditError> {
        if self.may_change(author, &slot.role) {
            return Ok(());
        }
        let name = &author.user;
        if slot.user != *name {
            return Err(not_own(author, &slot.user, &slot.role));
        }
        if !self.is_member(name, &slot.role) {
            return Err(EditError::NotMember {
                user: name.clone(),
                role: slot.role.clone(),
            });
        }
        Ok(())
    }

    /// Others' vacations are for admins of every role they are in.
    fn check_vacation(&self, author: &Author, user: &UserId) -> Result<(), EditError> {
        if author.everywhere || author.user == *user {
            return Ok(());
        }
        let mut theirs = self
            .roles()
            .iter()
            .filter(|role| role.members().contains(user));
        let mut admin_of_one = false;
        let foreign = theirs.find(|role| {
            admin_of_one |= role.admins.contains(&author.user);
            !role.admins.contains(&author.user)
        });
        match (foreign, admin_of_one) {
            (Some(role), _) => Err(not_own(author, user, &role.id)),
            (None, true) => Ok(()),
            (None, false) => Err(not_own(author, user, &RoleId::from("any role"))),
        }
    }

    fn is_on_call_in(&self, user: &UserId, role: &RoleId, range: Range) -> bool {
        let mut shifts = self.shifts(role, range).into_iter();
        shifts.any(|shift| shift.user == *user)
    }
}

fn not_own(author: &Author, user: &UserId, role: &RoleId) -> EditError {
    EditError::NotOwn {
        author: author.user.clone(),
        user: user.clone(),
        role: role.clone(),
    }
}
