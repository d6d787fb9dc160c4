use rem_time::Span;
use rem_yaml::{At, Located, Problems};

use crate::alert::{Owner, TRIES_DEFAULT};
use crate::name::RoleName;

/// A second: pages do not follow each other sooner.
const EVERY_MIN: Span = Span::from_seconds(1);
/// Tries of one step.
const TRIES_MAX: i64 = 1_000;

/// Those who are told, in order.
pub(super) fn read(at: Option<At<'_>>, problems: &mut Problems) -> Vec<Owner> {
    let items = super::items(at, problems);
    items
        .iter()
        .filter_map(|item| owner(item, problems))
        .collect()
}

fn owner(at: &At<'_>, problems: &mut Problems) -> Option<Owner> {
    if at.node().as_str().is_some() {
        let role = super::name::<RoleName>(at, problems)?;
        return Some(Owner {
            role: at.located(role),
            tries: TRIES_DEFAULT,
            every: None,
            after: Span::ZERO,
        });
    }
    let mut map = at.map(problems)?;
    let role = match map.get("role") {
        Some(at) => super::name::<RoleName>(&at, problems).map(|role| at.located(role)),
        None => {
            problems.add(map.missing("role").help("add `role: name`"));
            None
        }
    };
    let tries = match map.get("tries") {
        Some(at) => at
            .whole_number(1..=TRIES_MAX, problems)
            .and_then(|tries| u32::try_from(tries).ok()),
        None => Some(TRIES_DEFAULT),
    };
    let every = map
        .get("every")
        .map(|at| at_least(&at, EVERY_MIN, problems));
    let after = map.with_default("after", Span::ZERO, problems);
    map.finish(problems);
    Some(Owner {
        role: role?,
        tries: tries?,
        every: match every {
            Some(every) => Some(every?),
            None => None,
        },
        after,
    })
}

/// A span that is not too short.
pub(super) fn at_least(at: &At<'_>, least: Span, problems: &mut Problems) -> Option<Span> {
    let span: Located<Span> = at.read(problems)?;
    if span.value < least {
        let message = format!("{} is below {least}", span.value);
        problems.add(span.problem(message).help(format!("write {least} or more")));
        return None;
    }
    Some(span.value)
}
