use std::collections::BTreeSet;

use serde::Serialize;

use crate::error::{Class, CloudError};
use crate::kind::Kind;
use crate::verb::Verb;

/// What a megavisor can list and do, known before anything is planned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// What it can list.
    pub lists: BTreeSet<Kind>,
    /// What it can do.
    pub does: BTreeSet<Verb>,
}

impl Capabilities {
    /// Those that are given.
    pub fn new(
        lists: impl IntoIterator<Item = Kind>,
        does: impl IntoIterator<Item = Verb>,
    ) -> Self {
        Self {
            lists: lists.into_iter().collect(),
            does: does.into_iter().collect(),
        }
    }

    /// Everything.
    pub fn all() -> Self {
        Self::new(Kind::ALL, Verb::all())
    }

    /// Nothing, if it can be listed.
    ///
    /// # Errors
    /// [`Class::Unsupported`].
    pub fn check_list(&self, megavisor: &str, kind: Kind) -> Result<(), CloudError> {
        if self.lists.contains(&kind) {
            return Ok(());
        }
        let message = format!("the megavisor {megavisor} has no {kind} to list");
        Err(CloudError::new(
            Class::Unsupported,
            format!("{kind} list"),
            message,
        ))
    }

    /// Nothing, if it can be done.
    ///
    /// # Errors
    /// [`Class::Unsupported`].
    pub fn check(&self, megavisor: &str, verb: Verb) -> Result<(), CloudError> {
        if self.does.contains(&verb) {
            return Ok(());
        }
        let message = format!("the megavisor {megavisor} cannot do this: {verb}");
        Err(CloudError::new(
            Class::Unsupported,
            verb.to_string(),
            message,
        ))
    }
}
