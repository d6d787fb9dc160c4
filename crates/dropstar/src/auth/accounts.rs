use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use ring::digest;
use thiserror::Error;

use crate::Role;
use crate::encoding::random;

/// A shorter token could be guessed.
const TOKEN_BYTES_MIN: usize = 16;
const NAME_BYTES_MAX: usize = 128;

/// The people and programs that may use a listener.
pub struct Accounts {
    users: HashMap<Arc<str>, User>,
    tokens: HashMap<[u8; 32], Token>,
    pub(super) key: [u8; 32],
    pub(super) session_lasts: Duration,
}

pub(super) struct User {
    pub(super) name: Arc<str>,
    pub(super) hash: String,
    pub(super) role: Role,
}

pub(super) struct Token {
    pub(super) name: Arc<str>,
    pub(super) role: Role,
}

/// Why an account cannot be taken.
#[derive(Debug, Error)]
pub enum AccountError {
    /// Empty, too long, or with a character that Basic auth or a cookie cannot carry.
    #[error("not a usable account name: {0:?}")]
    Name(String),
    /// Not a PHC string of argon2.
    #[error("not an argon2 password hash ($argon2id$…) for user {user}: {why}")]
    Hash {
        /// Whose.
        user: String,
        /// What the parser says.
        why: String,
    },
    /// Too short to be a secret.
    #[error("token of {name} is shorter than {TOKEN_BYTES_MIN} bytes")]
    Token {
        /// Whose.
        name: String,
    },
    /// Two accounts of one name, or one token twice.
    #[error("there twice: {0}")]
    Twice(String),
    /// The hash function refused its parameters.
    #[error("cannot hash the password: {0}")]
    Hashing(String),
}

impl Accounts {
    /// No account yet. Sessions are signed with a fresh key, so that they end
    /// when the program does; [`Accounts::session_key`] keeps them.
    pub fn new() -> Self {
        Self {
            users: HashMap::new(),
            tokens: HashMap::new(),
            key: random(),
            session_lasts: Duration::from_secs(12 * 3600),
        }
    }

    /// A person, with the argon2 hash of the password as a PHC string.
    pub fn user(mut self, name: &str, hash: &str, role: Role) -> Result<Self, AccountError> {
        let name = checked(name)?;
        let problem = |why: String| AccountError::Hash {
            user: name.to_string(),
            why,
        };
        let parsed = PasswordHash::new(hash).map_err(|error| problem(error.to_string()))?;
        if !parsed.algorithm.as_str().starts_with("argon2") {
            return Err(problem(format!("algorithm is {}", parsed.algorithm)));
        }
        let user = User {
            name: name.clone(),
            hash: hash.to_owned(),
            role,
        };
        match self.users.insert(name.clone(), user) {
            Some(_) => Err(AccountError::Twice(name.to_string())),
            None => Ok(self),
        }
    }

    /// A program with a bearer token. Only the token's hash is kept in memory.
    pub fn token(self, name: &str, secret: &str, role: Role) -> Result<Self, AccountError> {
        let name = checked(name)?;
        if secret.len() < TOKEN_BYTES_MIN {
            return Err(AccountError::Token {
                name: name.to_string(),
            });
        }
        self.token_sha256(&name, fingerprint(secret.as_bytes()), role)
    }

    /// A program with a bearer token of which only the SHA-256 sum is known.
    pub fn token_sha256(
        mut self,
        name: &str,
        sum: [u8; 32],
        role: Role,
    ) -> Result<Self, AccountError> {
        let name = checked(name)?;
        let token = Token {
            name: name.clone(),
            role,
        };
        match self.tokens.insert(sum, token) {
            Some(_) => Err(AccountError::Twice(name.to_string())),
            None => Ok(self),
        }
    }

    /// The secret that signs session cookies and form tokens.
    pub fn session_key(mut self, key: [u8; 32]) -> Self {
        self.key = key;
        self
    }

    /// How long a session lasts; 12 hours unless told.
    pub fn session_lasts(mut self, time: Duration) -> Self {
        self.session_lasts = time;
        self
    }

    pub(super) fn find_user(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }

    /// Looked up by the secret's hash, so that timing tells nothing about it.
    pub(super) fn find_token(&self, secret: &str) -> Option<&Token> {
        self.tokens.get(&fingerprint(secret.as_bytes()))
    }

    /// Whether `password` is the user's. Takes tens of milliseconds and much
    /// memory by design, and as long for a name that does not exist.
    pub(super) fn verify(&self, name: &str, password: &str) -> bool {
        let user = self.find_user(name);
        let hash = user.map_or(NOBODY, |user| &user.hash);
        let Ok(hash) = PasswordHash::new(hash) else {
            return false;
        };
        let right = Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok();
        right && user.is_some()
    }
}

/// The hash of a random password nobody knows, with argon2's default cost.
pub(super) const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$\
     Zm9ydHkgdHdvIGlzIG5vdCBhIHBhc3N3b3JkIGF0IGE";

impl Default for Accounts {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts")
            .field("users", &self.users.len())
            .field("tokens", &self.tokens.len())
            .finish_non_exhaustive()
    }
}

/// The PHC string of `password` with a fresh salt and argon2id's default cost,
/// for a configuration file.
pub fn hash_password(password: &str) -> Result<String, AccountError> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| AccountError::Hashing(error.to_string()))
}

pub(super) fn fingerprint(secret: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, secret).as_ref());
    out
}

fn checked(name: &str) -> Result<Arc<str>, AccountError> {
    let fine = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.chars().any(|c| c.is_control() || c == ':');
    if fine {
        Ok(name.into())
    } else {
        Err(AccountError::Name(name.to_owned()))
    }
}
