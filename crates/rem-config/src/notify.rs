use rem_time::Span;
use rem_yaml::SecretSource;

use crate::contact::{Contact, ContactKind};

/// How messages leave and answers come in.
#[derive(Clone, Debug, Default)]
pub struct Notify {
    /// How links in messages begin, without a slash at the end. `None`: as the first
    /// listener is reached.
    pub url: Option<String>,
    /// Through which server mails leave.
    pub smtp: Option<Smtp>,
    /// Where answers by mail are found.
    pub imap: Option<Imap>,
    /// The outside that notices when we are silent.
    pub heartbeat: Option<Heartbeat>,
    /// How every kind of contact is tested; `None` is never.
    pub self_test: Option<SelfTest>,
    /// Who is told when no role has anybody.
    pub fallback: Vec<Contact>,
    /// The time after which one more message to one contact may leave, once a few left
    /// at once. Zero: no limit.
    pub throttle: Span,
}

/// How often contacts are tested unless told.
pub const SELF_TEST_DEFAULT: Span = Span::from_seconds(86_400);

/// How long a test may take to come back unless told.
pub const SELF_TEST_WITHIN_DEFAULT: Span = Span::from_seconds(900);

/// The pause between messages to one contact unless told.
pub const THROTTLE_DEFAULT: Span = Span::from_seconds(60);

/// A mail server that takes our mails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smtp {
    /// `smtp://[user@]host[:port]` or `smtps://…`, without a password.
    pub url: String,
    /// The sender.
    pub from: String,
    /// The password of the user in the URL.
    pub password: Option<SecretSource>,
    /// Where replies go, with `{token}` in it; the sender unless told.
    pub reply_to: Option<String>,
    /// The name we introduce ourselves with.
    pub hello: Option<String>,
}

/// A folder of mails in which answers are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imap {
    /// `imap://user@host[:port]` or `imaps://…`, without a password.
    pub url: String,
    /// The password.
    pub password: SecretSource,
    /// `INBOX` unless told.
    pub folder: String,
    /// How often it is looked into; 30 s unless told.
    pub every: Span,
}

/// How every kind of contact is tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelfTest {
    /// How often; daily unless told.
    pub every: Span,
    /// How long a test that was taken over may take to come back; 15 m unless told.
    pub within: Span,
    /// The kinds whose tests come back, in order: a mail to our own reply address, a
    /// webhook or a script by a request to our pages. Mail where an inbox is read,
    /// unless told.
    pub comes_back: Vec<ContactKind>,
}

/// A sign of life for somebody outside.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    /// Where it goes.
    pub contact: Contact,
    /// How often; a minute unless told.
    pub every: Span,
}

impl Notify {
    /// Whether both say the same, wherever that is written.
    pub fn same_as(&self, other: &Self) -> bool {
        let fallback = self.fallback.iter().zip(&other.fallback);
        let heartbeat = match (&self.heartbeat, &other.heartbeat) {
            (Some(one), Some(other)) => {
                one.every == other.every && one.contact.same_as(&other.contact)
            }
            (None, None) => true,
            _ => false,
        };
        self.url == other.url
            && self.smtp == other.smtp
            && self.imap == other.imap
            && self.self_test == other.self_test
            && self.throttle == other.throttle
            && self.fallback.len() == other.fallback.len()
            && fallback.into_iter().all(|(one, other)| one.same_as(other))
            && heartbeat
    }
}
