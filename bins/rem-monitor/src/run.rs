use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use dropstar::{Running, Server};
use rem_config::Config;
use rem_monitor::{Engine, Host, PlanError};
use rem_time::{Span, SystemClock};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::listeners::listeners;

/// How long checks and requests under way may take once the end was asked for.
const GRACE: Span = Span::from_seconds(5);

/// Watches until a signal ends it.
pub(crate) async fn run(file: &Path, data: &Path, config: Config) -> anyhow::Result<ExitCode> {
    // Before anything starts: a signal during the start must not be lost.
    let mut signals = Signals::new()?;
    let clock = Arc::new(SystemClock);
    let host = Host::open(data, clock.clone(), std::env::vars()).await?;
    let engine = match host.start(&config).await {
        Ok(engine) => engine,
        Err(errors) => return Ok(refused(&errors)),
    };
    let site = Arc::new(rem_web::site(&engine));
    let server = Server::bind(listeners(&config, data, &site)?, clock).await?;
    for address in server.addresses() {
        // A closed terminal is no reason not to watch.
        let _ = crate::said(format!("http://{address}/system_monitor/monitor\n").as_bytes());
    }
    tracing::info!(monitors = config.monitors().len(), data = %data.display(), "watching");
    let mut config = config;
    loop {
        match signals.next().await {
            Asked::Reload => reload(file, &host, &engine, &mut config).await,
            Asked::End(name) => {
                tracing::info!("{name}: stopping");
                break;
            }
        }
    }
    stop(server, host, &engine).await?;
    Ok(ExitCode::SUCCESS)
}

fn refused(errors: &[PlanError]) -> ExitCode {
    for error in errors {
        eprintln!("{}", rem_monitor::chain(error));
    }
    ExitCode::from(crate::EXIT_MISTAKE)
}

async fn reload(file: &Path, host: &Host, engine: &Engine, config: &mut Config) {
    let fresh = match rem_config::load(file) {
        Ok(fresh) => fresh,
        Err(problems) => {
            return tracing::error!("not reloaded, everything goes on as it was:\n{problems}");
        }
    };
    match host.reload(engine, &fresh).await {
        Ok(applied) => {
            let (added, removed, changed) = (
                applied.added.len(),
                applied.removed.len(),
                applied.changed.len(),
            );
            tracing::info!(added, removed, changed, "reloaded");
            let same = config.listeners().len() == fresh.listeners().len()
                && config
                    .listeners()
                    .iter()
                    .zip(fresh.listeners())
                    .all(|(a, b)| a.same_as(b));
            if !same {
                tracing::warn!("`listen:` has changed: that takes effect at the next start");
            }
            *config = fresh;
        }
        Err(errors) => {
            let errors: Vec<String> = errors.iter().map(|e| rem_monitor::chain(e)).collect();
            tracing::error!(
                "not reloaded, everything goes on as it was:\n{}",
                errors.join("\n")
            );
        }
    }
}

async fn stop(server: Running, host: Host, engine: &Engine) -> anyhow::Result<()> {
    server.shutdown(Duration::from(GRACE)).await;
    host.close(engine, GRACE)
        .await
        .context("cannot write the last samples to their files")?;
    tracing::info!("stopped");
    Ok(())
}

enum Asked {
    Reload,
    End(&'static str),
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::End("Ctrl-C"),
            _ = self.terminate.recv() => Asked::End("SIGTERM"),
            _ = self.hang_up.recv() => Asked::Reload,
        }
    }
}
