//! SMTP as RFC 5321 has it, from the client's side.

use std::io;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::time::Instant;

use super::trouble::{Part, Reply, Trouble, lacks, refused, within};
use super::{Protection, Smtp};
use crate::line::{LineStream, Stream};
use crate::{Trust, wire};

/// A reply's line; RFC 5321 allows 512.
const LINE_MAX: usize = 2048;
const REPLY_LINES_MAX: usize = 128;

/// One connection, ready for a mail or in the middle of one.
pub(super) struct Conversation {
    line: LineStream,
    offers: Offers,
    pub(super) idle_since: Instant,
}

/// What the server can do.
#[derive(Debug, Default)]
struct Offers {
    starttls: bool,
    utf8: bool,
    eight_bit: bool,
    plain: bool,
    login: bool,
}

impl Conversation {
    /// Connects, says hello, protects the connection and logs in.
    pub(super) async fn open(smtp: &Smtp, until: Instant) -> Result<Self, Trouble> {
        let (host, limits) = (smtp.host.as_str(), &smtp.limits);
        let stream = within(Part::Connect, limits.connect, until, async {
            let stream = Stream::connect(host, smtp.port).await?;
            match smtp.protection {
                Protection::Tls => stream.with_tls(host, smtp.trust.client()).await,
                Protection::StartTls | Protection::StartTlsIfOffered | Protection::Plain => {
                    Ok(stream)
                }
            }
        })
        .await?;
        let hello = smtp.hello.clone().unwrap_or_else(|| stream.own_address());
        let mut open = Self {
            line: LineStream::new(stream),
            offers: Offers::default(),
            idle_since: Instant::now(),
        };
        let command = limits.command;
        within(Part::Hello, command, until, open.reply())
            .await?
            .expect(Part::Hello, 220)?;
        open.hello(&hello, command, until).await?;
        let wanted = match smtp.protection {
            Protection::StartTls if !open.offers.starttls => {
                return Err(lacks(Part::StartTls, "it does not offer STARTTLS"));
            }
            Protection::StartTls => Some(smtp.trust.client()),
            // Any certificate: the mail would go without TLS as well.
            Protection::StartTlsIfOffered if open.offers.starttls && smtp.login.is_none() => {
                Some(Trust::client_of_anybody())
            }
            Protection::StartTlsIfOffered if open.offers.starttls => Some(smtp.trust.client()),
            Protection::StartTlsIfOffered | Protection::Tls | Protection::Plain => None,
        };
        if let Some(tls) = wanted {
            open.say(Part::StartTls, "STARTTLS", command, until)
                .await?
                .expect(Part::StartTls, 220)?;
            within(
                Part::StartTls,
                limits.connect,
                until,
                open.line.start_tls(host, tls),
            )
            .await?;
            open.hello(&hello, command, until).await?;
        }
        open.login(smtp, until).await?;
        Ok(open)
    }

    /// Whether the line is protected.
    pub(super) fn is_encrypted(&self) -> bool {
        self.line.is_encrypted()
    }

    /// Begins a mail.
    pub(super) async fn sender(
        &mut self,
        from: &str,
        ascii: bool,
        limit: Duration,
        until: Instant,
    ) -> Result<(), Trouble> {
        let utf8 = match ascii {
            true => "",
            false if self.offers.utf8 && self.offers.eight_bit => " BODY=8BITMIME SMTPUTF8",
            false => {
                return Err(lacks(
                    Part::Recipient,
                    "it cannot do addresses beyond ASCII",
                ));
            }
        };
        let command = format!("MAIL FROM:<{from}>{utf8}");
        self.say(Part::Sender, &command, limit, until)
            .await?
            .expect(Part::Sender, 250)?;
        Ok(())
    }

    /// Names a recipient.
    pub(super) async fn recipient(
        &mut self,
        to: &str,
        limit: Duration,
        until: Instant,
    ) -> Result<(), Trouble> {
        let command = format!("RCPT TO:<{to}>");
        let reply = self.say(Part::Recipient, &command, limit, until).await?;
        match reply.code {
            250 | 251 => Ok(()),
            _ => Err(refused(Part::Recipient, reply)),
        }
    }

    /// Hands the mail over; what the server said is its receipt.
    pub(super) async fn data(
        &mut self,
        mail: &[u8],
        command: Duration,
        limit: Duration,
        until: Instant,
    ) -> Result<Reply, Trouble> {
        self.say(Part::Data, "DATA", command, until)
            .await?
            .expect(Part::Data, 354)?;
        let stuffed = stuffed(mail);
        within(Part::Handover, limit, until, async {
            self.line.write(&stuffed).await?;
            self.reply().await
        })
        .await?
        .expect(Part::Handover, 250)
    }

    /// Forgets a mail that was begun; whether the connection can be used again.
    pub(super) async fn reset(&mut self, limit: Duration, until: Instant) -> bool {
        let reply = self.say(Part::Sender, "RSET", limit, until).await;
        reply.is_ok_and(|reply| reply.code == 250)
    }

    async fn hello(&mut self, name: &str, limit: Duration, until: Instant) -> Result<(), Trouble> {
        let reply = self
            .say(Part::Hello, &format!("EHLO {name}"), limit, until)
            .await?;
        if reply.code == 250 {
            self.offers = Offers::read(&reply.lines);
            return Ok(());
        }
        self.offers = Offers::default();
        let reply = self
            .say(Part::Hello, &format!("HELO {name}"), limit, until)
            .await?;
        reply.expect(Part::Hello, 250).map(drop)
    }

    async fn login(&mut self, smtp: &Smtp, until: Instant) -> Result<(), Trouble> {
        let Some((user, password)) = &smtp.login else {
            return Ok(());
        };
        if !self.is_encrypted() && smtp.protection != Protection::Plain {
            return Err(lacks(
                Part::Login,
                "it offers no TLS and the password stays here",
            ));
        }
        let limit = smtp.limits.command;
        let reply = if self.offers.plain {
            let both = STANDARD.encode(format!("\0{user}\0{}", password.reveal()));
            self.say(Part::Login, &format!("AUTH PLAIN {both}"), limit, until)
                .await?
        } else if self.offers.login {
            let first = self.say(Part::Login, "AUTH LOGIN", limit, until).await?;
            first.expect(Part::Login, 334)?;
            let second = self
                .say(Part::Login, &STANDARD.encode(user), limit, until)
                .await?;
            second.expect(Part::Login, 334)?;
            self.say(
                Part::Login,
                &STANDARD.encode(password.reveal()),
                limit,
                until,
            )
            .await?
        } else {
            return Err(lacks(
                Part::Login,
                "it offers neither AUTH PLAIN nor AUTH LOGIN",
            ));
        };
        reply.expect(Part::Login, 235).map(drop)
    }

    async fn say(
        &mut self,
        part: Part,
        command: &str,
        limit: Duration,
        until: Instant,
    ) -> Result<Reply, Trouble> {
        within(part, limit, until, async {
            self.line.write(format!("{command}\r\n").as_bytes()).await?;
            self.reply().await
        })
        .await
    }

    async fn reply(&mut self) -> io::Result<Reply> {
        let mut lines = Vec::new();
        loop {
            let line = self.line.line(LINE_MAX).await?;
            let line = String::from_utf8_lossy(&line).into_owned();
            let (code, rest) = read_reply_line(&line).ok_or_else(not_smtp)?;
            lines.push(rest.1.to_owned());
            if !rest.0 {
                let text = wire::one_line(&lines.join(" "), 4000);
                return Ok(Reply { code, text, lines });
            }
            if lines.len() > REPLY_LINES_MAX {
                return Err(not_smtp());
            }
        }
    }
}

impl Offers {
    fn read(lines: &[String]) -> Self {
        let mut offers = Self::default();
        for line in lines.iter().skip(1) {
            let line = line.to_ascii_uppercase();
            let mut words = line.split([' ', '=']);
            match words.next() {
                Some("STARTTLS") => offers.starttls = true,
                Some("SMTPUTF8") => offers.utf8 = true,
                Some("8BITMIME") => offers.eight_bit = true,
                Some("AUTH") => {
                    for word in words {
                        offers.plain |= word == "PLAIN";
                        offers.login |= word == "LOGIN";
                    }
                }
                Some(_) | None => {}
            }
        }
        offers
    }
}

/// `250-text`: the code, whether more lines follow, and the text.
fn read_reply_line(line: &str) -> Option<(u16, (bool, &str))> {
    let digits = line.get(..3)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let code = digits
        .parse()
        .ok()
        .filter(|code| (200..600).contains(code))?;
    let rest = &line[3..];
    match rest.as_bytes().first() {
        None => Some((code, (false, ""))),
        Some(b' ') => Some((code, (false, &rest[1..]))),
        Some(b'-') => Some((code, (true, &rest[1..]))),
        Some(_) => None,
    }
}

/// The mail as it goes over the line: lines end with CR LF, a dot at the
/// start of a line is doubled, a dot alone ends it.
pub(super) fn stuffed(mail: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(mail.len() + mail.len() / 64 + 8);
    let mut previous = b'\n';
    for &byte in mail {
        if byte == b'\n' && previous != b'\r' {
            stuffed.push(b'\r');
        } else if previous == b'\r' && byte != b'\n' {
            stuffed.push(b'\n');
            previous = b'\n';
        }
        if byte == b'.' && previous == b'\n' {
            stuffed.push(b'.');
        }
        stuffed.push(byte);
        previous = byte;
    }
    match previous {
        b'\n' => {}
        b'\r' => stuffed.push(b'\n'),
        _ => stuffed.extend_from_slice(b"\r\n"),
    }
    stuffed.extend_from_slice(b".\r\n");
    stuffed
}

fn not_smtp() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it does not speak SMTP")
}
