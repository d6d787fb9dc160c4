use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::name::{Name, NameError};

/// Where something is: a megavisor, an account at it, a region of it. Reads are
/// kept, limits are counted and failures are told apart by scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// Which megavisor.
    pub megavisor: Name,
    /// Whose account; the same account under other credentials is the same scope.
    pub account: Name,
    /// Which region.
    pub region: Name,
}

/// Why a text is not a [`Scope`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Not three parts.
    #[error("expected megavisor/account/region, such as ec2/prod/eu-west-1: {0}")]
    Parts(String),
    /// A part is not a name.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl Scope {
    /// A scope from its three names.
    pub fn new(megavisor: Name, account: Name, region: Name) -> Self {
        Self {
            megavisor,
            account,
            region,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.megavisor, self.account, self.region)
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let parts: Vec<&str> = text.split('/').collect();
        let [megavisor, account, region] = parts[..] else {
            return Err(ScopeError::Parts(text.into()));
        };
        Ok(Self::new(
            Name::new(megavisor)?,
            Name::new(account)?,
            Name::new(region)?,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_written_as_three_names() {
        let scope: Scope = "ec2/prod/eu-west-1".parse().unwrap();
        assert_eq!(scope.region.as_str(), "eu-west-1");
        assert_eq!(scope.to_string(), "ec2/prod/eu-west-1");
        for bad in ["ec2/prod", "ec2//eu", "a/b/c/d", "A/b/c"] {
            assert!(bad.parse::<Scope>().is_err(), "{bad}");
        }
    }
}
