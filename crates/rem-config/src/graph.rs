//! What depends on what, as plain data, and circles in which nothing could come up.

use std::collections::HashMap;

use rem_yaml::{KeyPath, Located, Problem, Problems, suggest};

use crate::config::{Config, ConnectionNeed, Service};
use crate::dependency::{DependencyGroup, DependencyNode, Requirement};
use crate::id::escape;
use crate::name::{MachineName, PackageName};

#[cfg(test)]
mod tests;

/// The nodes with the place where each is written.
struct Nodes {
    nodes: Vec<(DependencyNode, Located<()>)>,
    index: HashMap<String, usize>,
}

/// Every node of a configuration.
pub(crate) fn build(config: &Config, problems: &mut Problems) -> Vec<DependencyNode> {
    let mut nodes = Nodes {
        nodes: Vec::new(),
        index: HashMap::new(),
    };
    nodes.machines(config);
    nodes.plain(config);
    nodes.monitors(config);
    for service in config.services() {
        nodes.service(config, service);
    }
    nodes.refuse_unknown(config, problems);
    nodes.refuse_circles(problems);
    nodes.nodes.into_iter().map(|(node, _)| node).collect()
}

fn machine_node(name: &MachineName) -> String {
    format!("machine:{name}")
}

fn package_node(machine: &MachineName, package: &PackageName) -> String {
    format!(
        "package:{}/{}",
        escape(machine.as_str()),
        escape(package.as_str())
    )
}

fn group(kind: &str, need: usize, members: Vec<String>) -> DependencyGroup {
    DependencyGroup {
        kind: kind.to_owned(),
        need,
        members,
    }
}

fn groups(depends: &[Requirement]) -> Vec<DependencyGroup> {
    let of = |requirement: &Requirement| {
        let members = requirement.of.iter().map(|member| member.value.clone());
        group(&requirement.group, requirement.need, members.collect())
    };
    depends.iter().map(of).collect()
}

impl Nodes {
    fn add(&mut self, name: String, title: &str, groups: Vec<DependencyGroup>, at: Located<()>) {
        if self.index.contains_key(&name) {
            return;
        }
        self.index.insert(name.clone(), self.nodes.len());
        let node = DependencyNode {
            name,
            title: title.to_owned(),
            groups,
        };
        self.nodes.push((node, at));
    }

    fn machines(&mut self, config: &Config) {
        for machine in config.machines() {
            let path = KeyPath::root().key("machines").key(machine.name.as_str());
            let at = located(&machine.place, path.key("depends"));
            let needs = groups(&machine.depends);
            self.add(
                machine_node(&machine.name),
                machine.name.as_str(),
                needs,
                at,
            );
        }
    }

    fn plain(&mut self, config: &Config) {
        for node in config.nodes() {
            let path = KeyPath::root().key("nodes").key(node.name.as_str());
            let at = located(&node.place, path.key("depends"));
            let title = node.title.as_deref().unwrap_or(node.name.as_str());
            self.add(
                format!("node:{}", node.name),
                title,
                groups(&node.depends),
                at,
            );
        }
    }

    /// Monitors need their machine, and what their package needs on it.
    fn monitors(&mut self, config: &Config) {
        for service in config.services() {
            for machine in service.deployments.iter().flat_map(|one| &one.machines) {
                for package in &service.packages {
                    let Some(package) = config.packages.get(&package.value) else {
                        continue;
                    };
                    let name = package_node(&machine.value, &package.name);
                    if self.index.contains_key(&name) {
                        continue;
                    }
                    let path = KeyPath::root().key("packages").key(package.name.as_str());
                    let at = located(&package.place, path.key("depends"));
                    let mut needs = vec![group("machine", 1, vec![machine_node(&machine.value)])];
                    needs.extend(groups(&package.depends));
                    let title = format!("{} on {}", package.name, machine.value);
                    self.add(name, &title, needs, at);
                }
            }
        }
        for monitor in config.monitors() {
            let mut needs = vec![group("machine", 1, vec![machine_node(&monitor.machine)])];
            let package = config.packages.get(&monitor.package);
            if package.is_some_and(|package| !package.depends.is_empty()) {
                let package = package_node(&monitor.machine, &monitor.package);
                needs.push(group("package", 1, vec![package]));
            }
            let at = located(&monitor.place, KeyPath::root());
            let title = format!("{} on {}", monitor.title, monitor.machine);
            self.add(format!("monitor:{}", monitor.id), &title, needs, at);
        }
    }

    /// A deployment needs some of its machines and what the service needs; the service
    /// needs one of the deployments that matter.
    fn service(&mut self, config: &Config, service: &Service) {
        let path = KeyPath::root().key("services").key(service.name.as_str());
        let node = format!("service:{}", escape(service.name.as_str()));
        let of = |deployment: &str| format!("{node}/{}", escape(deployment));
        for deployment in &service.deployments {
            let machines = deployment.machines.iter();
            let members = machines.map(|machine| machine_node(&machine.value));
            let mut needs = Vec::new();
            if !deployment.machines.is_empty() {
                needs.push(group("machines", deployment.need, members.collect()));
            }
            needs.extend(groups(&service.depends));
            for connection in &service.connections {
                if connection.need == ConnectionNeed::Soft
                    || config.service(connection.service.value.as_str()).is_none()
                {
                    continue;
                }
                let mut target = format!("service:{}", escape(connection.service.value.as_str()));
                if let Some(deployment) = &connection.deployment {
                    target = format!("{target}/{}", escape(deployment.value.as_str()));
                }
                needs.push(group(
                    &format!("service {}", connection.name),
                    1,
                    vec![target],
                ));
            }
            let title = format!("{} {}", service.name, deployment.name);
            let at = located(
                &deployment.place,
                path.key("deployments").key(deployment.name.as_str()),
            );
            self.add(of(deployment.name.as_str()), &title, needs, at);
        }
        let notifies = service.deployments.iter().any(|one| one.notify);
        let members: Vec<String> = service
            .deployments
            .iter()
            .filter(|one| one.notify || !notifies)
            .map(|one| of(one.name.as_str()))
            .collect();
        let needs = match members.is_empty() {
            true => Vec::new(),
            false => vec![group("deployments", 1, members)],
        };
        self.add(
            node,
            service.name.as_str(),
            needs,
            located(&service.place, path),
        );
    }

    /// Refuses members that are no nodes.
    fn refuse_unknown(&mut self, config: &Config, problems: &mut Problems) {
        let machines = config.machines().map(|machine| &machine.depends);
        let nodes = config.nodes().map(|node| &node.depends);
        let packages = config.packages().map(|package| &package.depends);
        let services = config.services().map(|service| &service.depends);
        let all = machines.chain(nodes).chain(packages).chain(services);
        for member in all.flatten().flat_map(|requirement| &requirement.of) {
            if self.index.contains_key(&member.value) {
                continue;
            }
            let (kind, name) = member.value.split_once(':').unwrap_or(("", &member.value));
            // The same name of another kind is the likelier slip of the pen.
            let other = ["machine", "node", "service"]
                .map(|kind| format!("{kind}:{name}"))
                .into_iter()
                .find(|other| self.index.contains_key(other));
            let same_kind = self
                .index
                .keys()
                .filter(|known| {
                    known
                        .split_once(':')
                        .is_some_and(|(known, _)| known == kind)
                })
                .map(String::as_str);
            let near = other.or_else(|| {
                let mut known: Vec<&str> = same_kind.collect();
                known.sort_unstable();
                suggest(&member.value, known).map(str::to_owned)
            });
            let help = near.map(|near| format!("did you mean {near}?"));
            let message = format!("no {kind} is called {name}");
            problems.add(member.problem(message).maybe_help(help));
        }
        // What is refused is not part of the graph.
        for (node, _) in &mut self.nodes {
            for group in &mut node.groups {
                group
                    .members
                    .retain(|member| self.index.contains_key(member));
                group.need = group.need.min(group.members.len());
            }
        }
    }

    /// Refuses nodes that need each other in a circle, so that none of them could ever
    /// come up.
    fn refuse_circles(&self, problems: &mut Problems) {
        let up = self.up();
        let mut seen: Vec<Option<usize>> = vec![None; self.nodes.len()];
        for start in 0..self.nodes.len() {
            let (mut at, mut path) = (start, Vec::new());
            while !up[at] && seen[at].is_none() {
                seen[at] = Some(start);
                path.push(at);
                let Some((next, _)) = self.lacking(at, &up) else {
                    break;
                };
                at = next;
            }
            if up[at] || seen[at] != Some(start) {
                continue;
            }
            let Some(from) = path.iter().position(|node| *node == at) else {
                continue;
            };
            problems.add(self.circle(&path[from..], &up));
        }
    }

    /// The nodes that come up when nothing has failed.
    fn up(&self) -> Vec<bool> {
        let mut up = vec![false; self.nodes.len()];
        let mut needed_by: Vec<Vec<(usize, usize)>> = vec![Vec::new(); self.nodes.len()];
        let mut missing: Vec<Vec<usize>> = Vec::with_capacity(self.nodes.len());
        let mut groups_missing: Vec<usize> = Vec::with_capacity(self.nodes.len());
        for (place, (node, _)) in self.nodes.iter().enumerate() {
            missing.push(node.groups.iter().map(|group| group.need).collect());
            groups_missing.push(node.groups.iter().filter(|group| group.need > 0).count());
            for (number, group) in node.groups.iter().enumerate() {
                for member in &group.members {
                    if let Some(member) = self.index.get(member) {
                        needed_by[*member].push((place, number));
                    }
                }
            }
        }
        let mut ready: Vec<usize> = (0..up.len())
            .filter(|at| groups_missing[*at] == 0)
            .collect();
        while let Some(at) = ready.pop() {
            if std::mem::replace(&mut up[at], true) {
                continue;
            }
            for (other, group) in &needed_by[at] {
                let left = &mut missing[*other][*group];
                if *left == 0 {
                    continue;
                }
                *left -= 1;
                if *left == 0 {
                    groups_missing[*other] -= 1;
                    if groups_missing[*other] == 0 {
                        ready.push(*other);
                    }
                }
            }
        }
        up
    }

    /// Something a node waits for in vain, and by which group.
    fn lacking(&self, node: usize, up: &[bool]) -> Option<(usize, &str)> {
        let places = |group: &DependencyGroup| {
            let places: Vec<usize> = group
                .members
                .iter()
                .filter_map(|member| self.index.get(member).copied())
                .collect();
            places
        };
        self.nodes[node].0.groups.iter().find_map(|group| {
            let members = places(group);
            let is_up = members.iter().filter(|member| up[**member]).count();
            let down = members.into_iter().find(|member| !up[*member])?;
            (is_up < group.need).then_some((down, group.kind.as_str()))
        })
    }

    fn circle(&self, path: &[usize], up: &[bool]) -> Problem {
        // The circle begins where it is written first.
        let first = (0..path.len()).min_by_key(|at| path[*at]).unwrap_or(0);
        let steps = path[first..].iter().chain(&path[..first]);
        let mut text = String::new();
        for node in steps.clone() {
            let kind = self.lacking(*node, up).map_or("", |(_, kind)| kind);
            text.push_str(&format!("{} needs ({kind}) ", self.nodes[*node].0.name));
        }
        let (node, at) = &self.nodes[path[first]];
        text.push_str(&node.name);
        at.problem(format!("nothing in this circle could come up: {text}"))
            .help("leave one of these needs out, or add something else to its group")
    }
}

fn located(place: &rem_yaml::Place, key_path: KeyPath) -> Located<()> {
    Located {
        value: (),
        place: place.clone(),
        key_path,
    }
}
