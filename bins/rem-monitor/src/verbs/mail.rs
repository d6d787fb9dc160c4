use std::io::{Read, stdin};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rem_command::{Exit, tell};
use rem_notify::{Ignored, MailReply};
use serde_json::json;

use super::params;
use crate::arguments::Ask;
use crate::ask::{AskError, Whom};

/// Takes one mail from stdin to the running monitor.
///
/// A mail server bounces a mail for every other exit code than 0 and 75, and a bounce
/// to somebody's vacation reply helps nobody: what is no reply is dropped.
pub(super) async fn take(ask: &Ask) -> Exit {
    let mut mail = Vec::new();
    let most = MailReply::MAIL_MAX as u64 + 1;
    if let Err(error) = stdin().lock().take(most).read_to_end(&mut mail) {
        tell(&format!("rem-monitor: cannot read the mail: {error}"));
        return Exit::TryLater;
    }
    if let Err(ignored) = MailReply::parse(&mail) {
        // What did not arrive is for the monitor to know: a contact may be broken.
        if !matches!(ignored, Ignored::Bounced { .. } | Ignored::Own { .. }) {
            tell(&format!("rem-monitor: the mail is dropped: {ignored}"));
            return Exit::Done;
        }
    }
    match hand_on(ask, &mail).await {
        Ok(what) => {
            tell(&format!("rem-monitor: {what}"));
            Exit::Done
        }
        Err(error) => {
            tell(&format!("rem-monitor: {error}"));
            match error {
                // It understood the mail and does nothing with it.
                AskError::Refused {
                    code: 403 | 404 | 409 | -32_602 | -32_003,
                    ..
                } => Exit::Done,
                // Otherwise nobody has seen it: the mail must not be lost.
                _ => Exit::TryLater,
            }
        }
    }
}

async fn hand_on(ask: &Ask, mail: &[u8]) -> Result<String, AskError> {
    let whom = Whom::of(ask)?;
    let given = json!({ "mail": STANDARD.encode(mail) });
    let value = whom.call("alert.reply", params(&whom, given)).await?;
    let done = value["done"].as_str().or_else(|| value["ignored"].as_str());
    Ok(done.unwrap_or("the mail is taken").to_owned())
}
