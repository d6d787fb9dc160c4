#[cfg(test)]
mod tests;

use rem_time::{Span, Timestamp};
use tokio::time::Instant;

use super::{LOCAL_DEADLINE, LastLook, LookError, Looks, ParseProcError, Root, per_second};
use crate::check::Finding;
use crate::{Check, Reading, Running, Unit};

/// `local.network`: per interface since the run before, received and sent:
/// `rx_bytes`, `tx_bytes` (B/s), `rx_packets`, `rx_errors`, `rx_dropped` and
/// the same for `tx` (1/s). The group is the interface's name, such as `eth0`.
///
/// `lo` is left out unless named. An interface whose counters started anew is
/// unknown for that round.
#[derive(Debug)]
pub struct LocalNetwork {
    root: Root,
    interfaces: Vec<String>,
    last: LastLook<Vec<Interface>>,
}

impl LocalNetwork {
    /// Every interface of the machine seen at `root` but `lo`.
    pub fn new(root: Root) -> Self {
        Self {
            root,
            interfaces: Vec::new(),
            last: LastLook::default(),
        }
    }

    /// Only these interfaces, `lo` among them if it is named. One that is
    /// missing makes the check critical.
    #[must_use]
    pub fn only(self, interfaces: Vec<String>) -> Self {
        Self { interfaces, ..self }
    }

    async fn look(&self) -> Result<Finding, LookError> {
        let looks = self.last.look(|| self.interfaces()).await?;
        Ok(finding(&looks, &self.interfaces))
    }

    fn interfaces(&self) -> Result<Vec<Interface>, LookError> {
        let mut interfaces = parse_net_dev(&self.root.read_proc("net/dev")?)?;
        interfaces.retain(|interface| match self.interfaces.is_empty() {
            false => self.interfaces.contains(&interface.name),
            true => interface.name != "lo",
        });
        Ok(interfaces)
    }
}

impl Check for LocalNetwork {
    fn name(&self) -> &str {
        "local.network"
    }

    fn deadline(&self) -> Span {
        LOCAL_DEADLINE
    }

    fn run(&self, now: Timestamp) -> Running<'_> {
        Box::pin(async move {
            let started = Instant::now();
            let finding = self.look().await;
            finding.unwrap_or_else(Finding::from).stamp(now, started)
        })
    }
}

const FIELDS: [&str; 8] = [
    "rx_bytes",
    "rx_packets",
    "rx_errors",
    "rx_dropped",
    "tx_bytes",
    "tx_packets",
    "tx_errors",
    "tx_dropped",
];

fn finding(looks: &Looks<Vec<Interface>>, wanted: &[String]) -> Finding {
    let mut readings = Vec::with_capacity(looks.now.len() * FIELDS.len());
    let mut anew = Vec::new();
    for now in &looks.now {
        let before = looks.before.iter().find(|before| before.name == now.name);
        let rates = before.and_then(|before| per_second(&before.counts, &now.counts, looks.apart));
        if rates.is_none() {
            anew.push(now.name.as_str());
        }
        for (index, field) in FIELDS.into_iter().enumerate() {
            let unit = match field {
                "rx_bytes" | "tx_bytes" => Unit::BytesPerSecond,
                _ => Unit::PerSecond,
            };
            let rate = rates.map(|rates| rates[index]);
            readings.push(Reading::gauge(field, rate, unit).of(&now.name));
        }
    }
    let names: Vec<&str> = looks.now.iter().map(|now| now.name.as_str()).collect();
    super::devices_finding("interface", &names, wanted, &anew).with(readings)
}

/// One interface's counters in the order of [`FIELDS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interface {
    name: String,
    counts: [u64; 8],
}

/// Two lines of heading, then `  eth0: 157958429 3410 0 0 0 0 0 0 152328 …`;
/// older kernels leave no blank behind the colon.
pub(super) fn parse_net_dev(text: &str) -> Result<Vec<Interface>, ParseProcError> {
    let mut interfaces = Vec::new();
    for (index, line) in text.lines().enumerate().skip(2) {
        let expected = |wanted| ParseProcError {
            file: "net/dev",
            line: index + 1,
            wanted,
        };
        if line.trim().is_empty() {
            continue;
        }
        // The last colon: an alias such as eth0:1 has one in its name.
        let (name, counts) = line
            .rsplit_once(':')
            .ok_or_else(|| expected("an interface and a colon"))?;
        let counts = counts.split_ascii_whitespace().map(str::parse::<u64>);
        let counts: Vec<u64> = counts
            .collect::<Result<_, _>>()
            .map_err(|_| expected("counters"))?;
        let [
            rx_bytes,
            rx_packets,
            rx_errors,
            rx_dropped,
            _,
            _,
            _,
            _,
            tx_bytes,
            tx_packets,
            tx_errors,
            tx_dropped,
            ..,
        ] = counts[..]
        else {
            return Err(expected("at least twelve counters"));
        };
        interfaces.push(Interface {
            name: name.trim().to_owned(),
            counts: [
                rx_bytes, rx_packets, rx_errors, rx_dropped, tx_bytes, tx_packets, tx_errors,
                tx_dropped,
            ],
        });
    }
    Ok(interfaces)
}
