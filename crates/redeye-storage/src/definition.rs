use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use redeye_cloud::{Id, Name};
use rem_time::Span;

use crate::handler::{Handler, Script};

/// Everything that is needed to mount devices somewhere, and to take and restore
/// snapshots of them. From YAML, see [`crate::read_storages`].
#[derive(Clone, Debug)]
pub struct Storage {
    /// Its name.
    pub name: Name,
    /// Where its scripts run, so that paths in parameters begin there.
    pub folder: PathBuf,
    /// Where it is mounted; of many file systems each its own place.
    pub mounts: Vec<PathBuf>,
    /// Its layers, from the top down.
    pub layers: Vec<Used>,
    /// The volumes of a megavisor below all layers, if there are any.
    pub volumes: Option<Volumes>,
    /// For how long writing is stopped.
    pub hold: Hold,
    /// The longest time for which writing may be stopped. Then the watchdog lets go,
    /// whatever else is under way, and the snapshot counts as failed.
    pub hold_max: Span,
    /// How often an exit that fails is tried in all.
    pub exits_tried: u32,
    /// What says whether the content is good: where it is mounted is `REM_MOUNT`.
    pub verify: Option<Script>,
    /// Which snapshots are kept.
    pub keep: Keep,
}

/// A layer: a handler with what it is told.
#[derive(Clone, Debug)]
pub struct Used {
    /// The handler's name; of several layers of one handler the later ones are numbered.
    pub name: String,
    /// What it does.
    pub handler: Arc<Handler>,
    /// The values of its parameters, defaults included; lists have a line for each item.
    pub parameters: BTreeMap<String, String>,
}

/// Volumes of a megavisor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volumes {
    /// Which megavisor.
    pub megavisor: Name,
    /// Which of its regions, if it has several.
    pub region: Option<Name>,
    /// Which volumes, in the order in which the layer above wants them. A restore
    /// puts others in their place.
    pub ids: Vec<Id>,
}

/// Until when writing is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Until the cloud has accepted the snapshots: it fixes their instant then.
    Accepted,
    /// Until they are complete.
    Completed,
}

/// Which snapshots are kept. One that either rule keeps is kept, and the last good one
/// always is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// The newest so many that are complete.
    pub last: u32,
    /// All that are younger.
    pub younger: Span,
}

impl Storage {
    /// The names of the layers, from the top down, the megavisor's volumes included.
    pub fn layer_names(&self) -> Vec<&str> {
        let handlers = self.layers.iter().map(|layer| layer.name.as_str());
        let volumes = self.volumes.iter().map(|_| VOLUMES);
        handlers.chain(volumes).collect()
    }
}

/// The name of the layer that is the volumes of a megavisor.
pub(crate) const VOLUMES: &str = "volumes";
