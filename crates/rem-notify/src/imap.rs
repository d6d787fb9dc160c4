//! Replies that wait in a mailbox.

use std::fmt;
use std::io;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::line::{LineStream, Stream};
use crate::smtp::{read_login, read_place};
use crate::{MailReply, Protection, Secret, Trust, wire};

mod session;
#[cfg(test)]
mod tests;

use session::Session;

/// A folder of an IMAP server that is looked at from time to time.
#[derive(Clone, Debug)]
pub struct ImapInbox {
    host: String,
    port: u16,
    protection: Protection,
    user: String,
    password: Secret,
    folder: String,
    trust: Trust,
}

/// A folder that is open.
pub struct OpenInbox {
    session: Session,
    waiting: Vec<u32>,
    until: Instant,
}

/// A mail of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxMail {
    /// Its number in the folder.
    pub uid: u32,
    /// The mail as it came; `None` if it is longer than [`MailReply::MAIL_MAX`].
    pub bytes: Option<Vec<u8>>,
}

/// Why a folder cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// The settings cannot work. The URL is not repeated: it may hold a password.
    #[error("a mailbox is imaps://user@host[:port][/folder] or imap://…: {0}")]
    Url(&'static str),
    /// The server said no.
    #[error("the mail server refused {what}: {answer}")]
    Refused {
        /// What we asked for.
        what: &'static str,
        /// What it said.
        answer: String,
    },
    /// The connection could not be made, broke, or what came is not IMAP.
    #[error("the connection to the mail server broke")]
    Connection(#[source] io::Error),
    /// It was not done in time.
    #[error("the mail server did not answer in time")]
    Silent,
}

impl ImapInbox {
    /// Mails looked at in one visit; the rest waits for the next.
    pub const MAILS_MAX: usize = 500;

    /// The folder at `url`: `imaps://user@host[:port][/folder]`, or `imap://…`,
    /// which demands STARTTLS unless it ends with `?starttls=none`. Ports 993
    /// and 143 and the folder `INBOX` unless said otherwise.
    pub fn new(url: &str, password: impl Into<Secret>) -> Result<Self, InboxError> {
        let (scheme, rest) = url
            .split_once("://")
            .ok_or(InboxError::Url("it has no scheme"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (protection, port) = match (scheme, query) {
            ("imaps", "") => (Protection::Tls, 993),
            ("imap", "" | "starttls=required") => (Protection::StartTls, 143),
            ("imap", "starttls=none") => (Protection::Plain, 143),
            ("imap" | "imaps", _) => return Err(InboxError::Url("its option is unknown")),
            _ => return Err(InboxError::Url("its scheme is another one")),
        };
        // A slash may be in the folder, not in the user: look from the last @.
        let (login, place) = rest
            .rsplit_once('@')
            .ok_or(InboxError::Url("it has no user"))?;
        let (place, folder) = place.split_once('/').unwrap_or((place, ""));
        let misread = |_| InboxError::Url("its user, host or port cannot be read");
        let (user, in_url) = read_login(login).map_err(misread)?;
        let (host, port) = read_place(place, port).map_err(misread)?;
        let folder = percent_encoding::percent_decode_str(folder);
        let folder = folder
            .decode_utf8()
            .map_err(|_| InboxError::Url("its folder is not UTF-8"))?;
        let password = match password.into() {
            given if given.reveal().is_empty() => in_url,
            given => given,
        };
        let unsayable = |text: &str| text.contains(['\r', '\n', '\0']);
        if unsayable(&folder) || unsayable(password.reveal()) {
            return Err(InboxError::Url(
                "its folder or password has a line end in it",
            ));
        }
        Ok(Self {
            host,
            port,
            protection,
            user,
            password,
            folder: if folder.is_empty() {
                "INBOX".into()
            } else {
                folder.into_owned()
            },
            trust: Trust::public(),
        })
    }

    /// Whose certificates are believed.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// Opens the folder and finds the mails nobody has seen. All that is done
    /// with it afterwards has to be done within `deadline`, counted from here.
    pub async fn open(&self, deadline: Duration) -> Result<OpenInbox, InboxError> {
        let until = Instant::now() + deadline;
        let (session, waiting) = within(until, async {
            let stream = Stream::connect(&self.host, self.port).await?;
            let stream = match self.protection {
                Protection::Tls => stream.with_tls(&self.host, self.trust.client()).await?,
                Protection::StartTls | Protection::StartTlsIfOffered | Protection::Plain => stream,
            };
            let mut session = Session::greeted(LineStream::new(stream)).await?;
            if self.protection == Protection::StartTls {
                session.start_tls(&self.host, self.trust.client()).await?;
            }
            session.login(&self.user, self.password.reveal()).await?;
            session.select(&self.folder).await?;
            let mut waiting = session.unseen(Self::MAILS_MAX).await?;
            waiting.reverse();
            Ok((session, waiting))
        })
        .await
        .map_err(|error| self.without_password(error))?;
        Ok(OpenInbox {
            session,
            waiting,
            until,
        })
    }

    /// A server may repeat what it was told.
    fn without_password(&self, error: InboxError) -> InboxError {
        match error {
            InboxError::Refused { what, answer } => InboxError::Refused {
                what,
                answer: wire::cut(&self.password.hide_in(&answer), 300),
            },
            other => other,
        }
    }
}

impl OpenInbox {
    /// How many mails were not handed out yet.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The next mail nobody has seen, oldest first. It stays unseen until
    /// [`seen`](Self::seen): what it asks for is done first, so that a crash
    /// in between makes it come again.
    pub async fn next(&mut self) -> Result<Option<InboxMail>, InboxError> {
        while let Some(uid) = self.waiting.pop() {
            let fetched = self.session.fetch(uid, MailReply::MAIL_MAX);
            if let Some(bytes) = within(self.until, fetched).await? {
                return Ok(Some(InboxMail { uid, bytes }));
            }
            // Somebody deleted it meanwhile.
        }
        Ok(None)
    }

    /// Marks a mail as seen: it does not come again.
    pub async fn seen(&mut self, uid: u32) -> Result<(), InboxError> {
        within(self.until, self.session.seen(uid)).await
    }

    /// Says goodbye.
    pub async fn close(mut self) -> Result<(), InboxError> {
        within(self.until, self.session.logout()).await
    }
}

impl fmt::Debug for OpenInbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenInbox")
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}

impl From<io::Error> for InboxError {
    fn from(error: io::Error) -> Self {
        Self::Connection(error)
    }
}

async fn within<T>(
    until: Instant,
    work: impl Future<Output = Result<T, InboxError>>,
) -> Result<T, InboxError> {
    match timeout_at(until, work).await {
        Ok(result) => result,
        Err(_) => Err(InboxError::Silent),
    }
}

fn refused(what: &'static str, answer: &str) -> InboxError {
    InboxError::Refused {
        what,
        answer: wire::one_line(answer, 4000),
    }
}
