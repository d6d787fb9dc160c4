use rem_monitor::{MonitorView, Overview, State};
use serde::Serialize;

use crate::card::{Card, message, slug, word};
use crate::frame::Frame;
use crate::ranges::Range;

#[cfg(test)]
mod tests;

/// Everything the monitor page shows; its template and its JSON twin get the same.
#[derive(Debug, Serialize)]
pub(crate) struct Page {
    pub(crate) frame: Option<Frame>,
    pub(crate) site: String,
    /// The site's name again: templates know another `site`.
    pub(crate) title: String,
    pub(crate) now: f64,
    pub(crate) range: &'static str,
    pub(crate) ranges: Vec<RangeChoice>,
    pub(crate) total: usize,
    pub(crate) counts: Vec<Count>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) machines: Vec<Machine>,
    pub(crate) urls: Urls,
}

#[derive(Debug, Serialize)]
pub(crate) struct RangeChoice {
    pub(crate) key: &'static str,
    pub(crate) label: &'static str,
}

#[derive(Debug, Serialize)]
pub(crate) struct Count {
    pub(crate) state: &'static str,
    pub(crate) word: &'static str,
    pub(crate) number: usize,
}

/// A monitor that is not well, in the list on top.
#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    pub(crate) slug: String,
    pub(crate) id: String,
    pub(crate) state: &'static str,
    pub(crate) word: &'static str,
    pub(crate) title: String,
    pub(crate) machine: String,
    pub(crate) message: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) cards: Vec<Card>,
}

/// Where the page's script finds what it needs.
#[derive(Debug, Serialize)]
pub(crate) struct Urls {
    #[serde(rename = "self")]
    pub(crate) own: &'static str,
    pub(crate) series: &'static str,
    pub(crate) card: &'static str,
}

impl Page {
    pub(crate) fn new(overview: &Overview, range: Range, urls: Urls, frame: Option<Frame>) -> Self {
        let mut machines: Vec<Machine> = Vec::new();
        for monitor in &overview.monitors {
            let card = Card::new(monitor, range, overview.now);
            match machines
                .iter_mut()
                .find(|machine| machine.name == monitor.machine)
            {
                Some(machine) => machine.cards.push(card),
                None => machines.push(Machine {
                    name: monitor.machine.clone(),
                    address: monitor.address.clone(),
                    cards: vec![card],
                }),
            }
        }
        let count = |state: State| Count {
            state: state.word(),
            word: word(state),
            number: overview
                .monitors
                .iter()
                .filter(|monitor| monitor.state == state)
                .count(),
        };
        Self {
            frame,
            site: overview.site.clone(),
            title: overview.site.clone(),
            now: overview.now.as_secs_f64(),
            range: range.key(),
            ranges: Range::ALL
                .map(|range| RangeChoice {
                    key: range.key(),
                    label: range.label(),
                })
                .into(),
            total: overview.monitors.len(),
            counts: State::URGENT_FIRST.map(count).into(),
            problems: problems(overview),
            machines,
            urls,
        }
    }
}

/// Monitors that are not well, the most urgent first, the longest so first.
fn problems(overview: &Overview) -> Vec<Problem> {
    let is_problem = |state| matches!(state, State::Critical | State::Warning | State::Unknown);
    let mut problems: Vec<&MonitorView> = overview
        .monitors
        .iter()
        .filter(|monitor| is_problem(monitor.state))
        .collect();
    let urgency = |state| {
        State::URGENT_FIRST
            .iter()
            .position(|urgent| *urgent == state)
    };
    problems.sort_by_key(|monitor| (urgency(monitor.state), monitor.since));
    let problem = |monitor: &&MonitorView| Problem {
        slug: slug(monitor),
        id: monitor.id.to_string(),
        state: monitor.state.word(),
        word: word(monitor.state),
        title: monitor.title.clone(),
        machine: monitor.machine.clone(),
        message: message(monitor),
    };
    problems.iter().map(problem).collect()
}
