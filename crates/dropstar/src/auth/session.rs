use rem_time::Timestamp;
use ring::hmac;

use super::accounts::{Accounts, fingerprint};
use crate::encoding::{base64_url, from_base64_url, random};

#[cfg(test)]
mod tests;

/// A signed-in browser. All of it stands in the cookie, signed; the server keeps
/// nothing but the ids of sessions that were ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) user: String,
    pub(crate) until: i64,
    pub(crate) id: String,
}

impl Session {
    pub(super) fn start(user: &str, until: Timestamp) -> Self {
        Self {
            user: user.to_owned(),
            until: until.as_seconds(),
            id: base64_url(&random::<12>()),
        }
    }

    /// The cookie's value: name, end, id and signature.
    pub(super) fn seal(&self, accounts: &Accounts) -> Option<String> {
        let body = self.body();
        let tag = hmac::sign(&key(accounts), &self.signed(&body, accounts)?);
        Some(format!("{body}.{}", base64_url(tag.as_ref())))
    }

    /// The session in a cookie, if it was signed here, has not run out, and the
    /// user is still there with the same password.
    pub(super) fn open(cookie: &str, accounts: &Accounts, now: Timestamp) -> Option<Self> {
        let (body, tag) = cookie.rsplit_once('.')?;
        let mut fields = body.split('.');
        let session = Self {
            user: String::from_utf8(from_base64_url(fields.next()?)?).ok()?,
            until: fields.next()?.parse().ok()?,
            id: fields.next()?.to_owned(),
        };
        let tag = from_base64_url(tag)?;
        hmac::verify(&key(accounts), &session.signed(body, accounts)?, &tag).ok()?;
        (now.as_seconds() < session.until).then_some(session)
    }

    fn body(&self) -> String {
        let user = base64_url(self.user.as_bytes());
        format!("{user}.{}.{}", self.until, self.id)
    }

    /// The password's hash is signed too: a new password ends old sessions.
    fn signed(&self, body: &str, accounts: &Accounts) -> Option<Vec<u8>> {
        let user = accounts.find_user(&self.user)?;
        let mut bytes = b"session:".to_vec();
        bytes.extend_from_slice(body.as_bytes());
        bytes.extend_from_slice(&fingerprint(user.hash.as_bytes()));
        Some(bytes)
    }
}

fn key(accounts: &Accounts) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &accounts.key)
}
