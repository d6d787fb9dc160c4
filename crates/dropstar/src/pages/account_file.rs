//! Who may use a listener, as a site file says it: the words of the monitor.

use rem_yaml::{At, Located, Map, MapReader, Problems, SecretSource};

use crate::Role;

pub(super) const ROLES: [(&str, Role); 3] = [
    ("viewer", Role::Viewer),
    ("operator", Role::Operator),
    ("admin", Role::Admin),
];

const HASH_HELP: &str = "make one with `dropstar hash-password`; it starts with $argon2id$";

/// Who may use a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AuthPlan {
    None,
    Accounts {
        users: Vec<UserPlan>,
        tokens: Vec<TokenPlan>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UserPlan {
    pub(super) name: String,
    pub(super) password_hash: String,
    pub(super) role: Role,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TokenPlan {
    pub(super) name: String,
    pub(super) secret: SecretSource,
    pub(super) role: Role,
}

pub(super) fn auth(at: &At<'_>, problems: &mut Problems) -> Option<AuthPlan> {
    const HELP: &str = "write `auth: {users: …}`, or `auth: none` to let in everybody";
    if at.node().as_str() == Some("none") {
        return Some(AuthPlan::None);
    }
    if at.node().as_map().is_none() {
        problems.add(at.expected("users and tokens, or none").help(HELP));
        return None;
    }
    let mut map = at.map(problems)?;
    let lists = [map.get("users"), map.get("tokens")];
    let is_empty = |at: &At<'_>| at.node().as_map().is_none_or(Map::is_empty);
    if lists.iter().flatten().all(is_empty) {
        problems.add(at.problem("nobody could sign in").help(HELP));
    }
    let [users, tokens] = lists;
    let users = each(users, problems, user);
    let tokens = each(tokens, problems, token);
    map.finish(problems);
    Some(AuthPlan::Accounts {
        users: users?,
        tokens: tokens?,
    })
}

/// The one role of a `roles:` list that may do most; `role` for one alone.
pub(super) fn roles(map: &mut MapReader<'_>, problems: &mut Problems) -> Option<Option<Role>> {
    let Some(at) = map.get("roles") else {
        return Some(None);
    };
    if at.node().as_str().is_some() {
        return at.one_of(&ROLES, problems).map(Some);
    }
    let items = at.items(problems)?;
    if items.is_empty() {
        problems.add(
            at.problem("no role")
                .help("write [viewer], [operator] or [admin]"),
        );
        return None;
    }
    let roles: Vec<Option<Role>> = items.iter().map(|at| at.one_of(&ROLES, problems)).collect();
    let roles: Option<Vec<Role>> = roles.into_iter().collect();
    Some(roles?.into_iter().max())
}

fn each<T>(
    at: Option<At<'_>>,
    problems: &mut Problems,
    read: fn(&Located<&str>, &At<'_>, &mut Problems) -> Option<T>,
) -> Option<Vec<T>> {
    let Some(at) = at else {
        return Some(Vec::new());
    };
    let entries = at.entries(problems)?;
    let read: Vec<Option<T>> = entries
        .iter()
        .map(|(name, at)| read(name, at, problems))
        .collect();
    read.into_iter().collect()
}

fn user(name: &Located<&str>, at: &At<'_>, problems: &mut Problems) -> Option<UserPlan> {
    let mut map = at.map(problems)?;
    let hash = match map.get("password_hash") {
        Some(at) => {
            let hash = at
                .node()
                .as_str()
                .filter(|text| text.starts_with("$argon2"));
            if hash.is_none() {
                // Without what was found: it may be the password.
                problems.add(at.problem("not an argon2 password hash").help(HASH_HELP));
            }
            hash
        }
        None => {
            problems.add(map.missing("password_hash").help(HASH_HELP));
            None
        }
    };
    let role = needed_role(&mut map, problems);
    map.finish(problems);
    Some(UserPlan {
        name: name.value.to_owned(),
        password_hash: hash?.to_owned(),
        role: role?,
    })
}

fn token(name: &Located<&str>, at: &At<'_>, problems: &mut Problems) -> Option<TokenPlan> {
    let mut map = at.map(problems)?;
    let secret: Option<SecretSource> = map.required("token", problems);
    let role = needed_role(&mut map, problems);
    map.finish(problems);
    Some(TokenPlan {
        name: name.value.to_owned(),
        secret: secret?,
        role: role?,
    })
}

fn needed_role(map: &mut MapReader<'_>, problems: &mut Problems) -> Option<Role> {
    let role = roles(map, problems)?;
    if role.is_none() {
        problems.add(
            map.missing("roles")
                .help("add `roles: [viewer]`, [operator] or [admin]"),
        );
    }
    role
}
