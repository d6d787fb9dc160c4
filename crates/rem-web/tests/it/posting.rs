use serde_json::{Value, json};

use crate::client::{call, get, post_json, send};
use crate::house::{House, MONITOR, wait_for};

fn alert(name: &str, x: usize) -> Value {
    json!({
        "labels": { "alertname": name, "instance": "web-01:9100", "x": x.to_string() },
        "annotations": { "summary": format!("number {x}") },
        "generatorURL": "http://prometheus/graph",
    })
}

#[tokio::test]
async fn alerts_of_prometheus_are_taken_and_end_when_it_says_so() {
    let house = House::open().await;
    let posted: Vec<Value> = (0..500).map(|x| alert("HighLoad", x)).collect();
    let answer = post_json(house.address, "/api/v2/alerts", &json!(posted)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["accepted"], 500);
    let open = house.running.desk.overview().alerts;
    assert_eq!(open.len(), 500);
    assert_eq!(open[0].labels.get("machine").map(|m| &**m), Some("web-01"));

    let over: Vec<Value> = (0..500)
        .map(|x| {
            let mut alert = alert("HighLoad", x);
            alert["endsAt"] = json!(house.now().to_string());
            alert
        })
        .collect();
    let answer = post_json(house.address, "/api/v2/alerts", &json!(over)).await;
    assert_eq!(answer.status, 200);
    let open = house.running.desk.overview().alerts;
    assert!(
        open.iter()
            .all(|open| open.display.to_string() != "communicating")
    );
}

#[tokio::test]
async fn an_alert_that_is_not_posted_again_ends_by_itself() {
    let house = House::open().await;
    let mut short = alert("Short", 1);
    let soon = house.now() + rem_time::Span::from_seconds(1);
    short["endsAt"] = json!(soon.to_string());
    post_json(house.address, "/api/v2/alerts", &json!([short])).await;
    wait_for("the end", async || {
        let open = house.running.desk.overview().alerts;
        let fires = |display: &str| matches!(display, "communicating" | "settling");
        (!open.iter().any(|open| fires(&open.display.to_string()))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_webhook_of_alertmanager_is_accepted() {
    let house = House::open().await;
    let body = |status: &str| {
        let mut alert = alert("DiskFull", 1);
        alert["status"] = json!(status);
        alert["startsAt"] = json!("2026-01-01T00:00:00Z");
        alert["endsAt"] = json!("0001-01-01T00:00:00Z");
        alert["fingerprint"] = json!("c0ffee");
        json!({
            "version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0, "status": status,
            "receiver": "rem", "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {},
            "externalURL": "http://alertmanager", "alerts": [alert],
        })
    };
    let answer = post_json(house.address, "/api/v2/webhook", &body("firing")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let open = house.running.desk.overview().alerts;
    assert_eq!(
        (&*open[0].id.alert, &*open[0].message),
        ("DiskFull", "number 1")
    );
    let answer = post_json(house.address, "/api/v2/webhook", &body("resolved")).await;
    assert_eq!(answer.status, 200);
    let open = house.running.desk.overview().alerts;
    assert!(
        open.iter()
            .all(|open| open.display.to_string() != "communicating")
    );
}

#[tokio::test]
async fn nothing_of_a_body_with_a_mistake_is_taken() {
    let house = House::open().await;
    let body = json!([alert("Good", 1), { "labels": { "x": "y" } }]);
    let answer = post_json(house.address, "/api/v2/alerts", &body).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json()["error"],
        "alert 1: the label alertname is missing"
    );
    let answer = post_json(house.address, "/api/v2/alerts", &json!({ "a": 1 })).await;
    assert_eq!(answer.status, 400);
    let huge = "x".repeat(9 << 20);
    let answer = post_json(house.address, "/api/v2/alerts", &json!([huge])).await;
    assert_eq!(answer.status, 413);
    assert!(house.running.desk.overview().alerts.is_empty());
}

#[tokio::test]
async fn results_are_pushed_by_method_by_json_and_in_the_form_of_nagios() {
    let house = House::open().await;
    let state = || {
        house
            .running
            .engine
            .monitor_named(MONITOR)
            .unwrap()
            .state
            .word()
    };
    let params = json!({ "id": MONITOR, "verdict": "warning", "message": "late" });
    call(house.address, "monitor.push", params).await.unwrap();
    assert_eq!(state(), "warning");

    let target = format!("/passive?id={MONITOR}");
    let body =
        json!({ "exit_status": 0, "plugin_output": "all well", "performance_data": ["a=1"] });
    let answer = post_json(house.address, &target, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(state(), "ok");

    let now = house.now().as_seconds();
    let lines = format!(
        "[{now}] PROCESS_SERVICE_CHECK_RESULT;web-01;nightly;2;tape is full\n\
         [{now}] PROCESS_SERVICE_CHECK_RESULT;web-01;nightli;2;tape is full\n"
    );
    let headers = "content-type: text/plain\r\n";
    let answer = send(house.address, "POST", "/passive", headers, &lines).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.json()["accepted"], 1);
    assert_eq!(answer.json()["mistakes"][0]["line"], 2);
    assert_eq!(state(), "critical");
    let open = wait_for("the alert of the level", async || {
        house.running.desk.overview().alerts.into_iter().next()
    })
    .await;
    let page = format!("/system_monitor/alert?id={}", open.id.number);
    let page = get(house.address, &page).await;
    assert!(
        page.body.contains("status = critical"),
        "the condition with its value is there"
    );
    assert!(page.body.contains("one?id=web-01%2Fbackup%2Fnightly"));
    // A page of another site gets nowhere.
    let headers = "content-type: text/plain\r\norigin: https://evil.example\r\n";
    assert_eq!(
        send(house.address, "POST", "/passive", headers, &lines)
            .await
            .status,
        403
    );
}
