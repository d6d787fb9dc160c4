//! Text that is used and never shown.

use std::fmt;

const DOTS: &str = "•••";

/// A password, a key, a header's value. `Debug` shows dots, and there is no
/// `Display`.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one who must hand it over.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// `text` with dots where it holds the secret. Of one letter or two
    /// nothing is hidden: they would be everywhere.
    pub(crate) fn hide_in(&self, text: &str) -> String {
        match self.0.len() {
            0..=2 => text.to_owned(),
            _ => text.replace(&self.0, DOTS),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(DOTS)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}
