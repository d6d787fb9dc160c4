#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::reason;

/// How much a server may say before the handshake; one that says more is
/// critical.
const SAID_BYTES_MAX: usize = 16 * 1024;

/// How a protocol asks for encryption on a connection that began without.
///
/// ```
/// use rem_check::StartTls;
///
/// let kind: StartTls = "smtp".parse()?;
/// assert_eq!(kind, StartTls::Smtp);
/// assert!("gopher".parse::<StartTls>().is_err());
/// # Ok::<(), rem_check::StartTlsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StartTls {
    /// Mail between servers, and its submission (RFC 3207).
    Smtp,
    /// Mailboxes (RFC 9051).
    Imap,
    /// Mailboxes, the older way (RFC 2595).
    Pop3,
    /// Files (RFC 4217).
    Ftp,
    /// Chat, as a client (RFC 6120).
    Xmpp,
    /// Directories (RFC 4511).
    Ldap,
    /// PostgreSQL's own.
    Postgres,
    /// MySQL's and MariaDB's own.
    Mysql,
}

/// Not a protocol whose encryption can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of smtp, imap, pop3, ftp, xmpp, ldap, postgres, mysql: {0}")]
pub struct StartTlsError(String);

impl StartTls {
    const ALL: [Self; 8] = [
        Self::Smtp,
        Self::Imap,
        Self::Pop3,
        Self::Ftp,
        Self::Xmpp,
        Self::Ldap,
        Self::Postgres,
        Self::Mysql,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Ftp => "ftp",
            Self::Xmpp => "xmpp",
            Self::Ldap => "ldap",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }

    /// Talks to a server until both sides are ready for the handshake.
    pub(crate) async fn ask<S>(self, stream: &mut S, host: &str) -> Result<(), String>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut talk = Talk {
            stream,
            said: Vec::new(),
        };
        match self {
            Self::Smtp => {
                talk.reply("220").await?;
                talk.say(b"EHLO rem-check.invalid\r\n").await?;
                let offers = talk.reply("250").await?.to_ascii_uppercase();
                let is_offered = offers.lines().any(|line| line[4..].trim() == "STARTTLS");
                if !is_offered {
                    return Err("it does not offer STARTTLS".into());
                }
                talk.say(b"STARTTLS\r\n").await?;
                talk.reply("220").await?;
            }
            Self::Ftp => {
                talk.reply("220").await?;
                talk.say(b"AUTH TLS\r\n").await?;
                talk.reply("234").await?;
            }
            Self::Imap => {
                talk.line_with("* OK").await?;
                talk.say(b"a1 STARTTLS\r\n").await?;
                let mut line = talk.line().await?;
                while line.starts_with("* ") {
                    line = talk.line().await?;
                }
                if !line.to_ascii_uppercase().starts_with("A1 OK") {
                    return Err(answered(line.as_bytes()));
                }
            }
            Self::Pop3 => {
                talk.line_with("+OK").await?;
                talk.say(b"STLS\r\n").await?;
                talk.line_with("+OK").await?;
            }
            Self::Xmpp => talk.xmpp(host).await?,
            Self::Ldap => {
                talk.say(b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037")
                    .await?;
                talk.ldap().await?;
            }
            Self::Postgres => {
                talk.say(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]).await?;
                match talk.take(1).await?.as_slice() {
                    b"S" => {}
                    b"N" => return Err("it does not offer TLS".into()),
                    other => return Err(answered(other)),
                }
            }
            Self::Mysql => talk.mysql().await?,
        }
        match talk.said.is_empty() {
            true => Ok(()),
            // Whoever sits between could have put it there (CVE-2011-0411).
            false => Err(format!("before the handshake it {}", answered(&talk.said))),
        }
    }
}

impl FromStr for StartTls {
    type Err = StartTlsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|kind| kind.word() == text);
        found.ok_or_else(|| StartTlsError(text.to_owned()))
    }
}

impl fmt::Display for StartTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A conversation before the handshake.
struct Talk<'a, S> {
    stream: &'a mut S,
    /// What came and was not looked at yet.
    said: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<'_, S> {
    async fn say(&mut self, words: &[u8]) -> Result<(), String> {
        let sent = self.stream.write_all(words).await;
        sent.map_err(|error| format!("{} before the TLS handshake", reason::io(&error)))
    }

    async fn more(&mut self) -> Result<(), String> {
        if self.said.len() >= SAID_BYTES_MAX {
            let limit = crate::local::bytes(SAID_BYTES_MAX as u64);
            return Err(format!(
                "it said more than {limit} before the TLS handshake"
            ));
        }
        let mut buffer = [0; 1024];
        match self.stream.read(&mut buffer).await {
            Ok(0) if self.said.is_empty() => {
                Err("connection closed before the TLS handshake".into())
            }
            Ok(0) => Err(format!("it closed and {}", answered(&self.said))),
            Ok(read) => {
                self.said.extend_from_slice(&buffer[..read]);
                Ok(())
            }
            Err(error) => Err(format!("{} before the TLS handshake", reason::io(&error))),
        }
    }

    async fn take(&mut self, count: usize) -> Result<Vec<u8>, String> {
        while self.said.len() < count {
            self.more().await?;
        }
        let rest = self.said.split_off(count);
        Ok(std::mem::replace(&mut self.said, rest))
    }

    async fn line(&mut self) -> Result<String, String> {
        loop {
            if let Some(end) = self.said.iter().position(|byte| *byte == b'\n') {
                let line = self.take(end + 1).await?;
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            self.more().await?;
        }
    }

    async fn line_with(&mut self, start: &str) -> Result<(), String> {
        let line = self.line().await?;
        match line.starts_with(start) {
            true => Ok(()),
            false => Err(answered(line.as_bytes())),
        }
    }

    /// All lines of a reply such as `250-a`, `250 b`, which must have this code.
    async fn reply(&mut self, code: &str) -> Result<String, String> {
        let mut reply = String::new();
        loop {
            let line = self.line().await?;
            let is_reply = line.starts_with(code) && (line.len() == 3 || line.is_char_boundary(4));
            match line.as_bytes().get(3) {
                _ if !is_reply || reply.len() > SAID_BYTES_MAX => {
                    return Err(answered(line.as_bytes()));
                }
                Some(b'-') => {
                    reply.push_str(&line);
                    reply.push('\n');
                }
                Some(b' ') => {
                    reply.push_str(&line);
                    return Ok(reply);
                }
                None => return Ok(reply + code + " "),
                Some(_) => return Err(answered(line.as_bytes())),
            }
        }
    }

    /// Everything up to and with one of these endings.
    async fn until(&mut self, ends: &[&str]) -> Result<String, String> {
        loop {
            let text = String::from_utf8_lossy(&self.said).into_owned();
            let end = ends
                .iter()
                .filter_map(|end| text.find(end).map(|at| at + end.len()))
                .min();
            if let Some(end) = end.filter(|end| *end <= self.said.len()) {
                let said = self.take(end).await?;
                return Ok(String::from_utf8_lossy(&said).into_owned());
            }
            self.more().await?;
        }
    }

    async fn xmpp(&mut self, host: &str) -> Result<(), String> {
        let host = host.replace(['\'', '<', '&'], "");
        let hello = format!(
            "<?xml version='1.0'?><stream:stream to='{host}' xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
        );
        self.say(hello.as_bytes()).await?;
        let ends = [
            "</stream:features>",
            "<stream:features/>",
            "</stream:stream>",
        ];
        let features = self.until(&ends).await?;
        let namespace = "urn:ietf:params:xml:ns:xmpp-tls";
        if !features.contains(namespace) {
            return Err("it does not offer STARTTLS".into());
        }
        self.say(format!("<starttls xmlns='{namespace}'/>").as_bytes())
            .await?;
        let answer = self.until(&[">"]).await?;
        match answer.trim_start().starts_with("<proceed") {
            true if answer.ends_with("/>") => Ok(()),
            true => self.until(&["</proceed>"]).await.map(drop),
            false => Err(answered(answer.as_bytes())),
        }
    }

    /// An extended response whose result is 0 (RFC 4511 §4.14).
    async fn ldap(&mut self) -> Result<(), String> {
        let mut message = self.take(2).await?;
        let length = match *message.as_slice() {
            [0x30, length @ 0..=0x7f] => usize::from(length),
            // Active Directory writes every length with four bytes.
            [0x30, 0x84] => {
                let digits = self.take(4).await?;
                digits
                    .iter()
                    .fold(0, |sum, digit| sum << 8 | usize::from(*digit))
            }
            [0x30, 0x81] => usize::from(self.take(1).await?[0]),
            _ => return Err(answered(&message)),
        };
        if length > SAID_BYTES_MAX {
            return Err(answered(&message));
        }
        message = self.take(length).await?;
        // Message 1, an extended response, and its first field: the result.
        let is_answer = message.starts_with(&[0x02, 0x01, 0x01, 0x78]);
        let result = message
            .windows(3)
            .skip(4)
            .find_map(|part| (part[..2] == [0x0a, 0x01]).then_some(part[2]));
        match result {
            Some(0) if is_answer => Ok(()),
            Some(code) if is_answer => Err(format!("it refuses TLS with result {code}")),
            Some(_) | None => Err(answered(&message)),
        }
    }

    /// Reads the greeting and asks with protocol 4.1, TLS and long flags.
    async fn mysql(&mut self) -> Result<(), String> {
        const TLS: u32 = 0x0800;
        const FLAGS: u32 = 0x0200 | 0x8000 | TLS;
        let header = self.take(4).await?;
        let length = u32::from_le_bytes([header[0], header[1], header[2], 0]) as usize;
        if length > SAID_BYTES_MAX {
            return Err(answered(&header));
        }
        let greeting = self.take(length).await?;
        if greeting.first() != Some(&10) {
            return Err(answered(&greeting));
        }
        // Version text, its zero, connection number, 8 bytes of salt, a filler.
        let text = greeting.iter().position(|byte| *byte == 0);
        let flags = text.and_then(|end| greeting.get(end + 14..end + 16));
        match flags {
            Some(&[low, high]) if u32::from_le_bytes([low, high, 0, 0]) & TLS != 0 => {}
            Some(_) => return Err("it does not offer TLS".into()),
            None => return Err(answered(&greeting)),
        }
        let mut request = vec![32, 0, 0, 1];
        request.extend_from_slice(&FLAGS.to_le_bytes());
        request.extend_from_slice(&0x0100_0000u32.to_le_bytes());
        request.push(45);
        request.resize(36, 0);
        self.say(&request).await
    }
}

/// `answered "554 no"`, shortened.
fn answered(said: &[u8]) -> String {
    const EXCERPT_MAX: usize = 60;
    let start = String::from_utf8_lossy(&said[..said.len().min(EXCERPT_MAX)]).into_owned();
    format!("answered \"{}\"", start.trim_end().escape_debug())
}
