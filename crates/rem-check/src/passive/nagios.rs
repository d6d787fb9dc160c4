//! Nagios' external commands.

use rem_time::{Span, Timestamp};
use serde_json::Value;

use super::{Passive, PassiveError, Pushed, exit_status, malformed};
use crate::{PluginOutput, Verdict};

pub(super) fn parse(limits: &Passive, line: &str, now: Timestamp) -> Result<Pushed, PassiveError> {
    let line = line.trim_end_matches(['\n', '\r']);
    let no_time = PassiveError::Nagios("it does not start with [seconds since 1970]");
    let (time, command) = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .ok_or(no_time.clone())?;
    let seconds: i64 = time.trim().parse().map_err(|_| no_time)?;
    let (command, rest) = command
        .trim_start()
        .split_once(';')
        .ok_or(PassiveError::Nagios("there is no ; behind the command"))?;
    let (host, service, rest) = match command {
        "PROCESS_SERVICE_CHECK_RESULT" => {
            let (host, rest) = part(rest, "the host")?;
            let (service, rest) = part(rest, "the service")?;
            (host, Some(service), rest)
        }
        "PROCESS_HOST_CHECK_RESULT" => {
            let (host, rest) = part(rest, "the host")?;
            (host, None, rest)
        }
        _ => return Err(PassiveError::Nagios("it is another command")),
    };
    // The output may be empty, and with it its semicolon may be missing.
    let (status, output) = rest.split_once(';').unwrap_or((rest, ""));
    let wanted = "0, 1, 2 or 3";
    let found = || Value::String(status.to_owned());
    let code: Option<i64> = status.trim().parse().ok();
    let verdict = code
        .and_then(|code| match service {
            Some(_) => exit_status(code),
            None => host_status(code),
        })
        .ok_or_else(|| malformed("status", wanted, &found()))?;
    let output = PluginOutput::parse(&unescaped(output));
    // Far from any time; the limits then say so.
    let at = Timestamp::from_seconds(seconds.clamp(-9_000_000_000, 9_000_000_000));
    Ok(Pushed {
        host: Some(host.to_owned()),
        service: service.map(str::to_owned),
        report: limits.report((at, Span::ZERO), verdict, &output, now)?,
        ttl: None,
        source: None,
    })
}

/// Of hosts 1 is down, and 2 unreachable.
fn host_status(code: i64) -> Option<Verdict> {
    Some(match code {
        0 => Verdict::Ok,
        1 | 2 => Verdict::Critical,
        3 => Verdict::Unknown,
        _ => return None,
    })
}

fn part<'a>(rest: &'a str, what: &'static str) -> Result<(&'a str, &'a str), PassiveError> {
    match rest.split_once(';') {
        Some(("", _)) | None => Err(PassiveError::Missing(what)),
        Some(found) => Ok(found),
    }
}

/// `\n` is the end of a line, `\\` a backslash.
fn unescaped(output: &str) -> String {
    let mut text = String::with_capacity(output.len());
    let mut letters = output.chars();
    while let Some(c) = letters.next() {
        match (c, letters.clone().next()) {
            ('\\', Some('n')) => {
                letters.next();
                text.push('\n');
            }
            ('\\', Some('\\')) => {
                letters.next();
                text.push('\\');
            }
            (c, _) => text.push(c),
        }
    }
    text
}
