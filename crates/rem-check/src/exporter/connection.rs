//! Asking for metrics over a connection that is kept between two looks.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Response;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::ExporterError;
use crate::http::{Url, words};
use crate::net::{self, Peer};
use crate::{HttpError, Verify, tls};

/// How much of an answer's headers is taken.
const HEADERS_BYTES_MAX: usize = 64 * 1024;

/// Whom to ask, and for what.
#[derive(Clone, Debug)]
pub(super) struct Source {
    url: Url,
    headers: HeaderMap,
    tls: Arc<ClientConfig>,
}

/// What moves the bytes of a connection until that has ended; it stands still
/// while nobody asks.
type Driver = Option<Pin<Box<dyn Future<Output = ()> + Send>>>;

/// A connection on which one answer has come to its end.
pub(super) struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    driver: Driver,
    pub(super) peer: String,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection was closed before a byte of an answer: of a kept one
    /// this says nothing about the exporter.
    Closed(String),
    Other(String),
}

/// What came of an answer.
#[derive(Debug)]
pub(super) enum Came<'a> {
    Head(&'a Response<Incoming>),
    Piece(&'a [u8]),
}

impl Failure {
    pub(super) fn into_words(self) -> String {
        match self {
            Self::Closed(why) | Self::Other(why) => why,
        }
    }
}

impl Source {
    pub(super) fn new(
        url: &str,
        headers: HeaderMap,
        verify: &Verify,
    ) -> Result<Self, ExporterError> {
        let url = Url::parse(url).map_err(|why| HttpError::Url {
            url: url.to_owned(),
            why,
        })?;
        let mut headers = headers;
        if !headers.contains_key(HOST) {
            let host = HeaderValue::from_str(&url.authority());
            let host = host.map_err(|_| HttpError::Header("host".into()))?;
            headers.insert(HOST, host);
        }
        Ok(Self {
            url,
            headers,
            // One answer after the other over one connection: HTTP/2 adds nothing.
            tls: tls::config(verify, &[b"http/1.1"])?,
        })
    }

    pub(super) fn url(&self) -> String {
        self.url.to_string()
    }

    pub(super) async fn connect(&self, deadline: Instant) -> Result<Connection, Failure> {
        let Peer { host, port } = self.url.peer();
        let (addresses, _) = net::resolve(host, *port).await.map_err(Failure::Other)?;
        let (stream, address) = net::connect(&addresses, deadline)
            .await
            .map_err(Failure::Other)?;
        let peer = address.to_string();
        if !self.url.is_https() {
            return Connection::new(stream, peer).await;
        }
        match tls::encrypt(stream, host, &self.tls).await {
            Ok(encrypted) => Connection::new(encrypted.stream, peer).await,
            Err(failure) => Err(Failure::Other(format!("{peer}: {}", failure.reason))),
        }
    }
}

impl Connection {
    async fn new<S>(stream: S, peer: String) -> Result<Self, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let handshake = http1::Builder::new()
            .max_buf_size(HEADERS_BYTES_MAX)
            .handshake(TokioIo::new(stream))
            .await;
        let (sender, connection) =
            handshake.map_err(|error| Failure::Other(format!("{peer}: {}", words(&error))))?;
        Ok(Self {
            sender,
            driver: Some(Box::pin(async move {
                // What ends the connection the exchange learns by itself.
                let _ = connection.await;
            })),
            peer,
        })
    }

    /// Asks, and hands out what comes until `take` refuses. After an error the
    /// connection is of no more use.
    pub(super) async fn ask(
        &mut self,
        source: &Source,
        more_headers: &HeaderMap,
        mut take: impl FnMut(Came<'_>) -> Result<(), String>,
    ) -> Result<(), Failure> {
        let mut request = hyper::Request::new(Empty::new());
        *request.uri_mut() = source.url.path().clone().into();
        let mut headers = more_headers.clone();
        headers.extend(source.headers.clone());
        *request.headers_mut() = headers;
        let peer = &self.peer;
        let sender = &mut self.sender;
        let exchange = async {
            let failure = |error: hyper::Error| {
                let why = format!("{peer}: {}", words(&error));
                let is_closed = error.is_canceled() || error.is_closed();
                match is_closed || error.is_incomplete_message() {
                    true => Failure::Closed(why),
                    false => Failure::Other(why),
                }
            };
            sender.ready().await.map_err(failure)?;
            let answer = sender.send_request(request).await;
            let answer = answer.map_err(|error| match reset(&error) {
                true => Failure::Closed(format!("{peer}: {}", words(&error))),
                false => failure(error),
            })?;
            take(Came::Head(&answer)).map_err(Failure::Other)?;
            let mut body = answer.into_body();
            while let Some(frame) = body.frame().await {
                let frame =
                    frame.map_err(|error| Failure::Other(format!("{peer}: {}", words(&error))))?;
                if let Ok(piece) = frame.into_data() {
                    take(Came::Piece(&piece)).map_err(Failure::Other)?;
                }
            }
            Ok(())
        };
        beside(&mut self.driver, exchange).await
    }

    /// Whether the server has not closed it by now.
    pub(super) async fn is_open(&mut self) -> bool {
        // One turn of the driver sees what came since the last time.
        std::future::poll_fn(|context| {
            turn(&mut self.driver, context);
            Poll::Ready(self.driver.is_some() && !self.sender.is_closed())
        })
        .await
    }
}

fn turn(driver: &mut Driver, context: &mut Context<'_>) {
    let is_over = driver
        .as_mut()
        .is_some_and(|driver| driver.as_mut().poll(context).is_ready());
    if is_over {
        *driver = None;
    }
}

fn reset(error: &hyper::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(error) = inner.downcast_ref::<std::io::Error>() {
            use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
            return matches!(error.kind(), BrokenPipe | ConnectionReset);
        }
        source = inner.source();
    }
    false
}

/// Runs `exchange` to its end and the driver beside it, in one task: a run that
/// is dropped leaves nothing behind.
async fn beside<T>(driver: &mut Driver, exchange: impl Future<Output = T>) -> T {
    let mut exchange = pin!(exchange);
    std::future::poll_fn(|context| {
        if let Poll::Ready(outcome) = exchange.as_mut().poll(context) {
            return Poll::Ready(outcome);
        }
        turn(driver, context);
        // What the driver just brought.
        exchange.as_mut().poll(context)
    })
    .await
}
