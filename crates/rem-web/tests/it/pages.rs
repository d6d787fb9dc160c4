use serde_json::json;

use crate::client::{call, get};
use crate::house::{House, MONITOR};

#[tokio::test]
async fn every_page_can_be_read_and_has_a_twin_for_programs() {
    let house = House::open().await;
    let number = house.fires("web-down", "machine:web-01").await;
    let pages = [
        ("/system_monitor/monitor", "Nightly backup"),
        ("/system_monitor/alerts", "Needs somebody"),
        (
            &format!("/system_monitor/alert?id={number}"),
            "What happened",
        ),
        (
            &format!("/system_monitor/one?id={MONITOR}"),
            "The last checks",
        ),
        ("/system_monitor/oncall", "The next two weeks"),
        ("/system_monitor/calendar", "This month"),
        (
            "/system_monitor/calendar?user=ann&month=2026-11",
            "November 2026",
        ),
        ("/system_monitor/holds", "Hold something"),
    ];
    for (address, words) in pages {
        let page = get(house.address, address).await;
        assert_eq!(page.status, 200, "{address}: {}", page.body);
        assert!(
            page.body.contains(words),
            "{address} has no {words}: {}",
            page.body
        );
        assert!(
            page.body.contains("aria-current=\"page\""),
            "{address} is not in the bar"
        );
        let format = if address.contains('?') {
            "&format=json"
        } else {
            "?format=json"
        };
        let twin = get(house.address, &format!("{address}{format}")).await;
        assert_eq!(twin.status, 200);
        assert!(twin.json().is_object());
    }
    let page = get(house.address, &format!("/system_monitor/alert?id={number}")).await;
    assert!(
        page.body.contains(" rel=\"noreferrer\">"),
        "the runbook is a link: {}",
        page.body
    );
    for address in [
        "/system_monitor/alert?id=999999",
        "/system_monitor/one?id=nowhere",
        "/system_monitor/calendar?role=nobody",
    ] {
        assert_eq!(get(house.address, address).await.status, 404, "{address}");
    }
}

#[tokio::test]
async fn what_a_failure_explains_stands_below_it() {
    let house = House::open().await;
    let number = house.fires("web-down", "machine:web-01").await;
    let child = house
        .fires("backup-failed", &format!("monitor:{MONITOR}"))
        .await;
    let list = call(house.address, "alert.list", json!({})).await.unwrap();
    let of = |wanted: u64| {
        let alerts = list["alerts"].as_array().unwrap();
        alerts
            .iter()
            .find(|alert| alert["number"] == wanted)
            .unwrap()
            .clone()
    };
    assert_eq!(of(child)["held_by"], "machine:web-01");
    assert_eq!(of(number)["hides"], 1);
    let page = get(house.address, "/system_monitor/alerts").await.body;
    assert!(page.contains("Explains 1 other alert<"), "{page}");
    let page = get(house.address, &format!("/system_monitor/alert?id={child}"))
        .await
        .body;
    assert!(page.contains("Why nobody is told"), "{page}");
    let params = json!({ "id": child });
    let why = call(house.address, "alert.explain", params).await.unwrap();
    assert_eq!(why["causes"][0]["node"], "machine:web-01");
}
