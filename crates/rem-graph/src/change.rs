//! What an event changed.

use crate::graph::{Graph, NodeId, State};
use crate::live::{Live, flag};

/// One node whose state, failure or explanation changed, as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The node.
    pub node: NodeId,
    /// Its state now.
    pub state: State,
    /// Whether it is failed itself.
    pub failed: bool,
    /// Whether it is failed and others explain that: see [`Live::held`].
    pub held: bool,
}

/// All nodes that one event changed, each once. Looked up while iterating: counting a
/// million costs no memory.
#[derive(Clone, Copy, Debug)]
pub struct Changes<'l> {
    live: &'l Live,
}

impl<'l> Changes<'l> {
    pub(crate) fn new(live: &'l Live) -> Self {
        Self { live }
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Every change once.
    pub fn iter(&self) -> impl Iterator<Item = Change> + use<'l> {
        let live = self.live;
        changed(live).map(move |place| Change {
            node: live.graph.id_of(place),
            state: live.state_at(place),
            failed: live.has(place, flag::FAILED),
            held: live.held_at(place),
        })
    }

    /// How many nodes fell or rose, without those that only became degraded, whole, or
    /// explained.
    pub fn moved(&self) -> usize {
        let graph: &Graph = &self.live.graph;
        moved(self.live, graph).count()
    }
}

impl<'l> IntoIterator for Changes<'l> {
    type Item = Change;
    type IntoIter = Box<dyn Iterator<Item = Change> + 'l>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

/// Places that fell or rose in the last event, without what is never up.
pub(crate) fn moved<'l>(live: &'l Live, graph: &'l Graph) -> impl Iterator<Item = u32> + 'l {
    let places = live.event.ranges.iter().flat_map(|&(from, to)| from..to);
    places.filter(|&place| graph.flags[place as usize] & flag::NEVER == 0)
}

fn changed(live: &Live) -> impl Iterator<Item = u32> + '_ {
    let ranges = moved(live, &live.graph);
    let joints = live.event.touched.iter();
    let joints = joints.map(|&(joint, _)| live.graph.joints[joint as usize].place);
    ranges
        .chain(joints)
        .chain(live.event.others.iter().copied())
}
