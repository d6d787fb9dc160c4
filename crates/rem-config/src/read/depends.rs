use indexmap::IndexSet;
use rem_yaml::{At, Located, Problem, Problems, Value};

use crate::dependency::{PlainNode, Requirement};
use crate::name::{self, NodeName};

/// The kinds of nodes that something can depend on.
pub(super) const KINDS: [&str; 5] = ["machine", "node", "service", "package", "monitor"];

pub(super) fn node(
    name: &Located<NodeName>,
    at: &At<'_>,
    problems: &mut Problems,
) -> Option<PlainNode> {
    if at.node().is_null() {
        return Some(PlainNode {
            name: name.value.clone(),
            title: None,
            location: None,
            depends: Vec::new(),
            place: name.place.clone(),
        });
    }
    let mut map = at.map(problems)?;
    let title = map.optional("title", problems);
    let location = map.optional("location", problems);
    let depends = read(map.get("depends"), problems);
    map.finish(problems);
    Some(PlainNode {
        name: name.value.clone(),
        title,
        location,
        depends,
        place: name.place.clone(),
    })
}

pub(super) fn read(at: Option<At<'_>>, problems: &mut Problems) -> Vec<Requirement> {
    let items = super::items(at, problems);
    let mut requirements: Vec<(Located<()>, Requirement)> = Vec::new();
    for item in items {
        let Some(requirement) = requirement(&item, problems) else {
            continue;
        };
        let twice = requirements
            .iter()
            .find(|(_, other)| other.group == requirement.group);
        if let Some((first, _)) = twice {
            let message = format!(
                "the group {} is there twice, first at {}",
                requirement.group, first.place
            );
            problems.add(item.problem(message).help("put both in one, or rename one"));
            continue;
        }
        requirements.push((item.located(()), requirement));
    }
    requirements
        .into_iter()
        .map(|(_, requirement)| requirement)
        .collect()
}

fn requirement(at: &At<'_>, problems: &mut Problems) -> Option<Requirement> {
    let mut map = at.map(problems)?;
    let group = match map.get("group") {
        Some(at) => at
            .text(problems)
            .and_then(|text| match name::refusal(text) {
                None => Some(text.to_owned()),
                Some(why) => {
                    problems.add(at.problem(why).help("choose another name"));
                    None
                }
            }),
        None => {
            problems.add(map.missing("group").help("add `group: power`"));
            None
        }
    };
    let of = match map.get("of") {
        Some(at) => members(&at, problems),
        None => {
            problems.add(map.missing("of").help("add `of: [machine:name]`"));
            None
        }
    };
    let need = map.get("need");
    map.finish(problems);
    let of = of?;
    let need = need_of(need, of.len(), "things", problems)?.unwrap_or(1);
    Some(Requirement {
        group: group?,
        need,
        of,
    })
}

fn members(at: &At<'_>, problems: &mut Problems) -> Option<Vec<Located<String>>> {
    let items = match at.node().as_str() {
        Some(_) => vec![at.clone()],
        None => at.items(problems)?,
    };
    if items.is_empty() {
        problems.add(at.problem("nothing to need").help("write [machine:name]"));
        return None;
    }
    let mut members: IndexSet<String> = IndexSet::new();
    let mut located = Vec::new();
    let mut wrong = false;
    for item in &items {
        let Some(text) = item.text(problems) else {
            wrong = true;
            continue;
        };
        if let Err(problem) = check_member(item, text) {
            problems.add(problem);
            wrong = true;
        } else if members.insert(text.to_owned()) {
            located.push(item.located(text.to_owned()));
        } else {
            let problem = item.problem(format!("{text} is listed twice"));
            problems.add(problem.help("remove one of the two"));
            wrong = true;
        }
    }
    (!wrong).then_some(located)
}

fn check_member(at: &At<'_>, text: &str) -> Result<(), Problem> {
    let (kind, name) = match text.split_once(':') {
        Some(parts) => parts,
        None => {
            let problem = at.problem(format!("which kind of thing is {text}?"));
            return Err(problem.help(format!(
                "write machine:{text}, node:{text} or service:{text}"
            )));
        }
    };
    if !KINDS.contains(&kind) {
        let near = rem_yaml::suggest(kind, KINDS);
        let help = match near {
            Some(near) => format!("did you mean {near}:{name}?"),
            None => format!("known kinds: {}", KINDS.join(", ")),
        };
        let problem = at.problem(format!("no kind of thing is called {kind}"));
        return Err(problem.help(help));
    }
    match name.is_empty() {
        true => Err(at.problem(format!("the name of the {kind} is missing"))),
        false => Ok(()),
    }
}

/// How many of `count` are needed: a number, or `all`. `Some(None)` where nothing is
/// written.
pub(super) fn need_of(
    at: Option<At<'_>>,
    count: usize,
    what: &str,
    problems: &mut Problems,
) -> Option<Option<usize>> {
    let Some(at) = at else { return Some(None) };
    let need = match &at.node().value {
        Value::Str(all) if all == "all" => return Some(Some(count)),
        Value::Int(need @ 1..) => usize::try_from(*need).unwrap_or(usize::MAX),
        _ => {
            problems.add(at.expected("a number from 1, or all"));
            return None;
        }
    };
    if need > count {
        let message = format!("need {need} of {count} {what} can never be");
        problems.add(
            at.problem(message)
                .help(format!("write {count} or less, or all")),
        );
        return None;
    }
    Some(Some(need))
}
