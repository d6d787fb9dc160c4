use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::net::sockopt;
use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::options::SnmpHash;
use super::pdu;
use crate::reason;

/// How many requests may be under way at once; the next is refused until one
/// of them ends.
const UNDER_WAY_MAX: usize = 60_000;

/// Room for answers that wait to be read. A thousand agents can answer in the
/// same millisecond.
const RECEIVE_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// How many packets are read before other tasks get their turn.
const READ_AT_ONCE_MAX: usize = 64;

/// How many stretched passphrases are kept; at the limit all are forgotten and
/// made again when they are needed.
const PASSPHRASES_MAX: usize = 1000;

/// The UDP sockets that all SNMP checks of a program share, one per family,
/// opened when the first check needs it.
///
/// Clones share the sockets; they live in the tokio runtime of the first check
/// and close with the last clone. An answer is taken from the address that was
/// asked, and from no other.
#[derive(Clone, Default)]
pub struct SnmpSockets(Arc<Inner>);

#[derive(Default)]
struct Inner {
    v4: Mutex<Option<Reader>>,
    v6: Mutex<Option<Reader>>,
    stretched: Mutex<Stretched>,
}

/// What passphrases were stretched to, by digest and passphrase.
type Stretched = BTreeMap<(SnmpHash, String), Arc<[u8]>>;

impl std::fmt::Debug for SnmpSockets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SnmpSockets")
    }
}

impl SnmpSockets {
    /// Sockets that are not open yet.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn to(&self, address: SocketAddr) -> Result<Arc<Socket>, NotSent> {
        let (place, any) = match address {
            SocketAddr::V4(_) => (&self.0.v4, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
            SocketAddr::V6(_) => (&self.0.v6, SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))),
        };
        let mut place = lock(place);
        // A reader that ended with its runtime is replaced.
        if let Some(reader) = place.as_ref().filter(|r| !r.task.is_finished()) {
            return Ok(Arc::clone(&reader.socket));
        }
        let socket = Arc::new(Socket::open(any)?);
        let task = tokio::spawn(read_answers(Arc::clone(&socket))).abort_handle();
        *place = Some(Reader {
            socket: Arc::clone(&socket),
            task,
        });
        Ok(socket)
    }

    /// A stretched passphrase, made once for all checks that share it.
    pub(super) fn stretched(&self, hash: SnmpHash, passphrase: &str) -> Arc<[u8]> {
        let name = (hash, passphrase.to_owned());
        if let Some(known) = lock(&self.0.stretched).get(&name) {
            return Arc::clone(known);
        }
        let made: Arc<[u8]> = hash.stretch(passphrase.as_bytes()).into();
        let mut all = lock(&self.0.stretched);
        if all.len() >= PASSPHRASES_MAX {
            all.clear();
        }
        all.insert(name, Arc::clone(&made));
        made
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotSent {
    #[error("cannot open a UDP socket: {0}")]
    Open(String),
    #[error("cannot send: {0}")]
    Send(String),
    #[error("more than 60000 SNMP requests are under way")]
    TooMany,
    #[error("no answer")]
    Silence,
}

/// The task that reads a socket; it ends with this.
struct Reader {
    socket: Arc<Socket>,
    task: AbortHandle,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) struct Socket {
    udp: UdpSocket,
    random: RandomState,
    drawn: AtomicU64,
    salt: AtomicU64,
    waiting: Mutex<BTreeMap<i32, Waiting>>,
}

/// A request whose answer is awaited.
struct Waiting {
    address: SocketAddr,
    version: i32,
    answer: oneshot::Sender<Vec<u8>>,
}

impl Socket {
    fn open(any: SocketAddr) -> Result<Self, NotSent> {
        let failed = |error: std::io::Error| NotSent::Open(reason::io(&error));
        let udp = std::net::UdpSocket::bind(any).map_err(failed)?;
        udp.set_nonblocking(true).map_err(failed)?;
        // The system may grant less; then bursts lose answers sooner.
        let _ = sockopt::set_socket_recv_buffer_size(&udp, RECEIVE_BUFFER_BYTES);
        let random = RandomState::new();
        Ok(Self {
            udp: UdpSocket::from_std(udp).map_err(failed)?,
            salt: AtomicU64::new(random.hash_one("salt")),
            random,
            drawn: AtomicU64::new(0),
            waiting: Mutex::default(),
        })
    }

    /// A number for a cipher that does not come twice.
    pub(super) fn salt(&self) -> u64 {
        self.salt.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes a free number for a request, one that a stranger cannot guess.
    pub(super) fn enter(
        self: &Arc<Self>,
        address: SocketAddr,
        version: i32,
    ) -> Result<UnderWay, NotSent> {
        let (answer, answered) = oneshot::channel();
        let mut waiting = lock(&self.waiting);
        if waiting.len() >= UNDER_WAY_MAX {
            return Err(NotSent::TooMany);
        }
        let draw = || {
            let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
            (self.random.hash_one(drawn) >> 33) as i32
        };
        let mut id = draw();
        while waiting.contains_key(&id) {
            id = draw();
        }
        waiting.insert(
            id,
            Waiting {
                address,
                version,
                answer,
            },
        );
        Ok(UnderWay {
            socket: Arc::clone(self),
            address,
            id,
            answered,
        })
    }

    #[cfg(test)]
    pub(super) fn under_way(&self) -> usize {
        lock(&self.waiting).len()
    }

    /// Hands a packet to whoever waits for it. A second answer finds nobody.
    fn deliver(&self, packet: &[u8], from: SocketAddr) {
        let Ok((version, id)) = pdu::peek(packet) else {
            return;
        };
        let mut waiting = lock(&self.waiting);
        let is_awaited = waiting.get(&id).is_some_and(|found| {
            let same_port = found.address.port() == from.port();
            same_port && found.address.ip() == from.ip() && found.version == version
        });
        if !is_awaited {
            return;
        }
        if let Some(found) = waiting.remove(&id) {
            let _ = found.answer.send(packet.to_vec());
        }
    }
}

/// How patient a request is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) timeout: std::time::Duration,
    pub(super) retries: u32,
}

/// A number that is taken. Dropping it frees it.
pub(super) struct UnderWay {
    socket: Arc<Socket>,
    address: SocketAddr,
    pub(super) id: i32,
    answered: oneshot::Receiver<Vec<u8>>,
}

impl UnderWay {
    /// Sends the packet until it is answered; an answer to an earlier try counts.
    pub(super) async fn exchange(
        mut self,
        packet: &[u8],
        patience: Patience,
    ) -> Result<Vec<u8>, NotSent> {
        for _ in 0..=patience.retries {
            let sent = self.socket.udp.send_to(packet, self.address).await;
            sent.map_err(|error| NotSent::Send(reason::io(&error)))?;
            let until = Instant::now() + patience.timeout;
            match timeout_at(until, &mut self.answered).await {
                Ok(Ok(answer)) => return Ok(answer),
                // The reader ended with its runtime.
                Ok(Err(_)) => break,
                Err(_) => {}
            }
        }
        Err(NotSent::Silence)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        // After an answer the number may be another request's already.
        if self.answered.is_terminated() {
            return;
        }
        self.answered.close();
        let mut waiting = lock(&self.socket.waiting);
        let is_ours = |found: &Waiting| found.answer.is_closed();
        if waiting.get(&self.id).is_some_and(is_ours) {
            waiting.remove(&self.id);
        }
    }
}

async fn read_answers(socket: Arc<Socket>) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if socket.udp.readable().await.is_err() {
            return;
        }
        for _ in 0..READ_AT_ONCE_MAX {
            match socket.udp.try_recv_from(&mut buffer) {
                Ok((length, from)) => socket.deliver(&buffer[..length], from),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // An earlier send failed; the request will miss its answer.
                Err(_) => {}
            }
        }
        tokio::task::yield_now().await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
