//! Reads that always answer if there ever was an answer, and say how old it is.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rem_time::{Clock, Span};
use tokio::time::Instant;

use crate::action::Action;
use crate::error::{Class, CloudError};
use crate::kind::Kind;
use crate::listing::{Listing, Origin, Why};
use crate::megavisor::Megavisor;
use crate::request::OperationId;
use crate::resource::Resource;
use crate::scope::Scope;

mod circuit;
mod decide;
mod entry;
mod expected;
mod inner;
mod moment;
mod policy;
mod shelf;
mod store;
mod tally;

pub use policy::{Mode, Policy};
pub use tally::{Figures, ReadFigures};

use decide::{Decision, decide};
use entry::Entry;
use expected::Expected;
use inner::Inner;
use moment::Moment;
use shelf::Shelf;
use store::Folder;

/// What megavisors said, kept in a folder that processes share, or in memory.
///
/// A read always answers if there ever was an answer. The answer says where it is
/// from, how old it is and whether it is complete, and nothing that cannot be undone
/// should be decided from one for which [`Listing::is_proof`] does not hold.
///
/// Of readers that want the same at the same time one asks, over threads and over
/// processes. An error is never kept as "nothing there", a partial listing is never
/// kept as a whole, and one that has suddenly lost much is not believed before a
/// second one says the same and every missing thing was asked for.
#[derive(Clone, Debug)]
pub struct Cache {
    inner: Arc<Inner>,
}

impl Cache {
    /// A cache in a folder that is made when something is first kept; other processes
    /// may use it at the same time.
    pub fn in_folder(path: impl Into<PathBuf>, policy: Policy, clock: Arc<dyn Clock>) -> Self {
        Self::new(Some(Folder::new(path.into())), policy, clock)
    }

    /// A cache of this process alone.
    pub fn in_memory(policy: Policy, clock: Arc<dyn Clock>) -> Self {
        Self::new(None, policy, clock)
    }

    fn new(folder: Option<Folder>, policy: Policy, clock: Arc<dyn Clock>) -> Self {
        Self {
            inner: Arc::new(Inner {
                clock,
                policy,
                shelf: Shelf::new(folder),
                flights: Mutex::default(),
                figures: Mutex::default(),
                behind: Mutex::default(),
            }),
        }
    }

    /// All things of a kind. `megavisor` is asked if that is necessary.
    ///
    /// # Errors
    /// If there is no answer, not even an old one; or what was asked makes no sense.
    pub async fn list(
        &self,
        megavisor: &Arc<dyn Megavisor>,
        scope: &Scope,
        kind: Kind,
        mode: Mode,
    ) -> Result<Listing<Resource>, CloudError> {
        let name = megavisor.info().name.as_str();
        megavisor.capabilities().check_list(name, kind)?;
        let answer = self.read(megavisor, scope, kind, mode).await;
        self.count(scope, kind, |figures| match &answer {
            Ok(Listing {
                origin: Origin::Live,
                ..
            }) => figures.live += 1,
            Ok(Listing {
                origin: Origin::Cache { why, .. },
                ..
            }) => match why {
                Why::Fresh | Why::Refreshing | Why::Asked => figures.hits += 1,
                Why::Failed(_) | Why::LeftAlone { .. } | Why::Suspect { .. } => figures.stale += 1,
            },
            Err(_) => figures.failed += 1,
        });
        answer
    }

    async fn read(
        &self,
        megavisor: &Arc<dyn Megavisor>,
        scope: &Scope,
        kind: Kind,
        mode: Mode,
    ) -> Result<Listing<Resource>, CloudError> {
        let doing = || format!("{kind} list in {scope}");
        match self.decide(scope, kind, mode) {
            Decision::Answer(why) => self.kept(scope, kind, why, &doing()),
            Decision::AnswerAndRefresh => {
                self.refresh_behind(megavisor, scope, kind);
                self.kept(scope, kind, Why::Refreshing, &doing())
            }
            Decision::Ask | Decision::AskStrictly => self.ask(megavisor, scope, kind, mode).await,
            Decision::LeftAlone(remaining, last) => {
                let message = format!("left alone for {}: {}", rounded(remaining), last.message);
                let error = CloudError::new(last.class, doing(), message);
                Err(error.retry_after(remaining))
            }
            Decision::Nothing => Err(CloudError::new(
                Class::Unavailable,
                doing(),
                "nothing is kept, and the cloud was not to be asked",
            )),
        }
    }

    fn decide(&self, scope: &Scope, kind: Kind, mode: Mode) -> Decision {
        let now = Moment::now(&*self.inner.clock);
        let entry = self.inner.shelf.entry(scope, kind);
        let circuit = self.inner.shelf.circuit(scope);
        let spread = spread(scope, kind, &entry);
        decide(
            Some(&entry),
            &circuit,
            mode,
            &self.inner.policy,
            &now,
            spread,
        )
    }

    fn kept(
        &self,
        scope: &Scope,
        kind: Kind,
        why: Why,
        doing: &str,
    ) -> Result<Listing<Resource>, CloudError> {
        let now = Moment::now(&*self.inner.clock);
        let entry = self.inner.shelf.entry(scope, kind);
        let answer = entry.answer(why, &now, &self.inner.policy);
        answer.ok_or_else(|| CloudError::new(Class::Unavailable, doing, "nothing is kept"))
    }

    /// Asks the cloud, or waits for whoever asks it already.
    async fn ask(
        &self,
        megavisor: &Arc<dyn Megavisor>,
        scope: &Scope,
        kind: Kind,
        mode: Mode,
    ) -> Result<Listing<Resource>, CloudError> {
        let inner = &self.inner;
        let answers = inner.shelf.entry(scope, kind).answers;
        let deadline = Instant::now() + inner.policy.deadline(mode).as_duration();
        let doing = format!("{kind} list in {scope}");
        let too_slow = || {
            let limit = inner.policy.deadline(mode);
            let message = format!("no answer within {}", rounded(limit));
            CloudError::new(Class::Unavailable, doing.clone(), message)
        };
        let flight = tokio::time::timeout_at(deadline, inner.take_off(scope, kind)).await;
        let answer = match flight {
            // Whoever asks already is as slow as we would be.
            Err(_) => Err(too_slow()),
            Ok(_flight) => {
                if let Some(listing) = inner.came_meanwhile(scope, kind, answers) {
                    return Ok(listing);
                }
                let asked = inner.fetch(megavisor, scope, kind);
                let answer = tokio::time::timeout_at(deadline, asked).await;
                let answer = answer.unwrap_or_else(|_| Err(too_slow()));
                if let Err(error) = &answer {
                    inner.failed(scope, kind, error);
                }
                answer
            }
        };
        match answer {
            Ok(listing) => Ok(listing),
            Err(error) if mode == Mode::StrictFresh || !error.class.stale_helps() => Err(error),
            Err(error) => {
                let why = Why::Failed(error.clone());
                self.kept(scope, kind, why, &doing).map_err(|_| error)
            }
        }
    }

    fn refresh_behind(&self, megavisor: &Arc<dyn Megavisor>, scope: &Scope, kind: Kind) {
        let (cache, megavisor) = (self.clone(), megavisor.clone());
        let scope = scope.clone();
        let refresh = async move {
            // What went wrong is written down with the entry.
            let _ = cache.ask(&megavisor, &scope, kind, Mode::Fresh).await;
        };
        let mut behind = self.inner.behind.lock();
        while behind.try_join_next().is_some() {}
        behind.spawn(refresh);
    }

    /// Waits for what is being fetched behind answers, at most so long. A command calls
    /// this before it ends, so that the next one has something newer.
    pub async fn settle(&self, limit: Duration) {
        let mut behind = std::mem::take(&mut *self.inner.behind.lock());
        let all = async { while behind.join_next().await.is_some() {} };
        // What is not done by then is given up.
        let _ = tokio::time::timeout(limit, all).await;
    }

    /// A write begins: what is kept of the kinds it changes is no longer young, and
    /// listings show what is expected of it.
    pub fn write_begins(&self, scope: &Scope, action: &Action, operation: OperationId) {
        let now = self.inner.clock.now();
        let expected = Expected::of(action, operation, now);
        for kind in changed_kinds(action) {
            let of_kind: Vec<_> = expected
                .iter()
                .filter(|one| one.kind == kind)
                .cloned()
                .collect();
            // A failure is logged; this process knows all the same.
            let _ = self
                .inner
                .shelf
                .change(scope, kind, |entry| entry.write_begins(of_kind));
        }
    }

    /// A write is over, well or not.
    pub fn write_ends(&self, scope: &Scope, action: &Action, operation: OperationId, well: bool) {
        let now = self.inner.clock.now();
        for kind in changed_kinds(action) {
            // As above.
            let _ = self
                .inner
                .shelf
                .change(scope, kind, |entry| entry.write_ends(operation, well, now));
        }
    }

    /// How reads went since the start of this process.
    pub fn figures(&self) -> Figures {
        self.inner.figures.lock().clone()
    }

    fn count(&self, scope: &Scope, kind: Kind, count: impl FnOnce(&mut ReadFigures)) {
        self.inner.count(scope, kind, count);
    }
}

/// The kinds of which an action makes, changes or removes something.
fn changed_kinds(action: &Action) -> Vec<Kind> {
    let own = match action {
        Action::Tag { kind, .. } => *kind,
        other => other.verb().kind(),
    };
    match action {
        // The instance lists its volumes and addresses.
        Action::AttachVolume { .. } | Action::DetachVolume { .. } | Action::MoveIp { .. } => {
            vec![own, Kind::Instance]
        }
        Action::RequestInstance(_) | Action::TerminateInstance { .. } => {
            vec![own, Kind::Volume, Kind::Capacity]
        }
        _ => vec![own],
    }
}

/// A number of a listing's own, by which its youth is spread.
fn spread(scope: &Scope, kind: Kind, entry: &Entry) -> u64 {
    let observed = entry
        .kept
        .as_ref()
        .map_or(0, |kept| kept.observed.wall.as_nanos().unsigned_abs());
    let text = format!("{scope}/{kind}/{observed}");
    u64::from(crc32c::crc32c(text.as_bytes()))
}

/// A span as people read it.
fn rounded(span: Span) -> Span {
    match span.as_seconds() {
        0 => Span::from_millis(span.as_millis()),
        seconds => Span::from_seconds(seconds),
    }
}

#[cfg(test)]
mod tests;
