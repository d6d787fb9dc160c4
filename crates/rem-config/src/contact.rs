use std::fmt;
use std::path::PathBuf;

use rem_yaml::{Place, SecretSource};

/// A text that may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Text {
    /// As it is written; not shown by `Debug`, for it may be a secret all the same.
    Plain(String),
    /// From elsewhere.
    Secret(SecretSource),
}

/// One way to reach a person or a program.
#[derive(Clone, Debug)]
pub struct Contact {
    /// How.
    pub way: ContactWay,
    /// Whether several alerts go in one message; yes unless told.
    pub digest: bool,
    /// Where it is written.
    pub place: Place,
}

/// The kind of a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContactKind {
    /// A mail.
    Mail,
    /// An HTTP POST.
    Webhook,
    /// A program.
    Script,
}

/// How somebody is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContactWay {
    /// A mail to this address.
    Mail(String),
    /// An HTTP POST.
    Webhook(WebhookContact),
    /// A program that gets the message as JSON on its standard input.
    Script(ScriptContact),
}

/// An HTTP POST.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookContact {
    /// Where it goes; the path is not shown by `Debug`, for many it is the password.
    pub url: Text,
    /// What the body looks like.
    pub body: WebhookBody,
    /// Sent with it.
    pub headers: Vec<(String, Text)>,
    /// The key the body is signed with.
    pub secret: Option<SecretSource>,
}

/// What the body of a webhook looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WebhookBody {
    /// All there is to know, in our own words.
    #[default]
    Rem,
    /// Alertmanager's, version 4.
    Alertmanager,
    /// Slack's and Mattermost's.
    Slack,
    /// ntfy's.
    Ntfy,
    /// Discord's.
    Discord,
    /// What this text makes.
    Custom {
        /// The text with things to fill in.
        text: String,
        /// What it is; `application/json` unless told.
        content_type: String,
    },
}

/// A program that delivers a message.
#[derive(Clone, PartialEq, Eq)]
pub struct ScriptContact {
    /// The program and its arguments, with `{user}`, `{name}` and `{phone}` filled in.
    pub command: Vec<String>,
    /// Its environment beside `PATH`.
    pub environment: Vec<(String, Text)>,
    /// The folder of the file it is written in, where it starts.
    pub folder: PathBuf,
}

impl Contact {
    /// Whether both reach the same in the same way, wherever that is written.
    pub fn same_as(&self, other: &Self) -> bool {
        self.way == other.way && self.digest == other.digest
    }
}

impl ContactWay {
    /// As it is written: `mail`, `webhook` or `script`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Mail(_) => "mail",
            Self::Webhook(_) => "webhook",
            Self::Script(_) => "script",
        }
    }
}

/// For pages and logs, without secrets: `mail ann@example.com`, `webhook
/// https://ntfy.example.com`, `script /usr/bin/sms`.
impl fmt::Display for ContactWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mail(address) => write!(f, "mail {address}"),
            Self::Webhook(webhook) => write!(f, "webhook {}", webhook.origin()),
            Self::Script(script) => {
                let program = script.command.first().map_or("", String::as_str);
                write!(f, "script {program}")
            }
        }
    }
}

impl WebhookContact {
    /// Scheme, host and port: what may be shown.
    pub fn origin(&self) -> String {
        match &self.url {
            Text::Plain(url) => {
                let path = url.find("://").and_then(|at| {
                    let rest = &url[at + 3..];
                    rest.find(['/', '?', '#']).map(|end| at + 3 + end)
                });
                url[..path.unwrap_or(url.len())].to_owned()
            }
            Text::Secret(source) => source.to_string(),
        }
    }
}

impl fmt::Debug for WebhookContact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookContact")
            .field("origin", &self.origin())
            .field("body", &self.body)
            .field("headers", &self.headers)
            .field("secret", &self.secret)
            .finish()
    }
}

impl fmt::Debug for ScriptContact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptContact")
            .field("program", &self.command.first())
            .field("arguments", &self.command.len().saturating_sub(1))
            .field("environment", &self.environment)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(_) => f.write_str("…"),
            Self::Secret(source) => source.fmt(f),
        }
    }
}

impl ContactKind {
    /// As it is written: `mail`, `webhook`, `script`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Webhook => "webhook",
            Self::Script => "script",
        }
    }
}
