mod answer;
mod body;
mod connection;
mod finish;
mod port;
mod run;
mod sign_in;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rem_time::Clock;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::{Auth, Counters, Listener};
use port::Port;

/// Opens listeners.
#[derive(Debug)]
pub struct Server;

/// Why a server does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Other machines could reach it and nobody said who may.
    #[error(
        "listener {0} can be reached from other machines: give it accounts, or say that it needs none"
    )]
    NoAuth(SocketAddr),
    /// There is nothing to serve.
    #[error("listener {0} has no site")]
    NoSite(SocketAddr),
    /// The address is taken or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A site is put together wrongly; all mistakes at once.
    #[error("site {site} cannot be served: {}", problems.join("; "))]
    Site {
        /// Which.
        site: String,
        /// What is wrong.
        problems: Vec<String>,
    },
}

impl Server {
    /// Opens all listeners or none, and starts to answer. The clock is for
    /// sessions and sign-in limits.
    pub async fn bind(
        listeners: impl IntoIterator<Item = Listener>,
        clock: Arc<dyn Clock>,
    ) -> Result<Running, StartError> {
        let (close, closing) = watch::channel(false);
        let mut opened = Vec::new();
        for listener in listeners {
            check(&listener)?;
            let listen = |source| StartError::Listen {
                address: listener.address,
                source,
            };
            let socket = TcpListener::bind(listener.address).await.map_err(listen)?;
            let address = socket.local_addr().map_err(listen)?;
            let port = Arc::new(Port::new(listener, address, clock.clone(), closing.clone()));
            opened.push((socket, port));
        }
        let mut running = Running {
            close,
            ports: Vec::new(),
            accepting: Vec::new(),
        };
        for (socket, port) in opened {
            tracing::info!(address = %port.address, tls = port.tls.is_some(), "listening");
            running.ports.push(port.clone());
            let accepting = tokio::spawn(connection::accept(socket, port));
            running.accepting.push(accepting);
        }
        Ok(running)
    }
}

fn check(listener: &Listener) -> Result<(), StartError> {
    if listener.auth.is_none() && !listener.address.ip().is_loopback() {
        return Err(StartError::NoAuth(listener.address));
    }
    if listener.sites.is_empty() {
        return Err(StartError::NoSite(listener.address));
    }
    for site in &listener.sites {
        if !site.problems.is_empty() {
            return Err(StartError::Site {
                site: site.name.clone(),
                problems: site.problems.clone(),
            });
        }
    }
    if matches!(listener.auth, Some(Auth::None)) && !listener.address.ip().is_loopback() {
        tracing::warn!(address = %listener.address, "other machines can use this without signing in");
    }
    Ok(())
}

/// A server that answers until it is shut down. Dropping it closes everything
/// at once.
#[derive(Debug)]
pub struct Running {
    close: watch::Sender<bool>,
    ports: Vec<Arc<Port>>,
    accepting: Vec<JoinHandle<()>>,
}

impl Running {
    /// Where it listens, in the order of the listeners, with the real ports.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.ports.iter().map(|port| port.address).collect()
    }

    /// What all listeners together have counted.
    pub fn counters(&self) -> Counters {
        self.ports
            .iter()
            .map(|port| port.metrics.counters())
            .fold(Counters::default(), Counters::plus)
    }

    /// What one listener has counted; `None` if there are not so many.
    pub fn counters_of(&self, listener: usize) -> Option<Counters> {
        Some(self.ports.get(listener)?.metrics.counters())
    }

    /// Stops listening, ends event streams, lets requests finish for up to
    /// `grace`, then cuts off what is left. `true` if nothing had to be cut off.
    pub async fn shutdown(mut self, grace: Duration) -> bool {
        self.close.send_replace(true);
        let deadline = tokio::time::Instant::now() + grace;
        let mut all_done = true;
        for accepting in &mut self.accepting {
            all_done &= tokio::time::timeout_at(deadline, accepting).await.is_ok();
        }
        all_done
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for accepting in &self.accepting {
            accepting.abort();
        }
    }
}
