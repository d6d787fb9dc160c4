use std::num::NonZeroU16;

use rem_time::Span;
use rem_yaml::{At, Located, MapReader, Problems, Value};

use crate::check::Check;
use crate::config::Interface;
use crate::host::Host;
use crate::status::StatusCodes;
use crate::template::{Becomes, Fault, Template};

use super::http::{self, try_out};

/// What a monitor looks at, before it is filled in for a machine.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Look {
    /// The same for every machine.
    Same(Check),
    Ping {
        address: Option<Located<Template>>,
        count: NonZeroU16,
        interval: Span,
    },
    Http {
        url: Located<Template>,
        method: String,
        headers: Vec<(String, Located<Template>)>,
        status: StatusCodes,
        contains: Option<String>,
        follow_redirects: bool,
    },
    Tcp {
        address: Option<Located<Template>>,
        port: NonZeroU16,
        send: Option<Located<Template>>,
        expect: Option<Located<Template>>,
    },
}

/// Which check, before its parameters are read.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Cpu,
    Load,
    Memory,
    Disk,
    DiskIo,
    Network,
    Ping,
    Http,
    Tcp,
}

pub(super) const KINDS: [(&str, Kind); 9] = [
    ("local.cpu", Kind::Cpu),
    ("local.load", Kind::Load),
    ("local.memory", Kind::Memory),
    ("local.disk", Kind::Disk),
    ("local.diskio", Kind::DiskIo),
    ("local.network", Kind::Network),
    ("ping", Kind::Ping),
    ("http", Kind::Http),
    ("tcp", Kind::Tcp),
];

const PING_COUNT_DEFAULT: NonZeroU16 = NonZeroU16::new(3).unwrap();
const PING_COUNT_MAX: u16 = 1_000;
const PING_INTERVAL_DEFAULT: Span = Span::from_millis(200);
const PING_INTERVAL_MIN: Span = Span::from_millis(10);

impl Kind {
    /// What its readings can be grouped by.
    pub(super) const fn group(self) -> Option<&'static str> {
        match self {
            Self::Cpu => Some("core"),
            Self::Disk => Some("mount"),
            Self::DiskIo => Some("device"),
            Self::Network => Some("interface"),
            Self::Load | Self::Memory | Self::Ping | Self::Http | Self::Tcp => None,
        }
    }

    /// Reads the check's own parameters.
    pub(super) fn look(
        self,
        map: &mut MapReader<'_>,
        interfaces: &[Interface],
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
            Self::Ping => return ping(map, interfaces, problems),
            Self::Http => return http::read(map, interfaces, problems),
            Self::Tcp => return tcp(map, interfaces, problems),
        };
        Some(Look::Same(check))
    }
}

fn ping(
    map: &mut MapReader<'_>,
    interfaces: &[Interface],
    problems: &mut Problems,
) -> Option<Look> {
    let address = address(map, interfaces, problems);
    let count = match map.get("count") {
        Some(at) => {
            let count = at.whole_number(1..=i64::from(PING_COUNT_MAX), problems);
            count.and_then(|count| NonZeroU16::new(u16::try_from(count).ok()?))
        }
        None => Some(PING_COUNT_DEFAULT),
    };
    let interval: Option<Located<Span>> = map.optional("interval", problems);
    if let Some(interval) = &interval
        && interval.value < PING_INTERVAL_MIN
    {
        let message = format!("interval {} is below {PING_INTERVAL_MIN}", interval.value);
        problems.add(
            interval
                .problem(message)
                .help(format!("write {PING_INTERVAL_MIN} or more")),
        );
    }
    Some(Look::Ping {
        address: address?,
        count: count?,
        interval: interval.map_or(PING_INTERVAL_DEFAULT, |interval| interval.value),
    })
}

fn tcp(map: &mut MapReader<'_>, interfaces: &[Interface], problems: &mut Problems) -> Option<Look> {
    let address = address(map, interfaces, problems);
    let port = match map.get("port") {
        Some(at) => port(&at, interfaces, problems),
        None => {
            let problem = map.missing("port");
            problems.add(problem.help("add `port: 22`, or `port: \"{interfaces.NAME.port}\"`"));
            None
        }
    };
    let mut text = |key: &'static str, problems: &mut Problems| {
        let at = map.get(key)?;
        http::text_to_find(&at, problems)?;
        template(&at, interfaces, problems)
    };
    let send = text("send", problems);
    let expect = text("expect", problems);
    Some(Look::Tcp {
        address: address?,
        port: port?,
        send,
        expect,
    })
}

/// `Some(None)` where the machine's own address is meant.
fn address(
    map: &mut MapReader<'_>,
    interfaces: &[Interface],
    problems: &mut Problems,
) -> Option<Option<Located<Template>>> {
    let Some(at) = map.get("address") else {
        return Some(None);
    };
    let template = filled(&at, interfaces, Becomes::Text, problems, |text| {
        let host = Host::parse(text);
        host.map(drop)
            .map_err(|why| format!("not an address: {text}: {why}"))
    })?;
    Some(Some(template))
}

fn port(at: &At<'_>, interfaces: &[Interface], problems: &mut Problems) -> Option<NonZeroU16> {
    let Value::Str(text) = &at.node().value else {
        return at.read(problems);
    };
    if !text.contains('{') {
        return at.read(problems);
    }
    let template = template(at, interfaces, problems)?;
    let mut port = None;
    try_out(at, &template.value, Becomes::Text, problems, |text| {
        port = text.parse().ok();
        match port {
            Some(_) => Ok(()),
            None => Err(format!("expected a port from 1 to 65535, found {text}")),
        }
    });
    port
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
pub(super) fn filled(
    at: &At<'_>,
    interfaces: &[Interface],
    becomes: Becomes,
    problems: &mut Problems,
    check: impl FnOnce(&str) -> Result<(), String>,
) -> Option<Located<Template>> {
    let template = template(at, interfaces, problems)?;
    try_out(at, &template.value, becomes, problems, check).then_some(template)
}
