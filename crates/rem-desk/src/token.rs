use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rem_time::Timestamp;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

#[cfg(test)]
mod tests;

/// The file of the key in the data folder; only its owner may read it.
pub const KEY_FILE: &str = "alert-key";
/// Bytes of the key.
const KEY_BYTES: usize = 32;
/// Bytes of the signature that a token carries. Half of HMAC-SHA256 is more than
/// anybody can guess, and a link should fit one line of a mail.
const TAG_BYTES: usize = 16;
/// No token is longer; a longer text is refused unread.
const TOKEN_CHARS_MAX: usize = 512;

/// The key that signs what a mail or a link may do.
#[derive(Clone)]
pub struct TokenKey(hmac::Key);

/// What a token allows: to acknowledge one message's alerts as one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What it is about: an episode or a digest.
    pub about: String,
    /// As whom.
    pub user: String,
    /// Until when.
    pub expires: Timestamp,
}

/// Why a token opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no token at all.
    #[error("this is not a link we sent")]
    Malformed,
    /// Its signature is not ours.
    #[error("this link was not made here, or it was changed on the way")]
    Forged,
    /// Its time is over.
    #[error("this link has expired")]
    Expired,
}

/// The key could not be read or made.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} the key of the acknowledge links: {path}")]
pub struct KeyError {
    doing: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl TokenKey {
    /// The key of a data folder; made by the first who asks.
    ///
    /// # Errors
    /// If the file can neither be read nor made, or is no key.
    pub fn of_folder(folder: &Path) -> Result<Self, KeyError> {
        let path = folder.join(KEY_FILE);
        let failed = |doing| {
            let path = path.clone();
            move |source| KeyError {
                doing,
                path,
                source,
            }
        };
        let mut secret = Vec::new();
        match fs::File::open(&path) {
            Ok(file) => {
                let most = KEY_BYTES as u64 + 1;
                file.take(most)
                    .read_to_end(&mut secret)
                    .map_err(failed("read"))?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                secret = vec![0; KEY_BYTES];
                SystemRandom::new()
                    .fill(&mut secret)
                    .map_err(|_| io::Error::other("the system has no random numbers"))
                    .map_err(failed("make"))?;
                write_new(folder, &path, &secret).map_err(failed("write"))?;
            }
            Err(error) => return Err(failed("read")(error)),
        }
        if secret.len() != KEY_BYTES {
            let short = io::Error::new(io::ErrorKind::InvalidData, "it is not 32 bytes long");
            return Err(failed("use")(short));
        }
        Ok(Self::from_secret(&secret))
    }

    /// A key from a secret that the caller keeps.
    pub fn from_secret(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Signs a grant. The token is made of letters, digits, `-`, `_` and `.`.
    pub fn sign(&self, grant: &Grant) -> String {
        let body = format!(
            "{}.{}.{:x}",
            hex(grant.about.as_bytes()),
            hex(grant.user.as_bytes()),
            grant.expires.as_seconds().max(0)
        );
        let tag = hmac::sign(&self.0, body.as_bytes());
        format!("{body}.{}", hex(&tag.as_ref()[..TAG_BYTES]))
    }

    /// What a token allows at `now`.
    ///
    /// # Errors
    /// If it is not ours, or its time is over.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Grant, TokenError> {
        if TOKEN_CHARS_MAX < token.len() {
            return Err(TokenError::Malformed);
        }
        let (body, tag) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let tag = unhex(tag).ok_or(TokenError::Malformed)?;
        let right = hmac::sign(&self.0, body.as_bytes());
        // Every byte is looked at, so that the time taken tells nothing.
        let differ = right.as_ref()[..TAG_BYTES]
            .iter()
            .zip(&tag)
            .fold(tag.len() ^ TAG_BYTES, |differ, (a, b)| {
                differ | usize::from(a ^ b)
            });
        if differ != 0 {
            return Err(TokenError::Forged);
        }
        let mut parts = body.split('.');
        let mut text = || String::from_utf8(unhex(parts.next()?)?).ok();
        let (about, user) = (text(), text());
        let expires = parts
            .next()
            .and_then(|seconds| i64::from_str_radix(seconds, 16).ok());
        let (Some(about), Some(user), Some(expires), None) = (about, user, expires, parts.next())
        else {
            return Err(TokenError::Malformed);
        };
        let expires = Timestamp::from_seconds(expires);
        if expires <= now {
            return Err(TokenError::Expired);
        }
        Ok(Grant {
            about,
            user,
            expires,
        })
    }
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey(secret)")
    }
}

/// Half a key after a crash would be refused for ever: written aside, then renamed.
fn write_new(folder: &Path, path: &Path, secret: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let draft = path.with_extension("draft");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(secret)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    fs::File::open(folder)?.sync_all()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}
