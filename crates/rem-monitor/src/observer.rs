use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::probes::Probes;

/// Where network namespaces that `ip netns` made are.
const NAMESPACES: &str = "/run/netns";

/// A vantage point: whoever looks from here sees the network as this place does.
///
/// The monitor's own host is one; a network namespace on it is another, with a
/// thread of its own that lives in it. Cheap to clone; the thread ends with the
/// last clone.
#[derive(Clone)]
pub struct Observer {
    name: Arc<str>,
    /// What checks from here share.
    pub probes: Probes,
    handle: Handle,
    _thread: Option<Arc<Stop>>,
}

/// Why a vantage point cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ObserverError {
    /// There is no such network namespace, or it cannot be opened.
    #[error("observer {observer}: cannot open the network namespace {path}")]
    Open {
        /// The observer.
        observer: String,
        /// The namespace's file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be entered, which needs CAP_SYS_ADMIN.
    #[error("observer {observer}: cannot enter the network namespace {path} (that needs root)")]
    Enter {
        /// The observer.
        observer: String,
        /// The namespace's file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No thread could be started.
    #[error("observer {observer}: no thread")]
    Thread {
        /// The observer.
        observer: String,
        /// Why.
        source: io::Error,
    },
}

struct Stop(Option<oneshot::Sender<()>>);

impl Drop for Stop {
    fn drop(&mut self) {
        if let Some(stop) = self.0.take() {
            let _ = stop.send(());
        }
    }
}

impl Observer {
    /// The host the monitor runs on. Must be called within a tokio runtime.
    pub fn here(name: &str) -> Self {
        Self {
            name: Arc::from(name),
            probes: Probes::default(),
            handle: Handle::current(),
            _thread: None,
        }
    }

    /// A network namespace of this host: a name as `ip netns` has it, or a path.
    pub fn in_namespace(name: &str, namespace: &str) -> Result<Self, ObserverError> {
        let path = if namespace.contains('/') {
            PathBuf::from(namespace)
        } else {
            Path::new(NAMESPACES).join(namespace)
        };
        let observer = name.to_owned();
        let file = File::open(&path).map_err(|source| ObserverError::Open {
            observer: observer.clone(),
            path: path.clone(),
            source,
        })?;
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
        let spawned = thread::Builder::new()
            .name(format!("observer {name}"))
            .spawn(move || {
                let entered =
                    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
                        .map_err(io::Error::from)
                        .and_then(|()| Builder::new_current_thread().enable_all().build());
                match entered {
                    Ok(runtime) => {
                        let _ = ready.send(Ok(runtime.handle().clone()));
                        let _ = runtime.block_on(stopped);
                        runtime.shutdown_background();
                    }
                    Err(error) => {
                        let _ = ready.send(Err(error));
                    }
                }
            });
        spawned.map_err(|source| ObserverError::Thread {
            observer: observer.clone(),
            source,
        })?;
        let entered = is_ready
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("its thread ended")));
        let handle = entered.map_err(|source| ObserverError::Enter {
            observer,
            path,
            source,
        })?;
        Ok(Self {
            name: Arc::from(name),
            probes: Probes::default(),
            handle,
            _thread: Some(Arc::new(Stop(Some(stop)))),
        })
    }

    /// What it is called.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What runs here.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observer").field(&self.name).finish()
    }
}
