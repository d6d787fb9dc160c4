use std::sync::Arc;

use rem_time::Timestamp;

use super::audit::AuditLine;

/// What must happen now, in the same durable commit as the new state.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Queue a message that wants an answer.
    Page(Page),
    /// Queue a message that wants none.
    Note(Note),
    /// Nobody is on call for a role: raise the alert `oncall-gap/<role>`.
    Gap {
        /// The role.
        role: Arc<str>,
    },
    /// Pages of this episode below number `before` that have not left must not leave.
    Supersede {
        /// The number of the episode.
        episode: u64,
        /// The first number that may leave.
        before: u32,
        /// Why.
        why: SupersedeReason,
    },
    /// Look at these parents at once.
    RecheckParents {
        /// Their nodes.
        nodes: Arc<[Arc<str>]>,
    },
    /// Look at the subject itself at once.
    RecheckSubject,
    /// One line of the timeline.
    Audit(AuditLine),
}

/// A message that wants an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The number of the episode.
    pub episode: u64,
    /// Its number in the episode: with the episode's id the id of the message.
    pub message: u32,
    /// Whom the ladder meant.
    pub to: Recipient,
    /// The users to tell; empty only for [`Recipient::Fallback`].
    pub users: Vec<Arc<str>>,
    /// How urgent.
    pub urgency: Urgency,
    /// Rounds of the ladder before this one.
    pub round: u32,
    /// Tries of this step in this round, from 1.
    pub attempt: u32,
}

/// Whom a page is meant for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Recipient {
    /// Those on call for a role.
    Role(Arc<str>),
    /// One user, by reassignment or because they took it.
    User(Arc<str>),
    /// The fallback contact of the site: all roles of the ladder are empty.
    Fallback,
}

/// How urgent a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Urgency {
    /// Wake somebody.
    Page,
    /// A mail: the alert is over and nobody ever acknowledged it.
    Low,
}

/// A message that wants no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The number of the episode.
    pub episode: u64,
    /// Its number in the episode.
    pub message: u32,
    /// The users to tell; never empty.
    pub users: Vec<Arc<str>>,
    /// What it says.
    pub kind: NoteKind,
}

/// What a note says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// What you were paged for is explained by this parent.
    ExplainedBy {
        /// The parent's node.
        parent: Arc<str>,
    },
    /// Somebody snoozed it.
    Snoozed {
        /// Who.
        by: Arc<str>,
        /// Until when.
        until: Timestamp,
    },
    /// Somebody acknowledged it completely.
    Completed {
        /// Who.
        by: Arc<str>,
    },
    /// Somebody took it.
    Taken {
        /// Who.
        by: Arc<str>,
    },
    /// It is yours now, but held, so no page follows yet.
    Reassigned {
        /// Who said so.
        by: Arc<str>,
    },
    /// It is over.
    Recovered {
        /// Nobody ever acknowledged it.
        unacked: bool,
    },
    /// The alert is no longer configured; the episode was closed while open.
    Removed {
        /// Why.
        why: Arc<str>,
    },
}

/// Why pages must not leave any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SupersedeReason {
    /// It no longer fires.
    Cleared,
    /// A parent explains it.
    Dependency,
    /// A forced hold or a maintenance window.
    Held,
    /// Somebody answered.
    Acknowledged,
    /// The alert is no longer configured.
    Removed,
    /// Somebody else is paged instead.
    Reassigned,
}
