use dropstar::{Failure, Request, Response, StatusCode};
use rem_desk::{Action, AlertView, Grant, Target};
use rem_monitor::Running;
use rem_time::Span;
use serde::Serialize;

use super::alerts::Row;
use crate::asked::Asked;
use crate::frame::{Frame, Wall};
use crate::trouble::Trouble;

/// Alerts of a digest that are shown; the others are counted, and all are answered.
const SHOWN_MAX: usize = 30;
/// The longest snooze by a link: whoever wants more acknowledges.
const SNOOZE_MAX: Span = crate::alerts::SNOOZE_MAX;

/// The page of a signed link: whoever holds it may acknowledge, and nothing else.
#[derive(Debug, Serialize)]
struct Page {
    title: String,
    user: String,
    expires: String,
    rows: Vec<Row>,
    total: usize,
    token: String,
    /// What was just done.
    done: Option<String>,
}

/// Shows; changes nothing, since programs that look for bad links follow every link.
pub(crate) async fn show(running: Running, request: Request) -> Result<Response, Failure> {
    let token = token(&request);
    let (grant, target) = granted(&running, &token).await?;
    page(&running, &request, &token, &grant, &target, None).await
}

/// Does what the button says, as the person the link was sent to.
pub(crate) async fn act(running: Running, request: Request) -> Result<Response, Failure> {
    let token = token(&request);
    let (grant, target) = granted(&running, &token).await?;
    let by = running.desk.actor(&grant.user);
    let by = by.map_err(|error| Trouble::from(error).page())?;
    let asked = Asked::by_request(&request);
    let button = asked.wanted("do").map_err(Trouble::page)?;
    let (action, done) = match button.as_str() {
        "ack" => (
            Action::Complete,
            "Acknowledged: quiet until it is over.".to_owned(),
        ),
        "comment" => (
            Action::Comment("".into()),
            "The comment is kept.".to_owned(),
        ),
        "snooze" => snooze(asked.span("for").map_err(Trouble::page)?)?,
        button => match button.strip_prefix("snooze:").map(str::parse::<Span>) {
            Some(Ok(span)) => snooze(Some(span))?,
            _ => {
                return Err(Failure::bad_request(format!(
                    "there is no such button: {button}"
                )));
            }
        },
    };
    let remark = asked.text("comment").map_err(Trouble::page)?;
    let failed = |error| Trouble::from(error).page();
    if !matches!(action, Action::Comment(_)) {
        let acted = running.desk.act(target.clone(), &by, action).await;
        acted.map_err(failed)?;
    } else if remark.is_none() {
        return Err(Failure::bad_request("the comment is empty"));
    }
    if let Some(remark) = remark {
        let remark: String = remark.chars().take(4_000).collect();
        let comment = Action::Comment(remark.into());
        let acted = running.desk.act(target.clone(), &by, comment).await;
        acted.map_err(failed)?;
    }
    page(&running, &request, &token, &grant, &target, Some(done)).await
}

fn snooze(span: Option<Span>) -> Result<(Action, String), Failure> {
    match span {
        Some(span) if span <= SNOOZE_MAX && !span.is_zero() => {
            Ok((Action::Snooze(span), format!("Snoozed for {span}.")))
        }
        _ => Err(Failure::bad_request(format!(
            "a snooze lasts some time, and at most {SNOOZE_MAX}"
        ))),
    }
}

/// In the query, or as the last part of the path.
fn token(request: &Request) -> String {
    match request.rest() {
        "" => request.arg("t").unwrap_or("").to_owned(),
        rest => rest.to_owned(),
    }
}

async fn granted(running: &Running, token: &str) -> Result<(Grant, Target), Failure> {
    let granted = running.desk.granted(token).await;
    granted.map_err(|error| match error {
        rem_desk::DeskError::Token(error) => Failure::new(StatusCode::FORBIDDEN, error.to_string()),
        rem_desk::DeskError::Refused(_) => Failure::not_found("what this link was about is over"),
        error => Trouble::from(error).page(),
    })
}

async fn page(
    running: &Running,
    request: &Request,
    token: &str,
    grant: &Grant,
    target: &Target,
    done: Option<String>,
) -> Result<Response, Failure> {
    let overview = running.desk.overview();
    let (_, wall) = Frame::new("ack", running, request, &overview);
    let calendar = running.desk.calendar();
    let user = calendar.users().get(grant.user.as_str());
    let wall = Wall {
        zone: user.map_or(wall.zone, |user| user.zone.clone()),
        now: wall.now,
    };
    let numbers = match target {
        Target::Episode(number) => vec![*number],
        Target::Episodes(numbers) => numbers.clone(),
        Target::Key { .. } => Vec::new(),
    };
    let mut alerts: Vec<AlertView> = Vec::new();
    for number in numbers.iter().take(SHOWN_MAX) {
        let episode = running.desk.episode(*number).await;
        let episode = episode.map_err(|error| Trouble::from(error).page())?;
        alerts.extend(episode.map(|episode| episode.alert));
    }
    let rows: Vec<Row> = alerts.iter().map(|alert| Row::new(alert, &wall)).collect();
    let page = Page {
        title: match (&rows[..], numbers.len()) {
            ([row], 1) => row.title.clone(),
            (_, total) => format!("{total} alerts"),
        },
        user: grant.user.clone(),
        expires: wall.local(grant.expires),
        total: numbers.len(),
        rows,
        token: token.to_owned(),
        done,
    };
    Ok(Response::view("monitor/ack.html", page))
}
