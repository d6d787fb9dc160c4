use rem_yaml::{At, Located, MapReader, Problems, SecretSource};

use crate::contact::{Contact, ContactWay, ScriptContact, Text, WebhookBody, WebhookContact};

use super::folder_of;

const WAYS: [&str; 3] = ["mail", "webhook", "script"];
const HELP: &str = "write {mail: address}, {webhook: url} or {script: [program, argument]}";
const BODIES: [(&str, WebhookBody); 5] = [
    ("rem", WebhookBody::Rem),
    ("alertmanager", WebhookBody::Alertmanager),
    ("slack", WebhookBody::Slack),
    ("ntfy", WebhookBody::Ntfy),
    ("discord", WebhookBody::Discord),
];
/// Headers that carry a secret.
const SECRET_HEADERS: [&str; 4] = [
    "authorization",
    "cookie",
    "x-api-key",
    "proxy-authorization",
];

/// What is filled in where a contact is a person's.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Whose<'p> {
    pub(super) user: Option<&'p str>,
    pub(super) full_name: Option<&'p str>,
    pub(super) phone: Option<&'p str>,
}

pub(super) fn list(at: Option<At<'_>>, whose: Whose<'_>, problems: &mut Problems) -> Vec<Contact> {
    let items = super::items(at, problems);
    items
        .iter()
        .filter_map(|item| read(item, whose, problems))
        .collect()
}

pub(super) fn read(at: &At<'_>, whose: Whose<'_>, problems: &mut Problems) -> Option<Contact> {
    if at.node().as_map().is_none() {
        let problem = at.problem("expected a contact");
        problems.add(problem.help(HELP));
        return None;
    }
    let mut map = at.map(problems)?;
    let has: Vec<&str> = WAYS.into_iter().filter(|way| map.has(way)).collect();
    match has[..] {
        [_] => {}
        [] => {
            if let Some(map) = at.node().as_map()
                && let Some((key, entry)) = map.iter().next()
            {
                let near = rem_yaml::suggest(key, WAYS);
                let help = near.map_or(HELP.to_owned(), |near| format!("did you mean {near}?"));
                let message = format!("no kind of contact is called {key}");
                let path = at.path().key(key);
                let problem = rem_yaml::Problem::new(&entry.key_at, &path, message);
                problems.add(problem.help(help));
            } else {
                problems.add(at.problem("expected a contact").help(HELP));
            }
            return None;
        }
        _ => {
            let message = format!("one contact is one of {}", has.join(" and "));
            problems.add(at.problem(message).help("make two contacts"));
            return None;
        }
    }
    let digest = map.with_default("digest", true, problems);
    let way = if let Some(at) = map.get("mail") {
        mail(&at, problems).map(ContactWay::Mail)
    } else if let Some(at) = map.get("webhook") {
        webhook(&at, &mut map, problems).map(ContactWay::Webhook)
    } else if let Some(at) = map.get("script") {
        script(&at, &mut map, whose, problems).map(ContactWay::Script)
    } else {
        None
    };
    map.finish(problems);
    Some(Contact {
        way: way?,
        digest,
        place: at.place().clone(),
    })
}

pub(super) fn mail(at: &At<'_>, problems: &mut Problems) -> Option<String> {
    at.parse_with(problems, |text| match is_mail_address(text) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "not a mail address such as ann@example.com: {text}"
        )),
    })
}

/// `ann@example.com` or `Ann <ann@example.com>`.
pub(super) fn is_mail_address(text: &str) -> bool {
    let address = match text.split_once('<') {
        Some((_, rest)) => match rest.strip_suffix('>') {
            Some(address) => address,
            None => return false,
        },
        None => text,
    };
    let Some((local, domain)) = address.rsplit_once('@') else {
        return false;
    };
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || "<>,;\"".contains(c);
    !local.is_empty()
        && !domain.is_empty()
        && !address.contains(is_odd)
        && !domain.contains('@')
        && !domain.starts_with(['.', '-'])
        && !domain.ends_with(['.', '-'])
        && !domain.contains("..")
}

fn webhook(
    at: &At<'_>,
    map: &mut MapReader<'_>,
    problems: &mut Problems,
) -> Option<WebhookContact> {
    let url = match at.node().as_map() {
        Some(_) => at.read::<SecretSource>(problems).map(Text::Secret),
        None => url(at, problems).map(Text::Plain),
    };
    let body = match map.get("template") {
        Some(at) => body(&at, problems),
        None => Some(WebhookBody::Rem),
    };
    let mut headers = Vec::new();
    let entries = map.get("headers").and_then(|at| at.entries(problems));
    for (name, at) in entries.unwrap_or_default() {
        headers.extend(header(&name, &at, problems));
    }
    let secret = map.get("secret").map(|at| at.read(problems));
    Some(WebhookContact {
        url: url?,
        body: body?,
        headers,
        secret: match secret {
            Some(secret) => Some(secret?),
            None => None,
        },
    })
}

/// The URL of a webhook; it is not shown where it is wrong, for it may be a secret.
fn url(at: &At<'_>, problems: &mut Problems) -> Option<String> {
    let text = at.text(problems)?;
    let why = if !text.starts_with("http://") && !text.starts_with("https://") {
        "it does not start with http:// or https://"
    } else if super::check_url(text).is_err() {
        match text.contains('@') {
            true => "a user and a password belong into a header",
            false => "its host or its port is wrong",
        }
    } else {
        return Some(text.to_owned());
    };
    problems.add(
        at.problem(format!("not the URL of a webhook: {why}"))
            .help("write https://host/path"),
    );
    None
}

fn body(at: &At<'_>, problems: &mut Problems) -> Option<WebhookBody> {
    if at.node().as_map().is_none() {
        return at.one_of(&BODIES, problems);
    }
    let mut map = at.map(problems)?;
    let text = map.required("text", problems);
    let content_type = map.with_default("type", "application/json".to_owned(), problems);
    map.finish(problems);
    Some(WebhookBody::Custom {
        text: text?,
        content_type,
    })
}

/// A header, whose value may come from elsewhere.
pub(super) fn header(
    name: &Located<&str>,
    at: &At<'_>,
    problems: &mut Problems,
) -> Option<(String, Text)> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.value.is_empty() || !name.value.chars().all(is_token) {
        problems.add(name.problem(format!("not a header's name: {}", name.value)));
        return None;
    }
    if at.node().as_map().is_some() {
        let source: SecretSource = at.read(problems)?;
        return Some((name.value.to_owned(), Text::Secret(source)));
    }
    let lower = name.value.to_ascii_lowercase();
    if SECRET_HEADERS.contains(&lower.as_str()) {
        // Without what was found: it is the secret.
        let problem = at.problem(format!("{lower} is a secret, which does not belong here"));
        problems.add(problem.help("write {env: NAME} or {file: path}"));
        return None;
    }
    let value = at.text(problems)?;
    if value.contains(char::is_control) {
        problems.add(at.problem("a header's value has no line breaks"));
        return None;
    }
    Some((name.value.to_owned(), Text::Plain(value.to_owned())))
}

fn script(
    at: &At<'_>,
    map: &mut MapReader<'_>,
    whose: Whose<'_>,
    problems: &mut Problems,
) -> Option<ScriptContact> {
    let items = match at.node().as_str() {
        Some(_) => vec![at.clone()],
        None => at.items(problems)?,
    };
    if items.is_empty() {
        problems.add(
            at.problem("no program")
                .help("write [/usr/local/bin/sms, \"{phone}\"]"),
        );
        return None;
    }
    let command: Vec<Option<String>> = items
        .iter()
        .map(|item| argument(item, whose, problems))
        .collect();
    let mut environment = Vec::new();
    let entries = map.get("env").and_then(|at| at.entries(problems));
    for (name, at) in entries.unwrap_or_default() {
        if name.value.is_empty() || name.value.contains(['=', '\0']) {
            let message = format!("not the name of an environment variable: {}", name.value);
            problems.add(name.problem(message));
            continue;
        }
        let value = match at.node().as_map() {
            Some(_) => at.read::<SecretSource>(problems).map(Text::Secret),
            None => at.read::<String>(problems).map(Text::Plain),
        };
        environment.extend(value.map(|value| (name.value.to_owned(), value)));
    }
    let command: Vec<String> = command.into_iter().collect::<Option<_>>()?;
    if command.first().is_none_or(String::is_empty) {
        problems.add(at.problem("no program").help("write its path first"));
        return None;
    }
    Some(ScriptContact {
        command,
        environment,
        folder: folder_of(at.place()),
    })
}

/// An argument with what is known of its owner filled in; `{{` is a brace.
fn argument(at: &At<'_>, whose: Whose<'_>, problems: &mut Problems) -> Option<String> {
    let text = at.text(problems)?;
    let mut filled = String::new();
    let mut rest = text;
    while let Some(found) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(found);
        filled.push_str(before);
        if from.starts_with("{{") || from.starts_with("}}") {
            filled.push_str(&from[..1]);
            rest = &from[2..];
            continue;
        }
        let Some(end) = from.find('}').filter(|end| *end > 0) else {
            let problem = at.problem("a brace that is not part of {user}, {name} or {phone}");
            problems.add(problem.help("write {{ or }} for a brace"));
            return None;
        };
        let name = &from[1..end];
        let value = match name {
            "user" => whose.user,
            "name" => whose.full_name.or(whose.user),
            "phone" => whose.phone,
            _ => {
                let known = ["user", "name", "phone"];
                let near = rem_yaml::suggest(name, known);
                let help = near.map_or_else(
                    || "known here: {user}, {name}, {phone}".to_owned(),
                    |near| format!("did you mean {{{near}}}?"),
                );
                let problem = at.problem(format!("nothing to fill in is called {{{name}}}"));
                problems.add(problem.help(help));
                return None;
            }
        };
        let Some(value) = value else {
            let message = format!("nobody says what {{{name}}} is here");
            problems.add(
                at.problem(message)
                    .help(format!("add `{name}:` to the user")),
            );
            return None;
        };
        filled.push_str(value);
        rest = &from[end + 1..];
    }
    filled.push_str(rest);
    Some(filled)
}
