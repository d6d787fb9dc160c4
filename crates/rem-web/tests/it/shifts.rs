use serde_json::json;

use crate::client::{call, call_as, get, post_form};
use crate::house::{ADMIN, House, VIEWER};

#[tokio::test]
async fn who_is_on_call_is_answered_for_any_instant() {
    let house = House::open().await;
    let at = |at: &str| {
        call(
            house.address,
            "oncall.at",
            json!({ "role": "web", "at": at }),
        )
    };
    assert_eq!(
        at("2026-01-06T12:00:00Z").await.unwrap()["users"],
        json!(["ann"])
    );
    assert_eq!(
        at("2026-01-13T12:00:00Z").await.unwrap()["users"],
        json!(["bob"])
    );
    let params =
        json!({ "user": "bob", "from": "2026-01-05T08:00:00Z", "until": "2026-02-02T08:00:00Z" });
    let shifts = call(house.address, "oncall.shifts", params).await.unwrap();
    assert_eq!(shifts.as_array().unwrap().len(), 2);
    assert_eq!(shifts[0]["from"], "2026-01-12T08:00:00Z");
    let ics = get(house.address, "/oncall.ics?role=web").await;
    assert_eq!(
        ics.header("content-type"),
        Some("text/calendar; charset=utf-8")
    );
    assert!(ics.body.starts_with("BEGIN:VCALENDAR\r\n"));
}

#[tokio::test]
async fn the_admin_of_a_role_changes_shifts_and_others_only_their_own() {
    let house = House::open().await;
    let range = ("2027-06-07T07:00:00Z", "2027-06-08T07:00:00Z");
    let params = |by: &str, user: &str| json!({ "by": by, "role": "web", "user": user, "from": range.0, "until": range.1, "reason": "swap day" });
    let (code, _) = call(house.address, "oncall.override", params("bob", "ann"))
        .await
        .unwrap_err();
    assert_eq!(code, -32_003);
    let edit = call(house.address, "oncall.override", params("ann", "bob"))
        .await
        .unwrap();
    let at = json!({ "role": "web", "at": "2027-06-07T12:00:00Z" });
    let now = call(house.address, "oncall.at", at).await.unwrap();
    assert_eq!(now["users"], json!(["bob"]));
    let params = json!({ "by": "ann", "id": edit["id"] });
    call(house.address, "oncall.withdraw", params)
        .await
        .unwrap();
    let edits = call(house.address, "oncall.edits", json!({}))
        .await
        .unwrap();
    assert_eq!(edits[0]["withdrawn"]["by"], "ann");
}

#[tokio::test]
async fn an_admin_of_the_site_changes_shifts_without_being_a_user() {
    let house = House::open().await;
    let params = || {
        json!({ "role": "web", "user": "bob", "from": "2027-06-07T07:00:00Z",
            "until": "2027-06-08T07:00:00Z", "reason": "ill" })
    };
    let (code, text) = call_as(house.guarded, VIEWER, "oncall.override", params())
        .await
        .unwrap_err();
    assert_eq!(code, -32_003, "{text}");
    let edit = call_as(house.guarded, ADMIN, "oncall.override", params())
        .await
        .unwrap();
    let edits = call(house.address, "oncall.edits", json!({}))
        .await
        .unwrap();
    assert_eq!(
        (&edits[0]["id"], &edits[0]["by"]),
        (&edit["id"], &json!("root"))
    );
    let withdraw = json!({ "id": edit["id"] });
    call_as(house.guarded, ADMIN, "oncall.withdraw", withdraw)
        .await
        .unwrap();
}

#[tokio::test]
async fn whoever_the_file_calls_a_viewer_may_not_answer_where_nobody_signs_in() {
    let house = House::open().await;
    let number = house.fires("web-down", "machine:web-01").await;
    let params = json!({ "id": number, "by": "eve" });
    let (code, text) = call(house.address, "alert.ack", params).await.unwrap_err();
    assert_eq!(code, -32_003);
    assert!(text.starts_with("eve may not act on alerts"), "{text}");
}

#[tokio::test]
async fn a_swap_is_offered_by_form_and_accepted_by_the_other() {
    let house = House::open().await;
    let calendar = house.running.desk.calendar();
    let from = house.now() + rem_time::Span::from_seconds(30 * 86_400);
    let role = "web".into();
    let user = calendar.on_call(&role, from)[0].to_string();
    let other = if user == "ann" { "bob" } else { "ann" };
    let (from, until) = (
        from.to_string(),
        (from + rem_time::Span::from_seconds(3_600)).to_string(),
    );
    let fields = [
        ("do", "offer"),
        ("by", &*user),
        ("role", "web"),
        ("from", &*from),
        ("until", &*until),
        ("to", other),
        ("want_from", ""),
        ("want_until", ""),
        ("reason", "dentist"),
    ];
    let page = "/system_monitor/oncall";
    let answer = post_form(house.address, page, page, &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let swaps = call(house.address, "swap.list", json!({})).await.unwrap();
    assert_eq!(swaps[0]["state"], "offered");
    let shown = get(house.address, page).await;
    assert!(shown.body.contains("dentist"));
    let accept = |by: &str| json!({ "id": swaps[0]["id"], "by": by });
    let refused = call(house.address, "swap.accept", accept(&user)).await;
    if user != "ann" {
        assert_eq!(refused.unwrap_err().0, -32_003);
        call(house.address, "swap.accept", accept(other))
            .await
            .unwrap();
    }
    let at = json!({ "role": "web", "at": from });
    let now = call(house.address, "oncall.at", at).await.unwrap();
    assert_eq!(now["users"], json!([other]));
}

#[tokio::test]
async fn a_vacation_hands_the_shifts_to_the_next() {
    let house = House::open().await;
    let fields = [
        ("do", "vacation"),
        ("by", "ann"),
        ("user", ""),
        ("from", "2027-06-07T00:00"),
        ("until", "2027-06-28T00:00"),
        ("zone", "Europe/Berlin"),
        ("reason", "sea"),
        ("back", "/system_monitor/calendar?role=web&month=2027-06"),
    ];
    let page = "/system_monitor/calendar";
    let answer = post_form(house.address, page, "/system_monitor/oncall", &fields).await;
    assert_eq!(
        answer.header("location"),
        Some("/system_monitor/calendar?role=web&month=2027-06&done=vacation"),
        "{}",
        answer.body
    );
    let shown = get(
        house.address,
        "/system_monitor/calendar?role=web&month=2027-06",
    )
    .await;
    assert!(shown.body.contains("away: ann"));
    for day in ["2027-06-09", "2027-06-16", "2027-06-23"] {
        let at = json!({ "role": "web", "at": format!("{day}T12:00:00Z") });
        let now = call(house.address, "oncall.at", at).await.unwrap();
        assert_eq!(now["users"], json!(["bob"]), "{day}");
    }
}
