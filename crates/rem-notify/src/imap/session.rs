//! As much of IMAP4rev1 (RFC 3501) as reading a folder needs.

use std::io;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use rustls::ClientConfig;

use super::{InboxError, refused};
use crate::line::LineStream;

/// A line of an answer: half a million numbers of unseen mails fit.
const LINE_MAX: usize = 4 << 20;
/// All lines between a command and its end.
const ANSWER_MAX: usize = 8 << 20;

pub(super) struct Session {
    line: LineStream,
    commands: u32,
}

/// What came between a command and its end.
struct Answer {
    /// Untagged lines, each with the literals in it.
    lines: Vec<Untagged>,
}

struct Untagged {
    text: String,
    /// A literal that was asked for and is not too long.
    literal: Option<Vec<u8>>,
    /// Whether a literal was longer than wanted.
    too_long: bool,
}

impl Session {
    pub(super) async fn greeted(line: LineStream) -> Result<Self, InboxError> {
        let mut session = Self { line, commands: 0 };
        let greeting = session.text_line().await?;
        match greeting.get(..4).map(str::to_ascii_uppercase).as_deref() {
            Some("* OK") => Ok(session),
            Some("* BY") => Err(refused("us", &greeting)),
            Some(_) | None => Err(not_imap().into()),
        }
    }

    pub(super) async fn start_tls(
        &mut self,
        host: &str,
        tls: Arc<ClientConfig>,
    ) -> Result<(), InboxError> {
        self.command("STARTTLS", "STARTTLS", 0).await?;
        self.line.start_tls(host, tls).await?;
        Ok(())
    }

    pub(super) async fn login(&mut self, user: &str, password: &str) -> Result<(), InboxError> {
        if user.is_ascii() && password.is_ascii() {
            let command = format!("LOGIN {} {}", string(user), string(password));
            self.command("the login", &command, 0).await?;
            return Ok(());
        }
        // A quoted string holds ASCII only.
        let both = STANDARD.encode(format!("\0{user}\0{password}"));
        self.converse("the login", "AUTHENTICATE PLAIN", Some(both), 0)
            .await?;
        Ok(())
    }

    pub(super) async fn select(&mut self, folder: &str) -> Result<(), InboxError> {
        let folder = string(&utf7(folder));
        self.command("the folder", &format!("SELECT {folder}"), 0)
            .await?;
        Ok(())
    }

    /// Numbers of the mails not seen, at most `max`, oldest first.
    pub(super) async fn unseen(&mut self, max: usize) -> Result<Vec<u32>, InboxError> {
        let answer = self
            .command("the search", "UID SEARCH UNSEEN UNDELETED", 0)
            .await?;
        let mut uids = Vec::new();
        for line in &answer.lines {
            let mut words = line.text.split_ascii_whitespace();
            let is_search = words.next() == Some("*")
                && words
                    .next()
                    .is_some_and(|word| word.eq_ignore_ascii_case("SEARCH"));
            if is_search {
                uids.extend(words.filter_map(|word| word.parse::<u32>().ok()));
            }
        }
        uids.sort_unstable();
        uids.dedup();
        uids.truncate(max);
        Ok(uids)
    }

    /// A mail; `None` if it is not there, `Some(None)` if it is longer than `max`.
    pub(super) async fn fetch(
        &mut self,
        uid: u32,
        max: usize,
    ) -> Result<Option<Option<Vec<u8>>>, InboxError> {
        let command = format!("UID FETCH {uid} (UID BODY.PEEK[]<0.{}>)", max + 1);
        let answer = self.command("a mail", &command, max).await?;
        for line in answer.lines {
            if !is_fetch_of(&line.text, uid) {
                continue;
            }
            if line.too_long {
                return Ok(Some(None));
            }
            if let Some(bytes) = line.literal {
                return Ok(Some(Some(bytes)));
            }
        }
        Ok(None)
    }

    pub(super) async fn seen(&mut self, uid: u32) -> Result<(), InboxError> {
        let command = format!("UID STORE {uid} +FLAGS.SILENT (\\Seen)");
        self.command("to mark a mail as seen", &command, 0).await?;
        Ok(())
    }

    pub(super) async fn logout(&mut self) -> Result<(), InboxError> {
        self.command("to part", "LOGOUT", 0).await?;
        Ok(())
    }

    /// Sends a command and reads to its end. Literals up to `literal_max`
    /// bytes are kept, longer ones are skipped.
    async fn command(
        &mut self,
        what: &'static str,
        command: &str,
        literal_max: usize,
    ) -> Result<Answer, InboxError> {
        self.converse(what, command, None, literal_max).await
    }

    /// The same; `more` is what we say when the server asks for it, once.
    async fn converse(
        &mut self,
        what: &'static str,
        command: &str,
        mut more: Option<String>,
        literal_max: usize,
    ) -> Result<Answer, InboxError> {
        self.commands += 1;
        let tag = format!("r{}", self.commands);
        self.line
            .write(format!("{tag} {command}\r\n").as_bytes())
            .await?;
        let mut lines = Vec::new();
        let mut size = 0;
        let mut kept = 0;
        loop {
            let mut line = Untagged {
                text: self.text_line().await?,
                literal: None,
                too_long: false,
            };
            while let Some(length) = literal_length(&line.text) {
                if length <= literal_max as u64 && kept <= literal_max {
                    let bytes = self
                        .line
                        .exactly(usize::try_from(length).unwrap_or(0))
                        .await?;
                    kept += bytes.len();
                    line.literal.get_or_insert(bytes);
                } else {
                    self.line.skip(length).await?;
                    line.too_long = true;
                }
                let rest = self.text_line().await?;
                if line.text.len() + rest.len() > LINE_MAX {
                    return Err(not_imap().into());
                }
                line.text = format!("{} {rest}", &line.text[..line.text.rfind('{').unwrap_or(0)]);
            }
            if let Some(end) = line
                .text
                .strip_prefix(&tag)
                .and_then(|rest| rest.strip_prefix(' '))
            {
                let is_ok = end
                    .get(..2)
                    .is_some_and(|word| word.eq_ignore_ascii_case("OK"));
                return match is_ok {
                    true => Ok(Answer { lines }),
                    false => Err(refused(what, end)),
                };
            }
            if line.text.starts_with('+') {
                // Asked for more than there is, we have nothing to say.
                let more = more.take().ok_or_else(not_imap)?;
                self.line.write(format!("{more}\r\n").as_bytes()).await?;
                continue;
            }
            // A line costs its place in the list as well.
            size += line.text.len() + 64;
            if size > ANSWER_MAX {
                return Err(not_imap().into());
            }
            lines.push(line);
        }
    }

    async fn text_line(&mut self) -> io::Result<String> {
        let line = self.line.line(LINE_MAX).await?;
        Ok(String::from_utf8_lossy(&line).into_owned())
    }
}

/// `* 7 FETCH (UID 12 …)`.
fn is_fetch_of(text: &str, uid: u32) -> bool {
    let upper = text.to_ascii_uppercase();
    let mut words = upper.split(|letter: char| letter.is_whitespace() || "()".contains(letter));
    let mut words = words.by_ref().filter(|word| !word.is_empty());
    if words.next() != Some("*") || words.next().is_none() || words.next() != Some("FETCH") {
        return false;
    }
    let words: Vec<&str> = words.collect();
    let uid = uid.to_string();
    words.windows(2).any(|pair| pair == ["UID", uid.as_str()])
}

/// `… {123}` at the end of a line: so many bytes follow.
fn literal_length(line: &str) -> Option<u64> {
    let (_, number) = line.strip_suffix('}')?.rsplit_once('{')?;
    number.strip_suffix('+').unwrap_or(number).parse().ok()
}

/// A quoted string. Line ends are refused where texts come in.
fn string(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

/// A folder's name in the UTF-7 of RFC 3501 §5.1.3.
fn utf7(name: &str) -> String {
    let mut encoded = String::new();
    let mut foreign: Vec<u8> = Vec::new();
    let flush = |foreign: &mut Vec<u8>, encoded: &mut String| {
        if !foreign.is_empty() {
            let base64 = STANDARD_NO_PAD.encode(&*foreign).replace('/', ",");
            encoded.push_str(&format!("&{base64}-"));
            foreign.clear();
        }
    };
    for letter in name.chars() {
        if letter.is_ascii() && !letter.is_ascii_control() {
            flush(&mut foreign, &mut encoded);
            match letter {
                '&' => encoded.push_str("&-"),
                other => encoded.push(other),
            }
        } else {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                foreign.extend_from_slice(&unit.to_be_bytes());
            }
        }
    }
    flush(&mut foreign, &mut encoded);
    encoded
}

fn not_imap() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it does not speak IMAP")
}
