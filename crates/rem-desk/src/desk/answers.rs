//! What people do with alerts, by whatever way they are reached.

use std::sync::Arc;

use rem_alert::episode::HoldPlan;

use super::{Desk, DeskError};
use crate::actor::Actor;
use crate::core::Refused;
use crate::event::{Action, Target};
use crate::outbox::Letter;
use crate::token::Grant;

impl Desk {
    /// A person does something with open alerts; tells which.
    ///
    /// # Errors
    /// If they may not, none of them is open, or the disk refuses.
    pub async fn act(
        &self,
        target: Target,
        by: &Actor,
        action: Action,
    ) -> Result<Vec<u64>, DeskError> {
        let by = by.clone();
        let done = self.change(move |core, now| core.act(&target, &by, &action, now));
        Ok(done.await??)
    }

    /// A user of the rules as an actor, with the right that they state: whoever
    /// answers by mail or by a signed link does it so.
    ///
    /// # Errors
    /// If the rules know no such user, or no longer.
    pub fn actor(&self, user: &str) -> Result<Actor, DeskError> {
        let core = self.inner.core.lock();
        match core.rules.rules.users.get(user) {
            Some(known) => Ok(Actor::new(user, known.right)),
            None => Err(Refused::NoUser(user.into()).into()),
        }
    }

    /// What a link or a reply may do: the user, and the alerts it is about that
    /// are still open.
    ///
    /// # Errors
    /// If the token is not ours or too old, or nothing of it is open any more.
    pub async fn granted(&self, token: &str) -> Result<(Grant, Target), DeskError> {
        let grant = self.inner.key.verify(token, self.inner.clock.now())?;
        let nothing = || Refused::NoEpisode(grant.about.clone());
        let target = match grant.about.strip_prefix('d') {
            None => Target::Episode(grant.about.parse().map_err(|_| nothing())?),
            Some(digest) => {
                let no: u64 = digest.parse().map_err(|_| nothing())?;
                let letters = self.letters_of_digest(no).await?;
                let numbers: Vec<u64> = letters.iter().filter_map(Letter::episode).collect();
                if numbers.is_empty() {
                    return Err(nothing().into());
                }
                Target::Episodes(numbers)
            }
        };
        Ok((grant, target))
    }

    /// Holds what a plan covers: a known problem, or maintenance, once or recurring.
    ///
    /// # Errors
    /// If they may not, it can never hold, or the disk refuses.
    pub async fn hold(&self, by: &Actor, plan: HoldPlan) -> Result<Arc<str>, DeskError> {
        let by = by.clone();
        let done = self.change(move |core, now| core.hold(&by, plan, now));
        Ok(done.await??)
    }

    /// Ends a hold.
    ///
    /// # Errors
    /// If they may not, there is no such hold, or the configuration states it, or the
    /// disk refuses.
    pub async fn end_hold(&self, id: &str, by: &Actor) -> Result<(), DeskError> {
        let (id, by) = (id.to_owned(), by.clone());
        let done = self.change(move |core, now| core.end_hold(&id, &by, now));
        Ok(done.await??)
    }

    /// All holds there are: those of people and those of the configuration.
    pub fn holds(&self) -> Vec<HoldPlan> {
        self.inner.core.lock().holds.plans.clone()
    }

    async fn letters_of_digest(&self, no: u64) -> Result<Vec<Letter>, DeskError> {
        let open: Option<Vec<_>> = {
            let core = self.inner.core.lock();
            let letter = core.outbox.get(no);
            letter.map(|letter| core.outbox.carried(letter).cloned().collect())
        };
        match open {
            Some(letters) => Ok(letters),
            None => crate::history::digest(&self.inner.store, no).await,
        }
    }
}
