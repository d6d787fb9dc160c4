//! The daemon: listings stay young, what dead commands left is finished, and all of it
//! can be watched.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use dropstar::{Exposition, Listener, Request, Response, Route, Server, Site, StatusCode};
use parking_lot::Mutex;
use redeye_cloud::{Cloud, Kind, Origin};
use rem_command::{Asked, Signals, say};
use rem_time::{Clock, SystemClock};
use tokio::task::JoinSet;

use crate::arguments::Common;
use crate::exit::End;
use crate::metrics::{self, Counts};
use crate::session::Session;

/// How often it is looked whether a listing has grown old, or an operation is left alone.
const ROUND: Duration = Duration::from_secs(5);
/// How long requests under way may take once the end was asked for.
const GRACE: Duration = Duration::from_secs(5);

/// What the pages show; a reload puts another cloud here.
#[derive(Default)]
struct Shown {
    cloud: Option<Cloud>,
    counts: Counts,
}

type Board = Arc<Mutex<Shown>>;

/// Works until a signal ends it. SIGHUP reads the configuration again; one with
/// mistakes changes nothing.
pub(crate) async fn run(common: &Common, listen: SocketAddr) -> anyhow::Result<End> {
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let mut session = Session::open(common)?;
    let board = Board::default();
    board.lock().cloud = Some(session.cloud().await?.clone());
    let listener = Listener::on(listen).site(site(&board));
    let server = Server::bind([listener], Arc::new(SystemClock)).await?;
    for address in server.addresses() {
        // A closed terminal is no reason not to serve.
        let _ = say(&format!("http://{address}/metrics\n"));
    }
    loop {
        let asked = tokio::select! {
            asked = signals.next() => asked,
            never = work(&session, &board) => match never? {},
        };
        match asked {
            Asked::End(name) => {
                tracing::info!("{name}: stopping");
                break;
            }
            Asked::Reload => session = reload(common, session, &board).await?,
        }
    }
    server.shutdown(GRACE).await;
    session.close().await;
    Ok(End::Done)
}

async fn reload<'a>(
    common: &'a Common,
    session: Session<'a>,
    board: &Board,
) -> anyhow::Result<Session<'a>> {
    let fresh = match Session::open(common) {
        Ok(fresh) => fresh,
        Err(error) => {
            tracing::error!("not reloaded, everything goes on as it was: {error:#}");
            return Ok(session);
        }
    };
    // Operations under way are let go, and taken over by the new session at once.
    session.close().await;
    let cloud = fresh.cloud().await?.clone();
    *board.lock() = Shown {
        cloud: Some(cloud),
        counts: Counts::new(),
    };
    tracing::info!("reloaded");
    Ok(fresh)
}

enum Never {}

/// Rounds without end. A cloud that hangs holds up its own listings alone.
async fn work(session: &Session<'_>, board: &Board) -> anyhow::Result<Never> {
    let cloud = session.cloud().await?;
    let ledger = session.ledger().await?;
    let book = session.price_book();
    let mut ticks = tokio::time::interval(ROUND);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match cloud.resume().await {
            Ok(taken) if taken.is_empty() => {}
            Ok(taken) => tracing::info!("taken over: {} operations", taken.len()),
            Err(error) => tracing::warn!("cannot look for operations: {error}"),
        }
        let mut asked = JoinSet::new();
        for scope in cloud.scopes() {
            let megavisor = cloud.megavisor(&scope)?;
            let cloud = cloud.clone();
            let kinds: Vec<Kind> = megavisor.capabilities().lists.iter().copied().collect();
            asked.spawn(async move {
                let mut found = Vec::with_capacity(kinds.len());
                for kind in kinds {
                    let listing = cloud.list(&scope, kind, redeye_cloud::Mode::Usual).await;
                    found.push((scope.clone(), kind, listing));
                }
                found
            });
        }
        while let Some(found) = asked.join_next().await {
            for (scope, kind, listing) in found? {
                let listing = match listing {
                    Ok(listing) => listing,
                    Err(error) => {
                        tracing::debug!(%scope, %kind, "no listing: {error}");
                        continue;
                    }
                };
                let count = listing.items.len();
                board.lock().counts.insert((scope.clone(), kind), count);
                if let (Some(book), Origin::Live) = (book, &listing.origin)
                    && let Err(error) = ledger.observe(&scope, kind, &listing, book).await
                {
                    tracing::warn!("costs are not taken down: {error}");
                }
            }
        }
    }
}

fn site(board: &Board) -> Site {
    let board = board.clone();
    Site::new("redeye-cloud").page(Route::get("/metrics"), move |request: Request| {
        let board = board.clone();
        async move {
            let exposition = Exposition::accepted(request.header("accept").unwrap_or(""));
            let (cloud, counts) = {
                let shown = board.lock();
                (shown.cloud.clone(), shown.counts.clone())
            };
            let Some(cloud) = cloud else {
                return unavailable("it only just starts");
            };
            match cloud.figures().await {
                Ok(figures) => {
                    let text = metrics::text(&figures, &counts, SystemClock.now(), exposition);
                    Response::bytes(exposition.content_type(), text)
                }
                Err(error) => unavailable(&error.to_string()),
            }
        }
    })
}

fn unavailable(why: &str) -> Response {
    Response::text(format!("{why}\n")).with_status(StatusCode::SERVICE_UNAVAILABLE)
}
