use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::json;

use super::{Event, Hub, HubLimits, Subscription};

/// What the client gets, until it has to wait for more than a heartbeat.
async fn frames(subscription: &mut Subscription, count: usize) -> Vec<String> {
    let mut frames = Vec::new();
    while frames.len() < count {
        let bytes = subscription.next().await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        if text.starts_with(':') {
            continue;
        }
        frames.push(without_id(&text));
    }
    frames
}

fn without_id(text: &str) -> String {
    let lines = text
        .trim_end()
        .lines()
        .filter(|line| !line.starts_with("id: "));
    lines.collect::<Vec<_>>().join("|")
}

#[tokio::test(start_paused = true)]
async fn events_reach_those_who_listen_to_their_topic() {
    let hub = Hub::new();
    let mut both = hub.subscribe(["a", "b"], None);
    let mut only_b = hub.subscribe(["b"], None);
    hub.publish("a", Event::json(&json!({"n": 1})));
    hub.publish("b", Event::text("two\nlines"));
    hub.publish("c", Event::text("nobody"));
    let b = "event: b|data: two|data: lines";
    assert_eq!(frames(&mut both, 2).await, ["event: a|data: {\"n\":1}", b]);
    assert_eq!(frames(&mut only_b, 1).await, [b]);
}

#[tokio::test(start_paused = true)]
async fn two_frames_a_second_and_the_newest_of_each_key() {
    let hub = Hub::new();
    let mut client = hub.subscribe(["t"], None);
    let started = tokio::time::Instant::now();
    for n in 0..100 {
        hub.publish(
            "t",
            Event::text(format!("{n}")).about(if n % 2 == 0 { "even" } else { "odd" }),
        );
    }
    // The first goes out at once, the rest waits for the next frame.
    assert_eq!(frames(&mut client, 1).await, ["event: t|data: 0"]);
    assert!(started.elapsed() < Duration::from_millis(10));
    let rest = frames(&mut client, 2).await;
    assert_eq!(rest, ["event: t|data: 99", "event: t|data: 98"]);
    assert!(started.elapsed() >= Duration::from_millis(500));
    hub.publish("t", Event::text("later"));
    assert_eq!(frames(&mut client, 1).await, ["event: t|data: later"]);
    assert!(started.elapsed() >= Duration::from_millis(1_000));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_back_gets_what_it_missed() {
    let hub = unpaced(HubLimits::default());
    hub.publish("t", Event::text("1"));
    let seen = hub.position();
    hub.publish("t", Event::text("2"));
    hub.publish("t", Event::text("3"));
    let mut client = hub.subscribe(["t"], Some(&seen));
    assert_eq!(
        frames(&mut client, 2).await,
        ["event: t|data: 2", "event: t|data: 3"]
    );
}

#[tokio::test(start_paused = true)]
async fn who_missed_too_much_is_told_to_load_anew() {
    let hub = unpaced(HubLimits {
        kept: 10,
        ..HubLimits::default()
    });
    hub.publish("t", Event::text("first"));
    let seen = hub.position();
    let mut slow = hub.subscribe(["t"], None);
    for n in 0..1_000 {
        hub.publish("t", Event::text(format!("{n}")));
    }
    hub.publish("quiet", Event::text("x"));
    let mut late = hub.subscribe(["t", "quiet"], Some(&seen));
    let expected = ["event: resync|data: t"];
    assert_eq!(frames(&mut slow, 1).await, expected);
    assert_eq!(
        frames(&mut late, 2).await,
        [expected[0], "event: quiet|data: x"]
    );
    hub.publish("t", Event::text("next"));
    assert_eq!(frames(&mut slow, 1).await, ["event: t|data: next"]);
}

#[tokio::test(start_paused = true)]
async fn an_id_of_an_earlier_run_means_resync() {
    let hub = Hub::new();
    for id in ["deadbeef-7", "nonsense", "-", "7"] {
        let mut client = hub.subscribe(["t"], Some(id));
        assert_eq!(frames(&mut client, 1).await, ["event: resync|data: t"]);
    }
}

#[tokio::test(start_paused = true)]
async fn too_much_for_one_frame_is_dropped_and_told() {
    let hub = Hub::with(HubLimits {
        waiting: 10,
        ..HubLimits::default()
    });
    let mut client = hub.subscribe(["t"], None);
    hub.publish("t", Event::text("first"));
    for n in 0..25 {
        hub.publish("t", Event::text(format!("{n}")).about(format!("{n}")));
    }
    let got = frames(&mut client, 2).await;
    assert_eq!(got, ["event: t|data: first", "event: resync|data: t"]);
    hub.publish("t", Event::text("next"));
    assert_eq!(frames(&mut client, 1).await, ["event: t|data: next"]);
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_every_fifteen_seconds() {
    let mut client = Hub::new().subscribe(["t"], None);
    let greeting = client.next().await.unwrap();
    assert!(greeting.starts_with(b": connected"));
    let started = tokio::time::Instant::now();
    for n in 1..=3 {
        assert_eq!(&client.next().await.unwrap()[..], b":\n\n");
        assert_eq!(started.elapsed().as_secs(), 15 * n);
    }
}

#[tokio::test(start_paused = true)]
async fn names_cannot_smuggle_fields_into_a_frame() {
    let hub = Hub::new();
    let mut client = hub.subscribe(["t"], None);
    hub.publish("t", Event::text("a\rdata: b\r\nevent: c").named("x\nid: 7"));
    let got = frames(&mut client, 1).await;
    assert_eq!(got, ["event: xid: 7|data: a|data: data: b|data: event: c"]);
}

#[tokio::test]
async fn clients_that_go_leave_nothing_behind() {
    let hub = Hub::new();
    let names: Vec<String> = (0..200).map(|n| format!("topic {n}")).collect();
    let clients: Vec<_> = (0..50)
        .map(|_| hub.subscribe(names.iter().map(String::as_str), None))
        .collect();
    assert_eq!(hub.shared.state.lock().topics.len(), 64);
    drop(clients);
    assert_eq!(hub.shared.state.lock().topics.len(), 0);
}

#[test]
fn publishing_needs_no_runtime_and_keeps_a_bounded_ring() {
    let hub = unpaced(HubLimits {
        kept_bytes: 10_000,
        topics: 3,
        ..HubLimits::default()
    });
    for n in 0..1_000 {
        hub.publish(&format!("topic {}", n % 5), Event::text("x".repeat(1_000)));
    }
    let state = hub.shared.state.lock();
    assert_eq!(state.topics.len(), 3);
    assert!(
        state
            .topics
            .values()
            .all(|topic| topic.kept_bytes() <= 10_000)
    );
}

fn unpaced(limits: HubLimits) -> Hub {
    Hub::with(HubLimits {
        frame_every: Duration::ZERO,
        ..limits
    })
}
