use std::io;
use std::path::{Path, PathBuf};

/// Why something about a series could not be done. The file or the series
/// concerned is always named.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("cannot {doing} {path}")]
    Io {
        /// What was being done, such as `create`.
        doing: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// librrd refused.
    #[error("cannot {doing} {path}: {reason}")]
    Rrd {
        /// What was being done, such as `update`.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// librrd's words.
        reason: String,
    },
    /// A file is not, or no longer, what it should be. It is left as it is.
    #[error("{path} is damaged and left as it is: {reason}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Another process works in the folder.
    #[error("{path} is in use by {}", holder(*.pid))]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The process, where its lock file tells.
        pid: Option<u32>,
    },
    /// The journal cannot be written (see [`Stats::journal_error`](crate::Stats::journal_error))
    /// and what waits for it has reached its limit.
    #[error("sample refused, {waiting} bytes wait for the journal in {path}: {reason}")]
    JournalFull {
        /// The folder of the journal.
        path: PathBuf,
        /// How much is waiting.
        waiting: usize,
        /// Why it cannot be written.
        reason: String,
    },
    /// A name with no character in it.
    #[error("a {what} needs a name")]
    EmptyName {
        /// `series` or `field`.
        what: &'static str,
    },
    /// The series has no sample and no file.
    #[error("no such series: {name}")]
    NoSeries {
        /// The name asked for.
        name: String,
    },
    /// The series has no field of that name.
    #[error("series {series} has no field: {field}")]
    NoField {
        /// The series.
        series: String,
        /// The field asked for.
        field: String,
    },
    /// A declaration that no file can follow.
    #[error("{what}")]
    Declaration {
        /// What is wrong.
        what: String,
    },
    /// A sample with more fields than a file can hold.
    #[error("series {series} would have more than {max} fields")]
    TooManyFields {
        /// The series.
        series: String,
        /// The limit.
        max: usize,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

/// What this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            doing,
            path: path.into(),
            source,
        }
    }

    /// The whole chain in one line, for a place that keeps only text.
    pub(crate) fn in_one_line(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".into(), |pid| format!("process {pid}"))
}
