use std::fmt;
use std::sync::Arc;

/// The keys from the top of a file down to a value: `services.web.machines[2]`.
///
/// Keys that would be misread, such as those with dots or spaces, are quoted.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPath(Option<Arc<str>>);

impl KeyPath {
    /// The top of a file: no key at all, displayed as nothing.
    pub const fn root() -> Self {
        Self(None)
    }

    /// One key further down.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        let dot = if self.0.is_some() { "." } else { "" };
        let above = self.as_str();
        Self(Some(if is_plain(key) {
            format!("{above}{dot}{key}").into()
        } else {
            format!("{above}{dot}{key:?}").into()
        }))
    }

    /// One list item further down; items are counted from 0.
    #[must_use]
    pub fn item(&self, index: usize) -> Self {
        Self(Some(format!("{}[{index}]", self.as_str()).into()))
    }

    /// The path as text, empty at the top.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether this is the top of a file.
    pub fn is_root(&self) -> bool {
        self.0.is_none()
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '<' | '@'))
}
