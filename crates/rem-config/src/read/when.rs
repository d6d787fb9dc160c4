//! Times on a wall clock.

use rem_time::{Date, LocalTime, TimeOfDay, Timestamp, Weekday, Zone};
use rem_yaml::{At, Problems};

/// A zone, or UTC where nobody says.
pub(super) fn zone(at: Option<At<'_>>, problems: &mut Problems) -> Option<Zone> {
    let Some(at) = at else {
        return Some(Zone::utc());
    };
    let text = at.text(problems)?;
    match text.parse::<Zone>() {
        Ok(zone) => Some(zone),
        Err(unknown) => {
            let help = match unknown.suggestion {
                Some(near) => format!("did you mean {near}?"),
                None => "write a name such as Europe/Berlin or UTC".to_owned(),
            };
            problems.add(
                at.problem(format!("no time zone is called {text}"))
                    .help(help),
            );
            None
        }
    }
}

/// A day, or a day and a time.
pub(super) fn local(at: &At<'_>, problems: &mut Problems) -> Option<LocalTime> {
    at.parse("a day such as 2026-12-24, or 2026-12-24T18:00", problems)
}

/// A day.
pub(super) fn date(at: &At<'_>, problems: &mut Problems) -> Option<Date> {
    at.parse("a day such as 2026-01-05", problems)
}

/// A time of day; a day of the week or of the month may stand before it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AtTime {
    pub(super) days: Vec<Weekday>,
    pub(super) day_of_month: Option<u8>,
    pub(super) time: TimeOfDay,
}

impl AtTime {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (day, time) = match text.rsplit_once(char::is_whitespace) {
            Some((day, time)) => (day.trim(), time),
            None => ("", text),
        };
        let time = time.parse().ok()?;
        let mut days = Vec::new();
        let mut day_of_month = None;
        if let Ok(number) = day.parse::<u8>() {
            day_of_month = Some(number).filter(|day| (1..=31).contains(day));
            day_of_month?;
        } else if !day.is_empty() {
            for word in day.split(',') {
                days.extend(week(word.trim())?);
            }
        }
        Some(Self {
            days,
            day_of_month,
            time,
        })
    }
}

/// `mon`, or `mon-fri`.
fn week(text: &str) -> Option<Vec<Weekday>> {
    let Some((first, last)) = text.split_once('-') else {
        return Some(vec![text.parse().ok()?]);
    };
    let (first, last): (Weekday, Weekday) = (first.parse().ok()?, last.parse().ok()?);
    let count = (7 + last.index() - first.index()) % 7;
    let days = Weekday::ALL.into_iter().cycle();
    Some(
        days.skip(usize::from(first.index()))
            .take(usize::from(count) + 1)
            .collect(),
    )
}

/// From one instant until before another, on the wall of a zone.
pub(super) fn stretch(
    from: Option<At<'_>>,
    until: Option<At<'_>>,
    zone: &Zone,
    problems: &mut Problems,
) -> Option<(Timestamp, Timestamp)> {
    let (from, until_at) = (from?, until?);
    let first = local(&from, problems);
    let last = local(&until_at, problems);
    let (first, last) = (first?, last?);
    let (from, until) = (zone.resolve(first), zone.resolve(last));
    if until <= from {
        let message = format!("ends at {last}, which is not after {first}");
        problems.add(until_at.problem(message).help("until is when it is over"));
        return None;
    }
    Some((from, until))
}
