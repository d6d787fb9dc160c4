use std::num::NonZeroU16;

use rem_time::Span;
use rem_yaml::{Located, MapReader, Problems, Value};

use crate::check::{Check, Family, PingCheck};
use crate::host::Host;

use super::{Look, Scene, address, number};

const COUNT_DEFAULT: NonZeroU16 = NonZeroU16::new(3).unwrap();
const COUNT_MAX: u16 = 1_000;
const INTERVAL_DEFAULT: Span = Span::from_millis(200);
const INTERVAL_MIN: Span = Span::from_millis(10);
const WAIT_DEFAULT: Span = Span::from_seconds(2);

pub(super) fn read(
    map: &mut MapReader<'_>,
    scene: Scene<'_>,
    problems: &mut Problems,
) -> Option<Look> {
    let address = address(map, scene, problems);
    let count = match map.get("count") {
        Some(at) => {
            let count = at.whole_number(1..=i64::from(COUNT_MAX), problems);
            count.and_then(|count| NonZeroU16::new(u16::try_from(count).ok()?))
        }
        None => Some(COUNT_DEFAULT),
    };
    let interval: Option<Located<Span>> = map.optional("interval", problems);
    if let Some(interval) = &interval
        && interval.value < INTERVAL_MIN
    {
        let message = format!("interval {} is below {INTERVAL_MIN}", interval.value);
        problems.add(
            interval
                .problem(message)
                .help(format!("write {INTERVAL_MIN} or more")),
        );
    }
    let wait = map.get("wait").map(|at| {
        let least = Span::from_millis(1);
        super::super::owner::at_least(&at, least, problems)
    });
    let size = number(map, "size", 16..=1472, 56, problems);
    let family = family(map, problems);
    let address = address?;
    let example = PingCheck {
        address: Host::example(),
        count: count?,
        interval: interval.map_or(INTERVAL_DEFAULT, |interval| interval.value),
        wait: wait.unwrap_or(Some(WAIT_DEFAULT))?,
        size: u16::try_from(size?).ok()?,
        family: family?,
    };
    let made = example.clone();
    Some(Look::filled(Check::Ping(example), move |fill| {
        Ok(Check::Ping(PingCheck {
            address: fill.address(address.as_ref())?,
            ..made.clone()
        }))
    }))
}

/// `4` or `6`.
pub(super) fn family(map: &mut MapReader<'_>, problems: &mut Problems) -> Option<Option<Family>> {
    let Some(at) = map.get("family") else {
        return Some(None);
    };
    match at.node().value {
        Value::Int(4) => Some(Some(Family::V4)),
        Value::Int(6) => Some(Some(Family::V6)),
        _ => {
            problems.add(at.expected("4 or 6"));
            None
        }
    }
}
