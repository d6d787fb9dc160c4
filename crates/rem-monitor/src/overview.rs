use rem_check::Report;
use rem_config::MonitorId;
use rem_time::{Span, Timestamp};

use crate::plan::{Look, Planned};
use crate::seen_by::SeenBy;
use crate::watched::{Beat, State, Watched};

/// Everything that is watched, at one instant, in the order of the configuration.
#[derive(Clone, Debug)]
pub struct Overview {
    /// The site's name.
    pub site: String,
    /// When it was taken.
    pub now: Timestamp,
    /// Every monitor.
    pub monitors: Vec<MonitorView>,
}

/// One monitor, at one instant.
#[derive(Clone, Debug)]
pub struct MonitorView {
    /// Which monitor.
    pub id: MonitorId,
    /// What people call it.
    pub title: String,
    /// The machine it looks at.
    pub machine: String,
    /// That machine's address; empty where it has none.
    pub address: String,
    /// What sort of check it is, such as `local.cpu` or `http`.
    pub kind: &'static str,
    /// How often it looks.
    pub every: Span,
    /// How it stands.
    pub state: State,
    /// Since when it stands so.
    pub since: Option<Timestamp>,
    /// The last report of this run of the process.
    pub last: Option<Report>,
    /// Who found it, or, before the first report, who will look.
    pub by: SeenBy,
    /// The last checks, oldest first.
    pub beats: Vec<Beat>,
    /// Rounds that passed without a check since the process began.
    pub rounds_missed: u64,
    /// Whether its news is older than three intervals.
    pub stale: bool,
}

impl MonitorView {
    pub(crate) fn new(planned: &Planned, watched: &Watched, now: Timestamp) -> Self {
        let monitor = &planned.monitor;
        Self {
            id: monitor.id.clone(),
            title: monitor.title.clone(),
            machine: monitor.machine.to_string(),
            address: monitor
                .address
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            kind: monitor.check.kind(),
            every: monitor.every,
            state: watched.state(),
            since: watched.since(),
            last: watched.last().cloned(),
            by: match (watched.last(), watched.beats().next_back()) {
                (Some(_), Some(beat)) => beat.by,
                _ => match planned.look {
                    Look::Looks(_) => SeenBy::of(planned),
                    Look::Waits { .. } => SeenBy::Pushed(None),
                },
            },
            beats: watched.beats().collect(),
            rounds_missed: watched.rounds_missed(),
            stale: watched.is_stale(monitor.every, now),
        }
    }
}
