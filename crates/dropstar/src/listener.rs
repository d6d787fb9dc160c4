use std::net::SocketAddr;
use std::sync::Arc;

use crate::{Auth, Limits, Site, Tls};

/// One address to listen on: what is served there, to whom, and how.
#[derive(Clone, Debug)]
pub struct Listener {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<Tls>,
    pub(crate) auth: Option<Auth>,
    pub(crate) limits: Limits,
    pub(crate) sites: Vec<Arc<Site>>,
}

impl Listener {
    /// Listens on this address; port 0 takes a free one.
    pub fn on(address: impl Into<SocketAddr>) -> Self {
        Self {
            address: address.into(),
            tls: None,
            auth: None,
            limits: Limits::default(),
            sites: Vec::new(),
        }
    }

    /// Serves a site. Of several, the one whose hosts have the asked name
    /// answers, otherwise the first.
    pub fn site(mut self, site: impl Into<Arc<Site>>) -> Self {
        self.sites.push(site.into());
        self
    }

    /// Speaks TLS.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Who may use it. Has to be said for an address beyond loopback.
    pub fn auth(mut self, auth: impl Into<Auth>) -> Self {
        self.auth = Some(auth.into());
        self
    }

    /// Other limits than the usual ones.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}
