use std::num::NonZeroU16;

use rem_yaml::{At, Loader, Located, MapReader, Problems, Value};

use crate::check::Check;
use crate::config::Interface;
use crate::host::Host;
use crate::template::{Becomes, Fault, Subject, Template};

mod dns;
mod exporter;
mod http;
mod local;
mod look;
mod ping;
mod plugin;
mod snmp;
mod tcp;
mod tls;
mod words;

pub(crate) use look::{Fill, Look};

/// Which check, before its parameters are read.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Cpu,
    Load,
    Memory,
    Disk,
    DiskIo,
    Network,
    Units,
    Processes,
    Log,
    Ping,
    Http,
    Tcp,
    Dns,
    Tls,
    Snmp,
    Plugin,
    Exporter,
    Passive,
}

pub(super) const KINDS: [(&str, Kind); 18] = [
    ("local.cpu", Kind::Cpu),
    ("local.load", Kind::Load),
    ("local.memory", Kind::Memory),
    ("local.disk", Kind::Disk),
    ("local.diskio", Kind::DiskIo),
    ("local.network", Kind::Network),
    ("local.units", Kind::Units),
    ("local.processes", Kind::Processes),
    ("log", Kind::Log),
    ("ping", Kind::Ping),
    ("http", Kind::Http),
    ("tcp", Kind::Tcp),
    ("dns", Kind::Dns),
    ("tls", Kind::Tls),
    ("snmp", Kind::Snmp),
    ("plugin", Kind::Plugin),
    ("exporter", Kind::Exporter),
    ("passive", Kind::Passive),
];

/// What a check's parameters may refer to.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) interfaces: &'a [Interface],
    pub(super) loader: &'a Loader,
}

impl Kind {
    /// What its readings can be grouped by.
    pub(super) const fn group(self) -> Option<&'static str> {
        match self {
            Self::Cpu => Some("core"),
            Self::Disk => Some("mount"),
            Self::DiskIo => Some("device"),
            Self::Network => Some("interface"),
            Self::Units => Some("unit"),
            Self::Log => Some("pattern"),
            Self::Snmp => Some("row"),
            Self::Exporter => Some("labels"),
            Self::Load
            | Self::Memory
            | Self::Processes
            | Self::Ping
            | Self::Http
            | Self::Tcp
            | Self::Dns
            | Self::Tls
            | Self::Plugin
            | Self::Passive => None,
        }
    }

    /// Reads the check's own parameters.
    pub(super) fn look(
        self,
        map: &mut MapReader<'_>,
        scene: Scene<'_>,
        problems: &mut Problems,
    ) -> Option<Look> {
        let check = match self {
            Self::Cpu => Check::LocalCpu,
            Self::Load => Check::LocalLoad,
            Self::Memory => Check::LocalMemory,
            Self::Disk => Check::LocalDisk {
                mounts: map.with_default("mounts", Vec::new(), problems),
            },
            Self::DiskIo => Check::LocalDiskIo,
            Self::Network => Check::LocalNetwork,
            Self::Units => local::units(map, problems)?,
            Self::Processes => local::processes(map, problems)?,
            Self::Log => local::log(map, problems)?,
            Self::Ping => return ping::read(map, scene, problems),
            Self::Http => return http::read(map, scene, problems),
            Self::Tcp => return tcp::read(map, scene, problems),
            Self::Dns => return dns::read(map, scene, problems),
            Self::Tls => return tls::read(map, scene, problems),
            Self::Snmp => return snmp::read(map, scene, problems),
            Self::Plugin => return plugin::read(map, scene, problems),
            Self::Exporter => return exporter::read(map, scene, problems),
            Self::Passive => local::passive(map, problems)?,
        };
        Some(Look::same(check))
    }
}

/// `Some(None)` where the machine's own address is meant.
type MaybeTemplate = Option<Option<Located<Template>>>;

fn address(map: &mut MapReader<'_>, scene: Scene<'_>, problems: &mut Problems) -> MaybeTemplate {
    let Some(at) = map.get("address") else {
        return Some(None);
    };
    let template = filled(&at, scene.interfaces, Becomes::Text, problems, |text| {
        let host = Host::parse(text);
        host.map(drop)
            .map_err(|why| format!("not an address: {text}: {why}"))
    })?;
    Some(Some(template))
}

/// A port, which may be an interface's.
fn port(
    map: &mut MapReader<'_>,
    default: Option<NonZeroU16>,
    scene: Scene<'_>,
    problems: &mut Problems,
) -> Option<NonZeroU16> {
    let Some(at) = map.get("port") else {
        if default.is_none() {
            let problem = map.missing("port");
            problems.add(problem.help("add `port: 22`, or `port: \"{interfaces.NAME.port}\"`"));
        }
        return default;
    };
    let Value::Str(text) = &at.node().value else {
        return at.read(problems);
    };
    if !text.contains('{') {
        return at.read(problems);
    }
    let template = template(&at, scene.interfaces, problems)?;
    let mut port = None;
    try_out(&at, &template.value, Becomes::Text, problems, |text| {
        port = text.parse().ok();
        match port {
            Some(_) => Ok(()),
            None => Err(format!("expected a port from 1 to 65535, found {text}")),
        }
    });
    port
}

/// Text with things to fill in that may be absent.
fn maybe_text(
    map: &mut MapReader<'_>,
    key: &'static str,
    scene: Scene<'_>,
    problems: &mut Problems,
) -> MaybeTemplate {
    let Some(at) = map.get(key) else {
        return Some(None);
    };
    text_to_find(&at, problems)?;
    template(&at, scene.interfaces, problems).map(Some)
}

/// One text, or a list of them.
fn texts(
    map: &mut MapReader<'_>,
    key: &'static str,
    scene: Scene<'_>,
    problems: &mut Problems,
) -> Option<Vec<Located<Template>>> {
    let Some(at) = map.get(key) else {
        return Some(Vec::new());
    };
    let items = match at.node().as_str() {
        Some(_) => vec![at],
        None => at.items(problems)?,
    };
    let texts: Vec<Option<Located<Template>>> = items
        .iter()
        .map(|item| {
            text_to_find(item, problems)?;
            template(item, scene.interfaces, problems)
        })
        .collect();
    texts.into_iter().collect()
}

/// A number in a range, or the default.
fn number(
    map: &mut MapReader<'_>,
    key: &'static str,
    within: std::ops::RangeInclusive<i64>,
    default: u32,
    problems: &mut Problems,
) -> Option<u32> {
    match map.get(key) {
        Some(at) => u32::try_from(at.whole_number(within, problems)?).ok(),
        None => Some(default),
    }
}

/// Bytes, as `64KiB` or a number.
fn bytes(map: &mut MapReader<'_>, key: &'static str, problems: &mut Problems) -> Option<u64> {
    const UNITS: [(&str, u64); 7] = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("kB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("B", 1),
    ];
    let at = map.get(key)?;
    let bytes = match &at.node().value {
        Value::Int(number) => u64::try_from(*number).ok(),
        Value::Str(text) => UNITS.iter().find_map(|(unit, size)| {
            let number: u64 = text.strip_suffix(unit)?.trim().parse().ok()?;
            number.checked_mul(*size)
        }),
        _ => None,
    };
    let bytes = bytes.filter(|bytes| (1..=1 << 40).contains(bytes));
    if bytes.is_none() {
        problems.add(at.expected("a size such as 64KiB"));
    }
    bytes
}

/// Text that is not empty, because everything contains nothing.
pub(super) fn text_to_find(at: &At<'_>, problems: &mut Problems) -> Option<String> {
    let text = at.text(problems)?;
    if text.is_empty() {
        problems.add(at.problem("expected a text to look for, found an empty one"));
        return None;
    }
    Some(text.to_owned())
}

/// Text with things to fill in.
pub(super) fn template(
    at: &At<'_>,
    interfaces: &[Interface],
    problems: &mut Problems,
) -> Option<Located<Template>> {
    match Template::parse(at.text(problems)?, interfaces) {
        Ok(template) => Some(at.located(template)),
        Err(Fault { message, help }) => {
            problems.add(at.problem(message).maybe_help(help));
            None
        }
    }
}

/// Text with things to fill in that has to make sense once they are.
fn filled(
    at: &At<'_>,
    interfaces: &[Interface],
    becomes: Becomes,
    problems: &mut Problems,
    check: impl FnOnce(&str) -> Result<(), String>,
) -> Option<Located<Template>> {
    let template = template(at, interfaces, problems)?;
    try_out(at, &template.value, becomes, problems, check).then_some(template)
}

/// Tries a template on an example, so that what is wrong with every machine is said once.
pub(super) fn try_out(
    at: &At<'_>,
    template: &Template,
    becomes: Becomes,
    problems: &mut Problems,
    check: impl FnOnce(&str) -> Result<(), String>,
) -> bool {
    let text = Subject::example(|subject| template.fill(subject, becomes));
    let Some(Ok(text)) = text else { return true };
    match check(&text) {
        Ok(()) => true,
        Err(message) => {
            problems.add(at.problem(message));
            false
        }
    }
}
