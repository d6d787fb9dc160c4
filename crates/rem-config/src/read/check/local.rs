use std::path::PathBuf;

use indexmap::IndexMap;
use rem_time::Span;
use rem_yaml::{At, Located, MapReader, Problems};

use crate::check::{
    Check, LogCheck, LogPattern, LogVerdict, PassiveCheck, ProcessesCheck, UnitsCheck,
};

use super::super::folder_of;
use super::super::owner::at_least;
use super::{bytes, text_to_find};

/// Results that are older than this are not worth waiting for.
const FRESH_MIN: Span = Span::from_seconds(1);
const VERDICTS: [(&str, LogVerdict); 3] = [
    ("ok", LogVerdict::Ok),
    ("warning", LogVerdict::Warning),
    ("critical", LogVerdict::Critical),
];
const PROCESSES_MAX: i64 = 10_000_000;

pub(super) fn units(map: &mut MapReader<'_>, problems: &mut Problems) -> Option<Check> {
    let mut units = Vec::new();
    let mut wrong = false;
    for item in super::super::items(map.get("units"), problems) {
        let unit = item.parse_with(problems, |text| {
            let is_odd = |c: char| c.is_whitespace() || c.is_control();
            let fits = !text.is_empty() && !text.starts_with('-') && !text.contains(is_odd);
            match fits {
                true => Ok(text.to_owned()),
                false => Err(format!(
                    "not the name of a unit such as ssh.service: {text}"
                )),
            }
        });
        wrong |= unit.is_none();
        units.extend(unit);
    }
    (!wrong).then_some(Check::LocalUnits(UnitsCheck { units }))
}

pub(super) fn processes(map: &mut MapReader<'_>, problems: &mut Problems) -> Option<Check> {
    let mut text = |key: &'static str, problems: &mut Problems| match map.get(key) {
        Some(at) => text_to_find(&at, problems).map(Some),
        None => Some(None),
    };
    let name = text("name", problems);
    let pattern = text("pattern", problems);
    let user = text("user", problems);
    let mut count = |key: &'static str, problems: &mut Problems| match map.get(key) {
        Some(at) => {
            let count = at.whole_number(0..=PROCESSES_MAX, problems);
            count.map(|count| u64::try_from(count).ok())
        }
        None => Some(None),
    };
    let min = count("min", problems);
    let max = count("max", problems);
    let (name, pattern, user) = (name?, pattern?, user?);
    let (min, max) = (min?, max?);
    if name.is_none() && pattern.is_none() && user.is_none() {
        let problem = map.at().problem("which processes?");
        problems.add(problem.help("add `name: nginx`, `pattern: …` or `user: …`"));
        return None;
    }
    // Who allows none at most does not ask for one.
    let min = min.unwrap_or(if max == Some(0) { 0 } else { 1 });
    if let Some(max) = max
        && min > max
    {
        let message = format!("at least {min} and at most {max} processes cannot be");
        problems.add(map.at().problem(message));
        return None;
    }
    Some(Check::LocalProcesses(ProcessesCheck {
        name,
        pattern,
        user,
        min,
        max,
    }))
}

pub(super) fn log(map: &mut MapReader<'_>, problems: &mut Problems) -> Option<Check> {
    let folder = folder_of(map.at().place());
    let path: Option<PathBuf> = map.required("path", problems);
    let patterns = match map.get("patterns") {
        Some(at) => patterns(&at, problems),
        None => {
            let help = "add `patterns: {oom: \"Out of memory\"}`";
            problems.add(map.missing("patterns").help(help));
            None
        }
    };
    let from_start = map.with_default("from_start", false, problems);
    let read_max = bytes(map, "read_max", problems);
    let line_max = bytes(map, "line_max", problems);
    Some(Check::Log(LogCheck {
        path: folder.join(path?),
        patterns: patterns?,
        from_start,
        read_max,
        line_max,
    }))
}

fn patterns(at: &At<'_>, problems: &mut Problems) -> Option<Vec<LogPattern>> {
    let entries = at.entries(problems)?;
    if entries.is_empty() {
        problems.add(
            at.problem("nothing to look for")
                .help("write {oom: \"Out of memory\"}"),
        );
        return None;
    }
    let mut patterns: IndexMap<String, Option<LogPattern>> = IndexMap::new();
    for (name, at) in entries {
        let pattern = pattern(&name, &at, problems);
        patterns.insert(name.value.to_owned(), pattern);
    }
    patterns.into_values().collect()
}

fn pattern(name: &Located<&str>, at: &At<'_>, problems: &mut Problems) -> Option<LogPattern> {
    if let Some(why) = crate::name::refusal(name.value) {
        problems.add(name.problem(why).help("choose another name"));
        return None;
    }
    let name = name.value.to_owned();
    if at.node().as_map().is_none() {
        return Some(LogPattern {
            name,
            pattern: text_to_find(at, problems)?,
            except: None,
            verdict: LogVerdict::Critical,
        });
    }
    let mut map = at.map(problems)?;
    let pattern = match map.get("pattern") {
        Some(at) => text_to_find(&at, problems),
        None => {
            problems.add(map.missing("pattern"));
            None
        }
    };
    let except = map.get("except").map(|at| text_to_find(&at, problems));
    let verdict = match map.get("severity") {
        Some(at) => at.one_of(&VERDICTS, problems),
        None => Some(LogVerdict::Critical),
    };
    map.finish(problems);
    Some(LogPattern {
        name,
        pattern: pattern?,
        except: except.map_or(Some(None), |except| except.map(Some))?,
        verdict: verdict?,
    })
}

pub(super) fn passive(map: &mut MapReader<'_>, problems: &mut Problems) -> Option<Check> {
    let fresh = match map.get("fresh") {
        Some(at) => at_least(&at, FRESH_MIN, problems),
        None => {
            let help = "add `fresh: 5m`: how long a result is good for";
            problems.add(map.missing("fresh").help(help));
            None
        }
    };
    Some(Check::Passive(PassiveCheck { fresh: fresh? }))
}
