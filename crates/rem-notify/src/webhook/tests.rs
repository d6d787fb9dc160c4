use super::*;

fn judged(status: u16, headers: &[(&'static str, &str)], answer: &str) -> Result<Sent, SendError> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, value.parse().unwrap());
    }
    judge(StatusCode::from_u16(status).unwrap(), &map, answer)
}

#[test]
fn the_status_decides_whether_to_try_again() {
    for status in [200, 201, 202, 204, 299] {
        assert!(judged(status, &[], "").is_ok(), "{status}");
    }
    for status in [408, 425, 429, 500, 502, 503, 504, 599] {
        assert!(
            judged(status, &[], "").unwrap_err().is_temporary(),
            "{status}"
        );
    }
    for status in [301, 302, 307, 308, 400, 401, 403, 404, 405, 410, 413, 422] {
        assert!(
            !judged(status, &[], "").unwrap_err().is_temporary(),
            "{status}"
        );
    }
}

#[test]
fn a_receiver_may_ask_for_a_pause() {
    let pause =
        |headers: &[(&'static str, &str)]| judged(503, headers, "").unwrap_err().retry_after;
    assert_eq!(
        pause(&[("retry-after", "120")]),
        Some(Duration::from_secs(120))
    );
    assert_eq!(
        pause(&[("retry-after", "99999999999")]),
        Some(RETRY_AFTER_MAX)
    );
    assert_eq!(pause(&[("retry-after", "soon")]), None);
    assert_eq!(pause(&[]), None);
    let date = ("date", "Sat, 21 Nov 2026 10:00:00 GMT");
    let until = |text| pause(&[date, ("retry-after", text)]);
    assert_eq!(
        until("Sat, 21 Nov 2026 10:01:30 GMT"),
        Some(Duration::from_secs(90))
    );
    assert_eq!(until("Sat, 21 Nov 2026 09:00:00 GMT"), Some(Duration::ZERO));
}

#[test]
fn the_receivers_name_for_the_message_is_kept() {
    let id = |headers: &[_], answer| judged(200, headers, answer).unwrap().provider_id;
    assert_eq!(id(&[("x-message-id", "m1")], ""), Some("m1".into()));
    assert_eq!(
        id(&[], r#"{"id":"sPs71M8A2T","time":1}"#),
        Some("sPs71M8A2T".into())
    );
    assert_eq!(id(&[], "ok"), None);
    assert_eq!(id(&[], r#"{"id":7}"#), None);
}

#[test]
fn an_answer_is_one_short_line() {
    let error = judged(500, &[], "first\nsecond\u{0}").unwrap_err();
    assert_eq!(error.text, "500 Internal Server Error: first second");
}
