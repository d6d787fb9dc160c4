mod packet;
mod pinger;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::Duration;

use rem_time::{Span, Timestamp};
use tokio::time::Instant;

pub use self::pinger::{PingError, Pinger};
use crate::check::Finding;
use crate::{Check, Reading, Running, Unit, Verdict, net};

/// How many echo requests one run may send.
const COUNT_MAX: u16 = 1000;

/// What [`Ping`] does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingOptions {
    /// Name or address.
    pub target: String,
    /// How many echo requests to send, 1 to 1000; 3 unless told.
    pub count: u16,
    /// How far apart they leave; 200 ms unless told.
    pub interval: Span,
    /// How long to wait for the reply to each; 2 s unless told.
    pub timeout: Span,
    /// Bytes behind the ICMP header, 16 to 1472 (a packet that fits an Ethernet
    /// frame); 56 unless told. Values outside are moved to the nearer end.
    pub payload: usize,
    /// Which sort of address to use if a name has both; the resolver's first
    /// unless told.
    pub family: Option<Family>,
}

impl PingOptions {
    /// Three requests, 200 ms apart, 2 s patience for each.
    pub fn new(target: impl Into<String>) -> Self {
        Self {
            target: target.into(),
            count: 3,
            interval: Span::from_millis(200),
            timeout: Span::from_seconds(2),
            payload: 56,
            family: None,
        }
    }
}

/// A sort of address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// 32 bits, `192.0.2.1`.
    V4,
    /// 128 bits, `2001:db8::1`.
    V6,
}

impl Family {
    fn has(self, address: IpAddr) -> bool {
        match self {
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

/// `ping`: ICMP echo. Readings: `loss` in percent; `rtt_min`, `rtt_avg`,
/// `rtt_max` and `jitter` (the mean difference between one round trip and the
/// next; unknown for a single reply) in seconds; `sent` and `received`.
///
/// Ok if every reply came, a warning if some did, critical if none did.
#[derive(Debug)]
pub struct Ping {
    pinger: Pinger,
    options: PingOptions,
}

impl Ping {
    /// A check that pings through the sockets of `pinger`, which all targets
    /// should share.
    pub fn new(pinger: &Pinger, options: PingOptions) -> Self {
        let options = PingOptions {
            count: options.count.clamp(1, COUNT_MAX),
            payload: options
                .payload
                .clamp(packet::PAYLOAD_MIN, packet::PAYLOAD_MAX),
            ..options
        };
        Self {
            pinger: pinger.clone(),
            options,
        }
    }

    async fn look(&self) -> Finding {
        let address = match self.address().await {
            Ok(address) => address,
            Err(reason) => return Finding::new(Verdict::Critical, reason).with(readings(0, &[])),
        };
        let started = Instant::now();
        let PingOptions {
            count,
            interval,
            timeout,
            payload,
            ..
        } = self.options;
        let mut trips = Vec::with_capacity(usize::from(count));
        let mut pending = Vec::with_capacity(usize::from(count));
        let mut failure = None;
        for index in 0..count {
            let due = started + interval.as_duration() * u32::from(index);
            // A sleep that is over already would still cost a round of the timer.
            if Instant::now() < due {
                tokio::time::sleep_until(due).await;
            }
            // Sent at its time even while earlier replies are still awaited.
            match self.pinger.send(address, payload) {
                Ok(echo) => pending.push((echo, Instant::now() + timeout.as_duration())),
                Err(error) => failure = Some(error),
            }
        }
        for (echo, until) in pending {
            match echo.reply(until).await {
                Ok(trip) => trips.push(trip),
                // Silence is the weaker reason: keep a better one.
                Err(PingError::NoReply) => failure = failure.or(Some(PingError::NoReply)),
                Err(error) => failure = Some(error),
            }
        }
        self.finding(address, &trips, failure)
    }

    async fn address(&self) -> Result<IpAddr, String> {
        let target = self.options.target.as_str();
        let lookup = net::resolve(target, 0);
        let timeout = self.options.timeout;
        let found = tokio::time::timeout(timeout.as_duration(), lookup).await;
        let (addresses, _) =
            found.map_err(|_| format!("cannot resolve {target}: no answer within {timeout}"))??;
        let mut addresses = addresses.iter().map(std::net::SocketAddr::ip);
        match self.options.family {
            None => addresses.next(),
            Some(family) => addresses.find(|address| family.has(*address)),
        }
        .ok_or_else(|| format!("{target} has no address of the wanted sort"))
    }

    fn finding(&self, address: IpAddr, trips: &[Duration], failure: Option<PingError>) -> Finding {
        let count = self.options.count;
        let target = match self.options.target.parse::<IpAddr>() {
            Ok(_) => self.options.target.clone(),
            Err(_) => format!("{} ({address})", self.options.target),
        };
        let received = trips.len();
        let (verdict, message) = match failure {
            // Our own lack, which says nothing about the target.
            Some(error) if error.is_local() => (Verdict::Unknown, error.to_string()),
            Some(PingError::NoReply) if received == 0 => {
                let within = self.options.timeout;
                let message = format!("no reply from {target} within {within}");
                (Verdict::Critical, message)
            }
            Some(error) if received == 0 => (Verdict::Critical, format!("{target}: {error}")),
            Some(_) => {
                let message = format!("{received} of {count} replies from {target}");
                (Verdict::Warning, message)
            }
            None => {
                let message = format!("{received} of {count} replies from {target}");
                (Verdict::Ok, message)
            }
        };
        match verdict {
            Verdict::Unknown => Finding::new(verdict, message).with(readings(0, &[])),
            _ => Finding::new(verdict, message).with(readings(count, trips)),
        }
    }
}

impl Check for Ping {
    fn name(&self) -> &str {
        "ping"
    }

    /// Time to resolve the name, to send all requests and to await the last reply.
    fn deadline(&self) -> Span {
        let sending = self.options.interval.as_nanos();
        let sending = sending.saturating_mul(u64::from(self.options.count - 1));
        Span::from_nanos(sending)
            .saturating_add(self.options.timeout)
            .saturating_add(self.options.timeout)
    }

    fn run(&self, now: Timestamp) -> Running<'_> {
        Box::pin(async move {
            let started = Instant::now();
            self.look().await.stamp(now, started)
        })
    }
}

/// `sent` 0 means that nothing is known.
fn readings(sent: u16, trips: &[Duration]) -> Vec<Reading> {
    let seconds: Vec<f64> = trips.iter().map(Duration::as_secs_f64).collect();
    let received = seconds.len() as f64;
    let asked = (sent > 0).then_some(f64::from(sent));
    let gauge = |field, value: Option<f64>, unit| Reading::gauge(field, value, unit);
    let mean = |sum: f64, of: usize| (of > 0).then(|| sum / of as f64);
    let steps = seconds.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    let jitter = mean(steps.sum(), seconds.len().saturating_sub(1));
    vec![
        gauge(
            "loss",
            asked.map(|sent| (sent - received) / sent * 100.0),
            Unit::Percent,
        ),
        gauge(
            "rtt_min",
            seconds.iter().copied().reduce(f64::min),
            Unit::Seconds,
        ),
        gauge(
            "rtt_avg",
            mean(seconds.iter().sum(), seconds.len()),
            Unit::Seconds,
        ),
        gauge(
            "rtt_max",
            seconds.iter().copied().reduce(f64::max),
            Unit::Seconds,
        ),
        gauge("jitter", jitter, Unit::Seconds),
        gauge("sent", asked, Unit::One),
        gauge("received", asked.map(|_| received), Unit::One),
    ]
}
