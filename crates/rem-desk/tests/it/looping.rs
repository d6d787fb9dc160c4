//! Self-tests that come back, or do not.

use std::collections::BTreeSet;

use rem_alert::episode::Display;
use rem_desk::{ONCALL_PATH, PathState, Reach, Rules};
use rem_notify::{Contact, Delivered};
use rem_time::Span;
use unidist::Cut;

use crate::house::{House, at, mail, rules};

/// A loop address, a receiver, and a script from which nothing comes back.
fn looped() -> Rules {
    let mut rules = rules();
    let hook = Contact::webhook("http://127.0.0.1:9/loop").unwrap();
    let script = Contact::script(["/bin/true"]).unwrap();
    rules.self_test = vec![
        Reach::person(mail("loop")),
        Reach::person(hook),
        Reach::person(script),
    ];
    rules.comes_back = BTreeSet::from(["mail".into(), "webhook".into()]);
    rules.timing.self_test_every = Some(Span::from_seconds(3_600));
    rules
}

async fn tested() -> (House, Vec<Delivered>) {
    let house = House::open(looped()).await;
    house.settle().await;
    house.at(3_600).await;
    let told = house.post.take_delivered();
    assert_eq!(told.len(), 3, "{told:?}");
    (house, told)
}

fn state(house: &House, kind: &str) -> PathState {
    let paths = house.desk.overview().paths;
    let path = paths.into_iter().find(|path| *path.kind == *kind);
    path.unwrap().state
}

fn missing(house: &House) -> Vec<(String, String)> {
    let alerts = house.desk.overview().alerts;
    let fires = |display| !matches!(display, Display::Clearing | Display::RecoveredUnacked);
    let ours = alerts
        .into_iter()
        .filter(|open| *open.id.alert == *ONCALL_PATH && fires(open.display));
    ours.map(|open| (open.id.subject.to_string(), open.message.to_string()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_self_test_has_arrived_when_its_token_comes_back() {
    let (house, told) = tested().await;
    let under_way = PathState::UnderWay { taken: at(3_600) };
    assert_eq!(state(&house, "mail"), under_way);
    assert_eq!(state(&house, "webhook"), under_way);
    assert_eq!(
        state(&house, "script"),
        PathState::NotVerified { taken: at(3_600) }
    );
    house.at(3_660).await;
    let token = told[0].message.reply_token.clone().unwrap();
    assert_eq!(&*house.desk.arrived(&token).await.unwrap(), "mail");
    let link = &told[1].message.links[0].url;
    let (begin, token) = link.rsplit_once('/').unwrap();
    assert_eq!(begin, "https://rem.example.com/arrived");
    assert_eq!(&*house.desk.arrived(token).await.unwrap(), "webhook");
    assert_eq!(told[2].message.reply_token, None);
    for kind in ["mail", "webhook"] {
        assert_eq!(state(&house, kind), PathState::Arrived { at: at(3_660) });
    }
    house.at(3_600 + 2_000).await;
    assert_eq!(missing(&house), []);

    // It is remembered.
    let after = house.disk.after_power_cut(Cut::LoseAll);
    let again = House::open_on(after, house.clock.clone(), looped()).await;
    assert_eq!(state(&again, "mail"), PathState::Arrived { at: at(3_660) });
}

#[tokio::test(start_paused = true)]
async fn a_self_test_that_does_not_come_back_is_an_alert_until_one_does() {
    let (house, told) = tested().await;
    let token = told[1].message.reply_token.clone().unwrap();
    house.desk.arrived(&token).await.unwrap();
    house.at(3_600 + 899).await;
    assert_eq!(missing(&house), []);
    house.at(3_600 + 900).await;
    let text = "the self-test by mail to mail loop@example.com was taken over at \
                2027-01-15T09:00:00Z and did not come back within 15m";
    assert_eq!(missing(&house), [("contact:mail".into(), text.into())]);
    assert_eq!(
        state(&house, "mail"),
        PathState::Missing { since: at(3_600) }
    );
    assert!(
        house
            .got()
            .contains(&"ann: oncall-path: contact:mail".to_owned())
    );

    // It fires over a restart, and the next test that arrives ends it.
    let after = house.disk.after_power_cut(Cut::LoseAll);
    let again = House::open_on(after, house.clock.clone(), looped()).await;
    again.at(2 * 3_600).await;
    assert_eq!(missing(&again).len(), 1);
    let told = again.post.take_delivered();
    let test = told.iter().find(|told| told.contact == mail("loop"));
    let token = test.unwrap().message.reply_token.clone().unwrap();
    again.desk.arrived(&token).await.unwrap();
    assert_eq!(missing(&again), []);
}

#[tokio::test(start_paused = true)]
async fn the_token_of_an_alert_is_not_that_of_a_self_test_nor_the_other_way_round() {
    let (house, told) = tested().await;
    house.fires("machine:web-01").await;
    let page = house.post.take_delivered().remove(0).message;
    let refused = house.desk.arrived(&page.reply_token.unwrap()).await;
    assert_eq!(
        refused.unwrap_err().to_string(),
        "this is not the token of a self-test"
    );
    let test = told[0].message.reply_token.clone().unwrap();
    assert!(house.desk.granted(&test).await.is_err());
    assert!(house.desk.arrived("74.00.1.00").await.is_err());
}
