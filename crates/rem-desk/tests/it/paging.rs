use rem_desk::{Action, Target};
use rem_time::Span;

use crate::house::{House, by, rules};

#[tokio::test(start_paused = true)]
async fn an_alert_climbs_the_ladder_until_somebody_answers() {
    let house = House::open(rules()).await;
    house.fires("machine:web-01").await;
    assert_eq!(house.got(), ["ann: down: machine:web-01"]);
    house.at(60).await;
    assert_eq!(house.got(), ["ann: down: machine:web-01"]);
    house.at(120).await;
    assert_eq!(house.got(), ["bob: down: machine:web-01"]);

    let number = house.desk.overview().alerts[0].id.number;
    let snooze = Action::Snooze(Span::from_seconds(600));
    house
        .desk
        .act(Target::Episode(number), &by("bob"), snooze)
        .await
        .unwrap();
    house.settle().await;
    assert_eq!(
        house.got(),
        ["ann: down: machine:web-01: bob snoozed it until 2027-01-15T08:12:00Z"]
    );
    house.at(700).await;
    assert_eq!(house.got(), Vec::<String>::new());
    house.at(721).await;
    assert_eq!(house.got(), ["ann: down: machine:web-01"]);
}
