use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::kind::Kind;
use crate::name::Id;

mod catalogue;
mod instance;
mod network;
mod volume;

pub use catalogue::{Capacity, Image, ImageState, KeyPair, Region, Size, Zone};
pub use instance::{Instance, Lifecycle, Power};
pub use network::{
    Direction, Firewall, FirewallRule, FloatingIp, Health, Listener, LoadBalancer, Member, Peer,
    Protocol, UnknownProtocol,
};
pub use volume::{Attachment, Snapshot, SnapshotState, Volume, VolumeState};

/// Names and values that people hang on things. Ours begin with `rem:`.
pub type Tags = BTreeMap<String, String>;

/// One thing in a cloud.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Resource {
    /// A machine.
    Instance(Instance),
    /// A block device.
    Volume(Volume),
    /// The content of a volume at an instant.
    Snapshot(Snapshot),
    /// An address that moves.
    FloatingIp(FloatingIp),
    /// One address in front of many instances.
    LoadBalancer(LoadBalancer),
    /// A key that opens new instances.
    KeyPair(KeyPair),
    /// A set of rules for packets.
    Firewall(Firewall),
    /// What an instance starts from.
    Image(Image),
    /// A region.
    Region(Region),
    /// A zone of a region.
    Zone(Zone),
    /// A size of instances.
    Size(Size),
    /// How much room there is for a size.
    Capacity(Capacity),
}

macro_rules! each {
    ($self:expr, $one:ident => $value:expr) => {
        match $self {
            Resource::Instance($one) => $value,
            Resource::Volume($one) => $value,
            Resource::Snapshot($one) => $value,
            Resource::FloatingIp($one) => $value,
            Resource::LoadBalancer($one) => $value,
            Resource::KeyPair($one) => $value,
            Resource::Firewall($one) => $value,
            Resource::Image($one) => $value,
            Resource::Region($one) => $value,
            Resource::Zone($one) => $value,
            Resource::Size($one) => $value,
            Resource::Capacity($one) => $value,
        }
    };
}

impl Resource {
    /// What the cloud calls it.
    pub fn id(&self) -> &Id {
        each!(self, one => &one.id)
    }

    /// What sort of thing it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Instance(_) => Kind::Instance,
            Self::Volume(_) => Kind::Volume,
            Self::Snapshot(_) => Kind::Snapshot,
            Self::FloatingIp(_) => Kind::FloatingIp,
            Self::LoadBalancer(_) => Kind::LoadBalancer,
            Self::KeyPair(_) => Kind::KeyPair,
            Self::Firewall(_) => Kind::Firewall,
            Self::Image(_) => Kind::Image,
            Self::Region(_) => Kind::Region,
            Self::Zone(_) => Kind::Zone,
            Self::Size(_) => Kind::Size,
            Self::Capacity(_) => Kind::Capacity,
        }
    }

    /// Its tags; nothing where such things have none.
    pub fn tags(&self) -> Option<&Tags> {
        match self {
            Self::Instance(one) => Some(&one.tags),
            Self::Volume(one) => Some(&one.tags),
            Self::Snapshot(one) => Some(&one.tags),
            Self::FloatingIp(one) => Some(&one.tags),
            Self::LoadBalancer(one) => Some(&one.tags),
            Self::KeyPair(one) => Some(&one.tags),
            Self::Firewall(one) => Some(&one.tags),
            Self::Image(one) => Some(&one.tags),
            Self::Region(_) | Self::Zone(_) | Self::Size(_) | Self::Capacity(_) => None,
        }
    }

    /// The same, to be changed.
    pub fn tags_mut(&mut self) -> Option<&mut Tags> {
        match self {
            Self::Instance(one) => Some(&mut one.tags),
            Self::Volume(one) => Some(&mut one.tags),
            Self::Snapshot(one) => Some(&mut one.tags),
            Self::FloatingIp(one) => Some(&mut one.tags),
            Self::LoadBalancer(one) => Some(&mut one.tags),
            Self::KeyPair(one) => Some(&mut one.tags),
            Self::Firewall(one) => Some(&mut one.tags),
            Self::Image(one) => Some(&mut one.tags),
            Self::Region(_) | Self::Zone(_) | Self::Size(_) | Self::Capacity(_) => None,
        }
    }

    /// The instance, if it is one.
    pub fn as_instance(&self) -> Option<&Instance> {
        match self {
            Self::Instance(instance) => Some(instance),
            _ => None,
        }
    }

    /// The volume, if it is one.
    pub fn as_volume(&self) -> Option<&Volume> {
        match self {
            Self::Volume(volume) => Some(volume),
            _ => None,
        }
    }

    /// The snapshot, if it is one.
    pub fn as_snapshot(&self) -> Option<&Snapshot> {
        match self {
            Self::Snapshot(snapshot) => Some(snapshot),
            _ => None,
        }
    }
}
