use std::fmt;
use std::sync::Arc;

use rem_alert::shift::Author;

use crate::core::Refused;

/// What somebody may do; each may do what the ones before it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// Looks, and changes nothing.
    Viewer,
    /// Answers alerts, holds them, and changes own shifts; those of others in roles
    /// that name them as admin.
    #[default]
    Operator,
    /// Changes everybody's shifts as well.
    Admin,
}

/// Who does something, and with which right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Their name: a user of the rules, or an account that is none.
    pub name: Arc<str>,
    /// What they may do.
    pub right: Right,
}

impl Actor {
    /// Somebody with a right.
    pub fn new(name: impl Into<Arc<str>>, right: Right) -> Self {
        Self {
            name: name.into(),
            right,
        }
    }

    /// Somebody who answers alerts.
    pub fn operator(name: impl Into<Arc<str>>) -> Self {
        Self::new(name, Right::Operator)
    }

    /// Refuses whoever has less than `least`; `what` is what they wanted.
    pub(crate) fn needs(&self, least: Right, what: &'static str) -> Result<(), Refused> {
        match least <= self.right {
            true => Ok(()),
            false => Err(Refused::NotAllowed {
                who: self.name.clone(),
                right: self.right,
                what,
                least,
            }),
        }
    }

    pub(crate) fn author(&self) -> Author {
        match self.right {
            Right::Admin => Author::of_site(&*self.name),
            Right::Viewer | Right::Operator => Author::from(&*self.name),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        })
    }
}
