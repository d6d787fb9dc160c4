use serde_json::json;

use crate::client::{call, call_as, post_form, send};
use crate::house::{House, MONITOR, OPERATOR, VIEWER, wait_for};

#[tokio::test]
async fn an_alert_is_listed_snoozed_and_acknowledged_by_method() {
    let house = House::open().await;
    let number = house.fires("web-down", "machine:web-01").await;
    let list = call(house.address, "alert.list", json!({})).await.unwrap();
    assert_eq!(list["alerts"][0]["number"], number);
    assert_eq!(list["alerts"][0]["message"], "it <burns> & smokes");

    let id = format!("web-down@machine:web-01#{number}");
    let params = json!({ "id": id, "for": "10m", "by": "bob", "comment": "looking" });
    let done = call(house.address, "alert.snooze", params).await.unwrap();
    assert_eq!(done, json!({ "done": [number] }));
    let params = json!({ "id": number });
    let alert = call(house.address, "alert.get", params.clone())
        .await
        .unwrap();
    assert_eq!(alert["display"], "snoozed");
    assert_eq!(alert["ack"]["by"], "bob");
    assert!(alert.to_string().contains("bob: looking"), "{alert}");

    let params = json!({ "id": "web-down@machine:web-01", "by": "ann" });
    call(house.address, "alert.ack", params).await.unwrap();
    let alert = call(house.address, "alert.get", json!({ "id": number }))
        .await
        .unwrap();
    assert_eq!(alert["display"], "acknowledged");
}

#[tokio::test]
async fn what_is_wrong_with_a_call_is_named_with_what_was_meant() {
    let house = House::open().await;
    let number = house.fires("web-down", "machine:web-01").await;
    let error = async |method: &str, params| call(house.address, method, params).await.unwrap_err();
    let (code, text) = error("alert.ack", json!({ "id": number, "by": "bobb" })).await;
    assert_eq!(
        (code, text.as_str()),
        (404, "there is no user bobb; did you mean bob?")
    );
    let (code, text) = error("alert.ack", json!({ "id": number })).await;
    assert_eq!(code, -32_602);
    assert!(text.contains("by is missing"), "{text}");
    let (_, text) = error("alert.snooze", json!({ "id": number, "by": "bob" })).await;
    assert_eq!(text, "for is missing");
    let (_, text) = error(
        "alert.snooze",
        json!({ "id": number, "by": "bob", "for": "99d" }),
    )
    .await;
    assert!(text.contains("at most"), "{text}");
    let (code, _) = error("alert.ack", json!({ "id": 999_999, "by": "bob" })).await;
    assert_eq!(code, 404);
    let (code, text) = error("monitor.levels", json!({ "id": "web-01/backup/nigtly" })).await;
    assert_eq!(code, 404);
    assert!(
        text.ends_with(&format!("did you mean {MONITOR}?")),
        "{text}"
    );
    let (_, text) = error("oncall.at", json!({ "role": "wbe" })).await;
    assert_eq!(text, "there is no role wbe; did you mean web?");
    let (code, _) = error("alert.ack", json!([1])).await;
    assert_eq!(code, -32_602);
}

#[tokio::test]
async fn viewers_read_and_operators_answer_in_their_own_name() {
    let house = House::open().await;
    let number = house.fires("web-down", "machine:web-01").await;
    let address = house.guarded;
    assert!(
        call_as(address, VIEWER, "alert.list", json!({}))
            .await
            .is_ok()
    );
    let refused = call_as(address, VIEWER, "alert.ack", json!({ "id": number })).await;
    assert_eq!(refused.unwrap_err().0, -32_003);
    let refused = call_as(address, OPERATOR, "config.reload", json!({})).await;
    assert_eq!(refused.unwrap_err().0, -32_003);
    // Nobody signs in as another.
    let params = json!({ "id": number, "by": "bob" });
    call_as(address, OPERATOR, "alert.take", params)
        .await
        .unwrap();
    let alert = call_as(address, VIEWER, "alert.get", json!({ "id": number }))
        .await
        .unwrap();
    assert_eq!(alert["owner"], "ann");
    assert_eq!(send(address, "GET", "/metrics", "", "").await.status, 401);
}

#[tokio::test]
async fn a_form_answers_an_alert_and_needs_its_token() {
    let house = House::open().await;
    let number = house.fires("web-down", "machine:web-01").await;
    let fields = [
        ("do", &*format!("snooze:30m:{number}")),
        ("by", "ann"),
        ("comment", "on it"),
    ];
    let page = "/system_monitor/alerts";
    let answer = post_form(house.address, page, "/system_monitor/act", &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(
        answer.header("location"),
        Some("/system_monitor/alerts?done=snooze")
    );
    assert!(
        answer
            .header("set-cookie")
            .unwrap()
            .starts_with("rem_by=ann")
    );
    let alert = call(house.address, "alert.get", json!({ "id": number }))
        .await
        .unwrap();
    assert_eq!(alert["ack"]["by"], "ann");

    let headers = "content-type: application/x-www-form-urlencoded\r\n";
    let body = format!("do=ack:{number}&by=ann");
    let answer = send(house.address, "POST", "/system_monitor/act", headers, &body).await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn a_hold_is_made_by_form_and_ended_by_method() {
    let house = House::open().await;
    let fields = [
        ("do", "add"),
        ("by", "ann"),
        ("match", "machine = web-*"),
        ("why", "new disks"),
        ("repeats", "sat,sun"),
        ("at", "02:00"),
        ("for", "2h"),
        ("zone", "Europe/Berlin"),
    ];
    let page = "/system_monitor/holds";
    let answer = post_form(house.address, page, page, &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let list = call(house.address, "hold.list", json!({})).await.unwrap();
    let hold = list
        .as_array()
        .unwrap()
        .iter()
        .find(|hold| hold["why"] == "new disks");
    let hold = hold.unwrap();
    assert_eq!(hold["matches"], "machine = web-*");
    assert_eq!(
        hold["when"],
        "every saturday, sunday at 02:00 for 2h, Europe/Berlin"
    );
    let params = json!({ "id": hold["id"], "by": "bob" });
    call(house.address, "hold.end", params.clone())
        .await
        .unwrap();
    assert_eq!(
        call(house.address, "hold.end", params).await.unwrap_err().0,
        404
    );
}

#[tokio::test]
async fn a_signed_link_shows_by_get_and_acts_by_post_alone() {
    let house = House::open().await;
    let number = house.fires("web-down", "machine:web-01").await;
    let sent = wait_for("the page", async || {
        house.post.delivered().into_iter().next()
    })
    .await;
    let link = sent
        .message
        .links
        .iter()
        .find(|link| link.url.contains("/ack/"))
        .unwrap();
    let path = link
        .url
        .strip_prefix("https://rem.example.com")
        .unwrap()
        .to_owned();
    // Nobody signs in to use it.
    let shown = send(house.guarded, "GET", &path, "", "").await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    assert!(shown.body.contains("it &lt;burns&gt; &amp; smokes"));
    assert!(shown.body.contains("value=\"snooze:30m\""));
    assert!(
        shown
            .body
            .contains("method=\"post\" action=\"/system_monitor/ack\"")
    );
    let display = || house.running.desk.overview().alerts[0].display;
    assert_eq!(display().to_string(), "communicating");

    let token = path.rsplit('/').next().unwrap();
    let headers = "content-type: application/x-www-form-urlencoded\r\n";
    let body = format!("t={token}&do=ack&comment=from+my+phone");
    let done = send(house.guarded, "POST", "/system_monitor/ack", headers, &body).await;
    assert_eq!(done.status, 200, "{}", done.body);
    assert!(done.body.contains("Acknowledged: quiet until it is over."));
    assert_eq!(display().to_string(), "acknowledged");
    let alert = call(house.address, "alert.get", json!({ "id": number }))
        .await
        .unwrap();
    assert!(alert.to_string().contains("from my phone"));

    let forged = format!("/system_monitor/ack?t={}00", &token[..token.len() - 2]);
    let refused = send(house.guarded, "GET", &forged, "", "").await;
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn a_reload_is_asked_for_and_its_mistake_stands_on_every_page() {
    let mut house = House::open().await;
    let address = house.address;
    assert!(
        call(address, "config.status", json!({}))
            .await
            .unwrap()
            .is_null()
    );
    let asked = tokio::spawn(async move { call(address, "config.reload", json!({})).await });
    let request = house.reloads.next().await;
    let wrong = Err("monitor.yaml:3:1: unknown key <machins>".to_owned());
    house.reloads.done(house.now(), wrong.clone());
    request.answer(wrong);
    let (code, text) = asked.await.unwrap().unwrap_err();
    assert_eq!(
        (code, text.as_str()),
        (409, "monitor.yaml:3:1: unknown key <machins>")
    );
    let page = crate::client::get(address, "/system_monitor/holds").await;
    assert!(
        page.body
            .contains("monitor.yaml:3:1: unknown key &lt;machins&gt;")
    );
    let status = call(address, "config.status", json!({})).await.unwrap();
    assert_eq!(status["ok"], false);
}
