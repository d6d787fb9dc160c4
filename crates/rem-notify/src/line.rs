//! A connection that is spoken to in lines: SMTP and IMAP.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A TCP connection, with TLS or without.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A [`Stream`] with what was read from it and not yet looked at.
pub(crate) struct LineStream {
    stream: Option<Stream>,
    read: BytesMut,
}

impl Stream {
    pub(crate) async fn connect(host: &str, port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self::Plain(stream))
    }

    pub(crate) async fn with_tls(self, host: &str, tls: Arc<ClientConfig>) -> io::Result<Self> {
        let Self::Plain(stream) = self else {
            return Ok(self);
        };
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "no name TLS can check"))?;
        let stream = TlsConnector::from(tls).connect(name, stream).await?;
        Ok(Self::Tls(Box::new(stream)))
    }
}

impl Stream {
    /// The address it is connected from, as SMTP writes it.
    pub(crate) fn own_address(&self) -> String {
        let address = match self {
            Self::Plain(stream) => stream.local_addr(),
            Self::Tls(stream) => stream.get_ref().0.local_addr(),
        };
        match address.map(|address| address.ip()) {
            Ok(IpAddr::V4(ip)) => format!("[{ip}]"),
            Ok(IpAddr::V6(ip)) => format!("[IPv6:{ip}]"),
            Err(_) => "localhost".into(),
        }
    }
}

impl LineStream {
    pub(crate) fn new(stream: Stream) -> Self {
        Self {
            stream: Some(stream),
            read: BytesMut::new(),
        }
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        matches!(self.stream, Some(Stream::Tls(_)))
    }

    /// Goes on with TLS. Bytes that came ahead of it came from anybody.
    pub(crate) async fn start_tls(&mut self, host: &str, tls: Arc<ClientConfig>) -> io::Result<()> {
        if !self.read.is_empty() {
            return Err(invalid("it spoke out of turn before TLS began"));
        }
        let stream = self.stream.take().ok_or_else(closed)?;
        self.stream = Some(stream.with_tls(host, tls).await?);
        Ok(())
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.stream.as_mut().ok_or_else(closed)?;
        stream.write_all(bytes).await?;
        stream.flush().await
    }

    /// The next line without its end, at most `max` bytes.
    pub(crate) async fn line(&mut self, max: usize) -> io::Result<Vec<u8>> {
        let mut looked_at = 0;
        loop {
            if let Some(at) = self.read[looked_at..]
                .iter()
                .position(|byte| *byte == b'\n')
            {
                let mut line = self.read.split_to(looked_at + at).to_vec();
                self.read.advance(1);
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(line);
            }
            looked_at = self.read.len();
            if looked_at > max {
                return Err(invalid("it sent a line without end"));
            }
            self.more().await?;
        }
    }

    /// The next `count` bytes; the caller has checked that it wants so many.
    pub(crate) async fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.read.len() < count {
            self.more().await?;
        }
        Ok(self.read.split_to(count).to_vec())
    }

    /// Reads `count` bytes and forgets them.
    pub(crate) async fn skip(&mut self, mut count: u64) -> io::Result<()> {
        loop {
            let here = self
                .read
                .len()
                .min(usize::try_from(count).unwrap_or(usize::MAX));
            self.read.advance(here);
            count -= here as u64;
            if count == 0 {
                return Ok(());
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> io::Result<()> {
        let stream = self.stream.as_mut().ok_or_else(closed)?;
        if stream.read_buf(&mut self.read).await? == 0 {
            return Err(closed());
        }
        Ok(())
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it closed the connection")
}

fn invalid(text: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}
