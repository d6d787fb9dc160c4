use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rem_time::Timestamp;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;

use super::{Peer, connect, resolve, seconds};
use crate::Reading;
use crate::tls::{self, StartTls};

/// The way to a peer: how far a run came and how long each part took. Outlives
/// a run that is cut off by its deadline.
#[derive(Debug, Default)]
pub(crate) struct Path {
    /// What did not come, if the time is up.
    pub(crate) doing: &'static str,
    pub(crate) dns: Option<Duration>,
    pub(crate) connect: Option<Duration>,
    pub(crate) tls: Option<Duration>,
    pub(crate) certificate_ends: Option<Timestamp>,
}

impl Path {
    /// A connection to the first address of `peer` that accepts.
    pub(crate) async fn open(
        &mut self,
        peer: &Peer,
        deadline: Instant,
    ) -> Result<(TcpStream, SocketAddr), String> {
        self.doing = "no answer from the name servers about";
        let (addresses, dns) = resolve(&peer.host, peer.port).await?;
        self.dns = Some(dns);
        self.doing = "no connection to";
        let started = Instant::now();
        let (stream, address) = connect(&addresses, deadline).await?;
        self.connect = Some(started.elapsed());
        Ok((stream, address))
    }

    /// Encrypts it, as a client of `name`, if need be after asking for it. The
    /// asking does not count as the handshake's time.
    pub(crate) async fn encrypt(
        &mut self,
        mut stream: TcpStream,
        address: SocketAddr,
        start: Option<StartTls>,
        name: &str,
        config: &Arc<ClientConfig>,
    ) -> Result<TlsStream<TcpStream>, String> {
        if let Some(start) = start {
            self.doing = "no consent to encryption from";
            let asked = start.ask(&mut stream, name).await;
            asked.map_err(|reason| format!("{address}, {start}: {reason}"))?;
        }
        self.doing = "no TLS handshake from";
        match tls::encrypt(stream, name, config).await {
            Ok(encrypted) => {
                self.tls = Some(encrypted.took);
                self.certificate_ends = encrypted.ends;
                Ok(encrypted.stream)
            }
            Err(failure) => {
                self.certificate_ends = failure.ended;
                Err(format!("{address}: {}", failure.reason))
            }
        }
    }

    /// `dns` and `connect`, and `tls` where there is any.
    pub(crate) fn readings(&self, is_encrypted: bool) -> Vec<Reading> {
        let mut readings = vec![seconds("dns", self.dns), seconds("connect", self.connect)];
        if is_encrypted {
            readings.push(seconds("tls", self.tls));
        }
        readings
    }
}
