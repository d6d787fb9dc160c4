use rem_yaml::{At, Problems};

use crate::limits::Limits;

use super::check::KINDS;

/// No machine runs more at once.
const LIMIT_MAX: i64 = 1_000_000;

pub(super) fn read(at: &At<'_>, problems: &mut Problems) -> Option<Limits> {
    let mut limits = Limits::default();
    let mut map = at.map(problems)?;
    let count = |at: At<'_>, problems: &mut Problems| {
        let count = at.whole_number(1..=LIMIT_MAX, problems)?;
        usize::try_from(count).ok()
    };
    if let Some(at) = map.get("checks_at_once") {
        limits.checks_at_once = count(at, problems).unwrap_or(1);
    }
    if let Some(at) = map.get("per_target") {
        limits.per_target = count(at, problems).unwrap_or(1);
    }
    let per_kind = map.get("per_kind").and_then(|at| at.entries(problems));
    map.finish(problems);
    for (kind, at) in per_kind.unwrap_or_default() {
        let kinds = || KINDS.iter().map(|(kind, _)| *kind).chain(["run"]);
        let Some(known) = kinds().find(|known| *known == kind.value) else {
            let problem = kind.problem(format!("no check is called {}", kind.value));
            let help = match rem_yaml::suggest(kind.value, kinds()) {
                Some(near) => format!("did you mean {near}?"),
                None if kind.value == "script" => "scripts are checks of the kind run".into(),
                None => format!("known kinds: {}", kinds().collect::<Vec<_>>().join(", ")),
            };
            problems.add(problem.help(help));
            continue;
        };
        if let Some(count) = count(at, problems) {
            limits.per_kind.insert(known, count);
        }
    }
    Some(limits)
}
