//! Alertmanager's body beside what a real Alertmanager posts for the same alert.

use std::process::{Child, Command, Stdio};

use rem_notify::{Body, Contact, Kind, Outgoing, Post, PostOffice, Webhook};
use rem_time::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::PATIENCE;
use crate::receiver::{Got, Receiver};

const PROGRAM: &str = "/usr/bin/prometheus-alertmanager";

struct Alertmanager {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Alertmanager {
    async fn start(receiver: &Receiver) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("am.yml");
        let url = receiver.url("/theirs");
        let text = format!(
            "route: {{receiver: ann, group_by: [alertname], group_wait: 1s, group_interval: 1s}}\n\
             receivers:\n- name: ann\n  webhook_configs: [{{url: '{url}', send_resolved: true}}]\n"
        );
        std::fs::write(&file, text).unwrap();
        let port = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        };
        let process = Command::new(PROGRAM)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--web.external-url=https://rem.example.com/")
            .arg("--cluster.listen-address=")
            .arg("--log.level=error")
            .stderr(Stdio::inherit())
            .spawn()
            .expect("Alertmanager is there (Debian package prometheus-alertmanager)");
        let started = Self {
            process,
            port,
            _folder: folder,
        };
        let ready = async {
            while started
                .request("GET /-/ready", "")
                .await
                .is_none_or(|answer| !answer.contains(" 200 "))
            {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, ready)
            .await
            .expect("it gets ready");
        started
    }

    async fn request(&self, line: &str, body: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.ok()?;
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nHost: am\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer)
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Two alerts: one fires, one is over.
fn alerts() -> Value {
    json!([
        {"labels": {"alertname": "web-down", "machine": "web-01", "note": "\u{fc}ber \"x\""},
         "annotations": {"summary": "no answer", "n": "1"},
         "startsAt": "2026-01-02T03:04:05.678Z", "generatorURL": "https://rem.example.com/e/1"},
        {"labels": {"alertname": "web-down", "machine": "web-02"},
         "annotations": {"summary": "no answer", "n": "2"},
         "startsAt": "2026-01-02T03:04:05.678Z", "generatorURL": "https://rem.example.com/e/2"},
    ])
}

/// The same alerts as `Outgoing::json` has them.
fn ours() -> Value {
    let alerts = alerts();
    let alerts: Vec<Value> = alerts
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| {
            json!({
                "labels": alert["labels"], "annotations": alert["annotations"], "status": "firing",
                "starts_at": alert["startsAt"], "url": alert["generatorURL"],
            })
        })
        .collect();
    json!({"receiver": "ann", "external_url": "https://rem.example.com", "alerts": alerts})
}

/// The order of alerts in a group is theirs to choose.
fn sorted(mut body: Value) -> Value {
    let alerts = body["alerts"].as_array_mut().unwrap();
    alerts.sort_by_key(|alert| alert["fingerprint"].to_string());
    body
}

#[tokio::test]
async fn our_body_is_alertmanagers_field_by_field() {
    let receiver = Receiver::start().await;
    let alertmanager = Alertmanager::start(&receiver).await;
    let answer = alertmanager
        .request("POST /api/v2/alerts", &alerts().to_string())
        .await;
    assert!(answer.as_deref().unwrap().contains(" 200 "), "{answer:?}");
    // It may begin with one of them and send the whole group after.
    let both = |body: &Value| {
        body["alerts"]
            .as_array()
            .is_some_and(|alerts| alerts.len() == 2)
    };
    let theirs = receiver
        .wait_until(|got| got.iter().map(Got::json).find(both))
        .await;
    let theirs = sorted(theirs);

    let mut message = Outgoing::new("d.1", Kind::Digest, "2 alerts", "…", Timestamp::EPOCH);
    message.json = ours();
    let webhook = Webhook::new(&receiver.url("/ours"))
        .unwrap()
        .body(Body::Alertmanager);
    let office = PostOffice::new();
    office
        .send(&message, &Contact::Webhook(webhook), PATIENCE)
        .await
        .unwrap();
    let got = receiver.got();
    let ours = got.iter().find(|got| got.path == "/ours").unwrap();
    let ours = sorted(ours.json());

    for (name, value) in theirs.as_object().unwrap() {
        // Newer ones tell why they send; 0.25 does not.
        if name != "notification_reason" {
            assert_eq!(&ours[name], value, "{name}");
        }
    }
    for name in ours.as_object().unwrap().keys() {
        assert!(theirs.get(name).is_some(), "{name} is ours alone");
    }
}

#[tokio::test]
async fn what_is_over_is_told_as_alertmanager_tells_it() {
    let receiver = Receiver::start().await;
    let alertmanager = Alertmanager::start(&receiver).await;
    let mut alert = alerts()[1].clone();
    let post = |alert: &Value| json!([alert]).to_string();
    alertmanager
        .request("POST /api/v2/alerts", &post(&alert))
        .await
        .unwrap();
    receiver.wait_for(1).await;
    alert["endsAt"] = "2026-01-02T04:04:05.5Z".into();
    alertmanager
        .request("POST /api/v2/alerts", &post(&alert))
        .await
        .unwrap();
    let theirs = receiver.wait_for(2).await[1].json();

    let mut message = Outgoing::new("r.1", Kind::Recovery, "over", "…", Timestamp::EPOCH);
    message.json = ours();
    let alerts = message.json["alerts"].as_array_mut().unwrap();
    alerts.remove(0);
    alerts[0]["status"] = "resolved".into();
    alerts[0]["ends_at"] = alert["endsAt"].clone();
    let webhook = Webhook::new(&receiver.url("/ours"))
        .unwrap()
        .body(Body::Alertmanager);
    let office = PostOffice::new();
    office
        .send(&message, &Contact::Webhook(webhook), PATIENCE)
        .await
        .unwrap();
    let ours = receiver.wait_for(3).await[2].json();
    assert_eq!(theirs["status"], "resolved");
    assert_eq!(ours, theirs);
}
