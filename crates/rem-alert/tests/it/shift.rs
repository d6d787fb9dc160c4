//! Properties of calendars, whatever is in them.

use proptest::prelude::*;
use rem_alert::shift::{
    Align, Calendar, Change, Edit, EditId, Every, Fair, Hours, Plan, Range, Role, Rotation, Shift,
    Slot, User, UserId, alterations,
};
use rem_time::{LocalTime, Span, Timestamp, Zone};

const USERS: [&str; 5] = ["ann", "bob", "cho", "dan", "eve"];
const ZONES: [&str; 5] = [
    "America/Chicago",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Casablanca",
];
/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;
const DAY: i64 = 86_400;

pub(crate) fn every() -> impl Strategy<Value = Every> {
    prop_oneof![
        (1u32..60).prop_map(Every::Hours),
        (1u32..10).prop_map(Every::Days),
        (1u32..4).prop_map(Every::Weeks),
        (1u32..4).prop_map(Every::Months),
        prop::collection::vec(60u64..400_000, 1..5).prop_map(|lengths| Every::Lengths(
            lengths.into_iter().map(Span::from_seconds).collect()
        )),
    ]
}

pub(crate) fn hours() -> impl Strategy<Value = Hours> {
    let some = [
        "mon-fri 08:00-18:00",
        "22:00-06:00",
        "sat sun",
        "sun 01:30-02:30, wed",
    ];
    prop_oneof![
        2 => Just(Hours::always()),
        1 => prop::sample::select(some.to_vec()).prop_map(|text| text.parse().unwrap()),
    ]
}

/// Plans whose anchors lie around the start, before and after.
pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    let anchor = (START - 400 * DAY)..(START + 30 * DAY);
    let zone = prop::sample::select(ZONES.to_vec());
    let users = prop::collection::vec(prop::sample::select(USERS.to_vec()), 1..5);
    let how = (any::<bool>(), hours(), prop::bool::weighted(0.2));
    (users, every(), anchor, zone, how).prop_map(|(users, every, anchor, zone, how)| {
        let users = users.into_iter().map(UserId::from).collect();
        let months = matches!(every, Every::Months(_));
        let anchor = LocalTime::from_seconds(anchor / 60 * 60);
        let mut plan = Plan::new(users, every, anchor, zone.parse().unwrap()).unwrap();
        if how.0 && !months {
            plan = plan.align(Align::Elapsed).unwrap();
        }
        if how.2 {
            plan = plan.fair(Fair::default());
        }
        plan.only(how.1)
    })
}

fn range() -> impl Strategy<Value = Range> {
    (0i64..60 * 24, 1i64..14 * 24).prop_map(|(from, hours)| {
        let from = START + from * 3_600;
        Range::new(
            Timestamp::from_seconds(from),
            Timestamp::from_seconds(from + hours * 3_600),
        )
    })
}

fn change() -> impl Strategy<Value = Change> {
    let user = || prop::sample::select(USERS.to_vec()).prop_map(UserId::from);
    let slot = || {
        (user(), range()).prop_map(|(user, range)| Slot {
            role: "web".into(),
            user,
            range,
        })
    };
    prop_oneof![
        (slot(), prop::option::of(user()))
            .prop_map(|(slot, instead_of)| Change::Replace { slot, instead_of }),
        slot().prop_map(|slot| Change::Add { slot }),
        slot().prop_map(|slot| Change::Take { slot }),
        (user(), range()).prop_map(|(user, range)| Change::Vacation { user, range }),
    ]
}

pub(crate) fn calendar() -> impl Strategy<Value = Calendar> {
    let layers = prop::collection::vec((plan(), prop::option::of((1i64..40, plan()))), 1..4);
    let edits = prop::collection::vec(change(), 0..12);
    (layers, edits, any::<bool>()).prop_map(|(layers, changes, standing)| {
        let mut role = Role::new("web");
        for (n, (first, then)) in layers.into_iter().enumerate() {
            let mut rotation = Rotation::new(&format!("layer{n}"), first);
            let last = rotation.versions()[0].from;
            if let Some((days, plan)) = then {
                let from = last + Span::from_seconds(days.unsigned_abs() * 86_400 + 12_345);
                rotation = rotation.then(from, plan).unwrap();
            }
            role = role.layer(rotation);
        }
        if standing {
            role = role.standing("eve").standing("dan");
        }
        let edits = changes.into_iter().zip(1..).map(|(change, id)| Edit {
            id: EditId(id),
            author: "ann".into(),
            at: Timestamp::from_seconds(START),
            reason: String::new(),
            change,
            withdrawn: None,
        });
        Calendar::new(vec![role], USERS.map(User::new).to_vec(), edits.collect())
    })
}

pub(crate) fn quarter() -> Range {
    let from = Timestamp::from_seconds(START);
    Range::new(from, from + Span::from_seconds(90 * 86_400))
}

fn names(shifts: &[Shift], at: Timestamp) -> Vec<UserId> {
    let now = shifts.iter().filter(|one| one.from <= at && at < one.to);
    let mut names: Vec<UserId> = now.map(|one| one.user.clone()).collect();
    names.sort();
    names
}

fn sorted(mut users: Vec<UserId>) -> Vec<UserId> {
    users.sort();
    users
}

/// Who is on call by one plan and all edits, without any index.
fn read_in_order(plan: &Plan, edits: &[Edit], at: Timestamp) -> Vec<UserId> {
    let away = |user: &UserId, since: EditId| {
        edits.iter().any(|edit| match &edit.change {
            Change::Vacation { user: who, range } => {
                who == user && edit.id >= since && range.contains(at)
            }
            _ => false,
        })
    };
    let mut users: Vec<UserId> = Vec::new();
    if at >= plan.boundary(0) {
        let count = plan.users().len();
        let turn = plan.shift_at(at).rem_euclid(count as i64) as usize;
        let mut turns = plan.users().iter().cycle().skip(turn).take(count);
        users.extend(turns.find(|user| !away(user, EditId(0))).cloned());
    }
    for edit in edits {
        let slot = edit.change.slots().next();
        let Some(slot) = slot.filter(|slot| slot.range.contains(at) && !away(&slot.user, edit.id))
        else {
            continue;
        };
        match &edit.change {
            Change::Add { .. } if users.contains(&slot.user) => {}
            Change::Add { .. } => users.push(slot.user.clone()),
            Change::Replace {
                instead_of: Some(off),
                ..
            } => {
                if let Some(place) = users.iter().position(|user| user == off) {
                    users[place] = slot.user.clone();
                    let first = users.iter().position(|user| *user == slot.user).unwrap();
                    let mut n = 0;
                    users.retain(|user| {
                        n += 1;
                        *user != slot.user || n == first + 1
                    });
                }
            }
            _ => users = vec![slot.user.clone()],
        }
    }
    users
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if std::env::var("REM_NIGHTLY").is_ok() { 1_000 } else { 100 }))]

    #[test]
    fn a_shift_ends_where_the_next_begins(plan in plan(), k in -500i64..500, offset in 0u64..90 * 86_400) {
        prop_assert!(plan.boundary(k) <= plan.boundary(k + 1));
        let at = Timestamp::from_seconds(START) + Span::from_seconds(offset);
        let k = plan.shift_at(at);
        prop_assert!(plan.boundary(k) <= at && at < plan.boundary(k + 1));
    }

    #[test]
    fn the_shifts_of_a_period_are_as_long_as_it_with_one_holder_each(plan in plan()) {
        let plan = plan.only(Hours::always());
        let from = plan.boundary(3);
        let period = Range::new(from, from + Span::from_seconds(60 * 86_400));
        let role = Role::new("web").layer(Rotation::new("r", plan));
        let calendar = Calendar::new(vec![role], vec![], vec![]);
        let shifts = calendar.shifts(&"web".into(), period);
        let length: u64 = shifts.iter().map(|one| one.to.since(one.from).as_nanos()).sum();
        prop_assert_eq!(length, period.length().as_nanos());
        prop_assert_eq!(shifts[0].from, period.from);
        for pair in shifts.windows(2) {
            prop_assert_eq!(pair[0].to, pair[1].from);
            prop_assert_ne!(&pair[0].why, &pair[1].why);
        }
        prop_assert!(calendar.gaps(&"web".into(), period).is_empty());
    }

    #[test]
    fn never_two_hold_one_role_by_layers(calendar in calendar(), hour in 0u64..90 * 24) {
        let roles = calendar.roles().iter().cloned().map(|role| Role { standing: vec![], ..role });
        let edits = calendar.edits().iter().filter(|edit| !matches!(edit.change, Change::Add { .. }));
        let calendar = Calendar::new(roles.collect(), vec![], edits.cloned().collect());
        let at = quarter().from + Span::from_seconds(hour * 3_600);
        prop_assert!(calendar.on_call(&"web".into(), at).len() <= 1);
    }

    #[test]
    fn lists_and_instants_agree(calendar in calendar(), seconds in prop::collection::vec(0u64..90 * 86_400, 40)) {
        let shifts = calendar.shifts(&"web".into(), quarter());
        for shift in &shifts {
            prop_assert!(shift.from < shift.to);
        }
        let edges = shifts.iter().flat_map(|shift| [shift.from, shift.to]);
        let before = edges.clone().map(|at| at - Span::from_nanos(1));
        let random = seconds.into_iter().map(|second| quarter().from + Span::from_seconds(second));
        for at in edges.chain(before).chain(random).filter(|at| quarter().contains(*at)) {
            let now = calendar.on_call(&"web".into(), at);
            prop_assert_eq!(names(&shifts, at), sorted(now), "{}", at);
        }
    }

    #[test]
    fn edits_mean_what_reading_them_in_order_means(
        plan in plan(),
        changes in prop::collection::vec(change(), 0..30),
        hours in prop::collection::vec(0u64..75 * 24, 60),
    ) {
        let turns = Plan::new(plan.users().to_vec(), plan.every().clone(), plan.anchor(), plan.zone().clone());
        let plan = turns.unwrap();
        let role = Role::new("web").layer(Rotation::new("r", plan.clone()));
        let edits: Vec<Edit> = changes.into_iter().zip(1..).map(|(change, id)| Edit {
            id: EditId(id),
            author: "ann".into(),
            at: quarter().from,
            reason: String::new(),
            change,
            withdrawn: None,
        }).collect();
        let calendar = Calendar::new(vec![role], vec![], edits.clone());
        for hour in hours {
            let at = quarter().from + Span::from_seconds(hour * 3_600);
            prop_assert_eq!(calendar.on_call(&"web".into(), at), read_in_order(&plan, &edits, at), "{}", at);
        }
    }

    #[test]
    fn a_list_is_the_whole_list_cut_off(calendar in calendar(), range in range()) {
        let web = "web".into();
        let whole = calendar.whole_shifts(&web, range).into_iter();
        let cut = whole.map(|one| Shift {
            from: one.from.max(range.from),
            to: one.to.min(range.to),
            ..one
        });
        let by_name = |mut shifts: Vec<Shift>| {
            shifts.sort_by(|a, b| (a.from, &a.user).cmp(&(b.from, &b.user)));
            shifts
        };
        prop_assert_eq!(by_name(cut.collect()), by_name(calendar.shifts(&web, range)));
    }

    #[test]
    fn the_next_change_is_the_first(calendar in calendar(), hour in 0u64..60 * 24) {
        let web = "web".into();
        let at = quarter().from + Span::from_seconds(hour * 3_600);
        let now = sorted(calendar.on_call(&web, at));
        let until = calendar.next_change(&web, at);
        if let Some(until) = until {
            prop_assert!(until > at);
            prop_assert_ne!(sorted(calendar.on_call(&web, until)), now.clone());
        }
        let until = until.map_or(quarter().to, |until| until.min(quarter().to));
        for shift in calendar.shifts(&web, Range::new(at, until)) {
            prop_assert_eq!(sorted(calendar.on_call(&web, shift.from)), now.clone());
        }
        if let Some(next) = calendar.who_next(&web, at) {
            prop_assert_eq!(calendar.on_call(&web, next.at), next.users.clone());
            prop_assert!(next.users.iter().any(|user| !now.contains(user)));
        }
    }

    #[test]
    fn covered_time_and_gaps_are_all_time(calendar in calendar()) {
        let balance = calendar.balance(&"web".into(), quarter()).unwrap();
        let gaps = calendar.gaps(&"web".into(), quarter());
        let gap: u64 = gaps.iter().map(|gap| gap.length().as_nanos()).sum();
        prop_assert_eq!(balance.gap.as_nanos(), gap);
        prop_assert_eq!(balance.covered.saturating_add(balance.gap), quarter().length());
        for gap in gaps {
            prop_assert!(calendar.on_call(&"web".into(), gap.from).is_empty());
        }
    }

    #[test]
    fn what_a_change_alters_is_what_differs(calendar in calendar(), change in change()) {
        let edit = Edit {
            id: calendar.next_edit(),
            author: "ann".into(),
            at: quarter().from,
            reason: String::new(),
            change,
            withdrawn: None,
        };
        // A fair rotation may move everything after it.
        let after = calendar.with(edit);
        for alteration in alterations(&calendar, &after, quarter()) {
            for role in alteration.roles {
                for range in &role.gained {
                    prop_assert!(!calendar.on_call(&role.role, range.from).contains(&alteration.user));
                    prop_assert!(after.on_call(&role.role, range.from).contains(&alteration.user));
                }
                for range in &role.lost {
                    prop_assert!(calendar.on_call(&role.role, range.from).contains(&alteration.user));
                    prop_assert!(!after.on_call(&role.role, range.from).contains(&alteration.user));
                }
            }
        }
    }

    #[test]
    fn edits_that_are_withdrawn_leave_no_trace(calendar in calendar()) {
        let withdrawn = calendar.edits().iter().cloned().map(|edit| Edit {
            withdrawn: Some(("ann".into(), quarter().from)),
            ..edit
        });
        let users: Vec<User> = calendar.users().values().cloned().collect();
        let without = Calendar::new(calendar.roles().to_vec(), users.clone(), vec![]);
        let with = Calendar::new(calendar.roles().to_vec(), users, withdrawn.collect());
        let web = "web".into();
        prop_assert_eq!(without.shifts(&web, quarter()), with.shifts(&web, quarter()));
    }
}

#[test]
fn a_calendar_of_nothing_answers() {
    let calendar = Calendar::new(vec![Role::new("web")], vec![], vec![]);
    let web = "web".into();
    assert!(calendar.on_call(&web, Timestamp::EPOCH).is_empty());
    assert!(calendar.shifts(&web, quarter()).is_empty());
    assert!(calendar.whole_shifts(&web, quarter()).is_empty());
    assert_eq!(calendar.gaps(&web, quarter()), [quarter()]);
    assert_eq!(calendar.next_change(&web, quarter().from), None);
}

#[test]
fn one_minute_shifts_for_ever_are_listed_up_to_the_limit() {
    let minutes = Every::Lengths(vec![Span::from_seconds(60)]);
    let users = vec!["ann".into(), "bob".into()];
    let plan = Plan::new(users, minutes, LocalTime::from_seconds(0), Zone::utc()).unwrap();
    let role = Role::new("web").layer(Rotation::new("r", plan));
    let calendar = Calendar::new(vec![role], vec![], vec![]);
    let age = Range::new(Timestamp::EPOCH, Timestamp::from_nanos(i64::MAX));
    let shifts = calendar.shifts(&"web".into(), age);
    assert!((100_000..100_010).contains(&shifts.len()));
}
