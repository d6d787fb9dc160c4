use rem_time::Span;
use rem_yaml::{At, Loader, Located, MapReader, Place, Problems};

use crate::check::{Check, PingCheck};
use crate::config::{Interface, Written};
use crate::monitor::{EVERY_DEFAULT, EVERY_MIN, RETRIES_DEFAULT, Retry, TIMEOUT_DEFAULT};
use crate::name::MonitorName;
use crate::scope::{Scope, Scopes};
use crate::series::Series;
use crate::template::Template;

use super::check::{KINDS, Look, Scene, template};
use super::level::{self, LevelDrafts};
use super::{run, scope, series, written};

/// A package's monitor, before it is filled in for a machine.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) name: MonitorName,
    pub(crate) title: Option<Located<Template>>,
    pub(crate) look: Look,
    pub(crate) every: Span,
    pub(crate) timeout: Span,
    pub(crate) retry: Option<Retry>,
    pub(crate) scopes: Scopes,
    pub(crate) levels: LevelDrafts,
    pub(crate) per: Option<String>,
    pub(crate) series: Vec<Series>,
    pub(crate) at: Located<()>,
    pub(crate) written: Written,
}

pub(super) fn read(
    name: &Located<MonitorName>,
    at: &At<'_>,
    interfaces: &[Interface],
    loader: &Loader,
    problems: &mut Problems,
) -> Option<Definition> {
    let mut map = at.map(problems)?;
    let title = map
        .get("title")
        .and_then(|at| template(&at, interfaces, problems));
    let every = every(&mut map, problems);
    let timeout = timeout(&mut map, every, problems);
    let retry = retry(&mut map, every, problems);
    let scopes = scope::scopes(map.get("scope"), problems).unwrap_or_default();
    let series = series::read(map.get("series"), every, problems);
    let levels = level::read(map.get("levels"), interfaces, problems);
    let mut chosen = |key| map.has(key).then(|| map.get(key)).flatten();
    let (check, run) = (chosen("check"), chosen("run"));
    let mut per = None;
    let look = match (check, run) {
        (Some(check), None) => {
            let Some(kind) = check.one_of(&KINDS, problems) else {
                // Whose parameters these are is not known: they are not to blame.
                return None;
            };
            if let Some(group) = kind.group() {
                per = map
                    .get("per")
                    .and_then(|at| at.one_of(&[(group, group.to_owned())], problems));
            }
            kind.look(&mut map, Scene { interfaces, loader }, problems)
        }
        (None, Some(run)) => {
            per = map.optional("per", problems);
            run::read(&run, loader, problems).map(|run| Look::same(Check::Run(run)))
        }
        (Some(_), Some(_)) => {
            problems.add(
                at.problem("both check and run")
                    .help("a monitor has one of them; make two monitors"),
            );
            return None;
        }
        (None, None) => {
            let kinds: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
            problems.add(at.problem("neither check nor run").help(format!(
                "add `check:` with {}, or `run: [{{script: scripts/name.py}}]`",
                kinds.join(", ")
            )));
            return None;
        }
    };
    map.finish(problems);
    let look = look?;
    ping_fits(&look, timeout, at, problems);
    local_stays_local(&look, &scopes, problems);
    Some(Definition {
        name: name.value.clone(),
        title,
        look,
        every,
        timeout,
        retry,
        scopes,
        levels,
        per,
        series,
        at: name.clone().map(|_| ()),
        written: written(at),
    })
}

fn every(map: &mut MapReader<'_>, problems: &mut Problems) -> Span {
    let Some(every) = map.optional::<Located<Span>>("every", problems) else {
        return EVERY_DEFAULT;
    };
    if every.value < EVERY_MIN {
        let message = format!("every {} is below {EVERY_MIN}", every.value);
        problems.add(
            every
                .problem(message)
                .help(format!("write {EVERY_MIN} or more")),
        );
        return EVERY_MIN;
    }
    every.value
}

fn timeout(map: &mut MapReader<'_>, every: Span, problems: &mut Problems) -> Span {
    let Some(timeout) = map.optional::<Located<Span>>("timeout", problems) else {
        return TIMEOUT_DEFAULT.min(Span::from_nanos(every.as_nanos() / 5 * 4));
    };
    if timeout.value.is_zero() {
        problems.add(timeout.problem("no time at all").help("write 1s or more"));
        return TIMEOUT_DEFAULT;
    }
    if timeout.value > every {
        let message = format!("timeout {} is longer than every {every}", timeout.value);
        problems.add(
            timeout
                .problem(message)
                .help(format!("write {every} or less, or look less often")),
        );
    }
    timeout.value
}

/// How soon it looks again after a look that was not ok.
fn retry(map: &mut MapReader<'_>, every: Span, problems: &mut Problems) -> Option<Retry> {
    const RETRIES_MAX: i64 = 1_000;
    let after: Option<Located<Span>> = map.optional("retry", problems);
    let times = match map.get("retries") {
        Some(at) => {
            if after.is_none() {
                let problem = at.problem("retries without retry");
                problems.add(problem.help("add `retry: 3s`"));
            }
            at.whole_number(1..=RETRIES_MAX, problems)
                .and_then(|times| u32::try_from(times).ok())
        }
        None => Some(RETRIES_DEFAULT),
    };
    let after = after?;
    if after.value < EVERY_MIN {
        let message = format!("retry {} is below {EVERY_MIN}", after.value);
        let help = format!("write {EVERY_MIN} or more");
        problems.add(after.problem(message).help(help));
    } else if after.value > every {
        let message = format!("retry {} is longer than every {every}", after.value);
        let help = format!("write {every} or less: it is for looking again sooner");
        problems.add(after.problem(message).help(help));
    }
    Some(Retry {
        after: after.value,
        times: times?,
    })
}

/// What a machine finds out about itself cannot be seen from elsewhere.
fn local_stays_local(look: &Look, scopes: &Scopes, problems: &mut Problems) {
    let check = &look.example;
    if !check.is_local() {
        return;
    }
    for scope in scopes.iter().filter(|scope| scope.value != Scope::Local) {
        let kind = check.kind();
        let message = format!("{kind} cannot look from {}", scope.value);
        let help = "write `scope: local`, or remove it";
        problems.add(scope.problem(message).help(help));
    }
}

fn ping_fits(look: &Look, timeout: Span, at: &At<'_>, problems: &mut Problems) {
    let Check::Ping(PingCheck {
        count, interval, ..
    }) = &look.example
    else {
        return;
    };
    let sending = u64::from(count.get() - 1).saturating_mul(interval.as_nanos());
    let sending = Span::from_nanos(sending);
    if sending >= timeout {
        let message =
            format!("{count} requests {interval} apart take {sending}, the timeout is {timeout}");
        problems.add(
            at.problem(message)
                .help("send fewer, or raise timeout and every"),
        );
    }
}

impl Definition {
    /// Where the value of a key is written; `None` where it is the default.
    pub(crate) fn written_at(&self, key: &str) -> Option<&Place> {
        let found = self.written.iter().find(|(name, _)| name == key);
        found.map(|(_, place)| place)
    }
}
