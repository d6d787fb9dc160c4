use dropstar::{Failure, Request, Response};
use rem_monitor::Running;
use rem_time::Span;
use serde::Serialize;

use super::alerts::when;
use crate::asked::Asked;
use crate::frame::{Frame, When, back};
use crate::holds;
use crate::trouble::Trouble;

/// `/system_monitor/holds`
#[derive(Debug, Serialize)]
struct Page {
    frame: Frame,
    title: &'static str,
    holds: Vec<HoldRow>,
    form: Form,
}

#[derive(Debug, Serialize)]
struct HoldRow {
    id: String,
    kind: &'static str,
    matches: String,
    by: String,
    why: String,
    when: String,
    from: Option<When>,
    until: Option<When>,
    is_once: bool,
    is_live: bool,
    live_until: Option<When>,
    next: Option<When>,
}

/// What stands in the fields before anybody types.
#[derive(Debug, Serialize)]
struct Form {
    matches: String,
    from: String,
    until: String,
}

pub(crate) async fn list(running: Running, request: Request) -> Result<Response, Failure> {
    let overview = running.desk.overview();
    let (frame, wall) = Frame::new("holds", &running, &request, &overview);
    let holds = holds::holds(&running).into_iter().map(|hold| HoldRow {
        is_once: hold.from.is_some() && hold.until.is_some() && !hold.when.starts_with("every"),
        id: hold.id.to_string(),
        kind: hold.kind,
        matches: hold.matches,
        by: hold.by.to_string(),
        why: hold.why.to_string(),
        when: hold.when,
        from: hold.from.map(|at| when(&wall, &at)),
        until: hold.until.map(|at| when(&wall, &at)),
        is_live: hold.is_live,
        live_until: hold.live_until.map(|at| when(&wall, &at)),
        next: hold.next_change.map(|at| when(&wall, &at)),
    });
    let form = Form {
        matches: request.arg("match").unwrap_or("").to_owned(),
        from: wall.field(wall.now),
        until: wall.field(wall.now + Span::from_seconds(2 * 3_600)),
    };
    let page = Page {
        holds: holds.collect(),
        frame,
        title: "Holds",
        form,
    };
    Ok(Response::view("monitor/holds.html", page))
}

/// `do` is `add`, or `end:ID`. A form that repeats has `repeats` and `at` in place of
/// an end.
pub(crate) async fn act(running: Running, request: Request) -> Result<Response, Failure> {
    let mut asked = Asked::by_request(&request);
    let button = asked.wanted("do").map_err(Trouble::page)?;
    if let Some(id) = button.strip_prefix("end:") {
        let asked = asked.with("id", id);
        holds::end(running, asked).await.map_err(Trouble::page)?;
        return Ok(back(&request, "/system_monitor/holds", "hold-end"));
    }
    let field = |name: &str| request.arg(name).unwrap_or("").trim().to_owned();
    let (repeats, at) = (field("repeats"), field("at"));
    asked = match repeats.as_str() {
        "" | "once" => asked.with("for", ""),
        "daily" => asked.with("daily", at).with("from", "").with("until", ""),
        day if day.bytes().all(|byte| byte.is_ascii_digit()) => asked
            .with("monthly", format!("{day} {at}"))
            .with("from", "")
            .with("until", ""),
        days => asked
            .with("weekly", format!("{days} {at}"))
            .with("from", "")
            .with("until", ""),
    };
    holds::add(running, asked).await.map_err(Trouble::page)?;
    Ok(back(&request, "/system_monitor/holds", "hold"))
}
