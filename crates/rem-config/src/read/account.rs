use rem_yaml::{At, Located, Map, MapReader, Problem, Problems, SecretSource};

use crate::listener::{Accounts, Auth, Role, Token, TokenSource, User};
use crate::people::Person;

const ROLES: [(&str, Role); 3] = [
    ("viewer", Role::Viewer),
    ("operator", Role::Operator),
    ("admin", Role::Admin),
];

/// Bytes of an account's name.
const ACCOUNT_NAME_BYTES_MAX: usize = 128;

/// Who may use a listener, as it is written there.
pub(super) struct Draft {
    auth: Auth,
    at: Located<()>,
    /// Something is written that was refused, so that "nobody" would be no news.
    is_broken: bool,
}

pub(super) fn auth(at: &At<'_>, problems: &mut Problems) -> Option<Draft> {
    let plain = |auth| {
        Some(Draft {
            auth,
            at: at.located(()),
            is_broken: false,
        })
    };
    match at.node().as_str() {
        Some("none") => return plain(Auth::None),
        Some("users") => {
            return plain(Auth::Accounts(Accounts {
                users: Vec::new(),
                tokens: Vec::new(),
            }));
        }
        _ => {}
    }
    if at.node().as_map().is_none() {
        let problem = at.expected("users and tokens, or none");
        let help = "write `auth: users` for the users of the file, `auth: {users: …}` for others, or `auth: none` to let in everybody";
        problems.add(problem.help(help));
        return None;
    }
    let mut map = at.map(problems)?;
    let users = accounts(map.get("users"), problems, user);
    let tokens = accounts(map.get("tokens"), problems, token);
    let written: usize = [map.get("users"), map.get("tokens")]
        .into_iter()
        .flatten()
        .filter_map(|at| at.node().as_map().map(Map::len))
        .sum();
    map.finish(problems);
    Some(Draft {
        is_broken: written > users.len() + tokens.len(),
        auth: Auth::Accounts(Accounts { users, tokens }),
        at: at.located(()),
    })
}

impl Draft {
    /// With the people of the file beside who is written at the listener. Of two that
    /// say the same of one name, the one at the listener says what it may do.
    pub(super) fn with<'p>(
        self,
        people: impl Iterator<Item = &'p Person>,
        problems: &mut Problems,
    ) -> Auth {
        let Auth::Accounts(mut accounts) = self.auth else {
            return self.auth;
        };
        for person in people {
            if let Some(user) = &person.sign_in {
                let same = accounts.users.iter().find(|own| own.name == user.name);
                match same {
                    None => accounts.users.push(user.clone()),
                    Some(own) if own.password_hash == user.password_hash => {}
                    Some(own) => problems.add(twice("password", &own.place, &user.place)),
                }
            }
            if let Some(token) = &person.token {
                let same = accounts.tokens.iter().find(|own| own.name == token.name);
                match same {
                    None => accounts.tokens.push(token.clone()),
                    Some(own) if own.source == token.source => {}
                    Some(own) => problems.add(twice("token", &own.place, &token.place)),
                }
            }
        }
        if accounts.users.is_empty() && accounts.tokens.is_empty() && !self.is_broken {
            let help = "give a user of the file a `password_hash` or a `token`, add one here, or write `auth: none` to let in everybody";
            problems.add(self.at.problem("nobody could sign in").help(help));
        }
        Auth::Accounts(accounts)
    }
}

fn twice(what: &str, own: &Located<()>, other: &Located<()>) -> Problem {
    own.problem(format!("another {what} than the user's at {}", other.place))
        .help("keep the one of the user, or rename one of the two")
}

fn accounts<T>(
    at: Option<At<'_>>,
    problems: &mut Problems,
    read: fn(&Located<&str>, &At<'_>, &mut Problems) -> Option<T>,
) -> Vec<T> {
    let entries = at.and_then(|at| at.entries(problems)).unwrap_or_default();
    let mut accounts = Vec::new();
    for (name, at) in entries {
        let usable = (1..=ACCOUNT_NAME_BYTES_MAX).contains(&name.value.len())
            && !name.value.contains(|c: char| c.is_control() || c == ':');
        if !usable {
            let message = "an account's name has 1 to 128 characters, without colons";
            problems.add(name.problem(message).help("choose another name"));
        }
        accounts.extend(read(&name, &at, problems));
    }
    accounts
}

fn user(name: &Located<&str>, at: &At<'_>, problems: &mut Problems) -> Option<User> {
    let mut map = at.map(problems)?;
    let hash = match map.get("password_hash") {
        Some(at) => password_hash(&at, problems),
        None => {
            problems.add(map.missing("password_hash").help(HASH_HELP));
            None
        }
    };
    let roles = roles(&mut map, problems);
    map.finish(problems);
    Some(User {
        name: name.value.to_owned(),
        password_hash: hash?,
        roles: roles?,
        place: name.clone().map(|_| ()),
    })
}

fn token(name: &Located<&str>, at: &At<'_>, problems: &mut Problems) -> Option<Token> {
    let mut map = at.map(problems)?;
    let secret: Option<SecretSource> = map.optional("token", problems);
    let sum = map
        .get("token_hash")
        .and_then(|at| token_hash(&at, problems));
    let one = map.has("token") != map.has("token_hash");
    let roles = roles(&mut map, problems);
    map.finish(problems);
    if !one {
        problems.add(at.problem("expected one of token and token_hash").help(
            "write `token: {env: NAME}`, `token: {file: path}` or `token_hash: \"sha256:…\"`",
        ));
    }
    let source = secret
        .map(TokenSource::Secret)
        .or(sum.map(TokenSource::Sha256));
    Some(Token {
        name: name.value.to_owned(),
        source: source?,
        roles: roles?,
        place: name.clone().map(|_| ()),
    })
}

fn roles(map: &mut MapReader<'_>, problems: &mut Problems) -> Option<Vec<Role>> {
    let Some(at) = map.get("roles") else {
        let help = "add `roles: [viewer]`; operator may acknowledge and run jobs, admin may change everything";
        problems.add(map.missing("roles").help(help));
        return None;
    };
    rights(&at, problems)
}

/// What a user of the file may do.
pub(super) fn right(at: &At<'_>, problems: &mut Problems) -> Option<Role> {
    at.one_of(&ROLES, problems)
}

/// What an account may do; at least one thing.
fn rights(at: &At<'_>, problems: &mut Problems) -> Option<Vec<Role>> {
    let items = at.items(problems)?;
    if items.is_empty() {
        problems.add(
            at.problem("no role")
                .help("write [viewer], [operator] or [admin]"),
        );
        return None;
    }
    let roles: Vec<Option<Role>> = items.iter().map(|at| at.one_of(&ROLES, problems)).collect();
    roles.into_iter().collect()
}

pub(super) const HASH_HELP: &str =
    "make one with `rem-monitor hash-password`; it starts with $argon2id$";

pub(super) fn password_hash(at: &At<'_>, problems: &mut Problems) -> Option<String> {
    let hash = at.node().as_str().filter(|text| is_argon2(text));
    if hash.is_none() {
        // Without what was found: it may be the password.
        problems.add(at.problem("not an argon2 password hash").help(HASH_HELP));
    }
    hash.map(str::to_owned)
}

/// `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`
fn is_argon2(text: &str) -> bool {
    let mut parts: Vec<&str> = text.split('$').collect();
    if parts.get(2).is_some_and(|part| part.starts_with("v=")) {
        parts.remove(2);
    }
    let ["", kind, costs, salt, sum] = parts[..] else {
        return false;
    };
    let cost = |key: &str| {
        let costs = costs.split(',').filter_map(|cost| cost.split_once('='));
        let mut found = costs.filter(|(name, _)| *name == key);
        found
            .next()
            .and_then(|(_, value)| value.parse::<u32>().ok())
    };
    let base64 = |part: &str, least: usize| {
        part.len() >= least
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
    };
    let at_least_one = |key| cost(key).is_some_and(|cost| cost >= 1);
    matches!(kind, "argon2id" | "argon2i" | "argon2d")
        && ["m", "t", "p"].into_iter().all(at_least_one)
        && base64(salt, 11)
        && base64(sum, 16)
}

pub(super) fn token_hash(at: &At<'_>, problems: &mut Problems) -> Option<[u8; 32]> {
    let hex = at
        .node()
        .as_str()
        .and_then(|text| text.strip_prefix("sha256:"));
    let sum = hex.and_then(|hex| {
        let bytes: Option<Vec<u8>> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok())
            .collect();
        bytes?.try_into().ok()
    });
    if sum.is_none() {
        problems.add(
            at.problem("not the sum of a token")
                .help("write \"sha256:\" and 64 hexadecimal digits"),
        );
    }
    sum
}
