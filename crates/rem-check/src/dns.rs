mod client;
mod message;
mod options;
mod servers;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use rem_time::{Span, Timestamp};
use tokio::time::{Instant, timeout_at};

pub use self::client::DnsClient;
use self::message::{Answer, Question};
pub use self::options::{
    DnsAssertion, DnsError, DnsKind, DnsKindError, DnsOptions, Rcode, RcodeError,
};
use self::servers::Servers;
use crate::check::Finding;
use crate::net::seconds;
use crate::pattern::Pattern;
use crate::{Check, Reading, Running, Unit, Verdict};

/// How often a question may be repeated.
const TRIES_MAX: u8 = 10;

/// `dns`: one question to a name server and what must be true of its answer.
///
/// Readings: `records`, how many came of the wanted kind; `rcode`, the number
/// of the response code; `authoritative`, 1 or 0; `ttl`, for how many seconds
/// the first of them to end may be kept; `serial` of the zone (only for
/// [`DnsKind::Soa`]); in seconds `answer`, from the question that was answered
/// to its answer, and `duration`, which is all of it; `tries`, how many
/// questions it took.
///
/// ```
/// use rem_check::{Check, Dns, DnsAssertion, DnsClient, DnsKind, DnsOptions};
/// # use rem_time::{Clock, SystemClock};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), rem_check::DnsError> {
/// let client = DnsClient::new();
/// let options = DnsOptions {
///     server: Some("127.0.0.1:9".into()),
///     deadline: rem_time::Span::from_millis(30),
///     assertions: vec![DnsAssertion::Contains("10 mail.example.com".into())],
///     ..DnsOptions::new("example.com", DnsKind::Mx)
/// };
/// let report = Dns::new(&client, options)?.run(SystemClock.now()).await;
/// assert_eq!(report.to_string(), "critical: no answer from 127.0.0.1:9 within 30ms");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Dns {
    client: DnsClient,
    options: DnsOptions,
    servers: Servers,
    question: Question,
    assertions: Vec<Assertion>,
}

/// An assertion that is ready to be asked.
#[derive(Debug)]
enum Assertion {
    Exactly(BTreeSet<String>),
    Contains(String),
    Lacks(String),
    Matches(Pattern),
    AtLeast(usize),
    AtMost(usize),
}

/// How far a run came.
#[derive(Debug, Default)]
struct Progress {
    servers: Vec<SocketAddr>,
    tries: u32,
    answer: Option<Duration>,
}

impl Dns {
    /// A check that asks through the sockets of `client`, which all should share.
    pub fn new(client: &DnsClient, options: DnsOptions) -> Result<Self, DnsError> {
        let server = options.server.as_deref();
        let servers = Servers::parse(server)
            .ok_or_else(|| DnsError::Server(server.unwrap_or_default().to_owned()))?;
        let assertions = options.assertions.iter();
        let assertions = assertions.map(|a| Assertion::new(a, options.kind));
        Ok(Self {
            client: client.clone(),
            servers,
            question: Question::new(&options)?,
            assertions: assertions.collect::<Result<_, _>>()?,
            options: DnsOptions {
                tries: options.tries.clamp(1, TRIES_MAX),
                ..options
            },
        })
    }

    async fn look(&self, started: Instant) -> Finding {
        let deadline = started + self.options.deadline.as_duration();
        let mut progress = Progress::default();
        let outcome = timeout_at(deadline, self.ask(started, deadline, &mut progress)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(self.silence(&progress)));
        let answer = outcome.as_ref().ok().map(|(answer, _)| answer);
        let readings = self.readings(answer, &progress, started);
        let (verdict, message) = match &outcome {
            Ok((answer, server)) => self.judge(answer, *server, progress.answer),
            Err(reason) => (Verdict::Critical, reason.clone()),
        };
        Finding::new(verdict, message).with(readings)
    }

    async fn ask(
        &self,
        started: Instant,
        deadline: Instant,
        progress: &mut Progress,
    ) -> Result<(Answer, SocketAddr), String> {
        progress.servers = self.servers.addresses().await?;
        let tries = u32::from(self.options.tries);
        let servers = progress.servers.clone();
        for (index, server) in (0..tries).zip(servers.into_iter().cycle()) {
            progress.tries = index + 1;
            let asked = Instant::now();
            let packet = match self.options.tcp {
                true => client::ask_over_tcp(&self.question, server, deadline).await?,
                false => {
                    let until = started + self.options.deadline.as_duration() * (index + 1) / tries;
                    let question = self.client.ask(&self.question, server).await?;
                    match question.answer(until).await {
                        Some(packet) if message::is_truncated(&packet) => {
                            client::ask_over_tcp(&self.question, server, deadline).await?
                        }
                        Some(packet) => packet,
                        None => continue,
                    }
                }
            };
            progress.answer = Some(asked.elapsed());
            let answer = message::parse(&packet, self.options.kind);
            let answer = answer.map_err(|reason| format!("{server}: {reason}"))?;
            return Ok((answer, server));
        }
        Err(self.silence(progress))
    }

    fn silence(&self, progress: &Progress) -> String {
        let within = self.options.deadline;
        let asked: Vec<String> = progress.servers.iter().map(ToString::to_string).collect();
        match (asked.is_empty(), &self.servers) {
            (true, Servers::One(peer)) => {
                format!("no answer from the name servers about {peer} within {within}")
            }
            _ => format!("no answer from {} within {within}", asked.join(", ")),
        }
    }

    fn readings(
        &self,
        answer: Option<&Answer>,
        progress: &Progress,
        started: Instant,
    ) -> Vec<Reading> {
        let one = |field, value: Option<f64>| Reading::gauge(field, value, Unit::One);
        let ttl = answer.and_then(|answer| answer.ttl);
        let mut readings = vec![
            one("records", answer.map(|answer| answer.records.len() as f64)),
            one("rcode", answer.map(|answer| f64::from(answer.rcode.code()))),
            one(
                "authoritative",
                answer.map(|answer| f64::from(u8::from(answer.is_authoritative))),
            ),
            Reading::gauge("ttl", ttl.map(f64::from), Unit::Seconds),
        ];
        if self.options.kind == DnsKind::Soa {
            let serial = answer.and_then(|answer| answer.serial);
            readings.push(one("serial", serial.map(f64::from)));
        }
        readings.push(seconds("answer", progress.answer));
        readings.push(seconds("duration", answer.map(|_| started.elapsed())));
        readings.push(one("tries", Some(f64::from(progress.tries))));
        readings
    }

    fn judge(
        &self,
        answer: &Answer,
        server: SocketAddr,
        took: Option<Duration>,
    ) -> (Verdict, String) {
        let DnsOptions {
            name, kind, rcode, ..
        } = &self.options;
        if answer.rcode != *rcode {
            let said = answer.rcode;
            let message = format!("{server} answered {said} for {name} {kind}, expected {rcode}");
            return (Verdict::Critical, message);
        }
        let mut defects: Vec<String> = Vec::new();
        if self.assertions.is_empty() && answer.rcode == Rcode::NoError && answer.records.is_empty()
        {
            defects.push("there is no such record".into());
        }
        if self.options.authoritative == Some(true) && !answer.is_authoritative {
            defects.push("the answer is not authoritative".into());
        }
        if self.options.authoritative == Some(false) && answer.is_authoritative {
            defects.push("the answer is authoritative".into());
        }
        let asserted = self.assertions.iter();
        defects.extend(asserted.filter_map(|a| a.defect(&answer.records)));
        if !defects.is_empty() {
            let defects = defects.join(", ");
            return (
                Verdict::Critical,
                format!("{server}: {name} {kind}: {defects}"),
            );
        }
        let took = took.unwrap_or_default().as_secs_f64() * 1000.0;
        let found = match answer.records.is_empty() {
            true => answer.rcode.to_string(),
            false => some_of(&answer.records),
        };
        (
            Verdict::Ok,
            format!("{server}: {name} {kind} in {took:.1}ms: {found}"),
        )
    }
}

impl Assertion {
    fn new(assertion: &DnsAssertion, kind: DnsKind) -> Result<Self, DnsError> {
        let normal = |record: &String| {
            message::normal(kind, record).ok_or_else(|| DnsError::Record {
                kind,
                record: record.clone(),
            })
        };
        Ok(match assertion {
            DnsAssertion::Exactly(records) => {
                Self::Exactly(records.iter().map(normal).collect::<Result<_, _>>()?)
            }
            DnsAssertion::Contains(record) => Self::Contains(normal(record)?),
            DnsAssertion::Lacks(record) => Self::Lacks(normal(record)?),
            DnsAssertion::Matches(pattern) => Self::Matches(Pattern::new(pattern)?),
            DnsAssertion::AtLeast(count) => Self::AtLeast(*count),
            DnsAssertion::AtMost(count) => Self::AtMost(*count),
        })
    }

    /// Why the records are not as wanted; `None` if they are.
    fn defect(&self, records: &[String]) -> Option<String> {
        let has = |wanted: &String| records.contains(wanted);
        let count = records.len();
        match self {
            Self::Exactly(wanted) => {
                let missing = wanted.iter().filter(|record| !has(record));
                let missing = missing.map(|record| format!("{record} is missing"));
                let others = records.iter().filter(|record| !wanted.contains(*record));
                let others = others.map(|record| format!("{} is too much", shown(record)));
                let defects: Vec<String> = missing.chain(others).collect();
                (!defects.is_empty()).then(|| first_of(&defects))
            }
            Self::Contains(wanted) => {
                (!has(wanted)).then(|| format!("{wanted} is not among {}", some_of(records)))
            }
            Self::Lacks(record) => has(record).then(|| format!("{record} is there")),
            Self::Matches(pattern) => {
                let is_match = records.iter().any(|r| pattern.is_match(r.as_bytes()));
                let pattern = pattern.as_str();
                (!is_match).then(|| format!("{pattern:?} matches none of {}", some_of(records)))
            }
            Self::AtLeast(least) => {
                (count < *least).then(|| format!("{count} records, expected at least {least}"))
            }
            Self::AtMost(most) => {
                (count > *most).then(|| format!("{count} records, expected at most {most}"))
            }
        }
    }
}

impl Check for Dns {
    fn name(&self) -> &str {
        "dns"
    }

    fn deadline(&self) -> Span {
        self.options.deadline
    }

    fn run(&self, now: Timestamp) -> Running<'_> {
        Box::pin(async move {
            let started = Instant::now();
            self.look(started).await.stamp(now, started)
        })
    }
}

/// The first few records; an answer can have hundreds.
fn some_of(records: &[String]) -> String {
    match records.is_empty() {
        true => "no record".into(),
        false => first_of(&records.iter().map(|r| shown(r)).collect::<Vec<_>>()),
    }
}

fn first_of(texts: &[String]) -> String {
    const SHOWN_MAX: usize = 5;
    let some = texts[..texts.len().min(SHOWN_MAX)].join(", ");
    match texts.len().saturating_sub(SHOWN_MAX) {
        0 => some,
        more => format!("{some} and {more} more"),
    }
}

/// A record short enough for a message, and on one line.
fn shown(record: &str) -> String {
    const EXCERPT_MAX: usize = 80;
    let short: String = record.chars().take(EXCERPT_MAX).collect();
    let rest = if short.len() < record.len() {
        "…"
    } else {
        ""
    };
    format!("{}{rest}", short.escape_debug())
}
