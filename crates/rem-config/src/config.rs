use std::num::NonZeroU16;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use rem_alert::episode::{HoldPlan, Step};
use rem_alert::shift::{self, Calendar};
use rem_yaml::{Located, Place};

use crate::alert::{Alert, Owner, REPEAT_DEFAULT};
use crate::dependency::{DependencyNode, PlainNode, Requirement};
use crate::host::Host;
use crate::job::Job;
use crate::limits::Limits;
use crate::listener::Listener;
use crate::monitor::Monitor;
use crate::name::{
    AlertName, DeploymentName, InterfaceName, JobName, MachineName, MonitorName, NodeName,
    ObserverName, PackageName, RoleName, ServiceName, SiteName, UserName,
};
use crate::notify::Notify;
use crate::people::{Duty, Person};
use crate::read::Definition;
use crate::scope::Observer;

/// What the monitor runs on. Whoever holds one knows that every name in it
/// exists and every value makes sense; it comes from [`load`](crate::load) only.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) site: SiteName,
    pub(crate) data: PathBuf,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) machines: IndexMap<MachineName, Machine>,
    pub(crate) packages: IndexMap<PackageName, Package>,
    pub(crate) services: IndexMap<ServiceName, Service>,
    pub(crate) observers: IndexMap<ObserverName, Observer>,
    pub(crate) nodes: IndexMap<NodeName, PlainNode>,
    pub(crate) alerts: IndexMap<AlertName, Alert>,
    pub(crate) duties: IndexMap<RoleName, Duty>,
    pub(crate) people: IndexMap<UserName, Person>,
    pub(crate) holds: Vec<Located<HoldPlan>>,
    pub(crate) jobs: IndexMap<JobName, Job>,
    pub(crate) notify: Notify,
    pub(crate) limits: Limits,
    pub(crate) monitors: Vec<Monitor>,
    pub(crate) dependencies: Vec<DependencyNode>,
    pub(crate) files: Vec<PathBuf>,
}

/// A machine that is watched.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Its name.
    pub name: MachineName,
    /// Where it answers, if that is known.
    pub address: Option<Host>,
    /// Where it stands, in the operator's own words.
    pub location: Option<String>,
    /// Whether the monitor runs on it; of one machine at most.
    pub local: bool,
    /// What it needs.
    pub depends: Vec<Requirement>,
    /// Where it is written.
    pub place: Place,
    pub(crate) written: Written,
}

/// What is installed on machines, and therefore watched there.
#[derive(Clone, Debug)]
pub struct Package {
    /// Its name.
    pub name: PackageName,
    /// Where it answers.
    pub interfaces: Vec<Interface>,
    /// What it needs on every machine that has it, beside the machine.
    pub depends: Vec<Requirement>,
    /// Where it is written.
    pub place: Place,
    pub(crate) monitors: IndexMap<MonitorName, Definition>,
}

/// Where a package answers on every machine that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: InterfaceName,
    /// TCP or UDP.
    pub listen: Transport,
    /// The port.
    pub port: NonZeroU16,
    /// What sort of interface it is, in the operator's own word.
    pub kind: Option<String>,
}

/// What an interface speaks below its own protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP
    Tcp,
    /// UDP
    Udp,
}

/// Packages that are deployed to machines together.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its name.
    pub name: ServiceName,
    /// The packages; they all exist.
    pub packages: Vec<Located<PackageName>>,
    /// Where it is deployed.
    pub deployments: Vec<Deployment>,
    /// What every deployment needs.
    pub depends: Vec<Requirement>,
    /// Which services it talks to.
    pub connections: Vec<Connection>,
    /// Who is told about it, in order; nobody in particular where it is empty.
    pub owners: Vec<Owner>,
    /// Where it is written.
    pub place: Place,
}

/// One service that talks to another.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its name within the service.
    pub name: String,
    /// To whom; it exists.
    pub service: Located<ServiceName>,
    /// To which of its deployments; whichever is up unless told.
    pub deployment: Option<Located<DeploymentName>>,
    /// At which interface of its packages.
    pub interface: Option<Located<InterfaceName>>,
    /// Whether one is down without the other.
    pub need: ConnectionNeed,
    /// Where it is written.
    pub place: Place,
}

/// Whether a service can do without what it talks to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConnectionNeed {
    /// It cannot: it depends on it.
    #[default]
    Hard,
    /// It can: this is only shown.
    Soft,
}

/// The machines that have a service's packages.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Its name within the service.
    pub name: DeploymentName,
    /// The machines; they all exist.
    pub machines: Vec<Located<MachineName>>,
    /// How many of them must be up.
    pub need: usize,
    /// Whether anybody is told; otherwise alerts are only recorded.
    pub notify: bool,
    /// Where it is written.
    pub place: Place,
}

/// Which keys are written, and where their values are.
pub(crate) type Written = Vec<(String, Place)>;

impl Config {
    /// The name of this installation; `main` where nobody says.
    pub const fn site(&self) -> &SiteName {
        &self.site
    }

    /// The folder of durable state.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The addresses to serve on, in the order of the files.
    pub fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    /// Every monitor of every machine, each once: by machine, then package, in
    /// the order of the files.
    pub fn monitors(&self) -> &[Monitor] {
        &self.monitors
    }

    /// The machines, in the order of the files.
    pub fn machines(&self) -> impl ExactSizeIterator<Item = &Machine> {
        self.machines.values()
    }

    /// A machine.
    pub fn machine(&self, name: &str) -> Option<&Machine> {
        self.machines.get(name)
    }

    /// The machine the monitor runs on, if it is one of those.
    pub fn local_machine(&self) -> Option<&Machine> {
        self.machines().find(|machine| machine.local)
    }

    /// The packages, in the order of the files.
    pub fn packages(&self) -> impl ExactSizeIterator<Item = &Package> {
        self.packages.values()
    }

    /// A package.
    pub fn package(&self, name: &str) -> Option<&Package> {
        self.packages.get(name)
    }

    /// The services, in the order of the files.
    pub fn services(&self) -> impl ExactSizeIterator<Item = &Service> {
        self.services.values()
    }

    /// A service.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.get(name)
    }

    /// The vantage points, in the order of the files; without any the monitor's own
    /// host is the only one.
    pub fn observers(&self) -> impl ExactSizeIterator<Item = &Observer> {
        self.observers.values()
    }

    /// A vantage point.
    pub fn observer(&self, name: &str) -> Option<&Observer> {
        self.observers.get(name)
    }

    /// The things that are no machines and that others depend on, in the order of the
    /// files.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = &PlainNode> {
        self.nodes.values()
    }

    /// Every alert that is written or that a level names.
    pub fn alerts(&self) -> impl ExactSizeIterator<Item = &Alert> {
        self.alerts.values()
    }

    /// An alert that is written or that a level names.
    pub fn alert(&self, name: &str) -> Option<&Alert> {
        self.alerts.get(name)
    }

    /// The roles, in the order of the files.
    pub fn roles(&self) -> impl ExactSizeIterator<Item = &Duty> {
        self.duties.values()
    }

    /// A role.
    pub fn role(&self, name: &str) -> Option<&Duty> {
        self.duties.get(name)
    }

    /// The people, in the order of the files.
    pub fn users(&self) -> impl ExactSizeIterator<Item = &Person> {
        self.people.values()
    }

    /// Somebody.
    pub fn user(&self, name: &str) -> Option<&Person> {
        self.people.get(name)
    }

    /// When people are away, as the files say.
    pub fn vacations(&self) -> impl Iterator<Item = shift::Change> {
        self.people.values().flat_map(|person| {
            person
                .vacations
                .iter()
                .map(|range| shift::Change::Vacation {
                    user: person.user.id.clone(),
                    range: *range,
                })
        })
    }

    /// Who is on call when, as the files say; what people change at run time is added
    /// by whoever keeps it.
    pub fn calendar(&self, edits: Vec<shift::Edit>) -> Calendar {
        let roles = self.roles().map(|duty| duty.role.clone()).collect();
        let users = self.users().map(|person| person.user.clone()).collect();
        Calendar::new(roles, users, edits)
    }

    /// Who is told about a deployment, in order; empty where the service has no
    /// owners. `None` where nobody is to be told, or there is no such deployment.
    pub fn ladder(&self, service: &str, deployment: &str) -> Option<Vec<Step>> {
        let service = self.service(service)?;
        let deployment = service.deployment(deployment)?;
        let steps = service.owners.iter();
        deployment
            .notify
            .then(|| steps.map(|owner| owner.step(REPEAT_DEFAULT)).collect())
    }

    /// Who is told about one alert of a deployment: the alert's own owners if it has
    /// some, with its own time between tries.
    pub fn ladder_of(&self, alert: &str, service: &str, deployment: &str) -> Option<Vec<Step>> {
        let service = self.service(service)?;
        let deployment = service.deployment(deployment)?;
        let alert = self.alert(alert);
        let repeat = alert.map_or(REPEAT_DEFAULT, |alert| alert.rules.repeat);
        let own = alert.and_then(|alert| alert.owners.as_ref());
        let steps = own.unwrap_or(&service.owners).iter();
        deployment
            .notify
            .then(|| steps.map(|owner| owner.step(repeat)).collect())
    }

    /// The maintenance windows that are known in advance, in the order of the files.
    pub fn holds(&self) -> impl ExactSizeIterator<Item = &HoldPlan> {
        self.holds.iter().map(|hold| &hold.value)
    }

    /// What levels can trigger, in the order of the files.
    pub fn jobs(&self) -> impl ExactSizeIterator<Item = &Job> {
        self.jobs.values()
    }

    /// A job.
    pub fn job(&self, name: &str) -> Option<&Job> {
        self.jobs.get(name)
    }

    /// How messages leave and answers come in.
    pub const fn notify(&self) -> &Notify {
        &self.notify
    }

    /// How many checks may run at once.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What depends on what: every machine, node, package on a machine, monitor,
    /// deployment and service. Whatever a group names is in the list.
    pub fn dependencies(&self) -> &[DependencyNode] {
        &self.dependencies
    }

    /// Every file that was read: whoever reloads watches these.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }
}

impl Config {
    /// Adds the alerts that levels name and nobody writes.
    pub(crate) fn name_alerts(&mut self) {
        let packages = self.packages.values();
        let definitions = packages.flat_map(|package| package.monitors.values());
        for draft in definitions.flat_map(|definition| &definition.levels.drafts) {
            if let Some(name) = &draft.alert {
                self.alerts
                    .entry(name.value.clone())
                    .or_insert_with(|| Alert::unwritten(name.value.clone(), name.place.clone()));
            }
        }
    }
}

impl Package {
    /// The names of its monitors, in the order of the file.
    pub fn monitors(&self) -> impl ExactSizeIterator<Item = &MonitorName> {
        self.monitors.keys()
    }

    /// An interface.
    pub fn interface(&self, name: &str) -> Option<&Interface> {
        self.interfaces
            .iter()
            .find(|interface| interface.name.as_str() == name)
    }
}

impl Service {
    /// A deployment.
    pub fn deployment(&self, name: &str) -> Option<&Deployment> {
        self.deployments
            .iter()
            .find(|deployment| deployment.name.as_str() == name)
    }
}

impl Transport {
    /// As it is written: `tcp`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}
