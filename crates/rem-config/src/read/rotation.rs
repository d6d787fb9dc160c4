use rem_alert::shift::{Align, Every, Fair, Hours, Plan, PlanError, Rotation, UserId};
use rem_time::{Date, LocalTime, Span, TimeOfDay, Weekday};
use rem_yaml::{At, MapReader, Problems, Value};

use super::when::{self, AtTime};

/// The first day that is counted from where nobody says: a Monday long ago.
const FROM_DEFAULT: (i32, u8, u8) = (2000, 1, 3);
const DAY: u64 = 86_400;

/// Reads a rotation among people who take turns.
pub(super) fn read(
    at: &At<'_>,
    name: &str,
    users: Vec<UserId>,
    problems: &mut Problems,
) -> Option<Rotation> {
    let mut map = at.map(problems)?;
    let every = match map.get("every") {
        Some(at) => every(&at, problems),
        None => {
            let help = "add `every: 1w`, or `every: [4d, 3d]`";
            problems.add(map.missing("every").help(help));
            None
        }
    };
    let zone = when::zone(map.get("zone"), problems);
    let start = start(&mut map, every.as_ref(), problems);
    let hours = hours(map.get("hours"), problems);
    let align = match map.get("align") {
        Some(at) => at.one_of(
            &[("wall", Align::Wall), ("elapsed", Align::Elapsed)],
            problems,
        ),
        None => Some(Align::Wall),
    };
    let fair = map.get("fair").map(|at| fair(&at, problems));
    map.finish(problems);
    let wrong = |error: PlanError, problems: &mut Problems| {
        let (message, help) = match error {
            PlanError::ElapsedMonths => (
                "months have no fixed length in elapsed time".to_owned(),
                Some("write `align: wall`"),
            ),
            PlanError::Length => (
                "a shift lasts between a minute and a hundred years".to_owned(),
                None,
            ),
            other => (other.to_string(), None),
        };
        problems.add(at.problem(message).maybe_help(help.map(Into::into)));
    };
    let (every, zone, start, hours, align) = (every?, zone?, start?, hours?, align?);
    let plan = Plan::new(users, every, start, zone).and_then(|plan| plan.align(align));
    let mut plan = match plan {
        Ok(plan) => plan,
        Err(error) => {
            wrong(error, problems);
            return None;
        }
    };
    if let Some(hours) = hours {
        plan = plan.only(hours);
    }
    if let Some(fair) = fair {
        plan = plan.fair(fair?);
    }
    Some(Rotation::new(name, plan))
}

/// `12h`, `1d`, `1w`, `1 month`, or the lengths in turn.
fn every(at: &At<'_>, problems: &mut Problems) -> Option<Every> {
    if let Value::Seq(items) = &at.node().value {
        if items.is_empty() {
            problems.add(at.problem("no length").help("write [4d, 3d]"));
            return None;
        }
        let lengths: Vec<Option<Span>> = at
            .items(problems)?
            .iter()
            .map(|item| item.read(problems))
            .collect();
        return Some(Every::Lengths(lengths.into_iter().collect::<Option<_>>()?));
    }
    const WANTED: &str = "a length such as 12h, 1d, 1w or 1 month";
    let text = at.node().as_str().map(str::trim);
    let month = text.and_then(|text| {
        ["months", "month", "mo"]
            .iter()
            .find_map(|unit| text.strip_suffix(unit))
    });
    if let Some(count) = month {
        let count = count.trim().parse().ok().filter(|count| *count > 0);
        if count.is_none() {
            problems.add(at.expected(WANTED));
        }
        return count.map(Every::Months);
    }
    let span: Span = at.read(problems)?;
    let seconds = span.as_seconds();
    let whole = Span::from_seconds(seconds) == span;
    let count = |unit: u64| {
        let count = u32::try_from(seconds / unit).ok();
        count.filter(|count| whole && *count > 0 && seconds.is_multiple_of(unit))
    };
    if let Some(weeks) = count(7 * DAY) {
        return Some(Every::Weeks(weeks));
    }
    if let Some(days) = count(DAY) {
        return Some(Every::Days(days));
    }
    if let Some(hours) = count(3_600) {
        return Some(Every::Hours(hours));
    }
    Some(Every::Lengths(vec![span]))
}

/// When the first shift begins: the first day of `from` on which `at` can be.
fn start(
    map: &mut MapReader<'_>,
    every: Option<&Every>,
    problems: &mut Problems,
) -> Option<LocalTime> {
    const WANTED: &str = "a time such as 09:00, mon 09:00 or, for months, 1 09:00";
    let written = map.get("at");
    let from = match map.get("from") {
        Some(at) => when::date(&at, problems),
        None => {
            let (year, month, day) = FROM_DEFAULT;
            Date::new(year, month, day)
        }
    };
    let nine = TimeOfDay::new(9, 0, 0)?;
    let at = match &written {
        Some(at) => {
            let parsed = at.node().as_str().and_then(AtTime::parse);
            let one_day = parsed.filter(|parsed| parsed.days.len() <= 1);
            let Some(parsed) = one_day else {
                problems.add(at.expected(WANTED));
                return None;
            };
            parsed
        }
        None => AtTime {
            days: match (every, map.has("from")) {
                (Some(Every::Weeks(_)), false) => vec![Weekday::Monday],
                _ => Vec::new(),
            },
            day_of_month: None,
            time: nine,
        },
    };
    let from = from?;
    let months = matches!(every, Some(Every::Months(_)));
    let day = match (at.day_of_month, at.days.first()) {
        (Some(day), _) if months => {
            let date = |from: Date| Date::new(from.year(), from.month(), day);
            // A month that lacks the day ends on its last.
            let this = date(from).unwrap_or_else(|| last_of_month(from));
            match this >= from {
                true => this,
                false => {
                    let next = first_of_month(from).add_months(1);
                    date(next).unwrap_or_else(|| last_of_month(next))
                }
            }
        }
        (Some(_), _) => {
            if let Some(at) = &written {
                let problem = at.problem("a day of the month, and shifts that are no months");
                problems.add(problem.help("write `every: 1 month`, or a weekday"));
            }
            return None;
        }
        (None, Some(weekday)) => (0..7)
            .map(|days| from.add_days(days))
            .find(|date| date.weekday() == *weekday)
            .unwrap_or(from),
        (None, None) => from,
    };
    Some(day.at(at.time))
}

fn first_of_month(date: Date) -> Date {
    date.add_days(1 - i64::from(date.day()))
}

fn last_of_month(date: Date) -> Date {
    first_of_month(date).add_months(1).add_days(-1)
}

/// `Some(None)` where all hours are covered.
fn hours(at: Option<At<'_>>, problems: &mut Problems) -> Option<Option<Hours>> {
    let Some(at) = at else { return Some(None) };
    let items = match at.node().as_str() {
        Some(_) => vec![at],
        None => at.items(problems)?,
    };
    let mut texts = Vec::new();
    for item in &items {
        let text = item.text(problems)?;
        if let Err(error) = text.parse::<Hours>() {
            let problem = item.problem(error.to_string());
            problems.add(problem.help("write `mon-fri 09:00-18:00`"));
            return None;
        }
        texts.push(text);
    }
    // One that covers no hour would never be on call.
    let all: Option<Hours> = texts.join(",").parse().ok();
    if all.is_none()
        && let Some(item) = items.first()
    {
        problems.add(item.problem("no hours").help("write `mon-fri 09:00-18:00`"));
    }
    all.map(Some)
}

/// `90d`, or how much each hour counts.
fn fair(at: &At<'_>, problems: &mut Problems) -> Option<Fair> {
    let days = |at: &At<'_>, problems: &mut Problems| {
        let span: Span = at.read(problems)?;
        let days = u16::try_from(span.as_seconds() / DAY).ok();
        let days = days.filter(|days| *days > 0);
        if days.is_none() {
            problems.add(at.problem(format!("{span} is not from 1d to 65535d")));
        }
        days
    };
    if at.node().as_map().is_none() {
        return Some(Fair {
            trailing_days: days(at, problems)?,
            ..Fair::default()
        });
    }
    let mut map = at.map(problems)?;
    let trailing_days = match map.get("over") {
        Some(at) => days(&at, problems),
        None => Some(Fair::default().trailing_days),
    };
    let entries = map.get("weights").and_then(|at| at.entries(problems));
    map.finish(problems);
    let mut weights = Vec::new();
    for (hours, at) in entries.unwrap_or_default() {
        let percent = at.whole_number(0..=1_000, problems);
        let percent = percent.and_then(|percent| u16::try_from(percent).ok());
        match hours.value.parse::<Hours>() {
            Ok(hours) => weights.extend(percent.map(|percent| (hours, percent))),
            Err(error) => problems.add(
                hours
                    .problem(error.to_string())
                    .help("write `sat-sun: 150`, in percent"),
            ),
        }
    }
    Some(Fair {
        trailing_days: trailing_days?,
        weights,
    })
}
