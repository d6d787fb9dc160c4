use rem_alert::episode::{AfterClear, RefireOverrides};
use rem_alert::level::{Action, Level};
use rem_alert::shift::{Every, Order, Plan, UserId};

use crate::alert::{Alert, Owner};
use crate::config::{Config, Written};
use crate::dependency::{PlainNode, Requirement};
use crate::job::Job;
use crate::people::{Duty, Person};
use crate::read::Definition;
use crate::scope::Observer;

use super::{Origin, Table};

pub(super) fn of<'w>(written: &'w Written, key: &str) -> Origin<'w> {
    let found = written.iter().find(|(name, _)| name == key);
    found.map_or(Origin::Default, |(_, place)| Origin::Written(place))
}

pub(super) fn alert(text: &mut String, config: &Config, alert: &Alert) {
    let mut table = Table::new(&format!("alert {}", alert.name), &alert.place);
    let origin = |key: &str| of(&alert.written, key);
    let rules = &alert.rules;
    table.row("title", &alert.title, origin("title"));
    table.row("severity", &alert.severity, origin("severity"));
    table.row("subject", alert.subject.as_str(), origin("subject"));
    if let Some(notes) = &alert.notes {
        table.row("notes", notes, origin("notes"));
    }
    table.row("repeat", rules.repeat, origin("repeat"));
    table.row("clear_delay", rules.clear_delay, origin("clear_delay"));
    if let Some(settle) = rules.settle {
        table.row("settle", settle, origin("settle"));
    }
    table.row("gap_max", rules.round_gap_max, origin("gap_max"));
    if let Some(ack_max) = rules.ack_max {
        table.row("ack_max", ack_max, origin("ack_max"));
    }
    let after_clear = match rules.after_clear {
        AfterClear::Page => "page",
        AfterClear::Low => "low",
        AfterClear::Stop => "stop",
    };
    table.row("after_clear", after_clear, origin("after_clear"));
    let overrides = match rules.refire_overrides {
        RefireOverrides::Snooze => "snooze",
        RefireOverrides::Any => "any",
    };
    table.row("refire_overrides", overrides, origin("refire_overrides"));
    owners(
        &mut table,
        alert.owners.as_deref().unwrap_or_default(),
        rules.repeat,
    );
    for package in config.packages() {
        for definition in package.monitors.values() {
            for draft in &definition.levels.drafts {
                let Some(name) = draft.alert.as_ref() else {
                    continue;
                };
                if name.value == alert.name {
                    let value =
                        format!("{}/{} {}", package.name, definition.name, draft.name.value);
                    table.row("level", value, Origin::Written(&name.place));
                }
            }
        }
    }
    table.end(text);
}

pub(super) fn owners<'t>(table: &mut Table<'t>, owners: &'t [Owner], repeat: rem_time::Span) {
    for (number, owner) in (1..).zip(owners) {
        let every = owner.every.unwrap_or(repeat);
        let mut value = format!("{} {} times every {every}", owner.role.value, owner.tries);
        if !owner.after.is_zero() {
            value.push_str(&format!(", not before {}", owner.after));
        }
        let key = format!("owner {number}");
        table.row(&key, value, Origin::Written(&owner.role.place));
    }
}

pub(super) fn duty(text: &mut String, config: &Config, duty: &Duty) {
    let mut table = Table::new(&format!("role {}", duty.name), &duty.place);
    let origin = |key: &str| of(&duty.written, key);
    let from = match duty.written.iter().any(|(key, _)| key == "layers") {
        true => "layers",
        false => "rotation",
    };
    for layer in &duty.role.layers {
        for version in layer.versions() {
            table.row(layer.name(), plan(&version.plan), origin(from));
        }
    }
    if !duty.role.standing.is_empty() {
        let names: Vec<&str> = duty.role.standing.iter().map(UserId::as_str).collect();
        let key = match duty.written.iter().any(|(key, _)| key == "standing") {
            true => "standing",
            false => "users",
        };
        table.row("always", names.join(", "), origin(key));
    }
    if !duty.role.admins.is_empty() {
        let names: Vec<&str> = duty.role.admins.iter().map(UserId::as_str).collect();
        table.row("admins", names.join(", "), origin("admins"));
    }
    if let Some(tasks) = &duty.tasks {
        table.row("tasks", tasks.path.display(), origin("tasks"));
    }
    for service in config.services() {
        for owner in &service.owners {
            if owner.role.value == duty.name {
                table.row("owns", &service.name, Origin::Written(&owner.role.place));
            }
        }
    }
    table.end(text);
}

/// `ann, bob in turn, 1 week each from 2026-01-05 09:00 Europe/Berlin`
fn plan(plan: &Plan) -> String {
    let names: Vec<&str> = plan.users().iter().map(UserId::as_str).collect();
    let order = match plan.order() {
        Order::Turn => "in turn",
        Order::Fair(_) => "by who carried least",
    };
    let count = |count: u32, unit: &str| match count {
        1 => format!("1 {unit}"),
        _ => format!("{count} {unit}s"),
    };
    let every = match plan.every() {
        Every::Hours(hours) => count(*hours, "hour"),
        Every::Days(days) => count(*days, "day"),
        Every::Weeks(weeks) => count(*weeks, "week"),
        Every::Months(months) => count(*months, "month"),
        Every::Lengths(lengths) => {
            let texts: Vec<String> = lengths.iter().map(ToString::to_string).collect();
            texts.join(" then ")
        }
    };
    let hours = match plan.hours().is_always() {
        true => "",
        false => ", within its hours",
    };
    format!(
        "{} {order}, {every} each from {} {}{hours}",
        names.join(", "),
        plan.anchor(),
        plan.zone()
    )
}

pub(super) fn person(text: &mut String, config: &Config, person: &Person) {
    let mut table = Table::new(&format!("user {}", person.name), &person.place);
    let origin = |key: &str| of(&person.written, key);
    if let Some(name) = &person.full_name {
        table.row("name", name, origin("name"));
    }
    table.row("zone", &person.user.zone, origin("zone"));
    let notices: Vec<String> = person
        .user
        .notices
        .before
        .iter()
        .map(ToString::to_string)
        .collect();
    table.row("notice", notices.join(", "), origin("notice"));
    for (number, contact) in (1..).zip(&person.contacts) {
        let key = format!("contact {number}");
        table.row(&key, &contact.way, Origin::Written(&contact.place));
    }
    for vacation in &person.vacations {
        let zone = &person.user.zone;
        let value = format!("{} to {}", zone.show(vacation.from), zone.show(vacation.to));
        table.row("vacation", value, origin("vacation"));
    }
    for duty in config.roles() {
        if duty.role.members().contains(&person.user.id) {
            table.row("role", &duty.name, Origin::Written(&duty.place));
        }
    }
    table.end(text);
}

pub(super) fn job(text: &mut String, config: &Config, job: &Job) {
    let mut table = Table::new(&format!("job {}", job.name), &job.place);
    let items = job.run.run.as_seq().map_or(0, <[_]>::len);
    let value = format!("{items} steps in {}", job.run.folder.display());
    table.row("run", value, Origin::Written(&job.run.run.at));
    table.row("timeout", job.timeout, Origin::Resolved);
    for package in config.packages() {
        for definition in package.monitors.values() {
            for draft in &definition.levels.drafts {
                if let Some(trigger) = &draft.trigger
                    && trigger.value == job.name
                {
                    let value =
                        format!("{}/{} {}", package.name, definition.name, draft.name.value);
                    table.row("level", value, Origin::Written(&trigger.place));
                }
            }
        }
    }
    table.end(text);
}

pub(super) fn observer(text: &mut String, config: &Config, observer: &Observer) {
    let mut table = Table::new(&format!("observer {}", observer.name), &observer.place);
    table.row("location", &observer.location, Origin::Resolved);
    if let Some(netns) = &observer.netns {
        table.row("netns", netns, Origin::Resolved);
    }
    let looks = |monitor: &&crate::Monitor| monitor.observer.as_ref() == Some(&observer.name);
    let count = config.monitors().iter().filter(looks).count();
    table.row("monitors", count, Origin::Resolved);
    table.end(text);
}

pub(super) fn node(text: &mut String, node: &PlainNode) {
    let mut table = Table::new(&format!("node {}", node.name), &node.place);
    if let Some(title) = &node.title {
        table.row("title", title, Origin::Resolved);
    }
    if let Some(location) = &node.location {
        table.row("location", location, Origin::Resolved);
    }
    depends(&mut table, &node.depends);
    table.end(text);
}

pub(super) fn depends<'t>(table: &mut Table<'t>, depends: &'t [Requirement]) {
    for need in depends {
        let names: Vec<&str> = need.of.iter().map(|member| member.value.as_str()).collect();
        let value = format!("{} of {}", need.need, names.join(", "));
        let from = need
            .of
            .first()
            .map_or(Origin::Resolved, |member| Origin::Written(&member.place));
        table.row(&format!("needs {}", need.group), value, from);
    }
}

/// The levels of a monitor, each with its condition and what it does.
pub(super) fn levels<'d>(table: &mut Table<'d>, definition: &'d Definition, levels: &[Level]) {
    for (level, draft) in levels.iter().zip(&definition.levels.drafts) {
        let mut value = format!("{} {}", level.when, within(level.window));
        if let Some((clear, window)) = &level.clear {
            value.push_str(&format!(", clear {clear} {}", within(*window)));
        }
        for action in &level.actions {
            value.push_str(&match action {
                Action::Alert(name) => format!(", alert {name}"),
                Action::Trigger(name) => format!(", trigger {name}"),
                Action::State { name, value, .. } => format!(", set {name} to {value}"),
            });
        }
        let key = format!("level {}", level.name);
        table.row(&key, value, Origin::Written(&draft.name.place));
    }
}

fn within(window: rem_alert::level::Window) -> String {
    let text = window.to_string();
    match text.starts_with("for ") {
        true => text,
        false => format!("in {text}"),
    }
}
