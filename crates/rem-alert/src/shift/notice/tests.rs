use super::super::sample::*;
use super::super::{Change, Every, Role, Rotation};
use super::*;

/// ann and bob by weeks, handing over on Mondays at 09:00 in Berlin.
fn weekly() -> Calendar {
    let web = Role::new("web").layer(Rotation::new("r", plan(&["ann", "bob"], Every::Weeks(1))));
    Calendar::new(vec![web], ["ann", "bob"].map(User::new).to_vec(), vec![])
}

/// The notices between two instants, one line each.
fn told(calendar: &Calendar, from: &str, to: &str) -> Vec<String> {
    let names = |users: &[UserId]| {
        users
            .iter()
            .map(UserId::to_string)
            .collect::<Vec<_>>()
            .join(",")
    };
    let line = |due: Due| {
        let what = match &due.notice {
            Notice::Before { role, from, ahead } => format!("{role} in {ahead} at {from}"),
            Notice::On { role, before } => format!("on {role} after {}", names(before)),
            Notice::Off { role, next } => format!("off {role}, now {}", names(next)),
            Notice::Weekly { spells } => {
                let starts = spells.iter().map(|spell| spell.range.from.to_string());
                format!("next {}", starts.collect::<Vec<_>>().join(" "))
            }
        };
        format!("{} {}: {what}", due.at, due.user)
    };
    notices(calendar, at(from), at(to))
        .into_iter()
        .map(line)
        .collect()
}

#[test]
fn people_are_told_before_at_the_beginning_at_the_end_and_weekly() {
    let calendar = weekly();
    let mut all = Vec::new();
    for (from, to) in [
        ("2026-01-10T12:00:00Z", "2026-01-11T12:00:00Z"),
        ("2026-01-11T12:00:00Z", "2026-01-12T07:30:00Z"),
        ("2026-01-12T07:30:00Z", "2026-01-12T07:59:59Z"),
        ("2026-01-12T07:59:59Z", "2026-01-12T08:00:00Z"),
        ("2026-01-12T08:00:00Z", "2026-01-12T12:00:00Z"),
    ] {
        all.extend(told(&calendar, from, to));
    }
    let expected = [
        "2026-01-11T08:00:00Z bob: web in 1d at 2026-01-12T08:00:00Z",
        "2026-01-12T07:00:00Z bob: web in 1h at 2026-01-12T08:00:00Z",
        "2026-01-12T08:00:00Z ann: off web, now bob",
        "2026-01-12T08:00:00Z ann: next 2026-01-19T08:00:00Z 2026-02-02T08:00:00Z 2026-02-16T08:00:00Z",
        "2026-01-12T08:00:00Z bob: on web after ann",
        "2026-01-12T08:00:00Z bob: next 2026-01-12T08:00:00Z 2026-01-26T08:00:00Z 2026-02-09T08:00:00Z",
    ];
    assert_eq!(all, expected);
}

#[test]
fn what_no_longer_helps_is_left_out_after_an_outage() {
    let calendar = weekly();
    let late = told(&calendar, "2026-01-10T12:00:00Z", "2026-01-27T12:00:00Z");
    let expected = [
        "2026-01-12T08:00:00Z ann: off web, now bob",
        "2026-01-19T08:00:00Z bob: off web, now ann",
        "2026-01-26T08:00:00Z ann: off web, now bob",
        "2026-01-26T08:00:00Z ann: next 2026-02-02T08:00:00Z 2026-02-16T08:00:00Z 2026-03-02T08:00:00Z",
        "2026-01-26T08:00:00Z bob: on web after ann",
        "2026-01-26T08:00:00Z bob: next 2026-01-26T08:00:00Z 2026-02-09T08:00:00Z 2026-02-23T08:00:00Z",
    ];
    assert_eq!(late, expected);
}

#[test]
fn who_stays_on_call_is_not_told_at_every_shift() {
    let web = Role::new("web").layer(Rotation::new("r", plan(&["ann"], Every::Days(1))));
    let mut ann = User::new("ann");
    ann.notices.weekly = None;
    let calendar = Calendar::new(vec![web], vec![ann], vec![]);
    let expected: [&str; 0] = [];
    assert_eq!(
        told(&calendar, "2026-01-10T12:00:00Z", "2026-01-12T12:00:00Z"),
        expected
    );
}

#[test]
fn wishes_are_followed() {
    let web = Role::new("web").layer(Rotation::new("r", plan(&["ann", "bob"], Every::Weeks(1))));
    let mut bob = User::new("bob");
    bob.zone = "America/Chicago".parse().unwrap();
    bob.notices = NoticeWishes {
        before: vec![Span::from_seconds(600)],
        on: false,
        off: false,
        weekly: Some(Weekly {
            day: Weekday::Sunday,
            time: TimeOfDay::new(18, 0, 0).unwrap(),
        }),
    };
    let calendar = Calendar::new(vec![web], vec![bob], vec![]);
    let told = [
        told(&calendar, "2026-01-11T12:00:00Z", "2026-01-12T07:55:00Z"),
        told(&calendar, "2026-01-12T07:55:00Z", "2026-01-13T00:00:00Z"),
    ];
    let expected = [
        "2026-01-12T00:00:00Z bob: next 2026-01-12T08:00:00Z 2026-01-26T08:00:00Z 2026-02-09T08:00:00Z",
        "2026-01-12T07:50:00Z bob: web in 10m at 2026-01-12T08:00:00Z",
    ];
    assert_eq!(told.concat(), expected);
}

#[test]
fn the_next_notice_is_found_and_it_is_the_first_that_is_due() {
    let calendar = weekly();
    let mut from = at("2026-01-06T00:00:00Z");
    let mut seen = Vec::new();
    for _ in 0..6 {
        let next = next_notice(&calendar, from);
        assert!(next > from);
        assert!(notices(&calendar, from, next - Span::from_nanos(1)).is_empty());
        seen.extend(notices(&calendar, from, next).into_iter().map(|due| due.at));
        from = next;
    }
    let expected = [
        "2026-01-11T08:00:00Z",
        "2026-01-12T07:00:00Z",
        "2026-01-12T08:00:00Z",
        "2026-01-18T08:00:00Z",
        "2026-01-19T07:00:00Z",
        "2026-01-19T08:00:00Z",
    ];
    seen.dedup();
    assert_eq!(seen, expected.map(at));
    let empty = Calendar::new(vec![], vec![], vec![]);
    assert_eq!(
        next_notice(&empty, from),
        from + Span::from_seconds(8 * 86_400)
    );
}

#[test]
fn a_change_tells_whose_shifts_it_alters() {
    let before = weekly();
    let take = Change::Take {
        slot: slot("bob", "2026-01-06T00:00:00Z", "2026-01-07T00:00:00Z"),
    };
    let after = before.with(edit(1, take));
    let coming = range("2026-01-06T12:00:00Z", "2026-03-01T00:00:00Z");
    let altered = vec![range("2026-01-06T12:00:00Z", "2026-01-07T00:00:00Z")];
    let found = alterations(&before, &after, coming);
    let expected = |user: &str, gained: &[Range], lost: &[Range]| Alteration {
        user: user.into(),
        roles: vec![Altered {
            role: "web".into(),
            gained: gained.to_vec(),
            lost: lost.to_vec(),
        }],
    };
    assert_eq!(
        found,
        [
            expected("ann", &[], &altered),
            expected("bob", &altered, &[])
        ]
    );
    assert_eq!(alterations(&after, &after.clone(), coming), []);
}
