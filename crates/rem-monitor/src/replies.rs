use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use rem_config::{Config, ContactWay};
use rem_desk::{Action, Actor, Desk, DeskError};
use rem_notify::{Command, Ignored, ImapInbox, InboxError, MailReply, Reply};
use rem_time::Span;
use rem_yaml::SecretError;

use crate::record::chain;
use crate::secrets::Secrets;

/// How long talking to the inbox may take.
const INBOX_DEADLINE: Duration = Duration::from_secs(60);
/// A bare `ack` is quiet for so long.
const ACK_DEFAULT: Span = Span::from_seconds(30 * 60);

/// Takes people's answers by mail. Cheap to clone; clones are one.
#[derive(Clone, Debug)]
pub struct Replies(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    desk: Desk,
    /// Mail addresses, in small letters, with whom they belong to.
    addresses: RwLock<BTreeMap<String, BTreeSet<String>>>,
    inbox: tokio::sync::watch::Sender<Option<Inbox>>,
}

#[derive(Clone, Debug)]
struct Inbox {
    imap: Arc<ImapInbox>,
    every: Span,
}

/// Why a mail did nothing.
#[derive(Debug, thiserror::Error)]
pub enum NoReply {
    /// It is no answer of a person.
    #[error(transparent)]
    Ignored(#[from] Ignored),
    /// Its sender is not the person our mail went to, or it has no token of ours.
    #[error("{from} may not answer this: {why}")]
    NotAllowed {
        /// Who wrote it.
        from: String,
        /// Why not.
        why: String,
    },
    /// The desk could not take it; it is to be tried again.
    #[error("the alert desk could not take it")]
    Desk(#[source] DeskError),
}

/// Why the inbox cannot be read as the configuration says.
#[derive(Debug, thiserror::Error)]
pub enum RepliesError {
    /// The address of the inbox makes no sense.
    #[error("notify.imap")]
    Inbox(#[from] InboxError),
    /// Its password cannot be read.
    #[error("notify.imap.password")]
    Password(#[from] SecretError),
}

impl Replies {
    /// Answers go to `desk`. Must be called within a tokio runtime.
    pub(crate) fn new(desk: Desk) -> Self {
        let (inbox, _) = tokio::sync::watch::channel(None);
        let replies = Self(Arc::new(Shared {
            desk,
            addresses: RwLock::default(),
            inbox,
        }));
        let watched = replies.0.inbox.subscribe();
        tokio::spawn(poll(Arc::downgrade(&replies.0), watched));
        replies
    }

    /// By another configuration from now on.
    pub(crate) fn set(&self, config: &Config, secrets: &Secrets) -> Result<(), RepliesError> {
        let inbox = match &config.notify().imap {
            None => None,
            Some(wanted) => {
                let password = secrets.of(&wanted.password)?;
                Some(Inbox {
                    imap: Arc::new(ImapInbox::new(&wanted.url, password)?),
                    every: wanted.every,
                })
            }
        };
        let mut addresses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for person in config.users() {
            for contact in &person.contacts {
                if let ContactWay::Mail(address) = &contact.way {
                    let people = addresses.entry(address.to_lowercase()).or_default();
                    people.insert(person.name.to_string());
                }
            }
        }
        *self.0.addresses.write() = addresses;
        self.0.inbox.send_replace(inbox);
        Ok(())
    }

    /// Takes one mail as it came, headers and all; says what it did.
    ///
    /// # Errors
    /// Why it did nothing. Only [`NoReply::Desk`] is worth another try.
    pub async fn take(&self, mail: &[u8]) -> Result<String, NoReply> {
        let reply = match MailReply::parse(mail) {
            Ok(reply) => reply,
            Err(ignored) => return self.own(ignored).await,
        };
        let from = reply.from.to_lowercase();
        let people = self.0.addresses.read().get(&from).cloned();
        let refuse = |why: &str| NoReply::NotAllowed {
            from: from.clone(),
            why: why.to_owned(),
        };
        let Some(people) = people else {
            return Err(refuse("nobody has this address"));
        };
        let mut last = refuse("it has no token of ours");
        for token in &reply.tokens {
            match self.0.desk.granted(token).await {
                Ok((grant, target)) if people.contains(&grant.user) => {
                    return match self.0.desk.actor(&grant.user) {
                        Ok(by) => self.act(&by, &reply, target).await,
                        Err(error) => Err(refuse(&error.to_string())),
                    };
                }
                Ok((grant, _)) => last = refuse(&format!("our mail went to {}", grant.user)),
                Err(DeskError::Token(error)) => last = refuse(&error.to_string()),
                Err(DeskError::Refused(error)) => last = refuse(&error.to_string()),
                Err(error) => return Err(NoReply::Desk(error)),
            }
        }
        Err(last)
    }

    /// A mail of ours that came back: the test of this way has arrived.
    async fn own(&self, ignored: Ignored) -> Result<String, NoReply> {
        if let Ignored::Own { tokens, .. } = &ignored {
            for token in tokens {
                match self.0.desk.arrived(token).await {
                    Ok(kind) => return Ok(format!("the self-test by {kind} arrived")),
                    Err(DeskError::Token(_) | DeskError::Refused(_)) => {}
                    Err(error) => return Err(NoReply::Desk(error)),
                }
            }
        }
        Err(ignored.into())
    }

    async fn act(
        &self,
        by: &Actor,
        reply: &Reply,
        target: rem_desk::Target,
    ) -> Result<String, NoReply> {
        let action = match reply.command {
            Command::Ack(span) => Some(Action::Snooze(span.unwrap_or(ACK_DEFAULT))),
            Command::Done => Some(Action::Complete),
            Command::Take => Some(Action::Take),
            Command::Escalate => Some(Action::Escalate),
            Command::Comment => None,
        };
        let comment = reply.comment.as_deref().filter(|text| !text.is_empty());
        let said = format!("{by}: {:?} on {target}", reply.command);
        let all = action
            .into_iter()
            .chain(comment.map(|text| Action::Comment(text.into())));
        for action in all {
            let done = self.0.desk.act(target.clone(), by, action).await;
            done.map_err(|error| match error {
                // Another try would be refused as well.
                DeskError::Refused(refused) => NoReply::NotAllowed {
                    from: reply.from.clone(),
                    why: refused.to_string(),
                },
                error => NoReply::Desk(error),
            })?;
        }
        Ok(said)
    }
}

/// Reads the inbox as often as the configuration says, until nobody answers any more.
async fn poll(
    shared: std::sync::Weak<Shared>,
    mut inbox: tokio::sync::watch::Receiver<Option<Inbox>>,
) {
    loop {
        let now = inbox.borrow_and_update().clone();
        let Some(now) = now else {
            if inbox.changed().await.is_err() {
                return;
            }
            continue;
        };
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let replies = Replies(shared);
        if let Err(error) = read(&replies, &now.imap).await {
            tracing::warn!(error = %chain(&error), "inbox not read");
        }
        drop(replies);
        tokio::select! {
            () = tokio::time::sleep(now.every.as_duration()) => {}
            changed = inbox.changed() => if changed.is_err() { return },
        }
    }
}

async fn read(replies: &Replies, inbox: &ImapInbox) -> Result<(), InboxError> {
    let mut open = inbox.open(INBOX_DEADLINE).await?;
    while let Some(mail) = open.next().await? {
        let Some(bytes) = &mail.bytes else {
            tracing::info!(uid = mail.uid, "a mail is too long to be an answer");
            open.seen(mail.uid).await?;
            continue;
        };
        match replies.take(bytes).await {
            Ok(done) => tracing::info!("by mail: {done}"),
            // It stays unseen, and is read again.
            Err(NoReply::Desk(error)) => {
                tracing::error!(error = %chain(&error), "a mail was not taken");
                continue;
            }
            Err(ignored) => tracing::info!("a mail did nothing: {}", chain(&ignored)),
        }
        open.seen(mail.uid).await?;
    }
    open.close().await
}
