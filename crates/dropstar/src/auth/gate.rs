use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, header};
use parking_lot::Mutex;
use rem_time::{Span, Timestamp};
use ring::hmac;
use tokio::sync::Semaphore;

use super::attempts::Attempts;
use super::{Accounts, Caller, Session, Via};
use crate::encoding::{from_base64, random};
use crate::request::cookie;

#[cfg(test)]
mod tests;

/// Wrong passwords from one address within [`WINDOW_SECONDS`].
const FAILURES_PER_ADDRESS: u32 = 10;
/// Wrong passwords for one name within [`WINDOW_SECONDS`], from anywhere.
const FAILURES_PER_USER: u32 = 50;
const WINDOW_SECONDS: u64 = 60;
/// Passwords hashed at once: each takes a core and 19 MiB for a while.
const HASHING_MAX: usize = 2;
/// Basic sign-ins known to be right without hashing again.
const KNOWN_MAX: usize = 1_024;
const KNOWN_FOR: Duration = Duration::from_secs(300);
/// Sessions ended early and remembered; at the limit the oldest ends go first.
const ENDED_MAX: usize = 10_000;

/// Asks callers of one listener who they are.
pub(crate) struct Gate {
    accounts: Arc<Accounts>,
    hashing: Semaphore,
    cache_key: hmac::Key,
    state: Mutex<State>,
}

struct State {
    known: HashMap<[u8; 32], Timestamp>,
    by_address: Attempts<IpAddr>,
    by_user: Attempts<String>,
    ended: HashSet<String>,
    ended_in_order: std::collections::VecDeque<String>,
}

/// Why a caller is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Wrong,
    TooManyFailures { retry_in: Span },
}

impl Gate {
    pub(crate) fn new(accounts: Arc<Accounts>) -> Self {
        let window = Span::from_seconds(WINDOW_SECONDS);
        Self {
            accounts,
            hashing: Semaphore::new(HASHING_MAX),
            cache_key: hmac::Key::new(hmac::HMAC_SHA256, &random::<32>()),
            state: Mutex::new(State {
                known: HashMap::new(),
                by_address: Attempts::new(FAILURES_PER_ADDRESS, window),
                by_user: Attempts::new(FAILURES_PER_USER, window),
                ended: HashSet::new(),
                ended_in_order: std::collections::VecDeque::new(),
            }),
        }
    }

    pub(crate) fn form_key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.accounts.key)
    }

    pub(crate) fn session_seconds(&self) -> u64 {
        self.accounts.session_lasts.as_secs()
    }

    /// Who sends these headers; `None` if they do not say.
    pub(crate) async fn caller(
        self: &Arc<Self>,
        headers: &HeaderMap,
        cookie_name: &str,
        peer: IpAddr,
        now: Timestamp,
    ) -> Result<Option<Caller>, Refusal> {
        if let Some(value) = headers.get(header::AUTHORIZATION) {
            let value = value.to_str().map_err(|_| Refusal::Wrong)?;
            let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
            return match scheme.to_ascii_lowercase().as_str() {
                "bearer" => self.token(rest.trim(), peer, now).map(Some),
                "basic" => self.basic(rest.trim(), peer, now).await.map(Some),
                _ => Err(Refusal::Wrong),
            };
        }
        Ok(self
            .session(headers, cookie_name, now)
            .and_then(|session| self.session_caller(&session)))
    }

    /// The session in the cookie, if it is a good one.
    pub(crate) fn session(
        &self,
        headers: &HeaderMap,
        cookie_name: &str,
        now: Timestamp,
    ) -> Option<Session> {
        let session = Session::open(cookie(headers, cookie_name)?, &self.accounts, now)?;
        (!self.state.lock().ended.contains(&session.id)).then_some(session)
    }

    /// Checks a password and starts a session: the value of its cookie.
    pub(crate) async fn sign_in(
        self: &Arc<Self>,
        user: &str,
        password: &str,
        peer: IpAddr,
        now: Timestamp,
    ) -> Result<String, Refusal> {
        self.password(user, password, peer, now).await?;
        Session::start(user, now + self.accounts.session_lasts.into())
            .seal(&self.accounts)
            .ok_or(Refusal::Wrong)
    }

    /// Makes the session's cookie worthless.
    pub(crate) fn sign_out(&self, session: &Session) {
        let mut state = self.state.lock();
        if state.ended.insert(session.id.clone()) {
            state.ended_in_order.push_back(session.id.clone());
        }
        if state.ended_in_order.len() > ENDED_MAX
            && let Some(oldest) = state.ended_in_order.pop_front()
        {
            state.ended.remove(&oldest);
        }
    }

    fn session_caller(&self, session: &Session) -> Option<Caller> {
        let user = self.accounts.find_user(&session.user)?;
        Some(Caller {
            name: user.name.clone(),
            role: Some(user.role),
            via: Via::Session,
        })
    }

    fn token(&self, secret: &str, peer: IpAddr, now: Timestamp) -> Result<Caller, Refusal> {
        let mut state = self.state.lock();
        if let Some(retry_in) = state.by_address.wait(&peer, now) {
            return Err(Refusal::TooManyFailures { retry_in });
        }
        let Some(token) = self.accounts.find_token(secret) else {
            state.by_address.failed(peer, now);
            return Err(Refusal::Wrong);
        };
        Ok(Caller {
            name: token.name.clone(),
            role: Some(token.role),
            via: Via::Token,
        })
    }

    async fn basic(
        self: &Arc<Self>,
        encoded: &str,
        peer: IpAddr,
        now: Timestamp,
    ) -> Result<Caller, Refusal> {
        let pair = from_base64(encoded)
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or(Refusal::Wrong)?;
        let (name, password) = pair.split_once(':').ok_or(Refusal::Wrong)?;
        self.password(name, password, peer, now).await?;
        let user = self.accounts.find_user(name).ok_or(Refusal::Wrong)?;
        Ok(Caller {
            name: user.name.clone(),
            role: Some(user.role),
            via: Via::Basic,
        })
    }

    async fn password(
        self: &Arc<Self>,
        user: &str,
        password: &str,
        peer: IpAddr,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let cache_id = self.cache_id(user, password);
        if self.is_known(&cache_id, now) {
            return Ok(());
        }
        self.may_try(user, peer, now)?;
        // Counted before the password is looked at: a hundred tries sent at once
        // must not all pass while the first is still being hashed.
        {
            let mut state = self.state.lock();
            state.by_address.failed(peer, now);
            state.by_user.failed(user.to_owned(), now);
        }
        let _permit = self.hashing.acquire().await.map_err(|_| Refusal::Wrong)?;
        let (gate, name, secret) = (self.clone(), user.to_owned(), password.to_owned());
        let right = tokio::task::spawn_blocking(move || gate.accounts.verify(&name, &secret))
            .await
            .unwrap_or(false);
        if !right {
            return Err(Refusal::Wrong);
        }
        let mut state = self.state.lock();
        state.by_address.succeeded(&peer);
        state.by_user.succeeded(&user.to_owned());
        state.remember(cache_id, now);
        Ok(())
    }

    fn may_try(&self, user: &str, peer: IpAddr, now: Timestamp) -> Result<(), Refusal> {
        let state = self.state.lock();
        let by_address = state.by_address.wait(&peer, now);
        let by_user = state.by_user.wait(&user.to_owned(), now);
        match by_address.max(by_user) {
            Some(retry_in) => Err(Refusal::TooManyFailures { retry_in }),
            None => Ok(()),
        }
    }

    /// A name and password as a keyed hash: a memory dump gives neither away.
    fn cache_id(&self, user: &str, password: &str) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.cache_key);
        context.update(&(user.len() as u64).to_le_bytes());
        context.update(user.as_bytes());
        context.update(password.as_bytes());
        let mut id = [0; 32];
        id.copy_from_slice(context.sign().as_ref());
        id
    }

    fn is_known(&self, id: &[u8; 32], now: Timestamp) -> bool {
        let state = self.state.lock();
        let Some(until) = state.known.get(id) else {
            return false;
        };
        now < *until
    }
}

impl State {
    fn remember(&mut self, id: [u8; 32], now: Timestamp) {
        if self.known.len() >= KNOWN_MAX {
            self.known.retain(|_, until| now < *until);
        }
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        self.known.insert(id, now + KNOWN_FOR.into());
    }
}
