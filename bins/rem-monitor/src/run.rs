use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use rem_command::{Asked, Exit, Signals, say, tell};
use rem_config::Config;
use rem_monitor::{Host, HostError, PlanError, Reload, Running, chain};
use rem_time::{Clock, Span, SystemClock};
use rem_yaml::{Problems, Sought};

use crate::doors::Doors;
use crate::file;
use crate::files::Files;

/// How long checks under way may take once the end was asked for.
const GRACE: Span = Span::from_seconds(5);

/// A monitor with its pages and its file.
struct Watching {
    file: PathBuf,
    config: Config,
    files: Files,
    host: Host,
    running: Running,
    doors: Doors,
}

/// Watches until a signal ends it.
pub(crate) async fn run(
    file: &Path,
    data: &Path,
    config: Config,
    sought: Sought,
) -> anyhow::Result<Exit> {
    // Before anything starts: a signal during the start must not be lost.
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let files = Files::of(sought);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let host = Host::open(data, Arc::clone(&clock), std::env::vars()).await?;
    let (reload, mut requests) = Reload::channel();
    let running = match host.start(&config, host.post(), reload).await {
        Ok(running) => running,
        Err(HostError::Plan(errors)) => {
            tell(&said(&errors));
            return Ok(Exit::Mistake);
        }
        Err(error) => return Err(error.into()),
    };
    let site = Arc::new(rem_web::site(&running));
    let doors = Doors::open(&config, data.to_owned(), site, Arc::clone(&clock)).await?;
    for url in doors.urls() {
        // A closed terminal is no reason not to watch.
        let _ = say(&format!("{url}\n"));
    }
    tracing::info!(monitors = config.monitors().len(), data = %data.display(), "watching");
    let mut watching = Watching {
        file: file.to_owned(),
        config,
        files,
        host,
        running,
        doors,
    };
    loop {
        let request = tokio::select! {
            asked = signals.next() => match asked {
                Asked::Reload => None,
                Asked::End(name) => {
                    tracing::info!("{name}: stopping");
                    break;
                }
            },
            request = requests.next() => Some(request),
            () = watching.files.changed() => None,
        };
        let result = watching.reload().await;
        requests.done(clock.now(), result.clone());
        if let Some(request) = request {
            request.answer(result);
        }
    }
    watching.stop().await?;
    Ok(Exit::Done)
}

impl Watching {
    /// Reads the file again; what did not change goes on. A mistake changes nothing.
    async fn reload(&mut self) -> Result<String, String> {
        let result = self.read_again().await;
        match &result {
            Ok(summary) => tracing::info!("reloaded: {summary}"),
            Err(why) => tracing::error!("not reloaded, everything goes on as it was:\n{why}"),
        }
        result
    }

    async fn read_again(&mut self) -> Result<String, String> {
        self.files.reading();
        let (loaded, sought) = self.load().await;
        let fresh = match loaded {
            Ok(fresh) => fresh,
            Err(problems) => {
                self.files.refused(sought);
                return Err(problems.to_string());
            }
        };
        self.files.now(sought);
        let planned = self.doors.plan(&fresh).await;
        let planned = planned.map_err(|error| format!("{error:#}"))?;
        let applied = self.host.reload(&self.running, &fresh).await;
        applied.map_err(|error| match error {
            HostError::Plan(errors) => said(&errors),
            error => chain(&error),
        })?;
        let mut summary = rem_config::diff(&self.config, &fresh).to_string();
        if let Err(error) = self.doors.change(planned).await {
            tracing::error!("{error:#}");
            summary = format!("{summary}; {error:#}");
        }
        self.config = fresh;
        Ok(summary)
    }

    async fn load(&self) -> (Result<Config, Problems>, Sought) {
        let file = self.file.clone();
        // Large files take a while.
        match tokio::task::spawn_blocking(move || file::read(&file)).await {
            Ok(loaded) => loaded,
            Err(stopped) => std::panic::resume_unwind(stopped.into_panic()),
        }
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.doors.close().await;
        self.host
            .close(&self.running, GRACE)
            .await
            .context("cannot write the last samples to their files")?;
        tracing::info!("stopped");
        Ok(())
    }
}

fn said(errors: &[PlanError]) -> String {
    let errors: Vec<String> = errors.iter().map(|error| chain(error)).collect();
    errors.join("\n")
}
