use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use rem_config::Config;
use rem_notify::{Contact, Outgoing, Post, PostOffice, Sending, Smtp, SmtpError};
use rem_yaml::SecretError;

use crate::secrets::Secrets;

/// The post as the configuration says; another configuration changes it while it
/// works. Cheap to clone; clones are one post.
#[derive(Clone)]
pub struct Office(Arc<RwLock<Arc<PostOffice>>>);

/// Why the post cannot work as the configuration says.
#[derive(Debug, thiserror::Error)]
pub enum OfficeError {
    /// The mail server's address or our own makes no sense.
    #[error("notify.smtp")]
    Smtp(#[from] SmtpError),
    /// Its password cannot be read.
    #[error("notify.smtp.password")]
    Password(#[from] SecretError),
}

impl Default for Office {
    fn default() -> Self {
        Self(Arc::new(RwLock::new(Arc::new(PostOffice::new()))))
    }
}

impl Office {
    /// What `config` asks for, not yet at work.
    pub(crate) fn planned(config: &Config, secrets: &Secrets) -> Result<PostOffice, OfficeError> {
        let office = PostOffice::new();
        let Some(wanted) = &config.notify().smtp else {
            return Ok(office);
        };
        let mut smtp = Smtp::new(&wanted.url, &wanted.from)?;
        if let Some(source) = &wanted.password {
            smtp = smtp.password(secrets.of(source)?)?;
        }
        if let Some(address) = &wanted.reply_to {
            smtp = smtp.reply_to(address)?;
        }
        if let Some(name) = &wanted.hello {
            smtp = smtp.hello(name)?;
        }
        Ok(office.mail_through(smtp))
    }

    /// From now on.
    pub(crate) fn open(&self, office: PostOffice) {
        *self.0.write() = Arc::new(office);
    }
}

impl Post for Office {
    fn send<'a>(
        &'a self,
        message: &'a Outgoing,
        to: &'a Contact,
        deadline: Duration,
    ) -> Sending<'a> {
        let office = Arc::clone(&self.0.read());
        Box::pin(async move { office.send(message, to, deadline).await })
    }
}

impl fmt::Debug for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Office").finish_non_exhaustive()
    }
}
