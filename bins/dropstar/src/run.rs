use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use dropstar::{Running, ScriptSites, Server, SiteFiles};
use procblock::{Engine, EngineOptions, PythonOptions};
use rem_command::{Asked, Exit, Signals, say};
use rem_time::SystemClock;
use unidist::{FileOpts, Unidist};

use crate::arguments::Arguments;

/// How long requests under way may take once the end was asked for.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until a signal ends it.
pub(crate) async fn run(arguments: &Arguments, files: SiteFiles) -> anyhow::Result<Exit> {
    // Before anything starts: a signal during the start must not be lost.
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let here = std::env::current_dir().context("cannot tell the current directory")?;
    let data = arguments.data.as_ref().map(|data| here.join(data));
    let engine = Engine::new(options(arguments, &here, data.as_deref()).await?);
    let tls = data.unwrap_or_else(|| here.join("data")).join("tls");
    let mut sites = files.start(&engine);
    let mut server = serve(&sites, &tls).await?;
    tell(&sites, &server);
    loop {
        match signals.next().await {
            Asked::Reload => (sites, server) = reload(arguments, sites, server, &tls).await?,
            Asked::End(name) => {
                tracing::info!("{name}: stopping");
                break;
            }
        }
    }
    server.shutdown(GRACE).await;
    engine.shutdown().await;
    tracing::info!("stopped");
    Ok(Exit::Done)
}

async fn options(
    arguments: &Arguments,
    here: &Path,
    data: Option<&Path>,
) -> anyhow::Result<EngineOptions> {
    let env: Vec<(String, String)> = std::env::vars().collect();
    let mut python = PythonOptions::default()
        .interpreter(&arguments.python)
        .cwd(here);
    for (name, value) in &env {
        python = python.env(name, value);
    }
    let unidist = match data {
        None => Unidist::memory(),
        Some(data) => {
            let folder = data.join("unidist");
            let opened = Unidist::open(&folder, FileOpts::default()).await;
            opened.with_context(|| format!("cannot use {}", folder.display()))?
        }
    };
    let series: PathBuf = data
        .map_or_else(|| here.join("data"), Path::to_owned)
        .join("series");
    Ok(EngineOptions::new()
        .clock(Arc::new(SystemClock))
        .env(env)
        .python(python)
        .unidist(unidist)
        .sink(Arc::new(rem_collect::Collector::new(series))))
}

async fn serve(sites: &ScriptSites, tls: &Path) -> anyhow::Result<Running> {
    let listeners = sites.listeners(tls, |name| std::env::var(name).ok())?;
    Ok(Server::bind(listeners, Arc::new(SystemClock)).await?)
}

fn tell(sites: &ScriptSites, server: &Running) {
    for url in sites.urls(&server.addresses()) {
        // A closed terminal is no reason not to serve.
        let _ = say(&format!("{url}\n"));
    }
}

/// Reads the site files again. Files with mistakes change nothing; the others
/// take effect at once, and listeners are opened anew only where that is needed.
async fn reload(
    arguments: &Arguments,
    mut sites: ScriptSites,
    server: Running,
    tls: &Path,
) -> anyhow::Result<(ScriptSites, Running)> {
    let fresh = match SiteFiles::read(&arguments.sites) {
        Ok(fresh) => fresh,
        Err(problems) => {
            tracing::error!("not reloaded, everything goes on as it was:\n{problems}");
            return Ok((sites, server));
        }
    };
    let fresh = match sites.replace(fresh) {
        Ok(()) => {
            tracing::info!("reloaded");
            return Ok((sites, server));
        }
        Err(fresh) => fresh.start(sites.engine()),
    };
    // The addresses may be the same ones, so the old ones have to be free first.
    server.shutdown(GRACE).await;
    match serve(&fresh, tls).await {
        Ok(server) => {
            tracing::info!("reloaded, with listeners opened anew");
            tell(&fresh, &server);
            Ok((fresh, server))
        }
        Err(error) => {
            tracing::error!("not reloaded, going back to how it was: {error:#}");
            let server = serve(&sites, tls).await?;
            Ok((sites, server))
        }
    }
}
