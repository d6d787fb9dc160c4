//! What the tests of this module start from.

use super::*;
use rem_time::Timestamp;

const WEEK: &str = "2026-01-05 09:00";

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn range(from: &str, to: &str) -> Range {
    Range::new(at(from), at(to))
}

pub(super) fn plan(users: &[&str], every: Every) -> Plan {
    let users = users.iter().map(|user| UserId::from(*user)).collect();
    Plan::new(
        users,
        every,
        WEEK.parse().unwrap(),
        "Europe/Berlin".parse().unwrap(),
    )
    .unwrap()
}

/// `web`: ann, bob and cho by weeks from 2026-01-05, dan in office hours above them.
pub(super) fn calendar(edits: Vec<Edit>) -> Calendar {
    let weekly = plan(&["ann", "bob", "cho"], Every::Weeks(1));
    let office = plan(&["dan"], Every::Weeks(1)).only("mon-fri 10:00-16:00".parse().unwrap());
    let web = Role::new("web")
        .layer(Rotation::new("weekly", weekly))
        .layer(Rotation::new("office", office))
        .admin("meg");
    let users = ["ann", "bob", "cho", "dan", "meg"].map(User::new).to_vec();
    Calendar::new(vec![web], users, edits)
}

pub(super) fn edit(id: u64, change: Change) -> Edit {
    Edit {
        id: EditId(id),
        author: "meg".into(),
        at: at("2026-01-01T00:00:00Z"),
        reason: String::new(),
        change,
        withdrawn: None,
    }
}

pub(super) fn slot(user: &str, from: &str, to: &str) -> Slot {
    Slot {
        role: "web".into(),
        user: user.into(),
        range: range(from, to),
    }
}

pub(super) fn vacation(id: u64, user: &str, from: &str, to: &str) -> Edit {
    let user = user.into();
    edit(
        id,
        Change::Vacation {
            user,
            range: range(from, to),
        },
    )
}
