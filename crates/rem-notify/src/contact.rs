//! Where a person can be reached.

use std::fmt;
use std::path::PathBuf;

use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};

use crate::{Secret, Template};

#[cfg(test)]
mod tests;

/// One way to reach a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contact {
    /// A mail to one or more addresses.
    Mail(MailContact),
    /// An HTTP POST.
    Webhook(Webhook),
    /// A program that gets the message as JSON on its standard input.
    Script(Script),
}

/// Mail addresses; reaching one of them is reaching the contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailContact {
    pub(crate) addresses: Vec<lettre::message::Mailbox>,
}

/// An HTTP POST.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    pub(crate) uri: Uri,
    pub(crate) body: Body,
    pub(crate) headers: Vec<(HeaderName, Secret)>,
    pub(crate) hmac_key: Option<Secret>,
}

/// What a webhook's body looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Body {
    /// All there is to know, in REM's own words.
    #[default]
    Rem,
    /// Alertmanager's webhook body, version 4. Its alerts are those of
    /// `alerts` in [`Outgoing::json`](crate::Outgoing::json), each with `labels`, `annotations`,
    /// `status` (`firing` or `resolved`), `starts_at`, `ends_at` and `url`, all
    /// optional; `receiver` and `external_url` beside them. Without `alerts`
    /// the message itself is the alert.
    Alertmanager,
    /// `{"text": …}` and blocks, as Slack and Mattermost take it.
    Slack,
    /// A message of ntfy: text body, the rest in headers.
    Ntfy,
    /// `{"content": …}`, as Discord takes it.
    Discord,
    /// What a template makes.
    Custom(Template),
}

/// A program to run for each message.
#[derive(Clone, PartialEq, Eq)]
pub struct Script {
    pub(crate) argv: Vec<String>,
    pub(crate) env: Vec<(String, Secret)>,
    pub(crate) cwd: Option<PathBuf>,
}

/// A contact that can never work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContactError {
    /// Not `name@example.com` and not `Name <name@example.com>`.
    #[error("not a mail address: {0}")]
    Address(String),
    /// Not `http://…` or `https://…`. The URL is not repeated: it may be secret.
    #[error("not the URL of a webhook: {0}")]
    Url(&'static str),
    /// Not a header's name or value, or one that is not ours to set.
    #[error("not a header that can be sent: {0}")]
    Header(String),
    /// The template cannot be read.
    #[error("the template cannot be read: {0}")]
    Template(String),
    /// Nothing to run.
    #[error("a script contact needs a program to run")]
    NoProgram,
}

impl Contact {
    /// A mail to `address`: `ann@example.com` or `Ann <ann@example.com>`.
    pub fn mail(address: &str) -> Result<Self, ContactError> {
        MailContact::new([address]).map(Self::Mail)
    }

    /// A POST of [`Body::Rem`] to `url`.
    pub fn webhook(url: &str) -> Result<Self, ContactError> {
        Webhook::new(url).map(Self::Webhook)
    }

    /// A program and its arguments.
    pub fn script<T: Into<String>>(
        argv: impl IntoIterator<Item = T>,
    ) -> Result<Self, ContactError> {
        Script::new(argv).map(Self::Script)
    }

    /// `mail`, `webhook` or `script`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Mail(_) => "mail",
            Self::Webhook(_) => "webhook",
            Self::Script(_) => "script",
        }
    }
}

impl fmt::Display for Contact {
    /// For pages and logs, without secrets: `mail ann@example.com`,
    /// `webhook https://ntfy.example.com`, `script /usr/bin/page`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mail(mail) => {
                f.write_str("mail")?;
                for address in mail.addresses() {
                    write!(f, " {address}")?;
                }
                Ok(())
            }
            Self::Webhook(webhook) => write!(f, "webhook {}", webhook.origin()),
            Self::Script(script) => write!(f, "script {}", script.argv[0]),
        }
    }
}

impl MailContact {
    /// One mail with all of `addresses` as its recipients.
    pub fn new<'a>(addresses: impl IntoIterator<Item = &'a str>) -> Result<Self, ContactError> {
        let addresses = addresses
            .into_iter()
            .map(|text| {
                text.trim()
                    .parse()
                    .map_err(|_| ContactError::Address(text.to_owned()))
            })
            .collect::<Result<Vec<_>, _>>()?;
        if addresses.is_empty() {
            return Err(ContactError::Address(String::new()));
        }
        Ok(Self { addresses })
    }

    /// The addresses without names.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.addresses.iter().map(|mailbox| mailbox.email.as_ref())
    }
}

impl Webhook {
    /// A POST of [`Body::Rem`] to `url`. The path and the query of the URL
    /// are never shown: for many receivers they are the password.
    pub fn new(url: &str) -> Result<Self, ContactError> {
        let refused = |why| ContactError::Url(why);
        let uri: Uri = url.parse().map_err(|_| refused("it cannot be read"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(refused("it begins with neither http:// nor https://"));
        }
        let authority = uri.authority().ok_or_else(|| refused("it has no host"))?;
        if authority.host().is_empty() || authority.as_str().contains('@') {
            return Err(refused("a user and a password belong into a header"));
        }
        Ok(Self {
            uri,
            body: Body::default(),
            headers: Vec::new(),
            hmac_key: None,
        })
    }

    /// What the body looks like.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// Adds a header, such as `Authorization`.
    pub fn header(mut self, name: &str, value: impl Into<Secret>) -> Result<Self, ContactError> {
        let refused = || ContactError::Header(name.to_owned());
        let value = value.into();
        let name: HeaderName = name.parse().map_err(|_| refused())?;
        HeaderValue::from_bytes(value.reveal().as_bytes()).map_err(|_| refused())?;
        if ["host", "content-length", "transfer-encoding", "connection"].contains(&name.as_str()) {
            return Err(refused());
        }
        self.headers.push((name, value));
        Ok(self)
    }

    /// Signs the body: `X-REM-Signature: sha256=<hex of HMAC-SHA256(key, body)>`.
    #[must_use]
    pub fn signed_with(mut self, key: impl Into<Secret>) -> Self {
        self.hmac_key = Some(key.into());
        self
    }

    /// Scheme, host and port: what may be shown.
    pub fn origin(&self) -> String {
        let scheme = self.uri.scheme_str().unwrap_or("http");
        let authority = self
            .uri
            .authority()
            .map_or("", |authority| authority.as_str());
        format!("{scheme}://{authority}")
    }

    /// `text` without the secrets of this contact.
    pub(crate) fn without_secrets(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (_, secret) in &self.headers {
            text = secret.hide_in(&text);
            // `Bearer KEY`: the key alone is as secret.
            if let Some((_, key)) = secret.reveal().split_once(' ') {
                text = Secret::new(key).hide_in(&text);
            }
        }
        if let Some(key) = &self.hmac_key {
            text = key.hide_in(&text);
        }
        match self.uri.path_and_query() {
            Some(path) => Secret::new(path.as_str()).hide_in(&text),
            None => text,
        }
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("origin", &self.origin())
            .field("body", &self.body)
            .field("headers", &self.headers)
            .field("hmac_key", &self.hmac_key)
            .finish()
    }
}

impl Script {
    /// A program by path, or by name to be found in `PATH`, and its arguments.
    pub fn new<T: Into<String>>(argv: impl IntoIterator<Item = T>) -> Result<Self, ContactError> {
        let argv: Vec<String> = argv.into_iter().map(Into::into).collect();
        if argv.first().is_none_or(String::is_empty) {
            return Err(ContactError::NoProgram);
        }
        Ok(Self {
            argv,
            env: Vec::new(),
            cwd: None,
        })
    }

    /// Sets an environment variable; the program sees no other but `PATH`.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// The folder it starts in.
    #[must_use]
    pub fn cwd(mut self, cwd: impl Into<PathBuf>) -> Self {
        self.cwd = Some(cwd.into());
        self
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("program", &self.argv[0])
            .field("arguments", &(self.argv.len() - 1))
            .field("env", &self.env)
            .field("cwd", &self.cwd)
            .finish()
    }
}
