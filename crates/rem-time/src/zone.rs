use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::{LocalTime, Timestamp};

#[cfg(test)]
mod tests;

/// A time zone of the IANA database, `Europe/Berlin` or `UTC`: which wall clock
/// belongs to an instant, and which instant to a wall clock.
///
/// The rules come from the machine's `/usr/share/zoneinfo`, and from a copy
/// inside the program where the machine has none or does not know the name.
/// They are read once a process. Cheap to clone.
///
/// ```
/// use rem_time::{Timestamp, Zone};
/// let zone: Zone = "America/Chicago".parse()?;
/// // 01:30 came twice on that day: the first one counts.
/// assert_eq!(zone.resolve("2020-11-01 01:30".parse()?).to_string(), "2020-11-01T06:30:00Z");
/// // 02:30 never came: the first instant after the gap counts.
/// let skipped = zone.resolve("2020-03-08 02:30".parse()?);
/// assert_eq!(zone.local(skipped).to_string(), "2020-03-08 03:00");
/// assert_eq!(
///     "Europe/Berln".parse::<Zone>().unwrap_err().to_string(),
///     "unknown time zone Europe/Berln: did you mean Europe/Berlin?"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Zone(Arc<Rules>);

/// A name that is in no time zone database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown time zone {name}: {}", hint(.suggestion.as_deref()))]
pub struct UnknownZone {
    /// The name as it was written.
    pub name: String,
    /// The nearest name that exists, if one is near.
    pub suggestion: Option<String>,
}

/// All stretches of one offset between the years 1677 and 2262, oldest first. The
/// zone's own table instead of jiff's: a calendar asks a million times a second.
struct Rules {
    name: String,
    /// First second of each stretch; the first is the beginning of time.
    starts: Vec<i64>,
    /// Seconds east of UTC in each stretch.
    offsets: Vec<i32>,
    /// The latest wall clock (exclusive) that was shown in this stretch or before.
    shown_until: Vec<i64>,
    /// The earliest wall clock that is shown in this stretch or later.
    shown_from: Vec<i64>,
}

impl Zone {
    /// Coordinated universal time, which has no summer.
    pub fn utc() -> Self {
        static UTC: OnceLock<Zone> = OnceLock::new();
        UTC.get_or_init(|| Self(Arc::new(Rules::new("UTC".into(), &TimeZone::UTC))))
            .clone()
    }

    /// The zone's name in the database's spelling.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Seconds east of UTC at an instant: 3600 in Berlin's winter.
    pub fn offset(&self, at: Timestamp) -> i32 {
        let rules = &self.0;
        rules.offsets[rules.stretch_at(at.as_seconds())]
    }

    /// What the wall clock shows at an instant, fractions of a second left out.
    pub fn local(&self, at: Timestamp) -> LocalTime {
        let seconds = at.as_seconds();
        let rules = &self.0;
        let offset = rules.offsets[rules.stretch_at(seconds)];
        LocalTime::from_seconds(seconds + i64::from(offset))
    }

    /// The latest the wall clock has shown up to an instant. It stands still while an
    /// hour repeats, so that `latest(at) >= local` says whether
    /// [`resolve`](Self::resolve)`(local) <= at` without computing it.
    pub fn latest(&self, at: Timestamp) -> LocalTime {
        let rules = &self.0;
        let seconds = at.as_seconds();
        let stretch = rules.stretch_at(seconds);
        let now = seconds + i64::from(rules.offsets[stretch]);
        match stretch.checked_sub(1) {
            Some(before) => LocalTime::from_seconds(now.max(rules.shown_until[before] - 1)),
            None => LocalTime::from_seconds(now),
        }
    }

    /// The instant at which the wall clock first shows `local` or later: the first
    /// of two where the hour repeats, the end of the gap where it is skipped.
    /// A later `local` never gives an earlier instant.
    pub fn resolve(&self, local: LocalTime) -> Timestamp {
        let rules = &self.0;
        let local = local.seconds();
        let stretch = rules
            .shown_until
            .partition_point(|until| *until <= local)
            .min(rules.starts.len() - 1);
        let instant = local.saturating_sub(i64::from(rules.offsets[stretch]));
        Timestamp::from_seconds(instant.max(rules.starts[stretch]))
    }

    /// The last instant at which the wall clock shows `local`: the second of two
    /// where the hour repeats, the end of the gap where it is skipped. Ends of
    /// maintenance windows use it: better an hour too long than too short.
    pub fn resolve_last(&self, local: LocalTime) -> Timestamp {
        let rules = &self.0;
        let seconds = local.seconds();
        let stretch = rules
            .shown_from
            .partition_point(|from| *from <= seconds)
            .saturating_sub(1);
        let instant = seconds.saturating_sub(i64::from(rules.offsets[stretch]));
        let end = rules.starts.get(stretch + 1).copied().unwrap_or(i64::MAX);
        Timestamp::from_seconds(instant.min(end))
    }

    /// The first instant after `at` from which the wall clock is ahead or behind by
    /// another amount; `None` if that never happens again.
    pub fn next_transition(&self, at: Timestamp) -> Option<Timestamp> {
        let rules = &self.0;
        let next = rules.stretch_at(at.as_seconds()) + 1;
        rules.starts.get(next).copied().map(Timestamp::from_seconds)
    }

    /// Local time and offset for people: `2020-11-01 01:30 -05:00`.
    pub fn show(&self, at: Timestamp) -> String {
        let offset = self.offset(at);
        let sign = if offset < 0 { '-' } else { '+' };
        let minutes = offset.unsigned_abs() / 60;
        let (hours, minutes) = (minutes / 60, minutes % 60);
        format!("{} {sign}{hours:02}:{minutes:02}", self.local(at))
    }
}

impl Rules {
    fn new(name: String, zone: &TimeZone) -> Self {
        let second = |at: Timestamp| at.as_seconds();
        let (first, last) = (
            second(Timestamp::from_nanos(i64::MIN)),
            second(Timestamp::from_nanos(i64::MAX)),
        );
        let begin = jiff::Timestamp::from_second(first).unwrap_or(jiff::Timestamp::MIN);
        let mut starts = vec![i64::MIN];
        let mut offsets = vec![zone.to_offset(begin).seconds()];
        for change in zone.following(begin) {
            let at = change.timestamp().as_second();
            if at > last {
                break;
            }
            // Names of the time change without the time: that is no transition here.
            if offsets.last() != Some(&change.offset().seconds()) {
                starts.push(at);
                offsets.push(change.offset().seconds());
            }
        }
        let ends = starts.iter().skip(1).copied().chain([i64::MAX]);
        let mut latest = i64::MIN;
        let shown_until = ends
            .zip(&offsets)
            .map(|(end, offset)| {
                latest = latest.max(end.saturating_add(i64::from(*offset)));
                latest
            })
            .collect();
        let mut earliest = i64::MAX;
        let mut shown_from: Vec<i64> = starts
            .iter()
            .zip(&offsets)
            .rev()
            .map(|(start, offset)| {
                earliest = earliest.min(start.saturating_add(i64::from(*offset)));
                earliest
            })
            .collect();
        shown_from.reverse();
        Self {
            name,
            starts,
            offsets,
            shown_until,
            shown_from,
        }
    }

    fn stretch_at(&self, second: i64) -> usize {
        self.starts
            .partition_point(|start| *start <= second)
            .saturating_sub(1)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.name() == other.name()
    }
}

impl Eq for Zone {}

impl Default for Zone {
    fn default() -> Self {
        Self::utc()
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(text: &str) -> Result<Self, UnknownZone> {
        static READ: Mutex<BTreeMap<String, Zone>> = Mutex::new(BTreeMap::new());
        let wanted = text.trim();
        let key = wanted.to_ascii_lowercase();
        if key == "utc" {
            return Ok(Self::utc());
        }
        let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(zone) = read.get(&key) {
            return Ok(zone.clone());
        }
        let unknown = || UnknownZone {
            name: wanted.into(),
            suggestion: nearest(wanted),
        };
        let found = look_up(wanted).ok_or_else(unknown)?;
        let name = found.iana_name().ok_or_else(unknown)?.to_owned();
        let zone = Self(Arc::new(Rules::new(name, &found)));
        read.insert(key, zone.clone());
        Ok(zone)
    }
}

/// The machine's database, if it has one, and the program's own.
fn databases() -> &'static [TimeZoneDatabase] {
    static DATABASES: OnceLock<Vec<TimeZoneDatabase>> = OnceLock::new();
    DATABASES.get_or_init(|| {
        let machine = TimeZoneDatabase::from_dir("/usr/share/zoneinfo").ok();
        machine
            .into_iter()
            .chain([TimeZoneDatabase::bundled()])
            .collect()
    })
}

fn look_up(name: &str) -> Option<TimeZone> {
    databases()
        .iter()
        .find_map(|database| database.get(name).ok())
}

/// The existing name that is nearest: few letters off, or the right city.
fn nearest(wanted: &str) -> Option<String> {
    let wanted = wanted.to_lowercase().replace(' ', "_");
    let names = TimeZoneDatabase::bundled();
    let near = names.available().filter_map(|name| {
        let name = name.as_str();
        let lower = name.to_lowercase();
        let city = lower.rsplit('/').next().unwrap_or(&lower);
        let off = distance(&wanted, &lower).min(1 + distance(&wanted, city));
        Some((off, name.to_owned())).filter(|(off, _)| *off <= 1 + wanted.chars().count() / 4)
    });
    near.min().map(|(_, name)| name)
}

fn hint(suggestion: Option<&str>) -> String {
    match suggestion {
        Some(name) => format!("did you mean {name}?"),
        None => "use a name such as Europe/Berlin or UTC".into(),
    }
}

/// How many letters must be put in, left out or changed.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let change = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
