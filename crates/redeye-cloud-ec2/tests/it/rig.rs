//! A door to one EC2, with a journal.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use redeye_cloud::{
    Action, Cache, Cloud, Hidden, Id, Kind, Listing, Megavisor, Mode, NewInstance, Operation,
    OperationId, OperationState, Parts, Policy, Power, Request, Resource, Scope,
};
use redeye_cloud_ec2::{Ec2Megavisor, Keys, Settings};
use rem_ec2_fake::{FakeEc2, IMAGE, KEY, SECRET, SIZES};
use rem_time::{Clock, Span, SystemClock};
use unidist::{BucketSpec, FileOpts, Unidist};

pub(crate) struct Rig {
    pub(crate) cloud: Cloud,
    pub(crate) scope: Scope,
    pub(crate) ec2: Arc<Ec2Megavisor>,
    pub(crate) wanted: NewInstance,
    pub(crate) zones: [Id; 2],
    clock: Arc<dyn Clock>,
}

/// As patient as [`settings`], but for requests that are never answered.
pub(crate) fn impatient(endpoint: &str) -> Settings {
    Settings {
        patience: Span::from_seconds(3),
        ..settings(endpoint)
    }
}

/// Settings that ask the fake, and look sooner than usual.
pub(crate) fn settings(endpoint: &str) -> Settings {
    Settings {
        endpoint: Some(endpoint.to_owned()),
        keys: Some(Keys {
            id: KEY.into(),
            secret: Hidden::new(SECRET),
        }),
        patience: Span::from_seconds(20),
        visible_within: Span::from_seconds(10),
        look_after: Span::from_millis(20),
        ..Settings::new("ec2/test/eu-test-1".parse().unwrap())
    }
}

pub(crate) fn id(text: &str) -> Id {
    text.parse().unwrap()
}

impl Rig {
    pub(crate) async fn new(settings: Settings, journal: &Path) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ec2 = Arc::new(Ec2Megavisor::new(settings, clock.clone()));
        let unidist = Unidist::open(journal, FileOpts::default()).await.unwrap();
        let parts = Parts {
            cache: Cache::in_memory(Policy::default(), clock.clone()),
            journal: unidist
                .consistent("operations", BucketSpec::default())
                .unwrap(),
            clock: clock.clone(),
        };
        let door: Arc<dyn Megavisor> = ec2.clone();
        Self {
            cloud: Cloud::new(parts, [door]),
            scope: ec2.scope().clone(),
            ec2,
            wanted: NewInstance {
                name: Some("web".into()),
                image: Some(id(IMAGE)),
                size: Some(id(SIZES[0])),
                ..NewInstance::default()
            },
            zones: rem_ec2_fake::ZONES.map(id),
            clock,
        }
    }

    /// One for a fake.
    pub(crate) async fn of(fake: &FakeEc2, folder: &Path) -> Self {
        Self::new(settings(fake.endpoint()), &folder.join("journal")).await
    }

    pub(crate) fn request(&self, action: Action, within: Span) -> Request {
        let now = self.clock.now();
        Request {
            id: OperationId::random(now),
            scope: self.scope.clone(),
            action,
            deadline: now + within,
        }
    }

    pub(crate) async fn begin(&self, action: Action) -> OperationId {
        let request = self.request(action, Span::from_seconds(120));
        self.cloud.begin(request, "test").await.unwrap()
    }

    pub(crate) async fn end(&self, id: OperationId) -> Operation {
        let limit = Duration::from_secs(180);
        self.cloud.wait(id, limit, |_| {}).await.unwrap()
    }

    pub(crate) async fn run(&self, action: Action) -> Operation {
        let id = self.begin(action).await;
        self.end(id).await
    }

    /// Runs an action to its good end; says whether anything changed.
    pub(crate) async fn well(&self, action: Action) -> bool {
        let operation = self.run(action).await;
        match &operation.state {
            OperationState::Done { outcome } => outcome.changed,
            state => panic!("{state:?}: {:#?}", operation.lines),
        }
    }

    /// The id of what an action made.
    pub(crate) async fn made(&self, action: Action) -> Id {
        let operation = self.run(action).await;
        match &operation.state {
            OperationState::Done { outcome } => outcome.ids[0].clone(),
            state => panic!("{state:?}: {:#?}", operation.lines),
        }
    }

    /// The name of the class with which an action fails.
    pub(crate) async fn refused(&self, action: Action) -> &'static str {
        let request = self.request(action, Span::from_seconds(120));
        let id = match self.cloud.begin(request, "test").await {
            Ok(id) => id,
            Err(redeye_cloud::DoorError::Cloud(error)) => return error.class.name(),
            Err(error) => panic!("{error}"),
        };
        match self.end(id).await.state {
            OperationState::Failed { error } => error.class.name(),
            state => panic!("{state:?}"),
        }
    }

    pub(crate) async fn list(&self, kind: Kind) -> Listing<Resource> {
        let listing = self.ec2.list(&self.scope, kind).await.unwrap();
        assert!(listing.is_proof(), "{kind}: {:?}", listing.warnings);
        listing
    }

    pub(crate) async fn get(&self, kind: Kind, id: &Id) -> Option<Resource> {
        self.ec2.get(&self.scope, kind, id).await.unwrap()
    }

    pub(crate) async fn power(&self, id: &Id) -> Power {
        let listing = self
            .cloud
            .list(&self.scope, Kind::Instance, Mode::StrictFresh);
        let listing = listing.await.unwrap();
        let found = listing.items.iter().find(|item| item.id() == id);
        found.unwrap().as_instance().unwrap().power
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

pub(crate) fn terminate(id: &Id) -> Action {
    Action::TerminateInstance { id: id.clone() }
}
