//! A cloud in memory: for tests of the door, and for people who embed it.

use std::time::Duration;

use parking_lot::Mutex;
use rem_time::{Span, Timestamp};
use tokio::time::Instant;

use crate::action::Action;
use crate::capability::Capabilities;
use crate::error::{Class, CloudError};
use crate::kind::Kind;
use crate::listing::Listing;
use crate::megavisor::{Answer, Info, Megavisor};
use crate::name::Id;
use crate::plan::{Plan, PlannedStep};
use crate::progress::{Begun, Handle, Outcome, Progress, Recovered};
use crate::request::{OperationId, Request};
use crate::resource::{Instance, Lifecycle, Power, Resource};
use crate::scope::Scope;
use crate::verb::Verb;

mod fault;
mod world;

use fault::Faults;
pub use fault::{Fault, On};
use world::World;

/// A cloud in memory. States change some time after they were asked to, answers come
/// late, and calls fail as they are told to. Time is tokio's, so that a paused clock
/// works. Every call is written down.
#[derive(Debug)]
pub struct FakeMegavisor {
    info: Info,
    capabilities: Capabilities,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    world: World,
    faults: Faults,
    seen: Vec<Seen>,
    latency: Duration,
    started: (Instant, Timestamp),
}

/// A call that the fake has seen.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// All of a kind were asked for.
    List(Kind),
    /// One thing was asked for.
    Get(Kind, Id),
    /// A request came.
    Begin(OperationId, Action),
    /// Its progress was asked for.
    Poll(OperationId),
    /// What became of it was asked for.
    Recover(OperationId),
    /// It was to be stopped.
    Cancel(OperationId),
}

impl FakeMegavisor {
    /// An empty cloud of one scope that answers at once and changes states within a
    /// second.
    pub fn new(scope: Scope) -> Self {
        Self {
            info: Info {
                name: scope.megavisor.clone(),
                version: 1,
                sort: "fake",
                scopes: vec![scope],
                at_once: 64,
                rest: Span::ZERO,
            },
            capabilities: Capabilities::all(),
            state: Mutex::new(State {
                world: World::default(),
                faults: Faults::default(),
                seen: Vec::new(),
                latency: Duration::ZERO,
                started: (Instant::now(), Timestamp::from_seconds(1_800_000_000)),
            }),
        }
    }

    /// With other abilities.
    pub fn able_to(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// With other wishes about how it is treated.
    pub fn treated(mut self, at_once: usize, rest: Span) -> Self {
        self.info.at_once = at_once;
        self.info.rest = rest;
        self
    }

    /// Its only scope.
    pub fn scope(&self) -> Scope {
        self.info.scopes[0].clone()
    }

    /// Instances that run.
    ///
    /// # Panics
    /// If a name cannot be an id.
    pub fn with_instances<'n>(&self, names: impl IntoIterator<Item = &'n str>) {
        let mut state = self.state.lock();
        for name in names {
            #[allow(clippy::expect_used, reason = "a fake is set up by a test")]
            let id = Id::new(name).expect("an id");
            let instance = Instance::new(id, Power::On, Lifecycle::Active);
            state.world.put(Resource::Instance(instance));
        }
    }

    /// Something is there from now on, or is as it is given from now on.
    pub fn put(&self, resource: Resource) {
        self.state.lock().world.put(resource);
    }

    /// Something is gone, behind everybody's back.
    pub fn lose(&self, kind: Kind, id: &Id) {
        self.state.lock().world.lose(kind, id);
    }

    /// Every answer takes so long from now on.
    pub fn slow(&self, latency: Duration) {
        self.state.lock().latency = latency;
    }

    /// States change so long after they were asked to.
    pub fn changes_take(&self, time: Duration) {
        self.state.lock().world.changes_take = time;
    }

    /// The next `times` calls of a sort fail so.
    pub fn fail(&self, on: On, times: u32, fault: Fault) {
        self.state.lock().faults.add(on, times, fault);
    }

    /// Nothing fails any more.
    pub fn mend(&self) {
        self.state.lock().faults = Faults::default();
    }

    /// The calls so far, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.lock().seen.clone()
    }

    /// How often something with this verb was begun.
    pub fn begun(&self, verb: Verb) -> usize {
        let is_it = |seen: &&Seen| matches!(seen, Seen::Begin(_, action) if action.verb() == verb);
        self.state.lock().seen.iter().filter(is_it).count()
    }

    fn now(state: &State) -> Timestamp {
        let (since, at) = state.started;
        let passed = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        at + Span::from_nanos(passed)
    }

    /// Writes a call down, lets its time pass, and fails if it is to.
    async fn call(&self, seen: Seen, doing: String) -> Result<Option<Fault>, CloudError> {
        let (latency, fault) = {
            let mut state = self.state.lock();
            let fault = state.faults.next(&seen);
            state.seen.push(seen);
            (state.latency, fault)
        };
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        match fault {
            None => Ok(None),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Error(class)) => {
                let error = CloudError::new(class, doing, "as the test wants it");
                Err(match class {
                    Class::Throttled => error.retry_after(Span::from_seconds(1)),
                    _ => error,
                })
            }
            Some(fault) => Ok(Some(fault)),
        }
    }
}

impl Megavisor for FakeMegavisor {
    fn info(&self) -> &Info {
        &self.info
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn list<'a>(&'a self, _: &'a Scope, kind: Kind) -> Answer<'a, Listing<Resource>> {
        Box::pin(async move {
            let began = Self::now(&self.state.lock());
            let fault = self.call(Seen::List(kind), format!("{kind} list")).await?;
            let mut state = self.state.lock();
            let mut items = state.world.list(kind);
            Ok(match fault {
                Some(Fault::Empty) => Listing::live(Vec::new(), began),
                Some(Fault::Truncate(keep)) => {
                    items.truncate(keep);
                    let error = CloudError::new(
                        Class::Unavailable,
                        format!("{kind} list"),
                        "the second page did not come",
                    );
                    Listing::partial(items, began, error)
                }
                _ => Listing::live(items, began),
            })
        })
    }

    fn get<'a>(&'a self, _: &'a Scope, kind: Kind, id: &'a Id) -> Answer<'a, Option<Resource>> {
        Box::pin(async move {
            let seen = Seen::Get(kind, id.clone());
            let fault = self.call(seen, format!("{kind} show {id}")).await?;
            if fault == Some(Fault::Empty) {
                return Ok(None);
            }
            Ok(self.state.lock().world.get(kind, id))
        })
    }

    fn plan<'a>(&'a self, request: &'a Request) -> Answer<'a, Plan> {
        Box::pin(async move {
            let verb = request.action.verb();
            let targets = request.action.targets();
            let step = PlannedStep::new(format!("ask the fake: {verb}"))
                .on(targets.into_iter().map(|(_, id)| id.clone()));
            Ok(Plan::of([step]))
        })
    }

    fn begin<'a>(&'a self, request: &'a Request) -> Answer<'a, Begun> {
        Box::pin(async move {
            let verb = request.action.verb();
            let seen = Seen::Begin(request.id, request.action.clone());
            let fault = self.call(seen, verb.to_string()).await?;
            let mut state = self.state.lock();
            if fault == Some(Fault::NotSent) {
                return Err(CloudError::unclear(verb.to_string(), "no answer"));
            }
            let now = Self::now(&state);
            let begun = state.world.begin(request, now)?;
            if fault == Some(Fault::AnswerLost) {
                return Err(CloudError::unclear(verb.to_string(), "no answer"));
            }
            Ok(begun)
        })
    }

    fn poll<'a>(&'a self, request: &'a Request, handle: &'a Handle) -> Answer<'a, Progress> {
        Box::pin(async move {
            let doing = request.action.verb().to_string();
            self.call(Seen::Poll(request.id), doing).await?;
            let mut state = self.state.lock();
            Ok(match state.world.is_settled(request) {
                true => Progress::Done(Outcome::changed(handle.ids.clone())),
                false => Progress::Running {
                    handle: handle.clone(),
                    note: Some("the state changes".into()),
                    percent: None,
                },
            })
        })
    }

    fn recover<'a>(&'a self, request: &'a Request) -> Answer<'a, Recovered> {
        Box::pin(async move {
            let doing = request.action.verb().to_string();
            self.call(Seen::Recover(request.id), doing).await?;
            Ok(match self.state.lock().world.known(request.id) {
                Some(begun) => Recovered::Adopt(begun),
                None => Recovered::SendAgain,
            })
        })
    }

    fn cancel<'a>(&'a self, request: &'a Request, _: &'a Handle) -> Answer<'a, ()> {
        Box::pin(async move {
            let doing = request.action.verb().to_string();
            self.call(Seen::Cancel(request.id), doing).await?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
