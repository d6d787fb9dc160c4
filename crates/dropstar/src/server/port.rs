use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rem_time::Clock;
use ring::hmac;
use tokio::sync::watch;

use crate::auth::Gate;
use crate::encoding::{hex, random};
use crate::metrics::Metrics;
use crate::request::host;
use crate::{Auth, Limits, Listener, Site, Tls};

/// One open listener and everything its requests share.
pub(crate) struct Port {
    pub(super) address: SocketAddr,
    pub(super) tls: Option<Tls>,
    pub(super) limits: Limits,
    pub(super) sites: Vec<Arc<Site>>,
    /// `None` where everybody may do everything.
    pub(super) gate: Option<Arc<Gate>>,
    pub(super) form_key: hmac::Key,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) closing: watch::Receiver<bool>,
    pub(super) session_cookie: String,
    pub(super) browser_cookie: String,
    /// On loopback without sign-in, a name that leads here may be an attack:
    /// any page on the internet can make its own name point to 127.0.0.1.
    pub(super) checks_host: bool,
    id_prefix: String,
    last_id: AtomicU64,
}

impl Port {
    pub(super) fn new(
        listener: Listener,
        address: SocketAddr,
        clock: Arc<dyn Clock>,
        closing: watch::Receiver<bool>,
    ) -> Self {
        let gate = match listener.auth {
            Some(Auth::Accounts(accounts)) => Some(Arc::new(Gate::new(accounts))),
            Some(Auth::None) | None => None,
        };
        let form_key = match &gate {
            Some(gate) => gate.form_key(),
            None => hmac::Key::new(hmac::HMAC_SHA256, &random::<32>()),
        };
        Self {
            address,
            tls: listener.tls,
            limits: listener.limits,
            sites: listener.sites,
            checks_host: gate.is_none() && address.ip().is_loopback(),
            gate,
            form_key,
            metrics: Arc::default(),
            clock,
            closing,
            // Cookies know no ports; two servers on one host must not share them.
            session_cookie: format!("dropstar_session_{}", address.port()),
            browser_cookie: format!("dropstar_browser_{}", address.port()),
            id_prefix: hex(&random::<4>()),
            last_id: AtomicU64::new(0),
        }
    }

    pub(super) fn next_id(&self) -> String {
        let number = self.last_id.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number:x}", self.id_prefix)
    }

    /// The site that a request for this authority is for; `None` if the name is
    /// not one we are known by and may be a trick.
    pub(super) fn site(&self, authority: Option<&str>) -> Option<&Arc<Site>> {
        let name = authority.and_then(host).map(str::to_lowercase);
        let named = name.as_ref().and_then(|name| {
            let mut sites = self.sites.iter();
            sites.find(|site| site.hosts.contains(name))
        });
        if named.is_some() {
            return named;
        }
        let is_ours = !self.checks_host || name.is_none_or(|name| is_local(&name));
        self.sites.first().filter(|_| is_ours)
    }
}

impl std::fmt::Debug for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Port")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// A name that no name server can point elsewhere, or no name at all.
fn is_local(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || address.parse::<std::net::IpAddr>().is_ok()
}
