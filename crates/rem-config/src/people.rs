use std::path::PathBuf;

use rem_alert::shift;
use rem_yaml::Place;

use crate::config::Written;
use crate::contact::Contact;
use crate::listener::{Role as Right, Token, User};
use crate::name::{RoleName, UserName};

/// A role that people are on call in.
#[derive(Clone, Debug)]
pub struct Duty {
    /// Its name.
    pub name: RoleName,
    /// Who is on call when.
    pub role: shift::Role,
    /// What writes the list of tasks for the hand-over.
    pub tasks: Option<TaskScript>,
    /// Where it is written.
    pub place: Place,
    pub(crate) written: Written,
}

/// A script whose output goes with the hand-over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskScript {
    /// The script; it exists.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// Somebody who can be told and be on call.
#[derive(Clone, Debug)]
pub struct Person {
    /// Their name in the configuration.
    pub name: UserName,
    /// As they are called in messages.
    pub full_name: Option<String>,
    /// A number for scripts that send texts.
    pub phone: Option<String>,
    /// What they may do.
    pub right: Right,
    /// Zone and notices.
    pub user: shift::User,
    /// How to reach them, the best way first.
    pub contacts: Vec<Contact>,
    /// When they are away.
    pub vacations: Vec<shift::Range>,
    /// With what they sign in to the pages.
    pub sign_in: Option<User>,
    /// With what their programs call.
    pub token: Option<Token>,
    /// Where it is written.
    pub place: Place,
    pub(crate) written: Written,
}

/// What somebody may do who signs in as a person and of whom nothing else is said.
pub(crate) const RIGHT_DEFAULT: Right = Right::Operator;

impl Duty {
    /// Whether both say the same, wherever that is written.
    pub fn same_as(&self, other: &Self) -> bool {
        self.name == other.name && self.role == other.role && self.tasks == other.tasks
    }
}

impl Person {
    /// Whether both say the same, wherever that is written.
    pub fn same_as(&self, other: &Self) -> bool {
        let contacts = self.contacts.iter().zip(&other.contacts);
        self.name == other.name
            && self.full_name == other.full_name
            && self.phone == other.phone
            && self.right == other.right
            && self.user == other.user
            && self.contacts.len() == other.contacts.len()
            && contacts.into_iter().all(|(one, other)| one.same_as(other))
            && self.vacations == other.vacations
            && self.sign_in == other.sign_in
            && self.token == other.token
    }
}
