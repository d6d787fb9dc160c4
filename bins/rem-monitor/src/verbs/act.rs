use serde_json::{Value, json};

use super::params;
use super::show::{Answer, items};
use crate::arguments::{Comment, Reassign, Remarked, Snooze};
use crate::ask::{AskError, Whom};

/// Does the same with one alert or with several.
pub(super) async fn many(
    method: &str,
    remarked: &Remarked,
    done: &str,
) -> Result<Answer, AskError> {
    let whom = Whom::of(&remarked.ask)?;
    let id = match remarked.ids.as_slice() {
        [one] => json!(one),
        several => json!(several),
    };
    let given = json!({ "id": id, "comment": remarked.comment });
    acted(whom.call(method, params(&whom, given)).await?, done)
}

pub(super) async fn snooze(snooze: &Snooze) -> Result<Answer, AskError> {
    let whom = Whom::of(&snooze.ask)?;
    let span = snooze.span.to_string();
    let given = json!({ "id": snooze.id, "for": span, "comment": snooze.comment });
    let value = whom.call("alert.snooze", params(&whom, given)).await?;
    acted(value, &format!("quiet for {span}"))
}

pub(super) async fn comment(comment: &Comment) -> Result<Answer, AskError> {
    let whom = Whom::of(&comment.ask)?;
    let given = json!({ "id": comment.id, "comment": comment.text });
    acted(
        whom.call("alert.comment", params(&whom, given)).await?,
        "remark added",
    )
}

pub(super) async fn reassign(reassign: &Reassign) -> Result<Answer, AskError> {
    let whom = Whom::of(&reassign.ask)?;
    let given = json!({
        "id": reassign.id, "user": reassign.user, "comment": reassign.comment,
    });
    let value = whom.call("alert.reassign", params(&whom, given)).await?;
    acted(value, &format!("{} has it", reassign.user))
}

fn acted(value: Value, done: &str) -> Result<Answer, AskError> {
    let numbers = items(&value["done"]).iter();
    let numbers: Vec<String> = numbers.map(|number| format!("#{number}")).collect();
    let text = format!("{}: {done}\n", numbers.join(" "));
    Ok(Answer::done(value, text))
}
