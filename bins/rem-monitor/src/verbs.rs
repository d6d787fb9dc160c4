//! What is asked of a running monitor, and how the answer is shown.

mod act;
mod alert;
mod explain;
mod hold;
mod mail;
mod monitor;
mod on_call;
mod push;
mod show;
mod status;
mod swap;

use rem_command::{Exit, Format, colour, say, say_json};
use serde_json::{Value, json};

use crate::arguments::{ContactsVerb, Plain, Verb};
use crate::ask::{AskError, Whom};
use crate::file;
use show::{Answer, Show};

/// Asks, shows, and tells how it ended.
pub(crate) async fn run(verb: &Verb, format: Format) -> anyhow::Result<Exit> {
    if let Verb::MailReply(plain) = verb {
        return Ok(mail::take(&plain.ask).await);
    }
    if let Verb::Explain(explain) = verb
        && let Some(file) = &explain.file
    {
        return file::explain(file, &explain.name, format);
    }
    let show = Show::new(colour());
    let answer = match verb {
        Verb::Status { all, ask } => {
            status::status(&Whom::of(ask).map_err(AskError::from)?, *all, &show).await?
        }
        Verb::Look(of) => monitor::look(of, &show).await?,
        Verb::Levels(of) => monitor::levels(of, &show).await?,
        Verb::States(plain) => monitor::states(plain, &show).await?,
        Verb::Jobs(plain) => monitor::jobs(plain, &show).await?,
        Verb::Explain(asked) => explain::explain(asked, &show).await?,
        Verb::Alerts { closed, ask } => alert::list(ask, *closed, &show).await?,
        Verb::Alert { id, ask } => alert::get(ask, id, &show).await?,
        Verb::Ack(remarked) => act::many("alert.ack", remarked, "acknowledged").await?,
        Verb::Take(remarked) => act::many("alert.take", remarked, "taken").await?,
        Verb::Escalate(remarked) => act::many("alert.escalate", remarked, "escalated").await?,
        Verb::Snooze(snooze) => act::snooze(snooze).await?,
        Verb::Comment(comment) => act::comment(comment).await?,
        Verb::Reassign(reassign) => act::reassign(reassign).await?,
        Verb::Hold(verb) => hold::hold(verb, &show).await?,
        Verb::OnCall(asked) => match on_call::on_call(asked, &show).await? {
            Ok(answer) => answer,
            Err(exit) => return Ok(exit),
        },
        Verb::Swap(verb) => swap::swap(verb, &show).await?,
        Verb::Push(push) => push::push(push, &show).await?,
        Verb::Contacts(ContactsVerb::Test(plain)) => contacts_test(plain).await?,
        Verb::Contacts(ContactsVerb::Broken(plain)) => on_call::broken(plain, &show).await?,
        Verb::Reload(plain) => reload(plain).await?,
        Verb::Check { .. }
        | Verb::Test { .. }
        | Verb::Replay(_)
        | Verb::HashPassword
        | Verb::Completions { .. }
        | Verb::MailReply(_) => {
            return Ok(Exit::Mistake);
        }
    };
    match format {
        Format::Table => say(&answer.text)?,
        Format::Json => say_json(&answer.value)?,
    }
    Ok(answer.exit)
}

async fn contacts_test(plain: &Plain) -> Result<Answer, AskError> {
    let value = Whom::of(&plain.ask)?
        .call("contact.test", json!({}))
        .await?;
    Ok(Answer::done(value, "test messages are on their way\n"))
}

async fn reload(plain: &Plain) -> Result<Answer, AskError> {
    let value = Whom::of(&plain.ask)?
        .call("config.reload", json!({}))
        .await?;
    let summary = value["summary"].as_str().unwrap_or("reloaded");
    let text = format!("{summary}\n");
    Ok(Answer::done(value, text))
}

/// The parameters, without those that were not given, and who asks.
fn params(whom: &Whom, given: Value) -> Value {
    let Value::Object(mut given) = given else {
        return given;
    };
    given.retain(|_, value| !value.is_null());
    if let Some(by) = whom.by() {
        given.entry("by").or_insert_with(|| by.into());
    }
    Value::Object(given)
}
