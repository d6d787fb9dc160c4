//! What can be done with alerts, by method or by form.

use std::sync::Arc;

use rem_alert::episode::EpisodeId;
use rem_desk::{Action, Desk, Target};
use rem_monitor::Running;
use rem_time::Span;
use serde_json::{Value, json};

use crate::asked::{Asked, missing};
use crate::trouble::Trouble;
use crate::view::{AlertJson, EpisodeJson, ExplanationJson};

/// Alerts that one answer lists; the others are counted.
pub(crate) const LISTED_MAX: usize = 10_000;
/// Alerts that are over in one answer.
const CLOSED_MAX: usize = 1_000;
/// The longest remark, in bytes.
const COMMENT_MAX: usize = 4_096;
/// The longest snooze; whoever wants more acknowledges.
pub(crate) const SNOOZE_MAX: Span = Span::from_seconds(31 * 86_400);

/// `{at, total, alerts, closed}`; `closed` names how many that are over.
pub(crate) async fn list(running: Running, asked: Asked) -> Result<Value, Trouble> {
    let overview = running.desk.overview();
    let total = overview.alerts.len();
    let alerts = overview.alerts.into_iter().take(LISTED_MAX);
    let alerts: Vec<AlertJson> = alerts.map(AlertJson::from).collect();
    let wanted = asked.number("closed")?.unwrap_or(0);
    let wanted = usize::try_from(wanted)
        .unwrap_or(CLOSED_MAX)
        .min(CLOSED_MAX);
    let mut closed = Vec::new();
    for number in running.desk.closed(wanted) {
        if let Some(episode) = running.desk.episode(number).await? {
            closed.push(AlertJson::from(episode.alert));
        }
    }
    Ok(json!({
        "at": overview.at.to_string(),
        "total": total,
        "alerts": alerts,
        "closed": closed,
        "not_durable": overview.not_durable.map(|(since, why)| json!({
            "since": since.to_string(),
            "why": why,
        })),
    }))
}

/// One alert with its timeline.
pub(crate) async fn get(running: Running, asked: Asked) -> Result<Value, Trouble> {
    let episode = episode(&running.desk, &asked.wanted("id")?).await?;
    Ok(serde_json::to_value(episode).unwrap_or_default())
}

pub(crate) async fn episode(desk: &Desk, id: &str) -> Result<EpisodeJson, Trouble> {
    let number = number(desk, id)?;
    match desk.episode(number).await? {
        Some(episode) => Ok(episode.into()),
        None => Err(no_alert(id)),
    }
}

/// Why the subject of an alert, or a node, is held, and what it hides.
pub(crate) async fn explain(running: Running, asked: Asked) -> Result<Value, Trouble> {
    let subject = match asked.text("subject")? {
        Some(subject) => subject,
        None => {
            let id = asked.text("id")?.ok_or_else(|| missing("subject or id"))?;
            let number = number(&running.desk, &id)?;
            let episode = running.desk.episode(number).await?;
            let episode = episode.ok_or_else(|| no_alert(&id))?;
            episode.alert.id.subject.to_string()
        }
    };
    let explanation = running
        .desk
        .explain(&subject)
        .ok_or_else(|| Trouble::NotFound(format!("the dependency graph has no node {subject}")))?;
    Ok(serde_json::to_value(ExplanationJson::from(explanation)).unwrap_or_default())
}

pub(crate) async fn snooze(running: Running, asked: Asked) -> Result<Value, Trouble> {
    let span = asked.span("for")?.ok_or_else(|| missing("for"))?;
    if SNOOZE_MAX < span {
        return Err(Trouble::Invalid(format!(
            "for is at most {SNOOZE_MAX}, not {span}: acknowledge it instead"
        )));
    }
    act(running, asked, Action::Snooze(span)).await
}

pub(crate) async fn complete(running: Running, asked: Asked) -> Result<Value, Trouble> {
    act(running, asked, Action::Complete).await
}

pub(crate) async fn comment(running: Running, asked: Asked) -> Result<Value, Trouble> {
    let text = remark(&asked)?.ok_or_else(|| missing("comment"))?;
    let (by, target) = (asked.by(&running.desk)?, target(&asked)?);
    let done = running.desk.act(target, &by, Action::Comment(text)).await?;
    Ok(json!({ "done": done }))
}

pub(crate) async fn take(running: Running, asked: Asked) -> Result<Value, Trouble> {
    act(running, asked, Action::Take).await
}

pub(crate) async fn reassign(running: Running, asked: Asked) -> Result<Value, Trouble> {
    let user = asked.wanted("user")?;
    crate::asked::known_user(&running.desk.calendar(), &user)?;
    act(running, asked, Action::Reassign(user.into())).await
}

pub(crate) async fn escalate(running: Running, asked: Asked) -> Result<Value, Trouble> {
    act(running, asked, Action::Escalate).await
}

/// Does it, with the remark that came along: `{done: [numbers]}`.
async fn act(running: Running, asked: Asked, action: Action) -> Result<Value, Trouble> {
    let (by, target) = (asked.by(&running.desk)?, target(&asked)?);
    let remark = remark(&asked)?;
    let done = running.desk.act(target, &by, action).await?;
    if let Some(remark) = remark {
        let same = Target::Episodes(done.clone());
        running.desk.act(same, &by, Action::Comment(remark)).await?;
    }
    Ok(json!({ "done": done }))
}

fn remark(asked: &Asked) -> Result<Option<Arc<str>>, Trouble> {
    match asked.text("comment")? {
        Some(text) if COMMENT_MAX < text.len() => Err(Trouble::Invalid(format!(
            "comment is at most {COMMENT_MAX} bytes long, not {}",
            text.len()
        ))),
        text => Ok(text.map(Arc::from)),
    }
}

/// `id`: a number, a whole id, an alert with its subject, or a list of those.
fn target(asked: &Asked) -> Result<Target, Trouble> {
    if let Some(Value::Array(ids)) = asked.value("id") {
        let numbers = ids.iter().map(|id| {
            let text = id.as_str().map(str::to_owned);
            let text = text.unwrap_or_else(|| id.to_string());
            parsed(&text)
                .and_then(Result::ok)
                .ok_or_else(|| not_an_id(&text))
        });
        let numbers: Vec<u64> = numbers.collect::<Result<_, _>>()?;
        if numbers.is_empty() {
            return Err(missing("id"));
        }
        return Ok(Target::Episodes(numbers));
    }
    let id = asked.wanted("id")?;
    match parsed(&id) {
        Some(Ok(number)) => Ok(Target::Episode(number)),
        Some(Err((alert, subject))) => Ok(Target::Key {
            alert: alert.into(),
            subject: subject.into(),
        }),
        None => Err(not_an_id(&id)),
    }
}

/// The number of an alert, whether it is open or over.
pub(crate) fn number(desk: &Desk, id: &str) -> Result<u64, Trouble> {
    match parsed(id) {
        Some(Ok(number)) => Ok(number),
        Some(Err((alert, subject))) => {
            let overview = desk.overview();
            let mut alerts = overview.alerts.iter();
            let same = alerts.find(|open| *open.id.alert == *alert && *open.id.subject == *subject);
            same.map(|open| open.id.number).ok_or_else(|| no_alert(id))
        }
        None => Err(not_an_id(id)),
    }
}

/// The number that an id says, or the alert and subject it names.
fn parsed(id: &str) -> Option<Result<u64, (String, String)>> {
    let bare = id.strip_prefix('#').unwrap_or(id);
    if let Ok(number) = bare.parse() {
        return Some(Ok(number));
    }
    if let Ok(id) = id.parse::<EpisodeId>() {
        return Some(Ok(id.number));
    }
    let (alert, subject) = id.split_once('@')?;
    Some(Err((alert.to_owned(), subject.to_owned())))
}

fn not_an_id(id: &str) -> Trouble {
    Trouble::Invalid(format!(
        "id has to be a number, or look like web-down@machine:web-01#12, not {id}"
    ))
}

pub(crate) fn no_alert(id: &str) -> Trouble {
    Trouble::NotFound(format!(
        "there is no alert {id}, and none that is over is kept"
    ))
}
