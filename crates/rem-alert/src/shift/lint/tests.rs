use super::super::sample::*;
use super::super::{Change, Every, Role, Rotation, Step, User};
use super::*;

fn step(role: &str, tries: Option<u32>) -> Step {
    Step {
        role: role.into(),
        tries,
        every: Span::from_seconds(300),
        after: Span::ZERO,
    }
}

#[track_caller]
fn finds(calendar: &Calendar, services: &[Ownership], expected: &[&str]) {
    let reachable = |user: &UserId| user.as_str() != "bob";
    let findings = lint(calendar, services, reachable, at("2026-01-06T00:00:00Z"));
    let found: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_sound_calendar_has_nothing_to_say() {
    let web = Role::new("web").layer(Rotation::new("r", plan(&["ann", "cho"], Every::Weeks(1))));
    let users = ["ann", "bob", "cho"].map(User::new).to_vec();
    let calendar = Calendar::new(vec![web], users, vec![]);
    let steps = vec![step("web", Some(3)), step("web", None)];
    let shop = Ownership {
        service: "shop".into(),
        steps,
    };
    finds(&calendar, &[shop], &[]);
}

#[test]
fn each_flaw_is_a_sentence() {
    let office = plan(&["ann", "bob"], Every::Weeks(1)).only("mon-fri".parse().unwrap());
    let web = Role::new("web")
        .layer(Rotation::new("r", office))
        .layer(Rotation::new("r", plan(&[], Every::Weeks(1))))
        .admin("root");
    let db = Role::new("db").standing("eve").standing("cho");
    let users = ["ann", "bob", "cho"].map(User::new).to_vec();
    let lost = Change::Take {
        slot: slot("zoe", "2026-01-06T00:00:00Z", "2026-01-06T09:00:00Z"),
    };
    let old = Change::Take {
        slot: slot("zoe", "2026-01-01T00:00:00Z", "2026-01-02T09:00:00Z"),
    };
    let calendar = Calendar::new(vec![web, db], users, vec![edit(1, lost), edit(2, old)]);
    let services = [
        Ownership {
            service: "shop".into(),
            steps: vec![step("web", None), step("boss", Some(1))],
        },
        Ownership {
            service: "wiki".into(),
            steps: vec![],
        },
    ];
    let expected = [
        "nobody is on call in web from 2026-01-09T23:00:00Z to 2026-01-11T23:00:00Z, and 12 times more within 90 days",
        "role web has two rotations of one name: r",
        "role web names a user who does not exist: root",
        "role db names a user who does not exist: eve",
        "bob has no working contact and cannot be reached for web",
        "step 2 of shop names a role that does not exist: boss",
        "step 2 of shop, boss, is never reached: step 1 repeats for ever",
        "nobody is told about wiki: it has no owners",
        "change 1 by meg names what does not exist any more: zoe",
    ];
    finds(&calendar, &services, &expected);
}

#[test]
fn a_role_that_nobody_fills_is_one_gap() {
    let calendar = Calendar::new(vec![Role::new("web")], vec![], vec![]);
    let all = "nobody is on call in web from 2026-01-06T00:00:00Z to 2026-04-06T00:00:00Z";
    finds(&calendar, &[], &[all]);
}
