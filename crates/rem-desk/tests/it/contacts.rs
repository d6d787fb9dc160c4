use rem_alert::episode::{Display, Step};
use rem_alert::shift::{Every, Plan, Role, Rotation};
use rem_desk::{CONTACT_BROKEN, ONCALL_FINDING, ONCALL_GAP, Reach, Report};
use rem_notify::{Contact, SendError};
use rem_time::{Clock, Span};

use crate::house::{House, at, mail, rules};

#[tokio::test(start_paused = true)]
async fn a_broken_contact_is_reported_and_the_next_one_taken_at_once() {
    let mut rules = rules();
    let hook = Contact::webhook("http://127.0.0.1:9/ann").unwrap();
    let ann = rules.users.get_mut("ann").unwrap();
    ann.contacts.push(Reach::person(hook));
    let house = House::open(rules).await;
    house
        .post
        .refuse(mail("ann"), SendError::permanent("550 no such mailbox"));
    house.fires("machine:web-01").await;
    let got = house.got();
    assert_eq!(got[0], "webhook http://127.0.0.1:9: down: machine:web-01");
    let overview = house.desk.overview();
    assert_eq!(overview.broken.len(), 1);
    assert_eq!(overview.broken[0].why, "550 no such mailbox");
    let alert = overview
        .alerts
        .iter()
        .find(|alert| &*alert.id.alert == CONTACT_BROKEN);
    assert_eq!(&*alert.unwrap().id.subject, "user:ann");

    // A test finds out that it was repaired.
    house.post.repair(&mail("ann"));
    house.desk.test_contacts().await.unwrap();
    house.settle().await;
    assert!(house.desk.overview().broken.is_empty());
}

#[tokio::test(start_paused = true)]
async fn somebody_without_a_working_contact_is_passed_over_at_once() {
    let house = House::open(rules()).await;
    house
        .post
        .refuse(mail("ann"), SendError::permanent("550 no such mailbox"));
    house.fires("machine:web-01").await;
    let got = house.got();
    assert!(
        got.contains(&"bob: down: machine:web-01".to_owned()),
        "{got:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_empty_role_is_passed_over_and_reported() {
    let mut rules = rules();
    let step = Step::new("nobody", 2, Span::from_seconds(60));
    rules.default_ladder.insert(0, step);
    let house = House::open(rules).await;
    house.fires("machine:web-01").await;
    let told = house.post.take_delivered();
    assert_eq!(told[0].contact, mail("ann"));
    assert!(
        told[0].message.text.contains("down: machine:web-01"),
        "{told:?}"
    );
    let overview = house.desk.overview();
    let gap = overview
        .alerts
        .iter()
        .find(|alert| &*alert.id.alert == ONCALL_GAP);
    assert_eq!(&*gap.unwrap().id.subject, "role:nobody");
}

/// Ann has the shift from nine to five; it is eight o'clock.
fn daytime() -> Role {
    let plan = Plan::new(
        vec!["ann".into()],
        Every::Days(1),
        "2027-01-15 00:00".parse().unwrap(),
        "UTC".parse().unwrap(),
    );
    let plan = plan.unwrap().only("09:00-17:00".parse().unwrap());
    Role::new("web").layer(Rotation::new("days", plan))
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_a_finding_before_it_comes_and_one_alert_while_it_is_there() {
    let mut rules = rules();
    rules.roles[0] = daytime();
    let house = House::open(rules).await;
    let open = |alert: &str| {
        let alerts = house.desk.overview().alerts;
        let found = alerts
            .into_iter()
            .find(|open| *open.id.alert == *alert && open.display == Display::Communicating);
        found.map(|open| open.message.to_string())
    };
    house.settle().await;
    // Now, and every night to come.
    assert!(open(ONCALL_GAP).is_some());
    let to_come = open(ONCALL_FINDING).unwrap();
    assert!(to_come.contains("from 2027-01-15T17:00:00Z"), "{to_come}");

    house.at(3_600).await;
    assert_eq!(open(ONCALL_GAP), None, "ann has it");
    assert!(
        open(ONCALL_FINDING)
            .unwrap()
            .contains("from 2027-01-15T17:00:00Z")
    );

    house.at(9 * 3_600).await;
    assert!(open(ONCALL_GAP).is_some());
    let to_come = open(ONCALL_FINDING).unwrap();
    assert!(to_come.contains("from 2027-01-16T17:00:00Z"), "{to_come}");
}

#[tokio::test(start_paused = true)]
async fn a_role_that_nobody_ever_has_is_one_alert() {
    let mut rules = rules();
    rules.roles[0] = Role::new("web");
    let house = House::open(rules).await;
    house.settle().await;
    let alerts = house.desk.overview().alerts;
    let alerts: Vec<&str> = alerts.iter().map(|alert| &*alert.id.alert).collect();
    assert_eq!(alerts, [ONCALL_GAP]);
}

#[tokio::test(start_paused = true)]
async fn an_alert_that_nobody_can_be_told_of_does_not_spin() {
    let mut rules = rules();
    rules.roles.clear();
    let house = House::open(rules).await;
    house.fires("machine:web-01").await;
    house.at(60).await;
    let alerts = house.desk.overview().alerts;
    let about = alerts
        .iter()
        .find(|open| &*open.id.alert == "down")
        .unwrap();
    let episode = house.desk.episode(about.id.number).await.unwrap().unwrap();
    assert!(episode.timeline.len() < 10, "{:?}", episode.timeline);
}

#[tokio::test(start_paused = true)]
async fn where_nobody_is_on_call_the_fallback_is_told() {
    let mut rules = rules();
    rules.roles.clear();
    rules.fallback = vec![Reach::person(mail("site"))];
    let house = House::open(rules).await;
    house.fires("machine:web-01").await;
    let told = house.post.take_delivered();
    assert!(
        told.iter().all(|told| told.contact == mail("site")),
        "{told:?}"
    );
    assert!(
        told[0].message.text.contains("down: machine:web-01"),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_mail_server_that_is_down_for_a_day_delays_and_bundles_and_loses_nothing() {
    let house = House::open(rules()).await;
    for name in ["ann", "bob"] {
        house
            .post
            .refuse(mail(name), SendError::temporary("451 try later"));
    }
    for hour in 0..24 {
        house.at(hour * 3_600).await;
        house.fires(&format!("machine:m{hour}")).await;
    }
    assert_eq!(house.got(), Vec::<String>::new());
    let attempts = house.post.attempts();
    assert!(attempts < 2 * 24 * 60, "it is not hammered: {attempts}");
    for name in ["ann", "bob"] {
        house.post.repair(&mail(name));
    }
    house.at(86_400).await;
    house.at(86_400 + 310).await;
    let got = house.got();
    let told: usize = got.iter().filter(|said| said.starts_with("ann")).count();
    assert!((1..=6).contains(&told), "{got:?}");
    let mut named: Vec<u64> = house
        .desk
        .overview()
        .alerts
        .iter()
        .filter(|alert| alert.told.iter().any(|user| &**user == "ann"))
        .map(|alert| alert.id.number)
        .collect();
    named.sort_unstable();
    assert_eq!(named.len(), 24);
    assert_eq!(house.desk.overview().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_makes_nobody_wait_and_nobody_doubly_told() {
    for step in [-3_600, 3_600] {
        let house = House::open(rules()).await;
        house.fires("machine:web-01").await;
        assert_eq!(house.got().len(), 1);
        house.at(30 + step).await;
        let during = house.got();
        // Set forward, the repeat is due; once, not sixty times.
        assert!(during.len() <= 1, "{step}: {during:?}");
        house.at(30 + step + 60).await;
        let after = house.got();
        assert!(after.len() <= 1, "{step}: {after:?}");
        assert!(!during.is_empty() || !after.is_empty(), "{step}: forgotten");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_page_is_tried_again_under_the_same_name() {
    let house = House::open(rules()).await;
    house
        .post
        .refuse_next(SendError::temporary("451 greylisted"));
    house.fires("machine:web-01").await;
    assert_eq!(house.got(), Vec::<String>::new());
    house.at(6).await;
    let delivered = house.post.take_delivered();
    assert_eq!(delivered.len(), 1);
    let number = house.desk.overview().alerts[0].id.number;
    let id = format!("down@machine:web-01#{number}.1/ann");
    assert_eq!(delivered[0].message.id, id);
    let episode = house.desk.episode(number).await.unwrap().unwrap();
    let attempts = &episode.messages[0].log;
    assert_eq!(attempts.len(), 2);
    assert_eq!(
        (attempts[0].taken, attempts[1].taken),
        (Some(false), Some(true))
    );
    assert_eq!(&*attempts[0].answer, "451 greylisted");
    assert_eq!(house.clock.now(), at(6));
}

#[tokio::test(start_paused = true)]
async fn many_alerts_at_once_are_one_message_after_the_first() {
    let house = House::open(rules()).await;
    let now = house.clock.now();
    let reports = (0..50).map(|at| Report::fires("down", &format!("machine:m{at}"), now));
    house.desk.report(reports.collect()).await.unwrap();
    house.settle().await;
    assert_eq!(house.got(), ["ann: 50 alerts"]);
}
