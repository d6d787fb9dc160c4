use serde_json::json;

use crate::client::{call, get, send};
use crate::house::{House, MONITOR, wait_for};

/// Each family once, its samples together, no series twice.
#[track_caller]
fn check_shape(text: &str) {
    let mut families: Vec<&str> = Vec::new();
    let mut series = std::collections::HashSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let name = rest.split(' ').next().unwrap();
            assert!(!families.contains(&name), "{name} is there twice");
            families.push(name);
        } else if !line.starts_with('#') {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok() || value == "+Inf", "{line}");
            assert!(series.insert(name), "{name} is there twice");
            let family = families.last().unwrap();
            assert!(name.starts_with(family), "{name} is not of {family}");
        }
    }
}

#[tokio::test]
async fn we_tell_about_ourselves_in_the_text_of_prometheus() {
    let house = House::open().await;
    house.fires("web-down", "machine:web-01").await;
    wait_for("the page", async || {
        house.post.delivered().into_iter().next()
    })
    .await;
    let answer = wait_for("the count", async || {
        let answer = get(house.address, "/metrics").await;
        answer
            .body
            .contains("outcome=\"sent\"} 1")
            .then_some(answer)
    })
    .await;
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    check_shape(&answer.body);
    for line in [
        "# TYPE rem_checks_total counter",
        "rem_alerts{display=\"communicating\"} 1",
        "rem_notifications_total{kind=\"mail\",outcome=\"sent\"} 1",
        "rem_config_last_reload_success 1",
        "rem_monitors 1",
        "process_open_fds ",
    ] {
        assert!(
            answer.body.contains(line),
            "{line} is missing:\n{}",
            answer.body
        );
    }
}

#[tokio::test]
async fn openmetrics_has_an_end_and_bare_counters() {
    let house = House::open().await;
    let accept = "accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n";
    let answer = send(house.address, "GET", "/metrics", accept, "").await;
    assert_eq!(
        answer.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    check_shape(&answer.body);
    assert!(
        answer
            .body
            .contains("# TYPE rem_checks counter\nrem_checks_total{")
    );
    assert!(answer.body.ends_with("# EOF\n"));
    assert_eq!(answer.body.matches("# EOF").count(), 1);
}

#[tokio::test]
async fn every_value_is_there_and_patterns_choose() {
    let house = House::open().await;
    let readings = json!({ "age": "2h", "/va\"r": { "size": 12.5 } });
    let params = json!({ "id": MONITOR, "verdict": "ok", "readings": readings });
    call(house.address, "monitor.push", params).await.unwrap();
    let answer = get(house.address, "/metrics/values").await;
    check_shape(&answer.body);
    let size = "rem_value{machine=\"web-01\",package=\"backup\",monitor=\"nightly\",\
                part=\"/va\\\"r\",field=\"size\",unit=\"\"} 12.5";
    assert!(answer.body.contains(size), "{}", answer.body);
    let state = "rem_monitor_state{machine=\"web-01\",package=\"backup\",monitor=\"nightly\",\
                 kind=\"passive\"} 0";
    assert!(answer.body.contains(state), "{}", answer.body);
    let none = get(house.address, "/metrics/values?match=db-*").await;
    assert!(!none.body.contains("web-01"));
}

#[tokio::test]
async fn a_self_test_comes_back_by_its_link_without_sign_in() {
    let house = House::open().await;
    house.running.desk.test_contacts().await.unwrap();
    let sent = wait_for("the test", async || {
        let delivered = house.post.delivered();
        delivered.into_iter().find(|sent| {
            sent.message
                .links
                .iter()
                .any(|link| link.url.contains("/arrived/"))
        })
    })
    .await;
    let link = &sent.message.links[0].url;
    let path = link.strip_prefix("https://rem.example.com").unwrap();
    let now = async || call(house.address, "oncall.now", json!({})).await.unwrap();
    let state = |now: &serde_json::Value| now["self_tests"][0]["state"].clone();
    wait_for("it to be taken over", async || {
        (state(&now().await) == "under_way").then_some(())
    })
    .await;
    let forged = format!("{}00", &path[..path.len() - 2]);
    assert_eq!(
        send(house.guarded, "POST", &forged, "", "").await.status,
        403
    );
    let shown = send(house.guarded, "GET", path, "", "").await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    assert_eq!(shown.body, "the self-test by mail arrived\n");
    assert_eq!(send(house.guarded, "POST", path, "", "").await.status, 200);
    assert_eq!(state(&now().await), "arrived");
    let page = get(house.address, "/system_monitor/oncall").await;
    assert!(page.body.contains("Self-tests") && page.body.contains("Arrived"));
    let metrics = get(house.address, "/metrics").await.body;
    check_shape(&metrics);
    let line = "rem_self_test{kind=\"mail\",state=\"arrived\"} 1";
    assert!(metrics.contains(line), "{metrics}");
}
