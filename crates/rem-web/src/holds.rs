//! Holds, by method or by form.

use rem_alert::episode::{Days, HoldKind, HoldPlan, Matcher, Repeats, When};
use rem_monitor::Running;
use rem_time::{Span, TimeOfDay, Timestamp, Weekday, Zone};
use serde_json::{Value, json};

use crate::asked::{Asked, missing};
use crate::trouble::Trouble;
use crate::view::HoldJson;

#[cfg(test)]
mod tests;

/// Parts of one `match`.
const MATCHERS_MAX: usize = 20;

/// Every hold, those that hold now first.
pub(crate) async fn list(running: Running, _: Asked) -> Result<Value, Trouble> {
    Ok(json!(holds(&running)))
}

pub(crate) fn holds(running: &Running) -> Vec<HoldJson> {
    let now = running.engine.clock().now();
    let holds = running.desk.holds();
    let mut holds: Vec<HoldJson> = holds.iter().map(|hold| HoldJson::new(hold, now)).collect();
    holds.sort_by(|a, b| {
        let place = |hold: &HoldJson| (!hold.is_live, hold.next_change.clone(), hold.id.clone());
        place(a).cmp(&place(b))
    });
    holds
}

/// `{id}` of the hold that was made.
pub(crate) async fn add(running: Running, asked: Asked) -> Result<Value, Trouble> {
    let by = asked.by(&running.desk)?;
    let now = running.engine.clock().now();
    let plan = HoldPlan {
        id: fresh_id(&running, now).into(),
        kind: match asked.truth("forced")? {
            true => HoldKind::Forced,
            false => HoldKind::Maintenance,
        },
        covers: covers(&asked.wanted("match")?)?,
        when: when(&asked, &zone_of(&running, &asked, &by.name)?, now)?,
        by: by.name.clone(),
        why: asked.wanted("why")?.into(),
    };
    let id = running.desk.hold(&by, plan).await?;
    Ok(json!({ "id": id }))
}

/// A name that no hold has: the desk exchanges a hold for another of the same name.
fn fresh_id(running: &Running, now: Timestamp) -> String {
    let holds = running.desk.holds();
    let mut number = now.as_millis().max(0);
    loop {
        let id = format!("h{number:x}");
        if holds.iter().all(|hold| *hold.id != *id) {
            return id;
        }
        number += 1;
    }
}

pub(crate) async fn end(running: Running, asked: Asked) -> Result<Value, Trouble> {
    let (by, id) = (asked.by(&running.desk)?, asked.wanted("id")?);
    running.desk.end_hold(&id, &by).await?;
    Ok(json!({ "ended": id }))
}

/// The zone that is named, or that of whoever asks.
pub(crate) fn zone_of(running: &Running, asked: &Asked, by: &str) -> Result<Zone, Trouble> {
    if let Some(zone) = asked.zone("zone")? {
        return Ok(zone);
    }
    let calendar = running.desk.calendar();
    let user = calendar.users().get(by);
    Ok(user.map_or_else(Zone::utc, |user| user.zone.clone()))
}

/// `machine = db-* and service = web`; `everything` covers everything.
fn covers(text: &str) -> Result<Vec<Matcher>, Trouble> {
    if matches!(text, "everything" | "*") {
        return Ok(Vec::new());
    }
    let parts: Vec<&str> = text.split(" and ").collect();
    if MATCHERS_MAX < parts.len() {
        return Err(Trouble::Invalid(format!(
            "match has at most {MATCHERS_MAX} parts, not {}",
            parts.len()
        )));
    }
    let part = |part: &&str| {
        let parsed = part.trim().parse::<Matcher>();
        parsed.map_err(|error| Trouble::Invalid(format!("match: {error}")))
    };
    parts.iter().map(part).collect()
}

fn when(asked: &Asked, zone: &Zone, now: Timestamp) -> Result<When, Trouble> {
    let from = asked.time("from", zone, now)?;
    let until = asked.time("until", zone, now)?;
    let lasts = asked.span("for")?;
    let Some((days, at)) = days(asked)? else {
        let from = from.unwrap_or(now);
        let until = match (until, lasts) {
            (Some(_), Some(_)) => {
                return Err(Trouble::Invalid("say until or for, not both".into()));
            }
            (Some(until), None) => until,
            (None, Some(lasts)) => from + lasts,
            (None, None) => return Err(missing("until or for")),
        };
        if until <= from.max(now) {
            return Err(Trouble::Invalid(format!(
                "it has to end after it begins, and after now: {from} to {until}"
            )));
        }
        return Ok(When::Once { from, until });
    };
    let lasts = lasts.ok_or_else(|| missing("for"))?;
    if lasts == Span::ZERO {
        return Err(Trouble::Invalid("for has to be longer than nothing".into()));
    }
    Ok(When::Repeats(Repeats {
        days,
        at,
        lasts,
        zone: zone.clone(),
        from,
        until,
    }))
}

/// `daily: 02:00`, `weekly: sat,sun 02:00`, `monthly: 31 02:00`.
fn days(asked: &Asked) -> Result<Option<(Days, TimeOfDay)>, Trouble> {
    let (daily, weekly, monthly) = (
        asked.text("daily")?,
        asked.text("weekly")?,
        asked.text("monthly")?,
    );
    let wrong = |name: &str, wanted: &str, text: &str| {
        Trouble::Invalid(format!("{name} has to look like {wanted}, not {text}"))
    };
    match (daily, weekly, monthly) {
        (None, None, None) => Ok(None),
        (Some(text), None, None) => {
            let at = text.parse().map_err(|_| wrong("daily", "02:00", &text))?;
            Ok(Some((Days::Daily, at)))
        }
        (None, Some(text), None) => {
            let wrong = || wrong("weekly", "sun 02:00 or sat,sun 02:00", &text);
            let (days, at) = text.rsplit_once(' ').ok_or_else(wrong)?;
            let names = days.split([',', ' ']).filter(|name| !name.is_empty());
            let days: Result<Vec<Weekday>, _> = names.map(str::parse).collect();
            let days = days.map_err(|_| wrong())?;
            let at = at.parse().map_err(|_| wrong())?;
            match days.is_empty() {
                true => Err(wrong()),
                false => Ok(Some((Days::Weekly(days), at))),
            }
        }
        (None, None, Some(text)) => {
            let wrong = || wrong("monthly", "31 02:00", &text);
            let (day, at) = text.split_once(' ').ok_or_else(wrong)?;
            let day: u8 = day.parse().map_err(|_| wrong())?;
            let at = at.trim().parse().map_err(|_| wrong())?;
            match day {
                1..=31 => Ok(Some((Days::Monthly(day), at))),
                _ => Err(wrong()),
            }
        }
        _ => Err(Trouble::Invalid(
            "say daily, weekly or monthly, not several of them".into(),
        )),
    }
}
