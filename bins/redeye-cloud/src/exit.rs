use std::process::ExitCode;

use redeye_cloud::{Class, CloudError, DoorError, JournalError};
use redeye_storage::StorageError;

/// How the command ended: the same number for the same end, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    Failed,
    Usage,
    NotFound,
    Partial,
    Stale,
    Denied,
    StillRunning,
}

impl End {
    /// The worse of two ends of one command.
    pub(crate) fn worse(self, other: Self) -> Self {
        match (self, other) {
            (Self::Done, other) => other,
            (own, Self::Done) => own,
            (own, other) if own == other => own,
            _ => Self::Partial,
        }
    }
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        Self::from(match end {
            End::Done => 0,
            End::Failed => 1,
            End::Usage => 2,
            End::NotFound => 3,
            End::Partial => 4,
            End::Stale => 5,
            End::Denied => 6,
            End::StillRunning => 7,
        })
    }
}

/// A mistake in the arguments or the configuration; nothing was begun.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Mistake(pub(crate) String);

pub(crate) fn of_class(class: Class) -> End {
    match class {
        Class::NotFound => End::NotFound,
        Class::Denied => End::Denied,
        Class::Invalid | Class::Unsupported => End::Usage,
        _ => End::Failed,
    }
}

pub(crate) fn of_error(error: &anyhow::Error) -> End {
    for cause in error.chain() {
        if cause.is::<Mistake>() {
            return End::Usage;
        }
        if let Some(error) = cause.downcast_ref::<CloudError>() {
            return of_class(error.class);
        }
        if let Some(DoorError::Cloud(error)) = cause.downcast_ref() {
            return of_class(error.class);
        }
        if let Some(error) = cause.downcast_ref::<StorageError>() {
            return match error {
                StorageError::Unknown { .. } | StorageError::NoSnapshot { .. } => End::NotFound,
                StorageError::Refused { .. } => End::Usage,
                StorageError::Stuck { .. } | StorageError::Busy(_) | StorageError::Journal(_) => {
                    End::Failed
                }
            };
        }
        if let Some(error) = cause.downcast_ref::<JournalError>() {
            return match error {
                JournalError::Unknown(_) => End::NotFound,
                JournalError::State { .. } => End::Usage,
                JournalError::Store { .. } | JournalError::Lost(_) => End::Failed,
            };
        }
    }
    End::Failed
}
