//! What a server answers, and what goes wrong with it.

use std::fmt;
use std::io;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// What went wrong, and in which part of it.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) part: Part,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Connect,
    Hello,
    StartTls,
    Login,
    Sender,
    Recipient,
    /// Asking to hand the mail over.
    Data,
    /// The mail itself: from here on the server may have it.
    Handover,
}

#[derive(Debug)]
pub(super) enum What {
    /// It said no.
    Refused(Reply),
    /// It did not say anything in time.
    Silent(Duration),
    /// The connection broke.
    Broken(io::Error),
    /// It lacks something that we need.
    Lacks(&'static str),
}

/// A reply: the code and its text on one line.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) text: String,
    pub(super) lines: Vec<String>,
}

impl Reply {
    pub(super) fn expect(self, part: Part, code: u16) -> Result<Self, Trouble> {
        match self.code == code {
            true => Ok(self),
            false => Err(refused(part, self)),
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.text)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::Hello => "hello",
            Self::StartTls => "STARTTLS",
            Self::Login => "login",
            Self::Sender => "sender",
            Self::Recipient => "recipient",
            Self::Data => "DATA",
            Self::Handover => "handing the mail over",
        })
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = self.part;
        match &self.what {
            What::Refused(reply) => write!(f, "{part} refused: {reply}"),
            What::Silent(limit) => write!(f, "{part}: no answer within {limit:.1?}"),
            What::Broken(error) => write!(f, "{part}: {error}"),
            What::Lacks(what) => write!(f, "{part}: {what}"),
        }
    }
}

/// Runs `work` for at most `limit` and never past `until`.
pub(super) async fn within<T>(
    part: Part,
    limit: Duration,
    until: Instant,
    work: impl Future<Output = io::Result<T>>,
) -> Result<T, Trouble> {
    let now = Instant::now();
    let end = until.min(now + limit);
    let what = match timeout_at(end, work).await {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(error)) => What::Broken(error),
        Err(_) => What::Silent(end.saturating_duration_since(now)),
    };
    Err(Trouble { part, what })
}

pub(super) fn refused(part: Part, reply: Reply) -> Trouble {
    Trouble {
        part,
        what: What::Refused(reply),
    }
}

pub(super) fn lacks(part: Part, what: &'static str) -> Trouble {
    Trouble {
        part,
        what: What::Lacks(what),
    }
}
