use dropstar::{Failure, Request, Response};
use rem_desk::EpisodeView;
use rem_monitor::Running;
use rem_time::Span;
use serde::Serialize;

use super::alerts::{Row, node_link, when};
use crate::frame::{Frame, When};
use crate::trouble::Trouble;
use crate::view::{EpisodeJson, LevelJson};

/// `/system_monitor/alert?id=12`
#[derive(Debug, Serialize)]
struct Page {
    frame: Frame,
    title: String,
    row: Row,
    alert: EpisodeJson,
    /// Where the monitor it is about is shown.
    subject_link: Option<String>,
    next_page: Option<When>,
    next_change: Option<When>,
    /// What happened and what was sent, in one list.
    events: Vec<Event>,
    messages: Vec<MessageRow>,
    levels: Vec<LevelJson>,
    /// Whom it can be given to.
    people: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Event {
    at: When,
    text: String,
    by: Option<String>,
}

#[derive(Debug, Serialize)]
struct MessageRow {
    no: u64,
    to: String,
    kind: &'static str,
    made: When,
    state: String,
    is_over: bool,
    text: Option<String>,
    went_with: Option<u64>,
    attempts: Vec<AttemptRow>,
}

#[derive(Debug, Serialize)]
struct AttemptRow {
    at: When,
    contact: String,
    took: Option<String>,
    /// `ok`, `critical`, or `unknown` while it is under way.
    status: &'static str,
    said: &'static str,
    answer: String,
}

pub(crate) async fn show(running: Running, request: Request) -> Result<Response, Failure> {
    let id = request.arg("id").unwrap_or("");
    let number = crate::alerts::number(&running.desk, id).map_err(Trouble::page)?;
    let episode = running.desk.episode(number).await;
    let episode = episode.map_err(Trouble::from).map_err(Trouble::page)?;
    let Some(episode) = episode else {
        return Err(crate::alerts::no_alert(id).page());
    };
    let overview = running.desk.overview();
    let (frame, wall) = Frame::new("alerts", &running, &request, &overview);
    let calendar = running.desk.calendar();
    let row = Row::new(&episode.alert, &wall);
    let levels = levels(&running, &episode);
    let link = node_link(&episode.alert.id.subject);
    let link = link.filter(|_| monitor_of(&running, &episode).is_some());
    let (next_page, next_change) = (episode.alert.next_page, episode.alert.next_change);
    let alert = EpisodeJson::from(episode);
    let events = alert.timeline.iter().map(|line| Event {
        at: when(&wall, &line.at),
        text: wall.say(&line.text),
        by: line.by.as_ref().map(ToString::to_string),
    });
    let messages = alert.messages.iter().map(|letter| MessageRow {
        no: letter.no,
        to: letter.to.clone(),
        kind: letter.kind,
        made: when(&wall, &letter.made),
        state: wall.say(&letter.state),
        is_over: letter.is_over,
        text: letter.text.clone(),
        went_with: letter.went_with,
        attempts: letter
            .attempts
            .iter()
            .map(|attempt| AttemptRow {
                at: when(&wall, &attempt.at),
                contact: attempt.contact.to_string(),
                took: attempt.took.as_deref().map(took),
                status: match attempt.taken {
                    Some(true) => "ok",
                    Some(false) => "critical",
                    None => "unknown",
                },
                said: match attempt.taken {
                    Some(true) => "Taken over",
                    Some(false) => "Failed",
                    None => "Under way",
                },
                answer: attempt.answer.to_string(),
            })
            .collect(),
    });
    let (events, messages) = (events.collect(), messages.collect());
    let page = Page {
        frame,
        title: row.title.clone(),
        row,
        subject_link: link,
        next_page: next_page.map(|at| wall.when(at)),
        next_change: next_change.map(|at| wall.when(at)),
        events,
        messages,
        levels,
        people: calendar.users().keys().map(ToString::to_string).collect(),
        alert,
    };
    Ok(Response::view("monitor/alert.html", page))
}

/// `4ms496us9ns` in a few digits.
fn took(span: &str) -> String {
    let exact = span.parse::<Span>();
    exact.map_or_else(
        |_| span.to_owned(),
        |span| crate::format::seconds(span.as_secs_f64()),
    )
}

/// The monitor an alert comes from.
fn monitor_of(running: &Running, episode: &EpisodeView) -> Option<String> {
    let subject = &*episode.alert.id.subject;
    let of_subject = subject.strip_prefix("monitor:");
    let of_subject = of_subject.map(|id| id.split_once('#').map_or(id, |(id, _)| id));
    let label = episode.alert.labels.get("monitor").map(|label| &**label);
    let ids = [of_subject, label].into_iter().flatten();
    let known = |id: &&str| running.engine.monitor_named(id).is_some();
    ids.map(str::to_owned).find(|id| known(&id.as_str()))
}

/// The levels it comes from, as they stand now: those of its name and part.
fn levels(running: &Running, episode: &EpisodeView) -> Vec<LevelJson> {
    let Some(id) = monitor_of(running, episode) else {
        return Vec::new();
    };
    let label = |name: &str| episode.alert.labels.get(name);
    let (name, part) = (label("level"), label("part"));
    let levels = running.engine.levels(&id).into_iter();
    let same = levels.filter(|level| {
        name.is_none_or(|name| *name == level.name)
            && (part.is_none() || part == level.part.as_ref())
    });
    same.map(LevelJson::from).collect()
}
