use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::{HOST, LOCATION};
use hyper::rt::{Read, Write};
use hyper::{Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rem_time::Timestamp;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::url::Url;
use super::{Request, certificate, seconds, tls};
use crate::net::{self, Peer};
use crate::{Reading, Unit, reason};

/// How much of an answer's headers is taken; a server that sends more is
/// critical. Browsers stop at about a quarter of it.
const HEADERS_BYTES_MAX: usize = 256 * 1024;

/// What one exchange may use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) deadline: Instant,
    /// Bytes of the body that are read.
    pub(super) body: usize,
}

/// What the server said.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Where to go instead, if it is a redirect that says so.
    pub(super) location: Option<String>,
    /// As much as was read.
    pub(super) body: Vec<u8>,
    /// Whether that is all of it.
    pub(super) is_complete: bool,
}

/// How far a run came and what it measured until then; outlives a run that is
/// cut off by its deadline.
#[derive(Debug, Default)]
pub(super) struct Progress {
    doing: &'static str,
    peer: String,
    is_https: bool,
    pub(super) finished: bool,
    pub(super) redirects: u32,
    status: Option<u16>,
    dns: Option<Duration>,
    connect: Option<Duration>,
    tls: Option<Duration>,
    first_byte: Option<Duration>,
    size: Option<u64>,
    certificate_ends: Option<Timestamp>,
}

impl Progress {
    pub(super) fn next_hop(&mut self, url: &Url) {
        self.peer = url.peer().to_string();
        self.is_https = url.is_https();
        self.status = None;
        self.size = None;
        self.certificate_ends = None;
    }

    /// What did not come in time.
    pub(super) fn waiting_for(&self) -> String {
        format!("{} {}", self.doing, self.peer)
    }

    pub(super) fn readings(&self, now: Timestamp, duration: Option<Duration>) -> Vec<Reading> {
        let mut readings = vec![
            Reading::gauge("status", self.status.map(f64::from), Unit::One),
            seconds("dns", self.dns),
            seconds("connect", self.connect),
        ];
        if self.is_https {
            readings.push(seconds("tls", self.tls));
        }
        readings.push(seconds("first_byte", self.first_byte));
        readings.push(seconds("duration", duration));
        let size = self.size.map(|size| size as f64);
        readings.push(Reading::gauge("size", size, Unit::Bytes));
        let redirects = f64::from(self.redirects);
        readings.push(Reading::gauge("redirects", redirects, Unit::One));
        if self.is_https {
            let days = self
                .certificate_ends
                .map(|ends| (ends.as_secs_f64() - now.as_secs_f64()) / 86_400.0);
            readings.push(Reading::gauge("certificate_days", days, Unit::Days));
        }
        readings
    }
}

fn add(sum: &mut Option<Duration>, time: Duration) {
    *sum = Some(sum.unwrap_or_default() + time);
}

/// One request over a connection of its own.
pub(super) async fn exchange(
    request: &Request,
    body: &[u8],
    config: &Arc<ClientConfig>,
    limits: Limits,
    progress: &mut Progress,
) -> Result<Answer, String> {
    let Peer { host, port } = request.url.peer();
    progress.doing = "no answer from the name servers about";
    let (addresses, dns) = net::resolve(host, *port).await?;
    add(&mut progress.dns, dns);

    progress.doing = "no connection to";
    let started = Instant::now();
    let (stream, address) = net::connect(&addresses, limits.deadline).await?;
    add(&mut progress.connect, started.elapsed());
    progress.peer = address.to_string();

    if !request.url.is_https() {
        return talk_http1(TokioIo::new(stream), request, body, limits, progress).await;
    }
    progress.doing = "no TLS handshake from";
    let (stream, is_http2) = encrypt(stream, host, config, progress).await?;
    match is_http2 {
        true => talk_http2(TokioIo::new(stream), request, body, limits, progress).await,
        false => talk_http1(TokioIo::new(stream), request, body, limits, progress).await,
    }
}

async fn encrypt(
    stream: TcpStream,
    host: &str,
    config: &Arc<ClientConfig>,
    progress: &mut Progress,
) -> Result<(tokio_rustls::client::TlsStream<TcpStream>, bool), String> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| format!("a certificate cannot be for this name: {host}"))?;
    let started = Instant::now();
    let handshake = TlsConnector::from(Arc::clone(config)).connect(name, stream);
    let stream = match handshake.await {
        Ok(stream) => stream,
        Err(error) => {
            let (reason, ended) = tls::reason(&error, host);
            progress.certificate_ends = ended;
            return Err(format!("{}: {reason}", progress.peer));
        }
    };
    add(&mut progress.tls, started.elapsed());
    let (_, session) = stream.get_ref();
    let leaf = session.peer_certificates().and_then(<[_]>::first);
    progress.certificate_ends = leaf.and_then(|leaf| certificate::ends(leaf));
    let is_http2 = session.alpn_protocol() == Some(b"h2");
    Ok((stream, is_http2))
}

async fn talk_http1<S>(
    stream: S,
    request: &Request,
    body: &[u8],
    limits: Limits,
    progress: &mut Progress,
) -> Result<Answer, String>
where
    S: Read + Write + Unpin + Send + 'static,
{
    let started = Instant::now();
    progress.doing = "no answer from";
    let peer = progress.peer.clone();
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEADERS_BYTES_MAX)
        .handshake(stream)
        .await
        .map_err(|error| format!("{peer}: {}", words(&error)))?;
    let mut outgoing = hyper::Request::new(Full::new(Bytes::copy_from_slice(body)));
    *outgoing.method_mut() = request.method.clone();
    *outgoing.uri_mut() = request.url.path().clone().into();
    *outgoing.headers_mut() = request.headers.clone();
    if !request.headers.contains_key(HOST) {
        let host = request.url.authority().parse();
        let host = host.map_err(|_| format!("not a host that HTTP can name: {}", request.url))?;
        outgoing.headers_mut().insert(HOST, host);
    }
    let exchange = async {
        let answer = sender.send_request(outgoing).await;
        let answer = answer.map_err(|error| format!("{peer}: {}", words(&error)))?;
        add(&mut progress.first_byte, started.elapsed());
        read(answer, limits, progress).await
    };
    beside(connection, exchange).await
}

async fn talk_http2<S>(
    stream: S,
    request: &Request,
    body: &[u8],
    limits: Limits,
    progress: &mut Progress,
) -> Result<Answer, String>
where
    S: Read + Write + Unpin + Send + 'static,
{
    let started = Instant::now();
    progress.doing = "no answer from";
    let peer = progress.peer.clone();
    let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
        .max_header_list_size(u32::try_from(HEADERS_BYTES_MAX).unwrap_or(u32::MAX))
        .handshake(stream)
        .await
        .map_err(|error| format!("{peer}: {}", words(&error)))?;
    let mut outgoing = hyper::Request::new(Full::new(Bytes::copy_from_slice(body)));
    *outgoing.method_mut() = request.method.clone();
    *outgoing.version_mut() = Version::HTTP_2;
    *outgoing.headers_mut() = request.headers.clone();
    // HTTP/2 says the host as part of the URL; one of the operator's own goes there.
    let authority = outgoing.headers_mut().remove(HOST);
    let url = match authority.as_ref().and_then(|host| host.to_str().ok()) {
        Some(host) => format!("https://{host}{}", request.url.path()).parse().ok(),
        None => request.url.absolute(),
    };
    *outgoing.uri_mut() =
        url.ok_or_else(|| format!("not a host that HTTP can name: {}", request.url))?;
    let exchange = async {
        let answer = sender.send_request(outgoing).await;
        let answer = answer.map_err(|error| format!("{peer}: {}", words(&error)))?;
        add(&mut progress.first_byte, started.elapsed());
        read(answer, limits, progress).await
    };
    beside(connection, exchange).await
}

/// Runs `exchange` to its end and `connection` beside it, in one task: a run
/// that is dropped leaves nothing behind. What ends a connection the exchange
/// learns by itself.
async fn beside<T>(connection: impl Future, exchange: impl Future<Output = T>) -> T {
    let (mut connection, mut exchange) = (pin!(connection), pin!(exchange));
    let mut is_over = false;
    std::future::poll_fn(|context| {
        if let Poll::Ready(outcome) = exchange.as_mut().poll(context) {
            return Poll::Ready(outcome);
        }
        if !is_over && connection.as_mut().poll(context).is_ready() {
            is_over = true;
        }
        // What the connection just brought.
        exchange.as_mut().poll(context)
    })
    .await
}

async fn read(
    answer: Response<Incoming>,
    limits: Limits,
    progress: &mut Progress,
) -> Result<Answer, String> {
    progress.doing = "no end of the body from";
    let status = answer.status().as_u16();
    progress.status = Some(status);
    let is_redirect = matches!(status, 301 | 302 | 303 | 307 | 308);
    let location = answer.headers().get(LOCATION).filter(|_| is_redirect);
    let location = location.map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned());

    let mut incoming = answer.into_body();
    let announced = incoming.size_hint().exact();
    let mut body = Vec::new();
    let mut is_complete = true;
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| {
            let so_far = crate::local::bytes(body.len() as u64);
            format!(
                "{}: {} after {so_far} of the body",
                progress.peer,
                words(&error)
            )
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let room = limits.body - body.len();
        body.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room || (body.len() == limits.body && !incoming.is_end_stream()) {
            is_complete = false;
            break;
        }
    }
    progress.size = match is_complete {
        true => Some(body.len() as u64),
        false => announced,
    };
    Ok(Answer {
        status,
        location,
        body,
        is_complete,
    })
}

/// What went wrong between us and the server, in an operator's words.
fn words(error: &hyper::Error) -> String {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(error) = inner.downcast_ref::<std::io::Error>()
            && error.kind() != std::io::ErrorKind::Other
        {
            return reason::io(error);
        }
        source = inner.source();
    }
    if error.is_parse_too_large() {
        let limit = crate::local::bytes(HEADERS_BYTES_MAX as u64);
        return format!("the headers are longer than {limit}");
    }
    if error.is_parse() {
        return format!("the answer is not HTTP: {error}");
    }
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        return "connection closed before the answer's end".into();
    }
    error.to_string()
}
