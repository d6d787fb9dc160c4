use std::sync::Arc;

use rem_alert::level::Level;
use rem_time::Span;
use rem_yaml::Place;

use crate::check::Check;
use crate::host::Host;
use crate::id::MonitorId;
use crate::name::{
    DeploymentName, MachineName, MonitorName, ObserverName, PackageName, ServiceName,
};
use crate::scope::Scope;
use crate::series::Series;

/// How often a monitor looks unless told.
pub const EVERY_DEFAULT: Span = Span::from_seconds(60);

/// The shortest time between two looks.
pub const EVERY_MIN: Span = Span::from_seconds(1);

/// How long a look may take unless told; four fifths of `every` where that is less.
pub const TIMEOUT_DEFAULT: Span = Span::from_seconds(10);

/// Looks in a row that come sooner, where nobody says.
pub const RETRIES_DEFAULT: u32 = 3;

/// One thing that is watched: a package's monitor on one machine, everything
/// filled in.
#[derive(Clone, Debug)]
pub struct Monitor {
    /// Machine, package and name in one.
    pub id: MonitorId,
    /// The machine it watches.
    pub machine: MachineName,
    /// That machine's address, if it has one.
    pub address: Option<Host>,
    /// The package it belongs to.
    pub package: PackageName,
    /// Its name in the package.
    pub name: MonitorName,
    /// What people call it; its name where nobody says.
    pub title: String,
    /// What it looks at.
    pub check: Check,
    /// How often it looks; at least [`EVERY_MIN`].
    pub every: Span,
    /// How long a look may take; at most `every`.
    pub timeout: Span,
    /// How soon it looks again while the last look was not ok; with the usual interval
    /// where there is none.
    pub retry: Option<Retry>,
    /// From where it looks, where the file says.
    pub scope: Option<Scope>,
    /// Which observer looks; the monitor's own host where there is none.
    pub observer: Option<ObserverName>,
    /// When its samples matter, and what is done then; shared by all machines whose
    /// levels are the same.
    pub levels: Arc<[Level]>,
    /// What its readings are grouped by, such as `mount`.
    pub per: Option<String>,
    /// How its numbers become series; fields that are not here are taken as they are.
    pub series: Vec<Series>,
    /// The deployments that brought the package to the machine; at least one.
    pub used_by: Vec<UsedBy>,
    /// Where it is written.
    pub place: Place,
}

/// Looking again soon after a look that was not ok.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How soon; at least [`EVERY_MIN`] and at most the monitor's `every`.
    pub after: Span,
    /// At most so often in a row; [`RETRIES_DEFAULT`] unless told.
    pub times: u32,
}

/// A deployment that brought a package to a machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsedBy {
    /// The service.
    pub service: ServiceName,
    /// Its deployment.
    pub deployment: DeploymentName,
}

impl Monitor {
    /// Whether both say the same, wherever that is written.
    pub fn same_as(&self, other: &Self) -> bool {
        self.same_look_as(other)
            && self.same_levels_as(other)
            && self.title == other.title
            && self.used_by == other.used_by
    }

    /// Whether both judge what they find in the same way.
    pub fn same_levels_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.levels, &other.levels) || self.levels == other.levels
    }

    /// Whether both look at the same thing in the same way, whatever they are
    /// called: what is running can go on.
    pub fn same_look_as(&self, other: &Self) -> bool {
        self.id == other.id
            && self.address == other.address
            && self.check == other.check
            && self.every == other.every
            && self.timeout == other.timeout
            && self.retry == other.retry
            && self.scope == other.scope
            && self.observer == other.observer
            && self.per == other.per
            && self.series == other.series
    }
}
