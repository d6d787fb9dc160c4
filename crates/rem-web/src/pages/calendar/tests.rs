use rem_alert::shift::{Every, Plan, Role, Rotation, User};
use rem_time::Zone;

use super::*;

fn calendar() -> Calendar {
    let team = ["ann", "bob"];
    let monday = "2026-01-05 09:00".parse().unwrap();
    let zone: Zone = "Europe/Berlin".parse().unwrap();
    let users = team.map(Into::into).to_vec();
    let plan = Plan::new(users, Every::Weeks(1), monday, zone).unwrap();
    let role = Role::new("web").layer(Rotation::new("web", plan));
    Calendar::new(vec![role], team.map(User::new).to_vec(), vec![])
}

fn wall() -> Wall {
    Wall {
        zone: "Europe/Berlin".parse().unwrap(),
        now: "2026-11-21T12:00:00Z".parse().unwrap(),
    }
}

#[test]
fn a_month_has_whole_weeks_and_every_day_says_who() {
    let web = Whose::Role("web".into());
    let weeks = days(
        &calendar(),
        Some(&web),
        "2026-11-01".parse().unwrap(),
        &wall(),
    );
    assert_eq!(weeks.len(), 6);
    assert_eq!(weeks[0][0].date, "2026-10-26");
    assert_eq!(weeks[0][6].date, "2026-11-01");
    let monday = &weeks[1][0];
    let said: Vec<(Option<&str>, &str)> = monday
        .stretches
        .iter()
        .map(|one| (one.who.as_deref(), one.time.as_str()))
        .collect();
    assert_eq!(
        said,
        [(Some("ann"), "00:00–09:00"), (Some("bob"), "09:00–24:00")]
    );
    assert_eq!(weeks[1][1].stretches[0].time, "");
    let today: Vec<&str> = weeks
        .iter()
        .flatten()
        .filter(|day| day.is_today)
        .map(|day| day.date.as_str())
        .collect();
    assert_eq!(today, ["2026-11-21"]);
}

#[test]
fn the_day_on_which_clocks_are_set_back_is_one_whole_day() {
    let web = Whose::Role("web".into());
    let weeks = days(
        &calendar(),
        Some(&web),
        "2026-10-01".parse().unwrap(),
        &wall(),
    );
    let day = weeks.iter().flatten().find(|day| day.date == "2026-10-25");
    let day = day.unwrap();
    assert_eq!(day.stretches.len(), 1);
    assert_eq!(day.stretches[0].time, "");
}

#[test]
fn before_a_rotation_begins_the_days_are_gaps() {
    let web = Whose::Role("web".into());
    let weeks = days(
        &calendar(),
        Some(&web),
        "2025-12-01".parse().unwrap(),
        &wall(),
    );
    let gaps = weeks.iter().flatten().flat_map(|day| &day.stretches);
    assert!(gaps.clone().count() > 0);
    assert!(gaps.clone().all(|one| one.who.is_none()));
}
