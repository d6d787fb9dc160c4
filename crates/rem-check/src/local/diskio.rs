#[cfg(test)]
mod tests;

use rem_time::{Span, Timestamp};
use tokio::time::Instant;

use super::{LOCAL_DEADLINE, LastLook, LookError, Looks, ParseProcError, Root, per_second};
use crate::check::Finding;
use crate::{Check, Reading, Running, Unit};

/// What /proc/diskstats calls a sector, whatever the device's own sectors are.
const SECTOR_BYTES: f64 = 512.0;

/// `local.diskio`: per block device since the run before `read_bytes` and
/// `written_bytes` (B/s), `reads` and `writes` (1/s), `busy_percent`. The group
/// is the device's name, such as `sda`.
///
/// Partitions, loop, ram, zram, floppy and optical devices are left out unless
/// named. A device whose counters started anew is unknown for that round.
#[derive(Debug)]
pub struct LocalDiskIo {
    root: Root,
    devices: Vec<String>,
    last: LastLook<Vec<Device>>,
}

impl LocalDiskIo {
    /// Every whole device of the machine seen at `root`.
    pub fn new(root: Root) -> Self {
        Self {
            root,
            devices: Vec::new(),
            last: LastLook::default(),
        }
    }

    /// Only these devices or partitions, of any sort. One that is missing makes
    /// the check critical.
    #[must_use]
    pub fn only(self, devices: Vec<String>) -> Self {
        Self { devices, ..self }
    }

    async fn look(&self) -> Result<Finding, LookError> {
        let looks = self.last.look(|| self.devices()).await?;
        Ok(finding(&looks, &self.devices))
    }

    fn devices(&self) -> Result<Vec<Device>, LookError> {
        let mut devices = parse_diskstats(&self.root.read_proc("diskstats")?)?;
        devices.retain(|device| match self.devices.is_empty() {
            false => self.devices.contains(&device.name),
            true => is_usual(&device.name) && self.is_whole(&device.name),
        });
        Ok(devices)
    }

    /// Whole devices have a folder under /sys/block, with `!` for `/`.
    fn is_whole(&self, name: &str) -> bool {
        let block = self.root.sys.join("block");
        block.join(name.replace('/', "!")).exists()
    }
}

impl Check for LocalDiskIo {
    fn name(&self) -> &str {
        "local.diskio"
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

fn is_usual(name: &str) -> bool {
    !["loop", "ram", "zram", "fd", "sr"]
        .iter()
        .filter_map(|unusual| name.strip_prefix(unusual))
        .any(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
}

fn finding(looks: &Looks<Vec<Device>>, wanted: &[String]) -> Finding {
    let mut readings = Vec::with_capacity(looks.now.len() * 5);
    let mut anew = Vec::new();
    for now in &looks.now {
        let before = looks.before.iter().find(|before| before.name == now.name);
        let rates = before.and_then(|before| per_second(&before.counts, &now.counts, looks.apart));
        if rates.is_none() {
            anew.push(now.name.as_str());
        }
        let mut push = |field, value: Option<f64>, unit| {
            readings.push(Reading::gauge(field, value, unit).of(&now.name));
        };
        let sectors = |index: usize| rates.map(|rates| rates[index] * SECTOR_BYTES);
        push("read_bytes", sectors(1), Unit::BytesPerSecond);
        push("written_bytes", sectors(3), Unit::BytesPerSecond);
        push("reads", rates.map(|rates| rates[0]), Unit::PerSecond);
        push("writes", rates.map(|rates| rates[2]), Unit::PerSecond);
        // Milliseconds busy per second; the look and the kernel's count are
        // not taken at the same instant, so it can pass the whole by a little.
        let busy = rates.map(|rates| (rates[4] / 10.0).min(100.0));
        push("busy_percent", busy, Unit::Percent);
    }
    let names: Vec<&str> = looks.now.iter().map(|now| now.name.as_str()).collect();
    super::devices_finding("device", &names, wanted, &anew).with(readings)
}

/// One device's counters: reads, sectors read, writes, sectors written,
/// milliseconds busy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Device {
    name: String,
    counts: [u64; 5],
}

/// `254 0 vda 32054 6391 3697018 23918 5563 13795 1935976 5383 0 6872 29729 …`
pub(super) fn parse_diskstats(text: &str) -> Result<Vec<Device>, ParseProcError> {
    let mut devices = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [_, _, name, counts @ ..] = words.as_slice() else {
            continue;
        };
        // Kernels before 2.6.25 give partitions four numbers only.
        if counts.len() < 11 {
            continue;
        }
        let count = |place: usize| {
            counts[place].parse::<u64>().map_err(|_| ParseProcError {
                file: "diskstats",
                line: index + 1,
                wanted: "counters",
            })
        };
        devices.push(Device {
            name: (*name).to_owned(),
            counts: [count(0)?, count(2)?, count(4)?, count(6)?, count(9)?],
        });
    }
    Ok(devices)
}
