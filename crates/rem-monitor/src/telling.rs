use std::collections::BTreeMap;
use std::sync::Arc;

use rem_alert::level::What;
use rem_check::{Report, Verdict};
use rem_config::MonitorId;
use rem_desk::Evaluated;
use rem_time::Span;

use crate::judge::Judged;
use crate::states::StateOwner;

/// How the alerts of one monitor are told: about what, and to whom.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Telling {
    /// Alerts that are not about the monitor itself but about the machine or the
    /// service it watches, with those nodes.
    pub subjects: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    /// What holds and pages know its alerts by.
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// Who is told, by alert.
    pub ladders: BTreeMap<Arc<str>, Arc<str>>,
    /// Whose states its levels see, the nearest first; they set those of the first.
    pub owners: Vec<StateOwner>,
}

/// Something the desk has to know.
#[derive(Clone, Debug)]
pub enum Word {
    /// An alert of a subject fires or is clear.
    Alert(Box<rem_desk::Report>),
    /// A node was looked at.
    Looked(Evaluated),
}

/// The node of a monitor in the graph of dependencies.
pub fn monitor_node(id: &MonitorId) -> String {
    format!("monitor:{id}")
}

/// One monitor that tells, with everything that a look does not change.
#[derive(Clone, Copy)]
pub(crate) struct Voice<'a> {
    pub(crate) telling: &'a Telling,
    pub(crate) id: &'a MonitorId,
    pub(crate) every: Span,
    /// Its [`Telling::nodes_of`], worked out once.
    pub(crate) nodes: &'a [Arc<str>],
}

impl Voice<'_> {
    /// Tells what a report made of the levels; and that the nodes were looked at.
    pub(crate) fn tell(
        self,
        report: &Report,
        judged: &[Judged],
        has_alerts: bool,
        mut to: impl FnMut(Word),
    ) {
        let (telling, id) = (self.telling, self.id);
        for found in judged {
            let (alert, firing) = match &found.change.what {
                What::AlertOn(alert) => (alert, true),
                What::AlertOff(alert) => (alert, false),
                _ => continue,
            };
            for subject in telling.subjects_of(id, alert, found.part.as_ref()) {
                let word = telling.report(alert, subject, firing, self.every, report, found);
                to(Word::Alert(Box::new(word)));
            }
        }
        let doubtful = report.verdict != Verdict::Ok && !has_alerts;
        for node in self.nodes {
            to(Word::Looked(Evaluated {
                node: Arc::clone(node),
                at: report.at,
                doubtful,
            }));
        }
    }
}

impl Telling {
    /// Its own node, and every other that its alerts are about.
    pub(crate) fn nodes_of(&self, id: &MonitorId) -> Arc<[Arc<str>]> {
        let mut nodes: Vec<&Arc<str>> = self.subjects.values().flatten().collect();
        nodes.sort();
        nodes.dedup();
        let own = std::iter::once(Arc::from(monitor_node(id)));
        own.chain(nodes.into_iter().cloned()).collect()
    }

    /// What an alert is about.
    pub(crate) fn subjects_of(
        &self,
        id: &MonitorId,
        alert: &str,
        part: Option<&Arc<str>>,
    ) -> Vec<Arc<str>> {
        match (self.subjects.get(alert), part) {
            (Some(nodes), _) => nodes.clone(),
            (None, None) => vec![monitor_node(id).into()],
            (None, Some(part)) => vec![format!("{}#{part}", monitor_node(id)).into()],
        }
    }

    fn report(
        &self,
        alert: &Arc<str>,
        subject: Arc<str>,
        firing: bool,
        every: Span,
        report: &Report,
        found: &Judged,
    ) -> rem_desk::Report {
        let mut labels = self.labels.clone();
        labels.insert("level".into(), Arc::clone(&found.level));
        if let Some(part) = &found.part {
            labels.insert("part".into(), Arc::clone(part));
        }
        let readings = report
            .readings
            .iter()
            .filter(|reading| reading.group.as_deref() == found.part.as_deref());
        let values = readings.take(VALUES_MAX).map(|reading| {
            let value = match reading.value {
                Some(value) => format!("{value} {}", reading.unit.symbol()),
                None => "unknown".to_owned(),
            };
            (Arc::from(&*reading.field), Arc::from(value.trim_end()))
        });
        let message = match report.message.is_empty() {
            true => found.because.clone(),
            false => format!("{} ({})", report.message, found.because),
        };
        rem_desk::Report {
            alert: Arc::clone(alert),
            subject,
            firing,
            at: report.at,
            message,
            labels,
            values: values.collect(),
            ladder: self.ladders.get(alert).cloned(),
            every,
        }
    }
}

/// Numbers that go with an alert; the others are on its page.
const VALUES_MAX: usize = 16;
