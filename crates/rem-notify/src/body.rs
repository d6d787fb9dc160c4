//! A message as the body of a webhook.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{Body, Kind, Outgoing, Urgency, wire};

mod alertmanager;
#[cfg(test)]
mod tests;

/// What Discord takes.
const DISCORD_MAX: usize = 2000;
/// What Slack takes in one text.
const SLACK_MAX: usize = 3000;
/// What ntfy shows as text and does not turn into an attachment.
const NTFY_MAX: usize = 3800;

/// What to POST.
pub(crate) struct Made {
    pub(crate) bytes: Bytes,
    pub(crate) content_type: String,
    /// Headers that are part of the format.
    pub(crate) headers: Vec<(&'static str, String)>,
}

/// `message` in the form of `body`; an error says what is wrong with a template.
pub(crate) fn make(message: &Outgoing, body: &Body) -> Result<Made, String> {
    let value = match body {
        Body::Rem => rem(message),
        Body::Alertmanager => {
            let body = serde_json::to_vec(&alertmanager::body(message));
            return Ok(json_made(body.map_err(|why| why.to_string())?));
        }
        Body::Slack => slack(message),
        Body::Discord => discord(message),
        Body::Ntfy => return Ok(ntfy(message)),
        Body::Custom(template) => {
            return Ok(Made {
                bytes: Bytes::from(template.render(message)?),
                content_type: template.content_type().to_owned(),
                headers: Vec::new(),
            });
        }
    };
    Ok(json_made(value.to_string().into_bytes()))
}

fn json_made(bytes: Vec<u8>) -> Made {
    Made {
        bytes: Bytes::from(bytes),
        content_type: "application/json".into(),
        headers: Vec::new(),
    }
}

/// Everything there is to know: what scripts read and templates see.
pub(crate) fn rem(message: &Outgoing) -> Value {
    let links = message.links.iter();
    let links: Vec<Value> = links
        .map(|link| json!({"label": link.label, "url": link.url}))
        .collect();
    json!({
        "id": message.id,
        "kind": message.kind.as_str(),
        "urgency": message.urgency.as_str(),
        "subject": message.subject,
        "text": message.text,
        "at": message.at.to_string(),
        "tag": message.tag,
        "thread": message.thread,
        "reply_token": message.reply_token,
        "links": links,
        "data": message.json,
    })
}

fn slack(message: &Outgoing) -> Value {
    let escape = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    };
    let mut text = format!("*{}*", escape(&title(message)));
    if !message.text.is_empty() {
        text.push('\n');
        text.push_str(&escape(&wire::lines(&message.text)));
    }
    let mut text = wire::cut(&text, SLACK_MAX);
    for link in &message.links {
        // `|` and `>` end the URL of a link.
        let url = link.url.replace('|', "%7C").replace('>', "%3E");
        text.push_str(&format!(
            "\n<{url}|{}>",
            escape(&link.label).replace('|', "/")
        ));
    }
    json!({"text": text})
}

fn discord(message: &Outgoing) -> Value {
    let mut links = String::new();
    for link in &message.links {
        links.push_str(&format!("\n{}: <{}>", link.label, link.url));
    }
    let links = wire::cut(&links, DISCORD_MAX / 2);
    let text = format!("**{}**\n{}", title(message), wire::lines(&message.text));
    let text = wire::cut(&text, DISCORD_MAX - links.len());
    // Text from a monitored machine must not ring for @everyone.
    json!({"content": text + &links, "allowed_mentions": {"parse": []}})
}

fn ntfy(message: &Outgoing) -> Made {
    let (priority, tag) = match (message.kind, message.urgency) {
        (_, Urgency::Low) => ("2", "information_source"),
        (Kind::Page | Kind::Digest, Urgency::Normal) => ("5", "rotating_light"),
        (Kind::Recovery, Urgency::Normal) => ("3", "white_check_mark"),
        (
            Kind::Note | Kind::OnCall | Kind::SelfTest | Kind::Heartbeat | Kind::Confirmation,
            Urgency::Normal,
        ) => ("3", "information_source"),
    };
    let mut headers = vec![
        ("Title", wire::encoded_word(&title(message))),
        ("Priority", priority.to_owned()),
        ("Tags", tag.to_owned()),
    ];
    if let Some(link) = message.links.first() {
        headers.push((
            "Click",
            wire::encoded_word(&wire::one_line(&link.url, 2000)),
        ));
    }
    let text = wire::cut(&wire::lines(&message.text), NTFY_MAX);
    let text = if text.is_empty() {
        title(message)
    } else {
        text
    };
    Made {
        bytes: Bytes::from(text),
        content_type: "text/plain; charset=utf-8".into(),
        headers,
    }
}

fn title(message: &Outgoing) -> String {
    wire::one_line(&message.subject, 240)
}
