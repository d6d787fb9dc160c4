use std::collections::BTreeSet;
use std::fmt;

use rem_time::{Span, Timestamp};

use super::{Calendar, EditId, Ownership, Range, RoleId, UserId};

#[cfg(test)]
mod tests;

/// How far ahead gaps are looked for.
const GAPS_AHEAD: Span = Span::from_seconds(90 * 86_400);

/// Something in a calendar that will not do what people expect. Its text is a sentence
/// for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Nobody is on call at some time of the next 90 days.
    Gaps {
        /// The role.
        role: RoleId,
        /// When, joined where they touch.
        ranges: Vec<Range>,
    },
    /// A member cannot be told anything.
    NoContact {
        /// Who.
        user: UserId,
        /// In which roles.
        roles: Vec<RoleId>,
    },
    /// A step of a service is never reached.
    Unreachable {
        /// The service.
        service: String,
        /// Which step, from 1.
        step: usize,
        /// Its role.
        role: RoleId,
        /// The earlier step that never ends, from 1.
        endless: usize,
    },
    /// A service has no step.
    NoSteps {
        /// The service.
        service: String,
    },
    /// A step names a role that does not exist.
    UnknownRole {
        /// The service.
        service: String,
        /// Which step, from 1.
        step: usize,
        /// The name.
        role: RoleId,
    },
    /// A role names a user who does not exist.
    UnknownUser {
        /// The name.
        user: UserId,
        /// The role.
        role: RoleId,
    },
    /// Two rotations of a role have one name, so that their entries in an iCal feed
    /// could not be told apart.
    SameName {
        /// The role.
        role: RoleId,
        /// The name.
        rotation: String,
    },
    /// An edit that still matters names a role or users who are no more.
    LostEdit {
        /// The edit.
        edit: EditId,
        /// Who made it.
        author: UserId,
        /// The name that is unknown.
        name: String,
    },
}

/// Looks for what will not do what people expect, from `now` on. `reachable` says
/// whether somebody has a contact that works.
pub fn lint(
    calendar: &Calendar,
    services: &[Ownership],
    reachable: impl Fn(&UserId) -> bool,
    now: Timestamp,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for role in calendar.roles() {
        let ranges = calendar.gaps(&role.id, Range::new(now, now + GAPS_AHEAD));
        if !ranges.is_empty() {
            let role = role.id.clone();
            findings.push(Finding::Gaps { role, ranges });
        }
        let mut names = BTreeSet::new();
        for rotation in &role.layers {
            if !names.insert(rotation.name()) {
                findings.push(Finding::SameName {
                    role: role.id.clone(),
                    rotation: rotation.name().into(),
                });
            }
        }
        for user in role.members().into_iter().chain(&role.admins) {
            if !calendar.users().contains_key(user) {
                let (user, role) = (user.clone(), role.id.clone());
                let unknown = Finding::UnknownUser { user, role };
                if !findings.contains(&unknown) {
                    findings.push(unknown);
                }
            }
        }
    }
    for user in calendar.users().keys() {
        let roles = calendar.roles().iter();
        let roles = roles.filter(|role| role.members().contains(user));
        let roles: Vec<RoleId> = roles.map(|role| role.id.clone()).collect();
        if !roles.is_empty() && !reachable(user) {
            let user = user.clone();
            findings.push(Finding::NoContact { user, roles });
        }
    }
    for service in services {
        lint_steps(calendar, service, &mut findings);
    }
    lint_edits(calendar, now, &mut findings);
    findings
}

fn lint_steps(calendar: &Calendar, service: &Ownership, findings: &mut Vec<Finding>) {
    let name = || service.service.clone();
    if service.steps.is_empty() {
        findings.push(Finding::NoSteps { service: name() });
    }
    let mut endless = None;
    for (step, of) in (1..).zip(&service.steps) {
        if calendar.role(&of.role).is_none() {
            findings.push(Finding::UnknownRole {
                service: name(),
                step,
                role: of.role.clone(),
            });
        }
        if let Some(endless) = endless {
            findings.push(Finding::Unreachable {
                service: name(),
                step,
                role: of.role.clone(),
                endless,
            });
        } else if of.tries.is_none() {
            endless = Some(step);
        }
    }
}

fn lint_edits(calendar: &Calendar, now: Timestamp, findings: &mut Vec<Finding>) {
    let edits = calendar
        .edits()
        .iter()
        .filter(|edit| edit.withdrawn.is_none());
    for edit in edits {
        if edit.change.ranges().iter().all(|range| range.to <= now) {
            continue;
        }
        let roles = edit.change.slots().map(|slot| &slot.role);
        let lost_role = roles
            .filter(|role| calendar.role(role).is_none())
            .map(RoleId::as_str);
        let users = edit.change.users().into_iter();
        let lost_user = users
            .filter(|user| !calendar.users().contains_key(*user))
            .map(UserId::as_str);
        let names: BTreeSet<&str> = lost_role.chain(lost_user).collect();
        findings.extend(names.into_iter().map(|name| Finding::LostEdit {
            edit: edit.id,
            author: edit.author.clone(),
            name: name.into(),
        }));
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gaps { role, ranges } => {
                let first = ranges.first().map(ToString::to_string).unwrap_or_default();
                write!(f, "nobody is on call in {role} from {first}")?;
                match ranges.len() {
                    0 | 1 => Ok(()),
                    2 => f.write_str(", and once more within 90 days"),
                    count => write!(f, ", and {} times more within 90 days", count - 1),
                }
            }
            Self::NoContact { user, roles } => {
                let roles: Vec<&str> = roles.iter().map(RoleId::as_str).collect();
                let roles = roles.join(", ");
                write!(
                    f,
                    "{user} has no working contact and cannot be reached for {roles}"
                )
            }
            Self::Unreachable {
                service,
                step,
                role,
                endless,
            } => write!(
                f,
                "step {step} of {service}, {role}, is never reached: step {endless} repeats for ever"
            ),
            Self::NoSteps { service } => {
                write!(f, "nobody is told about {service}: it has no owners")
            }
            Self::UnknownRole {
                service,
                step,
                role,
            } => write!(
                f,
                "step {step} of {service} names a role that does not exist: {role}"
            ),
            Self::UnknownUser { user, role } => {
                write!(f, "role {role} names a user who does not exist: {user}")
            }
            Self::SameName { role, rotation } => {
                write!(f, "role {role} has two rotations of one name: {rotation}")
            }
            Self::LostEdit { edit, author, name } => {
                write!(
                    f,
                    "change {edit} by {author} names what does not exist any more: {name}"
                )
            }
        }
    }
}
