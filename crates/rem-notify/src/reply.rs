//! What a person answers to a mail.

use std::io::{self, Read};

use mailparse::{MailAddr, MailHeaderMap, ParsedMail};
use rem_time::Span;

use crate::wire;

mod automatic;
#[cfg(test)]
mod tests;
mod text;

/// A person's reply to a mail of ours. It proves nothing by itself: whoever
/// acts on it asks [`Reply::authorised`] first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The address it says it is from, lower case.
    pub from: String,
    /// Reply tokens found in it, the most likely one first.
    pub tokens: Vec<String>,
    /// The tag in its subject: `7F3K-19`.
    pub tag: Option<String>,
    /// Its `Message-ID`, to act once on a reply that comes twice.
    pub message_id: Option<String>,
    /// What to do.
    pub command: Command,
    /// What was said beside the command.
    pub comment: Option<String>,
}

/// What a reply asks for: its first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// `ack`, `ack 30`: acknowledged, quiet for so long or for as long as usual.
    Ack(Option<Span>),
    /// `ack done`, `done`: acknowledged for good.
    Done,
    /// `take`: I do it.
    Take,
    /// `esc`: the next one, please.
    Escalate,
    /// Anything else: a comment, which is in [`Reply::comment`].
    Comment,
}

/// Why a mail is not a reply to act on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ignored {
    /// A program wrote it: nobody has read our mail.
    #[error("written by a program: {0}")]
    Automatic(String),
    /// A mail of ours did not arrive, or not yet.
    #[error("a mail of ours to {recipient} did not arrive: {text}")]
    Bounced {
        /// [`Outgoing::wire_id`](crate::Outgoing::wire_id) of the message, if the report names it.
        id: Option<String>,
        /// Whom it was for; empty if the report does not say.
        recipient: String,
        /// Whether it never will arrive: the address is broken.
        permanent: bool,
        /// What the other server said.
        text: String,
    },
    /// A mail of ours came back whole: this way works.
    #[error("our own mail: {id}")]
    Own {
        /// [`Outgoing::wire_id`](crate::Outgoing::wire_id) of the message.
        id: String,
        /// The reply tokens found in it: that of the message, if it had one.
        tokens: Vec<String>,
    },
    /// It carries no token.
    #[error("it carries no reply token")]
    NoToken,
    /// It says nothing of its own.
    #[error("it says nothing")]
    Empty,
    /// It is not from one address.
    #[error("it has no readable sender")]
    NoSender,
    /// It cannot be read as a mail.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// It is longer than we read.
    #[error("it is longer than {0} bytes")]
    TooLong(usize),
}

/// Mails that answer ours.
#[derive(Clone, Copy, Debug)]
pub struct MailReply;

impl MailReply {
    /// A longer mail is ignored: replies are short.
    pub const MAIL_MAX: usize = 1 << 20;
    /// Tokens of one mail that are looked at.
    pub const TOKENS_MAX: usize = 16;
    /// How long an acknowledgement by mail may ask for quiet.
    pub const QUIET_MAX: Span = Span::from_seconds(7 * 24 * 3600);

    /// Reads a mail as it came, headers and all.
    ///
    /// ```
    /// use rem_notify::{Command, MailReply};
    ///
    /// let mail = b"From: Ann <ann@example.com>\r\n\
    ///     To: rem+t0ken@example.com\r\n\
    ///     Subject: Re: [REM 7F3K-19] web-01 does not answer\r\n\r\n\
    ///     ack 30\r\n\r\n> apache/http: no answer for 30 s\r\n";
    /// let reply = MailReply::parse(mail)?;
    /// assert_eq!(reply.command, Command::Ack(Some("30m".parse().unwrap())));
    /// let user = reply.authorised(|from, token| {
    ///     (from == "ann@example.com" && token == "t0ken").then_some("ann")
    /// });
    /// assert_eq!(user, Some("ann"));
    /// # Ok::<(), rem_notify::Ignored>(())
    /// ```
    pub fn parse(mail: &[u8]) -> Result<Reply, Ignored> {
        if mail.len() > Self::MAIL_MAX {
            return Err(Ignored::TooLong(Self::MAIL_MAX));
        }
        // A mailbox file's first line is not part of the mail.
        let mail = match mail.strip_prefix(b"From ") {
            Some(rest) => rest
                .iter()
                .position(|byte| *byte == b'\n')
                .map_or(rest, |at| &rest[at + 1..]),
            None => mail,
        };
        let mail = mailparse::parse_mail(mail)
            .map_err(|error| Ignored::Unreadable(wire::one_line(&error.to_string(), 200)))?;
        automatic::refuse(&mail)?;
        let from = sender(&mail).ok_or(Ignored::NoSender)?;
        let body = text::of(&mail);
        let tokens = tokens(&mail, &body);
        if tokens.is_empty() {
            return Err(Ignored::NoToken);
        }
        let said = text::own_words(&body);
        let (command, comment) = command(&said).ok_or(Ignored::Empty)?;
        let subject = header(&mail, "Subject").unwrap_or_default();
        Ok(Reply {
            from,
            tokens,
            tag: tag(&subject),
            message_id: header(&mail, "Message-ID"),
            command,
            comment,
        })
    }

    /// Reads one mail from `from`, as a mail server hands it to a pipe.
    pub fn read(from: impl Read) -> io::Result<Result<Reply, Ignored>> {
        let mut mail = Vec::new();
        let limit = Self::MAIL_MAX as u64 + 1;
        from.take(limit).read_to_end(&mut mail)?;
        Ok(Self::parse(&mail))
    }
}

impl Reply {
    /// The first answer `known` gives for the sender and a token: who this
    /// is and what the token stands for. `None` means: do nothing.
    pub fn authorised<T>(&self, mut known: impl FnMut(&str, &str) -> Option<T>) -> Option<T> {
        self.tokens
            .iter()
            .find_map(|token| known(&self.from, token))
    }
}

/// A header's text; the first one counts.
fn header(mail: &ParsedMail<'_>, name: &str) -> Option<String> {
    let value = mail.headers.get_first_value(name)?;
    let value = wire::one_line(&value, 2000);
    (!value.is_empty()).then_some(value)
}

/// The one address in `From`.
fn sender(mail: &ParsedMail<'_>) -> Option<String> {
    let mut senders = mail.headers.get_all_headers("From").into_iter();
    let (header, None) = (senders.next()?, senders.next()) else {
        return None;
    };
    let addresses = mailparse::addrparse_header(header).ok()?;
    let single = addresses.extract_single_info()?;
    let address = single.addr.trim().to_lowercase();
    address.contains('@').then_some(address)
}

/// Where a token may have survived: the address it was sent to, the ids of
/// the mails it answers (the last is the one it answers), the quoted text.
fn tokens(mail: &ParsedMail<'_>, body: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut add = |token: &str| {
        let token = wire::id_back(token).unwrap_or_default();
        let fits = !token.is_empty() && token.len() <= 512;
        if fits && tokens.len() < MailReply::TOKENS_MAX && !tokens.contains(&token) {
            tokens.push(token);
        }
    };
    for name in ["Delivered-To", "X-Original-To", "To", "Cc"] {
        for header in mail.headers.get_all_headers(name) {
            for address in addresses(header) {
                if let Some(token) = plus(&address) {
                    add(token);
                }
            }
        }
    }
    // Its own id names a token where the mail is one of ours.
    for name in ["Message-ID", "In-Reply-To", "References"] {
        for value in mail.headers.get_all_values(name) {
            for id in value.split(['<', '>']).rev() {
                if let Some(token) = in_message_id(id) {
                    add(token);
                }
            }
        }
    }
    for rest in body.split("[rem:").skip(1) {
        if let Some((token, _)) = rest.split_once(']') {
            add(token.trim());
        }
    }
    tokens
}

fn addresses(header: &mailparse::MailHeader<'_>) -> Vec<String> {
    let Ok(list) = mailparse::addrparse_header(header) else {
        return Vec::new();
    };
    let mut addresses = Vec::new();
    for address in list.iter() {
        match address {
            MailAddr::Single(single) => addresses.push(single.addr.clone()),
            MailAddr::Group(group) => {
                addresses.extend(group.addrs.iter().map(|single| single.addr.clone()));
            }
        }
    }
    addresses
}

/// `rem+TOKEN@example.com` → `TOKEN`.
fn plus(address: &str) -> Option<&str> {
    let (local, _) = address.rsplit_once('@')?;
    let (_, token) = local.split_once('+')?;
    Some(token)
}

/// `rem1.TOKEN.ID@example.com` → `TOKEN`.
fn in_message_id(id: &str) -> Option<&str> {
    let (token, _) = id.trim().strip_prefix("rem1.")?.split_once('.')?;
    Some(token)
}

/// `Re: [REM 7F3K-19] …` → `7F3K-19`.
fn tag(subject: &str) -> Option<String> {
    let (_, rest) = subject.split_once("[REM ")?;
    let (tag, _) = rest.split_once(']')?;
    let tag = tag.trim();
    (!tag.is_empty() && tag.len() <= 40).then(|| tag.to_owned())
}

/// The command of the first line and what else was said.
///
/// A line is a command only as a whole, up to a comma, a colon or a dash:
/// "take a look, please" must not take anything.
fn command(said: &str) -> Option<(Command, Option<String>)> {
    let said = said.trim();
    if said.is_empty() {
        return None;
    }
    let (first, more) = said.split_once('\n').unwrap_or((said, ""));
    let first = first.trim();
    let end = first
        .char_indices()
        .find(|(at, _)| ends_command(&first[*at..]))
        .map_or(first.len(), |(at, _)| at);
    let Some(command) = read_command(&first[..end]) else {
        return Some((Command::Comment, Some(said.to_owned())));
    };
    let beside = first[end..].trim_start_matches(|letter: char| {
        letter.is_whitespace() || ",:;.!-\u{2013}\u{2014}".contains(letter)
    });
    let comment = format!("{beside}\n{}", more.trim());
    let comment = comment.trim();
    Some((command, (!comment.is_empty()).then(|| comment.to_owned())))
}

/// Whether a mark that ends a command stands here: "1.5h" and "1:30" go on.
fn ends_command(rest: &str) -> bool {
    let mut letters = rest.chars();
    let mark = letters.next();
    let apart = letters.next().is_none_or(char::is_whitespace);
    match mark {
        Some(',' | ':' | ';' | '.' | '!' | '-' | '\u{2013}' | '\u{2014}') => apart,
        Some(_) | None => false,
    }
}

fn read_command(words: &str) -> Option<Command> {
    let words = words.to_lowercase();
    let words: Vec<&str> = words.split_whitespace().collect();
    match words.as_slice() {
        ["ack" | "acknowledge" | "acknowledged"] => Some(Command::Ack(None)),
        ["ack", "done"] | ["done"] => Some(Command::Done),
        ["ack", time] => quiet(time).map(|span| Command::Ack(Some(span))),
        ["ack", number, "min" | "minutes" | "m"] => {
            quiet(number).map(|span| Command::Ack(Some(span)))
        }
        ["take"] => Some(Command::Take),
        ["esc" | "escalate"] => Some(Command::Escalate),
        _ => None,
    }
}

/// `30` is minutes; `2h` says so.
fn quiet(text: &str) -> Option<Span> {
    let span = match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Span::from_seconds(text.parse::<u64>().ok()?.checked_mul(60)?),
        false => text.parse().ok()?,
    };
    (span > Span::ZERO && span <= MailReply::QUIET_MAX).then_some(span)
}
