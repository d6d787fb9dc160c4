use rem_time::Span;

use crate::{Archive, default_archives};

/// How a [`Store`](crate::Store) works. The defaults suit a monitoring server.
#[derive(Clone, Debug)]
pub struct Options {
    /// The longest time that an accepted sample exists in memory alone: what a
    /// `kill -9` or a power failure may cost. Half of it is waited for company, the
    /// other half is left for writing. A disk that takes longer than that for one sync
    /// stretches the window by what it takes.
    pub commit_window: Span,
    /// The longest time that rows wait for their file. Series take turns, so that
    /// the work is spread evenly.
    pub flush_every: Span,
    /// So many waiting rows of a series are written at once.
    pub flush_rows: usize,
    /// So many last samples of each series are kept in memory (see
    /// [`Store::recent`](crate::Store::recent)).
    pub recent: usize,
    /// The journal begins a new segment after so many bytes.
    pub segment_bytes: u64,
    /// The archives of new files where no declaration says others.
    pub archives: Vec<Archive>,
    /// A sample this far ahead of the clock is refused: it would lock everybody
    /// out of the series until then.
    pub ahead_max: Span,
    /// For tests of this crate: what to break on purpose.
    #[doc(hidden)]
    pub fault: Fault,
}

/// Something broken on purpose, to see that a test notices.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is.
    #[default]
    None,
    /// The journal is not written.
    NoJournal,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            commit_window: Span::from_seconds(1),
            flush_every: Span::from_seconds(60),
            flush_rows: 40,
            recent: 100,
            segment_bytes: 16 << 20,
            archives: default_archives(),
            ahead_max: Span::from_seconds(86_400),
            fault: Fault::None,
        }
    }
}
