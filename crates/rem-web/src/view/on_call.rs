use std::sync::Arc;

use rem_alert::shift::{Change, Edit, Shift, Slot, Why};
use rem_desk::{Broken, OnCallView};
use serde::Serialize;

/// Who has a role, and who then.
#[derive(Debug, Serialize)]
pub(crate) struct OnCallJson {
    pub(crate) role: String,
    /// Nobody: a gap.
    pub(crate) now: Vec<Arc<str>>,
    pub(crate) until: Option<String>,
    pub(crate) next: Vec<Arc<str>>,
}

/// A stretch of time somebody has a role.
#[derive(Debug, Serialize)]
pub(crate) struct ShiftJson {
    pub(crate) role: String,
    pub(crate) user: String,
    pub(crate) from: String,
    pub(crate) until: String,
    pub(crate) why: String,
    /// The edit that put them there.
    pub(crate) edit: Option<u64>,
}

/// What somebody changed in the calendar.
#[derive(Debug, Serialize)]
pub(crate) struct EditJson {
    pub(crate) id: u64,
    pub(crate) by: String,
    pub(crate) at: String,
    pub(crate) reason: String,
    /// `override`, `add`, `take`, `swap` or `vacation`.
    pub(crate) kind: &'static str,
    pub(crate) text: String,
    pub(crate) users: Vec<String>,
    pub(crate) roles: Vec<String>,
    pub(crate) from: Option<String>,
    pub(crate) until: Option<String>,
    pub(crate) withdrawn: Option<WithdrawnJson>,
}

#[derive(Debug, Serialize)]
pub(crate) struct WithdrawnJson {
    pub(crate) by: String,
    pub(crate) at: String,
}

/// A contact that does not work.
#[derive(Debug, Serialize)]
pub(crate) struct BrokenJson {
    pub(crate) user: String,
    pub(crate) contact: String,
    pub(crate) since: String,
    pub(crate) why: String,
}

impl From<OnCallView> for OnCallJson {
    fn from(view: OnCallView) -> Self {
        Self {
            role: view.role.to_string(),
            now: view.now,
            until: view.until.map(|at| at.to_string()),
            next: view.next,
        }
    }
}

impl From<&Shift> for ShiftJson {
    fn from(shift: &Shift) -> Self {
        let (why, edit) = why(&shift.why);
        Self {
            role: shift.role.to_string(),
            user: shift.user.to_string(),
            from: shift.from.to_string(),
            until: shift.to.to_string(),
            why,
            edit,
        }
    }
}

fn why(why: &Why) -> (String, Option<u64>) {
    match why {
        Why::Turn {
            rotation,
            stands_in_for: None,
            ..
        } => (format!("turn in {rotation}"), None),
        Why::Turn {
            rotation,
            stands_in_for: Some(user),
            ..
        } => (format!("turn in {rotation}, for {user} who is away"), None),
        Why::Standing => ("stands by".into(), None),
        Why::Replaced {
            edit,
            instead_of: Some(user),
        } => (format!("instead of {user}"), Some(edit.0)),
        Why::Replaced {
            edit,
            instead_of: None,
        } => ("override".into(), Some(edit.0)),
        Why::Added { edit } => ("added".into(), Some(edit.0)),
        Why::Taken { edit } => ("took it over".into(), Some(edit.0)),
        Why::Swapped { edit, swap } => (format!("swap {swap}"), Some(edit.0)),
    }
}

impl From<&Edit> for EditJson {
    fn from(edit: &Edit) -> Self {
        let (kind, text) = said(&edit.change);
        let users = edit.change.users().into_iter();
        let ranges = edit.change.ranges();
        Self {
            id: edit.id.0,
            by: edit.author.to_string(),
            at: edit.at.to_string(),
            reason: edit.reason.clone(),
            kind,
            text,
            users: users.map(ToString::to_string).collect(),
            roles: edit
                .change
                .slots()
                .map(|slot| slot.role.to_string())
                .collect(),
            from: ranges
                .iter()
                .map(|range| range.from)
                .min()
                .map(|at| at.to_string()),
            until: ranges
                .iter()
                .map(|range| range.to)
                .max()
                .map(|at| at.to_string()),
            withdrawn: edit.withdrawn.as_ref().map(|(by, at)| WithdrawnJson {
                by: by.to_string(),
                at: at.to_string(),
            }),
        }
    }
}

fn said(change: &Change) -> (&'static str, String) {
    let slot = |slot: &Slot| format!("{} in {}", slot.user, slot.role);
    match change {
        Change::Replace {
            slot: of,
            instead_of: Some(user),
        } => ("override", format!("{} instead of {user}", slot(of))),
        Change::Replace {
            slot: of,
            instead_of: None,
        } => ("override", format!("{} alone", slot(of))),
        Change::Add { slot: of } => ("add", format!("{} as well", slot(of))),
        Change::Take { slot: of } => ("take", format!("{} took the shift", slot(of))),
        Change::Swap { give, to, want, .. } => {
            let back = want.as_ref().map(|want| format!(", for {}", slot(want)));
            let back = back.unwrap_or_default();
            ("swap", format!("{} to {to}{back}", slot(give)))
        }
        Change::Vacation { user, .. } => ("vacation", format!("{user} is away")),
    }
}

impl From<&Broken> for BrokenJson {
    fn from(broken: &Broken) -> Self {
        Self {
            user: broken.to.to_string(),
            contact: broken.contact.clone(),
            since: broken.since.to_string(),
            why: broken.why.clone(),
        }
    }
}
