use std::num::NonZeroU16;

use rem_yaml::{At, MapReader, Problems};

use crate::check::{Check, StartTls, TlsCheck, TlsSide, Trust};
use crate::host::Host;

use super::super::existing_file;
use super::{Look, Scene, address, maybe_text, number, port, texts};

const PORT_DEFAULT: NonZeroU16 = NonZeroU16::new(443).unwrap();
const DAYS_MAX: i64 = 36_500;
pub(super) const STARTTLS: [(&str, StartTls); 8] = [
    ("smtp", StartTls::Smtp),
    ("imap", StartTls::Imap),
    ("pop3", StartTls::Pop3),
    ("ftp", StartTls::Ftp),
    ("xmpp", StartTls::Xmpp),
    ("ldap", StartTls::Ldap),
    ("postgres", StartTls::Postgres),
    ("mysql", StartTls::Mysql),
];

pub(super) fn read(
    map: &mut MapReader<'_>,
    scene: Scene<'_>,
    problems: &mut Problems,
) -> Option<Look> {
    let address = address(map, scene, problems);
    let port = port(map, Some(PORT_DEFAULT), scene, problems);
    let starttls = starttls(map, problems);
    let server_name = maybe_text(map, "server_name", scene, problems);
    let names = texts(map, "names", scene, problems);
    let trust = trust(map, scene, problems);
    let warn_days = number(map, "warn_days", 0..=DAYS_MAX, 21, problems);
    let crit_days = number(map, "crit_days", 0..=DAYS_MAX, 7, problems);
    if let (Some(warn), Some(crit)) = (warn_days, crit_days)
        && crit > warn
        && let Some(at) = map.get("crit_days").or_else(|| map.get("warn_days"))
    {
        let message = format!("critical {crit} days before the end, a warning only {warn}");
        problems.add(at.problem(message).help("let the warning come first"));
    }
    let (address, server_name, names) = (address?, server_name?, names?);
    let example = TlsCheck {
        address: Host::example(),
        port: port?,
        starttls: starttls?,
        server_name: None,
        names: Vec::new(),
        trust: trust?,
        warn_days: warn_days?,
        crit_days: crit_days?,
    };
    let made = example.clone();
    Some(Look::filled(Check::Tls(example), move |fill| {
        Ok(Check::Tls(TlsCheck {
            address: fill.address(address.as_ref())?,
            server_name: fill.maybe(server_name.as_ref())?,
            names: fill.texts(&names)?,
            ..made.clone()
        }))
    }))
}

pub(super) fn starttls(
    map: &mut MapReader<'_>,
    problems: &mut Problems,
) -> Option<Option<StartTls>> {
    match map.get("starttls") {
        Some(at) => at.one_of(&STARTTLS, problems).map(Some),
        None => Some(None),
    }
}

/// `ca: file`, `ca: {only: file}` and `verify: false`.
pub(super) fn trust(
    map: &mut MapReader<'_>,
    scene: Scene<'_>,
    problems: &mut Problems,
) -> Option<Trust> {
    let ca = map.get("ca");
    let verify = map.get("verify");
    let anybody = match &verify {
        Some(at) => !at.read::<bool>(problems)?,
        None => false,
    };
    if anybody {
        if let Some(ca) = ca {
            let problem = ca.problem("authorities, and nothing is verified");
            problems.add(problem.help("remove ca, or verify: false"));
            return None;
        }
        return Some(Trust::Anybody);
    }
    let Some(ca) = ca else {
        return Some(Trust::Public);
    };
    let file = |at: &At<'_>, problems: &mut Problems| {
        existing_file(at, "certificates", scene.loader, problems)
    };
    if ca.node().as_map().is_none() {
        return file(&ca, problems).map(Trust::PublicAnd);
    }
    let mut only = ca.map(problems)?;
    let path = match only.get("only") {
        Some(at) => file(&at, problems),
        None => {
            problems.add(only.missing("only").help("write {only: file}"));
            None
        }
    };
    only.finish(problems);
    path.map(Trust::Only)
}

/// What connections have that may be encrypted, but the name that is asked for.
pub(super) fn side(
    map: &mut MapReader<'_>,
    scene: Scene<'_>,
    problems: &mut Problems,
) -> Option<TlsSide> {
    let trust = trust(map, scene, problems);
    let days = number(map, "certificate_warn_days", 0..=DAYS_MAX, 0, problems);
    Some(TlsSide {
        trust: trust?,
        server_name: None,
        certificate_warn_days: days?,
    })
}
