use rem_time::Timestamp;
use serde::{Deserialize, Serialize};

use super::Tags;
use crate::name::Id;

/// How far a volume is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeState {
    /// Being made.
    Creating,
    /// There, and nowhere attached.
    Available,
    /// On its way to an instance.
    Attaching,
    /// Attached.
    InUse,
    /// On its way off an instance.
    Detaching,
    /// Being deleted.
    Deleting,
    /// Gone.
    Deleted,
    /// Broken.
    Error,
    /// Nobody could say.
    Unknown,
}

/// Where a volume hangs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// On which instance.
    pub instance: Id,
    /// As which device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// A block device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Volume {
    /// What the cloud calls it.
    pub id: Id,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its size.
    pub bytes: u64,
    /// How far it is.
    pub state: VolumeState,
    /// Where in its region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Id>,
    /// Where it hangs; a volume may hang on several instances where the cloud allows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attached: Vec<Attachment>,
    /// The snapshot it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Id>,
    /// The cloud's word for its sort, such as `gp3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// How far a snapshot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotState {
    /// The instant is fixed, the copy goes on.
    Pending,
    /// All of it is there.
    Completed,
    /// It failed.
    Error,
    /// Nobody could say.
    Unknown,
}

/// The content of a volume at an instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// What the cloud calls it.
    pub id: Id,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Of which volume; it may be gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<Id>,
    /// How far it is.
    pub state: SnapshotState,
    /// How much is copied, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<u8>,
    /// The size of the volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The instant it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<Timestamp>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it has in common with the snapshots of other volumes at the same instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<Id>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}
