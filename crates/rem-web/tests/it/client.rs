//! A client that sends what it is told.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Sends a whole request on a connection of its own; `headers` is lines that each end
/// in `\r\n`.
pub(crate) async fn send(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &str,
    body: &str,
) -> Answer {
    let length = body.len();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\
         content-length: {length}\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that has heard enough answers before all is sent.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let chunked = head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked");
    Answer {
        status,
        head: head.to_owned(),
        body: if chunked {
            joined(body)
        } else {
            body.to_owned()
        },
    }
}

fn joined(chunks: &str) -> String {
    let mut rest = chunks;
    let mut text = String::new();
    while let Some((length, after)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            break;
        }
        text.push_str(&after[..length]);
        rest = &after[length + 2..];
    }
    text
}

pub(crate) async fn get(address: SocketAddr, target: &str) -> Answer {
    send(address, "GET", target, "", "").await
}

pub(crate) async fn post_json(address: SocketAddr, target: &str, body: &Value) -> Answer {
    let headers = "content-type: application/json\r\n";
    send(address, "POST", target, headers, &body.to_string()).await
}

/// Fills in the form of a page: its token, and the cookie that belongs to it.
pub(crate) async fn post_form(
    address: SocketAddr,
    page: &str,
    target: &str,
    fields: &[(&str, &str)],
) -> Answer {
    let shown = get(address, page).await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    let token = shown.body.split("name=\"_csrf\" value=\"").nth(1).unwrap();
    let token = token.split('"').next().unwrap();
    let cookie = shown
        .header("set-cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap();
    let encode =
        |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02x}")).collect() };
    let mut body = format!("_csrf={}", encode(token));
    for (name, value) in fields {
        body.push_str(&format!("&{}={}", encode(name), encode(value)));
    }
    let headers =
        format!("content-type: application/x-www-form-urlencoded\r\ncookie: {cookie}\r\n");
    send(address, "POST", target, &headers, &body).await
}

/// The result of a method, or its error as `(code, message)`.
pub(crate) async fn call(
    address: SocketAddr,
    method: &str,
    params: Value,
) -> Result<Value, (i64, String)> {
    call_as(address, "", method, params).await
}

pub(crate) async fn call_as(
    address: SocketAddr,
    headers: &str,
    method: &str,
    params: Value,
) -> Result<Value, (i64, String)> {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let headers = format!("content-type: application/json\r\n{headers}");
    let answer = send(address, "POST", "/rpc", &headers, &body.to_string()).await;
    let json = answer.json();
    match json.get("error") {
        None => Ok(json["result"].clone()),
        Some(error) => Err((
            error["code"].as_i64().unwrap(),
            error["message"].as_str().unwrap().to_owned(),
        )),
    }
}
