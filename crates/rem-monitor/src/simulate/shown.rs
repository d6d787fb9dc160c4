use std::sync::Arc;

use rem_alert::level::StateValue;
use rem_desk::{AlertView, DeskCore};
use rem_time::{Span, Timestamp};

use super::{Happening, Sent, Simulation};
use crate::states::StateOwner;

/// What a simulation shows.
impl Simulation {
    /// How long the simulation has run.
    pub fn now(&self) -> Span {
        self.now
    }

    /// What the wall clock shows.
    pub fn wall(&self) -> Timestamp {
        let nanos = (self.start + self.now).as_nanos();
        Timestamp::from_nanos(nanos.saturating_add(self.stepped))
    }

    /// Messages that were taken over, oldest first.
    pub fn sent(&self) -> &[Sent] {
        &self.office.sent
    }

    /// Attempts to send, and those of them that did not succeed.
    pub fn attempts(&self) -> (u64, u64) {
        (self.office.attempts, self.office.failed)
    }

    /// What happened beside messages, oldest first.
    pub fn happened(&self) -> &[Happening] {
        &self.happened
    }

    /// The open alerts.
    pub fn alerts(&self) -> Vec<AlertView> {
        self.desk.overview(self.wall()).alerts
    }

    /// The desk.
    pub fn core(&self) -> &DeskCore {
        &self.desk
    }

    /// The states that levels have set, in order.
    pub fn states(&self) -> Vec<(StateOwner, Arc<str>, StateValue)> {
        self.states.all()
    }

    /// How often a monitor has looked, and the rounds it missed.
    pub fn looks(&self, id: &str) -> Option<(u64, u64)> {
        let seat = *self.by_id.get(id)?;
        let actor = self.seats[seat as usize].as_ref()?;
        Some((actor.looks, actor.missed))
    }

    /// How often the desk wanted to be looked at again and again without end. A
    /// sound desk never does.
    pub fn spins(&self) -> u64 {
        self.spins
    }
}
