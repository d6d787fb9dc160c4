use std::fmt;

use rem_time::Span;
use serde::{Deserialize, Serialize};

/// Characters kept of what a cloud or a tool said.
const MESSAGE_CHARS_MAX: usize = 4_000;

/// Why a cloud did not do or say what was asked. The class decides what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Asked too often; later it may work.
    Throttled,
    /// Not reached, broken, or too slow: connection, 5xx, time-out.
    Unavailable,
    /// There is no such thing, and the cloud said so itself.
    NotFound,
    /// The thing is in a state in which this is not done.
    Conflict,
    /// The credentials do not allow it.
    Denied,
    /// What was asked makes no sense.
    Invalid,
    /// No room for it at the moment.
    NoCapacity,
    /// The account may not have more.
    Quota,
    /// This megavisor cannot do it.
    Unsupported,
    /// A program or file that is needed here is missing or broken.
    Tool,
    /// The answer is nonsense.
    Protocol,
    /// It was tried and did not work; trying again would not either.
    Failed,
    /// Nobody can say whether it was done; see [`CloudError::unclear`].
    Unclear,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Throttled,
        Self::Unavailable,
        Self::NotFound,
        Self::Conflict,
        Self::Denied,
        Self::Invalid,
        Self::NoCapacity,
        Self::Quota,
        Self::Unsupported,
        Self::Tool,
        Self::Protocol,
        Self::Failed,
        Self::Unclear,
    ];

    /// Whether the same request may work in a moment.
    pub fn passes(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable)
    }

    /// Whether an older answer is better than this error. `Denied` is among them,
    /// because people need to see their machines in an accident with credentials.
    pub fn stale_helps(self) -> bool {
        matches!(
            self,
            Self::Throttled
                | Self::Unavailable
                | Self::Protocol
                | Self::Denied
                | Self::Tool
                | Self::Failed
        )
    }

    /// Its name: `throttled`, `no_capacity` and so on.
    pub fn name(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Denied => "denied",
            Self::Invalid => "invalid",
            Self::NoCapacity => "no_capacity",
            Self::Quota => "quota",
            Self::Unsupported => "unsupported",
            Self::Tool => "tool",
            Self::Protocol => "protocol",
            Self::Failed => "failed",
            Self::Unclear => "unclear",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a cloud, or the way to it, refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{doing}: {class}: {message}")]
pub struct CloudError {
    /// Which sort of failure.
    pub class: Class,
    /// What was being done, such as `list instances`.
    pub doing: String,
    /// What it said, without secrets, at most 4,000 characters.
    pub message: String,
    /// The cloud's own word for it, such as `InsufficientInstanceCapacity`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// How long the cloud wants to be left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Span>,
}

impl CloudError {
    /// An error of a class; `doing` says what was being done.
    pub fn new(class: Class, doing: impl Into<String>, message: impl Into<String>) -> Self {
        let mut message: String = message.into();
        if let Some((end, _)) = message.char_indices().nth(MESSAGE_CHARS_MAX) {
            message.truncate(end);
            message.push('…');
        }
        Self {
            class,
            doing: doing.into(),
            message,
            code: None,
            retry_after: None,
        }
    }

    /// With the cloud's own word for it.
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// With the time the cloud wants to be left alone.
    pub fn retry_after(mut self, span: Span) -> Self {
        self.retry_after = Some(span);
        self
    }

    /// What was begun may have happened or not: whoever asked must look before
    /// asking again.
    pub fn unclear(doing: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Class::Unclear, doing, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_stored_under_its_name() {
        for class in Class::ALL {
            let text = serde_json::to_string(&class).unwrap();
            assert_eq!(text, format!("\"{class}\""));
        }
    }

    #[test]
    fn a_long_message_is_cut_at_a_letter() {
        let error = CloudError::new(Class::Tool, "query", "ß".repeat(5_000));
        assert_eq!(error.message.chars().count(), 4_001);
    }
}
