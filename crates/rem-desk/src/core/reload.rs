//! Other rules.

use std::sync::Arc;

use rem_alert::episode::Event;
use rem_time::Timestamp;

use super::{CONTACT_BROKEN, DeskCore, News, ONCALL_FINDING, ONCALL_GAP, ONCALL_PATH};
use crate::compiled::{Behaviours, Compiled};
use crate::episodes::Slot;
use crate::rules::Rules;

/// What a reload changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Open episodes that were closed because their alert is no longer configured.
    pub closed: Vec<u64>,
    /// What is different in the dependency graph.
    pub graph: rem_graph::Diff,
    /// Alerts whose rules are others now, by name.
    pub alerts: Vec<String>,
    /// Users whose entry is another one now, by name.
    pub users: Vec<String>,
}

impl DeskCore {
    /// Works by other rules. What they do not change is left alone.
    pub fn reload(&mut self, rules: Rules, now: Timestamp) -> Reloaded {
        let before = std::mem::replace(&mut self.rules, Arc::new(Compiled::new(rules)));
        self.behaviours = Behaviours::default();
        let (old, new) = (&before.rules, &self.rules.rules);
        let mut reloaded = Reloaded {
            graph: match Arc::ptr_eq(&before.graph, &self.rules.graph) {
                true => rem_graph::Diff::default(),
                false => rem_graph::Diff::between(&before.graph, &self.rules.graph),
            },
            ..Reloaded::default()
        };
        for name in old.alerts.keys().chain(new.alerts.keys()) {
            if old.alerts.get(name) != new.alerts.get(name) && !reloaded.alerts.contains(name) {
                reloaded.alerts.push(name.clone());
            }
        }
        for name in old.users.keys().chain(new.users.keys()) {
            if old.users.get(name) != new.users.get(name) && !reloaded.users.contains(name) {
                reloaded.users.push(name.clone());
            }
        }
        let gone: Vec<String> = old
            .alerts
            .keys()
            .filter(|name| !new.alerts.contains_key(*name))
            .cloned()
            .collect();
        let ours: Vec<Arc<str>> = old.holds.iter().map(|plan| plan.id.clone()).collect();
        let theirs = new.holds.clone();
        self.people.reload(new, now);
        self.remove_alerts(&gone, &mut reloaded, now);
        if !reloaded.graph.is_empty() {
            let rules = self.rules.clone();
            self.episodes.place_anew(|subject| rules.node_of(subject));
            self.find_failed(now);
        } else if !Arc::ptr_eq(&before.graph, &self.rules.graph) {
            // The same nodes may have other numbers.
            let rules = self.rules.clone();
            self.episodes.place_anew(|subject| rules.node_of(subject));
            self.live = self.live.carry(rules.graph.clone()).live;
        }
        self.holds.plans.retain(|plan| !ours.contains(&plan.id));
        self.holds.plans.extend(theirs);
        self.holds_changed(now);
        let slots: Vec<Slot> = self.episodes.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            self.step(slot, &Event::Wake, now);
        }
        self.outbox.rules_changed(now);
        self.look_at_people(now);
        self.paths_changed(now);
        self.changes.news.push(News::People);
        reloaded
    }

    /// Alerts that are no longer configured are closed, never silently.
    fn remove_alerts(&mut self, gone: &[String], reloaded: &mut Reloaded, now: Timestamp) {
        let ours = [CONTACT_BROKEN, ONCALL_GAP, ONCALL_FINDING, ONCALL_PATH];
        let slots: Vec<(Slot, u64)> = self
            .episodes
            .iter()
            .filter(|(_, open)| !ours.contains(&&*open.alert))
            .filter(|(_, open)| gone.iter().any(|name| **name == *open.alert))
            .map(|(slot, open)| (slot, open.state.number))
            .collect();
        for (slot, number) in slots {
            let why = "the alert is no longer configured".into();
            self.step(slot, &Event::Removed { why }, now);
            reloaded.closed.push(number);
        }
    }
}
