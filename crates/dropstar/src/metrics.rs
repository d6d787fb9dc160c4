use std::sync::atomic::{AtomicU64, Ordering};

/// What a running server has counted since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counters {
    /// Connections accepted.
    pub connections: u64,
    /// Connections open now.
    pub connections_open: u64,
    /// Connections turned away because the listener was full.
    pub connections_refused: u64,
    /// TLS handshakes that failed or took too long.
    pub handshakes_failed: u64,
    /// Requests answered.
    pub requests: u64,
    /// Requests being answered now.
    pub requests_open: u64,
    /// Answers with a status of 400 to 499.
    pub client_errors: u64,
    /// Answers with a status of 500 and above.
    pub server_errors: u64,
    /// RPC methods called, over either protocol.
    pub rpc_calls: u64,
    /// Event streams open now.
    pub streams_open: u64,
    /// Sign-ins refused: wrong name, password or token.
    pub sign_ins_failed: u64,
    /// Sign-ins refused unseen because of too many failures before.
    pub sign_ins_limited: u64,
}

impl Counters {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            connections: self.connections + other.connections,
            connections_open: self.connections_open + other.connections_open,
            connections_refused: self.connections_refused + other.connections_refused,
            handshakes_failed: self.handshakes_failed + other.handshakes_failed,
            requests: self.requests + other.requests,
            requests_open: self.requests_open + other.requests_open,
            client_errors: self.client_errors + other.client_errors,
            server_errors: self.server_errors + other.server_errors,
            rpc_calls: self.rpc_calls + other.rpc_calls,
            streams_open: self.streams_open + other.streams_open,
            sign_ins_failed: self.sign_ins_failed + other.sign_ins_failed,
            sign_ins_limited: self.sign_ins_limited + other.sign_ins_limited,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) connections: AtomicU64,
    pub(crate) connections_open: AtomicU64,
    pub(crate) connections_refused: AtomicU64,
    pub(crate) handshakes_failed: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) requests_open: AtomicU64,
    pub(crate) client_errors: AtomicU64,
    pub(crate) server_errors: AtomicU64,
    pub(crate) rpc_calls: AtomicU64,
    pub(crate) streams_open: AtomicU64,
    pub(crate) sign_ins_failed: AtomicU64,
    pub(crate) sign_ins_limited: AtomicU64,
}

impl Metrics {
    pub(crate) fn counters(&self) -> Counters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            connections: read(&self.connections),
            connections_open: read(&self.connections_open),
            connections_refused: read(&self.connections_refused),
            handshakes_failed: read(&self.handshakes_failed),
            requests: read(&self.requests),
            requests_open: read(&self.requests_open),
            client_errors: read(&self.client_errors),
            server_errors: read(&self.server_errors),
            rpc_calls: read(&self.rpc_calls),
            streams_open: read(&self.streams_open),
            sign_ins_failed: read(&self.sign_ins_failed),
            sign_ins_limited: read(&self.sign_ins_limited),
        }
    }
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Counts one more as open while it lives.
#[derive(Debug)]
pub(crate) struct Open {
    metrics: std::sync::Arc<Metrics>,
    gauge: fn(&Metrics) -> &AtomicU64,
}

impl Open {
    /// `None` if `max` are open already.
    pub(crate) fn below(
        max: usize,
        metrics: &std::sync::Arc<Metrics>,
        gauge: fn(&Metrics) -> &AtomicU64,
    ) -> Option<Self> {
        let before = gauge(metrics).fetch_add(1, Ordering::Relaxed);
        let open = Self {
            metrics: metrics.clone(),
            gauge,
        };
        (before < max as u64).then_some(open)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        (self.gauge)(&self.metrics).fetch_sub(1, Ordering::Relaxed);
    }
}
