use rem_time::Span;
use rem_yaml::Place;

use crate::check::RunCheck;
use crate::name::JobName;

/// What a level can trigger.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its name.
    pub name: JobName,
    /// What is run.
    pub run: RunCheck,
    /// How long it may take; [`JOB_TIMEOUT_DEFAULT`] unless told.
    pub timeout: Span,
    /// Where it is written.
    pub place: Place,
}

/// How long a job may take unless told.
pub const JOB_TIMEOUT_DEFAULT: Span = Span::from_seconds(60);

impl Job {
    /// Whether both do the same, wherever that is written.
    pub fn same_as(&self, other: &Self) -> bool {
        self.name == other.name && self.run == other.run && self.timeout == other.timeout
    }
}
