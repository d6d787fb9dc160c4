use rem_alert::episode::{Display, HeldBy};
use rem_desk::{Action, Evaluated, Report, Target};
use rem_time::Clock;

use crate::house::{House, by, looked_at, rules_behind};

fn machines(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("machine:m{at:05}")).collect()
}

#[tokio::test(start_paused = true)]
async fn a_child_waits_until_its_parent_was_looked_at() {
    let house = House::open(rules_behind("machine:switch", &machines(1))).await;
    let mut rechecks = house.desk.rechecks().unwrap();
    house.fires("machine:m00000").await;
    assert_eq!(&*rechecks.next().await.unwrap(), "machine:switch");
    assert_eq!(house.got(), Vec::<String>::new());

    // An old result, and one that may yet turn bad, say nothing.
    let old = Evaluated {
        at: house.clock.now() - "1s".parse().unwrap(),
        ..looked_at("machine:switch", &house.clock)
    };
    let doubtful = Evaluated {
        doubtful: true,
        ..looked_at("machine:switch", &house.clock)
    };
    house.desk.evaluated(vec![old, doubtful]).await.unwrap();
    house.at(1).await;
    assert_eq!(house.got(), Vec::<String>::new());

    let good = looked_at("machine:switch", &house.clock);
    house.desk.evaluated(vec![good]).await.unwrap();
    house.settle().await;
    assert_eq!(house.got(), ["ann: down: machine:m00000"]);
}

#[tokio::test(start_paused = true)]
async fn a_parent_that_nobody_looks_at_is_waited_for_twice_its_interval() {
    let house = House::open(rules_behind("machine:switch", &machines(1))).await;
    house.fires("machine:m00000").await;
    house.at(59).await;
    assert_eq!(house.got(), Vec::<String>::new());
    house.at(60).await;
    assert_eq!(house.got(), ["ann: down: machine:m00000"]);
}

#[tokio::test(start_paused = true)]
async fn a_parent_that_fails_explains_its_child_and_says_so() {
    let house = House::open(rules_behind("machine:switch", &machines(2))).await;
    house.fires("machine:m00000").await;
    house.fires("machine:switch").await;
    assert_eq!(house.got(), ["ann: down: machine:switch"]);
    let overview = house.desk.overview();
    let child = overview
        .alerts
        .iter()
        .find(|alert| &*alert.id.subject == "machine:m00000");
    let child = child.unwrap();
    assert_eq!(child.display, Display::Held(HeldBy::Dependency));
    assert_eq!(child.held_by.as_deref(), Some("machine:switch"));
    let root = overview
        .alerts
        .iter()
        .find(|alert| &*alert.id.subject == "machine:switch");
    assert_eq!(root.unwrap().hides, 1);
    let why = house.desk.explain("machine:m00000").unwrap();
    assert!(why.held);
    assert_eq!(&*why.causes[0].0, "machine:switch");
    assert_eq!(
        why.causes[0].1,
        ["machine:m00000 needs 1 of 1 for network, 0 up: lost machine:switch"]
    );

    // A part of a machine is explained as the machine is.
    house.fires("machine:m00001#/var").await;
    assert_eq!(house.got(), Vec::<String>::new());

    // The parent is back and the children are still down: they are looked at again,
    // and told.
    house.at(10).await;
    house.clears("machine:switch").await;
    assert_eq!(house.got(), Vec::<String>::new());
    house.at(11).await;
    let again = [
        looked_at("machine:m00000", &house.clock),
        looked_at("machine:m00001", &house.clock),
    ];
    house.desk.evaluated(again.to_vec()).await.unwrap();
    house.settle().await;
    assert_eq!(house.got(), ["ann: 2 alerts"]);
}

#[tokio::test(start_paused = true)]
async fn one_page_for_ten_thousand_alerts_and_one_digest_for_those_that_stay() {
    let below = machines(10_000);
    let house = House::open(rules_behind("machine:switch", &below)).await;
    let now = house.clock.now();
    let fires = |name: &String| Report::fires("down", name, now).message("no answer");
    // Half of them fail before the switch is known to have, half after it.
    let first: Vec<Report> = below[..5_000].iter().map(fires).collect();
    house.desk.report(first).await.unwrap();
    house.settle().await;
    house.fires("machine:switch").await;
    let second: Vec<Report> = below[5_000..].iter().map(fires).collect();
    house.desk.report(second).await.unwrap();
    house.at(1).await;
    assert_eq!(house.got(), ["ann: down: machine:switch"]);
    let overview = house.desk.overview();
    assert_eq!(overview.alerts[0].hides, 10_000);
    let switch = Target::Episode(overview.alerts[0].id.number);
    house
        .desk
        .act(switch, &by("ann"), Action::Complete)
        .await
        .unwrap();
    for seconds in [59, 61, 300, 3_000] {
        house.at(seconds).await;
    }
    assert_eq!(house.got(), Vec::<String>::new());

    // All but 300 come back with the switch.
    let now = house.clock.now();
    let clears = |name: &String| Report::clears("down", name, now);
    let mut back: Vec<Report> = below[300..].iter().map(clears).collect();
    back.insert(0, Report::clears("down", "machine:switch", now));
    house.desk.report(back).await.unwrap();
    house.settle().await;
    house.clock.advance("500ms".parse().unwrap());
    let looked = below[..300]
        .iter()
        .map(|name| looked_at(name, &house.clock));
    house.desk.evaluated(looked.collect()).await.unwrap();
    house.clock.advance("499ms".parse().unwrap());
    house.settle().await;
    assert_eq!(house.got(), ["ann: 300 alerts"]);
}
