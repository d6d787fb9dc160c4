use std::sync::Arc;

use rem_desk::{PathState, PathView};
use rem_time::Timestamp;
use serde::Serialize;

/// Where the self-test of one kind of contact stands.
#[derive(Debug, Serialize)]
pub(crate) struct PathJson {
    pub(crate) kind: Arc<str>,
    pub(crate) contact: String,
    /// `untested`, `not_verified`, `under_way`, `arrived` or `missing`.
    pub(crate) state: &'static str,
    /// Since when it is so; nothing before the first test.
    pub(crate) since: Option<String>,
    /// When one arrived last.
    pub(crate) arrived: Option<String>,
}

/// Its key, and since when.
pub(crate) fn path_state(state: PathState) -> (&'static str, Option<Timestamp>) {
    match state {
        PathState::Untested => ("untested", None),
        PathState::NotVerified { taken } => ("not_verified", Some(taken)),
        PathState::UnderWay { taken } => ("under_way", Some(taken)),
        PathState::Arrived { at } => ("arrived", Some(at)),
        PathState::Missing { since } => ("missing", Some(since)),
    }
}

impl From<&PathView> for PathJson {
    fn from(view: &PathView) -> Self {
        let (state, since) = path_state(view.state);
        Self {
            kind: view.kind.clone(),
            contact: view.contact.clone(),
            state,
            since: since.map(|at| at.to_string()),
            arrived: view.arrived.map(|at| at.to_string()),
        }
    }
}
