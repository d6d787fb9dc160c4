//! What happened to each episode, line by line; kept on disk, not in memory.

use std::sync::Arc;

use rem_alert::episode::AuditLine;
use rem_time::Timestamp;

/// One line of an episode's timeline.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// The episode changed.
    Step(Box<AuditLine>),
    /// A message about it was taken over, or will never be.
    Message {
        /// When.
        at: Timestamp,
        /// The message's number.
        no: u64,
        /// How it ended: `sent to ann by mail ann@example.com: 250 queued`.
        end: Arc<str>,
    },
}

/// Lines that are to be written: the episode, the number of the line, the line.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    pub fresh: Vec<(u64, u32, Line)>,
}

impl Timeline {
    pub(crate) fn add(&mut self, episode: u64, line_no: u32, line: Line) {
        self.fresh.push((episode, line_no, line));
    }
}
