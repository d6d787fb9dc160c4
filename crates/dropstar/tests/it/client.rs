//! A client that sends what it is told, byte by byte.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dropstar::{Listener, Running, Server, Site};
use rem_time::SystemClock;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn loopback() -> Listener {
    Listener::on(([127, 0, 0, 1], 0))
}

pub(crate) async fn start(listener: Listener) -> (Running, SocketAddr) {
    let running = Server::bind([listener], Arc::new(SystemClock))
        .await
        .unwrap();
    let address = running.addresses()[0];
    (running, address)
}

pub(crate) async fn serve(site: Site) -> (Running, SocketAddr) {
    start(loopback().site(site)).await
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .next()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// `name=value` of the cookie it sets.
    pub(crate) fn cookie(&self) -> &str {
        self.header("set-cookie")
            .unwrap()
            .split(';')
            .next()
            .unwrap()
    }
}

/// Sends a whole request on a connection of its own.
pub(crate) async fn send(address: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that has heard enough answers and closes before all is sent.
    let _ = stream.write_all(request.as_ref()).await;
    answer(&mut stream).await
}

pub(crate) async fn get(address: SocketAddr, target: &str) -> Answer {
    ask(address, "GET", target, "", "").await
}

/// `headers` is lines that each end in `\r\n`.
pub(crate) async fn ask(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &str,
    body: &str,
) -> Answer {
    let length = match body {
        "" if method == "GET" || method == "HEAD" => String::new(),
        body => format!("content-length: {}\r\n", body.len()),
    };
    let request =
        format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\n{headers}{length}\r\n{body}");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    if method == "HEAD" {
        let head = head(&mut stream, &mut Vec::new()).await;
        return Answer {
            status: status(&head),
            head,
            body: Vec::new(),
        };
    }
    answer(&mut stream).await
}

pub(crate) async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> Answer {
    let mut rest = Vec::new();
    let head = head(stream, &mut rest).await;
    let mut answer = Answer {
        status: status(&head),
        head,
        body: rest,
    };
    let length: usize = answer
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let missing = length - answer.body.len();
    let mut more = vec![0; missing];
    stream.read_exact(&mut more).await.unwrap();
    answer.body.extend(more);
    answer
}

async fn head(stream: &mut (impl AsyncRead + Unpin), rest: &mut Vec<u8>) -> String {
    let mut bytes = Vec::new();
    let reading = async {
        loop {
            if let Some(at) = bytes.windows(4).position(|w: &[u8]| w == b"\r\n\r\n") {
                *rest = bytes.split_off(at + 4);
                return;
            }
            let mut piece = [0; 4096];
            let got = stream.read(&mut piece).await.unwrap();
            assert!(
                got > 0,
                "closed after {:?}",
                String::from_utf8_lossy(&bytes)
            );
            bytes.extend_from_slice(&piece[..got]);
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

/// Waits until the other end has closed.
pub(crate) async fn closed(stream: &mut (impl AsyncRead + Unpin)) {
    let mut rest = Vec::new();
    let reading = stream.read_to_end(&mut rest);
    // A reset is an end too.
    let _ = tokio::time::timeout(PATIENCE, reading).await.unwrap();
}

/// Waits for a level, not for a moment.
pub(crate) async fn wait_for(mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
}
