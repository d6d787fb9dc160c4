use rem_yaml::{Located, Place};

use crate::name::NodeName;

/// Something that is no machine and that others depend on.
#[derive(Clone, Debug)]
pub struct PlainNode {
    /// Its name.
    pub name: NodeName,
    /// What people call it.
    pub title: Option<String>,
    /// Where it stands.
    pub location: Option<String>,
    /// What it needs.
    pub depends: Vec<Requirement>,
    /// Where it is written.
    pub place: Place,
}

/// Of these things, so many must be up.
#[derive(Clone, Debug, PartialEq)]
pub struct Requirement {
    /// What sort of need it is: `power`, `network`.
    pub group: String,
    /// How many; at least 1 and at most as many as there are.
    pub need: usize,
    /// The nodes, as `machine:web-01`, `node:pdu-4a`, `service:web/prod`.
    pub of: Vec<Located<String>>,
}

/// A node of the graph of dependencies, as plain data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DependencyNode {
    /// `machine:web-01`, `node:pdu-4a`, `package:web-01/apache`,
    /// `monitor:web-01/apache/http`, `service:web`, `service:web/prod`.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// What it needs; all of them. Without any it only depends on itself.
    pub groups: Vec<DependencyGroup>,
}

/// Of these nodes, so many must be up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DependencyGroup {
    /// `power`, `network`, `machine`, `machines`, `deployments`, `service db`.
    pub kind: String,
    /// How many.
    pub need: usize,
    /// The nodes' names; each is a node of the graph.
    pub members: Vec<String>,
}
