use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What there is in a cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A machine, virtual or of metal.
    Instance,
    /// A block device.
    Volume,
    /// The content of a volume at an instant.
    Snapshot,
    /// An address that moves between instances.
    FloatingIp,
    /// One address in front of many instances.
    LoadBalancer,
    /// The public half of a key that opens new instances.
    KeyPair,
    /// A named set of rules for packets.
    Firewall,
    /// What a new instance starts from.
    Image,
    /// A place far from the others.
    Region,
    /// A part of a region that fails alone.
    Zone,
    /// A size of instances.
    Size,
    /// How much room is left for a size.
    Capacity,
}

/// A text that is no [`Kind`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no kind of thing: {0}; there are instance, volume, snapshot, ip, lb, key, firewall, image, region, zone, size, capacity"
)]
pub struct UnknownKind(String);

impl Kind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Instance,
        Self::Volume,
        Self::Snapshot,
        Self::FloatingIp,
        Self::LoadBalancer,
        Self::KeyPair,
        Self::Firewall,
        Self::Image,
        Self::Region,
        Self::Zone,
        Self::Size,
        Self::Capacity,
    ];

    /// The noun of the command: `instance`, `ip`, `lb`, `key`.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Volume => "volume",
            Self::Snapshot => "snapshot",
            Self::FloatingIp => "ip",
            Self::LoadBalancer => "lb",
            Self::KeyPair => "key",
            Self::Firewall => "firewall",
            Self::Image => "image",
            Self::Region => "region",
            Self::Zone => "zone",
            Self::Size => "size",
            Self::Capacity => "capacity",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.noun())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.noun() == text)
            .ok_or_else(|| UnknownKind(text.into()))
    }
}
