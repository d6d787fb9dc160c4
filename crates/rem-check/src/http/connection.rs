use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::rt::{Read, Write};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rem_time::Timestamp;
use rustls::ClientConfig;
use tokio::time::Instant;

use super::exchange::{HEADERS_BYTES_MAX, Progress, words};
use super::options::HttpVersion;
use super::pool::Key;
use crate::{net, tls};

/// A connection that can be asked, and the work that it needs meanwhile. That
/// work is done beside a question and never otherwise, so that a connection
/// that nobody uses costs nothing and leaves no task behind.
pub(super) struct Connection {
    sender: Sender,
    driver: Driver,
    is_over: bool,
    pub(super) address: String,
    pub(super) certificate_ends: Option<Timestamp>,
}

type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Finds the host, connects, encrypts, and agrees on the protocol.
    pub(super) async fn open(
        key: &Key,
        config: &Arc<ClientConfig>,
        deadline: Instant,
        progress: &mut Progress,
    ) -> Result<Self, String> {
        let net::Peer { host, port } = &key.peer;
        progress.doing = "no answer from the name servers about";
        let (addresses, dns) = net::resolve(host, *port).await?;
        progress.resolved(dns);

        progress.doing = "no connection to";
        let started = Instant::now();
        let (stream, address) = net::connect(&addresses, deadline).await?;
        progress.connected(started.elapsed());
        progress.peer = address.to_string();
        let address = progress.peer.clone();

        if !key.is_https {
            let speaks_http2 = key.version == HttpVersion::Http2;
            return Self::speak(TokioIo::new(stream), speaks_http2, address, None).await;
        }
        progress.doing = "no TLS handshake from";
        let encrypted = match tls::encrypt(stream, &key.server_name, config).await {
            Ok(encrypted) => encrypted,
            Err(failure) => {
                progress.certificate_ends = failure.ended;
                return Err(format!("{address}: {}", failure.reason));
            }
        };
        progress.encrypted(encrypted.took);
        progress.certificate_ends = encrypted.ends;
        let agreed = encrypted.stream.get_ref().1.alpn_protocol();
        let speaks_http2 = agreed == Some(b"h2");
        if key.version == HttpVersion::Http2 && !speaks_http2 {
            return Err(format!("{address}: the server does not speak HTTP/2"));
        }
        let stream = TokioIo::new(encrypted.stream);
        Self::speak(stream, speaks_http2, address, encrypted.ends).await
    }

    async fn speak<S>(
        stream: S,
        speaks_http2: bool,
        address: String,
        certificate_ends: Option<Timestamp>,
    ) -> Result<Self, String>
    where
        S: Read + Write + Unpin + Send + 'static,
    {
        let failed = |error| format!("{address}: {}", words(&error));
        // What ends a connection the exchange learns by itself.
        let (sender, driver): (Sender, Driver) = match speaks_http2 {
            true => {
                let limit = u32::try_from(HEADERS_BYTES_MAX).unwrap_or(u32::MAX);
                let (sender, connection) = http2::Builder::new(TokioExecutor::new())
                    .max_header_list_size(limit)
                    .handshake(stream)
                    .await
                    .map_err(failed)?;
                let driver = async { connection.await.unwrap_or_default() };
                (Sender::Http2(sender), Box::pin(driver))
            }
            false => {
                let (sender, connection) = http1::Builder::new()
                    .max_buf_size(HEADERS_BYTES_MAX)
                    .handshake(stream)
                    .await
                    .map_err(failed)?;
                let driver = async { connection.await.unwrap_or_default() };
                (Sender::Http1(sender), Box::pin(driver))
            }
        };
        Ok(Self {
            sender,
            driver,
            is_over: false,
            address,
            certificate_ends,
        })
    }

    pub(super) fn speaks_http2(&self) -> bool {
        match self.sender {
            Sender::Http1(_) => false,
            Sender::Http2(_) => true,
        }
    }

    /// Whether it can be asked at this moment, as far as this side knows.
    pub(super) async fn is_open(&mut self) -> bool {
        std::future::poll_fn(|context| {
            drive(&mut self.driver, &mut self.is_over, context);
            let is_ready = match &mut self.sender {
                Sender::Http1(sender) => sender.poll_ready(context),
                Sender::Http2(sender) => sender.poll_ready(context),
            };
            Poll::Ready(!self.is_over && matches!(is_ready, Poll::Ready(Ok(()))))
        })
        .await
    }

    /// Asks, and does whatever the connection needs until `answered` is
    /// through with the answer.
    pub(super) async fn ask<T, A>(
        &mut self,
        request: Request<Full<Bytes>>,
        answered: impl FnOnce(hyper::Result<Response<Incoming>>) -> A,
    ) -> T
    where
        A: Future<Output = T>,
    {
        type Asking<'a> =
            Pin<Box<dyn Future<Output = hyper::Result<Response<Incoming>>> + Send + 'a>>;
        let Self {
            sender,
            driver,
            is_over,
            ..
        } = self;
        let asking: Asking<'_> = match sender {
            Sender::Http1(sender) => Box::pin(sender.send_request(request)),
            Sender::Http2(sender) => Box::pin(sender.send_request(request)),
        };
        let exchange = async move { answered(asking.await).await };
        let mut exchange = pin!(exchange);
        std::future::poll_fn(|context| {
            if let Poll::Ready(outcome) = exchange.as_mut().poll(context) {
                return Poll::Ready(outcome);
            }
            drive(driver, is_over, context);
            // What the connection just brought.
            exchange.as_mut().poll(context)
        })
        .await
    }
}

fn drive(driver: &mut Driver, is_over: &mut bool, context: &mut Context<'_>) {
    if !*is_over {
        *is_over = driver.as_mut().poll(context).is_ready();
    }
}
