//! What a question to an on-call calendar costs, beside a walk by minutes to the same
//! answer (goalert's way of telling shifts). `cargo bench -p rem-alert --bench shift`
#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use rem_alert::shift::{
    Calendar, Change, Edit, EditId, Every, Fair, Feed, Hours, Plan, Range, Role, RoleId, Rotation,
    Slot, User, UserId, ical,
};
use rem_bench::{Report, Who, measure};
use rem_time::{LocalTime, Span, Timestamp};

const ROTATIONS: usize = 50;
const ZONES: [&str; 5] = [
    "America/Chicago",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Casablanca",
];
/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;
const YEAR: u64 = 365 * 86_400;

fn users(role: usize) -> Vec<UserId> {
    (0..6)
        .map(|user| UserId::from(format!("user{}", (role * 3 + user) % 40)))
        .collect()
}

fn plan(role: usize, every: Every) -> Plan {
    let anchor: LocalTime = "2025-12-01 09:00".parse().unwrap();
    let zone = ZONES[role % ZONES.len()].parse().unwrap();
    Plan::new(users(role), every, anchor, zone).unwrap()
}

fn role_id(role: usize) -> RoleId {
    RoleId::from(format!("role{role}"))
}

/// 50 roles of one rotation each.
fn calendar(plan: impl Fn(usize) -> Plan, edits: Vec<Edit>) -> Calendar {
    let roles = (0..ROTATIONS)
        .map(|role| Role::new(role_id(role).as_str()).layer(Rotation::new("rotation", plan(role))));
    let users = (0..40).map(|user| User::new(&format!("user{user}")));
    Calendar::new(roles.collect(), users.collect(), edits)
}

fn mixed(role: usize) -> Plan {
    match role % 4 {
        0 => plan(role, Every::Weeks(1)),
        1 => plan(role, Every::Days(1)),
        2 => plan(role, Every::Hours(12)),
        _ => plan(role, Every::Months(1)),
    }
}

/// Twenty edits in every role over the year, and ten vacations.
fn edits() -> Vec<Edit> {
    let range = |n: usize, hours: u64| {
        let from = Timestamp::from_seconds(START) + Span::from_seconds(n as u64 * 18 * 86_400);
        Range::new(from, from + Span::from_seconds(hours * 3_600))
    };
    let takes = (0..ROTATIONS).flat_map(|role| {
        (0..20).map(move |n| Change::Take {
            slot: Slot {
                role: role_id(role),
                user: users(role)[n % 6].clone(),
                range: range(n, 12),
            },
        })
    });
    let away = (0..10).map(|n| Change::Vacation {
        user: UserId::from(format!("user{n}")),
        range: range(n, 24 * 14),
    });
    let edits = takes.chain(away).zip(1..).map(|(change, id)| Edit {
        id: EditId(id),
        author: "user0".into(),
        at: Timestamp::from_seconds(START),
        reason: String::new(),
        change,
        withdrawn: None,
    });
    edits.collect()
}

fn year() -> Range {
    let from = Timestamp::from_seconds(START);
    Range::new(from, from + Span::from_seconds(YEAR))
}

/// Asks all roles in turn at instants all over the year.
fn ask(report: &mut Report, name: &str, calendar: &Calendar, goal: &str) {
    const ASKED: usize = 500_000;
    let roles: Vec<RoleId> = (0..ROTATIONS).map(role_id).collect();
    let cost = measure(Who::Thread, 5, || {
        for n in 0..ASKED {
            let second = (n as u64 * 104_729) % YEAR;
            let at = year().from + Span::from_seconds(second);
            black_box(calendar.on_call(&roles[n % ROTATIONS], at));
        }
        ASKED as u64
    });
    report.row(name, cost.per_core() / 1e6, "million/s per core", goal);
}

/// The shifts of all roles in a year; returns ns of CPU for all of it.
fn list(report: &mut Report, name: &str, calendar: &Calendar, goal: &str) -> f64 {
    let roles: Vec<RoleId> = (0..ROTATIONS).map(role_id).collect();
    let mut shifts = 0;
    let cost = measure(Who::Thread, 5, || {
        shifts = roles
            .iter()
            .map(|role| calendar.shifts(role, year()).len())
            .sum();
        1
    });
    let name = format!("{name} ({shifts} shifts)");
    report.row(&name, cost.cpu_ns() / 1e6, "ms CPU", goal);
    cost.cpu_ns()
}

/// The same list found by asking at every minute.
fn walk(calendar: &Calendar) -> f64 {
    let roles: Vec<RoleId> = (0..ROTATIONS).map(role_id).collect();
    let cost = measure(Who::Thread, 1, || {
        let mut changes = 0u64;
        // One role of each kind: the whole takes minutes.
        for role in &roles[..4] {
            let mut last = Vec::new();
            for minute in 0..YEAR / 60 {
                let now = calendar.on_call(role, year().from + Span::from_seconds(minute * 60));
                changes += u64::from(now != last);
                last = now;
            }
        }
        black_box(changes);
        1
    });
    cost.cpu_ns() * ROTATIONS as f64 / 4.0
}

fn main() {
    let mut report = Report::new(
        "rem-alert shift",
        "50 rotations (week, day, 12 hours, month) in five zones, six people each, one year",
    );
    let plain = calendar(mixed, vec![]);
    let edited = calendar(mixed, edits());
    let office: Hours = "mon-fri 08:00-18:00".parse().unwrap();
    let hours = calendar(|role| mixed(role).only(office.clone()), edits());
    let fair = calendar(
        |role| plan(role, Every::Days(1)).fair(Fair::default()),
        edits(),
    );

    ask(&mut report, "on_call(role, t)", &plain, ">= 1");
    ask(&mut report, "on_call, 1,010 edits", &edited, ">= 1");
    ask(
        &mut report,
        "on_call, 1,010 edits, office hours",
        &hours,
        ">= 1",
    );
    ask(&mut report, "on_call, 1,010 edits, fair", &fair, ">= 1");

    let all = list(&mut report, "year of 50 rotations", &plain, "<= 10");
    list(
        &mut report,
        "year of 50 rotations, 1,010 edits",
        &edited,
        "<= 10",
    );
    let daily = calendar(|role| plan(role, Every::Days(1)), vec![]);
    list(&mut report, "year of 50 daily rotations", &daily, "<= 10");
    report.ratio(
        "year of 50 rotations, against a walk by minutes",
        all,
        walk(&plain),
        "<= 0.01",
    );

    let build = measure(Who::Thread, 5, || {
        black_box(calendar(mixed, edits()));
        1
    });
    report.row(
        "build, 50 roles and 1,010 edits",
        build.cpu_ns() / 1e6,
        "ms CPU",
        "<= 10",
    );
    let first = measure(Who::Thread, 3, || {
        let fair = calendar(
            |role| plan(role, Every::Days(1)).fair(Fair::default()),
            edits(),
        );
        black_box(fair.on_call(&role_id(0), year().to));
        1
    });
    report.row(
        "first answer of a fair year",
        first.cpu_ns() / 1e6,
        "ms CPU",
        "<= 20",
    );
    let feed = measure(Who::Thread, 3, || {
        black_box(ical(
            &edited,
            &Feed::User("user3".into()),
            year(),
            year().from,
        ));
        1
    });
    report.row(
        "iCal of one person's year",
        feed.cpu_ns() / 1e6,
        "ms CPU",
        "<= 20",
    );
}
