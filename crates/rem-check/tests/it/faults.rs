//! Kept connections that break, bodies that lie, and peers that hold a
//! handshake up.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rem_check::{
    Http, HttpAssertion, HttpOptions, HttpVersion, Report, StartTls, Tcp, TcpExpect, TcpOptions,
    TcpStep, TcpTls, TlsCert, TlsCertOptions, Verdict, Verify,
};
use rem_time::Span;
use tokio::io::AsyncWriteExt;

use crate::peer::{answering, nobody, read_head, reset, serve, silent};
use crate::{expect, expect_part, run};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn kept(peer: SocketAddr) -> HttpOptions {
    HttpOptions {
        fresh: false,
        deadline: Span::from_seconds(30),
        ..HttpOptions::new(format!("http://{peer}/"))
    }
}

/// A server that answers `good` requests of a connection and resets it at the
/// next; and how many connections there were.
async fn resetting(good: usize) -> (SocketAddr, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let peer = serve(move |mut stream| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            for _ in 0..good {
                if read_head(&mut stream).await.is_empty() {
                    return;
                }
                let _ = stream.write_all(OK).await;
            }
            read_head(&mut stream).await;
            reset(&stream);
        }
    });
    (peer.await, count)
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closed_is_replaced() {
    let peer = answering(OK).await;
    let check = Http::new(kept(peer)).unwrap();
    for _ in 0..3 {
        let report = run(&check).await;
        expect_part(&report, Verdict::Ok, "answered 200 in ");
        assert!(report.value(None, "connect").is_some());
    }
}

#[tokio::test]
async fn a_kept_connection_that_breaks_under_a_question_is_replaced() {
    let (peer, connections) = resetting(1).await;
    let check = Http::new(kept(peer)).unwrap();
    for run_number in 1..=3 {
        expect_part(&run(&check).await, Verdict::Ok, "answered 200 in ");
        assert_eq!(connections.load(Ordering::Relaxed), run_number);
    }
}

#[tokio::test]
async fn what_may_not_be_asked_twice_is_not() {
    let (peer, connections) = resetting(1).await;
    let options = HttpOptions {
        method: "POST".into(),
        ..kept(peer)
    };
    let check = Http::new(options).unwrap();
    expect_part(&run(&check).await, Verdict::Ok, "answered 200 in ");
    expect_part(&run(&check).await, Verdict::Critical, "connection ");
    assert_eq!(connections.load(Ordering::Relaxed), 1);
    expect_part(&run(&check).await, Verdict::Ok, "answered 200 in ");
}

#[tokio::test]
async fn a_fresh_connection_that_breaks_is_critical_at_once() {
    let (peer, connections) = resetting(0).await;
    let report = run(&Http::new(kept(peer)).unwrap()).await;
    expect_part(&report, Verdict::Critical, "connection reset");
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_connection_whose_answer_was_cut_off_is_not_kept() {
    let (peer, connections) = resetting(9).await;
    let options = HttpOptions {
        read_max: 1,
        ..kept(peer)
    };
    let check = Http::new(options).unwrap();
    for _ in 0..3 {
        expect_part(&run(&check).await, Verdict::Ok, "answered 200 in ");
    }
    assert_eq!(connections.load(Ordering::Relaxed), 3);
}

/// An answer that says it is gzip.
fn packed(body: &[u8]) -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ";
    let mut answer = format!("{head}{}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

async fn ask_for(answer: Vec<u8>, assertion: HttpAssertion) -> Report {
    let options = HttpOptions {
        assertions: vec![assertion],
        ..kept(answering(answer).await)
    };
    run(&Http::new(options).unwrap()).await
}

#[tokio::test]
async fn a_packed_body_that_grows_without_end_stops_at_the_limit() {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..50 {
        packer.write_all(&vec![b' '; 1024 * 1024]).unwrap();
    }
    let body = packer.finish().unwrap();
    let json = HttpAssertion::Json("$".parse().unwrap());
    let report = ask_for(packed(&body), json).await;
    let expected = "the body is longer than 1.0 MiB, too long to read as JSON";
    expect_part(&report, Verdict::Critical, expected);
    assert_eq!(report.value(None, "size"), Some(body.len() as f64));
}

#[tokio::test]
async fn a_body_that_is_not_packed_as_it_says_is_critical() {
    let text = || HttpAssertion::BodyContains(b"ok".to_vec());
    let report = ask_for(packed(b"ok and more than a header"), text()).await;
    expect_part(
        &report,
        Verdict::Critical,
        "the body is not gzip as it says: ",
    );
    let report = ask_for(packed(b"\x1f\x8b\x08\0\0\0\0\0"), text()).await;
    expect_part(
        &report,
        Verdict::Critical,
        "the body is not gzip as it says: ",
    );
    let report = ask_for(packed(b""), text()).await;
    expect_part(&report, Verdict::Critical, "does not contain \"ok\"");
}

#[tokio::test]
async fn json_nested_without_end_is_no_json() {
    let body = "[".repeat(200_000);
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let json = HttpAssertion::Json("$[0]".parse().unwrap());
    let report = ask_for(answer.into_bytes(), json).await;
    let expected = "the body is not JSON: recursion limit exceeded";
    expect_part(&report, Verdict::Critical, expected);
}

#[tokio::test]
async fn garbage_in_place_of_http2_is_told_apart() {
    for answer in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        vec![0xff; 100_000],
    ] {
        let options = HttpOptions {
            version: HttpVersion::Http2,
            ..kept(answering(answer).await)
        };
        let report = run(&Http::new(options).unwrap()).await;
        assert_eq!(report.verdict, Verdict::Critical, "{report}");
        assert_eq!(report.value(None, "status"), None);
    }
}

fn certificate(peer: SocketAddr, start: Option<StartTls>, deadline: Span) -> TlsCert {
    let options = TlsCertOptions {
        start,
        verify: Verify::Off,
        deadline,
        ..TlsCertOptions::new(peer.to_string())
    };
    TlsCert::new(options).unwrap()
}

#[tokio::test]
async fn peers_without_a_certificate_are_told_apart() {
    let patient = Span::from_seconds(30);
    let ask = async |peer, start, deadline| run(&certificate(peer, start, deadline)).await;
    let peer = nobody().await;
    let message = format!("connection refused by {peer}");
    expect(&ask(peer, None, patient).await, Verdict::Critical, &message);

    let peer = silent().await;
    let soon = Span::from_millis(300);
    let message = format!("no TLS handshake from {peer} within 300ms");
    let report = ask(peer, None, soon).await;
    expect(&report, Verdict::Critical, &message);
    assert!(report.value(None, "connect").is_some());
    assert_eq!(report.value(None, "certificate_days"), None);
    let message = format!("no consent to encryption from {peer} within 300ms");
    let report = ask(peer, Some(StartTls::Imap), soon).await;
    expect(&report, Verdict::Critical, &message);

    let peer = serve(|stream| async move { reset(&stream) }).await;
    let report = ask(peer, None, patient).await;
    expect_part(&report, Verdict::Critical, "connection reset");

    for garbage in [
        vec![0x16; 70_000],
        vec![0; 70_000],
        b"220 hello\r\n".to_vec(),
    ] {
        let peer = serve(move |mut stream| {
            let garbage = garbage.clone();
            async move {
                let _ = stream.write_all(&garbage).await;
                std::future::pending::<()>().await;
            }
        });
        let report = ask(peer.await, None, patient).await;
        expect_part(&report, Verdict::Critical, "the server does not speak TLS");
    }
}

#[tokio::test]
async fn a_flood_before_the_handshake_ends_at_the_limit() {
    for start in [
        StartTls::Smtp,
        StartTls::Imap,
        StartTls::Pop3,
        StartTls::Xmpp,
    ] {
        let peer =
            serve(
                |mut stream| async move { while stream.write_all(&[b'2'; 4096]).await.is_ok() {} },
            );
        let report = run(&certificate(
            peer.await,
            Some(start),
            Span::from_seconds(30),
        ))
        .await;
        expect_part(&report, Verdict::Critical, "it said more than 16.0 KiB");
    }
}

fn step(send: &str, pattern: &str) -> TcpStep {
    TcpStep {
        send: Some(send.into()),
        expect: Some(TcpExpect::Pattern(pattern.into())),
    }
}

#[tokio::test]
async fn a_step_looks_only_behind_the_one_before() {
    let peer = serve(|mut stream| async move {
        let _ = stream.write_all(b"one two three").await;
    });
    let options = TcpOptions {
        expect: Some(b"two".to_vec()),
        steps: vec![step("", "three$"), step("", "one")],
        deadline: Span::from_seconds(30),
        ..TcpOptions::new(peer.await.to_string())
    };
    let report = run(&Tcp::new(options).unwrap()).await;
    let expected = "step 3 of 3: closed without the expected text, it said nothing";
    expect_part(&report, Verdict::Critical, expected);
}

#[tokio::test]
async fn a_pattern_is_found_in_a_long_text_that_drips() {
    let peer = serve(|mut stream| async move {
        let _ = stream.write_all(&[b'x'; 30_000]).await;
        for byte in *b"the end" {
            tokio::task::yield_now().await;
            let _ = stream.write_all(&[byte]).await;
        }
        std::future::pending::<()>().await;
    });
    let options = TcpOptions {
        steps: vec![step("", "the e[n]d$")],
        deadline: Span::from_seconds(30),
        ..TcpOptions::new(peer.await.to_string())
    };
    let report = run(&Tcp::new(options).unwrap()).await;
    expect_part(&report, Verdict::Ok, "answered as expected");
}

#[tokio::test]
async fn a_tcp_peer_that_does_not_encrypt_at_once_is_told_apart() {
    let peer = serve(|mut stream| async move {
        let _ = stream.write_all(b"* OK ready\r\n").await;
        std::future::pending::<()>().await;
    });
    let peer = peer.await;
    let options = TcpOptions {
        tls: TcpTls::AtOnce,
        verify: Verify::Off,
        deadline: Span::from_seconds(30),
        ..TcpOptions::new(peer.to_string())
    };
    let report = run(&Tcp::new(options).unwrap()).await;
    let message = format!("{peer}: the server does not speak TLS");
    expect(&report, Verdict::Critical, &message);
}
