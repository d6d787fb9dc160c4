//! What every megavisor does, whatever is behind it.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use redeye_cloud::{
    Action, Cache, Cloud, Id, Kind, Lifecycle, Megavisor, Mode, Operation, OperationId,
    OperationState, Parts, Policy, Power, Request, Scope,
};
use redeye_cloud_home::{Definition, HomeMegavisor};
use rem_time::{Clock, Span, SystemClock};
use unidist::{BucketSpec, FileOpts, Unidist};

pub(crate) struct Rig {
    pub(crate) cloud: Cloud,
    pub(crate) scope: Scope,
    clock: Arc<dyn Clock>,
}

impl Rig {
    pub(crate) async fn new(definition: Definition, journal: &Path) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let env = Arc::new(|name: &str| (name == "PASS").then(|| "test".to_owned()));
        let home = HomeMegavisor::new(definition, clock.clone(), env);
        let scope = home.scope().clone();
        let unidist = Unidist::open(journal, FileOpts::default()).await.unwrap();
        let parts = Parts {
            cache: Cache::in_memory(Policy::default(), clock.clone()),
            journal: unidist
                .consistent("operations", BucketSpec::default())
                .unwrap(),
            clock: clock.clone(),
        };
        let home: Arc<dyn Megavisor> = Arc::new(home);
        Self {
            cloud: Cloud::new(parts, [home]),
            scope,
            clock,
        }
    }

    pub(crate) async fn begin(&self, action: Action) -> OperationId {
        let now = self.clock.now();
        let request = Request {
            id: OperationId::random(now),
            scope: self.scope.clone(),
            action,
            deadline: now + Span::from_seconds(120),
        };
        self.cloud.begin(request, "test").await.unwrap()
    }

    pub(crate) async fn run(&self, action: Action) -> Operation {
        let id = self.begin(action).await;
        let limit = Duration::from_secs(150);
        self.cloud.wait(id, limit, |_| {}).await.unwrap()
    }

    /// Runs an action to its good end; says whether anything changed.
    #[track_caller]
    pub(crate) fn well(operation: &Operation) -> bool {
        match &operation.state {
            OperationState::Done { outcome } => outcome.changed,
            state => panic!("{state:?}: {:#?}", operation.lines),
        }
    }

    pub(crate) async fn power(&self, id: &Id) -> Power {
        let listing = self
            .cloud
            .list(&self.scope, Kind::Instance, Mode::StrictFresh);
        let listing = listing.await.unwrap();
        let found = listing.items.iter().find(|item| item.id() == id);
        let instance = found.unwrap().as_instance().unwrap();
        match instance.lifecycle {
            Lifecycle::Lost => Power::Unknown,
            _ => instance.power,
        }
    }
}

pub(crate) fn start(id: &Id) -> Action {
    Action::StartInstance { id: id.clone() }
}

pub(crate) fn stop(id: &Id, force: bool) -> Action {
    Action::StopInstance {
        id: id.clone(),
        force,
    }
}

/// Start, start again, stop, stop again, force, start and stop at once.
pub(crate) async fn conform(rig: &Rig, id: &Id) {
    rig.run(start(id)).await;
    assert_eq!(rig.power(id).await, Power::On);
    assert!(!Rig::well(&rig.run(start(id)).await), "it ran already");
    assert!(Rig::well(&rig.run(stop(id, false)).await));
    assert_eq!(rig.power(id).await, Power::Off);
    assert!(!Rig::well(&rig.run(stop(id, false)).await), "it was off");
    assert!(Rig::well(&rig.run(start(id)).await));
    assert!(Rig::well(&rig.run(stop(id, true)).await));
    assert_eq!(rig.power(id).await, Power::Off);

    // Both at once: one after the other, and the last one's word holds.
    let (first, second) = (rig.begin(start(id)).await, rig.begin(stop(id, true)).await);
    let limit = Duration::from_secs(150);
    let first = rig.cloud.wait(first, limit, |_| {}).await.unwrap();
    let second = rig.cloud.wait(second, limit, |_| {}).await.unwrap();
    assert!(Rig::well(&first) && Rig::well(&second));
    assert!(first.changed <= second.changed);
    assert_eq!(rig.power(id).await, Power::Off);
}

/// Whether a backend can run here; if not, says why, or fails if it must.
pub(crate) fn can_run(backend: &str, missing: Option<String>) -> bool {
    let Some(why) = missing else { return true };
    let required = std::env::var("REQUIRE_BACKENDS").is_ok_and(|value| value == "1");
    assert!(!required, "{backend} must run here: {why}");
    eprintln!("skipped {backend}: {why}");
    false
}

/// What keeps a program from running here.
pub(crate) fn missing(program: &str, args: &[&str]) -> Option<String> {
    match Command::new(program).args(args).output() {
        Ok(_) => None,
        Err(why) => Some(format!("{program}: {why}")),
    }
}
