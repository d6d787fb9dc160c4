use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{Outcome, pipe_data};
use crate::Response;

fn map(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

#[test]
fn a_request_cannot_steer_the_answer() {
    let args = map(json!({
        "output": "<b>", "content-type": "text/html", "redirect": "https://elsewhere.example",
        "status": "200", "headers": "x", "cookies": "y", "__return_tag": "z", "name": "ann",
    }));
    assert_eq!(
        Value::Object(pipe_data(&args)),
        json!({"name": "ann", "render": "True"})
    );
}

#[test]
fn the_data_is_what_the_run_left_without_what_is_only_for_the_server() {
    let result = json!({"level": "high", "run": {
        "name": "ann", "render": "True", "__start_time": 1.0, "__duration": 0.1, "status": [0],
    }});
    let outcome = Outcome::of(result);
    assert_eq!(
        Value::Object(outcome.data),
        json!({"level": "high", "name": "ann", "status": [0]})
    );
}

#[test]
fn scripts_set_body_status_headers_and_cookies() {
    let mut outcome = Outcome::of(json!({"run": {
        "output": "a,b\n", "content-type": "text/csv", "status": 201,
        "headers": {"x-rows": 1, "content-length": 5, "bad name": "x"},
        "cookies": {"seen": "yes", "kept": {"value": "long", "seconds": 60}},
    }}));
    let response = outcome.without_template().unwrap();
    let response = outcome.finish(response, false);
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(&response.body().unwrap()[..], b"a,b\n");
    let header = |name: &str| {
        response
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap())
    };
    assert_eq!(header("content-type"), Some("text/csv"));
    assert_eq!(header("x-rows"), Some("1"));
    assert_eq!(header("content-length"), None);
    let cookies: Vec<&str> = response
        .headers()
        .get_all("set-cookie")
        .iter()
        .map(|line| line.to_str().unwrap())
        .collect();
    assert!(cookies[0].starts_with("seen=yes; "), "{cookies:?}");
    assert!(cookies[1].contains("Max-Age=60"), "{cookies:?}");
}

#[test]
fn a_redirect_wins_and_a_line_break_in_it_leaves_it_out() {
    let mut outcome = Outcome::of(json!({"run": {"redirect": "/wall", "output": "x"}}));
    let response: Response = outcome.without_template().unwrap();
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.headers()["location"], "/wall");
    let mut outcome = Outcome::of(json!({"run": {"redirect": "/\r\nset-cookie: a=b"}}));
    let response = outcome.without_template().unwrap();
    assert!(response.headers().get("location").is_none());
    assert!(response.headers().get("set-cookie").is_none());
}
