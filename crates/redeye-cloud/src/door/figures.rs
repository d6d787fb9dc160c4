use std::collections::BTreeMap;

use super::Cloud;
use crate::cache::Figures;
use crate::error::Class;
use crate::journal::JournalError;
use crate::scope::Scope;

/// What happened to writes since the start of this process.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) ended: BTreeMap<(Scope, &'static str), u64>,
    pub(super) errors: BTreeMap<(Scope, Class), u64>,
}

/// How everything goes, for whoever watches it. What is counted is counted since the
/// start of this process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CloudFigures {
    /// Reads: whether the cloud answers, what went wrong, how old what is kept is.
    pub reads: Figures,
    /// Calls that should change something and failed, by class; some were tried again.
    pub write_errors: BTreeMap<(Scope, Class), u64>,
    /// Operations that ended here, by how: `done`, `failed`, `cancelled`, `stuck`.
    pub ended: BTreeMap<(Scope, &'static str), u64>,
    /// Operations of all processes that are under way or wait for a person, by state:
    /// `accepted`, `sending`, `running`, `stuck`.
    pub open: BTreeMap<(Scope, &'static str), u64>,
}

impl Cloud {
    /// How everything goes.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn figures(&self) -> Result<CloudFigures, JournalError> {
        let mut open = BTreeMap::new();
        for operation in self.operations(false).await? {
            let name = operation.state.name();
            *open.entry((operation.request.scope, name)).or_default() += 1;
        }
        let tally = self.inner.tally.lock();
        Ok(CloudFigures {
            reads: self.cache().figures(),
            write_errors: tally.errors.clone(),
            ended: tally.ended.clone(),
            open,
        })
    }
}
