use rem_alert::shift::{self, Rotation, UserId};
use rem_yaml::{At, Loader, Located, MapReader, Problems};

use crate::name::{RoleName, UserName};
use crate::people::{Duty, TaskScript};

use super::{existing_file, name, rotation, written};

/// A role, and the names it uses.
#[derive(Clone, Debug)]
pub(crate) struct DutyDraft {
    pub(crate) duty: Duty,
    pub(crate) users: Vec<Located<UserName>>,
}

pub(super) fn read(
    role: &Located<RoleName>,
    at: &At<'_>,
    loader: &Loader,
    problems: &mut Problems,
) -> Option<DutyDraft> {
    let mut map = at.map(problems)?;
    let mut used = Vec::new();
    let mut built = shift::Role::new(role.value.as_str());
    let admins = users(&mut map, "admins", problems);
    built.admins = ids(&admins).into_iter().collect();
    used.extend(admins);
    let members = users(&mut map, "users", problems);
    let turns = map.get("rotation");
    let layers = map.get("layers");
    let standing = users(&mut map, "standing", problems);
    let tasks = map.get("tasks").map(|at| tasks(&at, loader, problems));
    let (has_users, has_layers) = (map.has("users"), map.has("layers"));
    map.finish(problems);
    match (&turns, layers) {
        (Some(_), Some(layers)) => {
            let problem = layers.problem("both rotation and layers");
            problems.add(problem.help("put the rotation into the first layer"));
        }
        (Some(turns), None) if members.is_empty() => {
            if !has_users || standing.is_empty() {
                let problem = turns.problem("a rotation without users");
                problems.add(problem.help("add `users: [name, name]`"));
            }
        }
        (Some(turns), None) => {
            let users = ids(&members);
            let rotation = rotation::read(turns, role.value.as_str(), users, problems);
            built.layers.extend(rotation);
        }
        (None, Some(layers)) => {
            if has_users {
                let problem = layers.problem("both users and layers");
                problems.add(problem.help("each layer has its own users"));
            }
            for (number, item) in (1..).zip(super::items(Some(layers), problems)) {
                let read = layer(&item, &role.value, number, problems);
                let Some((rotation, members)) = read else {
                    continue;
                };
                let twice = built.layers.iter().any(|one| one.name() == rotation.name());
                if twice {
                    let message = format!("two layers are called {}", rotation.name());
                    problems.add(item.problem(message).help("rename one of the two"));
                }
                built.layers.push(rotation);
                used.extend(members);
            }
        }
        // Everybody at once, always.
        (None, None) => built.standing = ids(&members),
    }
    built.standing.extend(ids(&standing));
    used.extend(members);
    used.extend(standing);
    if built.standing.is_empty() && turns.is_none() && !has_layers {
        let problem = role.problem(format!("nobody can be on call as {}", role.value));
        problems.add(problem.help("add `users: [name]`"));
    }
    Some(DutyDraft {
        duty: Duty {
            name: role.value.clone(),
            role: built,
            tasks: match tasks {
                Some(tasks) => Some(tasks?),
                None => None,
            },
            place: role.place.clone(),
            written: written(at),
        },
        users: used,
    })
}

fn layer(
    at: &At<'_>,
    role: &RoleName,
    number: usize,
    problems: &mut Problems,
) -> Option<(Rotation, Vec<Located<UserName>>)> {
    let mut map = at.map(problems)?;
    let name = map.get("name").and_then(|at| {
        let name = super::check::text_to_find(&at, problems)?;
        Some(format!("{role}/{name}"))
    });
    let name = name.unwrap_or_else(|| format!("{role}/{number}"));
    let members = users(&mut map, "users", problems);
    let turns = map.get("rotation");
    if turns.is_none() {
        let help = "add `rotation: {every: 1w}`";
        problems.add(map.missing("rotation").help(help));
    }
    if members.is_empty() {
        problems.add(
            at.problem("a rotation without users")
                .help("add `users: [name, name]`"),
        );
    }
    map.finish(problems);
    let rotation = rotation::read(&turns?, &name, ids(&members), problems)?;
    (!members.is_empty()).then_some((rotation, members))
}

fn ids(users: &[Located<UserName>]) -> Vec<UserId> {
    users
        .iter()
        .map(|user| UserId::from(user.value.as_str()))
        .collect()
}

/// People, each once; nobody where the key is absent.
fn users(
    map: &mut MapReader<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Vec<Located<UserName>> {
    let mut users: Vec<Located<UserName>> = Vec::new();
    for item in super::items(map.get(key), problems) {
        let Some(user) = name::<UserName>(&item, problems) else {
            continue;
        };
        if let Some(first) = users.iter().find(|other| other.value == user) {
            let message = format!("{user} is listed twice, first at {}", first.place);
            problems.add(item.problem(message).help("remove one of the two"));
            continue;
        }
        users.push(item.located(user));
    }
    users
}

fn tasks(at: &At<'_>, loader: &Loader, problems: &mut Problems) -> Option<TaskScript> {
    let mut map = at.map(problems)?;
    let path = match map.get("script") {
        Some(at) => existing_file(&at, "script", loader, problems),
        None => {
            problems.add(map.missing("script").help("add `script: scripts/name.py`"));
            None
        }
    };
    let arguments = map.with_default("arguments", Vec::new(), problems);
    map.finish(problems);
    Some(TaskScript {
        path: path?,
        arguments,
    })
}
