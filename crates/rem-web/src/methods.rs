use std::sync::Arc;

use dropstar::{Call, Role, RpcError, Site};
use rem_monitor::{Engine, MonitorView};
use rem_series::{Consolidation, Query};
use rem_time::{Span, Timestamp};
use serde_json::{Value, json};

use crate::card::Card;
use crate::ranges::Range;

/// The named thing does not exist.
const NOT_FOUND: i32 = 404;

/// Adds the monitor's methods to a site, for JSON-RPC and XML-RPC alike.
pub(crate) fn add(site: Site, engine: &Engine) -> Site {
    let site = method(
        site,
        engine,
        Role::Viewer,
        "monitor.list",
        async |engine, _| {
            let overview = engine.overview();
            Ok(overview.monitors.iter().map(summary).collect())
        },
    );
    let site = method(
        site,
        engine,
        Role::Viewer,
        "monitor.get",
        async |engine, call| {
            let view = monitor(&engine, &call)?;
            let card = Card::new(&view, Range::default(), engine.clock().now());
            Ok(serde_json::to_value(card)?)
        },
    );
    let site = method(
        site,
        engine,
        Role::Operator,
        "monitor.check_now",
        async |engine, call| {
            let view = monitor(&engine, &call)?;
            Ok(json!(engine.look_now(&view.id).await))
        },
    );
    let site = method(
        site,
        engine,
        Role::Viewer,
        "series.list",
        async |engine, _| Ok(json!(engine.store().names()?)),
    );
    method(site, engine, Role::Viewer, "series.fetch", fetch)
}

fn method<F, Fut>(site: Site, engine: &Engine, role: Role, name: &str, answer: F) -> Site
where
    F: Fn(Engine, Call) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Value, RpcError>> + Send + 'static,
{
    let engine = engine.clone();
    site.rpc_for(role, name, move |call| answer(engine.clone(), call))
}

fn monitor(engine: &Engine, call: &Call) -> Result<MonitorView, RpcError> {
    let id = call.text(0, "id")?;
    engine
        .monitor_named(id)
        .ok_or_else(|| RpcError::new(NOT_FOUND, format!("there is no monitor {id}")))
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
    })
}

/// `name`, and optionally `start` and `end` (seconds since 1970; the last hour
/// unless told), `points` (at most 10,000; 400 unless told) and `consolidation`
/// (`AVERAGE`, `MIN`, `MAX`, `LAST`).
async fn fetch(engine: Engine, call: Call) -> Result<Value, RpcError> {
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
