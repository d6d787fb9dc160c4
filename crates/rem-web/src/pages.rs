mod ack;
mod alert;
mod alerts;
mod arrived;
mod calendar;
mod holds;
mod on_call;
mod one;

use std::sync::Arc;

use dropstar::{Failure, Hub, Request, Response, Role, Route, Site, Templates, header};
use rem_monitor::{Engine, Running, chain};
use rem_series::{Graph, ImageFormat, Line, Method};
use rem_time::Timestamp;
use serde::Serialize;

use crate::card::Card;
use crate::frame::Frame;
use crate::metrics::{self, Exposition, Globs};
use crate::page::{Page, Urls};
use crate::posted::{self, Expiry};
use crate::ranges::Range;
use crate::trouble::Trouble;
use crate::{live, methods, passive, series};

/// A picture draws at most so many lines.
const PICTURE_LINES_MAX: usize = 16;

pub(crate) const URLS: Urls = Urls {
    own: "/system_monitor/monitor",
    series: "/system_monitor/series",
    card: "/system_monitor/card",
};

const TEMPLATES: &[(&str, &str)] = &[
    (
        "monitor/frame.html",
        include_str!("../templates/frame.html"),
    ),
    (
        "monitor/parts.html",
        include_str!("../templates/parts.html"),
    ),
    (
        "monitor/monitor.html",
        include_str!("../templates/monitor.html"),
    ),
    ("monitor/card.html", include_str!("../templates/card.html")),
    ("monitor/one.html", include_str!("../templates/one.html")),
    (
        "monitor/alerts.html",
        include_str!("../templates/alerts.html"),
    ),
    (
        "monitor/alert.html",
        include_str!("../templates/alert.html"),
    ),
    (
        "monitor/shifts.html",
        include_str!("../templates/shifts.html"),
    ),
    (
        "monitor/oncall.html",
        include_str!("../templates/oncall.html"),
    ),
    (
        "monitor/calendar.html",
        include_str!("../templates/calendar.html"),
    ),
    (
        "monitor/holds.html",
        include_str!("../templates/holds.html"),
    ),
    ("monitor/ack.html", include_str!("../templates/ack.html")),
];

/// A range of the graphs, as a link.
#[derive(Debug, Serialize)]
struct RangeLink {
    key: &'static str,
    label: &'static str,
    href: String,
}

/// Every page and method of the monitor that runs. Must be called within a
/// tokio runtime: tasks tell open pages what happens and end alerts that other
/// programs posted, until the engine is gone.
pub fn site(running: &Running) -> Site {
    let templates = Templates::new()
        .asset("monitor.css", include_bytes!("../assets/monitor.css"))
        .asset("monitor.js", include_bytes!("../assets/monitor.js"))
        .asset("alerts.css", include_bytes!("../assets/alerts.css"))
        .asset("alerts.js", include_bytes!("../assets/alerts.js"));
    let templates = TEMPLATES.iter().fold(templates, |templates, (name, text)| {
        templates.embedded(*name, *text)
    });
    let hub = Hub::with(live::limits());
    tokio::spawn(live::tell(running.engine.clone(), hub.clone()));
    tokio::spawn(live::tell_alerts(running.desk.subscribe(), hub.clone()));

    let site = Site::new("REM")
        .templates(templates)
        .events(hub)
        .home(URLS.own);
    let site = watching(site, running);
    let site = alerting(site, running);
    let site = programs(site, running);
    methods::add(site, running)
}

/// What is watched.
fn watching(site: Site, running: &Running) -> Site {
    let site = page(
        site,
        running,
        Route::get(URLS.own),
        async |running, request| {
            let range = range(&request)?;
            let (frame, _) = Frame::new("monitor", &running, &request, &running.desk.overview());
            let page = Page::new(&running.engine.overview(), range, URLS, Some(frame));
            Ok(Response::view("monitor/monitor.html", page))
        },
    );
    let site = page(
        site,
        running,
        Route::get(URLS.card),
        async |running, request| {
            let range = range(&request)?;
            let id = request.arg("id").unwrap_or("");
            let view = methods::monitor(&running, id).map_err(Trouble::page)?;
            let card = Card::new(&view, range, running.engine.clock().now());
            let data = serde_json::json!({ "card": card });
            Ok(Response::view("monitor/card.html", data))
        },
    );
    let site = page(site, running, Route::get(URLS.series), numbers);
    let site = page(
        site,
        running,
        Route::get("/system_monitor/graph.svg"),
        async |running, request| {
            picture(running.engine, request, ImageFormat::Svg, "image/svg+xml").await
        },
    );
    let site = page(
        site,
        running,
        Route::get("/system_monitor/graph.png"),
        async |running, request| {
            picture(running.engine, request, ImageFormat::Png, "image/png").await
        },
    );
    let site = page(site, running, Route::get("/system_monitor/one"), one::show);
    let site = page(
        site,
        running,
        Route::post("/system_monitor/check"),
        one::check,
    );
    page(
        site,
        running,
        Route::post("/system_monitor/push"),
        passive::form,
    )
}

/// What is wrong, and who has to know.
fn alerting(site: Site, running: &Running) -> Site {
    let site = page(
        site,
        running,
        Route::get("/system_monitor/alerts"),
        alerts::list,
    );
    let site = page(
        site,
        running,
        Route::post("/system_monitor/act"),
        alerts::act,
    );
    let site = page(
        site,
        running,
        Route::get("/system_monitor/alert"),
        alert::show,
    );
    let site = page(
        site,
        running,
        Route::get("/system_monitor/oncall"),
        on_call::show,
    );
    let site = page(
        site,
        running,
        Route::post("/system_monitor/oncall"),
        on_call::act,
    );
    let test = Route::post("/system_monitor/contacts").role(Role::Admin);
    let site = page(site, running, test, on_call::test);
    let site = page(
        site,
        running,
        Route::get("/system_monitor/calendar"),
        calendar::show,
    );
    let site = page(
        site,
        running,
        Route::get("/system_monitor/holds"),
        holds::list,
    );
    let site = page(
        site,
        running,
        Route::post("/system_monitor/holds"),
        holds::act,
    );
    let site = page(site, running, Route::get("/oncall.ics"), on_call::feed);
    // The link itself is the secret: no sign-in, and no form token.
    let site = ["/system_monitor/arrived", "/system_monitor/arrived/"]
        .iter()
        .fold(site, |site, path| {
            let route = |route: Route| {
                let route = route.public().without_form_token();
                match path.ends_with('/') {
                    true => route.and_below(),
                    false => route,
                }
            };
            let site = page(site, running, route(Route::get(*path)), arrived::take);
            page(site, running, route(Route::post(*path)), arrived::take)
        });
    let acks = [
        ("/system_monitor/ack", false),
        ("/system_monitor/ack/", true),
    ];
    acks.iter().fold(site, |site, (path, is_mount)| {
        let route = |route: Route| {
            let route = route.public().without_form_token();
            if *is_mount { route.and_below() } else { route }
        };
        let site = page(site, running, route(Route::get(*path)), ack::show);
        page(site, running, route(Route::post(*path)), ack::act)
    })
}

/// What other programs read and post.
fn programs(site: Site, running: &Running) -> Site {
    let site = page(
        site,
        running,
        Route::get("/metrics"),
        async |running, request| {
            let exposition = Exposition::accepted(request.header("accept").unwrap_or(""));
            let text = metrics::own(&running, exposition);
            Ok(Response::bytes(exposition.content_type(), text))
        },
    );
    let site = page(
        site,
        running,
        Route::get("/metrics/values"),
        async |running, request| {
            let exposition = Exposition::accepted(request.header("accept").unwrap_or(""));
            let globs = Globs::of_query(request.query());
            let pieces = metrics::stream(&running, globs, exposition);
            Ok(Response::pieces(exposition.content_type(), pieces))
        },
    );
    let expiry = Expiry::start(running);
    let site = {
        let (running, expiry) = (running.clone(), Arc::clone(&expiry));
        let route = Route::post("/api/v2/alerts").body_max(posted::BODY_MAX);
        site.page(route, move |request| {
            posted::alerts(running.clone(), Arc::clone(&expiry), request)
        })
    };
    let site = {
        let running = running.clone();
        // No page of another site gets this far, whatever it sends.
        let route = Route::post("/passive")
            .body_max(passive::BODY_MAX)
            .without_form_token();
        site.page(route, move |request| {
            passive::post(running.clone(), request)
        })
    };
    let running = running.clone();
    let route = Route::post("/api/v2/webhook").body_max(posted::BODY_MAX);
    site.page(route, move |request| {
        posted::webhook(running.clone(), Arc::clone(&expiry), request)
    })
}

/// Hangs a page that gets what runs with every request.
fn page<F, Fut>(site: Site, running: &Running, route: Route, answer: F) -> Site
where
    F: Fn(Running, Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, Failure>> + Send + 'static,
{
    let running = running.clone();
    site.page(route, move |request| answer(running.clone(), request))
}

fn range(request: &Request) -> Result<Range, Failure> {
    match request.arg("range") {
        None => Ok(Range::default()),
        Some(key) => Range::from_key(key)
            .ok_or_else(|| Failure::bad_request(format!("range is 1h, 1d or 1w, not {key}"))),
    }
}

/// The numbers behind all graphs, or those of one monitor (`id`).
async fn numbers(running: Running, request: Request) -> Result<Response, Failure> {
    let range = range(&request)?;
    let engine = running.engine.clone();
    let mut overview = engine.overview();
    if let Some(id) = request.arg("id") {
        let view = methods::monitor(&running, id).map_err(Trouble::page)?;
        overview.monitors = vec![view];
    }
    let drawn = series::drawn(&overview);
    let store = Arc::clone(engine.store());
    let now = engine.clock().now();
    let text = blocking(move || series::json(&store, &drawn, range, now)).await?;
    Ok(Response::bytes("application/json", text).with_header(header::CACHE_CONTROL, "no-store"))
}

/// `?range=1h&line=SERIES%0AFIELD%0ALABEL&line=…&stacked=1`
async fn picture(
    engine: Engine,
    request: Request,
    format: ImageFormat,
    content_type: &str,
) -> Result<Response, Failure> {
    let (start, end) = series::window(range(&request)?, engine.clock().now());
    let method = if request.arg("stacked").is_some() {
        Method::Stack
    } else {
        Method::Line
    };
    let lines = lines(&request, method)?;
    let store = Arc::clone(engine.store());
    let drawn = move || store.graph(&graph(lines, start, end, format));
    let image = blocking(drawn)
        .await?
        .map_err(|error| Failure::internal(chain(&error)))?;
    Ok(Response::bytes(content_type, image).with_header(header::CACHE_CONTROL, "max-age=60"))
}

fn graph(lines: Vec<Line>, start: Timestamp, end: Timestamp, format: ImageFormat) -> Graph {
    let graph = Graph {
        format,
        width: 400,
        height: 120,
        ..Graph::new(start, end)
    };
    lines.into_iter().fold(graph, Graph::line)
}

fn lines(request: &Request, method: Method) -> Result<Vec<Line>, Failure> {
    let line = |value: &str| {
        let mut parts = value.splitn(3, '\n');
        let (series, field) = (parts.next()?, parts.next()?);
        let line = Line {
            method,
            ..Line::new(series, field)
        };
        Some(match parts.next() {
            Some(label) => line.label(label),
            None => line,
        })
    };
    let values = match request.args().get("line") {
        Some(serde_json::Value::Array(values)) => values.iter().collect(),
        Some(value) => vec![value],
        None => Vec::new(),
    };
    let lines: Option<Vec<Line>> = values
        .iter()
        .take(PICTURE_LINES_MAX)
        .map(|value| line(value.as_str()?))
        .collect();
    lines.filter(|lines| !lines.is_empty()).ok_or_else(|| {
        Failure::bad_request("line has to be a series and a field, with a line feed in between")
    })
}

/// Reading and drawing files waits for disks; it must not hold up other requests.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Failure::internal(format!("reading series failed: {error}")))
}
