use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use redeye_cloud::{
    Action, Cache, Cloud, Kind, Ledger, Listing, Megavisor, Mode, OperationId, Parts, Policy,
    PriceBook, Request, Resource, Scope,
};
use redeye_cloud_home::HomeMegavisor;
use redeye_storage::{Parts as StorageParts, Storages, Watchdog};
use rem_time::{Clock, SystemClock, Timestamp};
use tokio::sync::OnceCell;
use unidist::{Bucket, BucketSpec, Consistent, FileOpts, Unidist};

use crate::arguments::Common;
use crate::config::{self, Config, versioned};
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
    unidist: OnceCell<Unidist>,
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
            unidist: OnceCell::new(),
            cloud: OnceCell::new(),
            storages: OnceCell::new(),
        })
    }

    /// A megavisor as a file of functions, if it is one.
    pub(crate) fn home(&self, megavisor: &Arc<dyn Megavisor>) -> Option<&HomeMegavisor> {
        let mut homes = self.config.homes.iter();
        homes
            .find(|home| home.info() == megavisor.info())
            .map(AsRef::as_ref)
    }

    pub(crate) fn megavisors(&self) -> &[Arc<dyn Megavisor>] {
        &self.config.megavisors
    }

    /// The megavisor that was asked for, or the only one; of several versions the newest
    /// unless another was named.
    pub(crate) fn megavisor(&self) -> anyhow::Result<&Arc<dyn Megavisor>> {
        let all = &self.config.megavisors;
        let names: BTreeSet<&str> = all.iter().map(|one| one.info().name.as_str()).collect();
        let named = names.iter().copied().collect::<Vec<_>>().join(", ");
        let (name, version) = match (&self.common.megavisor, names.len()) {
            (Some(asked), _) => versioned(asked).map_err(Mistake)?,
            (None, 1) => (all[0].info().name.clone(), None),
            (None, 0) => {
                return Err(Mistake("the configuration has no megavisor".into()).into());
            }
            (None, _) => {
                let message = format!("which one: write --megavisor with one of {named}");
                return Err(Mistake(message).into());
            }
        };
        let of_name = all.iter().filter(|one| one.info().name == name);
        let found = of_name
            .filter(|one| version.is_none_or(|version| one.info().version == version))
            .max_by_key(|one| one.info().version);
        let none = || Mistake(format!("there is no such megavisor; there are: {named}"));
        Ok(found.ok_or_else(none)?)
    }

    /// The one that was asked for, or all.
    pub(crate) fn chosen(&self) -> anyhow::Result<Vec<Arc<dyn Megavisor>>> {
        match &self.common.megavisor {
            Some(_) => Ok(vec![self.megavisor()?.clone()]),
            None => Ok(self.config.megavisors.clone()),
        }
    }

    pub(crate) fn scope(&self) -> anyhow::Result<Scope> {
        Ok(scope_of(self.megavisor()?)?.clone())
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
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
        self.list_of(&self.megavisor()?.clone(), kind).await
    }

    pub(crate) async fn list_of(
        &self,
        megavisor: &Arc<dyn Megavisor>,
        kind: Kind,
    ) -> anyhow::Result<Listing<Resource>> {
        let scope = scope_of(megavisor)?;
        Ok(self.cache.list(megavisor, scope, kind, self.mode()).await?)
    }

    /// The price book, if there is one.
    pub(crate) fn price_book(&self) -> Option<&PriceBook> {
        self.config.prices.as_ref()
    }

    /// What things cost.
    pub(crate) fn prices(&self) -> anyhow::Result<&PriceBook> {
        let help = "the configuration names no price book: add `prices: prices.yaml`, with\n  \
            {currency: EUR, megavisors: {NAME: {instance: {\"*\": 0.05}}}} in it, a machine and hour";
        Ok(self.price_book().ok_or_else(|| Mistake(help.into()))?)
    }

    /// What was there and what it cost.
    pub(crate) async fn ledger(&self) -> anyhow::Result<Ledger> {
        let unidist = self.unidist().await?;
        Ok(Ledger::new(
            unidist.consistent("costs", BucketSpec::default())?,
        ))
    }

    async fn unidist(&self) -> anyhow::Result<&Unidist> {
        let open = || async {
            let folder = self.config.data.join("journal");
            anyhow::Ok(Unidist::open(&folder, FileOpts::default()).await?)
        };
        self.unidist.get_or_try_init(open).await
    }

    async fn journal(&self) -> anyhow::Result<Bucket<Consistent>> {
        let unidist = self.unidist().await?;
        Ok(unidist.consistent("operations", BucketSpec::default())?)
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
            let cloud = Cloud::new(parts, self.config.megavisors.iter().cloned());
            match self.common.megavisor.as_deref().map(versioned) {
                Some(Ok((name, Some(version)))) => Ok(cloud.at_version(&name, version)?),
                _ => anyhow::Ok(cloud),
            }
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

/// Where a megavisor is asked; each that a configuration names has one place.
pub(crate) fn scope_of(megavisor: &Arc<dyn Megavisor>) -> Result<&Scope, Mistake> {
    let info = megavisor.info();
    let none = || Mistake(format!("the megavisor {} has no place", info.name));
    info.scopes.first().ok_or_else(none)
}
