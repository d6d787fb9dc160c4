use std::collections::BTreeSet;
use std::sync::Arc;

use rem_time::Timestamp;

use super::{Plan, PlanError, UserId};

/// Shifts that follow one another in time, one person each.
///
/// The rotation is a list of versions, each with the instant from which it counts:
/// adding a person next Monday is a version that starts next Monday, and what was
/// before stays as it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Rotation {
    name: Arc<str>,
    versions: Vec<Version>,
}

/// A plan and when it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// The first instant the plan counts. The next version's start ends it.
    pub from: Timestamp,
    /// The plan.
    pub plan: Plan,
}

impl Rotation {
    /// A rotation that starts at the plan's anchor. Its name is part of the UID of
    /// every calendar entry.
    pub fn new(name: &str, plan: Plan) -> Self {
        let from = plan.boundary(0);
        Self {
            name: name.into(),
            versions: vec![Version { from, plan }],
        }
    }

    /// The same rotation by another plan from an instant on. A plan without users
    /// ends it.
    pub fn then(mut self, from: Timestamp, plan: Plan) -> Result<Self, PlanError> {
        if let Some(last) = self.versions.last()
            && from <= last.from
        {
            return Err(PlanError::Versions {
                rotation: self.name.to_string(),
                version: self.versions.len() + 1,
                after: last.from,
                from,
            });
        }
        self.versions.push(Version { from, plan });
        Ok(self)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn shared_name(&self) -> Arc<str> {
        self.name.clone()
    }

    /// Its versions, the oldest first.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// Everybody who is in any version, once each.
    pub fn users(&self) -> impl Iterator<Item = &UserId> {
        let all = self
            .versions
            .iter()
            .flat_map(|version| version.plan.users());
        let mut seen = BTreeSet::new();
        all.filter(move |user| seen.insert(*user))
    }

    /// Which version counts at an instant; `None` before the first.
    pub fn version_at(&self, at: Timestamp) -> Option<usize> {
        self.versions
            .partition_point(|version| version.from <= at)
            .checked_sub(1)
    }

    /// When a version ends, if another follows.
    pub fn version_end(&self, version: usize) -> Option<Timestamp> {
        self.versions.get(version + 1).map(|next| next.from)
    }
}
