//! Who is on call, and what people changed about it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rem_alert::shift::{
    Author, Calendar, Change, Edit, EditError, EditId, Range, RoleId, Slot, Swap, SwapError,
    SwapId, User, UserId,
};
use rem_time::{Span, Timestamp};

use crate::core::Refused;
use crate::rules::Rules;

/// Swaps that are over and still shown.
const SWAPS_KEPT_MAX: usize = 1_000;
/// How long an offer of a swap stands if it states nothing.
pub(crate) const OFFER_STANDS: Span = Span::from_seconds(7 * 86_400);

/// What people changed that is to be written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fresh {
    Edit(Edit),
    Swap(Swap),
    SwapGone(SwapId),
}

/// Why the calendar was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShiftError {
    /// The change makes no sense, or its author may not make it.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The swap cannot be made, accepted or declined.
    #[error(transparent)]
    Swap(#[from] SwapError),
    /// Who wants it may change no shift.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// There is no such offer.
    #[error("there is no swap of this number: {0}")]
    NoSwap(SwapId),
}

#[derive(Debug)]
pub(crate) struct People {
    pub calendar: Arc<Calendar>,
    pub swaps: BTreeMap<SwapId, Swap>,
    last_swap: u64,
    pub fresh: Vec<Fresh>,
    /// Notices up to this instant were given.
    pub noticed: Timestamp,
    /// When gaps to come were looked for.
    pub linted: Option<Timestamp>,
    /// The roles that nobody had when that was last looked at.
    pub gaps: BTreeSet<RoleId>,
    /// When gaps, notices and swaps are looked at next.
    pub next_look: Timestamp,
}

impl People {
    pub(crate) fn new(rules: &Rules, edits: Vec<Edit>, swaps: Vec<Swap>, now: Timestamp) -> Self {
        let swaps: BTreeMap<_, _> = swaps.into_iter().map(|swap| (swap.id, swap)).collect();
        Self {
            calendar: Arc::new(calendar(rules, edits)),
            last_swap: swaps.keys().next_back().map_or(0, |id| id.0),
            swaps,
            fresh: Vec::new(),
            noticed: now,
            linted: None,
            gaps: BTreeSet::new(),
            next_look: now,
        }
    }

    pub(crate) fn reload(&mut self, rules: &Rules, now: Timestamp) {
        self.calendar = Arc::new(calendar(rules, self.calendar.edits().to_vec()));
        self.next_look = now;
        self.linted = None;
    }

    pub(crate) fn on_call(&self, role: &str, at: Timestamp) -> Vec<Arc<str>> {
        let users = self.calendar.on_call(&role.into(), at);
        users.iter().map(|user| user.as_str().into()).collect()
    }

    fn put(&mut self, edit: Edit, now: Timestamp) -> EditId {
        let id = edit.id;
        self.calendar = Arc::new(self.calendar.with(edit.clone()));
        self.fresh.push(Fresh::Edit(edit));
        self.next_look = now;
        id
    }

    pub(crate) fn edit(
        &mut self,
        by: &Author,
        reason: &str,
        change: Change,
        now: Timestamp,
    ) -> Result<EditId, ShiftError> {
        let edit = self.calendar.edit(by, now, reason, change)?;
        Ok(self.put(edit, now))
    }

    pub(crate) fn take(
        &mut self,
        by: &Author,
        role: &RoleId,
        range: Option<Range>,
        reason: &str,
        now: Timestamp,
    ) -> Result<EditId, ShiftError> {
        let edit = self.calendar.take(by, role, now, range, reason)?;
        Ok(self.put(edit, now))
    }

    pub(crate) fn withdraw(
        &mut self,
        id: EditId,
        by: &Author,
        now: Timestamp,
    ) -> Result<(), ShiftError> {
        let edit = self.calendar.withdraw(id, by, now)?;
        self.put(edit, now);
        Ok(())
    }

    pub(crate) fn offer(
        &mut self,
        by: &Author,
        reason: &str,
        offer: (Slot, UserId, Option<Slot>),
        now: Timestamp,
    ) -> Result<Swap, ShiftError> {
        let id = SwapId(self.last_swap + 1);
        let expires = now + OFFER_STANDS;
        let swap = Swap::offer(&self.calendar, id, by, now, reason, offer, expires)?;
        self.last_swap += 1;
        self.keep(swap.clone());
        Ok(swap)
    }

    /// Accepts an offer and makes the exchange; both must still have what is exchanged.
    pub(crate) fn accept(
        &mut self,
        id: SwapId,
        by: &Author,
        now: Timestamp,
    ) -> Result<Swap, ShiftError> {
        let swap = self.swaps.get(&id).ok_or(ShiftError::NoSwap(id))?;
        let accepted = swap.accept(&self.calendar, by, now)?;
        match accepted.apply(&self.calendar, now) {
            Ok((applied, edit)) => {
                self.put(edit, now);
                self.keep(applied.clone());
                Ok(applied)
            }
            Err(error) => {
                self.keep(accepted.rejected(now, &error));
                Err(error.into())
            }
        }
    }

    pub(crate) fn decline(
        &mut self,
        id: SwapId,
        by: &Author,
        now: Timestamp,
    ) -> Result<Swap, ShiftError> {
        let swap = self.swaps.get(&id).ok_or(ShiftError::NoSwap(id))?;
        let declined = swap.decline(&self.calendar, by, now)?;
        self.keep(declined.clone());
        Ok(declined)
    }

    /// Offers whose time is over; tells which.
    pub(crate) fn expire(&mut self, now: Timestamp) -> Vec<Swap> {
        let over: Vec<Swap> = self
            .swaps
            .values()
            .filter_map(|swap| swap.expired(now))
            .collect();
        for swap in &over {
            self.keep(swap.clone());
        }
        over
    }

    fn keep(&mut self, swap: Swap) {
        self.fresh.push(Fresh::Swap(swap.clone()));
        self.swaps.insert(swap.id, swap);
        while SWAPS_KEPT_MAX < self.swaps.len() {
            let over = self.swaps.values().find(|swap| !swap.is_open());
            let Some(id) = over.map(|swap| swap.id) else {
                return;
            };
            self.swaps.remove(&id);
            self.fresh.push(Fresh::SwapGone(id));
        }
    }
}

fn calendar(rules: &Rules, edits: Vec<Edit>) -> Calendar {
    let users = rules.users.iter().map(|(name, user)| User {
        zone: user.zone.clone(),
        notices: user.notices.clone(),
        ..User::new(name)
    });
    let away = rules.vacations.iter().zip(FILE_EDITS_FROM..);
    let of_file = away.map(|(change, id)| Edit {
        id: EditId(id),
        author: UserId::from("the file"),
        at: Timestamp::EPOCH,
        reason: String::new(),
        change: change.clone(),
        withdrawn: None,
    });
    let edits = edits.into_iter().chain(of_file).collect();
    Calendar::new(rules.roles.clone(), users.collect(), edits)
}

/// Edits that the file states have numbers from here on; those of people never get
/// so far.
const FILE_EDITS_FROM: u64 = 1 << 63;
