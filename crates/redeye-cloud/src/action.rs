use serde::{Deserialize, Serialize};

use crate::hidden::Hidden;
use crate::kind::Kind;
use crate::name::{Id, Name};
use crate::resource::{FirewallRule, Listener, Tags};
use crate::verb::Verb;

/// Something to be done in a cloud. Each is one operation of the journal.
///
/// What an action makes carries the tag `rem:op` with the operation's id where the
/// cloud has tags.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum Action {
    /// A new machine.
    RequestInstance(NewInstance),
    /// Power on.
    StartInstance {
        /// Which.
        id: Id,
    },
    /// Power off: asked nicely, or the plug pulled.
    StopInstance {
        /// Which.
        id: Id,
        /// Whether to pull the plug.
        #[serde(default)]
        force: bool,
    },
    /// Off and on again.
    RebootInstance {
        /// Which.
        id: Id,
        /// Whether to pull the plug.
        #[serde(default)]
        force: bool,
    },
    /// Gone for ever.
    TerminateInstance {
        /// Which.
        id: Id,
    },
    /// Whether it may be terminated.
    ProtectInstance {
        /// Which.
        id: Id,
        /// Whether it is protected from now on.
        on: bool,
    },
    /// Tags are set and taken away.
    Tag {
        /// On what sort of thing.
        kind: Kind,
        /// On which.
        id: Id,
        /// Set, or changed.
        #[serde(default)]
        set: Tags,
        /// Taken away.
        #[serde(default)]
        remove: Vec<String>,
    },
    /// A new volume, empty or from a snapshot.
    CreateVolume(NewVolume),
    /// A volume is hung on an instance.
    AttachVolume {
        /// Which.
        id: Id,
        /// On which instance.
        instance: Id,
        /// As which device, where the cloud lets one choose.
        #[serde(default)]
        device: Option<String>,
    },
    /// A volume is taken off.
    DetachVolume {
        /// Which.
        id: Id,
        /// Off which instance, if it hangs on several.
        #[serde(default)]
        instance: Option<Id>,
        /// Whether the instance has no say.
        #[serde(default)]
        force: bool,
    },
    /// A volume grows.
    ResizeVolume {
        /// Which.
        id: Id,
        /// To what size.
        bytes: u64,
    },
    /// A volume and its content are gone.
    DeleteVolume {
        /// Which.
        id: Id,
    },
    /// Snapshots of volumes at one instant, where the cloud can.
    CreateSnapshots {
        /// Of which volumes.
        volumes: Vec<Id>,
        /// What for.
        #[serde(default)]
        description: Option<String>,
        /// Tags of each.
        #[serde(default)]
        tags: Tags,
    },
    /// A snapshot is copied to another region.
    CopySnapshot {
        /// Which.
        id: Id,
        /// From which region; the operation's scope is where it goes.
        from: Name,
        /// Tags of the copy.
        #[serde(default)]
        tags: Tags,
    },
    /// A snapshot is gone.
    DeleteSnapshot {
        /// Which.
        id: Id,
    },
    /// A new address.
    AllocateIp {
        /// Its tags.
        #[serde(default)]
        tags: Tags,
    },
    /// An address goes to an instance, wherever it was before.
    MoveIp {
        /// Which.
        id: Id,
        /// Where to; nowhere without.
        instance: Option<Id>,
    },
    /// An address is given back.
    ReleaseIp {
        /// Which.
        id: Id,
    },
    /// A new load balancer.
    CreateLoadBalancer {
        /// Its name.
        name: String,
        /// Its ports, at least one.
        listeners: Vec<Listener>,
        /// Where it is, where the cloud wants to know: zones or subnets.
        #[serde(default)]
        places: Vec<Id>,
        /// Its tags.
        #[serde(default)]
        tags: Tags,
    },
    /// An instance goes behind a load balancer.
    AttachMember {
        /// Which load balancer.
        id: Id,
        /// Which instance.
        instance: Id,
        /// On which port, if not the listener's target.
        #[serde(default)]
        port: Option<u16>,
    },
    /// An instance comes out from behind it.
    DetachMember {
        /// Which load balancer.
        id: Id,
        /// Which instance.
        instance: Id,
    },
    /// A load balancer is gone.
    DeleteLoadBalancer {
        /// Which.
        id: Id,
    },
    /// A new key pair; its private half is in the outcome, once.
    CreateKey {
        /// Its name.
        name: String,
        /// Its tags.
        #[serde(default)]
        tags: Tags,
    },
    /// A public key becomes known.
    ImportKey {
        /// Its name.
        name: String,
        /// As OpenSSH writes it.
        public_key: String,
        /// Its tags.
        #[serde(default)]
        tags: Tags,
    },
    /// A key is forgotten.
    DeleteKey {
        /// Which.
        id: Id,
    },
    /// A new firewall that lets nothing in.
    CreateFirewall {
        /// Its name.
        name: String,
        /// What it is for.
        #[serde(default)]
        description: Option<String>,
        /// Its tags.
        #[serde(default)]
        tags: Tags,
    },
    /// A firewall lets something through.
    Allow {
        /// Which.
        id: Id,
        /// What.
        rule: FirewallRule,
    },
    /// A firewall no longer lets something through.
    Deny {
        /// Which.
        id: Id,
        /// What.
        rule: FirewallRule,
    },
    /// A firewall is gone.
    DeleteFirewall {
        /// Which.
        id: Id,
    },
    /// An image of an instance.
    CreateImage {
        /// Of which.
        instance: Id,
        /// Its name.
        name: String,
        /// Its tags.
        #[serde(default)]
        tags: Tags,
    },
    /// An image is copied to another region.
    CopyImage {
        /// Which.
        id: Id,
        /// From which region; the operation's scope is where it goes.
        from: Name,
        /// The name of the copy.
        name: String,
    },
    /// An image is gone.
    DeleteImage {
        /// Which.
        id: Id,
    },
}

/// What a new machine should be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewInstance {
    /// What people call it.
    #[serde(default)]
    pub name: Option<String>,
    /// What it starts from.
    pub image: Option<Id>,
    /// Its size.
    pub size: Option<Id>,
    /// Where in its region.
    #[serde(default)]
    pub zone: Option<Id>,
    /// The key that opens it.
    #[serde(default)]
    pub key: Option<Id>,
    /// The firewalls before it.
    #[serde(default)]
    pub firewalls: Vec<Id>,
    /// What it is told when it first starts; it may hold secrets.
    #[serde(default)]
    pub user_data: Option<Hidden>,
    /// Whether it must not be terminated.
    #[serde(default)]
    pub protected: bool,
    /// Its tags.
    #[serde(default)]
    pub tags: Tags,
}

/// What a new volume should be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewVolume {
    /// What people call it.
    #[serde(default)]
    pub name: Option<String>,
    /// Its size; without, that of the snapshot.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// Where in its region.
    #[serde(default)]
    pub zone: Option<Id>,
    /// What is on it; nothing without.
    #[serde(default)]
    pub snapshot: Option<Id>,
    /// The cloud's word for its sort.
    #[serde(default)]
    pub sort: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: Tags,
}

impl Action {
    /// What is done, without to what.
    pub fn verb(&self) -> Verb {
        match self {
            Self::RequestInstance(_) => Verb::RequestInstance,
            Self::StartInstance { .. } => Verb::StartInstance,
            Self::StopInstance { force: false, .. } => Verb::StopInstance,
            Self::StopInstance { force: true, .. } => Verb::ForceStopInstance,
            Self::RebootInstance { force: false, .. } => Verb::RebootInstance,
            Self::RebootInstance { force: true, .. } => Verb::ForceRebootInstance,
            Self::TerminateInstance { .. } => Verb::TerminateInstance,
            Self::ProtectInstance { .. } => Verb::ProtectInstance,
            Self::Tag { .. } => Verb::Tag,
            Self::CreateVolume(_) => Verb::CreateVolume,
            Self::AttachVolume { .. } => Verb::AttachVolume,
            Self::DetachVolume { .. } => Verb::DetachVolume,
            Self::ResizeVolume { .. } => Verb::ResizeVolume,
            Self::DeleteVolume { .. } => Verb::DeleteVolume,
            Self::CreateSnapshots { .. } => Verb::CreateSnapshots,
            Self::CopySnapshot { .. } => Verb::CopySnapshot,
            Self::DeleteSnapshot { .. } => Verb::DeleteSnapshot,
            Self::AllocateIp { .. } => Verb::AllocateIp,
            Self::MoveIp { .. } => Verb::MoveIp,
            Self::ReleaseIp { .. } => Verb::ReleaseIp,
            Self::CreateLoadBalancer { .. } => Verb::CreateLoadBalancer,
            Self::AttachMember { .. } => Verb::AttachMember,
            Self::DetachMember { .. } => Verb::DetachMember,
            Self::DeleteLoadBalancer { .. } => Verb::DeleteLoadBalancer,
            Self::CreateKey { .. } => Verb::CreateKey,
            Self::ImportKey { .. } => Verb::ImportKey,
            Self::DeleteKey { .. } => Verb::DeleteKey,
            Self::CreateFirewall { .. } => Verb::CreateFirewall,
            Self::Allow { .. } => Verb::Allow,
            Self::Deny { .. } => Verb::Deny,
            Self::DeleteFirewall { .. } => Verb::DeleteFirewall,
            Self::CreateImage { .. } => Verb::CreateImage,
            Self::CopyImage { .. } => Verb::CopyImage,
            Self::DeleteImage { .. } => Verb::DeleteImage,
        }
    }

    /// The things that it changes and that are there before it, each with its kind.
    /// No two operations work on one of them at a time.
    pub fn targets(&self) -> Vec<(Kind, &Id)> {
        match self {
            Self::RequestInstance(_)
            | Self::CreateVolume(_)
            | Self::AllocateIp { .. }
            | Self::CreateLoadBalancer { .. }
            | Self::CreateKey { .. }
            | Self::ImportKey { .. }
            | Self::CreateFirewall { .. }
            | Self::CopySnapshot { .. }
            | Self::CopyImage { .. } => Vec::new(),
            Self::Tag { kind, id, .. } => vec![(*kind, id)],
            Self::StartInstance { id }
            | Self::StopInstance { id, .. }
            | Self::RebootInstance { id, .. }
            | Self::TerminateInstance { id }
            | Self::ProtectInstance { id, .. } => vec![(Kind::Instance, id)],
            Self::CreateImage { instance, .. } => vec![(Kind::Instance, instance)],
            Self::AttachVolume { id, .. }
            | Self::DetachVolume { id, .. }
            | Self::ResizeVolume { id, .. }
            | Self::DeleteVolume { id } => vec![(Kind::Volume, id)],
            Self::CreateSnapshots { volumes, .. } => {
                volumes.iter().map(|id| (Kind::Volume, id)).collect()
            }
            Self::DeleteSnapshot { id } => vec![(Kind::Snapshot, id)],
            Self::MoveIp { id, .. } | Self::ReleaseIp { id } => vec![(Kind::FloatingIp, id)],
            Self::AttachMember { id, .. }
            | Self::DetachMember { id, .. }
            | Self::DeleteLoadBalancer { id } => vec![(Kind::LoadBalancer, id)],
            Self::DeleteKey { id } => vec![(Kind::KeyPair, id)],
            Self::Allow { id, .. } | Self::Deny { id, .. } | Self::DeleteFirewall { id } => {
                vec![(Kind::Firewall, id)]
            }
            Self::DeleteImage { id } => vec![(Kind::Image, id)],
        }
    }
}
