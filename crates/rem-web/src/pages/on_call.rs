use dropstar::{Failure, Request, Response, header};
use rem_alert::shift::{Calendar, Range, RoleId};
use rem_desk::{Addressee, Broken, PathState, PathView};
use rem_monitor::Running;
use rem_time::{Span, Timestamp};
use serde::Serialize;

use super::alerts::pressed_id;
use crate::asked::Asked;
use crate::frame::{Frame, Wall, When, back};
use crate::on_call;
use crate::trouble::Trouble;
use crate::view::{EditJson, ShiftJson, SwapJson, path_state};

/// How far ahead the page looks for shifts and gaps.
const AHEAD: Span = Span::from_seconds(14 * 86_400);
/// Shifts of a role that it lists.
const SHIFTS_SHOWN: usize = 12;
/// Changes and offers that it lists.
const CHANGES_SHOWN: usize = 30;

/// `/system_monitor/oncall`
#[derive(Debug, Serialize)]
struct Page {
    frame: Frame,
    title: &'static str,
    roles: Vec<RoleRow>,
    broken: Vec<BrokenRow>,
    paths: Vec<PathRow>,
    people: Vec<Person>,
    changes: Changes,
    form: Form,
}

/// What people changed and offered: on this page and on the calendar.
#[derive(Debug, Serialize)]
pub(crate) struct Changes {
    edits: Vec<EditRow>,
    swaps: Vec<SwapRow>,
}

/// The choices of the forms.
#[derive(Debug, Serialize)]
pub(crate) struct Form {
    roles: Vec<String>,
    users: Vec<String>,
    from: String,
    until: String,
}

#[derive(Debug, Serialize)]
struct RoleRow {
    role: String,
    now: Vec<String>,
    until: Option<When>,
    next: Vec<String>,
    shifts: Vec<ShiftRow>,
    gaps: Vec<Gap>,
    is_mine: bool,
}

#[derive(Debug, Serialize)]
struct ShiftRow {
    user: String,
    from: When,
    until: When,
    why: String,
    is_now: bool,
}

#[derive(Debug, Serialize)]
struct Gap {
    from: When,
    until: When,
}

#[derive(Debug, Serialize)]
struct BrokenRow {
    user: String,
    contact: String,
    since: When,
    why: String,
}

/// Where the self-test of one kind of contact stands.
#[derive(Debug, Serialize)]
struct PathRow {
    kind: String,
    contact: String,
    /// The pill: a status of the style sheet, and its word.
    status: &'static str,
    said: &'static str,
    since: Option<When>,
    arrived: Option<When>,
}

impl PathRow {
    fn new(view: &PathView, wall: &Wall) -> Self {
        let (status, said) = match view.state {
            PathState::Untested => ("unknown", "Not tested yet"),
            PathState::NotVerified { .. } => ("unknown", "Taken over, not verified"),
            PathState::UnderWay { .. } => ("unknown", "Under way"),
            PathState::Arrived { .. } => ("ok", "Arrived"),
            PathState::Missing { .. } => ("critical", "Did not arrive"),
        };
        Self {
            kind: view.kind.to_string(),
            contact: view.contact.clone(),
            status,
            said,
            since: path_state(view.state).1.map(|at| wall.when(at)),
            arrived: view.arrived.map(|at| wall.when(at)),
        }
    }
}

/// Somebody who is on call now, and whether their contacts work.
#[derive(Debug, Serialize)]
struct Person {
    user: String,
    roles: Vec<String>,
    is_away: bool,
    broken: usize,
}

#[derive(Debug, Serialize)]
struct EditRow {
    edit: EditJson,
    at: When,
    from: Option<When>,
    until: Option<When>,
}

#[derive(Debug, Serialize)]
struct SwapRow {
    swap: SwapJson,
    give: Gap,
    want: Option<Gap>,
    expires: When,
}

pub(crate) async fn show(running: Running, request: Request) -> Result<Response, Failure> {
    let overview = running.desk.overview();
    let (frame, wall) = Frame::new("oncall", &running, &request, &overview);
    let calendar = running.desk.calendar();
    let range = Range::new(wall.now, wall.now + AHEAD);
    let names = |users: &[std::sync::Arc<str>]| users.iter().map(ToString::to_string).collect();
    let roles = overview.on_call.iter().map(|view| RoleRow {
        role: view.role.to_string(),
        now: names(&view.now),
        until: view.until.map(|at| wall.when(at)),
        next: names(&view.next),
        shifts: shifts(&calendar, &view.role, range, &wall),
        gaps: gaps(&calendar, &view.role, range, &wall),
        is_mine: frame
            .me
            .as_ref()
            .is_some_and(|me| view.now.iter().any(|now| **now == **me)),
    });
    let roles: Vec<RoleRow> = roles.collect();
    let broken = overview.broken.iter().map(|broken| BrokenRow {
        user: broken.to.to_string(),
        contact: broken.contact.clone(),
        since: wall.when(broken.since),
        why: broken.why.clone(),
    });
    let page = Page {
        title: "On call",
        people: people(&calendar, &overview.broken, wall.now),
        broken: broken.collect(),
        paths: overview
            .paths
            .iter()
            .map(|view| PathRow::new(view, &wall))
            .collect(),
        changes: Changes::new(&running, &calendar, &wall, |_| true),
        form: Form::new(&calendar, &wall),
        roles,
        frame,
    };
    Ok(Response::view("monitor/oncall.html", page))
}

fn shifts(calendar: &Calendar, role: &RoleId, range: Range, wall: &Wall) -> Vec<ShiftRow> {
    let shifts = calendar.whole_shifts(role, range);
    let row = |shift: &rem_alert::shift::Shift| ShiftRow {
        user: shift.user.to_string(),
        from: wall.when(shift.from),
        until: wall.when(shift.to),
        why: ShiftJson::from(shift).why,
        is_now: shift.from <= wall.now && wall.now < shift.to,
    };
    shifts.iter().take(SHIFTS_SHOWN).map(row).collect()
}

fn gaps(calendar: &Calendar, role: &RoleId, range: Range, wall: &Wall) -> Vec<Gap> {
    let gaps = calendar.gaps(role, range).into_iter().take(SHIFTS_SHOWN);
    gaps.map(|gap| Gap::new(gap.from, gap.to, wall)).collect()
}

impl Gap {
    fn new(from: Timestamp, until: Timestamp, wall: &Wall) -> Self {
        Self {
            from: wall.when(from),
            until: wall.when(until),
        }
    }
}

fn people(calendar: &Calendar, broken: &[Broken], now: Timestamp) -> Vec<Person> {
    let person = |user: &rem_alert::shift::UserId| {
        let roles = calendar.roles_of(user, now);
        let of_user = |broken: &&Broken| match &broken.to {
            Addressee::User(name) => **name == *user.as_str(),
            Addressee::Fallback | Addressee::Heartbeat | Addressee::SelfTest => false,
        };
        Person {
            user: user.to_string(),
            roles: roles.iter().map(ToString::to_string).collect(),
            is_away: calendar.is_away(user, now),
            broken: broken.iter().filter(of_user).count(),
        }
    };
    calendar.users().keys().map(person).collect()
}

impl Form {
    pub(crate) fn new(calendar: &Calendar, wall: &Wall) -> Self {
        Self {
            roles: calendar
                .roles()
                .iter()
                .map(|role| role.id.to_string())
                .collect(),
            users: calendar.users().keys().map(ToString::to_string).collect(),
            from: wall.field(wall.now),
            until: wall.field(wall.now + Span::from_seconds(86_400)),
        }
    }
}

impl Changes {
    /// Those that a page is about, the newest first.
    pub(crate) fn new(
        running: &Running,
        calendar: &Calendar,
        wall: &Wall,
        about: impl Fn(&[String]) -> bool,
    ) -> Self {
        let edits = calendar.edits().iter().rev().map(EditJson::from);
        let edits = edits.filter(|edit| about(&edit.roles) || about(&edit.users));
        let edits = edits.take(CHANGES_SHOWN).map(|edit| EditRow {
            at: super::alerts::when(wall, &edit.at),
            from: edit.from.as_ref().map(|at| super::alerts::when(wall, at)),
            until: edit.until.as_ref().map(|at| super::alerts::when(wall, at)),
            edit,
        });
        let swaps = running.desk.swaps();
        let swaps = swaps.iter().rev().filter(|swap| {
            let names = [
                swap.give.role.to_string(),
                swap.to.to_string(),
                swap.give.user.to_string(),
            ];
            about(&names)
        });
        let gap = |range: Range| Gap::new(range.from, range.to, wall);
        let swaps = swaps.take(CHANGES_SHOWN).map(|swap| SwapRow {
            give: gap(swap.give.range),
            want: swap.want.as_ref().map(|want| gap(want.range)),
            expires: wall.when(swap.expires),
            swap: SwapJson::from(swap),
        });
        Self {
            edits: edits.collect(),
            swaps: swaps.collect(),
        }
    }
}

/// `do` is `take`, `override`, `vacation`, `offer`, `withdraw:ID`, `accept:ID`,
/// `decline:ID`, or `test`.
pub(crate) async fn act(running: Running, request: Request) -> Result<Response, Failure> {
    let asked = Asked::by_request(&request);
    let button = asked.wanted("do").map_err(Trouble::page)?;
    let (what, asked) = pressed_id(&button, asked);
    let done = match what.as_str() {
        "take" => on_call::take(running, asked).await.map(|_| "shift"),
        "override" => on_call::replace(running, asked).await.map(|_| "override"),
        "vacation" => on_call::vacation(running, asked).await.map(|_| "vacation"),
        "offer" => on_call::offer(running, asked).await.map(|_| "offer"),
        "withdraw" => on_call::withdraw(running, asked).await.map(|_| "withdraw"),
        "accept" => on_call::accept(running, asked).await.map(|_| "accept"),
        "decline" => on_call::decline(running, asked).await.map(|_| "decline"),
        _ => Err(Trouble::Invalid(format!(
            "there is no such button: {button}"
        ))),
    };
    let done = done.map_err(Trouble::page)?;
    Ok(back(&request, "/system_monitor/oncall", done))
}

/// For an admin: tests the contacts that are known as broken, and the loops.
pub(crate) async fn test(running: Running, request: Request) -> Result<Response, Failure> {
    let tested = running.desk.test_contacts().await;
    tested.map_err(|error| Trouble::from(error).page())?;
    Ok(back(&request, "/system_monitor/oncall", "test"))
}

/// `/oncall.ics?role=…` for calendar programs to subscribe to.
pub(crate) async fn feed(running: Running, request: Request) -> Result<Response, Failure> {
    let asked = Asked::by_request(&request);
    let text = on_call::feed(&running, &asked).map_err(Trouble::page)?;
    Ok(
        Response::bytes("text/calendar; charset=utf-8", text).with_header(
            header::CONTENT_DISPOSITION,
            "inline; filename=\"oncall.ics\"",
        ),
    )
}
