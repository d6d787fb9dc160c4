use std::num::NonZeroU16;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use rem_yaml::{Located, Place};

use crate::host::Host;
use crate::listener::Listener;
use crate::monitor::Monitor;
use crate::name::{
    DeploymentName, InterfaceName, MachineName, MonitorName, PackageName, ServiceName, SiteName,
};
use crate::read::Definition;

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
    pub(crate) monitors: Vec<Monitor>,
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
    /// Where it is written.
    pub place: Place,
}

/// The machines that have a service's packages.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Its name within the service.
    pub name: DeploymentName,
    /// The machines; they all exist.
    pub machines: Vec<Located<MachineName>>,
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

    /// Every file that was read: whoever reloads watches these.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
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

impl Transport {
    /// As it is written: `tcp`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}
