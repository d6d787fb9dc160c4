use rem_check::{Tcp, TcpOptions, Verdict};
use rem_time::Span;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::peer::{full, nobody, reset, serve, silent};
use crate::{expect, expect_part, run};

fn options(target: impl Into<String>) -> TcpOptions {
    TcpOptions {
        deadline: Span::from_seconds(30),
        ..TcpOptions::new(target)
    }
}

fn expecting(target: impl Into<String>, text: &str) -> TcpOptions {
    TcpOptions {
        expect: Some(text.into()),
        ..options(target)
    }
}

async fn ask(options: TcpOptions) -> rem_check::Report {
    run(&Tcp::new(options).unwrap()).await
}

#[tokio::test]
async fn a_connection_is_timed() {
    let peer = silent().await;
    let report = ask(options(peer.to_string())).await;
    expect(&report, Verdict::Ok, &format!("connected to {peer}"));
    assert!(report.value(None, "connect").unwrap() > 0.0);
    assert!(report.value(None, "duration").unwrap() > 0.0);
}

#[tokio::test]
async fn nobody_there_is_named() {
    let peer = nobody().await;
    let report = ask(options(peer.to_string())).await;
    expect(
        &report,
        Verdict::Critical,
        &format!("connection refused by {peer}"),
    );
    assert_eq!(report.value(None, "connect"), None);
}

#[tokio::test]
async fn the_expected_text_is_found_even_across_two_reads() {
    let peer = serve(|mut stream| async move {
        let mut said = [0; 6];
        let _ = stream.read_exact(&mut said).await;
        assert_eq!(&said, b"hello\n");
        let _ = stream.write_all(b"220 wel").await;
        tokio::task::yield_now().await;
        let _ = stream.write_all(b"come\r\n").await;
        std::future::pending::<()>().await;
    })
    .await;
    let options = TcpOptions {
        send: Some(b"hello\n".to_vec()),
        ..expecting(peer.to_string(), "welcome")
    };
    let report = ask(options).await;
    expect(
        &report,
        Verdict::Ok,
        &format!("{peer} answered as expected"),
    );
    assert!(report.value(None, "answer").unwrap() > 0.0);
}

#[tokio::test]
async fn another_text_is_quoted() {
    let peer = serve(|mut stream| async move {
        let _ = stream.write_all(b"554 go away\r\n").await;
    })
    .await;
    let report = ask(expecting(peer.to_string(), "220")).await;
    let message = format!("{peer}: closed without the expected text, it said: 554 go away");
    expect(&report, Verdict::Critical, &message);
}

#[tokio::test]
async fn a_peer_that_does_not_even_connect_ends_with_the_deadline() {
    let (peer, _listener, _queue) = full().await;
    let options = TcpOptions {
        deadline: Span::from_seconds(1),
        ..options(peer.to_string())
    };
    let report = ask(options).await;
    let message = format!("no answer from {peer} within 1s");
    expect(&report, Verdict::Critical, &message);
    assert_eq!(report.value(None, "connect"), None);
}

#[tokio::test]
async fn silence_ends_with_the_deadline() {
    let peer = silent().await;
    let options = TcpOptions {
        deadline: Span::from_seconds(1),
        ..expecting(peer.to_string(), "220")
    };
    let report = ask(options).await;
    let message = format!("the expected text did not come from {peer} within 1s");
    expect(&report, Verdict::Critical, &message);
    assert!(report.value(None, "connect").is_some());
    assert_eq!(report.value(None, "answer"), None);
}

#[tokio::test]
async fn a_flood_without_the_expected_text_ends_at_the_limit() {
    let peer =
        serve(|mut stream| async move { while stream.write_all(&[b'x'; 4096]).await.is_ok() {} })
            .await;
    let report = ask(expecting(peer.to_string(), "220")).await;
    let message = format!("{peer}: the expected text is not in the first 64.0 KiB");
    expect(&report, Verdict::Critical, &message);
}

#[tokio::test]
async fn a_reset_is_told_apart() {
    let peer = serve(|stream| async move { reset(&stream) }).await;
    let report = ask(expecting(peer.to_string(), "220")).await;
    expect_part(&report, Verdict::Critical, "connection reset");
}

#[tokio::test]
async fn a_peer_that_takes_nothing_ends_with_the_deadline() {
    let peer = silent().await;
    let options = TcpOptions {
        deadline: Span::from_seconds(1),
        send: Some(vec![0; 64 * 1024 * 1024]),
        ..options(peer.to_string())
    };
    let message = format!("what was sent was not taken by {peer} within 1s");
    expect(&ask(options).await, Verdict::Critical, &message);
}

#[test]
fn options_that_cannot_work_are_refused_before_the_first_run() {
    let why = |options| Tcp::new(options).unwrap_err().to_string();
    let nowhere = "not a host and a port such as db.example.com:3306: nowhere";
    assert_eq!(why(TcpOptions::new("nowhere")), nowhere);
    assert_eq!(why(expecting("a.example:1", "")), "expect is empty");
}
