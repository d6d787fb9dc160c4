use rem_time::{Span, Timestamp};

use super::{Calendar, RoleId, UserId};

/// Who is told about a service, role by role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// The service.
    pub service: String,
    /// The roles, the first to be told first.
    pub steps: Vec<Step>,
}

/// One role of an [`Ownership`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The role.
    pub role: RoleId,
    /// How often it is tried before the next; `None`: for ever, no next is reached.
    pub tries: Option<u32>,
    /// How long between two tries.
    pub every: Span,
    /// How long after the last try of the step before the first of this one comes.
    pub after: Span,
}

/// A step with the people who are on call for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rung {
    /// The role.
    pub role: RoleId,
    /// Who has it at that instant; nobody in a gap.
    pub users: Vec<UserId>,
    /// How often they are tried.
    pub tries: Option<u32>,
    /// How long between two tries.
    pub every: Span,
    /// How long after the step before.
    pub after: Span,
}

impl Calendar {
    /// The steps of a service with who is on call at an instant.
    pub fn ladder(&self, ownership: &Ownership, at: Timestamp) -> Vec<Rung> {
        let steps = ownership.steps.iter();
        let rungs = steps.map(|step| Rung {
            users: self.on_call(&step.role, at),
            role: step.role.clone(),
            tries: step.tries,
            every: step.every,
            after: step.after,
        });
        rungs.collect()
    }
}
