use rem_time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::CloudError;

/// What a read found, and how much that is worth. There is no way to say "nothing
/// there" when nobody could look: that is an error, or an older listing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listing<T> {
    /// What there is, in the order of the ids.
    pub items: Vec<T>,
    /// Whether that is all of it.
    pub complete: bool,
    /// Where it is from.
    pub origin: Origin,
    /// When somebody began to look.
    pub observed_at: Timestamp,
    /// What a reader should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// Where a listing is from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The cloud said it just now.
    Live,
    /// It was kept.
    Cache {
        /// How old it is.
        age: Span,
        /// Why it is not newer.
        why: Why,
    },
}

/// Why an answer is not live.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It is young enough.
    Fresh,
    /// A newer one is being fetched meanwhile.
    Refreshing,
    /// What is kept was asked for.
    Asked,
    /// The cloud could not be asked; this is what it said.
    Failed(CloudError),
    /// The cloud failed before and is left alone for so long.
    LeftAlone {
        /// How long still.
        remaining: Span,
        /// What it said last.
        last: CloudError,
    },
    /// A newer listing had lost so much that it is not believed yet.
    Suspect {
        /// How many were there before.
        before: u64,
        /// How many the newer one has.
        now: u64,
    },
}

/// What a reader of a listing should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// Part of it could not be fetched.
    Partial {
        /// Why.
        error: CloudError,
    },
    /// Older than a week.
    Ancient,
    /// A write is under way whose end the listing does not show; expected states are
    /// shown in its place.
    Expected {
        /// How many items are shown as they should become.
        items: u64,
    },
    /// Kept in a file that could not be written.
    NotKept {
        /// Why.
        error: String,
    },
}

impl<T> Listing<T> {
    /// All there is, seen just now.
    pub fn live(items: Vec<T>, observed_at: Timestamp) -> Self {
        Self {
            items,
            complete: true,
            origin: Origin::Live,
            observed_at,
            warnings: Vec::new(),
        }
    }

    /// A part of what there is, seen just now, and why not all of it.
    pub fn partial(items: Vec<T>, observed_at: Timestamp, error: CloudError) -> Self {
        Self {
            items,
            complete: false,
            origin: Origin::Live,
            observed_at,
            warnings: vec![Warning::Partial { error }],
        }
    }

    /// Whether something that cannot be undone may be decided from it: only what is
    /// live and complete, and shows nothing that is merely expected.
    pub fn is_proof(&self) -> bool {
        self.complete
            && self.origin == Origin::Live
            && !self
                .warnings
                .iter()
                .any(|warning| matches!(warning, Warning::Expected { .. }))
    }

    /// The same about other items.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Listing<U> {
        Listing {
            items: self.items.into_iter().map(change).collect(),
            complete: self.complete,
            origin: self.origin,
            observed_at: self.observed_at,
            warnings: self.warnings,
        }
    }

    /// The same without items that do not match.
    pub fn filter(mut self, keep: impl FnMut(&T) -> bool) -> Self {
        self.items.retain(keep);
        self
    }
}

impl Origin {
    /// How old it is; nothing where it is live.
    pub fn age(&self) -> Option<Span> {
        match self {
            Self::Live => None,
            Self::Cache { age, .. } => Some(*age),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Class;

    #[test]
    fn only_a_live_and_complete_listing_proves_that_something_is_gone() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let live = Listing::live(vec![1, 2], now);
        assert!(live.is_proof());
        let error = CloudError::new(Class::Unavailable, "list instances", "page 2: reset");
        assert!(!Listing::partial(vec![1], now, error).is_proof());
        let kept = Listing {
            origin: Origin::Cache {
                age: Span::from_seconds(3),
                why: Why::Fresh,
            },
            ..live.clone()
        };
        assert!(!kept.is_proof());
        let expected = Listing {
            warnings: vec![Warning::Expected { items: 1 }],
            ..live
        };
        assert!(!expected.is_proof());
    }
}
