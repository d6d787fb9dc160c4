//! What became of the self-tests: whether each kind of contact still leads to where
//! it should. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rem_time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// Where the self-test of one kind of contact stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathState {
    /// None was sent yet.
    Untested,
    /// The last one was taken over, and nothing tells whether it arrives.
    NotVerified {
        /// When it was taken over.
        taken: Timestamp,
    },
    /// One was taken over and is to come back.
    UnderWay {
        /// When it was taken over.
        taken: Timestamp,
    },
    /// The last one arrived.
    Arrived {
        /// When.
        at: Timestamp,
    },
    /// One was taken over and did not come back in time, nor did any since.
    Missing {
        /// When it was taken over.
        since: Timestamp,
    },
}

/// The self-test of one kind of contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathView {
    /// `mail`, `webhook` or `script`.
    pub kind: Arc<str>,
    /// Where the tests go, without secrets.
    pub contact: String,
    /// Where it stands.
    pub state: PathState,
    /// When one arrived last.
    pub arrived: Option<Timestamp>,
}

/// What is known of one kind; also as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Path {
    kind: Arc<str>,
    /// The newest test that was taken over, and when.
    taken: Option<(u64, i64)>,
    /// The newest test that arrived, and when one did last.
    arrived: Option<(u64, i64)>,
    /// When the oldest test was taken over that nothing came back since.
    waits: Option<i64>,
    /// It did not come back in time.
    missing: bool,
}

/// What is known of all kinds.
#[derive(Debug, Default)]
pub(crate) struct Paths(BTreeMap<Arc<str>, Path>);

impl Paths {
    pub(crate) fn of_records(records: Vec<Path>) -> Self {
        let paths = records.into_iter();
        Self(paths.map(|path| (path.kind.clone(), path)).collect())
    }

    pub(crate) fn records(&self) -> Vec<Path> {
        self.0.values().cloned().collect()
    }

    /// Somebody took a test over.
    pub(crate) fn taken(&mut self, kind: &str, no: u64, now: Timestamp) {
        let path = self.path(kind);
        path.taken = Some((no, now.as_nanos()));
        // It may have come back before its sender heard that it was taken over.
        if path.arrived.is_none_or(|(arrived, _)| arrived < no) {
            path.waits.get_or_insert(now.as_nanos());
        }
    }

    /// A test came back; whether one was missing.
    pub(crate) fn arrived(&mut self, kind: &str, no: u64, now: Timestamp) -> bool {
        let path = self.path(kind);
        let newest = path.arrived.map_or(no, |(newest, _)| newest.max(no));
        path.arrived = Some((newest, now.as_nanos()));
        path.waits = path
            .taken
            .filter(|(taken, _)| newest < *taken)
            .map(|(_, at)| at);
        std::mem::take(&mut path.missing)
    }

    /// The kinds whose test did not come back within `within`, each told once, and
    /// when it was taken over.
    pub(crate) fn overdue(
        &mut self,
        comes_back: &BTreeSet<String>,
        within: Span,
        now: Timestamp,
    ) -> Vec<(Arc<str>, Timestamp)> {
        let mut overdue = Vec::new();
        for (kind, path) in &mut self.0 {
            let Some(waits) = path.waits else {
                continue;
            };
            // A clock that was set back must not make it later.
            let waits = waits.min(now.as_nanos());
            path.waits = Some(waits);
            let since = Timestamp::from_nanos(waits);
            if comes_back.contains(&**kind) && !path.missing && since + within <= now {
                path.missing = true;
                overdue.push((kind.clone(), since));
            }
        }
        overdue
    }

    pub(crate) fn next_wakeup(
        &self,
        comes_back: &BTreeSet<String>,
        within: Span,
    ) -> Option<Timestamp> {
        let waiting = self
            .0
            .iter()
            .filter(|(kind, path)| !path.missing && comes_back.contains(&***kind));
        let due = waiting.filter_map(|(_, path)| path.waits);
        due.min().map(|at| Timestamp::from_nanos(at) + within)
    }

    /// Forgets the kinds that are no longer tested, or no longer come back; tells
    /// which of them were missing.
    pub(crate) fn keep(
        &mut self,
        tested: &BTreeSet<&str>,
        comes_back: &BTreeSet<String>,
    ) -> Vec<Arc<str>> {
        let mut mended = Vec::new();
        for (kind, path) in &mut self.0 {
            if !(tested.contains(&**kind) && comes_back.contains(&**kind)) {
                path.waits = None;
                if std::mem::take(&mut path.missing) {
                    mended.push(kind.clone());
                }
            }
        }
        self.0.retain(|kind, _| tested.contains(&**kind));
        mended
    }

    pub(crate) fn view(&self, kind: &str, contact: String, comes_back: bool) -> PathView {
        let path = self.0.get(kind).cloned().unwrap_or_default();
        let at = Timestamp::from_nanos;
        let taken = path.taken.map(|(_, taken)| at(taken));
        let arrived = path.arrived.map(|(_, arrived)| at(arrived));
        let state = match (comes_back, path.waits, arrived, taken) {
            (true, Some(since), ..) if path.missing => PathState::Missing { since: at(since) },
            (true, Some(taken), ..) => PathState::UnderWay { taken: at(taken) },
            (_, None, Some(arrived), taken)
                if comes_back || taken.is_none_or(|at| at <= arrived) =>
            {
                PathState::Arrived { at: arrived }
            }
            (.., Some(taken)) => PathState::NotVerified { taken },
            (.., None) => PathState::Untested,
        };
        PathView {
            kind: kind.into(),
            contact,
            state,
            arrived,
        }
    }

    fn path(&mut self, kind: &str) -> &mut Path {
        self.0.entry(kind.into()).or_insert_with(|| Path {
            kind: kind.into(),
            ..Path::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    const WITHIN: Span = Span::from_seconds(900);

    fn mail() -> BTreeSet<String> {
        BTreeSet::from(["mail".to_owned()])
    }

    fn state(paths: &Paths) -> PathState {
        paths.view("mail", String::new(), true).state
    }

    #[test]
    fn a_test_that_comes_back_before_its_sender_knows_waits_for_nothing() {
        let mut paths = Paths::default();
        assert!(!paths.arrived("mail", 7, at(10)));
        paths.taken("mail", 7, at(11));
        assert_eq!(state(&paths), PathState::Arrived { at: at(10) });
        assert_eq!(paths.next_wakeup(&mail(), WITHIN), None);
    }

    #[test]
    fn tests_that_are_sent_more_often_than_the_limit_do_not_put_it_off() {
        let mut paths = Paths::default();
        for minute in 0..15 {
            paths.taken("mail", minute, at(60 * minute as i64));
            assert_eq!(paths.overdue(&mail(), WITHIN, at(60 * minute as i64)), []);
        }
        assert_eq!(paths.next_wakeup(&mail(), WITHIN), Some(at(900)));
        assert_eq!(
            paths.overdue(&mail(), WITHIN, at(900)),
            [("mail".into(), at(0))]
        );
        assert_eq!(paths.overdue(&mail(), WITHIN, at(901)), [], "told once");
        // An old one that arrives shows that the way works; the newest is waited for.
        assert!(paths.arrived("mail", 3, at(910)));
        assert_eq!(state(&paths), PathState::UnderWay { taken: at(840) });
        assert_eq!(paths.next_wakeup(&mail(), WITHIN), Some(at(1_740)));
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_make_the_wait_longer() {
        let mut paths = Paths::default();
        paths.taken("mail", 1, at(10_000));
        assert_eq!(paths.overdue(&mail(), WITHIN, at(100)), []);
        assert_eq!(paths.next_wakeup(&mail(), WITHIN), Some(at(1_000)));
    }

    #[test]
    fn where_nothing_comes_back_it_is_not_verified() {
        let mut paths = Paths::default();
        let none = BTreeSet::new();
        let view = |paths: &Paths| paths.view("script", String::new(), false).state;
        assert_eq!(view(&paths), PathState::Untested);
        paths.taken("script", 1, at(5));
        assert_eq!(paths.overdue(&none, WITHIN, at(9_999)), []);
        assert_eq!(view(&paths), PathState::NotVerified { taken: at(5) });
    }

    #[test]
    fn a_kind_that_is_no_longer_to_come_back_is_missed_no_more() {
        let mut paths = Paths::default();
        paths.taken("mail", 1, at(0));
        assert_eq!(paths.overdue(&mail(), WITHIN, at(900)).len(), 1);
        let mended = paths.keep(&BTreeSet::from(["mail"]), &BTreeSet::new());
        assert_eq!(mended, ["mail".into()]);
        let view = paths.view("mail", String::new(), false).state;
        assert_eq!(view, PathState::NotVerified { taken: at(0) });
    }
}
