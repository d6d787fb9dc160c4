use std::net::IpAddr;

use rem_time::Timestamp;
use serde::{Deserialize, Serialize};

use super::Tags;
use crate::name::Id;

/// Whether a machine has power, as it was last seen. What could not be seen is
/// [`Power::Unknown`], never off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// It runs.
    On,
    /// It does not run.
    Off,
    /// Nothing answered that could have said so.
    #[default]
    Unknown,
}

/// How far a machine is between being asked for and being gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// Asked for, and not there yet.
    Requested,
    /// Being made or booting.
    Provisioning,
    /// There, without a service on it.
    Ready,
    /// In service.
    #[default]
    Active,
    /// On its way to being off.
    Stopping,
    /// Off, and can be started.
    Stopped,
    /// On its way to being gone.
    Releasing,
    /// Gone; clouds show it for a while.
    Terminated,
    /// A step went wrong.
    Failed {
        /// Which.
        step: String,
    },
    /// Taken out of use by a person.
    Broken,
    /// Its place cannot be asked. Nothing is ever done about it automatically.
    Lost,
}

impl Lifecycle {
    /// Its name: `active`, `failed`, …
    pub fn name(&self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Provisioning => "provisioning",
            Self::Ready => "ready",
            Self::Active => "active",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Releasing => "releasing",
            Self::Terminated => "terminated",
            Self::Failed { .. } => "failed",
            Self::Broken => "broken",
            Self::Lost => "lost",
        }
    }
}

impl Power {
    /// Its name: `on`, `off`, `unknown`.
    pub fn name(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Unknown => "unknown",
        }
    }
}

/// A machine, virtual or of metal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// What the cloud calls it.
    pub id: Id,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it has power.
    pub power: Power,
    /// How far it is.
    pub lifecycle: Lifecycle,
    /// Its size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Id>,
    /// What it started from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Id>,
    /// Where in its region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Id>,
    /// Addresses that only its network knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub private_addresses: Vec<IpAddr>,
    /// Addresses that everybody can reach.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub public_addresses: Vec<IpAddr>,
    /// The key that opens it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Id>,
    /// The firewalls before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub firewalls: Vec<Id>,
    /// The volumes that hang on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Id>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// Whether it must not be terminated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
    /// The version of the megavisor that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The cloud's own word for its state, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

impl Instance {
    /// An instance of which nothing but this is known.
    pub fn new(id: Id, power: Power, lifecycle: Lifecycle) -> Self {
        Self {
            id,
            name: None,
            power,
            lifecycle,
            size: None,
            image: None,
            zone: None,
            private_addresses: Vec::new(),
            public_addresses: Vec::new(),
            key: None,
            firewalls: Vec::new(),
            volumes: Vec::new(),
            created: None,
            protected: false,
            version: None,
            detail: None,
            tags: Tags::new(),
        }
    }
}
