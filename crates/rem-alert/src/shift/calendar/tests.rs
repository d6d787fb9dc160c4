use super::super::sample::*;
use super::super::*;
use super::*;

#[track_caller]
fn on_call(calendar: &Calendar, when: &str, expected: &[&str]) {
    let users = calendar.on_call(&"web".into(), at(when));
    let users: Vec<&str> = users.iter().map(UserId::as_str).collect();
    assert_eq!(users, expected, "{when}");
}

#[test]
fn a_higher_layer_beats_a_lower_one_in_its_hours() {
    let calendar = calendar(vec![]);
    on_call(&calendar, "2026-01-05T07:59:59Z", &[]);
    on_call(&calendar, "2026-01-05T08:00:00Z", &["ann"]);
    on_call(&calendar, "2026-01-05T09:00:00Z", &["dan"]);
    on_call(&calendar, "2026-01-05T15:00:00Z", &["ann"]);
    on_call(&calendar, "2026-01-10T12:00:00Z", &["ann"]);
    on_call(&calendar, "2026-01-12T08:30:00Z", &["bob"]);
    on_call(&calendar, "2026-01-26T08:00:00Z", &["ann"]);
}

#[test]
fn the_next_change_and_the_next_person_are_known() {
    let calendar = calendar(vec![]);
    let web = "web".into();
    let friday = at("2026-01-09T15:30:00Z");
    assert_eq!(
        calendar.next_change(&web, friday),
        Some(at("2026-01-12T08:00:00Z"))
    );
    let next = calendar.who_next(&web, friday).unwrap();
    assert_eq!(
        (next.at, next.users),
        (at("2026-01-12T08:00:00Z"), vec!["bob".into()])
    );
    let before = calendar.who_next(&web, at("2025-12-01T00:00:00Z")).unwrap();
    assert_eq!(before.users, ["ann".into()]);
    assert_eq!(calendar.next_change(&"db".into(), friday), None);
    let alone = Role::new("web").layer(Rotation::new("r", plan(&["ann"], Every::Hours(1))));
    let alone = Calendar::new(vec![alone], vec![], vec![]);
    assert_eq!(alone.next_change(&web, friday), None);
    assert_eq!(alone.who_next(&web, friday), None);
}

#[test]
fn an_override_beats_every_layer() {
    let slot = slot("cho", "2026-01-06T09:30:00Z", "2026-01-06T17:00:00Z");
    let change = Change::Replace {
        slot,
        instead_of: None,
    };
    let calendar = calendar(vec![edit(1, change)]);
    on_call(&calendar, "2026-01-06T09:29:59Z", &["dan"]);
    on_call(&calendar, "2026-01-06T09:30:00Z", &["cho"]);
    on_call(&calendar, "2026-01-06T16:59:59Z", &["cho"]);
    on_call(&calendar, "2026-01-06T17:00:00Z", &["ann"]);
}

#[test]
fn an_override_of_one_person_counts_only_where_they_are_on_call() {
    let change = Change::Replace {
        slot: slot("cho", "2026-01-06T00:00:00Z", "2026-01-07T00:00:00Z"),
        instead_of: Some("ann".into()),
    };
    let calendar = calendar(vec![edit(1, change)]);
    on_call(&calendar, "2026-01-06T08:00:00Z", &["cho"]);
    on_call(&calendar, "2026-01-06T12:00:00Z", &["dan"]);
    on_call(&calendar, "2026-01-06T20:00:00Z", &["cho"]);
}

#[test]
fn an_added_person_is_on_call_as_well_and_the_later_edit_wins() {
    let (from, to) = ("2026-01-06T00:00:00Z", "2026-01-07T00:00:00Z");
    let add = Change::Add {
        slot: slot("meg", from, to),
    };
    let both = calendar(vec![edit(1, add.clone())]);
    on_call(&both, "2026-01-06T08:00:00Z", &["ann", "meg"]);
    let take = Change::Take {
        slot: slot("bob", from, to),
    };
    let taken = both.with(edit(2, take.clone()));
    on_call(&taken, "2026-01-06T08:00:00Z", &["bob"]);
    let other_way = calendar(vec![edit(2, add), edit(1, take)]);
    on_call(&other_way, "2026-01-06T08:00:00Z", &["bob", "meg"]);
}

#[test]
fn a_withdrawn_edit_counts_no_more() {
    let add = Change::Add {
        slot: slot("meg", "2026-01-06T00:00:00Z", "2026-01-07T00:00:00Z"),
    };
    let calendar = calendar(vec![edit(1, add)]);
    let ann = "ann".into();
    let refused = calendar.withdraw(EditId(1), &ann, at("2026-01-06T00:00:00Z"));
    assert!(matches!(refused, Err(EditError::NotOwn { .. })));
    let gone = calendar.withdraw(EditId(1), &"meg".into(), at("2026-01-06T00:00:00Z"));
    let calendar = calendar.with(gone.unwrap());
    on_call(&calendar, "2026-01-06T08:00:00Z", &["ann"]);
    let again = calendar.withdraw(EditId(1), &"meg".into(), at("2026-01-06T00:00:00Z"));
    assert_eq!(
        again.unwrap_err().to_string(),
        "no such edit to withdraw: 1"
    );
}

#[test]
fn the_next_in_the_rotation_stands_in_for_who_is_away() {
    let away = |user, id| vacation(id, user, "2026-01-07T00:00:00Z", "2026-01-14T00:00:00Z");
    let one = calendar(vec![away("ann", 1)]);
    on_call(&one, "2026-01-06T20:00:00Z", &["ann"]);
    on_call(&one, "2026-01-07T00:00:00Z", &["bob"]);
    on_call(&one, "2026-01-13T20:00:00Z", &["bob"]);
    let two = one.with(away("bob", 2));
    on_call(&two, "2026-01-07T00:00:00Z", &["cho"]);
    on_call(&two, "2026-01-13T20:00:00Z", &["cho"]);
    let all = two.with(away("cho", 3));
    on_call(&all, "2026-01-07T00:00:00Z", &[]);
    on_call(&all, "2026-01-07T10:00:00Z", &["dan"]);
    // The highest layer has nobody left: the next lower one fills in.
    let dan_too = one.with(away("dan", 4));
    on_call(&dan_too, "2026-01-07T10:00:00Z", &["bob"]);
    let why = &one.shifts(
        &"web".into(),
        range("2026-01-10T00:00:00Z", "2026-01-11T00:00:00Z"),
    );
    let Why::Turn { stands_in_for, .. } = &why[0].why else {
        panic!("{why:?}");
    };
    assert_eq!(*stands_in_for, Some("ann".into()));
}

#[test]
fn who_takes_a_shift_during_their_vacation_means_it_and_who_leaves_later_does_not() {
    let take = Change::Take {
        slot: slot("bob", "2026-01-06T00:00:00Z", "2026-01-08T00:00:00Z"),
    };
    let away = |id| vacation(id, "bob", "2026-01-07T00:00:00Z", "2026-01-09T00:00:00Z");
    let meant = calendar(vec![away(1), edit(2, take.clone())]);
    on_call(&meant, "2026-01-07T08:00:00Z", &["bob"]);
    let left = calendar(vec![edit(1, take), away(2)]);
    on_call(&left, "2026-01-06T08:00:00Z", &["bob"]);
    on_call(&left, "2026-01-07T08:00:00Z", &["ann"]);
}

#[test]
fn a_new_version_changes_nothing_before_it_and_an_empty_one_ends_the_rotation() {
    let from = at("2026-01-19T08:00:00Z");
    let end = at("2026-02-02T08:00:00Z");
    let rotation = Rotation::new("weekly", plan(&["ann", "bob"], Every::Weeks(1)))
        .then(from, plan(&["bob", "ann", "eve"], Every::Weeks(1)))
        .unwrap()
        .then(end, plan(&[], Every::Weeks(1)))
        .unwrap();
    let calendar = Calendar::new(vec![Role::new("web").layer(rotation)], vec![], vec![]);
    on_call(&calendar, "2026-01-19T07:59:59Z", &["bob"]);
    on_call(&calendar, "2026-01-19T08:00:00Z", &["eve"]);
    on_call(&calendar, "2026-01-26T08:00:00Z", &["bob"]);
    on_call(&calendar, "2026-02-02T08:00:00Z", &[]);
    on_call(&calendar, "2027-02-02T08:00:00Z", &[]);
}

#[test]
fn people_who_stand_by_fill_what_no_layer_covers() {
    let office = plan(&["dan"], Every::Weeks(1)).only("mon-fri 10:00-16:00".parse().unwrap());
    let role = Role::new("web")
        .layer(Rotation::new("office", office))
        .standing("ann")
        .standing("bob");
    let away = vacation(1, "ann", "2026-01-10T00:00:00Z", "2026-01-11T00:00:00Z");
    let calendar = Calendar::new(vec![role], vec![], vec![away]);
    on_call(&calendar, "2026-01-06T12:00:00Z", &["dan"]);
    on_call(&calendar, "2026-01-06T20:00:00Z", &["ann", "bob"]);
    on_call(&calendar, "2026-01-10T20:00:00Z", &["bob"]);
    assert_eq!(
        calendar.roles_of(&"bob".into(), at("2026-01-10T20:00:00Z")),
        ["web".into()]
    );
}

#[test]
fn uncovered_hours_are_gaps() {
    let office = plan(&["dan"], Every::Weeks(1)).only("mon-fri 10:00-16:00".parse().unwrap());
    let role = Role::new("web").layer(Rotation::new("office", office));
    let calendar = Calendar::new(vec![role], vec![], vec![]);
    let weekend = range("2026-01-09T12:00:00Z", "2026-01-12T12:00:00Z");
    let gap = range("2026-01-09T15:00:00Z", "2026-01-12T09:00:00Z");
    assert_eq!(calendar.gaps(&"web".into(), weekend), [gap]);
}

#[test]
fn edits_survive_a_change_of_the_rotations() {
    let add = Change::Take {
        slot: slot("cho", "2026-01-06T00:00:00Z", "2026-01-07T00:00:00Z"),
    };
    let before = calendar(vec![edit(1, add)]);
    let daily = Role::new("web").layer(Rotation::new("d", plan(&["bob", "cho"], Every::Days(1))));
    let after = Calendar::new(vec![daily], vec![], before.edits().to_vec());
    on_call(&after, "2026-01-06T20:00:00Z", &["cho"]);
    on_call(&after, "2026-01-07T07:00:00Z", &["cho"]);
    on_call(&after, "2026-01-07T08:00:00Z", &["bob"]);
    assert_eq!(after.edits(), before.edits());
}

#[test]
fn a_ladder_names_who_is_on_call_then() {
    let calendar = calendar(vec![]);
    let minutes = |n: u64| rem_time::Span::from_seconds(n * 60);
    let step = |role: &str, tries| Step {
        role: role.into(),
        tries,
        every: minutes(5),
        after: minutes(15),
    };
    let shop = Ownership {
        service: "shop".into(),
        steps: vec![step("web", Some(3)), step("nobody", None)],
    };
    let rungs = calendar.ladder(&shop, at("2026-01-06T20:00:00Z"));
    assert_eq!(rungs[0].users, ["ann".into()]);
    assert_eq!((rungs[0].tries, rungs[0].every), (Some(3), minutes(5)));
    assert_eq!((rungs[1].users.len(), rungs[1].after), (0, minutes(15)));
}

#[test]
fn whole_shifts_are_not_cut_off_at_the_ends() {
    let calendar = calendar(vec![]);
    let saturday = range("2026-01-10T00:00:00Z", "2026-01-10T01:00:00Z");
    let cut = calendar.shifts(&"web".into(), saturday);
    assert_eq!(Range::new(cut[0].from, cut[0].to), saturday);
    let whole = calendar.whole_shifts(&"web".into(), saturday);
    assert_eq!(whole.len(), 1);
    let weekend = range("2026-01-09T15:00:00Z", "2026-01-12T08:00:00Z");
    assert_eq!(Range::new(whole[0].from, whole[0].to), weekend);
}
