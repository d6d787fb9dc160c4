use rem_command::{Cell, Table, Tone};
use serde_json::{Value, json};

use super::params;
use super::show::{Answer, Show, items, text};
use crate::arguments::{AddHold, HoldVerb, Plain};
use crate::ask::{AskError, Whom};

pub(super) async fn hold(verb: &HoldVerb, show: &Show) -> Result<Answer, AskError> {
    match verb {
        HoldVerb::Add(add) => self::add(add).await,
        HoldVerb::List(plain) => list(plain, show).await,
        HoldVerb::End { id, ask } => {
            let whom = Whom::of(ask)?;
            let value = whom
                .call("hold.end", params(&whom, json!({ "id": id })))
                .await?;
            Ok(Answer::done(value, format!("{id} has ended\n")))
        }
    }
}

async fn add(add: &AddHold) -> Result<Answer, AskError> {
    let whom = Whom::of(&add.ask)?;
    let given = json!({
        "match": add.matches, "from": add.from, "until": add.until,
        "for": add.lasts.map(|span| span.to_string()),
        "daily": add.daily, "weekly": add.weekly, "monthly": add.monthly,
        "zone": add.zone, "why": add.why, "forced": add.forced.then_some(true),
    });
    let value = whom.call("hold.add", params(&whom, given)).await?;
    let id = format!("{}\n", text(&value, "id"));
    Ok(Answer::done(value, id))
}

async fn list(plain: &Plain, show: &Show) -> Result<Answer, AskError> {
    let value = Whom::of(&plain.ask)?.call("hold.list", json!({})).await?;
    let page = show.table(&table(&value), "nothing is on hold");
    Ok(Answer::done(value, page))
}

fn table(holds: &Value) -> Table {
    let mut table = Table::new(["ID", "NOW", "KIND", "MATCH", "WHEN", "BY", "WHY"]);
    for hold in items(holds) {
        let (now, tone) = match hold["is_live"] == true {
            true => ("holds", Tone::Warn),
            false => ("waits", Tone::Dim),
        };
        let matches = text(hold, "matches");
        table.row([
            text(hold, "id").into(),
            Cell::toned(now, tone),
            text(hold, "kind").into(),
            match matches.is_empty() {
                true => "everything".into(),
                false => matches.into(),
            },
            text(hold, "when").into(),
            text(hold, "by").into(),
            text(hold, "why").into(),
        ]);
    }
    table
}
