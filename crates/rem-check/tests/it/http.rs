use std::time::Duration;

use rem_check::{Http, HttpOptions, Report, Verdict};
use rem_time::Span;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::peer::{answering, full, nobody, read_head, reset, serve, silent};
use crate::{expect, expect_part, run};

fn options(url: impl Into<String>) -> HttpOptions {
    HttpOptions {
        deadline: Span::from_seconds(30),
        ..HttpOptions::new(url)
    }
}

/// For peers that make the check wait for its whole deadline.
fn impatient(url: impl Into<String>) -> HttpOptions {
    HttpOptions {
        deadline: Span::from_seconds(1),
        ..HttpOptions::new(url)
    }
}

async fn ask(options: HttpOptions) -> Report {
    run(&Http::new(options).unwrap()).await
}

#[tokio::test]
async fn a_good_answer_has_every_phase_and_its_size() {
    let peer = answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
    let report = ask(options(format!("http://localhost:{}/", peer.port()))).await;
    expect_part(&report, Verdict::Ok, "answered 200 in ");
    for field in ["dns", "connect", "first_byte", "duration"] {
        assert!(report.value(None, field).unwrap() > 0.0, "{field}");
    }
    assert_eq!(report.value(None, "status"), Some(200.0));
    assert_eq!(report.value(None, "size"), Some(5.0));
    assert_eq!(report.value(None, "redirects"), Some(0.0));
    let parts: f64 = ["dns", "connect", "first_byte"]
        .iter()
        .filter_map(|field| report.value(None, field))
        .sum();
    assert!(parts <= report.value(None, "duration").unwrap());
}

#[tokio::test]
async fn nobody_there_is_named() {
    let peer = nobody().await;
    let report = ask(options(format!("http://{peer}/"))).await;
    expect(
        &report,
        Verdict::Critical,
        &format!("connection refused by {peer}"),
    );
    assert_eq!(report.value(None, "connect"), None);
    assert_eq!(report.value(None, "duration"), None);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_named() {
    let report = ask(options("http://no-such-host.invalid/")).await;
    expect_part(
        &report,
        Verdict::Critical,
        "cannot resolve no-such-host.invalid: ",
    );
}

#[tokio::test]
async fn a_peer_that_does_not_even_connect_ends_with_the_deadline() {
    let (peer, _listener, _queue) = full().await;
    let options = HttpOptions {
        deadline: Span::from_seconds(1),
        ..options(format!("http://{peer}/"))
    };
    let report = ask(options).await;
    let message = format!("no answer from {peer} within 1s");
    expect(&report, Verdict::Critical, &message);
    assert_eq!(report.value(None, "connect"), None);
}

#[tokio::test]
async fn silence_ends_with_the_deadline() {
    let peer = silent().await;
    let report = ask(impatient(format!("http://{peer}/"))).await;
    expect(
        &report,
        Verdict::Critical,
        &format!("no answer from {peer} within 1s"),
    );
    assert!(report.value(None, "connect").is_some());
    assert!(report.took < Span::from_seconds(10));
}

#[tokio::test]
async fn a_peer_that_speaks_something_else_is_told_apart() {
    for garbage in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "\0\u{1}\u{2}\u{3}\r\n\r\n",
        "HTTP/1.1 abc\r\n\r\n",
    ] {
        let peer = answering(garbage).await;
        let report = ask(options(format!("http://{peer}/"))).await;
        expect_part(
            &report,
            Verdict::Critical,
            &format!("{peer}: the answer is not HTTP"),
        );
    }
}

#[tokio::test]
async fn a_peer_that_hangs_up_without_an_answer_is_told_apart() {
    let peer = answering("").await;
    let report = ask(options(format!("http://{peer}/"))).await;
    let message = format!("{peer}: connection closed before the answer's end");
    expect(&report, Verdict::Critical, &message);
}

#[tokio::test]
async fn a_body_without_an_end_is_read_up_to_the_limit() {
    let endless = || {
        serve(|mut stream| async move {
            read_head(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
        })
    };
    let limited = HttpOptions {
        read_max: 64 * 1024,
        ..options(format!("http://{}/", endless().await))
    };
    let report = ask(limited.clone()).await;
    expect_part(&report, Verdict::Ok, "answered 200 in ");
    assert_eq!(report.value(None, "size"), None);

    let wanted = HttpOptions {
        contains: Some(b"needle".to_vec()),
        ..limited
    };
    let message = "answered 200, but the first 64.0 KiB of the body does not contain \"needle\"";
    expect(&ask(wanted).await, Verdict::Critical, message);
}

#[tokio::test]
async fn headers_without_an_end_are_refused() {
    let peer = serve(|mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").await;
        while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
    })
    .await;
    let report = ask(options(format!("http://{peer}/"))).await;
    expect(
        &report,
        Verdict::Critical,
        &format!("{peer}: the headers are longer than 256.0 KiB"),
    );
}

#[tokio::test]
async fn many_small_headers_are_refused_too() {
    let peer = serve(|mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream.write_all(b"x: y\r\n").await.is_ok() {}
    })
    .await;
    let report = ask(options(format!("http://{peer}/"))).await;
    assert_eq!(report.verdict, Verdict::Critical, "{report}");
}

#[tokio::test]
async fn a_body_that_drips_ends_with_the_deadline() {
    let peer = serve(|mut stream| async move {
        read_head(&mut stream).await;
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
        let _ = stream.write_all(head).await;
        let mut beat = tokio::time::interval(Duration::from_millis(20));
        while stream.write_all(b"x").await.is_ok() {
            beat.tick().await;
        }
    })
    .await;
    let report = ask(impatient(format!("http://{peer}/"))).await;
    let message = format!("no end of the body from {peer} within 1s");
    expect(&report, Verdict::Critical, &message);
    assert_eq!(report.value(None, "status"), Some(200.0));
    assert!(report.value(None, "first_byte").is_some());
    assert_eq!(report.value(None, "duration"), None);
}

#[tokio::test]
async fn a_reset_in_the_middle_says_how_far_it_came() {
    let peer = serve(|mut stream| async move {
        read_head(&mut stream).await;
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n0123456789";
        let _ = stream.write_all(head).await;
        reset(&stream);
    })
    .await;
    let report = ask(options(format!("http://{peer}/"))).await;
    let message = format!("{peer}: connection reset after 10 B of the body");
    expect(&report, Verdict::Critical, &message);
}

#[tokio::test]
async fn a_body_that_is_shorter_than_announced_is_critical() {
    let peer = answering("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n0123456789").await;
    let report = ask(options(format!("http://{peer}/"))).await;
    expect_part(&report, Verdict::Critical, "after 10 B of the body");
}

#[tokio::test]
async fn the_status_must_be_an_expected_one() {
    let peer = answering("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n").await;
    let report = ask(options(format!("http://{peer}/"))).await;
    expect(&report, Verdict::Critical, "answered 500, expected 200-299");
    assert_eq!(report.value(None, "status"), Some(500.0));
    let expecting = HttpOptions {
        status: "500-503".parse().unwrap(),
        ..options(format!("http://{peer}/"))
    };
    expect_part(&ask(expecting).await, Verdict::Ok, "answered 500");
}

#[tokio::test]
async fn the_body_must_contain_what_is_wanted() {
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nnee!\r\n3\r\ndle\r\n0\r\n\r\n";
    let peer = answering(chunked).await;
    let wanting = |text: &str| HttpOptions {
        contains: Some(text.into()),
        ..options(format!("http://{peer}/"))
    };
    expect_part(&ask(wanting("nee!dle")).await, Verdict::Ok, "answered 200");
    let message = "answered 200, but the body does not contain \"needle\"";
    expect(&ask(wanting("needle")).await, Verdict::Critical, message);
}

#[tokio::test]
async fn method_headers_and_body_arrive_as_they_were_told() {
    let peer = serve(|mut stream| async move {
        let mut said = read_head(&mut stream).await;
        let mut body = [0; 4];
        let _ = stream.read_exact(&mut body).await;
        said.push_str(&String::from_utf8_lossy(&body));
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", said.len());
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.write_all(said.as_bytes()).await;
    })
    .await;
    for part in [
        "PUT /a?b=c HTTP/1.1\r\n",
        "x-one: 1\r\n",
        "x-one: 2\r\n",
        "user-agent: mine\r\n",
        "host: elsewhere.example\r\n",
        "content-length: 4\r\n",
        "\r\n\r\nbody",
    ] {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let report = ask(HttpOptions {
            method: "PUT".into(),
            headers: vec![
                header("X-One", "1"),
                header("x-one", "2"),
                header("User-Agent", "mine"),
                header("Host", "elsewhere.example"),
            ],
            body: b"body".to_vec(),
            contains: Some(part.into()),
            ..options(format!("http://{peer}/a?b=c"))
        })
        .await;
        expect_part(&report, Verdict::Ok, "answered 200");
    }
}

/// Sends `/` to `location`, and answers every other path with its name.
async fn redirecting(status: u16, location: &'static str) -> std::net::SocketAddr {
    serve(move |mut stream| async move {
        let head = read_head(&mut stream).await;
        let request: Vec<&str> = head.split(' ').collect();
        let answer = match request[1] {
            "/" => {
                format!("HTTP/1.1 {status} X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
            }
            path => {
                let body = format!("{} {path}", request[0]);
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )
            }
        };
        let _ = stream.write_all(answer.as_bytes()).await;
    })
    .await
}

#[tokio::test]
async fn redirects_are_followed_and_counted() {
    let peer = redirecting(302, "there?x").await;
    let report = ask(HttpOptions {
        contains: Some(b"GET /there?x".to_vec()),
        ..options(format!("http://{peer}/"))
    })
    .await;
    expect_part(&report, Verdict::Ok, "answered 200");
    assert_eq!(report.value(None, "redirects"), Some(1.0));
}

#[tokio::test]
async fn a_redirected_post_becomes_a_get_unless_the_server_says_repeat() {
    for (status, method) in [(302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")] {
        let peer = redirecting(status, "/there").await;
        let report = ask(HttpOptions {
            method: "POST".into(),
            contains: Some(format!("{method} /there").into_bytes()),
            ..options(format!("http://{peer}/"))
        })
        .await;
        expect_part(&report, Verdict::Ok, "answered 200");
    }
}

#[tokio::test]
async fn a_redirect_can_be_the_answer() {
    let peer = redirecting(301, "/there").await;
    let report = ask(HttpOptions {
        redirects: 0,
        status: "301".parse().unwrap(),
        ..options(format!("http://{peer}/"))
    })
    .await;
    expect_part(&report, Verdict::Ok, "answered 301");
}

#[tokio::test]
async fn a_redirect_in_a_circle_ends() {
    let peer = redirecting(302, "/").await;
    let report = ask(options(format!("http://{peer}/"))).await;
    let message = format!("more than 5 redirects, the last from http://{peer}/ to /");
    expect(&report, Verdict::Critical, &message);
    assert_eq!(report.value(None, "redirects"), Some(5.0));
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_quoted() {
    let peer = redirecting(302, "gopher://x").await;
    let report = ask(options(format!("http://{peer}/"))).await;
    expect_part(
        &report,
        Verdict::Critical,
        "redirects to \"gopher://x\", which is no URL",
    );
}

#[tokio::test]
async fn a_secret_is_not_carried_to_another_server() {
    let other = serve(|mut stream| async move {
        let head = read_head(&mut stream).await;
        let status = if head.contains("secret") { 500 } else { 200 };
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
        let _ = stream.write_all(answer.as_bytes()).await;
    })
    .await;
    let first = answering(format!(
        "HTTP/1.1 302 X\r\nLocation: http://{other}/\r\nContent-Length: 0\r\n\r\n"
    ))
    .await;
    let report = ask(HttpOptions {
        headers: vec![("Authorization".into(), "Bearer secret".into())],
        ..options(format!("http://{first}/"))
    })
    .await;
    expect_part(&report, Verdict::Ok, "answered 200");
}

#[tokio::test]
async fn options_that_cannot_work_are_refused_before_the_first_run() {
    let why = |options| Http::new(options).unwrap_err().to_string();
    assert_eq!(
        why(options("ftp://a.example/")),
        "not a URL to check: ftp://a.example/: its scheme is neither http nor https"
    );
    let method = HttpOptions {
        method: "GET /".into(),
        ..options("http://a.example/")
    };
    assert_eq!(why(method), "not an HTTP method: GET /");
    let header = HttpOptions {
        headers: vec![("X-Bad".into(), "a\nb".into())],
        ..options("http://a.example/")
    };
    assert_eq!(why(header), "not a valid header: X-Bad");
}

#[tokio::test]
async fn no_damaged_answer_makes_it_panic_or_wait() {
    let whole = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\
                  Set-Cookie: a=b\r\n\r\n4\r\nwiki\r\n6;x=y\r\npedia \r\n0\r\nX-Trailer: 1\r\n\r\n";
    // Every byte in turn is changed in a way of its own.
    for place in 0..whole.len() {
        let mut answer = whole.to_vec();
        answer[place] = answer[place].wrapping_add((place * 37 % 255) as u8 + 1);
        let peer = answering(answer).await;
        let report = ask(options(format!("http://{peer}/"))).await;
        assert!(!report.message.is_empty());
        assert!(!report.message.contains("within 30s"), "{place}: {report}");
    }
}
