//! Webhooks to a receiver that answers, refuses, redirects and hangs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rem_notify::{Body, Contact, Post, PostOffice, SendError, Sent, Template, Webhook};
use ring::hmac;
use serde_json::json;

use crate::receiver::Receiver;
use crate::tls::Identity;
use crate::{PATIENCE, page};

async fn send(office: &PostOffice, url: &str) -> Result<Sent, SendError> {
    let contact = Contact::webhook(url).unwrap();
    office
        .send(&page("web-down/web 01.1"), &contact, PATIENCE)
        .await
}

#[tokio::test]
async fn a_receiver_gets_the_message_its_id_and_a_signature() {
    let receiver = Receiver::start().await;
    let webhook = Webhook::new(&receiver.url("/ok?x=1"))
        .unwrap()
        .header("Authorization", "Bearer t0psecret")
        .unwrap()
        .signed_with("k3y");
    let office = PostOffice::new();
    let contact = Contact::Webhook(webhook);
    for _ in 0..2 {
        let sent = office
            .send(&page("web-down/web 01.1"), &contact, PATIENCE)
            .await
            .unwrap();
        assert_eq!(sent.provider_id.as_deref(), Some("m-1"));
        assert_eq!(sent.detail, r#"200 OK: {"id":"m-1"}"#);
    }
    let got = receiver.got();
    assert_eq!(
        got[0].headers, got[1].headers,
        "every attempt is the same request"
    );
    assert_eq!(got[0].body, got[1].body);
    let got = &got[0];
    assert_eq!(got.path, "/ok");
    assert_eq!(got.headers["authorization"], "Bearer t0psecret");
    assert_eq!(got.headers["idempotency-key"], "web-down/web=2001.1");
    assert_eq!(got.headers["content-type"], "application/json");
    assert_eq!(got.headers["x-rem-kind"], "page");
    let signature = got.headers["x-rem-signature"]
        .strip_prefix("sha256=")
        .unwrap();
    let bytes: Vec<u8> = (0..signature.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&signature[at..at + 2], 16).unwrap())
        .collect();
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"k3y");
    hmac::verify(&key, &got.body, &bytes).unwrap();
    assert_eq!(got.json()["subject"], "web-01 does not answer");
    assert_eq!(receiver.connections(), 1, "the connection is kept");
}

#[tokio::test]
async fn the_answer_decides_whether_to_try_again() {
    let receiver = Receiver::start().await;
    let office = PostOffice::new();
    for status in ["500", "502", "503", "408"] {
        let error = send(&office, &receiver.url(&format!("/{status}")))
            .await
            .unwrap_err();
        assert!(
            error.is_temporary() && error.text.contains(status),
            "{error}"
        );
    }
    for status in ["400", "401", "404", "410"] {
        let error = send(&office, &receiver.url(&format!("/{status}")))
            .await
            .unwrap_err();
        assert!(
            !error.is_temporary() && error.text.contains(status),
            "{error}"
        );
    }
    let error = send(&office, &receiver.url("/429")).await.unwrap_err();
    assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
    assert_eq!(error.text, "429 Too Many Requests: slow down");
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn a_receiver_that_was_starting_gets_the_message_the_second_time() {
    let receiver = Receiver::start().await;
    let office = PostOffice::new();
    let error = send(&office, &receiver.url("/flaky")).await.unwrap_err();
    assert!(error.is_temporary());
    send(&office, &receiver.url("/flaky")).await.unwrap();
    let got = receiver.got();
    assert_eq!(
        got[0].headers["idempotency-key"],
        got[1].headers["idempotency-key"]
    );
}

#[tokio::test]
async fn a_redirect_is_a_mistake_of_the_contact() {
    let receiver = Receiver::start().await;
    let error = send(&PostOffice::new(), &receiver.url("/redirect"))
        .await
        .unwrap_err();
    assert_eq!(
        error,
        SendError::permanent("redirects are not followed: 302 Found")
    );
    assert_eq!(receiver.got().len(), 1);
}

#[tokio::test]
async fn a_receiver_that_hangs_costs_its_deadline_and_nobody_elses() {
    let receiver = Receiver::start().await;
    let office = PostOffice::new();
    let hang = Contact::webhook(&receiver.url("/hang")).unwrap();
    let short = Duration::from_millis(200);
    let (began, message, url) = (Instant::now(), page("1"), receiver.url("/ok"));
    let (hung, ok) = tokio::join!(office.send(&message, &hang, short), send(&office, &url));
    assert_eq!(
        hung.unwrap_err(),
        SendError::temporary("no answer within 200.0ms")
    );
    assert!(ok.is_ok() && began.elapsed() < PATIENCE);
    send(&office, &receiver.url("/ok")).await.unwrap();
}

#[tokio::test]
async fn a_receiver_that_hangs_gets_no_more_connections_than_it_may() {
    let receiver = Receiver::start().await;
    let office = Arc::new(PostOffice::new());
    let hang = Contact::webhook(&receiver.url("/hang")).unwrap();
    let mut hanging = tokio::task::JoinSet::new();
    for _ in 0..PostOffice::CONNECTIONS_MAX {
        let (office, hang) = (Arc::clone(&office), hang.clone());
        hanging.spawn(async move { office.send(&page("1"), &hang, PATIENCE).await });
    }
    receiver.wait_for(PostOffice::CONNECTIONS_MAX).await;
    let (message, short) = (page("2"), Duration::from_millis(100));
    let error = office.send(&message, &hang, short).await.unwrap_err();
    assert_eq!(error, SendError::temporary("all 32 connections were busy"));
    // Another receiver is not kept waiting, and neither is this one when it is let go.
    let other = Receiver::start().await;
    send(&office, &other.url("/ok")).await.unwrap();
    hanging.shutdown().await;
    send(&office, &receiver.url("/ok")).await.unwrap();
}

#[tokio::test]
async fn a_connection_the_receiver_closes_loses_nothing() {
    let receiver = Receiver::start().await;
    let office = PostOffice::new();
    for _ in 0..5 {
        let sent = send(&office, &receiver.url("/goodbye")).await.unwrap();
        assert_eq!(sent.detail, "200 OK: bye");
    }
    assert_eq!(receiver.got().len(), 5);
}

#[tokio::test]
async fn of_a_long_answer_the_beginning_is_kept() {
    let receiver = Receiver::start().await;
    let sent = send(&PostOffice::new(), &receiver.url("/long"))
        .await
        .unwrap();
    assert_eq!(sent.detail.len(), "200 OK: ".len() + 500);
}

#[tokio::test]
async fn an_answer_that_repeats_secrets_is_kept_without_them() {
    let receiver = Receiver::start().await;
    let webhook = Webhook::new(&receiver.url("/echo?key=s3cret")).unwrap();
    let webhook = webhook.header("Authorization", "Bearer t0psecret").unwrap();
    let sending = PostOffice::new();
    let message = page("1");
    let contact = Contact::Webhook(webhook);
    let error = sending
        .send(&message, &contact, PATIENCE)
        .await
        .unwrap_err();
    assert_eq!(error.text, "403 Forbidden: no hook ••• for •••");
}

#[tokio::test]
async fn nobody_there_is_a_matter_of_time() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let office = PostOffice::new();
    let error = send(&office, &format!("http://127.0.0.1:{port}/s3cret"))
        .await
        .unwrap_err();
    assert!(
        error.is_temporary() && error.text.contains("refused"),
        "{error}"
    );
    let error = send(&office, "http://no-such-host.invalid/s3cret")
        .await
        .unwrap_err();
    assert!(
        error.is_temporary() && !error.text.contains("s3cret"),
        "{error}"
    );
}

#[tokio::test]
async fn tls_is_checked_against_who_is_trusted() {
    let identity = Identity::new();
    let receiver = Receiver::start_with_tls(&identity).await;
    let url = format!("https://127.0.0.1:{}/ok", receiver.port);
    let error = send(&PostOffice::new(), &url).await.unwrap_err();
    assert!(
        error.is_temporary() && error.text.contains("certificate"),
        "{error}"
    );
    let office = PostOffice::new().trust(&identity.trust());
    send(&office, &url).await.unwrap();
    send(&office, &url).await.unwrap();
    assert_eq!(receiver.got().len(), 2);
    assert_eq!(receiver.connections(), 2, "one was refused, one is kept");
}

#[tokio::test]
async fn a_template_makes_the_body() {
    let receiver = Receiver::start().await;
    let template = Template::new(
        r#"{"say": {{ subject }}, "n": {{ data.n }}}"#,
        "application/json",
    );
    let body = Body::Custom(template.unwrap());
    let webhook = Webhook::new(&receiver.url("/ok")).unwrap().body(body);
    let mut message = page("1");
    message.json = json!({"n": 7});
    let office = PostOffice::new();
    office
        .send(&message, &Contact::Webhook(webhook), PATIENCE)
        .await
        .unwrap();
    let expected = json!({"say": "web-01 does not answer", "n": 7});
    assert_eq!(receiver.got()[0].json(), expected);
}
