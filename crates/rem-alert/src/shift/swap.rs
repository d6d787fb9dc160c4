use std::fmt;

use rem_time::Timestamp;

use super::{Author, Calendar, Change, Edit, EditError, Range, RoleId, Slot, UserId};

#[cfg(test)]
mod tests;

/// The number of an offer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SwapId(pub u64);

/// One person offers another their shift, perhaps for one of the other's: plain data.
///
/// `Offered → Accepted → Applied`, or `Declined`, `Expired`, `Rejected`. Nothing
/// changes before it is applied, and then only if both still own what they give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap {
    /// Its number.
    pub id: SwapId,
    /// Who offered it: the user of `give`, or an admin for them.
    pub author: UserId,
    /// When.
    pub at: Timestamp,
    /// Why, in their words; may be empty.
    pub reason: String,
    /// The time that is given away, with whose it is.
    pub give: Slot,
    /// To whom.
    pub to: UserId,
    /// The time that is wanted for it, with whose it is: `to`'s.
    pub want: Option<Slot>,
    /// From when on it can no longer be accepted or applied.
    pub expires: Timestamp,
    /// Where it stands.
    pub state: SwapState,
}

/// Where an offer stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SwapState {
    /// The other has not answered.
    Offered,
    /// The other agreed.
    Accepted {
        /// Who said so.
        by: UserId,
        /// When.
        at: Timestamp,
    },
    /// The shifts are exchanged.
    Applied {
        /// When.
        at: Timestamp,
    },
    /// The other refused, or who offered it took it back.
    Declined {
        /// Who said so.
        by: UserId,
        /// When.
        at: Timestamp,
    },
    /// Nobody answered in time.
    Expired {
        /// When that was noticed.
        at: Timestamp,
    },
    /// It could not be applied.
    Rejected {
        /// When.
        at: Timestamp,
        /// The sentence both are told.
        why: String,
    },
}

/// Why an offer goes no further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SwapError {
    /// Names or ranges make no sense, or the calendar is full.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// Somebody offers to themselves, or wants from a third person.
    #[error("a swap is between two people: {give} and {want}")]
    NotTwo {
        /// Who gives.
        give: UserId,
        /// Who should give in return.
        want: UserId,
    },
    /// Somebody does not have what they give.
    #[error("{user} is not on call in {role} from {range}: {holder} is from {from}")]
    NotOwned {
        /// Who should have it.
        user: UserId,
        /// The role.
        role: RoleId,
        /// The time that changes hands.
        range: Range,
        /// Who has it: names, or "nobody".
        holder: String,
        /// From when, within the range.
        from: Timestamp,
    },
    /// All of a shift lies in the past.
    #[error("the shift of {user} in {role} is over since {}", .range.to)]
    Over {
        /// Whose it was.
        user: UserId,
        /// The role.
        role: RoleId,
        /// When it was.
        range: Range,
    },
    /// Somebody may not say this.
    #[error("{by} has no say in this swap: it is between {give} and {to}")]
    NoSay {
        /// Who tried.
        by: UserId,
        /// Who gives.
        give: UserId,
        /// Who receives.
        to: UserId,
    },
    /// The offer is not where this could happen.
    #[error("the swap is {state} and cannot be {wanted}")]
    State {
        /// Where it stands, in a word.
        state: &'static str,
        /// What was wanted, in a word.
        wanted: &'static str,
    },
    /// Its time is over.
    #[error("the offer expired at {expires}")]
    Expired {
        /// When.
        expires: Timestamp,
    },
}

impl Swap {
    /// Offers `give` to somebody, perhaps for `want`. Its author is the user of `give`
    /// or an admin of the role.
    pub fn offer(
        calendar: &Calendar,
        id: SwapId,
        author: &Author,
        at: Timestamp,
        reason: &str,
        (give, to, want): (Slot, UserId, Option<Slot>),
        expires: Timestamp,
    ) -> Result<Self, SwapError> {
        let swap = Self {
            id,
            author: author.user.clone(),
            at,
            reason: reason.into(),
            give,
            to,
            want,
            expires,
            state: SwapState::Offered,
        };
        calendar.check_names(&swap.change())?;
        let other = swap.want.as_ref().map_or(&swap.to, |want| &want.user);
        if swap.give.user == swap.to || *other != swap.to {
            return Err(SwapError::NotTwo {
                give: swap.give.user.clone(),
                want: other.clone(),
            });
        }
        let own = author.user == swap.give.user || calendar.may_change(author, &swap.give.role);
        if !own {
            return Err(swap.no_say(&author.user));
        }
        swap.check_time(at)?;
        swap.check_owned(calendar, at)?;
        Ok(swap)
    }

    /// The other agrees, or an admin of all roles in it does for them.
    pub fn accept(
        &self,
        calendar: &Calendar,
        by: &Author,
        at: Timestamp,
    ) -> Result<Self, SwapError> {
        if self.state != SwapState::Offered {
            return Err(self.not_now("accepted"));
        }
        if by.user != self.to && !self.is_admin(calendar, by) {
            return Err(self.no_say(&by.user));
        }
        self.check_time(at)?;
        let by = by.user.clone();
        Ok(self.in_state(SwapState::Accepted { by, at }))
    }

    /// The other refuses, or who offered it takes it back, or an admin does.
    pub fn decline(
        &self,
        calendar: &Calendar,
        by: &Author,
        at: Timestamp,
    ) -> Result<Self, SwapError> {
        if !self.is_open() {
            return Err(self.not_now("declined"));
        }
        let theirs = [&self.to, &self.give.user, &self.author].contains(&&by.user);
        if !theirs && !self.is_admin(calendar, by) {
            return Err(self.no_say(&by.user));
        }
        let by = by.user.clone();
        Ok(self.in_state(SwapState::Declined { by, at }))
    }

    /// Exchanges the shifts: the offer as applied, and the edit to put in. If either
    /// no longer owns all that they give it is refused; tell both, and keep
    /// [`rejected`](Self::rejected) of it.
    pub fn apply(&self, calendar: &Calendar, at: Timestamp) -> Result<(Self, Edit), SwapError> {
        let SwapState::Accepted { .. } = self.state else {
            return Err(self.not_now("applied"));
        };
        self.check_time(at)?;
        let change = self.change();
        calendar.check_names(&change)?;
        self.check_owned(calendar, at)?;
        // What was before stays as it was.
        let mut change = change;
        if let Change::Swap { give, want, .. } = &mut change {
            for slot in [give].into_iter().chain(want) {
                slot.range.from = slot.range.from.max(at);
            }
        }
        let edit = calendar.record(&self.author, at, &self.reason, change)?;
        Ok((self.in_state(SwapState::Applied { at }), edit))
    }

    /// The offer after it could not be applied.
    #[must_use]
    pub fn rejected(&self, at: Timestamp, error: &SwapError) -> Self {
        let why = error.to_string();
        self.in_state(SwapState::Rejected { at, why })
    }

    /// The offer after its time is over; `None` while it is not, or once it is settled.
    pub fn expired(&self, at: Timestamp) -> Option<Self> {
        let over = self.is_open() && at >= self.expires;
        over.then(|| self.in_state(SwapState::Expired { at }))
    }

    /// Whether it may still be answered or applied.
    pub fn is_open(&self) -> bool {
        match self.state {
            SwapState::Offered | SwapState::Accepted { .. } => true,
            SwapState::Applied { .. }
            | SwapState::Declined { .. }
            | SwapState::Expired { .. }
            | SwapState::Rejected { .. } => false,
        }
    }

    fn change(&self) -> Change {
        Change::Swap {
            swap: self.id,
            give: self.give.clone(),
            to: self.to.clone(),
            want: self.want.clone(),
        }
    }

    fn in_state(&self, state: SwapState) -> Self {
        Self {
            state,
            ..self.clone()
        }
    }

    fn is_admin(&self, calendar: &Calendar, by: &Author) -> bool {
        let mut slots = [&self.give].into_iter().chain(&self.want);
        slots.all(|slot| calendar.may_change(by, &slot.role))
    }

    fn check_time(&self, at: Timestamp) -> Result<(), SwapError> {
        match at < self.expires {
            true => Ok(()),
            false => Err(SwapError::Expired {
                expires: self.expires,
            }),
        }
    }

    fn check_owned(&self, calendar: &Calendar, at: Timestamp) -> Result<(), SwapError> {
        for slot in [&self.give].into_iter().chain(&self.want) {
            owned(calendar, slot, at)?;
        }
        Ok(())
    }

    fn no_say(&self, by: &UserId) -> SwapError {
        SwapError::NoSay {
            by: by.clone(),
            give: self.give.user.clone(),
            to: self.to.clone(),
        }
    }

    fn not_now(&self, wanted: &'static str) -> SwapError {
        let state = self.state.word();
        SwapError::State { state, wanted }
    }
}

impl SwapState {
    /// The state in a word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Accepted { .. } => "accepted",
            Self::Applied { .. } => "applied",
            Self::Declined { .. } => "declined",
            Self::Expired { .. } => "expired",
            Self::Rejected { .. } => "rejected",
        }
    }
}

impl fmt::Display for SwapId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Whether the user of a slot is on call for all of it that is still to come; where
/// the role has a gap by design (hours of the week) nobody needs to be, as long as
/// they are at some time.
fn owned(calendar: &Calendar, slot: &Slot, at: Timestamp) -> Result<(), SwapError> {
    let coming = Range::new(slot.range.from.max(at), slot.range.to);
    if coming.is_empty() {
        return Err(SwapError::Over {
            user: slot.user.clone(),
            role: slot.role.clone(),
            range: slot.range,
        });
    }
    let shifts = calendar.shifts(&slot.role, coming);
    let (own, others): (Vec<_>, Vec<_>) = shifts.iter().partition(|shift| shift.user == slot.user);
    let ranges = |shifts: &[&super::Shift]| {
        let ranges = shifts.iter().map(|shift| Range::new(shift.from, shift.to));
        Range::merged(ranges.collect())
    };
    let not_owned = |holder: &str, from: Timestamp| SwapError::NotOwned {
        user: slot.user.clone(),
        role: slot.role.clone(),
        range: slot.range,
        holder: holder.into(),
        from,
    };
    if let Some(missing) = Range::without(&ranges(&others), &ranges(&own)).first() {
        let holders = calendar.on_call(&slot.role, missing.from);
        let holders: Vec<&str> = holders.iter().map(UserId::as_str).collect();
        return Err(not_owned(&holders.join(" and "), missing.from));
    }
    match own.is_empty() {
        true => Err(not_owned("nobody", coming.from)),
        false => Ok(()),
    }
}
