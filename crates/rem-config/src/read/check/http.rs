use rem_yaml::{At, Located, MapReader, Problem, Problems, SecretSource, Value};

use crate::check::{Check, HttpAssertion, HttpAuth, HttpCheck, HttpVersion, JsonReading, TlsSide};
use crate::status::StatusCodes;
use crate::template::{Becomes, Template};

use super::super::url;
use super::{Fill, Look, Scene, bytes, filled, maybe_text, number, template, text_to_find, tls};

mod expect;

use expect::Expected;

const REDIRECTS_DEFAULT: u32 = 5;

/// A header before it is filled in.
pub(super) type Header = (String, Located<Template>);

pub(super) fn read(
    map: &mut MapReader<'_>,
    scene: Scene<'_>,
    problems: &mut Problems,
) -> Option<Look> {
    let url = match map.get("url") {
        Some(at) => filled(&at, scene.interfaces, Becomes::Url, problems, url::check),
        None => {
            problems.add(
                map.missing("url")
                    .help("add `url: \"http://{machine.address}/\"`"),
            );
            None
        }
    };
    let method = match map.get("method") {
        Some(at) => method(&at, problems),
        None => Some("GET".to_owned()),
    };
    let (headers, secret_headers) = headers(map.get("headers"), scene, problems);
    let body = map
        .get("body")
        .map(|at| template(&at, scene.interfaces, problems));
    let auth = map.get("auth").map(|at| auth(&at, problems));
    let user_agent = map.optional("user_agent", problems);
    let gzip = map.with_default("gzip", false, problems);
    let expected = match map.get("expect") {
        Some(at) => expect::read(&at, scene, problems),
        None => Some(Expected::success()),
    };
    let json = map.get("json").map(|at| json_readings(&at, problems));
    let read_max = bytes(map, "read_max", problems);
    let follow_redirects = map.with_default("follow_redirects", true, problems);
    let redirects = number(map, "redirects", 0..=50, REDIRECTS_DEFAULT, problems);
    let fresh = map.with_default("fresh", true, problems);
    let version = version(map, problems);
    let side = tls::side(map, scene, problems);
    let server_name = maybe_text(map, "server_name", scene, problems);
    let Expected {
        status,
        contains,
        assertions,
    } = expected?;
    let (url, server_name) = (url?, server_name?);
    let body = body.map_or(Some(None), |body| body.map(Some))?;
    let example = HttpCheck {
        url: String::new(),
        method: method?,
        headers: Vec::new(),
        secret_headers,
        body: String::new(),
        auth: auth.map_or(Some(None), |auth| auth.map(Some))?,
        user_agent,
        gzip,
        status,
        contains,
        assertions: Vec::new(),
        json: json.unwrap_or(Some(Vec::new()))?,
        read_max,
        follow_redirects,
        redirects: u8::try_from(redirects?).ok()?,
        fresh,
        version: version?,
        tls: side?,
    };
    let made = example.clone();
    Some(Look::filled(Check::Http(Box::new(example)), move |fill| {
        Ok(Check::Http(Box::new(HttpCheck {
            url: fill.url(&url)?,
            headers: fill_headers(&headers, fill)?,
            body: fill.maybe(body.as_ref())?.unwrap_or_default(),
            assertions: assertions
                .iter()
                .map(|assertion| assertion.fill(fill))
                .collect::<Result<Vec<HttpAssertion>, Problem>>()?,
            tls: TlsSide {
                server_name: fill.maybe(server_name.as_ref())?,
                ..made.tls.clone()
            },
            ..made.clone()
        })))
    }))
}

pub(super) fn fill_headers(
    headers: &[Header],
    fill: &Fill<'_>,
) -> Result<Vec<(String, String)>, Problem> {
    let fill = |(name, value): &Header| Ok((name.clone(), fill.text(value)?));
    headers.iter().map(fill).collect()
}

fn method(at: &At<'_>, problems: &mut Problems) -> Option<String> {
    at.parse_with(problems, |text| {
        match !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'-') {
            true => Ok(text.to_owned()),
            false => Err(format!("not an HTTP method such as GET: {text}")),
        }
    })
}

/// Headers that are written, and headers that come from elsewhere.
pub(super) fn headers(
    at: Option<At<'_>>,
    scene: Scene<'_>,
    problems: &mut Problems,
) -> (Vec<Header>, Vec<(String, SecretSource)>) {
    let entries = at.and_then(|at| at.entries(problems)).unwrap_or_default();
    let (mut headers, mut secret) = (Vec::new(), Vec::new());
    for (name, at) in entries {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.value.is_empty() || !name.value.chars().all(is_token) {
            problems.add(name.problem(format!("not a header's name: {}", name.value)));
        }
        if at.node().as_map().is_some() {
            let source = at.read::<SecretSource>(problems);
            secret.extend(source.map(|source| (name.value.to_owned(), source)));
            continue;
        }
        let value = filled(
            &at,
            scene.interfaces,
            Becomes::Text,
            problems,
            |text| match text.contains(char::is_control) {
                true => Err("a header's value has no line breaks".into()),
                false => Ok(()),
            },
        );
        headers.extend(value.map(|value| (name.value.to_owned(), value)));
    }
    (headers, secret)
}

/// `{user: name, password: {env: NAME}}`, or `{bearer: {env: NAME}}`.
fn auth(at: &At<'_>, problems: &mut Problems) -> Option<HttpAuth> {
    const HELP: &str = "write {user: name, password: {env: NAME}} or {bearer: {env: NAME}}";
    if at.node().as_map().is_none() {
        // Without what was found: it may be the secret.
        problems.add(at.problem("expected who is asking").help(HELP));
        return None;
    }
    let mut map = at.map(problems)?;
    let bearer = map.get("bearer").map(|at| at.read(problems));
    let user = map.get("user").map(|at| {
        at.parse_with(problems, |text| {
            match text.is_empty() || text.contains(':') {
                true => Err("a user has a name without colons".to_owned()),
                false => Ok(text.to_owned()),
            }
        })
    });
    let password = map.get("password").map(|at| at.read(problems));
    map.finish(problems);
    match (bearer, user, password) {
        (Some(bearer), None, None) => bearer.map(HttpAuth::Bearer),
        (None, Some(user), Some(password)) => Some(HttpAuth::Basic {
            user: user?,
            password: password?,
        }),
        _ => {
            let problem = at.problem("expected a user and a password, or a bearer");
            problems.add(problem.help(HELP));
            None
        }
    }
}

fn version(map: &mut MapReader<'_>, problems: &mut Problems) -> Option<HttpVersion> {
    let Some(at) = map.get("version") else {
        return Some(HttpVersion::Any);
    };
    match &at.node().value {
        Value::Int(1) => Some(HttpVersion::Http1),
        Value::Int(2) => Some(HttpVersion::Http2),
        Value::Str(any) if any == "any" => Some(HttpVersion::Any),
        _ => {
            problems.add(at.expected("1, 2 or any"));
            None
        }
    }
}

/// `{queue: "$.queue.length", age: {path: "$.age", unit: s}}`
fn json_readings(at: &At<'_>, problems: &mut Problems) -> Option<Vec<JsonReading>> {
    let readings: Vec<Option<JsonReading>> = at
        .entries(problems)?
        .into_iter()
        .map(|(name, at)| {
            if let Some(why) = crate::name::refusal(name.value) {
                problems.add(name.problem(why).help("choose another name"));
            }
            let field = name.value.to_owned();
            if at.node().as_map().is_none() {
                let path = json_path(&at, problems)?;
                let unit = None;
                return Some(JsonReading { field, path, unit });
            }
            let mut map = at.map(problems)?;
            let path = match map.get("path") {
                Some(at) => json_path(&at, problems),
                None => {
                    problems.add(map.missing("path").help("add `path: \"$.queue.length\"`"));
                    None
                }
            };
            let unit = map.optional("unit", problems);
            map.finish(problems);
            let path = path?;
            Some(JsonReading { field, path, unit })
        })
        .collect();
    readings.into_iter().collect()
}

/// A place in a JSON text; the rest of it is judged where it is used.
fn json_path(at: &At<'_>, problems: &mut Problems) -> Option<String> {
    at.parse_with(problems, |text| match text.starts_with('$') {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "not a place in JSON such as $.queue.length: {text}"
        )),
    })
}
