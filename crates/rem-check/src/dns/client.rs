use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::net::sockopt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::message::{self, Question};
use crate::{net, reason};

/// How many questions to one server may be open at once; the next is refused.
const OPEN_MAX: usize = 32_768;

/// Room for answers that wait to be read.
const RECEIVE_BUFFER_BYTES: usize = 1024 * 1024;

/// How many packets are read before other tasks get their turn.
const READ_AT_ONCE_MAX: usize = 64;

/// The UDP sockets that all DNS checks of a program share, one per family,
/// opened when the first question needs it.
///
/// A packet counts only if it comes from the server that was asked, under a
/// random number that is open there, and repeats the question; whatever else
/// comes is thrown away and the wait goes on. Clones share the sockets; they
/// live in the tokio runtime of the first question and close with the last clone.
#[derive(Clone, Debug, Default)]
pub struct DnsClient(Arc<Sockets>);

#[derive(Debug, Default)]
struct Sockets {
    v4: Mutex<Option<Reader>>,
    v6: Mutex<Option<Reader>>,
}

/// The task that reads a socket; it ends with this.
#[derive(Debug)]
struct Reader {
    socket: Arc<Socket>,
    task: AbortHandle,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Debug)]
struct Socket {
    udp: UdpSocket,
    numbers: RandomState,
    count: AtomicU64,
    open: Mutex<BTreeMap<(SocketAddr, u16), Open>>,
}

/// A question whose answer is awaited.
#[derive(Debug)]
struct Open {
    count: u64,
    asked: Vec<u8>,
    answer: oneshot::Sender<Vec<u8>>,
}

impl DnsClient {
    /// Sockets that are not open yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks once over UDP; the answer is awaited separately.
    pub(super) async fn ask(
        &self,
        question: &Question,
        server: SocketAddr,
    ) -> Result<Asked, String> {
        let socket = self.socket(server)?;
        let asked = socket.enter(question, server)?;
        let sent = socket.udp.send_to(&question.bytes(asked.id), server).await;
        sent.map_err(|error| format!("cannot send to {server}: {}", reason::io(&error)))?;
        Ok(asked)
    }

    fn socket(&self, server: SocketAddr) -> Result<Arc<Socket>, String> {
        let (place, any) = match server {
            SocketAddr::V4(_) => (&self.0.v4, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
            SocketAddr::V6(_) => (&self.0.v6, SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))),
        };
        let mut place = lock(place);
        // A reader that ended with its runtime is replaced.
        if let Some(reader) = place.as_ref().filter(|r| !r.task.is_finished()) {
            return Ok(Arc::clone(&reader.socket));
        }
        let failed = |error| format!("cannot open a UDP socket: {}", reason::io(&error));
        let udp = std::net::UdpSocket::bind(any).map_err(failed)?;
        udp.set_nonblocking(true).map_err(failed)?;
        // The system may grant less; then bursts lose answers sooner.
        let _ = sockopt::set_socket_recv_buffer_size(&udp, RECEIVE_BUFFER_BYTES);
        let socket = Arc::new(Socket {
            udp: UdpSocket::from_std(udp).map_err(failed)?,
            numbers: RandomState::new(),
            count: AtomicU64::new(0),
            open: Mutex::default(),
        });
        let task = tokio::spawn(read_answers(Arc::clone(&socket))).abort_handle();
        *place = Some(Reader {
            socket: Arc::clone(&socket),
            task,
        });
        Ok(socket)
    }
}

impl Socket {
    /// Takes a free number that nobody can guess: a keyed hash of a counter.
    fn enter(self: &Arc<Self>, question: &Question, server: SocketAddr) -> Result<Asked, String> {
        let mut open = lock(&self.open);
        let of_server = open.range((server, 0)..=(server, u16::MAX));
        if open.len() >= OPEN_MAX && of_server.count() >= OPEN_MAX {
            return Err(format!(
                "more than {OPEN_MAX} questions to {server} are open"
            ));
        }
        let (id, count) = loop {
            let count = self.count.fetch_add(1, Ordering::Relaxed);
            let id = self.numbers.hash_one(count) as u16;
            if !open.contains_key(&(server, id)) {
                break (id, count);
            }
        };
        let (sender, receiver) = oneshot::channel();
        let waiting = Open {
            count,
            asked: question.asked().to_vec(),
            answer: sender,
        };
        open.insert((server, id), waiting);
        Ok(Asked {
            socket: Arc::clone(self),
            server,
            id,
            count,
            answer: receiver,
        })
    }

    fn deliver(&self, packet: &[u8], from: SocketAddr) {
        let Some(id) = message::id_of(packet) else {
            return;
        };
        let mut open = lock(&self.open);
        let is_answer = open
            .get(&(from, id))
            .is_some_and(|waiting| message::answers(packet, &waiting.asked));
        if is_answer && let Some(waiting) = open.remove(&(from, id)) {
            let _ = waiting.answer.send(packet.to_vec());
        }
    }
}

/// A question that was sent. Dropping it frees its number.
#[derive(Debug)]
pub(super) struct Asked {
    socket: Arc<Socket>,
    server: SocketAddr,
    id: u16,
    count: u64,
    answer: oneshot::Receiver<Vec<u8>>,
}

impl Asked {
    /// `None` if the time is up.
    pub(super) async fn answer(mut self, until: Instant) -> Option<Vec<u8>> {
        let answer = tokio::time::timeout_at(until, &mut self.answer).await;
        answer.ok().and_then(Result::ok)
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let mut open = lock(&self.socket.open);
        let place = (self.server, self.id);
        // After an answer the number may be another question's already.
        let is_ours = open
            .get(&place)
            .is_some_and(|waiting| waiting.count == self.count);
        if is_ours {
            open.remove(&place);
        }
    }
}

/// Asks over a TCP connection of its own.
pub(super) async fn ask_over_tcp(
    question: &Question,
    server: SocketAddr,
    deadline: Instant,
) -> Result<Vec<u8>, String> {
    // Nobody else can answer on a connection, and only one question is asked.
    let id = RandomState::new().hash_one(server) as u16;
    let (mut stream, _) = net::connect(&[server], deadline).await?;
    let failed = |error: std::io::Error| format!("{server}: {} over TCP", reason::io(&error));
    let bytes = question.bytes(id);
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let mut packet = length.to_be_bytes().to_vec();
    packet.extend_from_slice(&bytes);
    stream.write_all(&packet).await.map_err(failed)?;
    let length = stream.read_u16().await.map_err(failed)?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await.map_err(failed)?;
    let is_answer = message::id_of(&answer) == Some(id);
    match is_answer && message::answers(&answer, question.asked()) {
        true => Ok(answer),
        false => Err(format!("{server} answered another question over TCP")),
    }
}

async fn read_answers(socket: Arc<Socket>) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if socket.udp.readable().await.is_err() {
            return;
        }
        let mut is_empty = false;
        for _ in 0..READ_AT_ONCE_MAX {
            match socket.udp.try_recv_from(&mut buffer) {
                Ok((length, from)) => socket.deliver(&buffer[..length], from),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    is_empty = true;
                    break;
                }
                // An earlier send failed; its question will miss its answer.
                Err(_) => {}
            }
        }
        if !is_empty {
            tokio::task::yield_now().await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
