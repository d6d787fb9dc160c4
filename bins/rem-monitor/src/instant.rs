use rem_time::{Span, Timestamp};

/// A text that is no time.
#[derive(Debug, thiserror::Error)]
#[error("not a time such as 2026-11-21T08:00:00Z, nor a span such as 24h: {0}")]
pub(crate) struct NotATime(String);

/// An instant, or so long ago.
pub(crate) fn instant(text: &str, now: Timestamp) -> Result<Timestamp, NotATime> {
    if let Ok(ago) = text.parse::<Span>() {
        return Ok(now - ago);
    }
    text.parse().map_err(|_| NotATime(text.to_owned()))
}
