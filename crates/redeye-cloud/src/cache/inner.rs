use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rem_time::{Clock, Span};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::circuit::Circuit;
use super::entry::Accepted;
use super::moment::Moment;
use super::policy::Policy;
use super::shelf::{Key, Shelf};
use super::tally::{Figures, ReadFigures};
use crate::error::{Class, CloudError};
use crate::kind::Kind;
use crate::listing::{Listing, Origin, Warning, Why};
use crate::megavisor::Megavisor;
use crate::name::Id;
use crate::resource::Resource;
use crate::scope::Scope;

/// How often a process looks whether another one is done with its call.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) policy: Policy,
    pub(super) shelf: Shelf,
    pub(super) flights: Mutex<HashMap<Key, Arc<tokio::sync::Mutex<()>>>>,
    pub(super) figures: Mutex<Figures>,
    pub(super) behind: Mutex<JoinSet<()>>,
}

/// Holds the right to ask, in this process and among all that share the folder.
pub(super) struct Flight {
    _here: tokio::sync::OwnedMutexGuard<()>,
    _everywhere: Option<std::fs::File>,
}

impl Inner {
    pub(super) async fn take_off(&self, scope: &Scope, kind: Kind) -> Flight {
        let key = (scope.clone(), kind);
        let here = self.flights.lock().entry(key).or_default().clone();
        let here = here.lock_owned().await;
        let Some(folder) = &self.shelf.folder else {
            return Flight {
                _here: here,
                _everywhere: None,
            };
        };
        let name = format!("{kind}.flight");
        loop {
            match folder.try_lock(scope, &name) {
                Ok(None) => tokio::time::sleep(LOOK_AGAIN).await,
                Ok(everywhere) => {
                    return Flight {
                        _here: here,
                        _everywhere: everywhere,
                    };
                }
                Err(error) => {
                    // Without a folder there is nobody to share with.
                    tracing::warn!(%scope, %kind, %error, "cannot lock what is kept");
                    return Flight {
                        _here: here,
                        _everywhere: None,
                    };
                }
            }
        }
    }

    /// A listing that came while we waited for the right to ask; there were `answers`
    /// of them before.
    pub(super) fn came_meanwhile(
        &self,
        scope: &Scope,
        kind: Kind,
        answers: u64,
    ) -> Option<Listing<Resource>> {
        let entry = self.shelf.entry(scope, kind);
        if entry.answers == answers || entry.dirty || entry.suspect.is_some() {
            return None;
        }
        let now = Moment::now(&*self.clock);
        let mut listing = entry.answer(Why::Fresh, &now, &self.policy)?;
        listing.origin = Origin::Live;
        Some(listing)
    }

    pub(super) async fn fetch(
        &self,
        megavisor: &Arc<dyn Megavisor>,
        scope: &Scope,
        kind: Kind,
    ) -> Result<Listing<Resource>, CloudError> {
        let generation = self.shelf.entry(scope, kind).generation;
        let began = Moment::now(&*self.clock);
        let since = Instant::now();
        let mut listing = megavisor.list(scope, kind).await?;
        listing.observed_at = began.wall;
        listing.items.sort_by(|one, other| one.id().cmp(other.id()));
        if !listing.complete {
            let error = partial(&listing).unwrap_or_else(|| {
                CloudError::new(Class::Protocol, format!("{kind} list"), "a part is missing")
            });
            return Ok(self.part(scope, kind, listing, error));
        }
        self.answered(scope, kind, since.elapsed());
        let mut absent = BTreeSet::new();
        loop {
            let accepted = self.accept(scope, kind, &mut listing, &began, generation, &absent);
            let Accepted::AskFor(ids) = accepted else {
                return Ok(self.shown(scope, kind, listing, &accepted));
            };
            let before = absent.len();
            for id in ids {
                match megavisor.get(scope, kind, &id).await? {
                    None => absent.insert(id),
                    // It is there: the listing is wrong.
                    Some(_) => return Ok(self.shown(scope, kind, listing, &Accepted::Suspect)),
                };
            }
            if absent.len() == before {
                return Ok(self.shown(scope, kind, listing, &Accepted::Suspect));
            }
        }
    }

    /// A listing of which a part is missing: the older whole one is a better answer.
    fn part(
        &self,
        scope: &Scope,
        kind: Kind,
        listing: Listing<Resource>,
        error: CloudError,
    ) -> Listing<Resource> {
        self.failed(scope, kind, &error);
        let now = Moment::now(&*self.clock);
        let entry = self.shelf.entry(scope, kind);
        let older = entry.answer(Why::Failed(error), &now, &self.policy);
        older.unwrap_or(listing)
    }

    fn accept(
        &self,
        scope: &Scope,
        kind: Kind,
        listing: &mut Listing<Resource>,
        began: &Moment,
        generation: u64,
        absent: &BTreeSet<Id>,
    ) -> Accepted {
        let mut accepted = Accepted::Overtaken;
        let written = self.shelf.change(scope, kind, |entry| {
            accepted = entry.accept(&listing.items, began, generation, absent, &self.policy);
        });
        if let Err(error) = written {
            let error = error.to_string();
            listing.warnings.push(Warning::NotKept { error });
        }
        accepted
    }

    /// The answer to who asked for a listing.
    fn shown(
        &self,
        scope: &Scope,
        kind: Kind,
        mut listing: Listing<Resource>,
        accepted: &Accepted,
    ) -> Listing<Resource> {
        let now = Moment::now(&*self.clock);
        let entry = self.shelf.entry(scope, kind);
        match accepted {
            Accepted::Suspect | Accepted::AskFor(_) => {
                let old = entry.answer(Why::Fresh, &now, &self.policy);
                old.unwrap_or(listing)
            }
            Accepted::Kept | Accepted::Overtaken => {
                entry.show_expected(&mut listing, now.wall, &self.policy);
                listing
            }
        }
    }

    fn answered(&self, scope: &Scope, kind: Kind, took: Duration) {
        let now = self.clock.now();
        self.shelf.change_circuit(scope, Circuit::answered);
        self.count(scope, kind, |figures| {
            figures.took = Some(Span::from_secs_f64(took.as_secs_f64()));
            figures.observed_at = Some(now);
            figures.up = Some(true);
        });
    }

    pub(super) fn failed(&self, scope: &Scope, kind: Kind, error: &CloudError) {
        let now = self.clock.now();
        let chance = error.message.len() as u64 * 7 + now.as_nanos().unsigned_abs();
        self.shelf.change_circuit(scope, |circuit| {
            circuit.failed(error, &self.policy, now, chance);
            true
        });
        // It says only how things went; without it an answer is as good.
        let _ = self
            .shelf
            .change(scope, kind, |entry| entry.failed(error, now));
        self.count(scope, kind, |figures| {
            *figures.errors.entry(error.class).or_default() += 1;
            figures.up = Some(matches!(
                error.class,
                Class::Denied | Class::Invalid | Class::NotFound | Class::Unsupported
            ));
        });
        tracing::info!(%scope, %kind, %error, "a cloud did not answer");
    }

    pub(super) fn count(&self, scope: &Scope, kind: Kind, count: impl FnOnce(&mut ReadFigures)) {
        let mut figures = self.figures.lock();
        count(figures.entry((scope.clone(), kind)).or_default());
    }
}

/// Why a listing is not whole.
fn partial(listing: &Listing<Resource>) -> Option<CloudError> {
    listing.warnings.iter().find_map(|warning| match warning {
        Warning::Partial { error } => Some(error.clone()),
        Warning::Ancient | Warning::Expected { .. } | Warning::NotKept { .. } => None,
    })
}
