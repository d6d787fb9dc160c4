//! The one way out, whatever the contact.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use crate::{Contact, Outgoing};

/// What [`Post::send`] returns, boxed so that a `Post` can be a trait object.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Sent, SendError>> + Send + 'a>>;

/// Carries messages to contacts.
pub trait Post: Send + Sync {
    /// Hands `message` to whoever is behind `contact`, or says why not, within
    /// `deadline` from now. `Sent` means that the other side took it over: a
    /// mail server queued it, a receiver answered 2xx, a script ended with 0.
    ///
    /// Dropping the future gives the attempt up; whether the other side got
    /// the message is then unknown, as after a crash.
    fn send<'a>(
        &'a self,
        message: &'a Outgoing,
        contact: &'a Contact,
        deadline: Duration,
    ) -> Sending<'a>;
}

/// The other side took the message over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// The other side's name for it, if it told one.
    pub provider_id: Option<String>,
    /// What it answered, for the timeline; at most a few hundred bytes.
    pub detail: String,
}

/// The message is not delivered, as far as we know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct SendError {
    /// Whether it is worth trying again.
    pub kind: Refusal,
    /// What happened, for the timeline; at most a few hundred bytes and
    /// without secrets.
    pub text: String,
    /// The other side asked to be left alone for so long.
    pub retry_after: Option<Duration>,
}

/// Whether to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// It may work later: try again.
    Temporary,
    /// It will not work until somebody repairs the contact: tell somebody,
    /// take another contact.
    Permanent,
}

impl SendError {
    /// It may work later.
    pub fn temporary(text: impl Into<String>) -> Self {
        Self {
            kind: Refusal::Temporary,
            text: text.into(),
            retry_after: None,
        }
    }

    /// The contact is broken.
    pub fn permanent(text: impl Into<String>) -> Self {
        Self {
            kind: Refusal::Permanent,
            text: text.into(),
            retry_after: None,
        }
    }

    /// Whether it is worth trying again.
    pub fn is_temporary(&self) -> bool {
        self.kind == Refusal::Temporary
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Temporary => "temporary",
            Self::Permanent => "permanent",
        })
    }
}
