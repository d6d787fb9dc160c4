use rem_command::Exit;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{AskError, Whom};

/// Answers one request with this; gives what was asked.
async fn once(answer: &'static str) -> (Whom, tokio::task::JoinHandle<String>) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let (mut stream, _) = socket.accept().await.unwrap();
        let mut read = Vec::new();
        while !read.ends_with(b"}}") {
            let mut part = [0; 1024];
            let length = stream.read(&mut part).await.unwrap();
            if length == 0 {
                break;
            }
            read.extend(&part[..length]);
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(read).unwrap()
    });
    (Whom::at(&url, None).unwrap(), asked)
}

async fn answered(answer: &'static str) -> Result<Value, AskError> {
    let (whom, _asked) = once(answer).await;
    whom.call("alert.get", json!({"id": 12})).await
}

#[tokio::test]
async fn a_call_is_json_rpc_with_names_and_gives_the_result() {
    let body = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[1,2]}";
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let (mut whom, asked) = once(answer.leak()).await;
    whom.token = Some("s3cret".into());
    let result = whom.call("alert.get", json!({"id": 12})).await.unwrap();
    assert_eq!(result, json!([1, 2]));
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("POST /rpc HTTP/1.1\r\n"), "{asked}");
    assert!(
        asked.contains("authorization: Bearer s3cret\r\n"),
        "{asked}"
    );
    let body = asked.split("\r\n\r\n").nth(1).unwrap();
    let call: Value = serde_json::from_str(body).unwrap();
    assert_eq!(call["method"], "alert.get");
    assert_eq!(call["params"], json!({"id": 12}));
}

#[tokio::test]
async fn whoever_is_not_there_is_told_apart_from_whoever_refuses() {
    let nobody = Whom::at("http://127.0.0.1:1", None).unwrap();
    let error = nobody.call("x", json!({})).await.unwrap_err();
    assert_eq!(error.exit(), Exit::NoAnswer);
    assert_eq!(
        error.to_string(),
        "no monitor answers at http://127.0.0.1:1: connection refused; is it running?"
    );
    let error = answered("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(error.unwrap_err().exit(), Exit::Mistake);
    let error = answered("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(error.unwrap_err().exit(), Exit::NoAnswer);
    let error = answered("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await;
    let error = error.unwrap_err();
    assert_eq!(error.exit(), Exit::Failed);
    assert!(
        error.to_string().ends_with("is no monitor: 200 OK hello"),
        "{error}"
    );
    let error = answered("").await.unwrap_err();
    assert_eq!(error.exit(), Exit::NoAnswer, "{error}");
}

#[tokio::test]
async fn a_monitor_that_never_answers_is_not_waited_for_for_ever() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let mut whom = Whom::at(&url, None).unwrap();
    whom.timeout = rem_time::Span::from_millis(50);
    let error = whom.call("x", json!({})).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the monitor at {url} has not answered within 50ms")
    );
    assert_eq!(error.exit(), Exit::NoAnswer);
}

#[test]
fn addresses_that_make_no_sense_are_refused_before_anybody_is_asked() {
    for url in [
        "localhost:2001",
        "ftp://a",
        "http://",
        "http://a/?x=1",
        "http://me:pw@a",
    ] {
        assert!(Whom::at(url, None).is_err(), "{url}");
    }
    let whom = Whom::at("https://[::1]:2001/rem/", None).unwrap();
    assert_eq!((whom.host.as_str(), whom.port), ("::1", 2001));
    assert_eq!(
        (whom.prefix.as_str(), whom.authority().as_str()),
        ("/rem", "[::1]:2001")
    );
}
