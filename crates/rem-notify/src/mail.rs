//! A message as a mail.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};
use ring::digest::{SHA256, digest};

use crate::{Kind, Link, MailContact, Outgoing, SendError, Smtp, Urgency, wire};

#[cfg(test)]
mod tests;

/// Longer subjects are cut.
const SUBJECT_MAX: usize = 240;
/// Longer texts are cut; a digest of ten thousand alerts fits.
const TEXT_MAX: usize = 1 << 20;
/// 9999-12-31T23:59:59Z: what a `Date` can say.
const SECONDS_MAX: u64 = 253_402_300_799;

const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");
const X_REM_ID: HeaderName = HeaderName::new_from_ascii_str("X-REM-Id");
const X_REM_KIND: HeaderName = HeaderName::new_from_ascii_str("X-REM-Kind");
const IMPORTANCE: HeaderName = HeaderName::new_from_ascii_str("Importance");

/// What a person can answer.
const COMMANDS: &str = "ack, ack 30, ack done, take, esc";

/// The whole mail, the same bytes for the same message.
pub(crate) fn compose(
    message: &Outgoing,
    contact: &MailContact,
    smtp: &Smtp,
) -> Result<Vec<u8>, SendError> {
    let id = wire::id(&message.id);
    let importance = match (message.kind, message.urgency) {
        (_, Urgency::Low) => "low",
        (Kind::Page, Urgency::Normal) => "high",
        (_, Urgency::Normal) => "normal",
    };
    let mut builder = Message::builder()
        .date(date(message))
        .from(smtp.from.clone())
        .subject(subject(message))
        .message_id(Some(message_id(message, smtp.domain())))
        .raw_header(raw(AUTO_SUBMITTED, "auto-generated"))
        .raw_header(raw(X_REM_ID, &id))
        .raw_header(raw(X_REM_KIND, message.kind.as_str()))
        .raw_header(raw(IMPORTANCE, importance));
    for mailbox in &contact.addresses {
        builder = builder.to(mailbox.clone());
    }
    if let Some(mailbox) = reply_to(message, smtp) {
        builder = builder.reply_to(mailbox);
    }
    if let Some(thread) = &message.thread {
        // Nobody ever sent this id: it is what the mails of one thread share.
        let root = format!("<rem0.{}@{}>", wire::id(thread), smtp.domain());
        builder = builder.in_reply_to(root.clone()).references(root);
    }
    let hash = wire::hex(digest(&SHA256, message.id.as_bytes()).as_ref());
    let body = MultiPart::alternative()
        .boundary(format!("=_rem_{}", &hash[..32]))
        .singlepart(SinglePart::plain(plain(message)))
        .singlepart(SinglePart::html(html(message)));
    let mail = builder
        .multipart(body)
        .map_err(|error| SendError::permanent(format!("no mail can be made of it: {error}")))?;
    Ok(mail.formatted())
}

/// `<rem1.TOKEN.ID@domain>`: a reply brings it back in `In-Reply-To`.
fn message_id(message: &Outgoing, domain: &str) -> String {
    let id = wire::id(&message.id);
    match &message.reply_token {
        Some(token) => format!("<rem1.{}.{id}@{domain}>", undotted(token)),
        None => format!("<rem0.{id}@{domain}>"),
    }
}

/// A token, no dot in it.
fn undotted(token: &str) -> String {
    wire::id(token).replace('.', "=2E")
}

/// `[REM 7F3K-19] what happened`.
fn subject(message: &Outgoing) -> String {
    let subject = wire::one_line(&message.subject, SUBJECT_MAX);
    match &message.tag {
        Some(tag) => format!("[REM {}] {subject}", wire::one_line(tag, 40)),
        None => subject,
    }
}

fn reply_to(message: &Outgoing, smtp: &Smtp) -> Option<Mailbox> {
    let address = smtp.reply_to.as_ref()?;
    if !address.contains("{token}") {
        return address.parse().ok();
    }
    let token = message.reply_token.as_ref()?;
    address.replace("{token}", &undotted(token)).parse().ok()
}

/// What mail programs without HTML show: text, links, how to answer.
fn plain(message: &Outgoing) -> String {
    let mut text = wire::cut(&wire::lines(&message.text), TEXT_MAX);
    for Link { label, url } in &message.links {
        let (label, url) = (wire::one_line(label, 200), wire::one_line(url, 2000));
        let _ = write!(text, "\n\n{label}: {url}");
    }
    if let Some(token) = &message.reply_token {
        let token = wire::id(token);
        let _ = write!(
            text,
            "\n\nYou can answer this mail: {COMMANDS}.\n[rem:{token}]"
        );
    }
    text.push('\n');
    text
}

fn html(message: &Outgoing) -> String {
    let text = match &message.html {
        Some(html) => wire::cut(html, TEXT_MAX),
        None => {
            let text = wire::cut(&wire::lines(&message.text), TEXT_MAX);
            format!(
                "<pre style=\"font:inherit;white-space:pre-wrap\">{}</pre>",
                wire::html(&text)
            )
        }
    };
    let mut page =
        format!("<!doctype html>\n<html><head><meta charset=\"utf-8\"></head><body>\n{text}\n");
    for Link { label, url } in message.links.iter().filter(|link| is_safe(&link.url)) {
        let (label, url) = (wire::one_line(label, 200), wire::one_line(url, 2000));
        let (label, url) = (wire::html(&label), wire::html(&url));
        let _ = writeln!(page, "<p><a href=\"{url}\">{label}</a></p>");
    }
    if let Some(token) = &message.reply_token {
        let token = wire::html(&wire::id(token));
        let _ = writeln!(
            page,
            "<p>You can answer this mail: {COMMANDS}.<br>[rem:{token}]</p>"
        );
    }
    page.push_str("</body></html>\n");
    page
}

fn is_safe(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

fn date(message: &Outgoing) -> SystemTime {
    let seconds = u64::try_from(message.at.as_seconds()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.min(SECONDS_MAX))
}

fn raw(name: HeaderName, value: &str) -> HeaderValue {
    HeaderValue::new(name, value.to_owned())
}
