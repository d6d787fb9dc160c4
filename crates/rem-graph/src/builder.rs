//! From texts to a graph, with every mistake named at once.

#[cfg(test)]
mod tests;

use std::fmt;

use crate::graph::{Graph, NodeId};
use crate::layout;
use crate::names::Names;

/// The most nodes a graph can have.
pub const NODES_MAX: usize = 1 << 30;
/// The most members all groups can have together.
pub const MEMBERS_MAX: usize = 1 << 30;
/// The most different kinds of groups ("power", "network" …).
pub const KINDS_MAX: usize = u16::MAX as usize;
/// The most mistakes one [`BuildError`] lists; the others are only counted.
pub const MISTAKES_MAX: usize = 100;

/// Collects nodes and what they require.
///
/// Groups may be given in any order and may name nodes that come later;
/// [`build`](Builder::build) checks them all.
#[derive(Clone, Debug)]
pub struct Builder {
    names: Names,
    kinds: Names,
    declared: Vec<bool>,
    groups: Vec<RawGroup>,
    members: Vec<u32>,
    full: bool,
}

/// A group as it was given: its members are `members[start..end]` of the builder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawGroup {
    pub(crate) node: u32,
    pub(crate) kind: u16,
    pub(crate) need: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// A builder without nodes.
    pub fn new() -> Self {
        Self {
            names: Names::new(),
            kinds: Names::new(),
            declared: Vec::new(),
            groups: Vec::new(),
            members: Vec::new(),
            full: false,
        }
    }

    /// Declares a node; declaring it again changes nothing. Ids count up from 0
    /// and stay the same in the built graph.
    pub fn node(&mut self, name: &str) -> NodeId {
        let number = self.mention(name);
        self.declared[number as usize] = true;
        NodeId(number)
    }

    /// `node` is up only while at least `need` of `members` are. Every name must be
    /// declared by [`node`](Builder::node) before [`build`](Builder::build).
    ///
    /// With `need` 0 the members can never take the node down, only degrade it: a fan
    /// of a chassis.
    pub fn require<S: AsRef<str>>(
        &mut self,
        node: &str,
        kind: &str,
        need: u32,
        members: impl IntoIterator<Item = S>,
    ) {
        let node = self.mention(node);
        let start = self.members.len();
        for member in members {
            let member = self.mention(member.as_ref());
            self.members.push(member);
        }
        self.close_group(node, kind, need, start);
    }

    /// The same by id, for those who kept the ids.
    pub fn require_ids(&mut self, node: NodeId, kind: &str, need: u32, members: &[NodeId]) {
        let start = self.members.len();
        self.members.extend(members.iter().map(|member| member.0));
        self.close_group(node.0, kind, need, start);
    }

    /// The graph, or everything that is wrong with it.
    pub fn build(self) -> Result<Graph, BuildError> {
        let mut found = Found::default();
        if self.full {
            found.add(Mistake::TooLarge);
        } else {
            self.check(&mut found);
        }
        if found.count > 0 {
            return Err(BuildError {
                mistakes: found.mistakes,
                count: found.count,
            });
        }
        Ok(layout::compile(
            self.names,
            self.kinds,
            self.groups,
            self.members,
        ))
    }

    fn mention(&mut self, name: &str) -> u32 {
        if self.names.len() >= NODES_MAX {
            self.full = true;
            return 0;
        }
        let number = self.names.intern(name);
        if number as usize == self.declared.len() {
            self.declared.push(false);
        }
        number
    }

    fn close_group(&mut self, node: u32, kind: &str, need: u32, start: usize) {
        let kind = self.kinds.intern(kind) as usize;
        if self.members.len() > MEMBERS_MAX || kind >= KINDS_MAX || self.groups.len() >= MEMBERS_MAX
        {
            self.full = true;
            self.members.truncate(start);
            return;
        }
        self.groups.push(RawGroup {
            node,
            kind: kind as u16,
            need,
            start: start as u32,
            end: self.members.len() as u32,
        });
    }

    fn check(&self, found: &mut Found) {
        let declared = |number: u32| self.declared.get(number as usize) == Some(&true);
        if self.names.find("").is_some() {
            found.add(Mistake::EmptyName);
        }
        // Which group saw a member last, and which kinds a node has.
        let mut seen = vec![u32::MAX; self.declared.len()];
        for (at, group) in self.groups.iter().enumerate() {
            let name = |number: u32| self.names.get(number).to_owned();
            let kind = || self.kinds.get(u32::from(group.kind)).to_owned();
            let members = &self.members[group.start as usize..group.end as usize];
            if !declared(group.node) {
                found.add(Mistake::UnknownNode {
                    name: name(group.node),
                    required_by: None,
                    similar: self.similar(group.node),
                });
            }
            if group.need as usize > members.len() {
                found.add(Mistake::NeedAboveMembers {
                    node: name(group.node),
                    kind: kind(),
                    need: group.need,
                    members: members.len(),
                });
            }
            for &member in members {
                if !declared(member) {
                    found.add(Mistake::UnknownNode {
                        name: name(member),
                        required_by: Some((name(group.node), kind())),
                        similar: self.similar(member),
                    });
                    continue;
                }
                if member == group.node {
                    found.add(Mistake::RequiresItself {
                        node: name(member),
                        kind: kind(),
                    });
                }
                if seen[member as usize] == at as u32 {
                    found.add(Mistake::DuplicateMember {
                        node: name(group.node),
                        kind: kind(),
                        member: name(member),
                    });
                }
                seen[member as usize] = at as u32;
            }
        }
        self.check_kinds(found);
    }

    fn check_kinds(&self, found: &mut Found) {
        let mut keys: Vec<(u32, u16)> = self.groups.iter().map(|g| (g.node, g.kind)).collect();
        keys.sort();
        for pair in keys.windows(2) {
            if pair[0] == pair[1] {
                found.add(Mistake::DuplicateGroup {
                    node: self.names.get(pair[0].0).to_owned(),
                    kind: self.kinds.get(u32::from(pair[0].1)).to_owned(),
                });
            }
        }
    }

    /// A declared name that differs only a little.
    fn similar(&self, number: u32) -> Option<String> {
        /// Above this many names the search would cost more than it helps.
        const SEARCHED_MAX: usize = 100_000;
        let wanted = self.names.get(number);
        let others = (0..self.declared.len().min(SEARCHED_MAX)).filter(|&i| self.declared[i]);
        others
            .map(|i| self.names.get(i as u32))
            .filter(|name| differ_little(name, wanted))
            .min()
            .map(str::to_owned)
    }
}

/// One character more, less, other, or two neighbours swapped; case does not count.
fn differ_little(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len().abs_diff(b.len()) > 1 {
        return false;
    }
    let same = |(x, y): &(&u8, &u8)| x.eq_ignore_ascii_case(y);
    let head = a.iter().zip(b).take_while(same).count();
    let (a, b) = (&a[head..], &b[head..]);
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(same).count();
    let (a, b) = (&a[..a.len() - tail], &b[..b.len() - tail]);
    match (a, b) {
        ([x, y], [p, q]) => x.eq_ignore_ascii_case(q) && y.eq_ignore_ascii_case(p),
        _ => a.len() <= 1 && b.len() <= 1,
    }
}

#[derive(Default)]
struct Found {
    mistakes: Vec<Mistake>,
    count: usize,
}

impl Found {
    fn add(&mut self, mistake: Mistake) {
        self.count += 1;
        if self.mistakes.len() < MISTAKES_MAX {
            self.mistakes.push(mistake);
        }
    }
}

/// One thing that is wrong with what a [`Builder`] was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mistake {
    /// A node has no name.
    #[error("a node has an empty name")]
    EmptyName,
    /// A name that nobody declared.
    #[error("unknown node{}: {name}", by(.required_by))]
    UnknownNode {
        /// The unknown name.
        name: String,
        /// The node and the kind of the group that names it; `None` when it is the
        /// node itself that has requirements.
        required_by: Option<(String, String)>,
        /// A declared name that looks like it.
        similar: Option<String>,
    },
    /// More members are needed than there are.
    #[error("{node} needs {need} of {members} in {kind}")]
    NeedAboveMembers {
        /// The node.
        node: String,
        /// The group's kind.
        kind: String,
        /// How many it asks for.
        need: u32,
        /// How many there are.
        members: usize,
    },
    /// One member twice in one group.
    #[error("{node} names a member of {kind} twice: {member}")]
    DuplicateMember {
        /// The node.
        node: String,
        /// The group's kind.
        kind: String,
        /// The member.
        member: String,
    },
    /// Two groups of one kind at one node.
    #[error("{node} has two groups of one kind: {kind}")]
    DuplicateGroup {
        /// The node.
        node: String,
        /// The kind.
        kind: String,
    },
    /// A node that is its own requirement.
    #[error("{node} requires itself in {kind}")]
    RequiresItself {
        /// The node.
        node: String,
        /// The group's kind.
        kind: String,
    },
    /// A limit of this crate: [`NODES_MAX`], [`MEMBERS_MAX`], [`KINDS_MAX`].
    #[error("more than {NODES_MAX} nodes, {MEMBERS_MAX} members or {KINDS_MAX} kinds of groups")]
    TooLarge,
}

impl Mistake {
    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::EmptyName => "give every node a name, such as machine:web-01".to_owned(),
            Self::UnknownNode {
                similar: Some(similar),
                ..
            } => format!("did you mean {similar}"),
            Self::UnknownNode { name, .. } => {
                format!("declare {name}, or take it out of the requirements")
            }
            Self::NeedAboveMembers { members: 0, .. } => "name at least one member".to_owned(),
            Self::NeedAboveMembers { members, .. } => {
                format!("ask for at most {members}, or name more members")
            }
            Self::DuplicateMember { .. } => "name each member once".to_owned(),
            Self::DuplicateGroup { kind, .. } => {
                format!("put the members into one group, or call the second one {kind}-2")
            }
            Self::RequiresItself { node, .. } => format!("take {node} out of its own members"),
            Self::TooLarge => "split the graph".to_owned(),
        }
    }
}

fn by(required_by: &Option<(String, String)>) -> String {
    match required_by {
        Some((node, kind)) => format!(", required by {node} in {kind}"),
        None => String::new(),
    }
}

/// Everything that is wrong with what a [`Builder`] was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    /// The mistakes, the first [`MISTAKES_MAX`].
    pub mistakes: Vec<Mistake>,
    /// How many there are altogether.
    pub count: usize,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, mistake) in self.mistakes.iter().enumerate() {
            let line = if at == 0 { "" } else { "\n" };
            write!(f, "{line}{mistake} ({})", mistake.help())?;
        }
        if self.count > self.mistakes.len() {
            write!(f, "\nand {} more", self.count - self.mistakes.len())?;
        }
        Ok(())
    }
}

impl std::error::Error for BuildError {}
