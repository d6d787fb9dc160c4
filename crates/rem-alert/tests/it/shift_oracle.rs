//! The closed form beside a naive model that walks through five years minute by minute
//! and looks at the wall clock, in ten zones.
//!
//! By default it walks minute by minute for a day and a half around each change of the
//! clock and by quarters of an hour elsewhere; with `REM_NIGHTLY=1` by minutes throughout.

use rem_alert::shift::{Calendar, Every, Hours, Plan, Role, Rotation, UserId};
use rem_time::{Date, LocalTime, Span, Timestamp, Zone};

const ZONES: [&str; 10] = [
    "America/Chicago",
    "Europe/Berlin",
    "Europe/London",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/St_Johns",
    "Africa/Casablanca",
    "America/Asuncion",
    "Pacific/Chatham",
    "Asia/Tehran",
];
const USERS: [&str; 3] = ["u0", "u1", "u2"];
/// From 2019-01-01 to 2024-01-01: five years, in which Tehran and Asunción change
/// their rules and Casablanca interrupts its summer for Ramadan.
const YEARS: (&str, &str) = ("2019-01-01T00:00:00Z", "2024-01-01T00:00:00Z");
const NEAR_SECONDS: u64 = 36 * 3_600;

/// What the naive model knows: the wall clock time of the next hand-over.
struct Walker {
    plan: Plan,
    calendar: Calendar,
    k: i64,
    next: LocalTime,
}

impl Walker {
    fn new(every: Every, anchor: &str, zone: &str, hours: Hours) -> Self {
        let users = USERS.map(UserId::from).to_vec();
        let anchor = anchor.parse().unwrap();
        let plan = Plan::new(users, every, anchor, zone.parse().unwrap())
            .unwrap()
            .only(hours);
        let role = Role::new("web").layer(Rotation::new("r", plan.clone()));
        let next = hand_over(&plan, 1);
        Self {
            calendar: Calendar::new(vec![role], vec![], vec![]),
            plan,
            k: 0,
            next,
        }
    }

    /// Turns the pages of the wall calendar up to what it shows now.
    fn look(&mut self, shown: LocalTime) -> bool {
        let before = self.k;
        while shown >= self.next {
            self.k += 1;
            self.next = hand_over(&self.plan, self.k + 1);
        }
        self.k != before
    }

    #[track_caller]
    fn check(&self, at: Timestamp, covered: bool) {
        let zone = self.plan.zone();
        assert_eq!(
            self.plan.shift_at(at),
            self.k,
            "{zone} {at} {:?}",
            self.plan.every()
        );
        let user = USERS[self.k.rem_euclid(3) as usize];
        let expected = covered.then(|| UserId::from(user));
        let on_call = self.calendar.on_call(&"web".into(), at);
        assert_eq!(on_call.first(), expected.as_ref(), "{zone} {at}");
    }
}

/// By the calendar on the wall alone.
fn hand_over(plan: &Plan, k: i64) -> LocalTime {
    let anchor = plan.anchor();
    match plan.every() {
        Every::Hours(hours) => anchor.add_seconds(k * i64::from(*hours) * 3_600),
        Every::Days(days) => anchor.add_days(k * i64::from(*days)),
        Every::Weeks(weeks) => anchor.add_days(7 * k * i64::from(*weeks)),
        Every::Months(months) => {
            let count = i64::from(anchor.date().year()) * 12 + i64::from(anchor.date().month()) - 1;
            let count = count + k * i64::from(*months);
            let (year, month) = ((count / 12) as i32, (count % 12) as u8 + 1);
            let mut days = (1..=anchor.date().day()).rev();
            let date = days.find_map(|day| Date::new(year, month, day)).unwrap();
            date.at(anchor.time())
        }
        Every::Lengths(lengths) => {
            let lengths = lengths.iter().cycle().take(k.unsigned_abs() as usize);
            let seconds: u64 = lengths.map(|length| length.as_seconds()).sum();
            anchor.add_seconds(seconds as i64)
        }
    }
}

fn walkers(zone: &str) -> Vec<Walker> {
    let days = |days: &[u64]| {
        let lengths = days.iter().map(|days| Span::from_seconds(days * 86_400));
        Every::Lengths(lengths.collect())
    };
    let always = Hours::always;
    vec![
        Walker::new(Every::Hours(1), "2018-12-30 00:30", zone, always()),
        Walker::new(Every::Hours(5), "2018-12-30 00:15", zone, always()),
        Walker::new(Every::Days(1), "2018-12-30 01:30", zone, always()),
        Walker::new(Every::Days(1), "2018-12-29 02:30", zone, always()),
        Walker::new(Every::Days(1), "2018-12-29 00:00", zone, always()),
        Walker::new(Every::Weeks(1), "2018-12-23 02:00", zone, always()),
        Walker::new(Every::Months(1), "2018-12-31 02:45", zone, always()),
        Walker::new(days(&[4, 3]), "2018-12-28 01:45", zone, always()),
    ]
}

/// The instants to look at, the earliest first.
fn instants(zone: &Zone) -> impl Iterator<Item = Timestamp> {
    let (mut at, end): (Timestamp, Timestamp) =
        (YEARS.0.parse().unwrap(), YEARS.1.parse().unwrap());
    let full = std::env::var("REM_NIGHTLY").is_ok();
    let zone = zone.clone();
    let near = Span::from_seconds(NEAR_SECONDS);
    std::iter::from_fn(move || {
        let change = zone.next_transition(at - near);
        let close = change.is_some_and(|change| change <= at + near);
        at = at + Span::from_seconds(if full || close { 60 } else { 900 });
        (at < end).then_some(at)
    })
}

#[track_caller]
fn walk(name: &str) {
    let zone: Zone = name.parse().unwrap();
    let mut walkers = walkers(name);
    let mut moves = 0u64;
    for (n, at) in instants(&zone).enumerate() {
        let shown = zone.local(at);
        for (w, walker) in walkers.iter_mut().enumerate() {
            let moved = walker.look(shown);
            moves += u64::from(moved);
            // Every hand-over, and all walkers in turn in between.
            if moved || n % 64 == w * 8 {
                walker.check(at, true);
            }
        }
    }
    assert!(moves > 50_000, "{moves}");
}

#[test]
fn five_years_of_chicago() {
    walk(ZONES[0]);
}

#[test]
fn five_years_of_berlin() {
    walk(ZONES[1]);
}

#[test]
fn five_years_of_london() {
    walk(ZONES[2]);
}

#[test]
fn five_years_of_lord_howe() {
    walk(ZONES[3]);
}

#[test]
fn five_years_of_kathmandu() {
    walk(ZONES[4]);
}

#[test]
fn five_years_of_saint_johns() {
    walk(ZONES[5]);
}

#[test]
fn five_years_of_casablanca() {
    walk(ZONES[6]);
}

#[test]
fn five_years_of_asuncion() {
    walk(ZONES[7]);
}

#[test]
fn five_years_of_chatham() {
    walk(ZONES[8]);
}

#[test]
fn five_years_of_tehran() {
    walk(ZONES[9]);
}

/// Hours of the week: a window opens when the wall clock first shows its beginning and
/// closes when it first shows its end.
#[test]
fn five_years_of_hours_of_the_week_in_every_zone() {
    let hours: Hours = "sun 01:30-02:30, mon-fri 08:00-18:00, sat 23:00-01:00"
        .parse()
        .unwrap();
    for name in ZONES {
        let zone: Zone = name.parse().unwrap();
        let mut walker = Walker::new(Every::Days(1), "2018-12-29 00:00", name, hours.clone());
        let mut latest = LocalTime::from_seconds(0);
        let mut was = None;
        for (n, at) in instants(&zone).enumerate() {
            // A wall calendar whose pages are never turned back.
            latest = latest.max(zone.local(at));
            let covered = hours.contains(latest);
            let moved = walker.look(latest);
            if moved || was != Some(covered) || n % 64 == 0 {
                walker.check(at, covered);
            }
            was = Some(covered);
        }
    }
}
