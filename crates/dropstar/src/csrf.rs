use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderMap, Method, header};
use ring::hmac;

use crate::encoding::{base64_url, from_base64_url, random};

#[cfg(test)]
mod tests;

/// A tag of HMAC with SHA-256.
const TAG_BYTES: usize = 32;

/// What a form token is bound to: the server's key and one browser. A browser
/// without a session has a random name of its own in a cookie.
#[derive(Clone, Debug)]
pub(crate) struct Seal {
    key: hmac::Key,
    pub(crate) browser: String,
    pub(crate) is_new: bool,
    used: Arc<AtomicBool>,
}

impl Seal {
    pub(crate) fn new(key: hmac::Key, browser: String, is_new: bool) -> Self {
        Self {
            key,
            browser,
            is_new,
            used: Arc::default(),
        }
    }

    /// Another text for every answer, so that the length of a compressed page
    /// tells nothing about it: a random mask, then the tag under that mask.
    pub(crate) fn token(&self) -> String {
        self.used.store(true, Ordering::Relaxed);
        let mut token = random::<TAG_BYTES>().to_vec();
        let tag = hmac::sign(&self.key, self.subject().as_bytes());
        for (at, byte) in tag.as_ref().iter().enumerate() {
            token.push(token[at] ^ byte);
        }
        base64_url(&token)
    }

    pub(crate) fn accepts(&self, token: &str) -> bool {
        let token = from_base64_url(token).unwrap_or_default();
        if token.len() != 2 * TAG_BYTES {
            return false;
        }
        let (mask, masked) = token.split_at(TAG_BYTES);
        let tag: Vec<u8> = mask
            .iter()
            .zip(masked)
            .map(|(mask, byte)| mask ^ byte)
            .collect();
        // ring compares in constant time.
        hmac::verify(&self.key, self.subject().as_bytes(), &tag).is_ok()
    }

    /// Whether the browser must be told its new name, because a form relies on it.
    pub(crate) fn must_be_kept(&self) -> bool {
        self.is_new && self.used.load(Ordering::Relaxed)
    }

    fn subject(&self) -> String {
        format!("form:{}", self.browser)
    }
}

/// Whether the request may change something, judged by where it came from.
/// Programs send neither header; every browser in use sends at least one.
pub(crate) fn same_origin(headers: &HeaderMap, own_hosts: &[&str]) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site"))
        && !matches!(site, "same-origin" | "none")
    {
        return false;
    }
    match text(header::ORIGIN) {
        None => true,
        Some(origin) => origin
            .split_once("://")
            .is_some_and(|(_, authority)| own_hosts.contains(&authority)),
    }
}

/// Whether the method changes something.
pub(crate) fn changes_state(method: &Method) -> bool {
    !matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE
    )
}

/// Whether a page of another site could send this body without asking first.
/// JSON and XML need the permission of a preflight, which nobody gets here.
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim();
    !matches!(
        kind.to_ascii_lowercase().as_str(),
        "application/json" | "text/xml" | "application/xml"
    )
}
