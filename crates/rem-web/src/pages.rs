use std::sync::Arc;

use dropstar::{Failure, Hub, Request, Response, Route, Site, Templates, header};
use rem_monitor::{Engine, MonitorView, chain};
use rem_series::{Graph, ImageFormat, Line, Method};
use rem_time::Timestamp;

use crate::card::Card;
use crate::page::{Page, Urls};
use crate::ranges::Range;
use crate::{live, methods, series};

/// A picture draws at most so many lines.
const PICTURE_LINES_MAX: usize = 16;

const URLS: Urls = Urls {
    own: "/system_monitor/monitor",
    series: "/system_monitor/series",
    card: "/system_monitor/card",
};

/// Every page and method of the monitor, fed by `engine`. Must be called within a
/// tokio runtime: a task tells open pages what happens, until the engine is gone.
pub fn site(engine: &Engine) -> Site {
    let templates = Templates::new()
        .embedded(
            "monitor/monitor.html",
            include_str!("../templates/monitor.html"),
        )
        .embedded("monitor/card.html", include_str!("../templates/card.html"))
        .asset("monitor.css", include_bytes!("../assets/monitor.css"))
        .asset("monitor.js", include_bytes!("../assets/monitor.js"));
    let hub = Hub::with(live::limits());
    tokio::spawn(live::tell(engine.clone(), hub.clone()));

    let site = Site::new("REM")
        .templates(templates)
        .events(hub)
        .home(URLS.own);
    let site = page(
        site,
        engine,
        Route::get(URLS.own),
        async |engine, request| {
            let page = Page::new(&engine.overview(), range(&request)?, URLS);
            Ok(Response::view("monitor/monitor.html", page))
        },
    );
    let site = page(
        site,
        engine,
        Route::get(URLS.card),
        async |engine, request| {
            let range = range(&request)?;
            let view = monitor(&engine, request.arg("id").unwrap_or(""))?;
            let card = Card::new(&view, range, engine.clock().now());
            Ok(Response::view(
                "monitor/card.html",
                serde_json::json!({ "card": card }),
            ))
        },
    );
    let site = page(site, engine, Route::get(URLS.series), numbers);
    let site = page(
        site,
        engine,
        Route::get("/system_monitor/graph.svg"),
        async |engine, request| picture(engine, request, ImageFormat::Svg, "image/svg+xml").await,
    );
    let site = page(
        site,
        engine,
        Route::get("/system_monitor/graph.png"),
        async |engine, request| picture(engine, request, ImageFormat::Png, "image/png").await,
    );
    methods::add(site, engine)
}

/// Hangs a page that gets the engine with every request.
fn page<F, Fut>(site: Site, engine: &Engine, route: Route, answer: F) -> Site
where
    F: Fn(Engine, Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, Failure>> + Send + 'static,
{
    let engine = engine.clone();
    site.page(route, move |request| answer(engine.clone(), request))
}

fn range(request: &Request) -> Result<Range, Failure> {
    match request.arg("range") {
        None => Ok(Range::default()),
        Some(key) => Range::from_key(key)
            .ok_or_else(|| Failure::bad_request(format!("range is 1h, 1d or 1w, not {key}"))),
    }
}

/// The monitor of that id, as text.
pub(crate) fn monitor(engine: &Engine, id: &str) -> Result<MonitorView, Failure> {
    engine
        .monitor_named(id)
        .ok_or_else(|| Failure::not_found(format!("there is no monitor {id}")))
}

async fn numbers(engine: Engine, request: Request) -> Result<Response, Failure> {
    let range = range(&request)?;
    let drawn = series::drawn(&engine.overview());
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
