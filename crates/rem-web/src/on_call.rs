//! Who is on call, and changes of it, by method or by form.

use rem_alert::shift::{Calendar, Change, EditId, Feed, Range, Slot, SwapId, UserId, ical};
use rem_desk::{Actor, Right};
use rem_monitor::Running;
use rem_time::{Span, Timestamp, Zone};
use serde_json::{Value, json};

use crate::asked::{Asked, known_role, known_user, missing};
use crate::holds::zone_of;
use crate::trouble::Trouble;
use crate::view::{BrokenJson, EditJson, OnCallJson, PathJson, ShiftJson, SwapJson};

/// The longest stretch of the calendar that one answer lists.
const LISTED_MAX: Span = Span::from_seconds(400 * 86_400);
/// What an iCal file lists of the past and of the time to come.
const FEED_BACK: Span = Span::from_seconds(31 * 86_400);
const FEED_AHEAD: Span = Span::from_seconds(366 * 86_400);

/// Who has each role, until when, and who then; the contacts that do not work, and
/// where the self-test of each kind of contact stands.
pub(crate) async fn now(running: Running, _: Asked) -> Result<Value, Trouble> {
    let overview = running.desk.overview();
    let roles = overview.on_call.into_iter();
    let broken = overview.broken.iter();
    Ok(json!({
        "at": overview.at.to_string(),
        "roles": roles.map(OnCallJson::from).collect::<Vec<_>>(),
        "broken_contacts": broken.map(BrokenJson::from).collect::<Vec<_>>(),
        "self_tests": overview.paths.iter().map(PathJson::from).collect::<Vec<_>>(),
    }))
}

pub(crate) async fn at(running: Running, asked: Asked) -> Result<Value, Trouble> {
    let now = running.engine.clock().now();
    let calendar = running.desk.calendar();
    let role = known_role(&calendar, &asked.wanted("role")?)?;
    let zone = asked.zone("zone")?.unwrap_or_else(Zone::utc);
    let at = asked.time("at", &zone, now)?.unwrap_or(now);
    let users: Vec<String> = names(&calendar.on_call(&role, at));
    let until = calendar.next_change(&role, at);
    Ok(json!({
        "role": role.as_str(),
        "at": at.to_string(),
        "users": users,
        "until": until.map(|until| until.to_string()),
    }))
}

fn names(users: &[UserId]) -> Vec<String> {
    users.iter().map(ToString::to_string).collect()
}

/// The shifts of a role or a user; from now for four weeks unless told.
pub(crate) async fn shifts(running: Running, asked: Asked) -> Result<Value, Trouble> {
    let now = running.engine.clock().now();
    let zone = asked.zone("zone")?.unwrap_or_else(Zone::utc);
    let from = asked.time("from", &zone, now)?.unwrap_or(now);
    let until = asked.time("until", &zone, now)?;
    let range = Range::new(
        from,
        until.unwrap_or(from + Span::from_seconds(28 * 86_400)),
    );
    if range.is_empty() || LISTED_MAX < range.length() {
        return Err(Trouble::Invalid(format!(
            "until has to come after from, and at most {LISTED_MAX} later"
        )));
    }
    let calendar = running.desk.calendar();
    let listed = match whose(&calendar, &asked)? {
        Feed::Role(role) => calendar.shifts(&role, range),
        Feed::User(user) => calendar.shifts_of(&user, range),
    };
    Ok(listed
        .iter()
        .map(|shift| json!(ShiftJson::from(shift)))
        .collect())
}

fn whose(calendar: &Calendar, asked: &Asked) -> Result<Feed, Trouble> {
    match (asked.text("role")?, asked.text("user")?) {
        (Some(role), None) => Ok(Feed::Role(known_role(calendar, &role)?)),
        (None, Some(user)) => {
            known_user(calendar, &user)?;
            Ok(Feed::User(user.into()))
        }
        (None, None) => Err(missing("role or user")),
        (Some(_), Some(_)) => Err(Trouble::Invalid("say role or user, not both".into())),
    }
}

/// The shifts of a role or a user as iCalendar text.
pub(crate) fn feed(running: &Running, asked: &Asked) -> Result<String, Trouble> {
    let calendar = running.desk.calendar();
    let feed = whose(&calendar, asked)?;
    let now = running.engine.clock().now();
    // Whoever subscribes gets the same text until something changes.
    let changed = calendar.edits().iter().map(|edit| match &edit.withdrawn {
        Some((_, at)) => *at,
        None => edit.at,
    });
    let changed = changed.max().unwrap_or(Timestamp::from_seconds(0));
    let today = Timestamp::from_seconds(now.as_seconds() - now.as_seconds().rem_euclid(86_400));
    let range = Range::new(today - FEED_BACK, today + FEED_AHEAD);
    Ok(ical(&calendar, &feed, range, changed))
}

/// Somebody is on call, instead of everybody or of one (`instead_of`), or as well
/// (`as_well`).
pub(crate) async fn replace(running: Running, asked: Asked) -> Result<Value, Trouble> {
    let (by, reason) = author(&running, &asked)?;
    let calendar = running.desk.calendar();
    let slot = slot(&running, &asked, &calendar, &by.name, "")?;
    let change = match asked.truth("as_well")? {
        true => Change::Add { slot },
        false => {
            let instead_of = asked.text("instead_of")?;
            if let Some(user) = &instead_of {
                known_user(&calendar, user)?;
            }
            Change::Replace {
                slot,
                instead_of: instead_of.map(UserId::from),
            }
        }
    };
    edited(running.desk.edit_shifts(&by, &reason, change).await?)
}

/// "I take this shift": until the next hand-over, or from … until ….
pub(crate) async fn take(running: Running, asked: Asked) -> Result<Value, Trouble> {
    let (by, reason) = author(&running, &asked)?;
    let calendar = running.desk.calendar();
    let role = known_role(&calendar, &asked.wanted("role")?)?;
    let zone = zone_of(&running, &asked, &by.name)?;
    let now = running.engine.clock().now();
    let from = asked.time("from", &zone, now)?;
    let range = match (from, asked.time("until", &zone, now)?) {
        (from, Some(until)) => Some(Range::new(from.unwrap_or(now), until)),
        (Some(from), None) => {
            let until = calendar.next_change(&role, from);
            let until = until.ok_or_else(|| missing("until"))?;
            Some(Range::new(from, until))
        }
        (None, None) => None,
    };
    let role = role.as_str();
    edited(running.desk.take_shift(&by, role, range, &reason).await?)
}

/// Somebody is away; oneself unless told.
pub(crate) async fn vacation(running: Running, asked: Asked) -> Result<Value, Trouble> {
    let (by, reason) = author(&running, &asked)?;
    let user = asked.text("user")?.unwrap_or_else(|| by.name.to_string());
    known_user(&running.desk.calendar(), &user)?;
    let change = Change::Vacation {
        range: range(&running, &asked, &user, "")?,
        user: user.into(),
    };
    edited(running.desk.edit_shifts(&by, &reason, change).await?)
}

fn edited(id: EditId) -> Result<Value, Trouble> {
    Ok(json!({ "id": id.0 }))
}

/// What people changed, the newest first.
pub(crate) async fn edits(running: Running, _: Asked) -> Result<Value, Trouble> {
    let calendar = running.desk.calendar();
    let edits = calendar.edits().iter().rev();
    Ok(edits.map(|edit| json!(EditJson::from(edit))).collect())
}

pub(crate) async fn withdraw(running: Running, asked: Asked) -> Result<Value, Trouble> {
    let (by, _) = author(&running, &asked)?;
    let id = asked.number("id")?.ok_or_else(|| missing("id"))?;
    running.desk.withdraw_edit(&by, EditId(id)).await?;
    Ok(json!({ "withdrawn": id }))
}

/// The offers, the newest first.
pub(crate) async fn swaps(running: Running, _: Asked) -> Result<Value, Trouble> {
    let swaps = running.desk.swaps();
    Ok(swaps
        .iter()
        .rev()
        .map(|swap| json!(SwapJson::from(swap)))
        .collect())
}

/// `role`, `from`, `until`, `to`, perhaps `user` (whose shift it is; one's own unless
/// told), and what is wanted for it: `want_from`, `want_until`, perhaps `want_role`.
pub(crate) async fn offer(running: Running, asked: Asked) -> Result<Value, Trouble> {
    let (by, reason) = author(&running, &asked)?;
    let calendar = running.desk.calendar();
    let asked = match asked.text("user")? {
        Some(_) => asked,
        None => asked.with("user", &*by.name),
    };
    let give = slot(&running, &asked, &calendar, &by.name, "")?;
    let to = asked.wanted("to")?;
    known_user(&calendar, &to)?;
    let want = match asked.text("want_from")? {
        None => None,
        Some(_) => {
            let asked = match asked.text("want_role")? {
                Some(_) => asked.clone(),
                None => asked.clone().with("want_role", give.role.as_str()),
            };
            let asked = asked.with("want_user", to.as_str());
            Some(slot(&running, &asked, &calendar, &by.name, "want_")?)
        }
    };
    let swap = running
        .desk
        .offer_swap(&by, &reason, give, &to, want)
        .await?;
    Ok(json!(SwapJson::from(&swap)))
}

pub(crate) async fn accept(running: Running, asked: Asked) -> Result<Value, Trouble> {
    let ((by, _), id) = (author(&running, &asked)?, swap_id(&asked)?);
    let swap = running.desk.accept_swap(&by, id).await?;
    Ok(json!(SwapJson::from(&swap)))
}

pub(crate) async fn decline(running: Running, asked: Asked) -> Result<Value, Trouble> {
    let ((by, _), id) = (author(&running, &asked)?, swap_id(&asked)?);
    let swap = running.desk.decline_swap(&by, id).await?;
    Ok(json!(SwapJson::from(&swap)))
}

fn swap_id(asked: &Asked) -> Result<SwapId, Trouble> {
    let id = asked.number("id")?.ok_or_else(|| missing("id"))?;
    Ok(SwapId(id))
}

/// Who changes the calendar, and why. An account that is no user of the file has no
/// shifts and is in charge of no role, unless it administers the site.
fn author(running: &Running, asked: &Asked) -> Result<(Actor, String), Trouble> {
    let by = asked.by(&running.desk)?;
    let known = running.desk.calendar().users().contains_key(&*by.name);
    if !known && by.right < Right::Admin {
        return Err(Trouble::NotAllowed(format!(
            "{by} is an account, but no user of the file: only its users and admins change shifts"
        )));
    }
    Ok((by, asked.text("reason")?.unwrap_or_default()))
}

fn slot(
    running: &Running,
    asked: &Asked,
    calendar: &Calendar,
    by: &str,
    prefix: &str,
) -> Result<Slot, Trouble> {
    let role = known_role(calendar, &asked.wanted(&format!("{prefix}role"))?)?;
    let user = asked.wanted(&format!("{prefix}user"))?;
    known_user(calendar, &user)?;
    Ok(Slot {
        role,
        user: user.into(),
        range: range(running, asked, by, prefix)?,
    })
}

/// `from` (now unless told) and `until`, on the wall of `by` where they are local.
fn range(running: &Running, asked: &Asked, by: &str, prefix: &str) -> Result<Range, Trouble> {
    let zone = zone_of(running, asked, by)?;
    let now = running.engine.clock().now();
    let name = format!("{prefix}until");
    let from = asked.time(&format!("{prefix}from"), &zone, now)?;
    let until = asked.time(&name, &zone, now)?;
    let until = until.ok_or_else(|| missing(&name))?;
    Ok(Range::new(from.unwrap_or(now), until))
}
