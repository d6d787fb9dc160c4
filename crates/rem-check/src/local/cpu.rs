#[cfg(test)]
mod tests;

use rem_time::{Span, Timestamp};
use tokio::time::Instant;

use super::{LOCAL_DEADLINE, LastLook, LookError, Looks, ParseProcError, Root};
use crate::check::Finding;
use crate::{Check, Reading, Running, Unit, Verdict};

/// How far a core's idle time may step back by the kernel's own rounding, in
/// ticks of 10 ms. More than that is a core that was taken out and put back.
const IDLE_STEPS_BACK_MAX: u64 = 100;

/// `local.cpu`: where the processors' time went since the run before, in
/// percent of all of it: `used`, `user`, `nice`, `system`, `idle`, `iowait`,
/// `irq`, `softirq`, `steal`, `guest`. `used` is everything but `idle` and
/// `iowait`; `user` and `nice` do not count guests.
///
/// The whole machine has no group; [`per_core`](Self::per_core) adds a group
/// per core, such as `cpu0`. The first run takes a quarter of a second.
#[derive(Debug)]
pub struct LocalCpu {
    root: Root,
    per_core: bool,
    last: LastLook<Vec<Cpu>>,
}

impl LocalCpu {
    /// The processors of the machine seen at `root`, as a whole.
    pub fn new(root: Root) -> Self {
        Self {
            root,
            per_core: false,
            last: LastLook::default(),
        }
    }

    /// Each core too: ten readings more per core.
    #[must_use]
    pub fn per_core(self) -> Self {
        Self {
            per_core: true,
            ..self
        }
    }

    async fn look(&self) -> Result<Finding, LookError> {
        let looks = self
            .last
            .look(|| Ok(parse_stat(&self.root.read_proc("stat")?, self.per_core)?))
            .await?;
        Ok(finding(&looks))
    }
}

impl Check for LocalCpu {
    fn name(&self) -> &str {
        "local.cpu"
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

const FIELDS: [&str; 10] = [
    "used", "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest",
];

fn finding(looks: &Looks<Vec<Cpu>>) -> Finding {
    let mut readings = Vec::with_capacity(looks.now.len() * FIELDS.len());
    let mut machine = None;
    for now in &looks.now {
        let before = looks.before.iter().find(|before| before.core == now.core);
        let shares = before.and_then(|before| shares(&before.ticks, &now.ticks));
        for (index, field) in FIELDS.into_iter().enumerate() {
            let share = shares.map(|shares| shares[index]);
            let reading = Reading::gauge(field, share, Unit::Percent);
            readings.push(match &now.core {
                None => reading,
                Some(core) => reading.of(core),
            });
        }
        if now.core.is_none() {
            machine = shares;
        }
    }
    match machine {
        Some(shares) => Finding::new(Verdict::Ok, format!("{:.1}% used", shares[0])),
        None => Finding::new(Verdict::Unknown, "the processors' counters started anew"),
    }
    .with(readings)
}

/// One `cpu` line; `core` is `None` for the sum over all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cpu {
    core: Option<String>,
    ticks: Ticks,
}

/// user nice system idle iowait irq softirq steal guest guest_nice; what an
/// older kernel does not count is 0, because it counts it as something else.
type Ticks = [u64; 10];

const IDLE: usize = 3;
const IOWAIT: usize = 4;

/// Percent per field of [`FIELDS`]; `None` if the counters do not continue.
fn shares(before: &Ticks, now: &Ticks) -> Option<[f64; 10]> {
    let mut passed = [0; 10];
    for (index, passed) in passed.iter_mut().enumerate() {
        let (before, now) = (before[index], now[index]);
        let may_step_back = matches!(index, IDLE | IOWAIT);
        if now < before && !(may_step_back && before - now <= IDLE_STEPS_BACK_MAX) {
            return None;
        }
        *passed = now.saturating_sub(before);
    }
    // The kernel counts guests within user and nice as well.
    let [
        user,
        nice,
        system,
        idle,
        iowait,
        irq,
        softirq,
        steal,
        guest,
        guest_nice,
    ] = passed;
    let (user, nice) = (user.saturating_sub(guest), nice.saturating_sub(guest_nice));
    let guest = guest.saturating_add(guest_nice);
    let busy = [user, nice, system, irq, softirq, steal, guest];
    let used: u128 = busy.iter().map(|ticks| u128::from(*ticks)).sum();
    let all = used + u128::from(idle) + u128::from(iowait);
    if all == 0 {
        return None;
    }
    let share = |ticks: u64| ticks as f64 / all as f64 * 100.0;
    Some([
        used as f64 / all as f64 * 100.0,
        share(user),
        share(nice),
        share(system),
        share(idle),
        share(iowait),
        share(irq),
        share(softirq),
        share(steal),
        share(guest),
    ])
}

/// The `cpu` lines, which come first: the machine, then its cores.
pub(super) fn parse_stat(text: &str, per_core: bool) -> Result<Vec<Cpu>, ParseProcError> {
    let mut cpus = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let Some(rest) = line.strip_prefix("cpu") else {
            break;
        };
        let expected = |wanted| ParseProcError {
            file: "stat",
            line: index + 1,
            wanted,
        };
        let (core, counts) = rest
            .split_once(' ')
            .ok_or_else(|| expected("a name and counters"))?;
        if !core.is_empty() && !per_core {
            break;
        }
        let mut ticks = [0; 10];
        let mut counted = 0;
        for (place, word) in ticks.iter_mut().zip(counts.split_ascii_whitespace()) {
            *place = word.parse().map_err(|_| expected("counters"))?;
            counted += 1;
        }
        if counted <= IDLE {
            return Err(expected("at least four counters"));
        }
        cpus.push(Cpu {
            core: (!core.is_empty()).then(|| format!("cpu{core}")),
            ticks,
        });
    }
    match cpus.first() {
        Some(Cpu { core: None, .. }) => Ok(cpus),
        _ => Err(ParseProcError {
            file: "stat",
            line: 1,
            wanted: "a line that starts with cpu",
        }),
    }
}
