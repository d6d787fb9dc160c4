//! The words of a message, found when it leaves.

use std::fmt::Write;
use std::sync::Arc;

use rem_alert::episode::Condition;
use rem_notify::{Kind, Link, Outgoing, Urgency};
use rem_time::Timestamp;
use serde_json::{Value, json};

use crate::core::DeskCore;
use crate::episodes::Open;
use crate::outbox::{Addressee, Letter, PlainKind, Words};
use crate::token::{Grant, TokenKey};

/// Alerts that a digest lists in its text; the others are counted.
const DIGEST_LINES_MAX: usize = 100;
/// Alerts that a digest brings to programs; the others are counted.
const DIGEST_JSON_MAX: usize = 1_000;

impl DeskCore {
    /// What a letter says now. `None`: what it was about is gone.
    pub(crate) fn compose(
        &self,
        letter: &Letter,
        key: &TokenKey,
        now: Timestamp,
    ) -> Option<Outgoing> {
        match &letter.words {
            Words::Page { low } => {
                let open = self.open_of(letter)?;
                Some(self.page(letter, open, *low, key, now))
            }
            Words::Note(text) => Some(self.note(letter, text, now)),
            Words::Digest(_) => Some(self.digest(letter, key, now)),
            Words::HandOver { role, text } => {
                let mut out = Outgoing::new(
                    &*letter.message.id,
                    Kind::OnCall,
                    format!("on call for {role}"),
                    format!("{text}\n{}", self.open_for(role)),
                    letter.message.made,
                );
                out.urgency = Urgency::Low;
                Some(out)
            }
            Words::Plain {
                kind,
                subject,
                text,
            } => {
                let kind = match kind {
                    PlainKind::OnCall => Kind::OnCall,
                    PlainKind::SelfTest => Kind::SelfTest,
                    PlainKind::Heartbeat => Kind::Heartbeat,
                    PlainKind::Confirmation => Kind::Confirmation,
                };
                let mut out = Outgoing::new(
                    &*letter.message.id,
                    kind,
                    &**subject,
                    &**text,
                    letter.message.made,
                );
                out.urgency = Urgency::Low;
                if let Some(about) = self.test_of(letter) {
                    self.let_come_back(&mut out, about, key, now);
                }
                Some(out)
            }
        }
    }

    /// The token and the link by which a self-test comes back.
    fn let_come_back(&self, out: &mut Outgoing, about: String, key: &TokenKey, now: Timestamp) {
        let token = key.sign(&Grant {
            about,
            user: String::new(),
            expires: now + self.rules.rules.timing.link_valid,
        });
        if let Some(base) = &self.rules.rules.base_url {
            let url = format!("{}/arrived/{token}", base.trim_end_matches('/'));
            out.json = json!({"site": self.rules.rules.site, "arrived": url});
            out.links.push(Link::new("it arrived", url));
        }
        out.reply_token = Some(token);
    }

    fn open_of(&self, letter: &Letter) -> Option<&Open> {
        let slot = self.episodes.numbered(letter.episode()?)?;
        self.episodes.get(slot)
    }

    fn page(
        &self,
        letter: &Letter,
        open: &Open,
        low: bool,
        key: &TokenKey,
        now: Timestamp,
    ) -> Outgoing {
        let title = self.title(open);
        let rule = self.rules.alert(&open.alert);
        let mut text = String::new();
        let _ = writeln!(text, "{title}");
        if !open.about.message.is_empty() {
            let _ = writeln!(text, "{}", open.about.message);
        }
        match open.state.condition {
            Condition::Firing { since } => {
                let _ = writeln!(text, "since {since}");
            }
            Condition::Recovered { since } => {
                let _ = writeln!(text, "over since {since}, and nobody acknowledged it");
            }
            Condition::Clear | Condition::Clearing(_) => {}
        }
        for (name, value) in &*open.about.values {
            let _ = writeln!(text, "{name}: {value}");
        }
        let hides = self.hidden_by(&open.subject);
        if 0 < hides {
            let _ = writeln!(text, "{hides} other alerts are explained by this one");
        }
        if let Some(runbook) = &rule.runbook {
            let _ = writeln!(text, "what to do: {runbook}");
        }
        let site = &self.rules.rules.site;
        if !site.is_empty() {
            let _ = writeln!(text, "site: {site}");
        }
        let mut out = Outgoing::new(
            &*letter.message.id,
            Kind::Page,
            &*title,
            text,
            letter.message.made,
        );
        out.urgency = if low { Urgency::Low } else { Urgency::Normal };
        out.tag = Some(open.state.number.to_string());
        out.thread = Some(open.id().to_string());
        self.sign(&mut out, letter, key, now);
        out.json = self.data(vec![self.alert_json(open)]);
        out
    }

    fn note(&self, letter: &Letter, text: &str, now: Timestamp) -> Outgoing {
        let _ = now;
        let about = letter.message.about.as_ref();
        let title = match self.open_of(letter) {
            Some(open) => self.title(open),
            None => about.map_or_else(String::new, |(id, _)| {
                format!("{}: {}", id.alert, id.subject)
            }),
        };
        let mut out = Outgoing::new(
            &*letter.message.id,
            Kind::Note,
            format!("{title}: {text}"),
            format!("{title}\n{text}\n"),
            letter.message.made,
        );
        out.urgency = Urgency::Low;
        out.thread = about.map(|(id, _)| id.to_string());
        out.tag = letter.episode().map(|number| number.to_string());
        let open = self.open_of(letter).into_iter();
        out.json = self.data(open.map(|open| self.alert_json(open)).collect());
        out
    }

    fn digest(&self, letter: &Letter, key: &TokenKey, now: Timestamp) -> Outgoing {
        let mut lines = Vec::new();
        let mut alerts = Vec::new();
        let (mut pages, mut notes) = (0_u32, 0_u32);
        for carried in self.outbox.carried(letter) {
            let open = self.open_of(carried);
            match (&carried.words, open) {
                (Words::Page { .. }, Some(open)) if self.is_wanted(carried) => {
                    pages += 1;
                    if lines.len() < DIGEST_LINES_MAX {
                        lines.push(format!(
                            "#{} {}: {}",
                            open.state.number,
                            self.title(open),
                            open.about.message
                        ));
                    }
                    if alerts.len() < DIGEST_JSON_MAX {
                        alerts.push(self.alert_json(open));
                    }
                }
                (Words::Note(text), _) => {
                    notes += 1;
                    if lines.len() < DIGEST_LINES_MAX {
                        let title = match (open, &carried.message.about) {
                            (Some(open), _) => self.title(open),
                            (None, Some((id, _))) => format!("{}: {}", id.alert, id.subject),
                            (None, None) => String::new(),
                        };
                        lines.push(format!("{title}: {text}"));
                    }
                }
                _ => {}
            }
        }
        let more = (pages + notes).saturating_sub(lines.len() as u32);
        let subject = match (pages, notes) {
            (0, notes) => format!("{notes} notes about alerts"),
            (1, 0) => lines[0].clone(),
            (pages, 0) => format!("{pages} alerts"),
            (pages, notes) => format!("{pages} alerts and {notes} notes"),
        };
        let mut text = lines.join("\n");
        text.push('\n');
        if 0 < more {
            let _ = writeln!(text, "and {more} more");
        }
        let mut out = Outgoing::new(
            &*letter.message.id,
            Kind::Digest,
            subject,
            text,
            letter.message.made,
        );
        if pages == 0 {
            out.urgency = Urgency::Low;
        } else {
            out.tag = Some(format!("d{}", letter.no));
            self.sign(&mut out, letter, key, now);
        }
        out.json = self.data(alerts);
        out.json["more"] = more.into();
        out
    }

    /// The link and the token by which this person acknowledges.
    fn sign(&self, out: &mut Outgoing, letter: &Letter, key: &TokenKey, now: Timestamp) {
        let Addressee::User(user) = &letter.to else {
            return;
        };
        let about = match &letter.words {
            Words::Digest(_) => format!("d{}", letter.no),
            _ => letter
                .episode()
                .map_or_else(String::new, |number| number.to_string()),
        };
        let token = key.sign(&Grant {
            about,
            user: user.to_string(),
            expires: now + self.rules.rules.timing.link_valid,
        });
        if let Some(base) = &self.rules.rules.base_url {
            let base = base.trim_end_matches('/');
            out.links
                .push(Link::new("acknowledge", format!("{base}/ack/{token}")));
        }
        out.reply_token = Some(token);
    }

    /// What an alert is called.
    pub(crate) fn title(&self, open: &Open) -> String {
        let template = &self.rules.alert(&open.alert).title;
        fill(template, |name| {
            let text: Option<&Arc<str>> = match name {
                "alert" => Some(&open.alert),
                "subject" => Some(&open.subject),
                "message" => Some(&open.about.message),
                name => open
                    .about
                    .labels
                    .get(name)
                    .or_else(|| open.about.values.get(name)),
            };
            text.map(|text| &**text)
        })
    }

    fn alert_json(&self, open: &Open) -> Value {
        let rule = self.rules.alert(&open.alert);
        let mut labels = serde_json::Map::new();
        labels.insert("alertname".into(), (*open.alert).into());
        labels.insert("subject".into(), (*open.subject).into());
        labels.insert("severity".into(), rule.severity.as_str().into());
        for (name, value) in &*open.about.labels {
            labels.insert(name.to_string(), (**value).into());
        }
        let mut annotations = serde_json::Map::new();
        annotations.insert("summary".into(), self.title(open).into());
        annotations.insert("description".into(), (*open.about.message).into());
        if let Some(runbook) = &rule.runbook {
            annotations.insert("runbook".into(), runbook.as_str().into());
        }
        for (name, value) in &*open.about.values {
            annotations.insert(name.to_string(), (**value).into());
        }
        let status = match open.state.condition {
            Condition::Firing { .. } => "firing",
            _ => "resolved",
        };
        // By hand, because `json!` copies what it is given.
        let mut alert = serde_json::Map::new();
        alert.insert("episode".into(), open.state.number.into());
        alert.insert("labels".into(), labels.into());
        alert.insert("annotations".into(), annotations.into());
        alert.insert("status".into(), status.into());
        alert.insert("starts_at".into(), open.state.opened.to_string().into());
        if let Some(base) = &self.rules.rules.base_url {
            let base = base.trim_end_matches('/');
            let url = format!("{base}/alerts/{}", open.state.number);
            alert.insert("url".into(), url.into());
        }
        alert.into()
    }

    /// What goes to programs beside the text.
    fn data(&self, alerts: Vec<Value>) -> Value {
        let mut data = serde_json::Map::new();
        data.insert("site".into(), self.rules.rules.site.as_str().into());
        data.insert("alerts".into(), alerts.into());
        data.into()
    }
}

/// Replaces `{name}` by what `value` says; what it does not know stays.
fn fill<'a>(template: &str, value: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(begin) = rest.find('{') {
        out.push_str(&rest[..begin]);
        rest = &rest[begin..];
        let Some(end) = rest.find('}') else {
            break;
        };
        match value(&rest[1..end]) {
            Some(text) => out.push_str(text),
            None => out.push_str(&rest[..=end]),
        }
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    out
}
