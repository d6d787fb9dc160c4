use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::at::At;
use crate::from_yaml::FromYaml;
use crate::problem::Problems;

/// Where a secret comes from: `{env: NAME}` or `{file: path}`.
///
/// The secret itself is never in the YAML; a file that holds it literally is
/// refused, without showing it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file; one newline at its end is not part of the secret.
    File(PathBuf),
}

/// A secret that does not show itself: its `Debug` is `Secret(…)`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Why a secret could not be read.
#[derive(Debug)]
pub enum SecretError {
    /// The environment variable is not set.
    NoEnv {
        /// Its name.
        name: String,
    },
    /// The file cannot be read.
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not UTF-8 text.
    NotText {
        /// The file.
        path: PathBuf,
    },
}

impl SecretSource {
    /// Fetches the secret with the caller's ways to look up a variable and to
    /// read a file; this crate does neither on its own.
    ///
    /// # Errors
    /// [`SecretError`] says which variable or file did not answer.
    pub fn resolve(
        &self,
        env: impl FnOnce(&str) -> Option<String>,
        read: impl FnOnce(&Path) -> io::Result<Vec<u8>>,
    ) -> Result<Secret, SecretError> {
        match self {
            Self::Env(name) => env(name)
                .map(Secret)
                .ok_or_else(|| SecretError::NoEnv { name: name.clone() }),
            Self::File(path) => {
                let bytes = read(path).map_err(|source| SecretError::File {
                    path: path.clone(),
                    source,
                })?;
                let mut text = String::from_utf8(bytes)
                    .map_err(|_| SecretError::NotText { path: path.clone() })?;
                if text.ends_with('\n') {
                    text.pop();
                    if text.ends_with('\r') {
                        text.pop();
                    }
                }
                Ok(Secret(text))
            }
        }
    }
}

impl FromYaml for SecretSource {
    fn from_yaml(at: &At<'_>, problems: &mut Problems) -> Option<Self> {
        const HELP: &str =
            "write {env: NAME} or {file: path}; the secret itself does not belong here";
        if at.node().as_map().is_none() {
            // Without what was found: it may be the secret.
            let message = "expected where the secret comes from";
            problems.add(at.problem(message).help(HELP));
            return None;
        }
        let mut map = at.map(problems)?;
        let env: Option<String> = map.optional("env", problems);
        let file: Option<PathBuf> = map.optional("file", problems);
        let one = map.has("env") != map.has("file");
        map.finish(problems);
        if !one {
            problems.add(at.problem("expected one of env and file").help(HELP));
            return None;
        }
        env.map(Self::Env).or_else(|| file.map(Self::File))
    }
}

impl Secret {
    /// A secret that is already known.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself; call it only where the secret is used.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "{{env: {name}}}"),
            Self::File(path) => write!(f, "{{file: {}}}", path.display()),
        }
    }
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEnv { name } => write!(f, "the environment variable is not set: {name}"),
            Self::File { path, .. } => write!(f, "cannot read secret file: {}", path.display()),
            Self::NotText { path } => write!(f, "secret file is not UTF-8: {}", path.display()),
        }
    }
}

impl std::error::Error for SecretError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { source, .. } => Some(source),
            Self::NoEnv { .. } | Self::NotText { .. } => None,
        }
    }
}
