#[cfg(test)]
mod tests;

use rem_time::{Span, Timestamp};
use tokio::time::Instant;

use super::{LOCAL_DEADLINE, LookError, ParseProcError, Root, bytes, percent};
use crate::check::Finding;
use crate::{Check, Reading, Running, Unit, Verdict};

/// `local.memory`: in bytes `total`, `used`, `available`, `free`, `buffers`,
/// `cached`, `shared`, `slab`, `dirty`, `swap_total`, `swap_used`; in percent
/// `used_percent` and `swap_used_percent` (unknown without swap).
///
/// Used is what programs cannot get: total minus available. `cached` counts
/// reclaimable kernel memory too, as `free` does.
#[derive(Debug)]
pub struct LocalMemory {
    root: Root,
}

impl LocalMemory {
    /// The memory of the machine seen at `root`.
    pub fn new(root: Root) -> Self {
        Self { root }
    }

    fn look(&self) -> Result<Finding, LookError> {
        let memory = parse_meminfo(&self.root.read_proc("meminfo")?)?;
        let used = memory.total.saturating_sub(memory.available);
        let swap_used = memory
            .swap_total
            .zip(memory.swap_free)
            .map(|(total, free)| total.saturating_sub(free));
        let swap_percent = swap_used
            .zip(memory.swap_total)
            .and_then(|(used, total)| percent(used, total));
        let used_percent = percent(used, memory.total);

        let gauge = |field, value: Option<u64>| {
            Reading::gauge(field, value.map(|bytes| bytes as f64), Unit::Bytes)
        };
        let readings = vec![
            gauge("total", Some(memory.total)),
            gauge("used", Some(used)),
            gauge("available", Some(memory.available)),
            gauge("free", memory.free),
            gauge("buffers", memory.buffers),
            gauge("cached", memory.cached),
            gauge("shared", memory.shared),
            gauge("slab", memory.slab),
            gauge("dirty", memory.dirty),
            gauge("swap_total", memory.swap_total),
            gauge("swap_used", swap_used),
            Reading::gauge("used_percent", used_percent, Unit::Percent),
            Reading::gauge("swap_used_percent", swap_percent, Unit::Percent),
        ];
        let message = format!(
            "{:.1}% of {} used",
            used_percent.unwrap_or(0.0),
            bytes(memory.total)
        );
        Ok(Finding::new(Verdict::Ok, message).with(readings))
    }
}

impl Check for LocalMemory {
    fn name(&self) -> &str {
        "local.memory"
    }

    fn deadline(&self) -> Span {
        LOCAL_DEADLINE
    }

    fn run(&self, now: Timestamp) -> Running<'_> {
        Box::pin(async move {
            let started = Instant::now();
            self.look()
                .unwrap_or_else(Finding::from)
                .stamp(now, started)
        })
    }
}

/// All in bytes. What an older kernel does not tell is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    total: u64,
    available: u64,
    free: Option<u64>,
    buffers: Option<u64>,
    cached: Option<u64>,
    shared: Option<u64>,
    slab: Option<u64>,
    dirty: Option<u64>,
    swap_total: Option<u64>,
    swap_free: Option<u64>,
}

/// `MemTotal:       24684092 kB`, one per line.
pub(super) fn parse_meminfo(text: &str) -> Result<Memory, ParseProcError> {
    let mut memory = Memory::default();
    let (mut total, mut available, mut reclaimable) = (None, None, None);
    for (index, line) in text.lines().enumerate() {
        let Some((name, rest)) = line.split_once(':') else {
            continue;
        };
        let place = match name {
            "MemTotal" => &mut total,
            "MemAvailable" => &mut available,
            "MemFree" => &mut memory.free,
            "Buffers" => &mut memory.buffers,
            "Cached" => &mut memory.cached,
            "Shmem" => &mut memory.shared,
            "Slab" => &mut memory.slab,
            "SReclaimable" => &mut reclaimable,
            "Dirty" => &mut memory.dirty,
            "SwapTotal" => &mut memory.swap_total,
            "SwapFree" => &mut memory.swap_free,
            _ => continue,
        };
        let kilobytes = rest.split_ascii_whitespace().next();
        let kilobytes: u64 =
            kilobytes
                .and_then(|word| word.parse().ok())
                .ok_or(ParseProcError {
                    file: "meminfo",
                    line: index + 1,
                    wanted: "a number of kB",
                })?;
        *place = Some(kilobytes.saturating_mul(1024));
    }
    memory.cached = memory
        .cached
        .map(|cached| cached.saturating_add(reclaimable.unwrap_or(0)));
    memory.total = total.filter(|total| *total > 0).ok_or(ParseProcError {
        file: "meminfo",
        line: 1,
        wanted: "MemTotal above 0",
    })?;
    // Kernels before 3.14 do not estimate what is available; this is what
    // people computed by hand then.
    memory.available = available
        .or_else(|| {
            let free = memory.free?.saturating_add(memory.buffers?);
            Some(free.saturating_add(memory.cached?))
        })
        .ok_or(ParseProcError {
            file: "meminfo",
            line: 1,
            wanted: "MemAvailable, or MemFree, Buffers and Cached",
        })?
        .min(memory.total);
    Ok(memory)
}
