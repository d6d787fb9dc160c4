//! The way out for mail: which server, as whom, how protected.

use std::time::Duration;

use lettre::message::Mailbox;
use percent_encoding::percent_decode_str;

use crate::{Secret, Trust};

mod conversation;
mod mailer;
#[cfg(test)]
mod tests;
mod trouble;

pub(crate) use mailer::Mailer;

/// A mail server that takes our mails, and the sender they have.
#[derive(Clone, Debug)]
pub struct Smtp {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) protection: Protection,
    pub(crate) login: Option<(String, Secret)>,
    pub(crate) from: Mailbox,
    pub(crate) reply_to: Option<String>,
    pub(crate) hello: Option<String>,
    pub(crate) trust: Trust,
    pub(crate) connections_max: usize,
    pub(crate) limits: Limits,
}

/// How the connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// TLS from the first byte: `smtps://`.
    Tls,
    /// STARTTLS or no mail.
    StartTls,
    /// STARTTLS if the server offers it, whatever its certificate; no
    /// protection from somebody who changes what is on the line.
    StartTlsIfOffered,
    /// None.
    Plain,
}

/// How long each part of a delivery may take; the deadline of the message
/// limits all of them together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) connect: Duration,
    pub(crate) command: Duration,
    pub(crate) data: Duration,
    /// A connection unused for so long is not used again.
    pub(crate) idle: Duration,
}

/// Mail settings that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SmtpError {
    /// Not `smtp://host` and not `smtps://host`. The URL is not repeated: it
    /// may hold a password.
    #[error("a mail server is smtp://[user@]host[:port] or smtps://…: {0}")]
    Url(&'static str),
    /// Not a mail address.
    #[error("not a mail address: {0}")]
    Address(String),
}

impl Smtp {
    /// Connections to the server at one time.
    pub const CONNECTIONS_MAX: usize = 8;

    /// The server at `url` takes our mails, which are from `from`.
    ///
    /// `smtp://[user[:password]@]host[:port]` or `smtps://…`; ports 25 and
    /// 465 unless said otherwise. `?starttls=required|offered|none` says what
    /// `smtp://` demands; without it, a login demands STARTTLS, and mails
    /// without a login use it where it is offered.
    pub fn new(url: &str, from: &str) -> Result<Self, SmtpError> {
        let (scheme, rest) = url
            .split_once("://")
            .ok_or(SmtpError::Url("it has no scheme"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(read_login(login)?), place),
            None => (None, rest),
        };
        let tls = match scheme {
            "smtp" => false,
            "smtps" => true,
            _ => return Err(SmtpError::Url("its scheme is another one")),
        };
        let (host, port) = read_place(place, if tls { 465 } else { 25 })?;
        let protection = match (tls, query) {
            (true, "") => Protection::Tls,
            (true, _) => return Err(SmtpError::Url("smtps:// takes no option")),
            (false, "") if login.is_some() => Protection::StartTls,
            (false, "" | "starttls=offered") => Protection::StartTlsIfOffered,
            (false, "starttls=required") => Protection::StartTls,
            (false, "starttls=none") => Protection::Plain,
            (false, _) => {
                return Err(SmtpError::Url(
                    "its option is not starttls=required, offered or none",
                ));
            }
        };
        Ok(Self {
            host,
            port,
            protection,
            login,
            from: read_mailbox(from)?,
            reply_to: None,
            hello: None,
            trust: Trust::public(),
            connections_max: Self::CONNECTIONS_MAX,
            limits: Limits::default(),
        })
    }

    /// The password for the user in the URL.
    pub fn password(mut self, password: impl Into<Secret>) -> Result<Self, SmtpError> {
        match &mut self.login {
            Some((_, kept)) => *kept = password.into(),
            None => return Err(SmtpError::Url("there is a password and no user")),
        }
        Ok(self)
    }

    /// Where replies go, `{token}` in it standing for the reply token:
    /// `rem+{token}@example.com`.
    pub fn reply_to(mut self, address: &str) -> Result<Self, SmtpError> {
        read_mailbox(&address.replace("{token}", "token"))?;
        self.reply_to = Some(address.to_owned());
        Ok(self)
    }

    /// How we introduce ourselves: this machine's full name. Otherwise the
    /// address we connect from.
    pub fn hello(mut self, name: &str) -> Result<Self, SmtpError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        if name.is_empty() || !name.bytes().all(fits) {
            return Err(SmtpError::Url("our own name is not a machine's name"));
        }
        self.hello = Some(name.to_owned());
        Ok(self)
    }

    /// Whose certificates are believed.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// Connections to the server at one time; further mails wait.
    #[must_use]
    pub fn connections_max(mut self, connections: usize) -> Self {
        self.connections_max = connections.max(1);
        self
    }

    /// How long connecting (with TLS and login's greeting), one command, and
    /// handing over a mail may take. Without it 15 s, 30 s and 2 min.
    #[must_use]
    pub fn timeouts(mut self, connect: Duration, command: Duration, data: Duration) -> Self {
        self.limits.connect = connect;
        self.limits.command = command;
        self.limits.data = data;
        self
    }

    /// How the connection is protected.
    pub fn protection(&self) -> Protection {
        self.protection
    }

    /// The domain our message ids are in.
    pub(crate) fn domain(&self) -> &str {
        self.from.email.domain()
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            command: Duration::from_secs(30),
            data: Duration::from_secs(120),
            idle: Duration::from_secs(60),
        }
    }
}

/// `name:password`, percent-decoded.
pub(crate) fn read_login(text: &str) -> Result<(String, Secret), SmtpError> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let decode = |text| {
        let decoded = percent_decode_str(text).decode_utf8();
        decoded.map_err(|_| SmtpError::Url("its user or password is not UTF-8"))
    };
    let (user, password) = (decode(user)?, decode(password)?);
    if user.is_empty() || user.contains(['\r', '\n', '\0']) {
        return Err(SmtpError::Url("its user is no name"));
    }
    Ok((user.into_owned(), Secret::new(password)))
}

/// `host`, `host:port`, `[2001:db8::1]:port`.
pub(crate) fn read_place(text: &str, port: u16) -> Result<(String, u16), SmtpError> {
    let bad_port = || SmtpError::Url("its port is not a number below 65536");
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, port),
        Some((host, rest)) => {
            let digits = rest.strip_prefix(':').ok_or_else(bad_port)?;
            (host, digits.parse().map_err(|_| bad_port())?)
        }
        None => match text.split_once(':') {
            Some((host, digits)) => (host, digits.parse().map_err(|_| bad_port())?),
            None => (text, port),
        },
    };
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
    if host.is_empty() || !host.bytes().all(fits) {
        return Err(SmtpError::Url("its host is no name"));
    }
    Ok((host.to_owned(), port))
}

fn read_mailbox(text: &str) -> Result<Mailbox, SmtpError> {
    text.trim()
        .parse()
        .map_err(|_| SmtpError::Address(text.to_owned()))
}
