use rem_command::{Tone, outline, visible};
use serde_json::{Value, json};

use super::show::{Answer, Show, items, text};
use crate::arguments::Explain;
use crate::ask::{AskError, Whom};

/// Why an alert or a node is held, and what it hides.
pub(super) async fn explain(asked: &Explain, show: &Show) -> Result<Answer, AskError> {
    let whom = Whom::of(&asked.ask)?;
    let name = asked.name.as_str();
    let params = match is_alert(name) {
        true => json!({ "id": name }),
        false => json!({ "subject": name }),
    };
    let mut value = whom.call("alert.explain", params).await?;
    if is_alert(name) {
        let alert = whom.call("alert.get", json!({ "id": name })).await?;
        let keys = [
            "title",
            "said",
            "held",
            "held_by",
            "opened",
            "message",
            "values",
            "next_page",
        ];
        let told = keys.map(|key| (key.to_owned(), alert[key].clone()));
        value["alert"] = told.into_iter().collect();
    }
    let page = page(&value, show);
    Ok(Answer::done(value, page))
}

/// `12`, `#12` and `web-down@machine:web-01` are alerts, `machine:web-01` is a node.
fn is_alert(name: &str) -> bool {
    let bare = name.strip_prefix('#').unwrap_or(name);
    name.contains('@') || bare.bytes().all(|byte| byte.is_ascii_digit())
}

fn page(value: &Value, show: &Show) -> String {
    let mut page = String::new();
    let alert = &value["alert"];
    if alert.is_object() {
        page.push_str(&show.title(&visible(&text(alert, "title"))));
        let facts = json!({
            "state": alert["said"], "opened": alert["opened"], "message": alert["message"],
            "values": alert["values"], "next page": alert["next_page"],
        });
        page.push_str(&outline(&facts, show.colour));
        page.push('\n');
    }
    let (subject, state) = (text(value, "subject"), text(value, "state"));
    page.push_str(&visible(&format!("{subject} is {state}")));
    page.push('\n');
    if value["held"] == true {
        page.push_str("it is held: something it needs has failed\n");
    }
    for cause in items(&value["causes"]) {
        let node = text(cause, "node");
        page.push_str(&Tone::Bad.paint(&visible(&format!("because of {node}")), show.colour));
        page.push('\n');
        for step in items(&cause["path"]) {
            let step = step.as_str().unwrap_or_default();
            page.push_str(&visible(&format!("  {step}")));
            page.push('\n');
        }
    }
    match value["hides"].as_u64() {
        Some(1) => page.push_str("it hides 1 other alert\n"),
        Some(hides @ 2..) => page.push_str(&format!("it hides {hides} other alerts\n")),
        Some(0) | None => {}
    }
    page
}
