mod agent;
mod ber;
mod crypto;
mod names;
mod oid;
mod options;
mod pdu;
mod plan;
mod sockets;
#[cfg(test)]
mod tests;
mod usm;
mod value;
mod walk;

use std::net::SocketAddr;

use rem_time::{Span, Timestamp};
use tokio::time::{Instant, timeout_at};

use self::agent::{Agent, Failure};
pub use self::oid::{Oid, OidError};
pub use self::options::{
    SnmpAuth, SnmpCipher, SnmpError, SnmpHash, SnmpObject, SnmpOptions, SnmpPrivacy, SnmpTable,
    SnmpUser, SnmpVersion,
};
use self::pdu::{Answer, Ask};
use self::plan::{Plan, Seen};
pub use self::sockets::SnmpSockets;
use self::sockets::{NotSent, Patience};
use self::walk::{NotIncreasing, Walk};
use crate::check::Finding;
use crate::net::{self, Peer};
use crate::{Check, Family, Running, Verdict};

/// How many single objects are asked for in one packet.
const OBJECTS_AT_ONCE: usize = 32;

/// `snmp`: asks an agent for objects and walks its tables. A reading per object,
/// a group of readings per row, and `duration` in seconds for all of it.
///
/// Counters become counts, whatever their width; times become seconds; an
/// object that the agent does not have is unknown. Ok if every object is there,
/// a warning if some are not or a table is longer than allowed, unknown if none
/// is; critical if the agent is silent, refuses, or breaks the protocol.
#[derive(Debug)]
pub struct Snmp {
    peer: Peer,
    agent: Agent,
    plan: Plan,
    family: Option<Family>,
    deadline: Span,
    patience: Span,
    max_repetitions: u16,
}

impl Snmp {
    /// A check that asks through `sockets`, which all agents should share.
    pub fn new(sockets: &SnmpSockets, options: SnmpOptions) -> Result<Self, SnmpError> {
        let SnmpOptions { address, port, .. } = &options;
        let written = match address.contains(':') && !address.starts_with('[') {
            true => format!("[{address}]:{port}"),
            false => format!("{address}:{port}"),
        };
        let peer = Peer::parse(&written).ok_or(SnmpError::Address(written))?;
        options.version.check()?;
        let plan = Plan::new(&options)?;
        let patience = Patience {
            timeout: options.timeout.as_duration(),
            retries: options.retries,
        };
        let tries = u64::from(options.retries).saturating_add(1);
        let whole = options.timeout.as_nanos().saturating_mul(tries);
        Ok(Self {
            peer,
            agent: Agent::new(sockets, options.version, patience),
            plan,
            family: options.family,
            deadline: options.deadline,
            patience: Span::from_nanos(whole),
            max_repetitions: options.max_repetitions.clamp(1, 100),
        })
    }

    async fn look(&self, started: Instant) -> Finding {
        let deadline = started + self.deadline.as_duration();
        let mut seen = self.plan.nothing_seen();
        let outcome = timeout_at(deadline, self.ask_all(&mut seen)).await;
        let (verdict, message) = match outcome {
            Ok(Ok(())) => self.plan.judge(&seen, &self.peer),
            Ok(Err(bad)) => bad,
            Err(_) => {
                let message = format!("{} did not tell all within {}", self.peer, self.deadline);
                (Verdict::Critical, message)
            }
        };
        let took = matches!(verdict, Verdict::Ok | Verdict::Warning).then(|| started.elapsed());
        Finding::new(verdict, message).with(self.plan.readings(seen, took))
    }

    async fn ask_all(&self, seen: &mut Seen) -> Result<(), (Verdict, String)> {
        let address = self.address().await?;
        let failed = |failure| self.bad(failure);
        self.get_all(address, seen).await.map_err(failed)?;
        for walk in &mut seen.walks {
            self.walk(address, walk).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn address(&self) -> Result<SocketAddr, (Verdict, String)> {
        let Peer { host, port } = &self.peer;
        let found = net::resolve(host, *port).await;
        let (addresses, _) = found.map_err(|reason| (Verdict::Critical, reason))?;
        let is_wanted = |address: &SocketAddr| match self.family {
            None => true,
            Some(Family::V4) => address.is_ipv4(),
            Some(Family::V6) => address.is_ipv6(),
        };
        addresses.into_iter().find(is_wanted).ok_or_else(|| {
            let message = format!("{host} has no address of the wanted sort");
            (Verdict::Critical, message)
        })
    }

    async fn get_all(&self, address: SocketAddr, seen: &mut Seen) -> Result<(), Failure> {
        let mut left: Vec<usize> = (0..self.plan.get.len()).rev().collect();
        let mut at_once = OBJECTS_AT_ONCE;
        while !left.is_empty() {
            let mut asked = left.split_off(left.len().saturating_sub(at_once));
            asked.reverse();
            let object = |index: &usize| self.plan.get[*index].object.clone();
            let oids: Vec<Oid> = asked.iter().map(object).collect();
            let answer = self.agent.ask(address, Ask::Get, &oids).await?;
            let culprit = usize::try_from(answer.index)
                .ok()
                .and_then(|index| index.checked_sub(1))
                .filter(|index| *index < asked.len());
            match (answer.status, culprit) {
                (0, _) => {
                    // Agents may answer in another order, or with less.
                    for (oid, value) in answer.bindings {
                        for (index, _) in asked.iter().zip(&oids).filter(|(_, o)| **o == oid) {
                            seen.get[*index] = Some(Ok(value.clone()));
                        }
                    }
                }
                (pdu::TOO_BIG, _) if asked.len() > 1 => {
                    at_once = asked.len() / 2;
                    left.extend(asked.into_iter().rev());
                }
                // The others can still have values.
                (status, Some(culprit)) if status != pdu::NOT_AUTHORIZED => {
                    let index = asked.remove(culprit);
                    seen.get[index] = Some(Err(pdu::status_text(status)));
                    left.extend(asked.into_iter().rev());
                }
                (status, _) if asked.len() == 1 && status != pdu::NOT_AUTHORIZED => {
                    seen.get[asked[0]] = Some(Err(pdu::status_text(status)));
                }
                (status, _) => {
                    let first = oids.into_iter().next().unwrap_or_else(|| vec![0, 0].into());
                    return Err(Failure::Status(pdu::status_text(status), first));
                }
            }
        }
        Ok(())
    }

    async fn walk(&self, address: SocketAddr, walk: &mut Walk) -> Result<(), Failure> {
        let mut repetitions = self.max_repetitions;
        loop {
            let wanted = walk.wanted();
            let Some(first) = wanted.first() else {
                return Ok(());
            };
            let how = match self.agent.has_bulk() {
                true => Ask::Bulk(repetitions),
                false => Ask::Next,
            };
            let Answer {
                status,
                index,
                bindings,
                ..
            } = self.agent.ask(address, how, &wanted).await?;
            match status {
                0 => walk
                    .take(bindings)
                    .map_err(|NotIncreasing(oid)| Failure::NotIncreasing(oid))?,
                // How version 1 says that nothing follows.
                pdu::NO_SUCH_NAME if walk.end(index) => {}
                pdu::TOO_BIG if repetitions > 1 && self.agent.has_bulk() => repetitions /= 2,
                pdu::TOO_BIG if walk.narrow() => {}
                status => {
                    return Err(Failure::Status(pdu::status_text(status), first.clone()));
                }
            }
        }
    }

    fn bad(&self, failure: Failure) -> (Verdict, String) {
        let peer = &self.peer;
        match failure {
            Failure::NotSent(NotSent::Silence) => {
                let hint = match self.agent.has_community() {
                    true => " (a wrong community gets none either)",
                    false => "",
                };
                let message = format!("no answer from {peer} within {}{hint}", self.patience);
                (Verdict::Critical, message)
            }
            // Our own lack, which says nothing about the agent.
            Failure::NotSent(error @ (NotSent::Open(_) | NotSent::TooMany)) => {
                (Verdict::Unknown, error.to_string())
            }
            other => (Verdict::Critical, format!("{peer}: {other}")),
        }
    }
}

impl Check for Snmp {
    fn name(&self) -> &str {
        "snmp"
    }

    fn deadline(&self) -> Span {
        self.deadline
    }

    fn run(&self, now: Timestamp) -> Running<'_> {
        Box::pin(async move {
            let started = Instant::now();
            self.look(started).await.stamp(now, started)
        })
    }
}
