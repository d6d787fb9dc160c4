mod offline;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rem_command::{Exit, Table};
use serde_json::{Value, json};

use super::params;
use super::show::{Answer, Show, items, plain, text};
use crate::arguments::{OnCall, OnCallVerb, Plain, Shifts};
use crate::ask::{AskError, Whom};
use offline::Offline;

/// Who is on call, and changes of it. `Err`: a file is wrong, which was told.
pub(super) async fn on_call(asked: &OnCall, show: &Show) -> anyhow::Result<Result<Answer, Exit>> {
    let file = match &asked.verb {
        None => &asked.calendar,
        Some(OnCallVerb::Shifts(shifts) | OnCallVerb::Ics(shifts)) => &shifts.calendar,
        Some(
            OnCallVerb::Override(_)
            | OnCallVerb::Take(_)
            | OnCallVerb::Vacation(_)
            | OnCallVerb::Edits(_)
            | OnCallVerb::Withdraw { .. },
        ) => return Ok(Ok(running(asked, show).await?)),
    };
    if file.file.is_none() {
        return Ok(Ok(running(asked, show).await?));
    }
    let offline = match Offline::read(file, show.now)? {
        Ok(offline) => offline,
        Err(exit) => return Ok(Err(exit)),
    };
    Ok(Ok(match &asked.verb {
        None => {
            let value = offline.on_call(asked.role.as_deref(), asked.at.as_deref())?;
            on_call_answer(value, show)
        }
        Some(OnCallVerb::Shifts(shifts)) => shifts_answer(offline.shifts(shifts)?, show),
        Some(OnCallVerb::Ics(shifts)) => ics_answer(offline.ics(shifts)?),
        Some(_) => return Ok(Err(Exit::Mistake)),
    }))
}

async fn running(asked: &OnCall, show: &Show) -> Result<Answer, AskError> {
    match &asked.verb {
        None => now(asked, show).await,
        Some(OnCallVerb::Shifts(shifts)) => {
            let whom = Whom::of(&shifts.ask)?;
            let given = json!({
                "role": shifts.role, "user": shifts.user, "from": shifts.from,
                "until": shifts.until, "zone": shifts.calendar.zone,
            });
            let value = whom.call("oncall.shifts", params(&whom, given)).await?;
            Ok(shifts_answer(value, show))
        }
        Some(OnCallVerb::Ics(shifts)) => {
            let whom = Whom::of(&shifts.ask)?;
            Ok(ics_answer(whom.get(&ics_path(shifts)).await?))
        }
        Some(OnCallVerb::Override(wanted)) => {
            let whom = Whom::of(&wanted.ask)?;
            let given = json!({
                "role": wanted.role, "user": wanted.user, "from": wanted.from,
                "until": wanted.until, "zone": wanted.zone, "reason": wanted.reason,
                "instead_of": wanted.instead_of, "as_well": wanted.as_well.then_some(true),
            });
            edited(whom.call("oncall.override", params(&whom, given)).await?)
        }
        Some(OnCallVerb::Take(take)) => {
            let whom = Whom::of(&take.ask)?;
            let given = json!({
                "role": take.role, "from": take.from, "until": take.until,
                "zone": take.zone, "reason": take.reason,
            });
            edited(whom.call("oncall.take", params(&whom, given)).await?)
        }
        Some(OnCallVerb::Vacation(away)) => {
            let whom = Whom::of(&away.ask)?;
            let given = json!({
                "user": away.user, "from": away.from, "until": away.until,
                "zone": away.zone, "reason": away.reason,
            });
            edited(whom.call("oncall.vacation", params(&whom, given)).await?)
        }
        Some(OnCallVerb::Withdraw { id, ask }) => {
            let whom = Whom::of(ask)?;
            let given = params(&whom, json!({ "id": id }));
            let value = whom.call("oncall.withdraw", given).await?;
            Ok(Answer::done(value, format!("change {id} is taken back\n")))
        }
        Some(OnCallVerb::Edits(plain)) => {
            let value = Whom::of(&plain.ask)?
                .call("oncall.edits", json!({}))
                .await?;
            let page = show.table(&edits_table(&value), "nobody has changed anything");
            Ok(Answer::done(value, page))
        }
    }
}

/// Now and next of every role; or one role at an instant.
async fn now(asked: &OnCall, show: &Show) -> Result<Answer, AskError> {
    let whom = Whom::of(&asked.ask)?;
    let (role, at) = (&asked.role, &asked.at);
    if role.is_none() && at.is_none() {
        let value = whom.call("oncall.now", json!({})).await?;
        return Ok(on_call_answer(value, show));
    }
    let roles: Vec<String> = match role {
        Some(role) => vec![role.clone()],
        None => {
            let all = whom.call("oncall.now", json!({})).await?;
            items(&all["roles"])
                .iter()
                .map(|one| text(one, "role"))
                .collect()
        }
    };
    let mut answers = Vec::new();
    for role in roles {
        let given = json!({ "role": role, "at": at, "zone": asked.calendar.zone });
        let one = whom.call("oncall.at", params(&whom, given)).await?;
        answers.push(json!({ "role": one["role"], "now": one["users"], "until": one["until"], "at": one["at"] }));
    }
    let at = answers.first().map(|one| one["at"].clone());
    Ok(on_call_answer(json!({ "at": at, "roles": answers }), show))
}

fn on_call_answer(value: Value, show: &Show) -> Answer {
    let mut table = Table::new(["ROLE", "ON CALL", "UNTIL", "THEN"]);
    let mut gap = false;
    for role in items(&value["roles"]) {
        let now = plain(&role["now"]);
        gap |= now.is_empty();
        table.row([
            text(role, "role").into(),
            match now.is_empty() {
                true => rem_command::Cell::toned("nobody", rem_command::Tone::Bad),
                false => now.into(),
            },
            text(role, "until").into(),
            plain(&role["next"]).into(),
        ]);
    }
    let mut page = show.table(&table, "there are no roles");
    let broken = items(&value["broken_contacts"]);
    if !broken.is_empty() {
        page.push('\n');
        page.push_str(&broken_table(broken).text(show.colour));
    }
    let exit = match gap || !broken.is_empty() {
        true => Exit::Failed,
        false => Exit::Done,
    };
    Answer::done(value, page).exit(exit)
}

/// Contacts that do not work.
pub(super) async fn broken(asked: &Plain, show: &Show) -> Result<Answer, AskError> {
    let mut value = Whom::of(&asked.ask)?.call("oncall.now", json!({})).await?;
    let broken = value["broken_contacts"].take();
    let page = show.table(&broken_table(items(&broken)), "every contact works");
    let exit = match items(&broken).is_empty() {
        true => Exit::Done,
        false => Exit::Failed,
    };
    Ok(Answer::done(broken, page).exit(exit))
}

fn broken_table(broken: &[Value]) -> Table {
    let mut table = Table::new(["BROKEN", "CONTACT", "SINCE", "WHY"]);
    for one in broken {
        table.row([
            text(one, "user").into(),
            text(one, "contact").into(),
            text(one, "since").into(),
            text(one, "why").into(),
        ]);
    }
    table
}

fn shifts_answer(value: Value, show: &Show) -> Answer {
    let mut table = Table::new(["FROM", "UNTIL", "ROLE", "USER", "WHY"]);
    for shift in items(&value) {
        table.row([
            text(shift, "from").into(),
            text(shift, "until").into(),
            text(shift, "role").into(),
            text(shift, "user").into(),
            text(shift, "why").into(),
        ]);
    }
    let page = show.table(&table, "no shifts");
    Answer::done(value, page)
}

fn ics_answer(text: String) -> Answer {
    Answer::done(json!({ "ics": text }), text)
}

fn ics_path(shifts: &Shifts) -> String {
    let (key, value) = match (&shifts.role, &shifts.user) {
        (Some(role), _) => ("role", role.as_str()),
        (None, user) => ("user", user.as_deref().unwrap_or_default()),
    };
    let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
    format!("/oncall.ics?{key}={value}")
}

fn edits_table(edits: &Value) -> Table {
    let mut table = Table::new(["ID", "BY", "WHEN", "WHAT", "REASON", "TAKEN BACK"]);
    for edit in items(edits) {
        table.row([
            text(edit, "id").into(),
            text(edit, "by").into(),
            text(edit, "at").into(),
            text(edit, "text").into(),
            text(edit, "reason").into(),
            text(&edit["withdrawn"], "by").into(),
        ]);
    }
    table
}

fn edited(value: Value) -> Result<Answer, AskError> {
    let line = format!("change {}\n", text(&value, "id"));
    Ok(Answer::done(value, line))
}
