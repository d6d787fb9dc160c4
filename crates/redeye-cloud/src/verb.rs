use std::fmt;

use serde::{Deserialize, Serialize};

use crate::kind::Kind;

/// What can be done in a cloud, without to what; see [`crate::Action`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each is described at the action of its name")]
pub enum Verb {
    RequestInstance,
    StartInstance,
    StopInstance,
    ForceStopInstance,
    RebootInstance,
    ForceRebootInstance,
    TerminateInstance,
    ProtectInstance,
    Tag,
    CreateVolume,
    AttachVolume,
    DetachVolume,
    ResizeVolume,
    DeleteVolume,
    CreateSnapshots,
    CopySnapshot,
    DeleteSnapshot,
    AllocateIp,
    MoveIp,
    ReleaseIp,
    CreateLoadBalancer,
    AttachMember,
    DetachMember,
    DeleteLoadBalancer,
    CreateKey,
    ImportKey,
    DeleteKey,
    CreateFirewall,
    Allow,
    Deny,
    DeleteFirewall,
    CreateImage,
    CopyImage,
    DeleteImage,
}

/// Noun and verb of the command, and whether nothing can bring back what it took.
const TABLE: [(Verb, Kind, &str, bool); 34] = [
    (Verb::RequestInstance, Kind::Instance, "request", false),
    (Verb::StartInstance, Kind::Instance, "start", false),
    (Verb::StopInstance, Kind::Instance, "stop", false),
    (
        Verb::ForceStopInstance,
        Kind::Instance,
        "stop --force",
        false,
    ),
    (Verb::RebootInstance, Kind::Instance, "reboot", false),
    (
        Verb::ForceRebootInstance,
        Kind::Instance,
        "reboot --force",
        false,
    ),
    (Verb::TerminateInstance, Kind::Instance, "terminate", true),
    (Verb::ProtectInstance, Kind::Instance, "protect", false),
    (Verb::Tag, Kind::Instance, "tag", false),
    (Verb::CreateVolume, Kind::Volume, "create", false),
    (Verb::AttachVolume, Kind::Volume, "attach", false),
    (Verb::DetachVolume, Kind::Volume, "detach", false),
    (Verb::ResizeVolume, Kind::Volume, "resize", true),
    (Verb::DeleteVolume, Kind::Volume, "delete", true),
    (Verb::CreateSnapshots, Kind::Snapshot, "create", false),
    (Verb::CopySnapshot, Kind::Snapshot, "copy", false),
    (Verb::DeleteSnapshot, Kind::Snapshot, "delete", true),
    (Verb::AllocateIp, Kind::FloatingIp, "allocate", false),
    (Verb::MoveIp, Kind::FloatingIp, "move", false),
    (Verb::ReleaseIp, Kind::FloatingIp, "release", true),
    (
        Verb::CreateLoadBalancer,
        Kind::LoadBalancer,
        "create",
        false,
    ),
    (Verb::AttachMember, Kind::LoadBalancer, "attach", false),
    (Verb::DetachMember, Kind::LoadBalancer, "detach", false),
    (Verb::DeleteLoadBalancer, Kind::LoadBalancer, "delete", true),
    (Verb::CreateKey, Kind::KeyPair, "create", false),
    (Verb::ImportKey, Kind::KeyPair, "import", false),
    (Verb::DeleteKey, Kind::KeyPair, "delete", true),
    (Verb::CreateFirewall, Kind::Firewall, "create", false),
    (Verb::Allow, Kind::Firewall, "allow", false),
    (Verb::Deny, Kind::Firewall, "deny", false),
    (Verb::DeleteFirewall, Kind::Firewall, "delete", true),
    (Verb::CreateImage, Kind::Image, "create", false),
    (Verb::CopyImage, Kind::Image, "copy", false),
    (Verb::DeleteImage, Kind::Image, "delete", true),
];

impl Verb {
    /// All of them, in the order of their nouns.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(verb, ..)| *verb)
    }

    fn row(self) -> &'static (Self, Kind, &'static str, bool) {
        // The order of the table is that of the variants; a test holds it.
        &TABLE[self as usize]
    }

    /// What it is done to.
    pub fn kind(self) -> Kind {
        self.row().1
    }

    /// The verb of the command.
    pub fn word(self) -> &'static str {
        self.row().2
    }

    /// Whether nothing can bring back what it takes.
    pub fn is_final(self) -> bool {
        self.row().3
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_verbs() {
        for (at, (verb, ..)) in TABLE.iter().enumerate() {
            assert_eq!(*verb as usize, at, "{verb:?}");
        }
        assert_eq!(Verb::ForceStopInstance.to_string(), "instance stop --force");
    }
}
