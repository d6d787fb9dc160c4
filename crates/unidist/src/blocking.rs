//! For programs without an asynchronous runtime: the same objects, and one place to wait.
//!
//! ```
//! use unidist::{BucketSpec, blocking};
//!
//! let here = blocking::Unidist::memory()?;
//! let shop = here.consistent("shop", BucketSpec::default())?;
//! let guard = here.wait(shop.lock("till").acquire())?;
//! let number = here.wait(shop.counter("orders").fetch_add(1))?;
//! here.wait(guard.release())?;
//! assert_eq!(number, 0);
//! # Ok::<(), unidist::Error>(())
//! ```

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};

use crate::error::{Error, Result};
use crate::node::FileOpts;
use crate::store::committing_here;

/// A [`crate::Unidist`] with a thread of its own for what goes on in the
/// background. The calling thread itself writes and syncs what it waits for.
#[derive(Clone, Debug)]
pub struct Unidist {
    inner: crate::Unidist,
    runtime: Arc<Runtime>,
}

impl Unidist {
    /// As [`crate::Unidist::memory`].
    ///
    /// # Errors
    /// [`Error::Storage`] if the system gives no thread.
    pub fn memory() -> Result<Self> {
        let runtime = runtime()?;
        let inner = crate::Unidist::memory();
        Ok(Self { inner, runtime })
    }

    /// As [`crate::Unidist::open`].
    ///
    /// # Errors
    /// As there.
    pub fn open(dir: impl AsRef<Path>, opts: FileOpts) -> Result<Self> {
        let runtime = runtime()?;
        let inner = runtime.block_on(crate::Unidist::open(dir, opts))?;
        Ok(Self { inner, runtime })
    }

    /// Does one operation and waits for its end. Not for use within an
    /// asynchronous runtime, where tokio panics at it.
    pub fn wait<F: Future>(&self, operation: F) -> F::Output {
        committing_here(|| self.runtime.block_on(operation))
    }
}

impl Deref for Unidist {
    type Target = crate::Unidist;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

fn runtime() -> Result<Arc<Runtime>> {
    let mut builder = Builder::new_multi_thread();
    let runtime = builder
        .worker_threads(1)
        .thread_name("unidist-wait")
        .enable_time()
        .build();
    runtime.map(Arc::new).map_err(|source| Error::Storage {
        doing: "start a runtime from",
        file: PathBuf::new(),
        source: Arc::new(source),
    })
}
