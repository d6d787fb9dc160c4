use std::collections::BTreeSet;

use rem_time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use super::expected::Expected;
use super::moment::Moment;
use super::policy::Policy;
use crate::error::CloudError;
use crate::kind::Kind;
use crate::listing::{Listing, Origin, Warning, Why};
use crate::name::Id;
use crate::resource::Resource;
use crate::scope::Scope;

/// What is kept of one kind in one scope. Only complete listings are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) scope: Scope,
    pub(crate) kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kept: Option<Kept>,
    pub(crate) last_try: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<Failure>,
    /// How many writes were begun; a listing that began before the newest is too old.
    #[serde(default)]
    pub(crate) generation: u64,
    /// How many listings were believed so far.
    #[serde(default)]
    pub(crate) answers: u64,
    /// Whether a write was begun since what is kept was listed.
    #[serde(default)]
    pub(crate) dirty: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) suspect: Option<Suspect>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) expected: Vec<Expected>,
}

/// A listing as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) items: Vec<Resource>,
    /// When the call began.
    pub(crate) observed: Moment,
}

/// What went wrong since the last answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) error: CloudError,
    pub(crate) since: Timestamp,
    pub(crate) times: u32,
}

/// A listing that had lost too much to be believed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Suspect {
    pub(crate) first: Moment,
    /// What it had lost.
    pub(crate) lost: BTreeSet<Id>,
    pub(crate) now: usize,
}

/// What became of a new listing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Accepted {
    /// It is what is kept now.
    Kept,
    /// It is as new as can be, but a write began meanwhile.
    Overtaken,
    /// It has lost so much that it is not believed yet.
    Suspect,
    /// It would be believed if each of these is really not there.
    AskFor(Vec<Id>),
}

impl Entry {
    pub(crate) fn new(scope: Scope, kind: Kind) -> Self {
        Self {
            scope,
            kind,
            kept: None,
            last_try: None,
            failure: None,
            generation: 0,
            answers: 0,
            dirty: false,
            suspect: None,
            expected: Vec::new(),
        }
    }

    /// How old what is kept is; nothing where nothing is kept or the clock was set.
    pub(crate) fn age(&self, now: &Moment) -> Option<Span> {
        now.since(&self.kept.as_ref()?.observed)
    }

    /// A write begins: whatever is listed before it ends may be too old.
    pub(crate) fn write_begins(&mut self, expected: Vec<Expected>) {
        self.generation += 1;
        self.dirty = true;
        for one in expected {
            self.expected.retain(|other| other.id != one.id);
            self.expected.push(one);
        }
    }

    /// A write is over.
    pub(crate) fn write_ends(
        &mut self,
        operation: crate::request::OperationId,
        well: bool,
        now: Timestamp,
    ) {
        self.generation += 1;
        self.dirty = true;
        match well {
            true => {
                let mine = self.expected.iter_mut();
                mine.filter(|one| one.operation == operation)
                    .for_each(|one| one.end(now));
            }
            false => self.expected.retain(|one| one.operation != operation),
        }
    }

    /// The cloud did not answer.
    pub(crate) fn failed(&mut self, error: &CloudError, now: Timestamp) {
        self.last_try = Some(now);
        let (since, times) = match &self.failure {
            Some(failure) => (failure.since, failure.times.saturating_add(1)),
            None => (now, 1),
        };
        self.failure = Some(Failure {
            error: error.clone(),
            since,
            times,
        });
    }

    /// A complete listing came that began at `began` in `generation`. `absent` are
    /// things that were asked for one by one since and are not there.
    pub(crate) fn accept(
        &mut self,
        items: &[Resource],
        began: &Moment,
        generation: u64,
        absent: &BTreeSet<Id>,
        policy: &Policy,
    ) -> Accepted {
        self.last_try = Some(began.wall);
        self.failure = None;
        if generation != self.generation {
            return Accepted::Overtaken;
        }
        let known = absent.iter().collect();
        if let Some(lost) = self.unexplained_loss(items, &known, policy) {
            return self.doubt(items, began, lost, policy);
        }
        self.suspect = None;
        self.dirty = false;
        self.answers += 1;
        self.expected
            .retain(|one| !one.is_over(items, began.wall, began.wall, policy.expect_for));
        let mut items = items.to_vec();
        items.sort_by(|one, other| one.id().cmp(other.id()));
        self.kept = Some(Kept {
            items,
            observed: began.clone(),
        });
        Accepted::Kept
    }

    /// What a listing has lost, if that is more than happens by itself.
    fn unexplained_loss(
        &self,
        items: &[Resource],
        absent: &BTreeSet<&Id>,
        policy: &Policy,
    ) -> Option<BTreeSet<Id>> {
        let kept = self.kept.as_ref()?;
        let here: BTreeSet<&Id> = items.iter().map(Resource::id).collect();
        let ours: BTreeSet<&Id> = self.expected.iter().map(|one| &one.id).collect();
        let lost: BTreeSet<Id> = kept
            .items
            .iter()
            .map(Resource::id)
            .filter(|id| !here.contains(id) && !ours.contains(id) && !absent.contains(id))
            .cloned()
            .collect();
        let suspect = policy.is_suspect(kept.items.len(), lost.len(), items.len());
        suspect.then_some(lost)
    }

    fn doubt(
        &mut self,
        items: &[Resource],
        began: &Moment,
        lost: BTreeSet<Id>,
        policy: &Policy,
    ) -> Accepted {
        let again = self.suspect.as_ref().filter(|suspect| {
            // It is the same loss if nothing of it came back.
            suspect.lost.is_subset(&lost) || lost.is_subset(&suspect.lost)
        });
        let first = again.map_or_else(|| began.clone(), |suspect| suspect.first.clone());
        let confirmed = began
            .since(&first)
            .is_some_and(|passed| policy.confirm_after <= passed);
        self.suspect = Some(Suspect {
            first,
            lost: lost.clone(),
            now: items.len(),
        });
        match confirmed {
            true => Accepted::AskFor(lost.into_iter().collect()),
            false => Accepted::Suspect,
        }
    }

    /// What is kept, as an answer. Nothing where nothing is kept.
    pub(crate) fn answer(
        &self,
        why: Why,
        now: &Moment,
        policy: &Policy,
    ) -> Option<Listing<Resource>> {
        let kept = self.kept.as_ref()?;
        let age = now.since(&kept.observed).unwrap_or(Span::ZERO);
        let why = match &self.suspect {
            Some(suspect) => Why::Suspect {
                before: kept.items.len() as u64,
                now: suspect.now as u64,
            },
            None => why,
        };
        let mut listing = Listing {
            items: kept.items.clone(),
            complete: true,
            origin: Origin::Cache { age, why },
            observed_at: kept.observed.wall,
            warnings: Vec::new(),
        };
        if policy.ancient < age {
            listing.warnings.push(Warning::Ancient);
        }
        self.show_expected(&mut listing, now.wall, policy);
        Some(listing)
    }

    /// Shows in a listing what it does not show yet.
    pub(crate) fn show_expected(
        &self,
        listing: &mut Listing<Resource>,
        now: Timestamp,
        policy: &Policy,
    ) {
        let mut shown = 0;
        for one in &self.expected {
            let over = one.is_over(&listing.items, listing.observed_at, now, policy.expect_for);
            if !over && one.apply(&mut listing.items) {
                shown += 1;
            }
        }
        if 0 < shown {
            listing.warnings.push(Warning::Expected { items: shown });
        }
    }

    /// Whether something is being done to something of this kind.
    pub(crate) fn is_busy(&self) -> bool {
        self.dirty || !self.expected.is_empty()
    }
}
