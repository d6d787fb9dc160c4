//! The open listeners, each by itself, so that a reload closes none that stays.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use dropstar::{Running, Server, Site, StartError};
use rem_config::{Config, Listener, Tls};
use rem_time::Clock;
use tokio::time::{Instant, sleep};

use crate::files::Stamp;
use crate::listeners::listener;

/// How long requests under way may take when their listener closes.
const GRACE: Duration = Duration::from_secs(5);
/// Between two tries to open an address that was just closed.
const TRY_AGAIN: Duration = Duration::from_millis(10);

/// All that is open.
#[derive(Debug)]
pub(crate) struct Doors {
    open: Vec<Door>,
    data: PathBuf,
    site: Arc<Site>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
struct Door {
    wanted: Listener,
    certificate: Vec<Option<Stamp>>,
    running: Running,
}

/// Listeners to go over to; those that do not collide with an open one are open.
#[derive(Debug)]
pub(crate) struct Planned(Vec<Next>);

#[derive(Debug)]
enum Next {
    /// The open one stays.
    Stays(SocketAddr),
    /// It is open already.
    Opened(Box<Door>),
    /// An open one has its port and has to close first.
    Takes(Box<(Listener, dropstar::Listener)>),
}

impl Doors {
    /// Opens all listeners of the file, or none.
    pub(crate) async fn open(
        config: &Config,
        data: PathBuf,
        site: Arc<Site>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let mut doors = Self {
            open: Vec::new(),
            data,
            site,
            clock,
        };
        for wanted in config.listeners() {
            let made = listener(wanted, &doors.data, &doors.site)?;
            let door = doors.opened(wanted, made).await?;
            doors.open.push(door);
        }
        Ok(doors)
    }

    async fn opened(&self, wanted: &Listener, made: dropstar::Listener) -> anyhow::Result<Door> {
        let running = Server::bind([made], Arc::clone(&self.clock)).await?;
        Ok(Door {
            certificate: certificate(wanted),
            wanted: wanted.clone(),
            running,
        })
    }

    /// Where the pages are.
    pub(crate) fn urls(&self) -> Vec<String> {
        let url = |door: &Door, address: SocketAddr| {
            let scheme = match door.wanted.tls {
                Some(_) => "https",
                None => "http",
            };
            format!("{scheme}://{address}/system_monitor/monitor")
        };
        let doors = self.open.iter();
        doors
            .flat_map(|door| {
                let addresses = door.running.addresses().into_iter();
                addresses.map(|address| url(door, address))
            })
            .collect()
    }

    /// Gets ready for the listeners of another file; what is open stays as it is.
    ///
    /// # Errors
    /// If one of them cannot be opened. Then nothing was changed.
    pub(crate) async fn plan(&self, config: &Config) -> anyhow::Result<Planned> {
        let mut planned = Vec::new();
        for wanted in config.listeners() {
            if let Some(door) = self.open.iter().find(|door| door.is(wanted)) {
                planned.push(Next::Stays(door.wanted.address));
                continue;
            }
            let made = listener(wanted, &self.data, &self.site)?;
            let port = wanted.address.port();
            let taken = |door: &Door| door.wanted.address.port() == port;
            planned.push(match port != 0 && self.open.iter().any(taken) {
                true => Next::Takes(Box::new((wanted.clone(), made))),
                false => Next::Opened(Box::new(self.opened(wanted, made).await?)),
            });
        }
        Ok(Planned(planned))
    }

    /// Goes over. Listeners that stay are not disturbed.
    ///
    /// # Errors
    /// If an address cannot be opened again with other settings; it is then as it was
    /// before, if that is possible.
    pub(crate) async fn change(&mut self, planned: Planned) -> anyhow::Result<()> {
        let mut old = std::mem::take(&mut self.open);
        let mut failed = None;
        let mut waiting = Vec::new();
        for next in planned.0 {
            match next {
                Next::Opened(door) => self.open.push(*door),
                Next::Stays(address) => {
                    let kept = old.iter().position(|door| door.wanted.address == address);
                    self.open.extend(kept.map(|place| old.remove(place)));
                }
                Next::Takes(taking) => waiting.push(*taking),
            }
        }
        let before: Vec<Listener> = old.iter().map(|door| door.wanted.clone()).collect();
        for door in old {
            // It stops listening at once; requests under way end beside us, and one of
            // them may be the one that asked for this reload.
            tokio::spawn(door.running.shutdown(GRACE));
        }
        for (wanted, made) in waiting {
            if let Err(error) = self.take(&wanted, made).await {
                failed.get_or_insert(error);
                let port = wanted.address.port();
                let same = before.iter().filter(|old| old.address.port() == port);
                for old in same {
                    let made = listener(old, &self.data, &self.site)?;
                    self.take(old, made).await?;
                }
            }
        }
        failed.map_or(Ok(()), |error| {
            Err(error.context("the listener goes on as it was"))
        })
    }

    /// Opens an address that is being closed.
    async fn take(&mut self, wanted: &Listener, made: dropstar::Listener) -> anyhow::Result<()> {
        let until = Instant::now() + GRACE;
        let running = loop {
            match Server::bind([made.clone()], Arc::clone(&self.clock)).await {
                Err(StartError::Listen { source, .. })
                    if source.kind() == ErrorKind::AddrInUse && Instant::now() < until =>
                {
                    sleep(TRY_AGAIN).await;
                }
                bound => break bound.context("cannot listen")?,
            }
        };
        self.open.push(Door {
            certificate: certificate(wanted),
            wanted: wanted.clone(),
            running,
        });
        Ok(())
    }

    /// Closes all; requests under way may end.
    pub(crate) async fn close(self) {
        let closing = self
            .open
            .into_iter()
            .map(|door| door.running.shutdown(GRACE));
        let closing: Vec<_> = closing.map(tokio::spawn).collect();
        for closed in closing {
            // Whoever had to be cut off was.
            let _ = closed.await;
        }
    }
}

impl Door {
    fn is(&self, wanted: &Listener) -> bool {
        self.wanted.same_as(wanted) && self.certificate == certificate(wanted)
    }
}

/// A certificate that was renewed has the same names.
fn certificate(listener: &Listener) -> Vec<Option<Stamp>> {
    match &listener.tls {
        Some(Tls::Files { cert, key }) => vec![Stamp::of(cert), Stamp::of(key)],
        Some(Tls::SelfSigned) | None => Vec::new(),
    }
}
