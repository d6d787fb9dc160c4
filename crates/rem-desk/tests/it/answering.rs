//! Holds, shifts, links, reloads: what people and files do.

use std::sync::Arc;

use rem_alert::episode::{
    Display, Episode, HeldBy, HoldKind, HoldPlan, Rules as Behaviour, When, replay,
};
use rem_alert::shift::{Change, Every, Plan, Range, Role, RoleId, Rotation, Slot};
use rem_desk::{
    Action, Actor, AlertRule, DeskError, Heartbeat, Line, Reach, Report, Right, Rules, Target,
    TaskList, TaskOutput,
};
use rem_notify::{Contact, Delivered, Kind};
use rem_time::{Clock, Span};
use unidist::Cut;

use crate::house::{House, at, by, mail, rules, said, user};

fn maintenance(from: i64, until: i64) -> HoldPlan {
    HoldPlan {
        id: "m1".into(),
        kind: HoldKind::Maintenance,
        covers: vec!["machine = web-*".parse().unwrap()],
        when: When::Once {
            from: at(from),
            until: at(until),
        },
        by: "bob".into(),
        why: "new disks".into(),
    }
}

#[tokio::test(start_paused = true)]
async fn maintenance_holds_what_it_covers_and_pages_when_it_is_over() {
    let house = House::open(rules()).await;
    house
        .desk
        .hold(&by("bob"), maintenance(100, 200))
        .await
        .unwrap();
    house.at(110).await;
    house.fires("machine:web-01").await;
    house.fires("machine:db-01").await;
    assert_eq!(house.got(), ["ann: down: machine:db-01"]);
    let overview = house.desk.overview();
    let held = overview
        .alerts
        .iter()
        .find(|alert| &*alert.id.subject == "machine:web-01");
    assert_eq!(held.unwrap().display, Display::Held(HeldBy::Maintenance));

    let after = house.disk.after_power_cut(Cut::LoseAll);
    let again = House::open_on(after, house.clock.clone(), rules()).await;
    assert_eq!(again.desk.holds(), house.desk.holds());
    again.at(199).await;
    again.post.take_delivered();
    again.at(200).await;
    let text = again
        .post
        .take_delivered()
        .into_iter()
        .map(|told| told.message.text);
    assert!(text.collect::<String>().contains("machine:web-01"));
    assert!(again.desk.holds().is_empty(), "it is over");
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_is_ended_early_pages_at_once() {
    let house = House::open(rules()).await;
    let known = HoldPlan {
        kind: HoldKind::Forced,
        ..maintenance(0, 1_000)
    };
    house.desk.hold(&by("bob"), known).await.unwrap();
    house.fires("machine:web-01").await;
    assert_eq!(house.got(), Vec::<String>::new());
    house.desk.end_hold("m1", &by("ann")).await.unwrap();
    house.settle().await;
    assert_eq!(house.got(), ["ann: down: machine:web-01"]);
    let refused = house.desk.end_hold("m1", &by("ann")).await;
    assert!(matches!(refused, Err(DeskError::Refused(_))), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_link_acknowledges_what_its_message_told_and_nothing_else() {
    let house = House::open(rules()).await;
    house.fires("machine:web-01").await;
    let told = house.post.take_delivered().remove(0).message;
    assert_eq!(told.links[0].label, "acknowledge");
    let token = told.links[0].url.rsplit('/').next().unwrap();
    let (grant, target) = house.desk.granted(token).await.unwrap();
    assert_eq!(grant.user, "ann");
    house
        .desk
        .act(
            target,
            &house.desk.actor(&grant.user).unwrap(),
            Action::Complete,
        )
        .await
        .unwrap();
    let alert = &house.desk.overview().alerts[0];
    assert_eq!(alert.display, Display::Acknowledged);

    // A digest's link is for all it lists, also after it was sent and a restart.
    let now = house.clock.now();
    let many = (0..5).map(|number| Report::fires("down", &format!("machine:m{number}"), now));
    house.desk.report(many.collect()).await.unwrap();
    house.settle().await;
    let told = house.post.take_delivered().remove(0).message;
    let token = told.reply_token.unwrap();
    let (_, target) = house.desk.granted(&token).await.unwrap();
    let done = house
        .desk
        .act(target, &by("ann"), Action::Complete)
        .await
        .unwrap();
    assert_eq!(done.len(), 5);
    assert!(house.desk.granted("0.0.0.00").await.is_err());
}

/// Ann and Bob take turns in `web`, a day each; Ann has the first.
fn rules_in_turns() -> Rules {
    let mut rules = rules();
    let zone = "UTC".parse().unwrap();
    let anchor = "2027-01-15 00:00".parse().unwrap();
    let users = vec!["ann".into(), "bob".into()];
    let plan = Plan::new(users, Every::Days(1), anchor, zone).unwrap();
    rules.roles[0] = Role::new("web").layer(Rotation::new("turns", plan));
    rules
}

struct Chores;

impl TaskList for Chores {
    fn of<'a>(&'a self, role: &'a str, user: &'a str) -> TaskOutput<'a> {
        Box::pin(async move { Ok(format!("{user} looks after the backups of {role}\n")) })
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_on_call_gets_the_task_list_and_the_open_alerts() {
    let house = House::open_tasks(rules_in_turns(), Some(Arc::new(Chores))).await;
    house.fires("machine:web-01").await;
    let number = house.desk.overview().alerts[0].id.number;
    // Acknowledged alerts are handed over as well.
    let complete = Action::Complete;
    house
        .desk
        .act(Target::Episode(number), &by("ann"), complete)
        .await
        .unwrap();
    house.settle().await;
    house.post.take_delivered();
    // It is 08:00; the hand-over is at midnight.
    house.at(15 * 3_600).await;
    let soon = house.got();
    let ahead = "bob: on call for web in 1h".to_owned();
    assert!(soon.contains(&ahead), "{soon:?}");
    house.at(16 * 3_600).await;
    let told = house.post.take_delivered();
    let on = |told: &&Delivered| told.message.subject == "on call for web";
    let on = told.iter().find(on).unwrap();
    assert_eq!(on.contact, mail("bob"));
    let text = &on.message.text;
    assert!(text.contains("machine:web-01"), "{text}");
    assert!(
        text.contains("bob looks after the backups of web"),
        "{text}"
    );
    let off = |told: &Delivered| told.message.subject == "off call for web";
    assert!(told.iter().any(off), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_shift_that_is_taken_moves_the_pages_and_survives_a_restart() {
    let house = House::open(rules_in_turns()).await;
    assert_eq!(house.desk.on_call("web", at(10)), [Arc::from("ann")]);
    let range = Range::new(at(0), at(3_600));
    house
        .desk
        .take_shift(&by("bob"), "web", Some(range), "dentist")
        .await
        .unwrap();
    house.fires("machine:web-01").await;
    let got = house.got();
    assert!(
        got.contains(&"bob: down: machine:web-01".to_owned()),
        "{got:?}"
    );
    assert!(
        got.contains(&"ann: your shifts changed".to_owned()),
        "{got:?}"
    );

    let after = house.disk.after_power_cut(Cut::LoseAll);
    let again = House::open_on(after, house.clock.clone(), rules_in_turns()).await;
    assert_eq!(again.desk.on_call("web", at(10)), [Arc::from("bob")]);
    assert_eq!(again.desk.on_call("web", at(3_600)), [Arc::from("ann")]);
    let edits = again.desk.calendar().edits().to_vec();
    assert_eq!(edits, house.desk.calendar().edits());
    again
        .desk
        .withdraw_edit(&by("bob"), edits[0].id)
        .await
        .unwrap();
    assert_eq!(again.desk.on_call("web", at(10)), [Arc::from("ann")]);
    let stranger = again.desk.take_shift(&by("eve"), "web", None, "").await;
    assert!(matches!(stranger, Err(DeskError::Shift(_))), "{stranger:?}");
}

#[tokio::test(start_paused = true)]
async fn a_swap_is_offered_accepted_and_told() {
    let mut rules = rules();
    rules.roles[0] = Role::new("web").standing("ann").standing("bob");
    let house = House::open(rules).await;
    let range = Range::new(at(3_600), at(7_200));
    let slot = |name: &str, role: &str| Slot {
        role: RoleId::from(role),
        user: name.into(),
        range,
    };
    let give = slot("bob", "manager");
    let offered = house
        .desk
        .offer_swap(&by("bob"), "dentist", give, "ann", None)
        .await
        .unwrap();
    house.settle().await;
    let got = house.got();
    assert!(got.iter().any(|said| said.starts_with("ann: ")), "{got:?}");
    house
        .desk
        .accept_swap(&by("ann"), offered.id)
        .await
        .unwrap();
    assert_eq!(house.desk.on_call("manager", at(3_700)), [Arc::from("ann")]);
    assert_eq!(house.desk.on_call("manager", at(7_200)), [Arc::from("bob")]);
    assert!(
        house
            .desk
            .accept_swap(&by("ann"), offered.id)
            .await
            .is_err()
    );
}

#[tokio::test(start_paused = true)]
async fn a_reload_disturbs_nothing_that_it_does_not_change() {
    let mut before = rules();
    before.alerts.insert("down".into(), AlertRule::default());
    before.alerts.insert("slow".into(), AlertRule::default());
    let house = House::open(before.clone()).await;
    house.fires("machine:web-01").await;
    house
        .report(Report::fires("slow", "machine:web-02", house.clock.now()))
        .await;
    house.post.take_delivered();
    let views = || format!("{:?}", house.desk.overview().alerts);
    let same = views();
    let reloaded = house.desk.reload(before.clone()).await.unwrap();
    house.settle().await;
    assert_eq!(reloaded, rem_desk::Reloaded::default());
    assert_eq!(views(), same);
    assert_eq!(house.got(), Vec::<String>::new());

    let mut after = before;
    after.alerts.remove("slow");
    after.users.extend([user("cho")]);
    let reloaded = house.desk.reload(after).await.unwrap();
    house.settle().await;
    assert_eq!(reloaded.closed.len(), 1);
    assert_eq!(
        (reloaded.alerts, reloaded.users),
        (vec!["slow".into()], vec!["cho".into()])
    );
    let got = house.got();
    assert_eq!(got.len(), 1);
    assert!(got[0].contains("no longer configured"), "{got:?}");
}

#[tokio::test(start_paused = true)]
async fn the_timeline_replays_to_the_state_and_names_every_attempt() {
    let mut rules = rules();
    let behaviour = Behaviour {
        ladder: rules.default_ladder.clone(),
        settle: Some(Span::ZERO),
        ..Behaviour::default()
    };
    rules.alerts.insert(
        "down".into(),
        AlertRule {
            behaviour: behaviour.clone(),
            ..AlertRule::default()
        },
    );
    let house = House::open(rules).await;
    house.fires("machine:web-01").await;
    let number = house.desk.overview().alerts[0].id.number;
    let snooze = Action::Snooze(Span::from_seconds(100));
    house
        .desk
        .act(Target::Episode(number), &by("bob"), snooze)
        .await
        .unwrap();
    let comment = Action::Comment("the cable".into());
    house
        .desk
        .act(Target::Episode(number), &by("bob"), comment)
        .await
        .unwrap();
    house.at(50).await;
    house.clears("machine:web-01").await;
    house.at(60).await;
    house.fires("machine:web-01").await;
    house.at(130).await;
    let view = house.desk.episode(number).await.unwrap().unwrap();
    let steps: Vec<_> = view
        .timeline
        .iter()
        .filter_map(|line| match line {
            Line::Step(step) => Some(&**step),
            Line::Message { .. } => None,
        })
        .collect();
    let start = Episode {
        number: number - 1,
        ..Episode::default()
    };
    let replayed = replay(start, steps.iter().copied(), &behaviour);
    assert_eq!(replayed.display(), view.alert.display);
    assert_eq!(
        replayed.ladder.due.map(|due| due.until),
        view.alert.next_page
    );
    assert_eq!(replayed.flaps, view.alert.flaps);
    assert_eq!(replayed.told, view.alert.told);
    let texts: Vec<String> = steps.iter().map(ToString::to_string).collect();
    assert!(
        texts.iter().any(|text| text.contains("bob: the cable")),
        "{texts:?}"
    );
    assert!(view.messages.iter().all(|message| !message.log.is_empty()));

    // When it is over, all of it can still be read.
    house
        .desk
        .act(Target::Episode(number), &by("ann"), Action::Complete)
        .await
        .unwrap();
    house.clears("machine:web-01").await;
    house.at(10_000).await;
    assert!(house.desk.overview().alerts.is_empty());
    let over = house.desk.episode(number).await.unwrap().unwrap();
    assert!(over.alert.closed.is_some());
    assert!(view.timeline.len() < over.timeline.len());
    assert!(house.desk.episode(99).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn the_outside_hears_that_we_live_and_loop_contacts_are_tested() {
    let mut rules = rules();
    let beat = Contact::webhook("http://127.0.0.1:9/beat").unwrap();
    rules.heartbeat = Some(Heartbeat {
        contact: beat.clone(),
        every: Span::from_seconds(60),
    });
    rules.self_test = vec![Reach::person(mail("loop"))];
    rules.timing.self_test_every = Some(Span::from_seconds(3_600));
    let house = House::open(rules).await;
    house.settle().await;
    for minute in 1..=60 {
        house.at(minute * 60).await;
    }
    let told = house.post.take_delivered();
    let beats = told.iter().filter(|told| told.contact == beat).count();
    assert_eq!(beats, 61);
    let tests: Vec<_> = told
        .iter()
        .filter(|told| told.message.kind == Kind::SelfTest)
        .collect();
    assert_eq!(tests.len(), 1);
    assert!(said(tests[0]).starts_with("loop: "));
}

#[tokio::test(start_paused = true)]
async fn a_viewer_may_do_nothing_and_is_told_what_it_needs() {
    let mut rules = rules();
    rules.users.get_mut("bob").unwrap().right = Right::Viewer;
    let house = House::open(rules).await;
    house.fires("machine:web-01").await;
    let number = house.desk.overview().alerts[0].id.number;
    let eve = Actor::new("eve", Right::Viewer);
    let target = || Target::Episode(number);
    let desk = &house.desk;
    let refused = desk.act(target(), &eve, Action::Complete).await;
    assert_eq!(
        refused.unwrap_err().to_string(),
        "eve may not act on alerts: that needs the right of an operator, and eve is a viewer"
    );
    let comment = Action::Comment("hm".into());
    assert!(desk.act(target(), &eve, comment).await.is_err());
    let held = desk.hold(&eve, maintenance(0, 100)).await;
    assert!(held.unwrap_err().to_string().contains("hold alerts"));
    desk.hold(&by("ann"), maintenance(0, 100)).await.unwrap();
    assert_eq!(&*desk.holds()[0].by, "ann", "whatever the plan says");
    assert!(desk.end_hold("m1", &eve).await.is_err());
    let range = Some(Range::new(at(0), at(60)));
    let taken = desk.take_shift(&eve, "web", range, "").await;
    assert!(taken.unwrap_err().to_string().contains("change shifts"));

    // Bob is a viewer by the rules: so his link and his mail are as well.
    let bob = desk.actor("bob").unwrap();
    assert_eq!(bob.right, Right::Viewer);
    assert!(desk.act(target(), &bob, Action::Complete).await.is_err());
    assert_eq!(desk.actor("ann").unwrap(), by("ann"));
    assert!(desk.actor("eve").is_err(), "no user of the rules");
}

#[tokio::test(start_paused = true)]
async fn an_administrator_changes_the_shifts_of_others_and_an_operator_does_not() {
    let house = House::open(rules_in_turns()).await;
    let change = || Change::Replace {
        slot: Slot {
            role: RoleId::from("web"),
            user: "bob".into(),
            range: Range::new(at(0), at(3_600)),
        },
        instead_of: None,
    };
    let desk = &house.desk;
    let refused = desk.edit_shifts(&by("ann"), "", change()).await;
    assert!(matches!(refused, Err(DeskError::Shift(_))), "{refused:?}");
    let root = Actor::new("root", Right::Admin);
    let edit = desk.edit_shifts(&root, "ill", change()).await.unwrap();
    assert_eq!(desk.on_call("web", at(10)), [Arc::from("bob")]);
    house.settle().await;
    let got = house.got();
    assert!(
        got.contains(&"ann: your shifts changed".to_owned()),
        "{got:?}"
    );
    desk.withdraw_edit(&root, edit).await.unwrap();
    assert_eq!(desk.on_call("web", at(10)), [Arc::from("ann")]);
}
