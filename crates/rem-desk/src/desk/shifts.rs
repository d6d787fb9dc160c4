//! Who is on call, and changes of it.

use std::sync::Arc;

use rem_alert::shift::{Calendar, Change, EditId, Range, RoleId, Slot, Swap, SwapId, UserId};
use rem_time::Timestamp;

use super::{Desk, DeskError};
use crate::actor::Actor;
use crate::people::ShiftError;
use crate::view::OnCallView;

impl Desk {
    /// Changes the calendar: an override, another person as well, a vacation.
    ///
    /// # Errors
    /// If it makes no sense or `by` may not do it, or the disk refuses.
    pub async fn edit_shifts(
        &self,
        by: &Actor,
        reason: &str,
        change: Change,
    ) -> Result<EditId, DeskError> {
        let (by, reason) = (by.clone(), reason.to_owned());
        let done = self.change(move |core, now| {
            core.change_shifts(&by, now, |people, by| people.edit(by, &reason, change, now))
        });
        Ok(done.await??)
    }

    /// "I take this shift": until the role's next hand-over, or for a range.
    ///
    /// # Errors
    /// As [`Desk::edit_shifts`].
    pub async fn take_shift(
        &self,
        by: &Actor,
        role: &str,
        range: Option<Range>,
        reason: &str,
    ) -> Result<EditId, DeskError> {
        let (by, role, reason) = (by.clone(), RoleId::from(role), reason.to_owned());
        let done = self.change(move |core, now| {
            core.change_shifts(&by, now, |people, by| {
                people.take(by, &role, range, &reason, now)
            })
        });
        Ok(done.await??)
    }

    /// Takes an edit of the calendar back.
    ///
    /// # Errors
    /// As [`Desk::edit_shifts`].
    pub async fn withdraw_edit(&self, by: &Actor, id: EditId) -> Result<(), DeskError> {
        let by = by.clone();
        let done = self.change(move |core, now| {
            core.change_shifts(&by, now, |people, by| people.withdraw(id, by, now))
        });
        Ok(done.await??)
    }

    /// Offers a shift to somebody, perhaps for one of theirs. They are told.
    ///
    /// # Errors
    /// As [`Desk::edit_shifts`].
    pub async fn offer_swap(
        &self,
        by: &Actor,
        reason: &str,
        give: Slot,
        to: &str,
        want: Option<Slot>,
    ) -> Result<Swap, DeskError> {
        let (by, to, reason) = (by.clone(), UserId::from(to), reason.to_owned());
        let done = self.change(move |core, now| {
            let offer = (give, to, want);
            let swap =
                core.change_shifts(&by, now, |people, by| people.offer(by, &reason, offer, now))?;
            core.tell_of_swap(&swap, "offered", now);
            Ok::<_, ShiftError>(swap)
        });
        Ok(done.await??)
    }

    /// Accepts an offer: the shifts change hands at once.
    ///
    /// # Errors
    /// Also if one of the two no longer has what was offered.
    pub async fn accept_swap(&self, by: &Actor, id: SwapId) -> Result<Swap, DeskError> {
        let by = by.clone();
        let done = self.change(move |core, now| {
            let swap = core.change_shifts(&by, now, |people, by| people.accept(id, by, now))?;
            core.tell_of_swap(&swap, "accepted", now);
            Ok::<_, ShiftError>(swap)
        });
        Ok(done.await??)
    }

    /// Declines an offer, or takes it back.
    ///
    /// # Errors
    /// As [`Desk::edit_shifts`].
    pub async fn decline_swap(&self, by: &Actor, id: SwapId) -> Result<Swap, DeskError> {
        let by = by.clone();
        let done = self.change(move |core, now| {
            let swap = core.change_shifts(&by, now, |people, by| people.decline(id, by, now))?;
            core.tell_of_swap(&swap, "declined", now);
            Ok::<_, ShiftError>(swap)
        });
        Ok(done.await??)
    }

    /// The offers, open and over, the oldest first.
    pub fn swaps(&self) -> Vec<Swap> {
        self.inner
            .core
            .lock()
            .people
            .swaps
            .values()
            .cloned()
            .collect()
    }

    /// Who is on call in a role at an instant, past or future.
    pub fn on_call(&self, role: &str, at: Timestamp) -> Vec<Arc<str>> {
        self.inner.core.lock().people.on_call(role, at)
    }

    /// Who is on call in each role now, until when, and who then.
    pub fn on_call_now(&self) -> Vec<OnCallView> {
        let now = self.inner.clock.now();
        self.inner.core.lock().on_call_now(now)
    }

    /// The calendar as it is now: shifts, gaps, iCal.
    pub fn calendar(&self) -> Arc<Calendar> {
        self.inner.core.lock().people.calendar.clone()
    }
}
