use redeye_cloud::{JournalError, Name, OperationId};

/// What could not be done with a storage. Nothing was begun.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// There is none of this name.
    #[error("there is no storage {name}; there are: {known}")]
    Unknown {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// There is no such snapshot of it.
    #[error("storage {storage} has no snapshot {id}")]
    NoSnapshot {
        /// The storage.
        storage: Name,
        /// The snapshot.
        id: OperationId,
    },
    /// It makes no sense here.
    #[error("{doing} of storage {storage}: {why}")]
    Refused {
        /// What was wanted.
        doing: String,
        /// Of which storage.
        storage: Name,
        /// Why not.
        why: String,
    },
    /// It waits for a person.
    #[error("storage {storage} takes nothing new: operation {by} is stuck; look, then resolve it")]
    Stuck {
        /// The storage.
        storage: Name,
        /// The operation that left it so.
        by: OperationId,
    },
    /// Somebody works on it.
    #[error("storage {0} is being worked on")]
    Busy(Name),
    /// The journal refused.
    #[error(transparent)]
    Journal(#[from] JournalError),
}
