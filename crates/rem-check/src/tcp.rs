use std::time::Duration;

use rem_time::{Span, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::check::Finding;
use crate::local::bytes;
use crate::net::{self, Peer};
use crate::{Check, Reading, Running, Unit, Verdict, reason};

/// What [`Tcp`] does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpOptions {
    /// Name or address, and port: `db.example.com:3306`, `[2001:db8::1]:22`.
    pub target: String,
    /// How long all of it may take; 10 s unless told.
    pub deadline: Span,
    /// What to send once connected.
    pub send: Option<Vec<u8>>,
    /// What the peer must say, anywhere in what it sends.
    pub expect: Option<Vec<u8>>,
    /// How many bytes to read in search of it; 64 KiB unless told. A peer that
    /// sent as much without it is critical.
    pub read_max: usize,
}

impl TcpOptions {
    /// Only connect.
    pub fn new(target: impl Into<String>) -> Self {
        Self {
            target: target.into(),
            deadline: Span::from_seconds(10),
            send: None,
            expect: None,
            read_max: 64 * 1024,
        }
    }
}

/// Options that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TcpError {
    /// Not a host and a port.
    #[error("not a host and a port such as db.example.com:3306: {0}")]
    Target(String),
    /// There is nothing to expect in nothing.
    #[error("expect is empty")]
    EmptyExpect,
}

/// `tcp`: connects, and if told so sends a text and waits for one. Readings in
/// seconds: `dns`, `connect`, `answer` (from the connection to the expected
/// text, only if one is expected) and `duration`, which is all of it.
#[derive(Debug)]
pub struct Tcp {
    peer: Peer,
    options: TcpOptions,
}

impl Tcp {
    /// A check that is ready to run.
    pub fn new(options: TcpOptions) -> Result<Self, TcpError> {
        if options.expect.as_ref().is_some_and(Vec::is_empty) {
            return Err(TcpError::EmptyExpect);
        }
        match Peer::parse(&options.target) {
            Some(peer) => Ok(Self { peer, options }),
            None => Err(TcpError::Target(options.target)),
        }
    }

    async fn look(&self, started: Instant) -> Finding {
        let deadline = started + self.options.deadline.as_duration();
        let mut progress = Progress::default();
        let outcome = timeout_at(deadline, self.talk(deadline, &mut progress)).await;
        let (verdict, message) = match outcome {
            Ok(Ok(message)) => (Verdict::Ok, message),
            Ok(Err(reason)) => (Verdict::Critical, reason),
            Err(_) => {
                let (doing, within) = (progress.doing, self.options.deadline);
                let message = format!("{doing} {} within {within}", self.peer);
                (Verdict::Critical, message)
            }
        };
        let total = (verdict == Verdict::Ok).then(|| started.elapsed());
        let mut readings = vec![
            seconds("dns", progress.dns),
            seconds("connect", progress.connect),
        ];
        if self.options.expect.is_some() {
            readings.push(seconds("answer", progress.answer));
        }
        readings.push(seconds("duration", total));
        Finding::new(verdict, message).with(readings)
    }

    async fn talk(&self, deadline: Instant, progress: &mut Progress) -> Result<String, String> {
        let Peer { host, port } = &self.peer;
        progress.doing = "no answer from the name servers about";
        let (addresses, dns) = net::resolve(host, *port).await?;
        progress.dns = Some(dns);

        progress.doing = "no connection to";
        let connecting = Instant::now();
        let (mut stream, address) = net::connect(&addresses, deadline).await?;
        progress.connect = Some(connecting.elapsed());

        let connected = Instant::now();
        if let Some(text) = &self.options.send {
            progress.doing = "what was sent was not taken by";
            let sent = stream.write_all(text).await;
            sent.map_err(|error| format!("{} by {address}", reason::io(&error)))?;
        }
        if let Some(expected) = &self.options.expect {
            progress.doing = "the expected text did not come from";
            self.find(&mut stream, expected)
                .await
                .map_err(|reason| format!("{address}: {reason}"))?;
            progress.answer = Some(connected.elapsed());
            return Ok(format!("{address} answered as expected"));
        }
        Ok(format!("connected to {address}"))
    }

    async fn find(&self, stream: &mut TcpStream, expected: &[u8]) -> Result<(), String> {
        let limit = self.options.read_max;
        let mut said = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let room = buffer.len().min(limit - said.len());
            if room == 0 {
                let limit = bytes(limit as u64);
                return Err(format!("the expected text is not in the first {limit}"));
            }
            let read = match stream.read(&mut buffer[..room]).await {
                Ok(0) => {
                    return Err(format!(
                        "closed without the expected text, {}",
                        said_excerpt(&said)
                    ));
                }
                Ok(read) => read,
                Err(error) => {
                    return Err(format!("{} before the expected text", reason::io(&error)));
                }
            };
            // What came before can hold the beginning of the text at its end.
            let from = said.len().saturating_sub(expected.len() - 1);
            said.extend_from_slice(&buffer[..read]);
            if said[from..]
                .windows(expected.len())
                .any(|part| part == expected)
            {
                return Ok(());
            }
        }
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
            self.look(started).await.stamp(now, started)
        })
    }
}

/// How far it came.
#[derive(Debug, Default)]
struct Progress {
    doing: &'static str,
    dns: Option<Duration>,
    connect: Option<Duration>,
    answer: Option<Duration>,
}

fn seconds(field: &str, time: Option<Duration>) -> Reading {
    Reading::gauge(field, time.map(|time| time.as_secs_f64()), Unit::Seconds)
}

/// The beginning of what a peer said, for messages.
fn said_excerpt(said: &[u8]) -> String {
    const EXCERPT_MAX: usize = 60;
    match said.is_empty() {
        true => "it said nothing".into(),
        false => {
            let start = &said[..said.len().min(EXCERPT_MAX)];
            format!(
                "it said: {}",
                String::from_utf8_lossy(start).trim_end().escape_debug()
            )
        }
    }
}
