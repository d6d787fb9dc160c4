//! Results that others found, for passive monitors: by method, by form, by POST.

use std::collections::HashMap;

use dropstar::{Caller, Failure, Request, Response, StatusCode, Via};
use rem_check::{Passive, PassiveError, Pushed};
use rem_monitor::{MonitorId, Running};
use rem_time::{Span, Timestamp};
use serde_json::{Map, Value, json};

use crate::asked::{Asked, missing};
use crate::format::{percent_decoded, percent_encoded};
use crate::frame::back;
use crate::trouble::Trouble;

/// Bytes of one POST.
pub(crate) const BODY_MAX: usize = 1 << 20;
/// Lines of one POST.
const LINES_MAX: usize = 1_000;
/// Mistakes that an answer lists.
const MISTAKES_MAX: usize = 20;

/// `id`, and a result in our words (`verdict`, `message`, `readings`, `at`, `ttl` …) or in
/// Icinga's (`exit_status`, `plugin_output`, `performance_data`, `ttl` …).
pub(crate) async fn method(running: Running, asked: Asked) -> Result<Value, Trouble> {
    let id = asked.wanted("id")?;
    let mut object = asked.params().clone();
    object.remove("id");
    object.remove("by");
    let pushed = read(&object, running.engine.clock().now())?;
    take(&running, &id, pushed, asked.caller()).await?;
    Ok(json!({ "accepted": 1 }))
}

/// The form on the page of a passive monitor.
pub(crate) async fn form(running: Running, request: Request) -> Result<Response, Failure> {
    let asked = Asked::by_request(&request);
    let pushed = async {
        let id = asked.wanted("id")?;
        let mut object = Map::new();
        object.insert("verdict".into(), asked.wanted("verdict")?.into());
        let said = asked.text("message")?.unwrap_or_default();
        object.insert("message".into(), said.into());
        if let Some(ttl) = asked.text("ttl")? {
            object.insert("ttl".into(), ttl.into());
        }
        let pushed = read(&object, running.engine.clock().now())?;
        take(&running, &id, pushed, asked.caller()).await?;
        Ok(id)
    };
    let id = pushed.await.map_err(Trouble::page)?;
    let own = format!("/system_monitor/one?id={}", percent_encoded(&id));
    Ok(back(&request, &own, "push"))
}

/// `POST /passive?id=…` with the same JSON, or with lines for Nagios' command file, which
/// have no word for how long they are good: `?ttl=30m` says it for all.
pub(crate) async fn post(running: Running, request: Request) -> Response {
    let kind = request.header("content-type").unwrap_or("");
    let mut mistakes: Vec<Value> = Vec::new();
    let mut status = StatusCode::BAD_REQUEST;
    let mut accepted = 0;
    let is_json = kind.split(';').next().unwrap_or("").trim() == "application/json";
    if is_json {
        match whole(&running, &request).await {
            Ok(()) => accepted = 1,
            Err(trouble) => {
                status = trouble.status();
                mistakes.push(json!({ "error": trouble.to_string() }));
            }
        }
    } else {
        let text = String::from_utf8_lossy(request.body());
        let mut index = Index::default();
        let ttl = ttl(&request);
        let lines = text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty());
        for (place, line) in lines.take(LINES_MAX) {
            match one_line(&running, &request, line, &ttl, &mut index).await {
                Ok(()) => accepted += 1,
                Err(trouble) => {
                    status = trouble.status();
                    mistakes.push(json!({ "line": place + 1, "error": trouble.to_string() }));
                }
            }
        }
        if text.lines().count() > LINES_MAX {
            status = StatusCode::PAYLOAD_TOO_LARGE;
            let error = format!("only the first {LINES_MAX} lines are taken");
            mistakes.push(json!({ "line": LINES_MAX + 1, "error": error }));
        }
        if accepted == 0 && mistakes.is_empty() {
            mistakes.push(json!({ "error": "there is no line in it" }));
        }
    }
    let number = mistakes.len();
    mistakes.truncate(MISTAKES_MAX);
    let answer = Response::json(&json!({
        "accepted": accepted,
        "refused": number,
        "mistakes": mistakes,
    }));
    match number {
        0 => answer,
        _ => answer.with_status(status),
    }
}

async fn whole(running: &Running, request: &Request) -> Result<(), Trouble> {
    let object = serde_json::from_slice::<Map<String, Value>>(request.body());
    let mut object =
        object.map_err(|error| Trouble::Invalid(format!("not a JSON object: {error}")))?;
    let of_body = object.remove("id");
    let of_query = request.arg("id").map(str::to_owned);
    let id = of_body
        .as_ref()
        .and_then(Value::as_str)
        .map(str::to_owned)
        .or(of_query);
    let pushed = read(&object, running.engine.clock().now())?;
    let id = match (id, &pushed.host, &pushed.service) {
        (Some(id), ..) => id,
        (None, Some(host), Some(service)) => Index::default().find(running, host, service)?,
        (None, ..) => return Err(missing("id, or host and service,")),
    };
    take(running, &id, pushed, request.caller()).await
}

fn ttl(request: &Request) -> Result<Option<Span>, Trouble> {
    let ttl = Asked::by_request(request).span("ttl")?;
    ttl.map(|ttl| Passive::default().ttl(ttl))
        .transpose()
        .map_err(|error| invalid(&error))
}

async fn one_line(
    running: &Running,
    request: &Request,
    line: &str,
    ttl: &Result<Option<Span>, Trouble>,
    index: &mut Index,
) -> Result<(), Trouble> {
    let now = running.engine.clock().now();
    let mut pushed = Passive::default()
        .nagios(line, now)
        .map_err(|error| invalid(&error))?;
    let host = pushed.host.as_deref().ok_or_else(|| missing("the host"))?;
    let service = pushed.service.as_deref();
    let service = service.ok_or_else(|| {
        Trouble::Invalid("results of hosts are not taken: push that of a monitor".into())
    })?;
    let id = index.find(running, host, service)?;
    pushed.ttl = ttl.clone()?;
    take(running, &id, pushed, request.caller()).await
}

fn read(object: &Map<String, Value>, now: Timestamp) -> Result<Pushed, Trouble> {
    let reader = Passive::default();
    let text = serde_json::to_vec(object).unwrap_or_default();
    let pushed = match object.contains_key("exit_status") {
        true => reader.icinga(&text, now),
        false => reader.json(&text, now),
    };
    pushed.map_err(|error| invalid(&error))
}

fn invalid(error: &PassiveError) -> Trouble {
    Trouble::Invalid(error.to_string())
}

/// Takes a result in. Who does not say who looked is called as they signed in.
async fn take(
    running: &Running,
    id: &str,
    mut pushed: Pushed,
    caller: &Caller,
) -> Result<(), Trouble> {
    crate::methods::monitor(running, id)?;
    if pushed.source.is_none() && caller.via() != Via::Nothing {
        pushed.source = Some(caller.name().to_owned());
    }
    Ok(running.engine.push(id, pushed).await?)
}

/// Monitors by machine and name, made when it is first needed.
#[derive(Debug, Default)]
struct Index(Option<HashMap<(String, String), Vec<MonitorId>>>);

impl Index {
    /// The monitor that Nagios knows as a service of a host: its name, or its package
    /// and its name.
    fn find(&mut self, running: &Running, host: &str, service: &str) -> Result<String, Trouble> {
        let index = self.0.get_or_insert_with(|| {
            let mut index: HashMap<(String, String), Vec<MonitorId>> = HashMap::new();
            for id in running.engine.ids() {
                let mut names = id.as_str().splitn(3, '/').map(percent_decoded);
                let (Some(machine), Some(package), Some(monitor)) =
                    (names.next(), names.next(), names.next())
                else {
                    continue;
                };
                let long = format!("{package}/{monitor}");
                index
                    .entry((machine.clone(), monitor))
                    .or_default()
                    .push(id.clone());
                index.entry((machine, long)).or_default().push(id);
            }
            index
        });
        match index
            .get(&(host.to_owned(), service.to_owned()))
            .map(Vec::as_slice)
        {
            Some([id]) => Ok(id.to_string()),
            Some([id, other, ..]) => Err(Trouble::Refused(format!(
                "{service} on {host} may be {id} or {other}: name the package too"
            ))),
            _ => Err(Trouble::NotFound(format!(
                "there is no monitor {service} on a machine {host}"
            ))),
        }
    }
}
