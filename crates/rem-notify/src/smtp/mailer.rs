//! Mails over a few connections that are kept.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::Smtp;
use super::conversation::Conversation;
use super::trouble::{Part, Reply, Trouble, What};
use crate::{MailContact, Outgoing, SendError, Sent, mail, wire};

/// Sends mails through one server.
pub(crate) struct Mailer {
    smtp: Smtp,
    free: Semaphore,
    /// Between two mails; never one that stopped in the middle of one.
    idle: Mutex<Vec<Conversation>>,
}

/// Who of a mail's recipients did not get it, and why.
type Missed = Vec<(String, Trouble)>;

impl Mailer {
    pub(crate) fn new(smtp: Smtp) -> Self {
        Self {
            free: Semaphore::new(smtp.connections_max),
            idle: Mutex::new(Vec::new()),
            smtp,
        }
    }

    pub(crate) async fn send(
        &self,
        message: &Outgoing,
        contact: &MailContact,
        deadline: Duration,
    ) -> Result<Sent, SendError> {
        let until = Instant::now() + deadline;
        let mail = mail::compose(message, contact, &self.smtp)?;
        let Ok(Ok(_permit)) = timeout_at(until, self.free.acquire()).await else {
            let busy = self.smtp.connections_max;
            let text = format!("all {busy} connections to the mail server were busy");
            return Err(SendError::temporary(text));
        };
        let recipients: Vec<&str> = contact.addresses().collect();
        match self.deliver(&recipients, &mail, until).await {
            Ok((receipt, missed)) => Ok(self.sent(&receipt, &missed)),
            Err(trouble) => Err(self.error(&trouble)),
        }
    }

    async fn deliver(
        &self,
        recipients: &[&str],
        mail: &[u8],
        until: Instant,
    ) -> Result<(Reply, Missed), Trouble> {
        if let Some(mut kept) = self.take_idle() {
            let result = self.converse(&mut kept, recipients, mail, until).await;
            if !was_closed(&result) {
                return self.keep(kept, result, until).await;
            }
        }
        let mut new = Conversation::open(&self.smtp, until).await?;
        let result = self.converse(&mut new, recipients, mail, until).await;
        self.keep(new, result, until).await
    }

    async fn converse(
        &self,
        line: &mut Conversation,
        recipients: &[&str],
        mail: &[u8],
        until: Instant,
    ) -> Result<(Reply, Missed), Trouble> {
        let limits = &self.smtp.limits;
        let from: &str = self.smtp.from.email.as_ref();
        let ascii = mail.is_ascii() && from.is_ascii() && recipients.iter().all(|to| to.is_ascii());
        line.sender(from, ascii, limits.command, until).await?;
        let mut missed = Missed::new();
        for to in recipients {
            match line.recipient(to, limits.command, until).await {
                Ok(()) => {}
                Err(
                    trouble @ Trouble {
                        what: What::Refused(_),
                        ..
                    },
                ) => {
                    missed.push(((*to).to_owned(), trouble));
                }
                Err(trouble) => return Err(trouble),
            }
        }
        if missed.len() == recipients.len() {
            return Err(worth_another_try(missed));
        }
        let receipt = line.data(mail, limits.command, limits.data, until).await?;
        Ok((receipt, missed))
    }

    /// Keeps the connection for the next mail, if it is in order.
    async fn keep<T>(
        &self,
        mut line: Conversation,
        result: Result<T, Trouble>,
        until: Instant,
    ) -> Result<T, Trouble> {
        let in_order = match &result {
            Ok(_) => true,
            Err(Trouble {
                what: What::Refused(reply),
                ..
            }) if reply.code != 421 => {
                let limit = self.smtp.limits.command.min(Duration::from_secs(2));
                line.reset(limit, until).await
            }
            Err(_) => false,
        };
        if in_order {
            line.idle_since = Instant::now();
            self.idle().push(line);
        }
        result
    }

    fn take_idle(&self) -> Option<Conversation> {
        let mut idle = self.idle();
        let limit = self.smtp.limits.idle;
        idle.retain(|line| line.idle_since.elapsed() < limit);
        idle.pop()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Conversation>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sent(&self, receipt: &Reply, missed: &Missed) -> Sent {
        let mut detail = receipt.to_string();
        for (address, trouble) in missed {
            detail.push_str(&format!("; not to {address}: {trouble}"));
        }
        Sent {
            provider_id: queue_id(&receipt.text),
            detail: wire::cut(&detail, 500),
        }
    }

    fn error(&self, trouble: &Trouble) -> SendError {
        let text = format!("mail server {}: {trouble}", self.smtp.host);
        // Hidden before it is cut: half a password would not be found.
        let text = wire::cut(&self.without_password(text), 500);
        match is_permanent(trouble) {
            true => SendError::permanent(text),
            false => SendError::temporary(text),
        }
    }

    /// A server may repeat what it was told.
    fn without_password(&self, text: String) -> String {
        match &self.smtp.login {
            Some((_, password)) => password.hide_in(&text),
            None => text,
        }
    }
}

/// Whether the server had closed a kept connection: it has nothing of the
/// mail, and a new connection is no second attempt.
fn was_closed<T>(result: &Result<T, Trouble>) -> bool {
    let Err(Trouble { part, what }) = result else {
        return false;
    };
    match what {
        What::Broken(_) => *part != Part::Handover,
        What::Refused(reply) => *part == Part::Sender && reply.code == 421,
        What::Silent(_) | What::Lacks(_) => false,
    }
}

/// Whether the contact is to blame: its address, or this mail for it. What
/// the server holds against ourselves says nothing about the contact.
fn is_permanent(trouble: &Trouble) -> bool {
    let about_contact = match trouble.part {
        Part::Recipient | Part::Data | Part::Handover => true,
        Part::Connect | Part::Hello | Part::StartTls | Part::Login | Part::Sender => false,
    };
    let for_good = match &trouble.what {
        What::Refused(reply) => (500..600).contains(&reply.code),
        What::Lacks(_) => true,
        What::Silent(_) | What::Broken(_) => false,
    };
    about_contact && for_good
}

/// Of several refusals the one that may end.
fn worth_another_try(missed: Missed) -> Trouble {
    let mut troubles = missed.into_iter().map(|(_, trouble)| trouble);
    let Some(mut worth) = troubles.next() else {
        let what = What::Lacks("there is nobody to send it to");
        return Trouble {
            part: Part::Recipient,
            what,
        };
    };
    for trouble in troubles {
        if is_permanent(&worth) && !is_permanent(&trouble) {
            worth = trouble;
        }
    }
    worth
}

/// `2.0.0 Ok: queued as 4F2C1A` → `4F2C1A`; Exim says `OK id=1tX…`.
fn queue_id(text: &str) -> Option<String> {
    let after = |mark: &str| text.find(mark).map(|at| &text[at + mark.len()..]);
    let rest = after("queued as ").or_else(|| after(" id="))?;
    let id = rest.split_whitespace().next()?;
    Some(wire::cut(id, 100))
}
