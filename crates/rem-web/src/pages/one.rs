use dropstar::{Failure, Request, Response, StatusCode};
use rem_monitor::Running;
use serde::Serialize;

use super::alerts::{Row, of_monitor};
use crate::card::{Card, word};
use crate::format::percent_encoded;
use crate::frame::{Frame, When, back};
use crate::ranges::Range;
use crate::trouble::Trouble;
use crate::view::LevelJson;

/// Checks in the list; the bar above it has some more.
const CHECKS_SHOWN: usize = 20;

/// `/system_monitor/one?id=web-01/apache/http`
#[derive(Debug, Serialize)]
struct Page {
    frame: Frame,
    title: String,
    range: &'static str,
    ranges: Vec<super::RangeLink>,
    id: String,
    kind: &'static str,
    address: String,
    since: Option<When>,
    looked: Option<When>,
    took: Option<String>,
    is_passive: bool,
    stale: bool,
    checks: Vec<CheckRow>,
    levels: Vec<LevelJson>,
    alerts: Vec<Row>,
    /// As the overview has it, so that the same script keeps it fresh.
    machines: Vec<Machine>,
    urls: Urls,
}

#[derive(Debug, Serialize)]
struct Machine {
    name: String,
    cards: Vec<Card>,
}

#[derive(Debug, Serialize)]
struct Urls {
    #[serde(rename = "self")]
    own: String,
    series: String,
    card: &'static str,
}

#[derive(Debug, Serialize)]
struct CheckRow {
    at: When,
    /// With its seconds: checks may be that close to each other.
    exact: String,
    state: &'static str,
    word: &'static str,
    message: String,
    seen_by: String,
}

pub(crate) async fn show(running: Running, request: Request) -> Result<Response, Failure> {
    let range = super::range(&request)?;
    let id = request.arg("id").unwrap_or("");
    let view = crate::methods::monitor(&running, id).map_err(Trouble::page)?;
    let overview = running.desk.overview();
    let (frame, wall) = Frame::new("monitor", &running, &request, &overview);
    let encoded = percent_encoded(view.id.as_str());
    let checks = view
        .beats
        .iter()
        .rev()
        .take(CHECKS_SHOWN)
        .map(|beat| CheckRow {
            at: wall.when(beat.at),
            exact: wall.exact(beat.at),
            state: beat.state.word(),
            word: word(beat.state),
            message: beat.message.clone(),
            seen_by: beat.by.to_string(),
        });
    let levels = running.engine.levels(view.id.as_str()).into_iter();
    let page = Page {
        frame,
        title: format!("{} on {}", view.title, view.machine),
        range: range.key(),
        ranges: Range::ALL
            .map(|range| super::RangeLink {
                key: range.key(),
                label: range.label(),
                href: format!("/system_monitor/one?id={encoded}&range={}", range.key()),
            })
            .into(),
        id: view.id.to_string(),
        kind: view.kind,
        address: view.address.clone(),
        since: view.since.map(|at| wall.when(at)),
        looked: view.last.as_ref().map(|last| wall.when(last.at)),
        took: view
            .last
            .as_ref()
            .map(|last| crate::format::seconds(last.took.as_secs_f64())),
        is_passive: view.kind == "passive",
        stale: view.stale,
        checks: checks.collect(),
        levels: levels.map(LevelJson::from).collect(),
        alerts: of_monitor(&overview.alerts, view.id.as_str(), &wall),
        machines: vec![Machine {
            name: view.machine.clone(),
            cards: vec![Card::new(&view, range, wall.now)],
        }],
        urls: Urls {
            own: format!("/system_monitor/one?id={encoded}"),
            series: format!("/system_monitor/series?id={encoded}"),
            card: super::URLS.card,
        },
    };
    Ok(Response::view("monitor/one.html", page))
}

/// The button "look now".
pub(crate) async fn check(running: Running, request: Request) -> Result<Response, Failure> {
    let id = request.arg("id").unwrap_or("");
    let view = crate::methods::monitor(&running, id).map_err(Trouble::page)?;
    match running.engine.look_now(&view.id).await {
        true => {
            let own = format!("/system_monitor/one?id={}", percent_encoded(id));
            Ok(back(&request, &own, "check"))
        }
        false => Err(Failure::new(
            StatusCode::CONFLICT,
            format!("{id} waits for others to push results"),
        )),
    }
}
