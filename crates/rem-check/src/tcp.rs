mod options;
mod steps;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rem_time::{Span, Timestamp};
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

pub use self::options::{TcpError, TcpExpect, TcpOptions, TcpStep, TcpTls};
use self::steps::Step;
use crate::check::Finding;
use crate::net::{Path, Peer, seconds};
use crate::{Check, Reading, Running, StartTls, Unit, Verdict, tls};

/// `tcp`: connects, encrypts if told so, and if told so sends texts and waits
/// for others. Readings in seconds: `dns`, `connect`, `tls` (the handshake),
/// `answer` (from then to the last expected text, only if one is expected) and
/// `duration`, which is all of it. Where it is encrypted also
/// `certificate_days` until the server's certificate ends.
#[derive(Debug)]
pub struct Tcp {
    peer: Peer,
    options: TcpOptions,
    steps: Vec<Step>,
    encryption: Option<Encryption>,
}

#[derive(Debug)]
struct Encryption {
    start: Option<StartTls>,
    name: String,
    config: Arc<ClientConfig>,
}

impl Tcp {
    /// A check that is ready to run. Reads the CA file, if there is one.
    pub fn new(options: TcpOptions) -> Result<Self, TcpError> {
        let steps = Step::all(&options)?;
        let Some(peer) = Peer::parse(&options.target) else {
            return Err(TcpError::Target(options.target));
        };
        let start = match options.tls {
            TcpTls::Never => None,
            TcpTls::AtOnce => Some(None),
            TcpTls::After(start) => Some(Some(start)),
        };
        let encryption = match start {
            None => None,
            Some(start) => Some(Encryption {
                start,
                name: options.server_name.as_ref().unwrap_or(&peer.host).clone(),
                config: tls::config(&options.verify, &[])?,
            }),
        };
        Ok(Self {
            peer,
            options,
            steps,
            encryption,
        })
    }

    async fn look(&self, now: Timestamp, started: Instant) -> Finding {
        let deadline = started + self.options.deadline.as_duration();
        let mut path = Path::default();
        let mut answer = None;
        let talk = self.talk(deadline, &mut path, &mut answer);
        let (mut verdict, mut message) = match timeout_at(deadline, talk).await {
            Ok(Ok(message)) => (Verdict::Ok, message),
            Ok(Err(reason)) => (Verdict::Critical, reason),
            Err(_) => {
                let (doing, within) = (path.doing, self.options.deadline);
                let message = format!("{doing} {} within {within}", self.peer);
                (Verdict::Critical, message)
            }
        };
        let total = (verdict == Verdict::Ok).then(|| started.elapsed());
        let mut readings = path.readings(self.encryption.is_some());
        if self.steps.iter().any(Step::expects) {
            readings.push(seconds("answer", answer));
        }
        readings.push(seconds("duration", total));
        if self.encryption.is_some() {
            let days = path.certificate_ends.map(|ends| tls::days(now, ends));
            readings.push(Reading::gauge("certificate_days", days, Unit::Days));
            let limit = self.options.certificate_warn_days;
            let near = days.filter(|days| tls::is_near(*days, limit));
            if let Some(days) = near.filter(|_| verdict == Verdict::Ok) {
                verdict = Verdict::Warning;
                message = format!("{message}, but {}", tls::ends_in(days));
            }
        }
        Finding::new(verdict, message).with(readings)
    }

    async fn talk(
        &self,
        deadline: Instant,
        path: &mut Path,
        answer: &mut Option<Duration>,
    ) -> Result<String, String> {
        let (mut stream, address) = path.open(&self.peer, deadline).await?;
        match &self.encryption {
            None => self.take_steps(&mut stream, address, path, answer).await,
            Some(Encryption {
                start,
                name,
                config,
            }) => {
                let encrypted = path.encrypt(stream, address, *start, name, config);
                let mut stream = encrypted.await?;
                self.take_steps(&mut stream, address, path, answer).await
            }
        }
    }

    async fn take_steps<S>(
        &self,
        stream: &mut S,
        address: SocketAddr,
        path: &mut Path,
        answer: &mut Option<Duration>,
    ) -> Result<String, String>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let connected = Instant::now();
        let read_max = self.options.read_max;
        steps::take(&self.steps, stream, read_max, &mut path.doing)
            .await
            .map_err(|reason| format!("{address}: {reason}"))?;
        if self.steps.iter().any(Step::expects) {
            *answer = Some(connected.elapsed());
            return Ok(format!("{address} answered as expected"));
        }
        Ok(format!("connected to {address}"))
    }
}

impl Check for Tcp {
    fn name(&self) -> &str {
        "tcp"
    }

    fn deadline(&self) -> Span {
        self.options.deadline
    }

    fn run(&self, now: Timestamp) -> Running<'_> {
        Box::pin(async move {
            let started = Instant::now();
            self.look(now, started).await.stamp(now, started)
        })
    }
}
