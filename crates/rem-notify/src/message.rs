//! What is to be said, before it is known in which form.

use rem_time::Timestamp;
use serde_json::{Value, json};

use crate::wire;

#[cfg(test)]
mod tests;

/// One message to one person. It is the same over all attempts and contacts.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// The same on every attempt, and no other message's: `Message-ID` and
    /// `Idempotency-Key` are made from it. Any text; `<episode>.<n>` by habit.
    pub id: String,
    /// Why it is sent.
    pub kind: Kind,
    /// One line. Control characters in it become spaces.
    pub subject: String,
    /// What it says, plain.
    pub text: String,
    /// The same as HTML for mail programs; made from `text` and `links` if `None`.
    pub html: Option<String>,
    /// What webhooks and scripts get to see beside the fields here, under
    /// `data`; the `alertmanager` body reads its alerts from there, see
    /// [`Body::Alertmanager`](crate::Body::Alertmanager).
    pub json: Value,
    /// Whether it may make noise.
    pub urgency: Urgency,
    /// Where to read more and to acknowledge.
    pub links: Vec<Link>,
    /// The short name of what can be acknowledged, such as `7F3K-19`: the
    /// subject of a mail begins with `[REM 7F3K-19]`.
    pub tag: Option<String>,
    /// What a reply has to bring back to act for this person; it is in the
    /// mail's `Message-ID` and, where the mail settings has such a
    /// reply address, in `Reply-To`.
    pub reply_token: Option<String>,
    /// Messages with the same thread, an episode's id by habit, are shown as
    /// one conversation by mail programs.
    pub thread: Option<String>,
    /// When it was made: the `Date` of the mail.
    pub at: Timestamp,
}

impl Outgoing {
    /// A message with no more than it must have.
    pub fn new(
        id: impl Into<String>,
        kind: Kind,
        subject: impl Into<String>,
        text: impl Into<String>,
        at: Timestamp,
    ) -> Self {
        Self {
            id: id.into(),
            kind,
            subject: subject.into(),
            text: text.into(),
            html: None,
            json: Value::Null,
            urgency: Urgency::Normal,
            links: Vec::new(),
            tag: None,
            reply_token: None,
            thread: None,
            at,
        }
    }

    /// One message that lists all of `messages`: the first
    /// [`TOLD_MAX`](Self::TOLD_MAX) with their texts, the others by their
    /// subjects. Its `json.alerts` are all of theirs. It may make noise if one
    /// of them may. Who can answer it, tag and token, is the caller's to say.
    pub fn digest(id: impl Into<String>, messages: &[Self], at: Timestamp) -> Self {
        let count = messages.len();
        let first = messages.first().map_or("", |message| &message.subject);
        let subject = match count {
            0 | 1 => first.to_owned(),
            _ => format!("{count} messages: {first}"),
        };
        let mut text = String::new();
        let mut alerts = Vec::new();
        for (at, message) in messages.iter().enumerate() {
            text.push_str("* ");
            if let Some(tag) = &message.tag {
                text.push_str(&format!("[REM {tag}] "));
            }
            text.push_str(&message.subject);
            text.push('\n');
            if at < Self::TOLD_MAX {
                for line in wire::cut(&message.text, 2000).lines() {
                    text.push_str(&format!("  {line}\n"));
                }
                for link in &message.links {
                    text.push_str(&format!("  {}: {}\n", link.label, link.url));
                }
            }
            match message.json.get("alerts").and_then(Value::as_array) {
                Some(theirs) if !theirs.is_empty() => alerts.extend(theirs.iter().cloned()),
                Some(_) | None => alerts.push(message.as_alert()),
            }
        }
        let mut digest = Self::new(id, Kind::Digest, subject, text, at);
        let is_low = |message: &Self| message.urgency == Urgency::Low;
        if count > 0 && messages.iter().all(is_low) {
            digest.urgency = Urgency::Low;
        }
        digest.json = json!({"alerts": alerts});
        digest
    }

    /// Messages of a digest that are told with their texts.
    pub const TOLD_MAX: usize = 50;

    /// Itself as one of `json.alerts`.
    fn as_alert(&self) -> Value {
        let over = self.kind == Kind::Recovery;
        json!({
            "labels": {"alertname": self.thread.as_ref().unwrap_or(&self.id)},
            "annotations": {"summary": self.subject, "description": self.text},
            "status": if over { "resolved" } else { "firing" },
            "starts_at": self.at.to_string(),
            "url": self.links.first().map_or("", |link| &link.url),
        })
    }

    /// The id as it is on the wire: `Idempotency-Key`, `X-REM-Id`, in the
    /// `Message-ID`, and in what [`Ignored`](crate::Ignored) says of a mail
    /// that came back. Letters that may not stand there are written `=3A`;
    /// a very long id is cut and told apart by its hash.
    pub fn wire_id(&self) -> String {
        wire::id(&self.id)
    }
}

/// Why a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Something fires: do something.
    Page,
    /// It is over.
    Recovery,
    /// Something about an alert that asks for nothing: held, taken, explained.
    Note,
    /// Several alerts in one message.
    Digest,
    /// A shift begins or ends.
    OnCall,
    /// Whether this contact still works.
    SelfTest,
    /// That REM itself lives.
    Heartbeat,
    /// What became of a reply.
    Confirmation,
}

impl Kind {
    /// As it is written in headers and JSON: `page`, `self-test`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Recovery => "recovery",
            Self::Note => "note",
            Self::Digest => "digest",
            Self::OnCall => "on-call",
            Self::SelfTest => "self-test",
            Self::Heartbeat => "heartbeat",
            Self::Confirmation => "confirmation",
        }
    }
}

/// Whether a message may make noise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Urgency {
    /// It may wake somebody.
    #[default]
    Normal,
    /// It may wait for the morning.
    Low,
}

impl Urgency {
    /// As it is written in JSON: `normal`, `low`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}

/// A place to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What one finds there: `acknowledge`.
    pub label: String,
    /// Where it is.
    pub url: String,
}

impl Link {
    /// A link called `label`.
    pub fn new(label: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            url: url.into(),
        }
    }
}
