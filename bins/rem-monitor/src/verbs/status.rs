use rem_command::{Cell, Exit, Table, Tone};
use serde_json::{Value, json};

use super::alert::alerts_table;
use super::show::{Answer, Show, items, state, text};
use crate::ask::{AskError, Whom};

/// Problems first: alerts that page, then held ones, then monitors that are not ok.
pub(super) async fn status(whom: &Whom, all: bool, show: &Show) -> Result<Answer, AskError> {
    let monitors = whom.call("monitor.list", json!({})).await?;
    let alerts = whom.call("alert.list", json!({})).await?;
    let config = whom.call("config.status", json!({})).await?;
    Ok(found(&monitors, &alerts, &config, all, show))
}

fn found(monitors: &Value, alerts: &Value, config: &Value, all: bool, show: &Show) -> Answer {
    let is = |monitor: &&Value, word: &str| monitor["state"] == word;
    let count = |word: &str| items(monitors).iter().filter(|m| is(m, word)).count();
    let (mut held, mut open): (Vec<Value>, Vec<Value>) = items(&alerts["alerts"])
        .iter()
        .cloned()
        .partition(|alert| alert["display"] == "held");
    // Of the same kind, what hides most explains most.
    open.sort_by_key(|alert| std::cmp::Reverse(alert["hides"].as_u64().unwrap_or(0)));
    open.sort_by_key(|alert| rank(&alert["display"]));
    held.sort_by_key(|alert| text(alert, "held_by"));
    let mut bad: Vec<&Value> = items(monitors)
        .iter()
        .filter(|monitor| !is(monitor, "ok") && !is(monitor, "pending"))
        .collect();
    bad.sort_by_key(|monitor| match monitor["state"].as_str() {
        Some("critical") => 0,
        Some("unknown") => 1,
        _ => 2,
    });
    let not_read = config["ok"] == false;
    let not_durable = !alerts["not_durable"].is_null();
    let counts = json!({
        "monitors": items(monitors).len(),
        "ok": count("ok"), "warning": count("warning"), "critical": count("critical"),
        "unknown": count("unknown"), "pending": count("pending"),
        "alerts": open.len(), "held": held.len(),
    });
    let exit =
        match bad.is_empty() && open.is_empty() && held.is_empty() && !not_read && !not_durable {
            true => Exit::Done,
            false => Exit::Failed,
        };

    let mut page = String::new();
    let mut warn = |what: &str| {
        page.push_str(&Tone::Bad.paint(what, show.colour));
        page.push('\n');
    };
    if not_durable {
        let lost = &alerts["not_durable"];
        let (why, since) = (text(lost, "why"), text(lost, "since"));
        warn(&rem_command::visible(&format!(
            "nothing can be written since {since}: {why}"
        )));
    }
    if not_read {
        let why = text(config, "error");
        let first = why.lines().next().unwrap_or_default();
        warn(&rem_command::visible(&format!(
            "the file was not read at {}, everything goes on as it was: {first}",
            text(config, "at")
        )));
    }
    let summary = format!(
        "{} monitors: {} ok, {} critical, {} warning, {} unknown, {} pending; {} alerts, {} held",
        counts["monitors"],
        counts["ok"],
        counts["critical"],
        counts["warning"],
        counts["unknown"],
        counts["pending"],
        counts["alerts"],
        counts["held"],
    );
    page.push_str(&show.title(&summary));
    if !open.is_empty() {
        page.push('\n');
        page.push_str(&alerts_table(&open, show).text(show.colour));
    }
    if !held.is_empty() {
        page.push('\n');
        page.push_str(&held_table(&held, show).text(show.colour));
    }
    let shown: Vec<&Value> = match all {
        true => items(monitors).iter().collect(),
        false => bad,
    };
    if !shown.is_empty() {
        page.push('\n');
        page.push_str(&monitors_table(&shown, show).text(show.colour));
    }
    let total = alerts["total"].clone();
    let value = json!({
        "counts": counts, "alerts": open, "alerts_total": total, "held": held,
        "monitors": shown, "config": config, "not_durable": alerts["not_durable"],
    });
    Answer::done(value, page).exit(exit)
}

/// Whom somebody has to see to comes first.
fn rank(display: &Value) -> u8 {
    match display.as_str() {
        Some("communicating") => 0,
        Some("settling") => 1,
        Some("snoozed") => 2,
        Some("acknowledged") => 3,
        _ => 4,
    }
}

fn held_table(held: &[Value], show: &Show) -> Table {
    let mut table = Table::new(["HELD", "ALERT", "SUBJECT", "FOR", "BECAUSE OF", "MESSAGE"]);
    for alert in held {
        let why = match alert["held_by"].as_str() {
            Some(node) => node.to_owned(),
            None => text(alert, "said"),
        };
        table.row([
            Cell::toned(format!("#{}", text(alert, "number")), Tone::Dim),
            text(alert, "alert").into(),
            text(alert, "subject").into(),
            show.age(&alert["opened"]).into(),
            why.into(),
            text(alert, "message").into(),
        ]);
    }
    table
}

fn monitors_table(monitors: &[&Value], show: &Show) -> Table {
    let mut table = Table::new(["MONITOR", "STATE", "FOR", "SEEN BY", "MESSAGE"]);
    for monitor in monitors {
        table.row([
            text(monitor, "id").into(),
            state(&text(monitor, "state")),
            show.age(&monitor["since"]).into(),
            text(&monitor["seen_by"], "said").into(),
            text(monitor, "message").into(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests;
