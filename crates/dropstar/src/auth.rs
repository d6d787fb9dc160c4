mod accounts;
mod attempts;
mod gate;
mod session;

use std::fmt;
use std::sync::Arc;

pub use accounts::{AccountError, Accounts, hash_password};
pub(crate) use gate::{Gate, Refusal};
pub(crate) use session::Session;

/// Who may use a listener.
#[derive(Clone, Debug)]
pub enum Auth {
    /// Everybody who can reach it, as an administrator. The default on loopback;
    /// elsewhere it has to be said.
    None,
    /// People and programs with an account.
    Accounts(Arc<Accounts>),
}

impl From<Accounts> for Auth {
    fn from(accounts: Accounts) -> Self {
        Self::Accounts(Arc::new(accounts))
    }
}

/// What a caller may do; each role may do what the ones before it may.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Acknowledges, snoozes, runs jobs.
    Operator,
    /// Changes how things are set up.
    Admin,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        })
    }
}

/// How a caller proved who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// Not at all: the listener asks nobody, or the page is public.
    Nothing,
    /// HTTP Basic.
    Basic,
    /// A bearer token.
    Token,
    /// The cookie of the sign-in page.
    Session,
}

/// Who sent a request.
#[derive(Clone, Debug)]
pub struct Caller {
    pub(crate) name: Arc<str>,
    pub(crate) role: Option<Role>,
    pub(crate) via: Via,
}

impl Caller {
    pub(crate) fn nobody(role: Option<Role>) -> Self {
        Self {
            name: "anonymous".into(),
            role,
            via: Via::Nothing,
        }
    }

    /// The account's name, or `anonymous`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The role; `None` for somebody who is not signed in and sees a public page.
    pub fn role(&self) -> Option<Role> {
        self.role
    }

    /// How the caller proved who it is.
    pub fn via(&self) -> Via {
        self.via
    }

    /// Whether the caller has at least this role.
    pub fn may(&self, role: Role) -> bool {
        self.role.is_some_and(|own| own >= role)
    }
}
