use super::super::sample::*;
use super::*;

const DAY: (&str, &str) = ("2026-01-06T00:00:00Z", "2026-01-07T00:00:00Z");

#[track_caller]
fn refused(author: &str, change: Change, message: &str) {
    let now = at("2026-01-05T12:00:00Z");
    let error = calendar(vec![]).edit(&author.into(), now, "", change);
    assert_eq!(error.unwrap_err().to_string(), message);
}

#[track_caller]
fn allowed(author: &str, change: Change) {
    let now = at("2026-01-05T12:00:00Z");
    let edit = calendar(vec![])
        .edit(&author.into(), now, "why", change.clone())
        .unwrap();
    assert_eq!((edit.id, edit.at, edit.change), (EditId(1), now, change));
}

fn take(user: &str) -> Change {
    Change::Take {
        slot: slot(user, DAY.0, DAY.1),
    }
}

fn replace(user: &str, instead_of: Option<&str>) -> Change {
    Change::Replace {
        slot: slot(user, DAY.0, DAY.1),
        instead_of: instead_of.map(UserId::from),
    }
}

fn away(user: &str) -> Change {
    vacation(1, user, DAY.0, DAY.1).change
}

#[test]
fn people_change_their_own_shifts() {
    allowed("bob", take("bob"));
    allowed("bob", away("bob"));
    let slot = slot("bob", DAY.0, DAY.1);
    allowed("bob", Change::Add { slot });
}

#[test]
fn admins_change_everybodys() {
    allowed("meg", take("bob"));
    allowed("meg", away("bob"));
    allowed("meg", replace("bob", None));
    allowed("meg", replace("bob", Some("ann")));
}

#[test]
fn an_administrator_of_the_site_changes_everybodys_and_need_be_in_no_role() {
    let calendar = calendar(vec![]);
    let now = at("2026-01-05T12:00:00Z");
    let root = Author::of_site("root");
    for change in [
        take("bob"),
        away("bob"),
        replace("bob", None),
        replace("bob", Some("ann")),
    ] {
        let edit = calendar.edit(&root, now, "", change).unwrap();
        assert_eq!(edit.author, "root".into());
        let calendar = calendar.with(edit.clone());
        let withdrawn = calendar.withdraw(edit.id, &root, now).unwrap();
        assert_eq!(withdrawn.withdrawn, Some(("root".into(), now)));
    }
    // What makes no sense is refused all the same.
    let error = calendar.edit(&root, now, "", take("fay")).unwrap_err();
    assert_eq!(error.to_string(), "no such user: fay");
    let error = calendar.take(&root, &"web".into(), now, None, "");
    assert_eq!(error.unwrap_err().to_string(), "no such user: root");
}

#[test]
fn the_shifts_of_others_are_theirs() {
    let bobs = "ann may change own shifts only; those of bob in web are for its admins";
    refused("ann", take("bob"), bobs);
    refused("ann", away("bob"), bobs);
    refused("ann", replace("bob", Some("ann")), bobs);
    refused("ann", replace("ann", Some("bob")), bobs);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let not_member = "eve is not in web: its admins can put them there";
    let now = at("2026-01-05T12:00:00Z");
    let mut users: Vec<_> = calendar(vec![]).users().values().cloned().collect();
    users.push(super::super::User::new("eve"));
    let with_eve = Calendar::new(calendar(vec![]).roles().to_vec(), users, vec![]);
    let error = with_eve
        .edit(&"eve".into(), now, "", take("eve"))
        .unwrap_err();
    assert_eq!(error.to_string(), not_member);
    refused("bob", take("fay"), "no such user: fay");
    let mut db = slot("bob", DAY.0, DAY.1);
    db.role = "db".into();
    refused("bob", Change::Take { slot: db }, "no such role: db");
    refused(
        "bob",
        Change::Take {
            slot: slot("bob", DAY.1, DAY.0),
        },
        "the end must lie after the beginning: 2026-01-07T00:00:00Z to 2026-01-06T00:00:00Z",
    );
    refused(
        "bob",
        vacation(1, "bob", "2026-01-06T00:00:00Z", "2030-01-06T00:00:00Z").change,
        "a change covers at most 731d: 2026-01-06T00:00:00Z to 2030-01-06T00:00:00Z",
    );
    refused(
        "meg",
        replace("bob", Some("cho")),
        "cho is not on call in web at any time from 2026-01-06T00:00:00Z to 2026-01-07T00:00:00Z",
    );
}

#[test]
fn a_shift_taken_now_lasts_until_the_next_change() {
    let calendar = calendar(vec![]);
    let now = at("2026-01-06T20:00:00Z");
    let edit = calendar
        .take(&"cho".into(), &"web".into(), now, None, "ill")
        .unwrap();
    let slot = slot("cho", "2026-01-06T20:00:00Z", "2026-01-07T09:00:00Z");
    assert_eq!(edit.change, Change::Take { slot });
    let calendar = calendar.with(edit);
    assert_eq!(calendar.on_call(&"web".into(), now), ["cho".into()]);
    let nowhere = calendar.take(&"cho".into(), &"db".into(), now, None, "");
    assert_eq!(nowhere.unwrap_err().to_string(), "no such role: db");
}
