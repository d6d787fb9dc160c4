use std::convert::Infallible;
use std::future::Future as _;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::answer;
use super::body::Keeping;
use super::port::Port;
use crate::metrics::{Metrics, Open, count};

/// Pause after an error that every further `accept` would give too, such as
/// running out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Streams one HTTP/2 connection may have open.
const HTTP2_STREAMS_MAX: u32 = 64;
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\n\
    content-length: 0\r\nconnection: close\r\n\r\n";

/// Takes connections until the server closes, then waits for the open ones.
pub(super) async fn accept(socket: TcpListener, port: Arc<Port>) {
    let mut connections = JoinSet::new();
    let mut closing = port.closing.clone();
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = closing.wait_for(|closing| *closing) => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        match accepted {
            Ok((stream, peer)) => {
                let max = port.limits.connections;
                let open = Open::below(max, &port.metrics, |m: &Metrics| &m.connections_open);
                let Some(open) = open else {
                    turn_away(&stream, &port);
                    continue;
                };
                count(&port.metrics.connections);
                let port = port.clone();
                connections.spawn(async move {
                    serve(stream, peer, port).await;
                    drop(open);
                });
            }
            Err(error) => {
                tracing::warn!(address = %port.address, %error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(socket);
    while connections.join_next().await.is_some() {}
}

fn turn_away(stream: &TcpStream, port: &Port) {
    count(&port.metrics.connections_refused);
    if port.tls.is_none() {
        // Whether the client gets to read it is up to the kernel.
        let _ = stream.try_write(FULL);
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, port: Arc<Port>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "connection is gone");
        return;
    }
    let stream = Unstuck::new(stream, port.limits.write_time);
    let Some(tls) = &port.tls else {
        return http(stream, peer, port).await;
    };
    let handshake = TlsAcceptor::from(tls.config.clone()).accept(stream);
    match timeout(port.limits.handshake_time, handshake).await {
        Ok(Ok(stream)) => http(stream, peer, port).await,
        Ok(Err(error)) => {
            count(&port.metrics.handshakes_failed);
            tracing::debug!(%peer, %error, "TLS handshake failed");
        }
        Err(_) => {
            count(&port.metrics.handshakes_failed);
            tracing::debug!(%peer, "TLS handshake took too long");
        }
    }
}

async fn http<S>(stream: S, peer: SocketAddr, port: Arc<Port>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = &port.limits;
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(limits.head_bytes.max(8 << 10))
        .max_headers(limits.headers);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .keep_alive_interval(limits.head_time)
        .keep_alive_timeout(limits.head_time);
    let activity = Arc::new(Activity::default());
    let service = service_fn(|request| {
        let (port, busy) = (port.clone(), Busy::new(&activity));
        async move {
            let answered = answer::answer(port, request, peer).await;
            // An event stream or a long download is activity too.
            Ok::<_, Infallible>(answered.map(|body| Keeping { body, _kept: busy }))
        }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut closing = port.closing.clone();
    let mut is_closing = false;
    let mut before = 0;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, error = %error, "connection broke");
                }
                return;
            }
            _ = closing.wait_for(|closing| *closing), if !is_closing => {
                is_closing = true;
                connection.as_mut().graceful_shutdown();
            }
            // hyper's own time limit starts once the protocol is known, and does
            // not concern HTTP/2: a client could stay silent for ever.
            () = sleep(limits.head_time) => {
                let (begun, open) = activity.look();
                if begun == 0 {
                    tracing::debug!(%peer, "no request in time");
                    return;
                }
                if open == 0 && begun == before && !is_closing {
                    is_closing = true;
                    connection.as_mut().graceful_shutdown();
                }
                before = begun;
            }
        }
    }
}

/// How many requests a connection has had and has now.
#[derive(Debug, Default)]
struct Activity {
    begun: AtomicU64,
    open: AtomicU64,
}

impl Activity {
    fn look(&self) -> (u64, u64) {
        (
            self.begun.load(Ordering::Relaxed),
            self.open.load(Ordering::Relaxed),
        )
    }
}

struct Busy(Arc<Activity>);

impl Busy {
    fn new(activity: &Arc<Activity>) -> Self {
        activity.begun.fetch_add(1, Ordering::Relaxed);
        activity.open.fetch_add(1, Ordering::Relaxed);
        Self(activity.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream that breaks when its other end takes nothing for too long, so that
/// clients who never read cannot hold answers in memory.
#[derive(Debug)]
struct Unstuck<S> {
    stream: S,
    patience: Duration,
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncWrite + Unpin> Unstuck<S> {
    fn new(stream: S, patience: Duration) -> Self {
        Self {
            stream,
            patience,
            stuck: None,
        }
    }

    fn checked<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let deadline = Instant::now() + self.patience;
        let stuck = self
            .stuck
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        match stuck.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Unstuck<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Unstuck<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.checked(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.checked(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
