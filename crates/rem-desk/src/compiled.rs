//! The rules, ready to be asked.

use std::collections::HashMap;
use std::sync::Arc;

use rem_alert::episode;
use rem_graph::{Builder, Graph, NodeId};
use rem_time::Span;

use crate::outbox::{Addressee, Trying};
use crate::rules::{AlertRule, Reach, Rules};

/// Parents that an alert waits for before its first page; more are not waited for.
const PARENTS_MAX: usize = 64;
/// Nodes that are looked at to find them.
const PARENTS_LOOKED_AT_MAX: usize = 1024;

#[derive(Debug)]
pub(crate) struct Compiled {
    pub rules: Rules,
    pub graph: Arc<Graph>,
    default_alert: AlertRule,
    heartbeat: Vec<Reach>,
}

impl Compiled {
    pub(crate) fn new(rules: Rules) -> Self {
        let graph = rules.graph.clone().unwrap_or_else(|| {
            // A graph without nodes has nothing that could be wrong with it.
            #[expect(clippy::expect_used, reason = "an empty graph is always sound")]
            Arc::new(Builder::new().build().expect("an empty graph is sound"))
        });
        let heartbeat = rules.heartbeat.iter();
        let heartbeat = heartbeat
            .map(|heartbeat| Reach::program(heartbeat.contact.clone()))
            .collect();
        Self {
            graph,
            default_alert: AlertRule::default(),
            heartbeat,
            rules,
        }
    }

    pub(crate) fn alert(&self, name: &str) -> &AlertRule {
        self.rules.alerts.get(name).unwrap_or(&self.default_alert)
    }

    /// How an episode of an alert behaves on a ladder.
    pub(crate) fn behaviour(&self, alert: &str, ladder: Option<&str>) -> episode::Rules {
        let rule = self.alert(alert);
        let steps = rule
            .ladder
            .as_deref()
            .or(ladder)
            .and_then(|ladder| self.rules.ladders.get(ladder))
            .unwrap_or(&self.rules.default_ladder);
        let mut behaviour = rule.behaviour.clone();
        behaviour.ladder.clone_from(steps);
        behaviour
    }

    pub(crate) fn reaches(&self, to: &Addressee) -> &[Reach] {
        match to {
            Addressee::User(name) => self
                .rules
                .users
                .get(&**name)
                .map_or(&[], |user| &user.contacts),
            Addressee::Fallback => &self.rules.fallback,
            Addressee::Heartbeat => &self.heartbeat,
            Addressee::SelfTest => &self.rules.self_test,
        }
    }

    pub(crate) fn trying(&self) -> Trying {
        Trying {
            deadline: self.rules.timing.send_deadline,
            next_contact_after: self.rules.timing.next_contact_after,
        }
    }

    /// The node of a subject, and whether the subject is only a part of it.
    pub(crate) fn node_of(&self, subject: &str) -> Option<(NodeId, bool)> {
        if let Some(node) = self.graph.node(subject) {
            return Some((node, false));
        }
        let (whole, _) = subject.split_once('#')?;
        Some((self.graph.node(whole)?, true))
    }

    /// The nearest nodes above that somebody looks at, and the longest of their intervals.
    pub(crate) fn parents(&self, node: NodeId) -> (Vec<Arc<str>>, Span) {
        let mut found = Vec::new();
        let mut every = Span::ZERO;
        let mut seen = vec![node];
        let mut next = 0;
        while let Some(&at) = seen.get(next)
            && found.len() < PARENTS_MAX
        {
            next += 1;
            let watched = self.rules.watched.get_key_value(self.graph.name(at));
            if let Some((name, interval)) = watched.filter(|_| at != node) {
                found.push(name.clone());
                every = every.max(*interval);
                continue;
            }
            for member in self
                .graph
                .groups(at)
                .iter()
                .flat_map(|group| &group.members)
            {
                if seen.len() < PARENTS_LOOKED_AT_MAX && !seen.contains(member) {
                    seen.push(*member);
                }
            }
        }
        (found, every)
    }
}

/// Behaviours that were asked for, so that each is made once.
#[derive(Debug, Default)]
pub(crate) struct Behaviours(HashMap<AlertOnLadder, Arc<episode::Rules>>);

type AlertOnLadder = (Arc<str>, Option<Arc<str>>);

impl Behaviours {
    pub(crate) fn of(
        &mut self,
        compiled: &Compiled,
        alert: &Arc<str>,
        ladder: Option<&Arc<str>>,
    ) -> Arc<episode::Rules> {
        self.0
            .entry((alert.clone(), ladder.cloned()))
            .or_insert_with(|| Arc::new(compiled.behaviour(alert, ladder.map(|text| &**text))))
            .clone()
    }
}
