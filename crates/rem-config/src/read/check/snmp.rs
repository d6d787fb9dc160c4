use std::num::NonZeroU16;

use rem_time::Span;
use rem_yaml::{At, MapReader, Problems, SecretSource, Value};

use crate::check::{
    Check, SnmpAuth, SnmpCheck, SnmpObject, SnmpPrivacy, SnmpTable, SnmpUser, SnmpVersion,
};
use crate::contact::Text;
use crate::host::Host;

use super::super::owner::at_least;
use super::{Look, Scene, address, exporter, number, ping, port, text_to_find};

const PORT_DEFAULT: NonZeroU16 = NonZeroU16::new(161).unwrap();
const REPETITIONS_DEFAULT: u32 = 20;
const ROWS_DEFAULT: u32 = 10_000;
const TRIES_DEFAULT: u32 = 2;
const WAIT_DEFAULT: Span = Span::from_seconds(1);
const OIDS_MAX: usize = 1_000;
const AUTH: [(&str, SnmpAuth); 7] = [
    ("sha256", SnmpAuth::Sha256),
    ("sha512", SnmpAuth::Sha512),
    ("sha384", SnmpAuth::Sha384),
    ("sha224", SnmpAuth::Sha224),
    ("sha1", SnmpAuth::Sha1),
    ("sha", SnmpAuth::Sha1),
    ("md5", SnmpAuth::Md5),
];
const PRIVACY: [(&str, SnmpPrivacy); 7] = [
    ("aes128", SnmpPrivacy::Aes128),
    ("aes", SnmpPrivacy::Aes128),
    ("aes192", SnmpPrivacy::Aes192),
    ("aes256", SnmpPrivacy::Aes256),
    ("aes192-cisco", SnmpPrivacy::Aes192Cisco),
    ("aes256-cisco", SnmpPrivacy::Aes256Cisco),
    ("des", SnmpPrivacy::Des),
];

/// How much is protected, as others call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Nothing,
    Signed,
    Encrypted,
}

const LEVELS: [(&str, Level); 3] = [
    ("noauth", Level::Nothing),
    ("auth", Level::Signed),
    ("priv", Level::Encrypted),
];

pub(super) fn read(
    map: &mut MapReader<'_>,
    scene: Scene<'_>,
    problems: &mut Problems,
) -> Option<Look> {
    let address = address(map, scene, problems);
    let port = port(map, Some(PORT_DEFAULT), scene, problems);
    let version = version(map, problems);
    let get = match map.get("get") {
        Some(at) => objects(&at, problems),
        None => Some(Vec::new()),
    };
    let tables = tables(map.get("table"), problems);
    let wait = match map.get("wait") {
        Some(at) => at_least(&at, Span::from_millis(1), problems),
        None => Some(WAIT_DEFAULT),
    };
    let tries = number(map, "tries", 0..=10, TRIES_DEFAULT, problems);
    let repetitions = number(map, "repetitions", 1..=100, REPETITIONS_DEFAULT, problems);
    let family = ping::family(map, problems);
    let (address, get, tables) = (address?, get?, tables?);
    if get.is_empty() && tables.is_empty() {
        let problem = map.at().problem("nothing to ask for");
        problems.add(problem.help("add `get: {uptime: 1.3.6.1.2.1.1.3.0}` or `table: …`"));
        return None;
    }
    let repetitions = u16::try_from(repetitions?).ok()?;
    let example = SnmpCheck {
        address: Host::example(),
        port: port?,
        version: version?,
        family: family?,
        get,
        tables,
        wait: wait?,
        tries: tries?,
        repetitions: NonZeroU16::new(repetitions)?,
    };
    let made = example.clone();
    Some(Look::filled(Check::Snmp(Box::new(example)), move |fill| {
        Ok(Check::Snmp(Box::new(SnmpCheck {
            address: fill.address(address.as_ref())?,
            ..made.clone()
        })))
    }))
}

/// Which version is spoken; the other versions' keys are known, to be refused by name.
fn version(map: &mut MapReader<'_>, problems: &mut Problems) -> Option<SnmpVersion> {
    let keys = ["user", "level", "auth", "priv", "context"];
    let at = map.get("version");
    let number = match at.as_ref().map(|at| &at.node().value) {
        Some(Value::Int(1)) => 1,
        None => match map.has("user") {
            true => 3,
            false => 2,
        },
        Some(Value::Str(text)) if text == "2c" => 2,
        Some(Value::Int(3)) => 3,
        _ => {
            for key in keys.into_iter().chain(["community"]) {
                map.know(key);
            }
            if let Some(at) = at {
                problems.add(at.expected("1, 2c or 3"));
            }
            return None;
        }
    };
    if number == 3 {
        if let Some(at) = map.get("community") {
            let problem = at.problem("a community, and version 3 has none");
            problems.add(problem.help("add `user:`, or write `version: 2c`"));
        }
        return user(map, problems).map(SnmpVersion::V3);
    }
    for key in keys {
        if let Some(at) = map.get(key) {
            let problem = at.problem(format!("{key} belongs to version 3"));
            problems.add(problem.help("write `version: 3`, or remove it"));
        }
    }
    let community = match map.get("community") {
        Some(at) if at.node().as_map().is_some() => {
            at.read::<SecretSource>(problems).map(Text::Secret)
        }
        Some(at) => text_to_find(&at, problems).map(Text::Plain),
        None => Some(Text::Plain("public".to_owned())),
    };
    Some(match number {
        1 => SnmpVersion::V1(community?),
        _ => SnmpVersion::V2c(community?),
    })
}

fn user(map: &mut MapReader<'_>, problems: &mut Problems) -> Option<SnmpUser> {
    let name: Option<String> = match map.get("user") {
        Some(at) => text_to_find(&at, problems),
        None => {
            problems.add(map.missing("user").help("add `user: name`"));
            None
        }
    };
    let auth = map.get("auth").map(|at| keyed(&at, &AUTH, problems));
    let privacy_at = map.get("priv");
    let privacy = privacy_at.as_ref().map(|at| keyed(at, &PRIVACY, problems));
    let context = map.optional("context", problems);
    if let Some(at) = map.get("level") {
        let has = match (auth.is_some(), privacy.is_some()) {
            (_, true) => Level::Encrypted,
            (true, false) => Level::Signed,
            (false, false) => Level::Nothing,
        };
        let wanted = at.one_of(&LEVELS, problems);
        if let Some(wanted) = wanted
            && wanted != has
        {
            let (message, help) = match wanted {
                Level::Encrypted => ("the level priv without priv", "add `priv: {password: …}`"),
                Level::Signed if has == Level::Nothing => {
                    ("the level auth without auth", "add `auth: {password: …}`")
                }
                Level::Signed => ("the level auth, and priv is there", "write `level: priv`"),
                Level::Nothing => ("the level noauth, and auth is there", "write `level: auth`"),
            };
            problems.add(at.problem(message).help(help));
        }
    }
    if let Some(at) = privacy_at
        && auth.is_none()
    {
        let problem = at.problem("priv without auth, which SNMP does not have");
        problems.add(problem.help("add `auth: {protocol: sha256, password: {env: NAME}}`"));
    }
    Some(SnmpUser {
        name: name?,
        auth: auth.map_or(Some(None), |auth| auth.map(Some))?,
        privacy: privacy.map_or(Some(None), |privacy| privacy.map(Some))?,
        context,
    })
}

/// `{protocol: sha256, password: {env: NAME}}`; the first protocol unless told.
fn keyed<T: Clone>(
    at: &At<'_>,
    protocols: &[(&str, T)],
    problems: &mut Problems,
) -> Option<(T, SecretSource)> {
    let mut map = at.map(problems)?;
    let protocol = match map.get("protocol") {
        Some(at) => at.one_of(protocols, problems),
        None => protocols.first().map(|(_, first)| first.clone()),
    };
    let password = map.required("password", problems);
    map.finish(problems);
    Some((protocol?, password?))
}

/// Names and the objects they stand for, perhaps with their unit and factor.
fn objects(at: &At<'_>, problems: &mut Problems) -> Option<Vec<SnmpObject>> {
    let entries = at.entries(problems)?;
    if entries.len() > OIDS_MAX {
        let message = format!("{} objects, at most {OIDS_MAX} are allowed", entries.len());
        problems.add(at.problem(message));
    }
    let mut objects = Vec::new();
    for (name, at) in entries {
        if let Some(why) = crate::name::refusal(name.value) {
            problems.add(name.problem(why).help("choose another name"));
        }
        objects.push(described(name.value, &at, problems));
    }
    objects.into_iter().collect()
}

fn described(field: &str, at: &At<'_>, problems: &mut Problems) -> Option<SnmpObject> {
    let field = field.to_owned();
    if at.node().as_map().is_none() {
        return Some(SnmpObject {
            field,
            object: object(at, problems)?,
            unit: None,
            factor: None,
        });
    }
    let mut map = at.map(problems)?;
    let oid = match map.get("oid") {
        Some(at) => object(&at, problems),
        None => {
            problems.add(map.missing("oid").help("add `oid: sysUpTime.0`"));
            None
        }
    };
    let unit = map.optional("unit", problems);
    let factor = map.get("factor").and_then(|at| {
        let factor: f64 = at.read(problems)?;
        if factor == 0.0 {
            problems.add(at.problem("a factor of 0 makes every number 0"));
        }
        Some(factor)
    });
    map.finish(problems);
    Some(SnmpObject {
        field,
        object: oid?,
        unit,
        factor,
    })
}

/// `1.3.6.1.2.1.1.3.0`, or a name and what follows it.
fn object(at: &At<'_>, problems: &mut Problems) -> Option<String> {
    // `1.3` is a number in YAML.
    let text = match &at.node().value {
        Value::Float(number) => number.to_string(),
        _ => at.text(problems)?.to_owned(),
    };
    let mut parts = text.strip_prefix('.').unwrap_or(&text).split('.');
    let is_number = |part: &str| part.parse::<u32>().is_ok();
    let first = parts.next().unwrap_or_default();
    let is_name = first.starts_with(|c: char| c.is_ascii_alphabetic())
        && first.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !parts.all(is_number) || !(is_name || matches!(first, "0" | "1" | "2")) {
        let message = format!("not an object such as 1.3.6.1.2.1.1.3.0 or sysUpTime.0: {text}");
        problems.add(at.problem(message));
        return None;
    }
    Some(text)
}

/// Tables by name.
fn tables(at: Option<At<'_>>, problems: &mut Problems) -> Option<Vec<SnmpTable>> {
    let Some(at) = at else {
        return Some(Vec::new());
    };
    let tables: Vec<Option<SnmpTable>> = at
        .entries(problems)?
        .iter()
        .map(|(name, at)| table(name.value, at, problems))
        .collect();
    tables.into_iter().collect()
}

fn table(name: &str, at: &At<'_>, problems: &mut Problems) -> Option<SnmpTable> {
    let mut map = at.map(problems)?;
    let columns = match map.get("columns") {
        Some(at) => objects(&at, problems),
        None => {
            let help = "add `columns: {in: ifHCInOctets}`";
            problems.add(map.missing("columns").help(help));
            None
        }
    };
    let label = map.get("label").map(|at| object(&at, problems));
    let only = exporter::globs(&mut map, "only", problems);
    let without = exporter::globs(&mut map, "without", problems);
    let rows_max = number(&mut map, "rows_max", 1..=1_000_000, ROWS_DEFAULT, problems);
    map.finish(problems);
    let columns = columns?;
    if columns.is_empty() {
        let problem = at.problem("a table without columns");
        problems.add(problem.help("add `columns: {in: ifHCInOctets}`"));
        return None;
    }
    Some(SnmpTable {
        name: name.to_owned(),
        columns,
        label: label.map_or(Some(None), |label| label.map(Some))?,
        only: only?,
        without: without?,
        rows_max: rows_max?,
    })
}
