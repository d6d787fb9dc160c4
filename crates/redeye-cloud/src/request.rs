use std::fmt;
use std::str::FromStr;

use rem_time::Timestamp;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::action::Action;
use crate::scope::Scope;

/// The name of one operation, for ever: 26 letters and digits that sort by time. It
/// is what clouds get as the token by which they know a repeated request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OperationId(Ulid);

/// A text that is no [`OperationId`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of an operation, such as 01J9ZQ6T3D9T8P6V6X0Y3K5M1A: {0}")]
pub struct NotAnOperation(String);

impl OperationId {
    /// A new one that nobody can guess.
    ///
    /// # Panics
    /// If the machine has no source of chance.
    #[must_use]
    pub fn random(now: Timestamp) -> Self {
        let mut chance = [0; 10];
        #[allow(clippy::expect_used, reason = "no program goes on without it")]
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut chance)
            .expect("a source of chance");
        Self::new(now, chance)
    }

    /// A new one; the first six bytes of its sixteen are the time, the others chance.
    pub fn new(now: Timestamp, chance: [u8; 10]) -> Self {
        let mut random = [0; 16];
        random[6..].copy_from_slice(&chance);
        let millis = u64::try_from(now.as_millis()).unwrap_or(0);
        Self(Ulid::from_parts(millis, u128::from_be_bytes(random)))
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for OperationId {
    type Err = NotAnOperation;

    fn from_str(text: &str) -> Result<Self, NotAnOperation> {
        Ulid::from_string(text)
            .map(Self)
            .map_err(|_| NotAnOperation(text.into()))
    }
}

impl TryFrom<String> for OperationId {
    type Error = NotAnOperation;

    fn try_from(text: String) -> Result<Self, NotAnOperation> {
        text.parse()
    }
}

impl From<OperationId> for String {
    fn from(id: OperationId) -> Self {
        id.to_string()
    }
}

/// An action, where, under which name, and until when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Its name: the same on every attempt.
    pub id: OperationId,
    /// Where.
    pub scope: Scope,
    /// What.
    pub action: Action,
    /// After this nobody tries any more.
    pub deadline: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_sorts_by_time_and_reads_back() {
        let early = OperationId::new(Timestamp::from_seconds(1_800_000_000), [255; 10]);
        let late = OperationId::new(Timestamp::from_millis(1_800_000_000_001), [0; 10]);
        assert!(early < late);
        assert!(early.to_string() < late.to_string());
        assert_eq!(early.to_string().parse(), Ok(early));
        assert!("01J9".parse::<OperationId>().is_err());
    }
}
