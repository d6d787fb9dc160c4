#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::net::{
    AddressFamily, SendFlags, SocketFlags, SocketType, ipproto, sendto, socket_with, sockopt,
};
use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::Family;
use super::packet::{self, Echo, Incoming, Refusal};
use crate::reason;

/// How many echoes may be under way at once; the next is refused until one of
/// them ends. The sequence number has 16 bits.
const UNDER_WAY_MAX: usize = 60_000;

/// Room for replies that wait to be read. A thousand targets can answer in the
/// same millisecond.
const RECEIVE_BUFFER_BYTES: usize = 1024 * 1024;

/// How many packets are read before other tasks get their turn.
const READ_AT_ONCE_MAX: usize = 64;

/// The ICMP sockets that all pings of a program share, one per family, opened
/// when the first ping needs it.
///
/// A datagram socket where the system permits it (`net.ipv4.ping_group_range`),
/// else a raw one (root, or `cap_net_raw`). Clones share the sockets; they live
/// in the tokio runtime of the first ping and close with the last clone.
#[derive(Clone, Debug, Default)]
pub struct Pinger(Arc<Sockets>);

#[derive(Debug, Default)]
struct Sockets {
    v4: Mutex<Option<Reader>>,
    v6: Mutex<Option<Reader>>,
}

/// Why an echo has no round-trip time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PingError {
    /// Neither sort of ICMP socket is permitted.
    #[error(
        "no permission to ping: run `sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"` \
         or `setcap cap_net_raw+ep` on this program"
    )]
    Permission,
    /// The socket could not be opened for another reason.
    #[error("cannot open an ICMP socket: {0}")]
    Open(String),
    /// The system did not take the packet.
    #[error("cannot send: {0}")]
    Send(String),
    /// Too many echoes are under way.
    #[error("more than 60000 pings are under way")]
    TooMany,
    /// The time is up.
    #[error("no reply")]
    NoReply,
    /// A router said why not.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl PingError {
    /// Whether the reason lies on this machine and says nothing about the target.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Permission | Self::Open(_) | Self::TooMany => true,
            Self::Send(_) | Self::NoReply | Self::Refused(_) => false,
        }
    }
}

impl Pinger {
    /// Sockets that are not open yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One echo to `address`: its round-trip time.
    ///
    /// `payload` is the number of bytes behind the ICMP header, 16 to 1472.
    pub async fn ping(
        &self,
        address: IpAddr,
        payload: usize,
        timeout: rem_time::Span,
    ) -> Result<rem_time::Span, PingError> {
        let until = Instant::now() + timeout.as_duration();
        let trip = self.send(address, payload)?.reply(until).await?;
        Ok(crate::check::span(trip))
    }

    /// Sends an echo request; the reply is awaited separately.
    pub(super) fn send(&self, address: IpAddr, payload: usize) -> Result<UnderWay, PingError> {
        let family = match address {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        };
        self.socket(family)?.send(family, address, payload)
    }

    fn socket(&self, family: Family) -> Result<Arc<Socket>, PingError> {
        let place = match family {
            Family::V4 => &self.0.v4,
            Family::V6 => &self.0.v6,
        };
        let mut place = lock(place);
        // A reader that ended with its runtime is replaced.
        if let Some(reader) = place.as_ref().filter(|r| !r.task.is_finished()) {
            return Ok(Arc::clone(&reader.socket));
        }
        let socket = Arc::new(Socket::open(family)?);
        let task = tokio::spawn(read_replies(Arc::clone(&socket), family)).abort_handle();
        *place = Some(Reader {
            socket: Arc::clone(&socket),
            task,
        });
        Ok(socket)
    }
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
    /// An ICMP socket; tokio only needs to know that it gives datagrams.
    icmp: UdpSocket,
    is_raw: bool,
    ident: u16,
    tokens: RandomState,
    next: AtomicU16,
    waiting: Mutex<BTreeMap<u16, Waiting>>,
}

/// An echo whose reply is awaited.
#[derive(Debug)]
struct Waiting {
    token: u64,
    address: IpAddr,
    sent: Instant,
    reply: oneshot::Sender<Result<Duration, PingError>>,
}

impl Socket {
    fn open(family: Family) -> Result<Self, PingError> {
        let (domain, protocol) = match family {
            Family::V4 => (AddressFamily::INET, ipproto::ICMP),
            Family::V6 => (AddressFamily::INET6, ipproto::ICMPV6),
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let open = |sort| socket_with(domain, sort, flags, Some(protocol));
        let (fd, is_raw) = match open(SocketType::DGRAM) {
            Ok(fd) => (fd, false),
            Err(_) => match open(SocketType::RAW) {
                Ok(fd) => (fd, true),
                Err(rustix::io::Errno::PERM | rustix::io::Errno::ACCESS) => {
                    return Err(PingError::Permission);
                }
                Err(error) => return Err(PingError::Open(reason::io(&error.into()))),
            },
        };
        // The system may grant less; then bursts lose replies sooner.
        let _ = sockopt::set_socket_recv_buffer_size(&fd, RECEIVE_BUFFER_BYTES);
        let tokens = RandomState::new();
        let start = tokens.hash_one("ident");
        Ok(Self {
            icmp: UdpSocket::from_std(fd.into())
                .map_err(|error| PingError::Open(reason::io(&error)))?,
            is_raw,
            ident: start as u16,
            next: AtomicU16::new((start >> 16) as u16),
            tokens,
            waiting: Mutex::default(),
        })
    }

    fn send(
        self: &Arc<Self>,
        family: Family,
        address: IpAddr,
        payload: usize,
    ) -> Result<UnderWay, PingError> {
        let (reply, replied) = oneshot::channel();
        let echo = self.enter(address, reply)?;
        let under_way = UnderWay {
            socket: Arc::clone(self),
            echo,
            replied,
        };
        let packet = packet::request(family, echo, payload);
        let to = SocketAddr::new(address, 0);
        // At once, without asking tokio first: the time of sending counts, and
        // a full socket is an answer too.
        match sendto(&self.icmp, &packet, SendFlags::empty(), &to) {
            Ok(_) => Ok(under_way),
            Err(error) => Err(PingError::Send(reason::io(&error.into()))),
        }
    }

    /// Takes a free sequence number.
    fn enter(
        &self,
        address: IpAddr,
        reply: oneshot::Sender<Result<Duration, PingError>>,
    ) -> Result<Echo, PingError> {
        let mut waiting = lock(&self.waiting);
        if waiting.len() >= UNDER_WAY_MAX {
            return Err(PingError::TooMany);
        }
        let mut sequence = self.next.fetch_add(1, Ordering::Relaxed);
        while waiting.contains_key(&sequence) {
            sequence = self.next.fetch_add(1, Ordering::Relaxed);
        }
        let sent = Instant::now();
        let token = self.tokens.hash_one((sequence, sent.into_std()));
        waiting.insert(
            sequence,
            Waiting {
                token,
                address,
                sent,
                reply,
            },
        );
        Ok(Echo {
            ident: self.ident,
            sequence,
            token,
        })
    }

    /// Hands a packet to whoever waits for it. A second reply finds nobody.
    fn deliver(&self, incoming: Incoming, from: IpAddr, now: Instant) {
        let (ident, sequence) = match incoming {
            Incoming::Reply(echo) => (echo.ident, echo.sequence),
            Incoming::Refused {
                ident, sequence, ..
            } => (ident, sequence),
        };
        // The kernel sorted by its own ident already.
        if self.is_raw && ident != self.ident {
            return;
        }
        let mut waiting = lock(&self.waiting);
        let Some(found) = waiting.get(&sequence) else {
            return;
        };
        let outcome = match incoming {
            Incoming::Reply(echo) if echo.token == found.token && from == found.address => {
                Ok(now.saturating_duration_since(found.sent))
            }
            Incoming::Reply(_) => return,
            Incoming::Refused { reason, .. } => Err(PingError::Refused(reason)),
        };
        if let Some(found) = waiting.remove(&sequence) {
            let _ = found.reply.send(outcome);
        }
    }
}

/// An echo that was sent. Dropping it frees its number.
#[derive(Debug)]
pub(super) struct UnderWay {
    socket: Arc<Socket>,
    echo: Echo,
    replied: oneshot::Receiver<Result<Duration, PingError>>,
}

impl UnderWay {
    pub(super) async fn reply(mut self, until: Instant) -> Result<Duration, PingError> {
        match tokio::time::timeout_at(until, &mut self.replied).await {
            Ok(Ok(outcome)) => outcome,
            // The reader ended with its runtime, or the time is up.
            Ok(Err(_)) | Err(_) => Err(PingError::NoReply),
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut waiting = lock(&self.socket.waiting);
        // After a reply the number may be another echo's already.
        let is_ours = waiting
            .get(&self.echo.sequence)
            .is_some_and(|found| found.token == self.echo.token);
        if is_ours {
            waiting.remove(&self.echo.sequence);
        }
    }
}

async fn read_replies(socket: Arc<Socket>, family: Family) {
    let with_ip_header = socket.is_raw && family == Family::V4;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if socket.icmp.readable().await.is_err() {
            return;
        }
        let mut is_empty = false;
        for _ in 0..READ_AT_ONCE_MAX {
            match socket.icmp.try_recv_from(&mut buffer) {
                Ok((length, from)) => {
                    let packet = &buffer[..length];
                    if let Some(incoming) = packet::parse(family, with_ip_header, packet) {
                        socket.deliver(incoming, from.ip(), Instant::now());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    is_empty = true;
                    break;
                }
                // An earlier send failed, as a datagram socket tells it; the
                // echo it belongs to will miss its reply.
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
