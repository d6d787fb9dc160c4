use std::collections::HashMap;
use std::fmt;

use rem_yaml::{SecretError, SecretSource};

/// Where secrets of the configuration are looked up: variables that the host was
/// given, and files. Cheap to look at, never shown.
#[derive(Clone, Default)]
pub(crate) struct Secrets(HashMap<String, String>);

impl Secrets {
    pub(crate) fn new(env: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(env.into_iter().collect())
    }

    pub(crate) fn of(&self, source: &SecretSource) -> Result<String, SecretError> {
        let variable = |name: &str| self.0.get(name).cloned();
        let secret = source.resolve(variable, |path| std::fs::read(path))?;
        Ok(secret.expose().to_owned())
    }

    /// A text that is written, or a secret.
    pub(crate) fn text(&self, text: &rem_config::Text) -> Result<String, SecretError> {
        match text {
            rem_config::Text::Plain(text) => Ok(text.clone()),
            rem_config::Text::Secret(source) => self.of(source),
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Secrets").field(&self.0.len()).finish()
    }
}
