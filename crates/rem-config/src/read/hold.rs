use rem_alert::episode::{Days, HoldKind, HoldPlan, LASTS_MAX, Matcher, MatcherOp, Repeats, When};
use rem_time::{Span, Timestamp, Zone};
use rem_yaml::{At, Located, MapReader, Problem, Problems};

use crate::hash;

use super::when::{self, AtTime};

/// What a hold can be matched by.
pub(super) const KEYS: [&str; 8] = [
    "machine",
    "service",
    "deployment",
    "location",
    "package",
    "monitor",
    "alert",
    "severity",
];
const AGAIN: [&str; 3] = ["daily", "weekly", "monthly"];

pub(super) fn read(at: &At<'_>, problems: &mut Problems) -> Option<Located<HoldPlan>> {
    let mut map = at.map(problems)?;
    let covers = match map.get("match") {
        Some(at) => matchers(&at, problems),
        None => {
            let help = "add `match: \"machine = db-*\"`";
            problems.add(map.missing("match").help(help));
            None
        }
    };
    let why: Option<String> = match map.get("why") {
        Some(at) => super::check::text_to_find(&at, problems),
        None => {
            problems.add(map.missing("why").help("add `why: new switch`"));
            None
        }
    };
    let name = map.get("name").map(|at| {
        let name = super::check::text_to_find(&at, problems)?;
        Some(format!("file:{name}"))
    });
    let zone = when::zone(map.get("zone"), problems);
    let when = when_it_holds(&mut map, zone.as_ref(), problems);
    map.finish(problems);
    let (covers, when, why) = (covers?, when?, why?);
    let id = match name {
        Some(name) => name?,
        None => format!(
            "file:{:016x}",
            hash::fnv([&*format!("{covers:?} {when:?}")])
        ),
    };
    Some(at.located(HoldPlan {
        id: id.into(),
        kind: HoldKind::Maintenance,
        covers,
        when,
        by: "configuration".into(),
        why: why.into(),
    }))
}

/// `machine = db-* and service = web`.
fn matchers(at: &At<'_>, problems: &mut Problems) -> Option<Vec<Matcher>> {
    let text = at.text(problems)?;
    if text.trim() == "all" {
        return Some(Vec::new());
    }
    let mut covers = Vec::new();
    let mut offset = 0;
    for part in text.split(" and ") {
        let blanks = part.len() - part.trim_start().len();
        let place = at.node().place_in(offset + blanks);
        offset += part.len() + " and ".len();
        let problem = |message: String| Problem::new(&place, at.path(), message);
        let Ok(matcher) = part.trim().parse::<Matcher>() else {
            let message = format!("not a matcher: {}", part.trim());
            problems.add(problem(message).help(
                "write `machine = db-*`, `service != web` or `location in /eu/de`, joined by `and`; or `all`",
            ));
            return None;
        };
        if !KEYS.contains(&&*matcher.key) {
            let help = match rem_yaml::suggest(&matcher.key, KEYS) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("known: {}", KEYS.join(", ")),
            };
            let message = format!("nothing to match is called {}", matcher.key);
            problems.add(problem(message).help(help));
            return None;
        }
        covers.push(matcher);
    }
    Some(covers)
}

/// The name a matcher means, if it means one by its whole name.
pub(super) fn means(matcher: &Matcher) -> Option<&str> {
    let is_pattern = matcher.value.contains(['*', '?']) || matcher.op == MatcherOp::In;
    (!is_pattern && !matcher.value.is_empty()).then_some(&*matcher.value)
}

fn when_it_holds(
    map: &mut MapReader<'_>,
    zone: Option<&Zone>,
    problems: &mut Problems,
) -> Option<When> {
    let again: Vec<&str> = AGAIN.into_iter().filter(|key| map.has(key)).collect();
    let (from, until) = (map.get("from"), map.get("until"));
    let lasts = map.get("for");
    let daily = map.get("daily");
    let weekly = map.get("weekly");
    let monthly = map.get("monthly");
    let utc = Zone::utc();
    let known_zone = zone.unwrap_or(&utc);
    let when = match again[..] {
        [] => {
            if let Some(at) = &lasts {
                let problem = at.problem("for without daily, weekly or monthly");
                problems.add(problem.help("write `until: 2026-12-01T04:00`"));
            }
            for key in ["from", "until"] {
                if !map.has(key) {
                    let help = format!(
                        "add `{key}: 2026-12-01T02:00`, or `weekly: sun 02:00` and `for: 2h`"
                    );
                    problems.add(map.missing(key).help(help));
                }
            }
            let (from, until) = when::stretch(from, until, known_zone, problems)?;
            When::Once { from, until }
        }
        [_] => {
            let days = days(daily.as_ref(), weekly.as_ref(), monthly.as_ref(), problems);
            let lasts = match lasts {
                Some(at) => length(&at, problems),
                None => {
                    problems.add(map.missing("for").help("add `for: 2h`"));
                    None
                }
            };
            let limit = |at: Option<At<'_>>, problems: &mut Problems| match at {
                Some(at) => when::local(&at, problems).map(|local| Some(known_zone.resolve(local))),
                None => Some(None),
            };
            let from: Option<Option<Timestamp>> = limit(from, problems);
            let until = limit(until, problems);
            let (days, at) = days?;
            When::Repeats(Repeats {
                days,
                at,
                lasts: lasts?,
                zone: known_zone.clone(),
                from: from?,
                until: until?,
            })
        }
        _ => {
            let message = format!("one of {}", again.join(" and "));
            let problem = map.at().problem(message);
            problems.add(problem.help("make two holds"));
            return None;
        }
    };
    zone.map(|_| when)
}

fn days(
    daily: Option<&At<'_>>,
    weekly: Option<&At<'_>>,
    monthly: Option<&At<'_>>,
    problems: &mut Problems,
) -> Option<(Days, rem_time::TimeOfDay)> {
    let (at, wanted) = match (daily, weekly, monthly) {
        (Some(at), ..) => (at, "a time such as 02:00"),
        (None, Some(at), _) => (at, "days and a time such as sun 02:00 or sat,sun 02:00"),
        (None, None, Some(at)) => (at, "a day of the month and a time such as 31 02:00"),
        (None, None, None) => return None,
    };
    let parsed = at.node().as_str().and_then(AtTime::parse);
    let days = parsed.and_then(|parsed| {
        let days = match (daily, weekly, parsed.day_of_month) {
            (Some(_), _, None) if parsed.days.is_empty() => Days::Daily,
            (None, Some(_), None) if !parsed.days.is_empty() => Days::Weekly(parsed.days),
            (None, None, Some(day)) => Days::Monthly(day),
            _ => return None,
        };
        Some((days, parsed.time))
    });
    if days.is_none() {
        problems.add(at.expected(wanted));
    }
    days
}

fn length(at: &At<'_>, problems: &mut Problems) -> Option<Span> {
    let span: Located<Span> = at.read(problems)?;
    if span.value.is_zero() || span.value > LASTS_MAX {
        let message = format!("{} is not between 1s and {LASTS_MAX}", span.value);
        problems.add(span.problem(message));
        return None;
    }
    Some(span.value)
}
