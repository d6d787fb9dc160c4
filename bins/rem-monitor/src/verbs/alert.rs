use rem_command::{Cell, Table, Tone, outline, visible};
use serde_json::{Value, json};

use super::show::{Answer, Show, items, plain, state, text};
use crate::arguments::Ask;
use crate::ask::{AskError, Whom};

/// The open alerts, and so many that are over.
pub(super) async fn list(ask: &Ask, closed: u32, show: &Show) -> Result<Answer, AskError> {
    let whom = Whom::of(ask)?;
    let value = whom.call("alert.list", json!({ "closed": closed })).await?;
    let open = items(&value["alerts"]);
    let mut page = show.table(&alerts_table(open, show), "no alert is open");
    let over = items(&value["closed"]);
    if !over.is_empty() {
        let mut table = Table::new(["OVER", "ALERT", "SUBJECT", "BEGAN", "ENDED", "MESSAGE"]);
        for alert in over {
            table.row([
                Cell::toned(format!("#{}", text(alert, "number")), Tone::Dim),
                text(alert, "alert").into(),
                text(alert, "subject").into(),
                text(alert, "opened").into(),
                text(alert, "closed").into(),
                text(alert, "message").into(),
            ]);
        }
        page.push('\n');
        page.push_str(&table.text(show.colour));
    }
    Ok(Answer::done(value, page))
}

pub(super) fn alerts_table(alerts: &[Value], show: &Show) -> Table {
    let mut table = Table::new([
        "ID", "STATE", "ALERT", "SUBJECT", "FOR", "WHO", "HIDES", "MESSAGE",
    ]);
    for alert in alerts {
        let who = match alert["owner"].as_str() {
            Some(owner) => owner.to_owned(),
            None => plain(&alert["told"]),
        };
        let hides = alert["hides"].as_u64().filter(|hides| *hides > 0);
        table.row([
            Cell::toned(format!("#{}", text(alert, "number")), Tone::Strong),
            state(&text(alert, "said")),
            text(alert, "alert").into(),
            text(alert, "subject").into(),
            show.age(&alert["opened"]).into(),
            who.into(),
            hides
                .map(|hides| hides.to_string())
                .unwrap_or_default()
                .into(),
            text(alert, "message").into(),
        ]);
    }
    table
}

/// One alert with everything that happened to it.
pub(super) async fn get(ask: &Ask, id: &str, show: &Show) -> Result<Answer, AskError> {
    let value = Whom::of(ask)?
        .call("alert.get", json!({ "id": id }))
        .await?;
    let page = page(&value, show);
    Ok(Answer::done(value, page))
}

fn page(alert: &Value, show: &Show) -> String {
    let mut page = show.title(&visible(&format!(
        "#{} {}",
        text(alert, "number"),
        text(alert, "title")
    )));
    let facts = json!({
        "state": alert["said"], "held by": alert["held_by"], "hides": alert["hides"].as_u64().filter(|n| *n > 0),
        "alert": alert["alert"], "subject": alert["subject"], "severity": alert["severity"],
        "message": alert["message"], "opened": alert["opened"], "closed": alert["closed"],
        "owner": alert["owner"], "told": plain(&alert["told"]), "answer": alert["ack"],
        "next page": alert["next_page"], "next change": alert["next_change"],
        "flaps": alert["flaps"].as_u64().filter(|n| *n > 0), "notes": alert["runbook"],
        "labels": alert["labels"], "values": alert["values"], "why": alert["why"],
    });
    page.push_str(&outline(&facts, show.colour));
    let timeline = items(&alert["timeline"]);
    if !timeline.is_empty() {
        let mut table = Table::new(["WHEN", "WHAT"]);
        for line in timeline {
            table.row([text(line, "at").into(), text(line, "text").into()]);
        }
        page.push('\n');
        page.push_str(&table.text(show.colour));
    }
    let messages = items(&alert["messages"]);
    if !messages.is_empty() {
        let mut table = Table::new(["MESSAGE", "TO", "WHEN", "WAY", "RESULT"]);
        for message in messages {
            table.row([
                text(message, "kind").into(),
                text(message, "to").into(),
                text(message, "made").into(),
                "".into(),
                text(message, "state").into(),
            ]);
            for attempt in items(&message["attempts"]) {
                table.row([
                    "".into(),
                    "".into(),
                    text(attempt, "at").into(),
                    text(attempt, "contact").into(),
                    attempted(attempt),
                ]);
            }
        }
        page.push('\n');
        page.push_str(&table.text(show.colour));
    }
    page
}

fn attempted(attempt: &Value) -> Cell {
    let (tone, word) = match attempt["taken"].as_bool() {
        Some(true) => (Tone::Good, "taken over"),
        Some(false) => (Tone::Bad, "refused"),
        None => (Tone::Warn, "not known"),
    };
    let answer = text(attempt, "answer");
    match answer.is_empty() {
        true => Cell::toned(word, tone),
        false => Cell::toned(format!("{word}: {answer}"), tone),
    }
}
