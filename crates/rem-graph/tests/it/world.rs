//! Graphs written as text: `node kind need: member member`.

use std::sync::Arc;

use rem_graph::{Builder, Changes, Graph, Live, NodeId, State};

pub(crate) fn graph(text: &str) -> Arc<Graph> {
    let mut builder = Builder::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match line.split_once(':') {
            None => {
                for name in line.split_whitespace() {
                    builder.node(name);
                }
            }
            Some((head, members)) => {
                let head: Vec<&str> = head.split_whitespace().collect();
                let need = head[2].parse().unwrap();
                builder.node(head[0]);
                builder.require(head[0], head[1], need, members.split_whitespace());
            }
        }
    }
    Arc::new(builder.build().unwrap())
}

pub(crate) struct World {
    pub(crate) graph: Arc<Graph>,
    pub(crate) live: Live,
    clock: i64,
}

impl World {
    pub(crate) fn new(text: &str) -> Self {
        let graph = graph(text);
        Self {
            live: Live::new(Arc::clone(&graph)),
            graph,
            clock: 0,
        }
    }

    pub(crate) fn id(&self, name: &str) -> NodeId {
        self.graph.node(name).unwrap_or_else(|| panic!("{name}"))
    }

    /// What changed, as sorted text: `name=state`, `name=state!` failed, `name=state?` held.
    #[track_caller]
    pub(crate) fn fail(&mut self, name: &str, expected: &[&str]) {
        self.clock += 1;
        let (node, clock) = (self.id(name), self.clock);
        let graph = Arc::clone(&self.graph);
        let found = texts(&graph, self.live.fail(node, clock));
        assert_eq!(found, expected, "{name} fails");
    }

    #[track_caller]
    pub(crate) fn recover(&mut self, name: &str, expected: &[&str]) {
        let node = self.id(name);
        let graph = Arc::clone(&self.graph);
        let found = texts(&graph, self.live.recover(node));
        assert_eq!(found, expected, "{name} recovers");
    }

    pub(crate) fn state(&self, name: &str) -> State {
        self.live.state(self.id(name))
    }

    pub(crate) fn held(&self, name: &str) -> bool {
        self.live.held(self.id(name))
    }

    pub(crate) fn names(&self, nodes: &[NodeId]) -> Vec<&str> {
        let mut names: Vec<&str> = nodes.iter().map(|&node| self.graph.name(node)).collect();
        names.sort_unstable();
        names
    }

    /// Ways to the causes, nearest first: `a(power 0/1) b(machine 0/1) root`.
    pub(crate) fn why(&self, name: &str) -> Vec<String> {
        let Some(explained) = self.live.explain(self.id(name), 100) else {
            return Vec::new();
        };
        let cause = |cause: &rem_graph::Cause| {
            let links = cause.path.iter().map(|link| {
                let name = self.graph.name(link.node);
                format!("{name}({} {} of {}) ", link.kind, link.up, link.need)
            });
            links.collect::<String>() + self.graph.name(cause.root)
        };
        explained.by.iter().map(cause).collect()
    }

    /// Root causes and how many they hide, sorted.
    pub(crate) fn roots(&self) -> Vec<String> {
        let mut roots: Vec<String> = self
            .live
            .root_causes()
            .iter()
            .map(|root| format!("{} hides {}", self.graph.name(root.node), root.hides))
            .collect();
        roots.sort();
        roots
    }
}

pub(crate) fn texts(graph: &Graph, changes: Changes<'_>) -> Vec<String> {
    let mut texts: Vec<String> = changes
        .iter()
        .map(|change| {
            let state = match change.state {
                State::Up => "up",
                State::Degraded => "degraded",
                State::Down => "down",
            };
            let mark = match (change.failed, change.held) {
                (false, _) => "",
                (true, false) => "!",
                (true, true) => "?",
            };
            format!("{}={state}{mark}", graph.name(change.node))
        })
        .collect();
    texts.sort();
    texts
}
