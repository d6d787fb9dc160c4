use std::collections::HashSet;

use rem_monitor::{MonitorId, MonitorView, Running, State};
use tokio::sync::mpsc;

use crate::format::percent_decoded;

use dropstar::{Exposition, Family, Samples};

#[cfg(test)]
mod tests;

/// A piece of the answer; several wait for a slow client.
const PIECE_BYTES: usize = 64 << 10;
const PIECES_WAITING: usize = 4;
/// Patterns in one address.
const GLOBS_MAX: usize = 100;

/// Which monitors are wanted, by patterns of their ids: `web-*/linux/*`. None: all.
#[derive(Debug, Default)]
pub(crate) struct Globs(Vec<String>);

impl Globs {
    /// From a query: each `match=` or `match[]=`.
    pub(crate) fn of_query(query: &str) -> Self {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let globs = pairs
            .filter(|(name, _)| matches!(percent_decoded(name).as_str(), "match" | "match[]"))
            .map(|(_, value)| percent_decoded(value))
            .take(GLOBS_MAX);
        Self(globs.collect())
    }

    fn wants(&self, id: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|glob| matches(glob, id))
    }
}

/// All current values, in pieces, as fast as they are taken. Monitors are looked at
/// one after the other, so that many need no more memory than one.
pub(crate) fn stream(
    running: &Running,
    globs: Globs,
    exposition: Exposition,
) -> mpsc::Receiver<bytes::Bytes> {
    let (sender, pieces) = mpsc::channel(PIECES_WAITING);
    let running = running.clone();
    tokio::spawn(async move {
        let ids = running.engine.ids();
        let wanted: Vec<&MonitorId> = ids.iter().filter(|id| globs.wants(id.as_str())).collect();
        let mut page = Samples::new(exposition);
        for family in [values, states] {
            family(&mut page, None);
            for id in &wanted {
                if let Some(view) = running.engine.monitor(id) {
                    family(&mut page, Some(&view));
                }
                if page.written() > PIECE_BYTES && sender.send(page.take().into()).await.is_err() {
                    // The client has gone away.
                    return;
                }
            }
        }
        let _ = sender.send(page.end().into()).await;
    });
    pieces
}

/// The family's head, or a monitor's samples of it. What a monitor that is silent
/// said last is no current value.
fn values(page: &mut Samples, view: Option<&MonitorView>) {
    let Some(view) = view else {
        let help = "the newest value of every reading, in base units; NaN is unknown";
        return page.family("rem_value", Family::Gauge, help);
    };
    let Some(last) = view.last.as_ref().filter(|_| !view.stale) else {
        return;
    };
    let [machine, package, monitor] = names(&view.id);
    let mut seen = HashSet::new();
    for reading in &last.readings {
        let part = reading.group.as_deref().unwrap_or("");
        // Twice the same would make the whole scrape fail.
        if !seen.insert((part, reading.field.as_str())) {
            continue;
        }
        let labels = [
            ("machine", &*machine),
            ("package", &*package),
            ("monitor", &*monitor),
            ("part", part),
            ("field", &*reading.field),
            ("unit", reading.unit.symbol()),
        ];
        page.sample(&labels, reading.value);
    }
}

fn states(page: &mut Samples, view: Option<&MonitorView>) {
    let Some(view) = view else {
        let help = "how each monitor stands: 0 ok, 1 warning, 2 critical, 3 unknown, \
                    4 not looked at yet";
        return page.family("rem_monitor_state", Family::Gauge, help);
    };
    let [machine, package, monitor] = names(&view.id);
    let state = match view.state {
        _ if view.stale => 3.0,
        State::Ok => 0.0,
        State::Warning => 1.0,
        State::Critical => 2.0,
        State::Unknown => 3.0,
        State::Pending => 4.0,
    };
    let labels = [
        ("machine", &*machine),
        ("package", &*package),
        ("monitor", &*monitor),
        ("kind", view.kind),
    ];
    page.sample(&labels, Some(state));
}

/// An id has three names, in which `%` and `/` are written `%25` and `%2F`.
fn names(id: &MonitorId) -> [String; 3] {
    let mut names = id.as_str().splitn(3, '/').map(percent_decoded);
    let mut next = || names.next().unwrap_or_default();
    [next(), next(), next()]
}

/// `*` stands for any text and `?` for one character.
fn matches(glob: &str, text: &str) -> bool {
    let (glob, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), text.chars().collect());
    let (mut g, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match glob.get(g) {
            Some('*') => {
                star = Some((g + 1, t));
                g += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                g += 1;
                t += 1;
            }
            _ => match &mut star {
                Some((back, taken)) => {
                    *taken += 1;
                    (g, t) = (*back, *taken);
                }
                None => return false,
            },
        }
    }
    glob[g.min(glob.len())..].iter().all(|c| *c == '*')
}
