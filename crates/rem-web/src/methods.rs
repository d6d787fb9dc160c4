use std::sync::Arc;

use dropstar::{Call, Role, RpcError, Site};
use rem_monitor::{MonitorView, Running, StateOwner};
use rem_series::{Consolidation, Query};
use rem_time::{Span, Timestamp};
use serde_json::{Value, json};

use crate::asked::Asked;
use crate::card::{Card, SeenByJson};
use crate::ranges::Range;
use crate::trouble::Trouble;
use crate::view::LevelJson;
use crate::{alerts, holds, on_call, passive, replies};

/// Adds the monitor's methods to a site, for JSON-RPC and XML-RPC alike.
pub(crate) fn add(site: Site, running: &Running) -> Site {
    Methods { site, running }
        .monitors()
        .alerts()
        .holds()
        .on_call()
        .config()
        .site
}

struct Methods<'a> {
    site: Site,
    running: &'a Running,
}

impl Methods<'_> {
    /// A method that gets its parameters by name.
    fn method<F, Fut>(mut self, role: Role, name: &str, answer: F) -> Self
    where
        F: Fn(Running, Asked) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, Trouble>> + Send + 'static,
    {
        let running = self.running.clone();
        self.site = self.site.rpc_for(role, name, move |call| {
            let answering = Asked::by_call(call).map(|asked| answer(running.clone(), asked));
            async move { answering.map_err(Trouble::rpc)?.await.map_err(Trouble::rpc) }
        });
        self
    }

    /// A method that reads its parameters itself.
    fn call<F, Fut>(mut self, role: Role, name: &str, answer: F) -> Self
    where
        F: Fn(Running, Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, RpcError>> + Send + 'static,
    {
        let running = self.running.clone();
        self.site = self
            .site
            .rpc_for(role, name, move |call| answer(running.clone(), call));
        self
    }

    fn monitors(self) -> Self {
        self.call(Role::Viewer, "monitor.list", async |running, _| {
            let overview = running.engine.overview();
            Ok(overview.monitors.iter().map(summary).collect())
        })
        .call(Role::Viewer, "monitor.get", async |running, call| {
            let view = monitor(&running, call.text(0, "id")?).map_err(Trouble::rpc)?;
            let card = Card::new(&view, Range::default(), running.engine.clock().now());
            Ok(serde_json::to_value(card)?)
        })
        .call(
            Role::Operator,
            "monitor.check_now",
            async |running, call| {
                let view = monitor(&running, call.text(0, "id")?).map_err(Trouble::rpc)?;
                Ok(json!(running.engine.look_now(&view.id).await))
            },
        )
        .method(Role::Viewer, "monitor.levels", levels)
        .method(Role::Operator, "monitor.push", passive::method)
        .method(Role::Viewer, "state.list", states)
        .method(Role::Viewer, "job.list", jobs)
        .call(Role::Viewer, "series.list", async |running, _| {
            Ok(json!(running.engine.store().names()?))
        })
        .call(Role::Viewer, "series.fetch", fetch)
    }

    fn alerts(self) -> Self {
        self.method(Role::Viewer, "alert.list", alerts::list)
            .method(Role::Viewer, "alert.get", alerts::get)
            .method(Role::Viewer, "alert.explain", alerts::explain)
            .method(Role::Operator, "alert.snooze", alerts::snooze)
            .method(Role::Operator, "alert.ack", alerts::complete)
            .method(Role::Operator, "alert.comment", alerts::comment)
            .method(Role::Operator, "alert.reply", replies::take)
            .method(Role::Operator, "alert.take", alerts::take)
            .method(Role::Operator, "alert.reassign", alerts::reassign)
            .method(Role::Operator, "alert.escalate", alerts::escalate)
    }

    fn holds(self) -> Self {
        self.method(Role::Viewer, "hold.list", holds::list)
            .method(Role::Operator, "hold.add", holds::add)
            .method(Role::Operator, "hold.end", holds::end)
    }

    /// Whose shifts somebody may change is for the desk to say, role by role.
    fn on_call(self) -> Self {
        self.method(Role::Viewer, "oncall.now", on_call::now)
            .method(Role::Viewer, "oncall.at", on_call::at)
            .method(Role::Viewer, "oncall.shifts", on_call::shifts)
            .method(Role::Viewer, "oncall.edits", on_call::edits)
            .method(Role::Operator, "oncall.override", on_call::replace)
            .method(Role::Operator, "oncall.take", on_call::take)
            .method(Role::Operator, "oncall.vacation", on_call::vacation)
            .method(Role::Operator, "oncall.withdraw", on_call::withdraw)
            .method(Role::Viewer, "swap.list", on_call::swaps)
            .method(Role::Operator, "swap.offer", on_call::offer)
            .method(Role::Operator, "swap.accept", on_call::accept)
            .method(Role::Operator, "swap.decline", on_call::decline)
    }

    fn config(self) -> Self {
        self.method(Role::Admin, "contact.test", async |running, _| {
            running.desk.test_contacts().await?;
            Ok(json!(true))
        })
        .method(
            Role::Admin,
            "config.reload",
            async |running, _| match running.reload.ask().await {
                Ok(summary) => Ok(json!({ "summary": summary })),
                Err(why) => Err(Trouble::Refused(why)),
            },
        )
        .method(Role::Viewer, "config.status", async |running, _| {
            Ok(status(&running))
        })
    }
}

/// The monitor of that id.
pub(crate) fn monitor(running: &Running, id: &str) -> Result<MonitorView, Trouble> {
    running.engine.monitor_named(id).ok_or_else(|| {
        let overview = running.engine.overview();
        let known = overview.monitors.iter().map(|monitor| monitor.id.as_str());
        Trouble::unknown("monitor", id, known)
    })
}

fn summary(monitor: &MonitorView) -> Value {
    json!({
        "id": monitor.id.as_str(),
        "title": monitor.title,
        "machine": monitor.machine,
        "kind": monitor.kind,
        "state": monitor.state.word(),
        "since": monitor.since.map(Timestamp::as_secs_f64),
        "message": monitor.last.as_ref().map(|last| last.message.as_str()),
        "seen_by": SeenByJson::from(&monitor.by),
    })
}

async fn levels(running: Running, asked: Asked) -> Result<Value, Trouble> {
    let view = monitor(&running, &asked.wanted("id")?)?;
    let levels = running.engine.levels(view.id.as_str()).into_iter();
    Ok(levels.map(|level| json!(LevelJson::from(level))).collect())
}

/// `[{owner, name, value}]`
async fn states(running: Running, _: Asked) -> Result<Value, Trouble> {
    let states = running.engine.states().into_iter();
    let state = |(owner, name, value): (StateOwner, Arc<str>, _)| json!({ "owner": owner.to_string(), "name": name, "value": state_value(&value) });
    Ok(states.map(state).collect())
}

fn state_value(value: &rem_alert::level::StateValue) -> Value {
    use rem_alert::level::StateValue;
    match value {
        StateValue::Number(number) => json!(number),
        StateValue::Text(text) => json!(text),
    }
}

async fn jobs(running: Running, _: Asked) -> Result<Value, Trouble> {
    let runs = running.engine.job_runs().into_iter();
    Ok(runs
        .map(|run| {
            json!({
                "job": run.job,
                "subject": run.subject,
                "at": run.at.to_string(),
                "took": run.took.to_string(),
                "error": run.error,
            })
        })
        .collect())
}

/// What became of the last reload: `{at, ok, summary, error}`, or null before the first.
pub(crate) fn status(running: &Running) -> Value {
    match running.reload.last() {
        None => Value::Null,
        Some(last) => json!({
            "at": last.at.to_string(),
            "ok": last.result.is_ok(),
            "summary": last.result.as_ref().ok(),
            "error": last.result.as_ref().err(),
        }),
    }
}

/// `name`, and optionally `start` and `end` (seconds since 1970; the last hour
/// unless told), `points` (at most 10,000; 400 unless told) and `consolidation`
/// (`AVERAGE`, `MIN`, `MAX`, `LAST`).
async fn fetch(running: Running, call: Call) -> Result<Value, RpcError> {
    let engine = running.engine;
    let name = call.text(0, "name")?.to_owned();
    let seconds = |place, key| call.param(place, key).and_then(Value::as_f64);
    let end = seconds(2, "end").map_or_else(|| engine.clock().now(), Timestamp::from_secs_f64);
    let start = seconds(1, "start").map(Timestamp::from_secs_f64);
    let start = start.unwrap_or(end - Span::from_seconds(3_600));
    let points = seconds(3, "points").unwrap_or(400.0).clamp(1.0, 10_000.0) as usize;
    let mut query = Query::new(start, end).points(points);
    if let Some(word) = call.param(4, "consolidation").and_then(Value::as_str) {
        let by: Consolidation = word.parse().map_err(|_| {
            RpcError::invalid_params(format!(
                "consolidation is AVERAGE, MIN, MAX or LAST, not {word}"
            ))
        })?;
        query = query.by(by);
    }
    let store = Arc::clone(engine.store());
    let rows = tokio::task::spawn_blocking(move || store.fetch(&name, &query)).await??;
    let columns = rows.fields.iter().map(|field| {
        let column = rows.field(field).into_iter().map(|(_, value)| json!(value));
        (field.clone(), column.collect())
    });
    Ok(json!({
        "start": rows.start.as_seconds(),
        "step": rows.step.as_secs_f64(),
        "fields": columns.collect::<serde_json::Map<String, Value>>(),
    }))
}
