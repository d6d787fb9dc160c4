use std::sync::Arc;
use std::time::Duration;

use redeye_cloud::{
    Action, Cache, Cloud, Kind, Listing, Megavisor, Mode, OperationId, Parts, Policy, Request,
    Resource, Scope,
};
use redeye_cloud_home::HomeMegavisor;
use redeye_storage::{Parts as StorageParts, Storages, Watchdog};
use rem_time::{Clock, SystemClock};
use tokio::sync::OnceCell;
use unidist::{Bucket, BucketSpec, Consistent, FileOpts, Unidist};

use crate::arguments::Common;
use crate::config::{self, Config};
use crate::exit::Mistake;

/// How long a command stays for a newer answer to be kept.
const STAY: Duration = Duration::from_millis(500);

/// One run of the command. The journal is opened when something is first written:
/// reads need nobody.
pub(crate) struct Session<'a> {
    pub(crate) common: &'a Common,
    config: Config,
    cache: Cache,
    clock: Arc<dyn Clock>,
    journal: OnceCell<Bucket<Consistent>>,
    cloud: OnceCell<Cloud>,
    storages: OnceCell<Storages>,
}

impl<'a> Session<'a> {
    pub(crate) fn open(common: &'a Common) -> anyhow::Result<Self> {
        let config = config::load(common)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let policy = Policy {
            fresh_deadline: common.timeout.min(Policy::default().fresh_deadline),
            ..Policy::default()
        };
        let cache = Cache::in_folder(config.data.join("cache"), policy, clock.clone());
        Ok(Self {
            common,
            config,
            cache,
            clock,
            journal: OnceCell::new(),
            cloud: OnceCell::new(),
            storages: OnceCell::new(),
        })
    }

    pub(crate) fn megavisors(&self) -> &[Arc<HomeMegavisor>] {
        &self.config.megavisors
    }

    /// The megavisor that was asked for, or the only one.
    pub(crate) fn megavisor(&self) -> anyhow::Result<&Arc<HomeMegavisor>> {
        let all = &self.config.megavisors;
        let names: Vec<&str> = all.iter().map(|one| one.info().name.as_str()).collect();
        let found = match &self.common.megavisor {
            Some(name) => all.iter().find(|one| one.info().name.as_str() == name),
            None if all.len() < 2 => all.first(),
            None => {
                let message = format!(
                    "which one: write --megavisor with one of {}",
                    names.join(", ")
                );
                return Err(Mistake(message).into());
            }
        };
        let none = || match names.is_empty() {
            true => "the configuration has no megavisor".to_owned(),
            false => format!(
                "there is no such megavisor; there are: {}",
                names.join(", ")
            ),
        };
        Ok(found.ok_or_else(|| Mistake(none()))?)
    }

    pub(crate) fn scope(&self) -> anyhow::Result<Scope> {
        Ok(self.megavisor()?.scope().clone())
    }

    pub(crate) fn mode(&self) -> Mode {
        let common = self.common;
        match common.max_age {
            Some(age) => Mode::MaxAge(age),
            None if common.cached => Mode::Cached,
            None if common.strict_fresh => Mode::StrictFresh,
            None if common.fresh => Mode::Fresh,
            None => Mode::Usual,
        }
    }

    pub(crate) async fn list(&self, kind: Kind) -> anyhow::Result<Listing<Resource>> {
        let megavisor: Arc<dyn Megavisor> = self.megavisor()?.clone();
        let scope = self.scope()?;
        Ok(self
            .cache
            .list(&megavisor, &scope, kind, self.mode())
            .await?)
    }

    async fn journal(&self) -> anyhow::Result<Bucket<Consistent>> {
        let open = || async {
            let folder = self.config.data.join("journal");
            let unidist = Unidist::open(&folder, FileOpts::default()).await?;
            anyhow::Ok(unidist.consistent("operations", BucketSpec::default())?)
        };
        Ok(self.journal.get_or_try_init(open).await?.clone())
    }

    /// The door to the storages; this program is their watchdog too.
    pub(crate) async fn storages(&self) -> anyhow::Result<&Storages> {
        let open = || async {
            let data = &self.config.data;
            anyhow::Ok(Storages::new(StorageParts {
                storages: self.config.storages.clone(),
                cloud: Some(self.cloud().await?.clone()),
                journal: self.journal().await?,
                watchdog: Watchdog::new(std::env::current_exe()?, ["storage-watchdog"]),
                folder: std::path::absolute(data.join("storage"))?,
                written: vec![data.join("journal"), data.join("cache")],
                environment: std::env::var("PATH")
                    .map(|path| ("PATH".into(), path))
                    .into_iter()
                    .collect(),
                clock: self.clock.clone(),
            }))
        };
        self.storages.get_or_try_init(open).await
    }

    /// The door, with its journal.
    pub(crate) async fn cloud(&self) -> anyhow::Result<&Cloud> {
        let open = || async {
            let parts = Parts {
                cache: self.cache.clone(),
                journal: self.journal().await?,
                clock: self.clock.clone(),
            };
            let all = self.config.megavisors.iter();
            let all = all.map(|one| one.clone() as Arc<dyn Megavisor>);
            anyhow::Ok(Cloud::new(parts, all))
        };
        self.cloud.get_or_try_init(open).await
    }

    pub(crate) fn request(&self, action: Action) -> anyhow::Result<Request> {
        let now = self.clock.now();
        Ok(Request {
            id: OperationId::random(now),
            scope: self.scope()?,
            action,
            deadline: now + self.common.deadline,
        })
    }

    pub(crate) async fn close(&self) {
        self.cache.settle(STAY).await;
        if let Some(storages) = self.storages.get() {
            storages.close().await;
        }
        if let Some(cloud) = self.cloud.get() {
            cloud.close().await;
        }
    }
}
