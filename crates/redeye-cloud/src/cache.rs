//! Reads that always answer if there ever was an answer, and say how old it is.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rem_time::{Clock, Span};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::action::Action;
use crate::error::{Class, CloudError};
use crate::kind::Kind;
use crate::listing::{Listing, Origin, Warning, Why};
use crate::megavisor::Megavisor;
use crate::name::Id;
use crate::request::OperationId;
use crate::resource::Resource;
use crate::scope::Scope;

mod circuit;
mod decide;
mod entry;
mod expected;
mod moment;
mod policy;
mod store;
mod tally;

pub use policy::{Mode, Policy};
pub use tally::{Figures, ReadFigures};

use circuit::Circuit;
use decide::{Decision, decide};
use entry::{Accepted, Entry};
use expected::Expected;
use moment::Moment;
use store::{Folder, Shared, Stamp};

/// The file of a scope's circuit.
const CIRCUIT: &str = "circuit";
/// How often a process looks whether another one is done with its call.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

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

type Key = (Scope, Kind);
/// What was read of a file, and by what the file is known not to have changed.
type Read<T> = (Option<Stamp>, T);

#[derive(Debug)]
struct Inner {
    clock: Arc<dyn Clock>,
    policy: Policy,
    folder: Shared,
    entries: Mutex<HashMap<Key, Read<Arc<Entry>>>>,
    circuits: Mutex<HashMap<Scope, Read<Circuit>>>,
    flights: Mutex<HashMap<Key, Arc<tokio::sync::Mutex<()>>>>,
    figures: Mutex<Figures>,
    behind: Mutex<JoinSet<()>>,
}

impl Cache {
    /// A cache in a folder that is made when something is first kept; other processes
    /// may use it at the same time.
    pub fn in_folder(path: impl Into<PathBuf>, policy: Policy, clock: Arc<dyn Clock>) -> Self {
        Self::new(Some(Arc::new(Folder::new(path.into()))), policy, clock)
    }

    /// A cache of this process alone.
    pub fn in_memory(policy: Policy, clock: Arc<dyn Clock>) -> Self {
        Self::new(None, policy, clock)
    }

    fn new(folder: Shared, policy: Policy, clock: Arc<dyn Clock>) -> Self {
        Self {
            inner: Arc::new(Inner {
                clock,
                policy,
                folder,
                entries: Mutex::default(),
                circuits: Mutex::default(),
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
        let entry = self.inner.entry(scope, kind);
        let circuit = self.inner.circuit(scope);
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
        let entry = self.inner.entry(scope, kind);
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
        let answers = inner.entry(scope, kind).answers;
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

/// Holds the right to ask, in this process and among all that share the folder.
struct Flight {
    _here: tokio::sync::OwnedMutexGuard<()>,
    _everywhere: Option<std::fs::File>,
}

impl Inner {
    async fn take_off(&self, scope: &Scope, kind: Kind) -> Flight {
        let key = (scope.clone(), kind);
        let here = self.flights.lock().entry(key).or_default().clone();
        let here = here.lock_owned().await;
        let Some(folder) = &self.folder else {
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
    fn came_meanwhile(&self, scope: &Scope, kind: Kind, answers: u64) -> Option<Listing<Resource>> {
        let entry = self.entry(scope, kind);
        if entry.answers == answers || entry.dirty || entry.suspect.is_some() {
            return None;
        }
        let now = Moment::now(&*self.clock);
        let mut listing = entry.answer(Why::Fresh, &now, &self.policy)?;
        listing.origin = Origin::Live;
        Some(listing)
    }

    async fn fetch(
        &self,
        megavisor: &Arc<dyn Megavisor>,
        scope: &Scope,
        kind: Kind,
    ) -> Result<Listing<Resource>, CloudError> {
        let generation = self.entry(scope, kind).generation;
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
        let entry = self.entry(scope, kind);
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
        let written = self.change(scope, kind, |entry| {
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
        let entry = self.entry(scope, kind);
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
        self.change_circuit(scope, Circuit::answered);
        self.count(scope, kind, |figures| {
            figures.took = Some(Span::from_secs_f64(took.as_secs_f64()));
            figures.observed_at = Some(now);
            figures.up = Some(true);
        });
    }

    fn failed(&self, scope: &Scope, kind: Kind, error: &CloudError) {
        let now = self.clock.now();
        let chance = error.message.len() as u64 * 7 + now.as_nanos().unsigned_abs();
        self.change_circuit(scope, |circuit| {
            circuit.failed(error, &self.policy, now, chance);
            true
        });
        // It says only how things went; without it an answer is as good.
        let _ = self.change(scope, kind, |entry| entry.failed(error, now));
        self.count(scope, kind, |figures| {
            *figures.errors.entry(error.class).or_default() += 1;
            figures.up = Some(matches!(
                error.class,
                Class::Denied | Class::Invalid | Class::NotFound | Class::Unsupported
            ));
        });
        tracing::info!(%scope, %kind, %error, "a cloud did not answer");
    }

    fn count(&self, scope: &Scope, kind: Kind, count: impl FnOnce(&mut ReadFigures)) {
        let mut figures = self.figures.lock();
        count(figures.entry((scope.clone(), kind)).or_default());
    }

    /// What is kept, read again if another process wrote it.
    fn entry(&self, scope: &Scope, kind: Kind) -> Arc<Entry> {
        let key = (scope.clone(), kind);
        let mut entries = self.entries.lock();
        let stamp = self
            .folder
            .as_ref()
            .and_then(|folder| folder.stamp(scope, kind.noun()));
        if let Some((known, entry)) = entries.get(&key)
            && (self.folder.is_none() || (*known == stamp && stamp.is_some()))
        {
            return entry.clone();
        }
        let read = self
            .folder
            .as_ref()
            .and_then(|folder| folder.read(scope, kind.noun()))
            .filter(|entry: &Entry| entry.kind == kind && entry.scope == *scope);
        // A folder that can no longer be read does not take away what we know.
        let entry = match (read, entries.get(&key)) {
            (Some(entry), _) => Arc::new(entry),
            (None, Some((_, entry))) => entry.clone(),
            (None, None) => Arc::new(Entry::new(scope.clone(), kind)),
        };
        entries.insert(key, (stamp, entry.clone()));
        entry
    }

    /// Changes what is kept, here and in the folder.
    fn change(
        &self,
        scope: &Scope,
        kind: Kind,
        change: impl FnOnce(&mut Entry),
    ) -> std::io::Result<()> {
        let locked = match &self.folder {
            None => Ok(None),
            Some(folder) => folder.lock(scope, kind.noun()).map(Some),
        };
        let mut entry = Entry::clone(&self.entry(scope, kind));
        change(&mut entry);
        let written = match (&self.folder, &locked) {
            (Some(folder), Ok(_)) => folder.write(scope, kind.noun(), &entry),
            (Some(_), Err(error)) => Err(std::io::Error::new(error.kind(), error.to_string())),
            (None, _) => Ok(()),
        };
        let stamp = self
            .folder
            .as_ref()
            .and_then(|folder| folder.stamp(scope, kind.noun()));
        self.entries
            .lock()
            .insert((scope.clone(), kind), (stamp, Arc::new(entry)));
        if let Err(error) = &written {
            tracing::warn!(%scope, %kind, %error, "cannot keep an answer in its folder");
        }
        written
    }

    fn circuit(&self, scope: &Scope) -> Circuit {
        let mut circuits = self.circuits.lock();
        let stamp = self
            .folder
            .as_ref()
            .and_then(|folder| folder.stamp(scope, CIRCUIT));
        if let Some((known, circuit)) = circuits.get(scope)
            && *known == stamp
        {
            return circuit.clone();
        }
        let read = self
            .folder
            .as_ref()
            .and_then(|folder| folder.read(scope, CIRCUIT));
        let circuit: Circuit = read.unwrap_or_default();
        circuits.insert(scope.clone(), (stamp, circuit.clone()));
        circuit
    }

    /// `change` says whether it changed anything.
    fn change_circuit(&self, scope: &Scope, change: impl FnOnce(&mut Circuit) -> bool) {
        let mut circuit = self.circuit(scope);
        if !change(&mut circuit) {
            return;
        }
        if let Some(folder) = &self.folder
            && let Err(error) = folder.write(scope, CIRCUIT, &circuit)
        {
            tracing::warn!(%scope, %error, "cannot keep how a scope answers");
        }
        let stamp = self
            .folder
            .as_ref()
            .and_then(|folder| folder.stamp(scope, CIRCUIT));
        self.circuits.lock().insert(scope.clone(), (stamp, circuit));
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

/// Why a listing is not whole.
fn partial(listing: &Listing<Resource>) -> Option<CloudError> {
    listing.warnings.iter().find_map(|warning| match warning {
        Warning::Partial { error } => Some(error.clone()),
        Warning::Ancient | Warning::Expected { .. } | Warning::NotKept { .. } => None,
    })
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
