mod holds;
mod model;

/// A fault built into the machine on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// A refire leaves the snooze.
    KeepsSnooze,
    /// A clear forgets that nobody answered.
    ForgetsUnacked,
    /// Only a fire arms the ladder.
    EdgeTriggered,
    /// A refire drops a complete acknowledgement.
    FlapClearsComplete,
    /// A forced hold leaves the due time.
    ForcedKeepsDue,
}
