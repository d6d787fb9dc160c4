//! The post as it really is.

use std::fmt;
use std::time::Duration;

use crate::smtp::Mailer;
use crate::webhook::Webhooks;
use crate::{Contact, Outgoing, Post, SendError, Sending, Smtp, Trust, script};

/// Sends mails through a server, posts webhooks, runs scripts. Connections
/// are kept between messages and shared by all of them; nothing else is.
pub struct PostOffice {
    mailer: Option<Mailer>,
    webhooks: Webhooks,
}

impl PostOffice {
    /// Connections to one receiver of webhooks at one time; further messages
    /// wait within their deadline.
    pub const CONNECTIONS_MAX: usize = 32;

    /// A post without a mail server: mail contacts are refused, for now.
    pub fn new() -> Self {
        Self {
            mailer: None,
            webhooks: Webhooks::new(&Trust::public(), Self::CONNECTIONS_MAX),
        }
    }

    /// Mails go through `smtp`.
    #[must_use]
    pub fn mail_through(mut self, smtp: Smtp) -> Self {
        self.mailer = Some(Mailer::new(smtp));
        self
    }

    /// Receivers of webhooks are believed if `trust` does.
    #[must_use]
    pub fn trust(mut self, trust: &Trust) -> Self {
        self.webhooks = Webhooks::new(trust, Self::CONNECTIONS_MAX);
        self
    }
}

impl Default for PostOffice {
    fn default() -> Self {
        Self::new()
    }
}

impl Post for PostOffice {
    fn send<'a>(
        &'a self,
        message: &'a Outgoing,
        contact: &'a Contact,
        deadline: Duration,
    ) -> Sending<'a> {
        match contact {
            Contact::Mail(mail) => Box::pin(async move {
                match &self.mailer {
                    Some(mailer) => mailer.send(message, mail, deadline).await,
                    // Not the contact's fault: whoever adds a server gets the mails out.
                    None => Err(SendError::temporary("no mail server is configured")),
                }
            }),
            Contact::Webhook(webhook) => Box::pin(self.webhooks.send(message, webhook, deadline)),
            Contact::Script(script) => Box::pin(script::send(message, script, deadline)),
        }
    }
}

impl fmt::Debug for PostOffice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostOffice")
            .field("mail", &self.mailer.is_some())
            .finish_non_exhaustive()
    }
}
