use std::time::Duration;

use rem_command::{Cell, Exit, Table, visible};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::show::{Answer, Show, items, plain, state, text};
use crate::arguments::{OfMonitor, Plain};
use crate::ask::{AskError, Whom};

/// How often the monitor is asked whether the look is done.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Looks now, and waits for what it finds.
pub(super) async fn look(of: &OfMonitor, show: &Show) -> Result<Answer, AskError> {
    let whom = Whom::of(&of.ask)?;
    let id = json!({ "id": of.id });
    let before = whom.call("monitor.get", id.clone()).await?;
    whom.call("monitor.check_now", id.clone()).await?;
    let until = Instant::now() + Duration::from(of.ask.timeout);
    let found = loop {
        let now = whom.call("monitor.get", id.clone()).await?;
        if now["at"] != before["at"] {
            break now;
        }
        if until < Instant::now() {
            return Err(AskError::Late {
                url: whom.url().to_owned(),
                after: of.ask.timeout,
            });
        }
        sleep(ASK_EVERY).await;
    };
    let exit = match found["state"] == "ok" {
        true => Exit::Done,
        false => Exit::Failed,
    };
    let page = page(&found, show);
    Ok(Answer::done(found, page).exit(exit))
}

fn page(card: &Value, show: &Show) -> String {
    let mut head = Table::new(["MONITOR", "STATE", "FOR", "SEEN BY", "MESSAGE"]);
    head.row([
        text(card, "id").into(),
        state(&text(card, "state")),
        show.age(&card["since"]).into(),
        text(&card["seen_by"], "said").into(),
        text(card, "message").into(),
    ]);
    let mut page = head.text(show.colour);
    let mut table = Table::new(["PART", "READING", "VALUE", "UNIT"]);
    for reading in items(&card["readings"]) {
        let value = match reading["value"].as_f64() {
            Some(value) => value.to_string(),
            None => "unknown".to_owned(),
        };
        table.row([
            text(reading, "group").into(),
            text(reading, "field").into(),
            value.into(),
            text(reading, "unit").into(),
        ]);
    }
    if !table.is_empty() {
        page.push('\n');
        page.push_str(&table.text(show.colour));
    }
    page
}

/// The levels as they stand.
pub(super) async fn levels(of: &OfMonitor, show: &Show) -> Result<Answer, AskError> {
    let whom = Whom::of(&of.ask)?;
    let value = whom.call("monitor.levels", json!({ "id": of.id })).await?;
    let mut page = String::new();
    for level in items(&value) {
        let mut title = text(level, "name");
        if let Some(part) = level["part"].as_str() {
            title = format!("{title} of {part}");
        }
        let since = match level["since"].as_str() {
            Some(since) => format!(" since {since}"),
            None => String::new(),
        };
        let title = visible(&format!("{title}: {}{since}", text(level, "truth"))).into_owned();
        page.push_str(&show.title(&title));
        for condition in items(&level["levels"]) {
            page.push_str(&visible(&format!("  {}", text(condition, "line"))));
            page.push('\n');
            parts(&condition["parts"], 2, &mut page);
        }
    }
    if page.is_empty() {
        page = format!("{} has no levels\n", of.id);
    }
    Ok(Answer::done(value, page))
}

fn parts(of: &Value, depth: usize, page: &mut String) {
    for part in items(of) {
        let truth = match part["truth"].as_str() {
            Some(truth) => format!(": {truth}"),
            None => String::new(),
        };
        let line = format!("{} = {}{truth}", text(part, "text"), text(part, "value"));
        page.extend(std::iter::repeat_n("  ", depth));
        page.push_str(&visible(&line));
        page.push('\n');
        parts(&part["parts"], depth + 1, page);
    }
}

/// The states that levels have set.
pub(super) async fn states(plain: &Plain, show: &Show) -> Result<Answer, AskError> {
    let value = Whom::of(&plain.ask)?.call("state.list", json!({})).await?;
    let mut table = Table::new(["OWNER", "STATE", "VALUE"]);
    for one in items(&value) {
        table.row([
            text(one, "owner").into(),
            text(one, "name").into(),
            self::plain(&one["value"]).into(),
        ]);
    }
    let page = show.table(&table, "no state is set");
    Ok(Answer::done(value, page))
}

/// The last runs of jobs.
pub(super) async fn jobs(plain: &Plain, show: &Show) -> Result<Answer, AskError> {
    let value = Whom::of(&plain.ask)?.call("job.list", json!({})).await?;
    let mut table = Table::new(["JOB", "SUBJECT", "WHEN", "TOOK", "RESULT"]);
    for run in items(&value) {
        let result = match run["error"].as_str() {
            Some(error) => Cell::toned(error, rem_command::Tone::Bad),
            None => state("ok"),
        };
        table.row([
            text(run, "job").into(),
            text(run, "subject").into(),
            text(run, "at").into(),
            text(run, "took").into(),
            result,
        ]);
    }
    let page = show.table(&table, "no job has run");
    Ok(Answer::done(value, page))
}
