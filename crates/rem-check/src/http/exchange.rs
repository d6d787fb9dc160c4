use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_ENCODING, HOST, HeaderMap, LOCATION};
use hyper::{Method, Response, Version};
use rem_time::Timestamp;
use rustls::ClientConfig;
use tokio::time::Instant;

use super::connection::Connection;
use super::pool::{HttpPool, Key};
use super::url::Url;
use super::{Request, packed};
use crate::net::seconds;
use crate::{Reading, Unit, reason, tls};

/// How much of an answer's headers is taken; a server that sends more is
/// critical. Browsers stop at about a quarter of it.
pub(super) const HEADERS_BYTES_MAX: usize = 256 * 1024;

/// What one exchange may use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) deadline: Instant,
    /// Bytes of the body that are read.
    pub(super) body: usize,
}

/// How to come to a connection.
#[derive(Debug)]
pub(super) struct Way<'a> {
    pub(super) key: Key,
    pub(super) config: &'a Arc<ClientConfig>,
    /// Where open ones wait; `None` to open a fresh one and to close it.
    pub(super) pool: Option<&'a HttpPool>,
}

/// What the server said.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// As much as was read, unpacked.
    pub(super) body: Vec<u8>,
    /// Whether that is all of it.
    pub(super) is_complete: bool,
}

impl Answer {
    /// Where to go instead, if it is a redirect that says so.
    pub(super) fn location(&self) -> Option<String> {
        let is_redirect = matches!(self.status, 301 | 302 | 303 | 307 | 308);
        let location = self.headers.get(LOCATION).filter(|_| is_redirect);
        location.map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned())
    }
}

/// How far a run came and what it measured until then; outlives a run that is
/// cut off by its deadline.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) doing: &'static str,
    pub(super) peer: String,
    is_https: bool,
    pub(super) finished: bool,
    pub(super) redirects: u32,
    status: Option<u16>,
    dns: Option<Duration>,
    connect: Option<Duration>,
    tls: Option<Duration>,
    first_byte: Option<Duration>,
    size: Option<u64>,
    pub(super) certificate_ends: Option<Timestamp>,
}

impl Progress {
    pub(super) fn next_hop(&mut self, url: &Url) {
        self.peer = url.peer().to_string();
        self.is_https = url.is_https();
        self.status = None;
        self.size = None;
        self.certificate_ends = None;
    }

    pub(super) fn resolved(&mut self, time: Duration) {
        add(&mut self.dns, time);
    }

    pub(super) fn connected(&mut self, time: Duration) {
        add(&mut self.connect, time);
    }

    pub(super) fn encrypted(&mut self, time: Duration) {
        add(&mut self.tls, time);
    }

    /// What did not come in time.
    pub(super) fn waiting_for(&self) -> String {
        format!("{} {}", self.doing, self.peer)
    }

    pub(super) fn certificate_days(&self, now: Timestamp) -> Option<f64> {
        self.certificate_ends.map(|ends| tls::days(now, ends))
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
            let days = self.certificate_days(now);
            readings.push(Reading::gauge("certificate_days", days, Unit::Days));
        }
        readings
    }
}

fn add(sum: &mut Option<Duration>, time: Duration) {
    *sum = Some(sum.unwrap_or_default() + time);
}

/// Why there is no answer.
enum Stop {
    /// A connection that was open before turned out to be closed.
    Stale,
    Failed(String),
}

/// One request and its answer.
pub(super) async fn exchange(
    request: &Request,
    way: Way<'_>,
    limits: Limits,
    progress: &mut Progress,
) -> Result<Answer, String> {
    while let Some(mut connection) = way.pool.and_then(|pool| pool.take(&way.key)) {
        if !connection.is_open().await {
            continue;
        }
        progress.peer.clone_from(&connection.address);
        progress.certificate_ends = connection.certificate_ends;
        match talk(&mut connection, request, true, limits, progress).await {
            Ok(answer) => {
                keep(connection, way, &answer).await;
                return Ok(answer);
            }
            Err(Stop::Failed(reason)) => return Err(reason),
            Err(Stop::Stale) => {}
        }
    }
    let opened = Connection::open(&way.key, way.config, limits.deadline, progress);
    let mut connection = opened.await?;
    match talk(&mut connection, request, false, limits, progress).await {
        Ok(answer) => {
            keep(connection, way, &answer).await;
            Ok(answer)
        }
        Err(Stop::Failed(reason)) => Err(reason),
        Err(Stop::Stale) => Err(format!("{}: connection closed", progress.peer)),
    }
}

/// Puts a connection away for its next use, if it can have one.
async fn keep(mut connection: Connection, way: Way<'_>, answer: &Answer) {
    let Some(pool) = way.pool else { return };
    if answer.is_complete && connection.is_open().await {
        pool.put(way.key, connection);
    }
}

async fn talk(
    connection: &mut Connection,
    request: &Request,
    was_open: bool,
    limits: Limits,
    progress: &mut Progress,
) -> Result<Answer, Stop> {
    let outgoing = outgoing(request, connection.speaks_http2()).map_err(Stop::Failed)?;
    let is_safe = request.method.is_idempotent();
    let started = Instant::now();
    progress.doing = "no answer from";
    let answered = async |answer: hyper::Result<Response<Incoming>>| match answer {
        Ok(answer) => {
            add(&mut progress.first_byte, started.elapsed());
            read(answer, request, limits, progress)
                .await
                .map_err(Stop::Failed)
        }
        // The server may have closed it while the request was on its way; what
        // may be asked twice is asked again.
        Err(error) if was_open && is_lost(&error) && (is_safe || error.is_canceled()) => {
            Err(Stop::Stale)
        }
        Err(error) => Err(Stop::Failed(format!(
            "{}: {}",
            progress.peer,
            words(&error)
        ))),
    };
    connection.ask(outgoing, answered).await
}

fn outgoing(request: &Request, for_http2: bool) -> Result<hyper::Request<Full<Bytes>>, String> {
    let unnamed = || format!("not a host that HTTP can name: {}", request.url);
    let mut outgoing = hyper::Request::new(Full::new(request.body.clone()));
    *outgoing.method_mut() = request.method.clone();
    *outgoing.headers_mut() = request.headers.clone();
    if for_http2 {
        *outgoing.version_mut() = Version::HTTP_2;
        // HTTP/2 says the host as part of the URL; one of the operator's own goes there.
        let authority = outgoing.headers_mut().remove(HOST);
        let url = match authority.as_ref().and_then(|host| host.to_str().ok()) {
            Some(host) => request.url.absolute(host),
            None => request.url.absolute(&request.url.authority()),
        };
        *outgoing.uri_mut() = url.ok_or_else(unnamed)?;
    } else {
        *outgoing.uri_mut() = request.url.path().clone().into();
        if !request.headers.contains_key(HOST) {
            let host = request.url.authority().parse().map_err(|_| unnamed())?;
            outgoing.headers_mut().insert(HOST, host);
        }
    }
    Ok(outgoing)
}

async fn read(
    answer: Response<Incoming>,
    request: &Request,
    limits: Limits,
    progress: &mut Progress,
) -> Result<Answer, String> {
    progress.doing = "no end of the body from";
    let (head, mut incoming) = answer.into_parts();
    let status = head.status.as_u16();
    progress.status = Some(status);
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
    let encoding = head.headers.get(CONTENT_ENCODING);
    let is_packed = encoding.is_some_and(|encoding| {
        let encoding = encoding.as_bytes();
        encoding.eq_ignore_ascii_case(b"gzip") || encoding.eq_ignore_ascii_case(b"x-gzip")
    });
    if is_packed && request.method != Method::HEAD {
        let unpacked = packed::unpack(&body, limits.body, is_complete);
        let failed = |why| format!("{}: the body is not gzip as it says: {why}", progress.peer);
        (body, is_complete) = unpacked.map_err(failed)?;
    }
    Ok(Answer {
        status,
        headers: head.headers,
        body,
        is_complete,
    })
}

/// Whether nothing of an answer came.
fn is_lost(error: &hyper::Error) -> bool {
    let is_io = || io_error(error).is_some();
    error.is_canceled() || error.is_closed() || error.is_incomplete_message() || is_io()
}

fn io_error(error: &hyper::Error) -> Option<&std::io::Error> {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(error) = inner.downcast_ref::<std::io::Error>()
            && error.kind() != std::io::ErrorKind::Other
        {
            return Some(error);
        }
        source = inner.source();
    }
    None
}

/// What went wrong between us and the server, in an operator's words.
pub(crate) fn words(error: &hyper::Error) -> String {
    if let Some(error) = io_error(error) {
        return reason::io(error);
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
