use super::super::sample::*;
use super::super::*;

fn fair(users: &[&str], weights: Vec<(Hours, u16)>, edits: Vec<Edit>) -> Calendar {
    let plan = plan(users, Every::Days(1)).fair(Fair {
        trailing_days: 28,
        weights,
    });
    let users = users.iter().map(|user| User::new(user)).collect();
    let web = Role::new("web").layer(Rotation::new("fair", plan));
    Calendar::new(vec![web], users, edits)
}

/// Who has the days from 2026-01-05 on, one letter each.
fn days(calendar: &Calendar, count: u64) -> String {
    let first = at("2026-01-05T20:00:00Z");
    let days = (0..count).map(|day| first + rem_time::Span::from_seconds(day * 86_400));
    days.map(|at| calendar.on_call(&"web".into(), at)[0].as_str()[..1].to_owned())
        .collect()
}

#[test]
fn equals_take_turns_in_the_order_of_the_list() {
    assert_eq!(
        days(&fair(&["ann", "bob", "cho"], vec![], vec![]), 9),
        "abcabcabc"
    );
}

#[test]
fn who_was_away_catches_up_and_then_turns_go_on() {
    let away = vacation(1, "bob", "2026-01-05T00:00:00Z", "2026-01-09T00:00:00Z");
    let calendar = fair(&["ann", "bob", "cho"], vec![], vec![away]);
    assert_eq!(days(&calendar, 12), "acacbbacbacb");
}

#[test]
fn who_took_a_shift_of_another_is_spared_later() {
    let slot = slot("cho", "2026-01-05T08:00:00Z", "2026-01-06T08:00:00Z");
    let calendar = fair(
        &["ann", "bob", "cho"],
        vec![],
        vec![edit(1, Change::Take { slot })],
    );
    assert_eq!(days(&calendar, 6), "cabcab");
}

#[test]
fn a_heavy_day_weighs_as_much_as_it_says() {
    // The shift of Saturday 09:00 to Sunday 09:00 is the only one that weighs more.
    let weekend = "sat 09:00-24:00, sun 00:00-09:00".parse().unwrap();
    let calendar = fair(&["ann", "bob"], vec![(weekend, 300)], vec![]);
    // Five even days, bob's heavy Saturday; ann catches up on Sunday and Monday, and
    // between equals bob was on call less recently.
    assert_eq!(days(&calendar, 10), "abababaaba");
}

#[test]
fn what_was_carried_long_ago_is_forgotten() {
    let plan = plan(&["ann", "bob"], Every::Days(1)).fair(Fair {
        trailing_days: 3,
        weights: vec![],
    });
    let slot = slot("bob", "2026-01-05T08:00:00Z", "2026-01-09T08:00:00Z");
    let web = Role::new("web").layer(Rotation::new("fair", plan));
    let calendar = Calendar::new(vec![web], vec![], vec![edit(1, Change::Take { slot })]);
    // With four days of bob's in mind for ever, ann would have the next four.
    assert_eq!(days(&calendar, 11), "bbbbaabbaab");
}

#[test]
fn the_answer_does_not_depend_on_what_was_asked_before() {
    let users = ["ann", "bob", "cho", "dan"];
    let away = vacation(1, "cho", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z");
    let calendar = || fair(&users, vec![], vec![away.clone()]);
    let (one, other) = (calendar(), calendar());
    let late = at("2029-06-01T12:00:00Z");
    let early = at("2026-03-03T12:00:00Z");
    let role = "web".into();
    let late_first = (one.on_call(&role, late), one.on_call(&role, early));
    let early_first = (other.on_call(&role, early), other.on_call(&role, late));
    assert_eq!(late_first, (early_first.1, early_first.0));
}

#[test]
fn nobody_is_starved_in_a_year() {
    let users = ["ann", "bob", "cho", "dan", "eve"];
    let edits = vec![
        vacation(1, "cho", "2026-03-01T00:00:00Z", "2026-03-15T00:00:00Z"),
        vacation(2, "eve", "2026-07-01T00:00:00Z", "2026-08-01T00:00:00Z"),
    ];
    let calendar = fair(&users, vec![], edits);
    let year = range("2026-01-05T08:00:00Z", "2027-01-05T08:00:00Z");
    let balance = calendar.balance(&"web".into(), year).unwrap();
    assert_eq!(balance.shares.len(), 5);
    for share in &balance.shares {
        assert!((17.0..23.0).contains(&share.percent), "{share:?}");
    }
    assert_eq!(
        (balance.covered, balance.gap),
        (year.length(), rem_time::Span::ZERO)
    );
}

#[test]
fn a_balance_tells_shifts_time_and_weight_apart() {
    let night = "22:00-06:00".parse().unwrap();
    let calendar = fair(&["ann", "bob"], vec![(night, 150)], vec![]);
    let days = range("2026-01-05T08:00:00Z", "2026-01-08T08:00:00Z");
    let balance = calendar.balance(&"web".into(), days).unwrap();
    let hours = |span: rem_time::Span| span.as_seconds() / 3_600;
    let shares = balance.shares.iter();
    let shares: Vec<_> = shares
        .map(|one| {
            (
                one.user.as_str(),
                one.shifts,
                hours(one.time),
                hours(one.weighted),
            )
        })
        .collect();
    assert_eq!(shares, [("ann", 2, 48, 56), ("bob", 1, 24, 28)]);
    assert!(calendar.balance(&"db".into(), days).is_none());
}
