//! The receiver of webhooks, and the little HTTP that it and the senders speak.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Counts each alert by its label `x`.
#[derive(Debug, Default)]
pub(crate) struct Receiver {
    came: Mutex<HashMap<usize, u32>>,
    distinct: AtomicUsize,
    pub(crate) down: AtomicBool,
    refused: AtomicUsize,
}

impl Receiver {
    /// One with a thread of its own, so that senders do not wait for it; and its port.
    pub(crate) fn start() -> (Arc<Self>, u16) {
        let receiver = Arc::new(Self::default());
        let theirs = Arc::clone(&receiver);
        let (port, bound) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                port.send(listener.local_addr().unwrap().port()).unwrap();
                theirs.receive(listener).await;
            });
        });
        (receiver, bound.recv().unwrap())
    }

    pub(crate) fn forget(&self) {
        self.came.lock().clear();
        self.distinct.store(0, Ordering::Relaxed);
        self.refused.store(0, Ordering::Relaxed);
    }

    /// How many alerts have come.
    pub(crate) fn distinct(&self) -> usize {
        self.distinct.load(Ordering::Relaxed)
    }

    /// How often one came that was there already.
    pub(crate) fn again(&self) -> u32 {
        self.came.lock().values().map(|times| times - 1).sum()
    }

    /// How many messages were turned away while it was down.
    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// Waits until so many have come, and tells how long after `began` that was.
    pub(crate) async fn all(&self, count: usize, began: Instant, patience: Duration) -> Duration {
        while self.distinct() < count && began.elapsed() < patience {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        began.elapsed()
    }

    async fn receive(self: Arc<Self>, listener: TcpListener) {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let receiver = Arc::clone(&self);
            tokio::spawn(async move {
                // A sender that hangs up is no matter.
                let _ = receiver.answer(stream).await;
            });
        }
    }

    async fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut bytes = Vec::new();
        while let Some((_, body)) = message(&mut stream, &mut bytes).await? {
            let answer: &[u8] = match self.down.load(Ordering::Relaxed) {
                true => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
                }
                false => {
                    self.take(&body);
                    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
                }
            };
            stream.write_all(answer).await?;
        }
        Ok(())
    }

    /// Both servers send Alertmanager's body of version 4.
    fn take(&self, body: &[u8]) {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let mut came = self.came.lock();
        for alert in body["alerts"].as_array().into_iter().flatten() {
            let x = alert["labels"]["x"].as_str().and_then(|x| x.parse().ok());
            let Some(x) = x else { continue };
            let times = came.entry(x).or_default();
            *times += 1;
            if *times == 1 {
                self.distinct.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// A request or an answer: its head and its body; nothing at the end of the stream.
pub(crate) async fn message(
    stream: &mut TcpStream,
    bytes: &mut Vec<u8>,
) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(bytes).await? == 0 {
            return Ok(None);
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse().ok())?
    });
    let end = head + length.unwrap_or(0);
    while bytes.len() < end {
        if stream.read_buf(bytes).await? == 0 {
            return Ok(None);
        }
    }
    let body = bytes[head..end].to_vec();
    bytes.drain(..end);
    Ok(Some((text, body)))
}
