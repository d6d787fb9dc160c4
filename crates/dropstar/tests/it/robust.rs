use std::time::Duration;

use dropstar::{Limits, Method, Request, Response, Role, Route, Site};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{answer, ask, closed, get, loopback, send, start, wait_for};

fn site() -> Site {
    Site::new("test")
        .page(Route::get("/"), async |_| Response::text("ok"))
        .page(
            Route::post("/sink").without_form_token(),
            async |request: Request| Response::text(request.body().len().to_string()),
        )
        .page(
            Route::new(Method::PUT, "/small")
                .without_form_token()
                .role(Role::Viewer)
                .body_max(10),
            async |request: Request| Response::text(request.body().len().to_string()),
        )
        .page(Route::get("/never"), async |_| -> Response {
            std::future::pending().await
        })
        .page(Route::get("/large"), async |_| {
            Response::text("x".repeat(64 << 20))
        })
}

/// Time limits so short that a test need not wait long for them.
fn hasty() -> Limits {
    Limits {
        head_time: Duration::from_millis(300),
        body_time: Duration::from_millis(300),
        answer_time: Duration::from_millis(300),
        write_time: Duration::from_millis(300),
        ..Limits::default()
    }
}

#[tokio::test]
async fn ten_megabytes_of_headers_get_431() {
    let (_running, address) = start(loopback().site(site())).await;
    let one_long = format!(
        "GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n",
        "x".repeat(10 << 20)
    );
    assert_eq!(send(address, one_long).await.status, 431);
    let many = "x: y\r\n".repeat(1_700_000);
    let many = format!("GET / HTTP/1.1\r\nhost: localhost\r\n{many}\r\n");
    assert_eq!(send(address, many).await.status, 431);
    assert_eq!(get(address, "/").await.status, 200, "and the server lives");
}

#[tokio::test]
async fn a_long_address_gets_414() {
    let (_running, address) = start(loopback().site(site())).await;
    assert_eq!(
        get(address, &format!("/{}", "x".repeat(9_000)))
            .await
            .status,
        414
    );
    assert_eq!(
        get(address, &format!("/?{}", "x".repeat(8_000)))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_body_above_its_limit_gets_413_announced_or_not() {
    let (_running, address) = start(loopback().site(site())).await;
    let announced =
        "POST /sink HTTP/1.1\r\nhost: localhost\r\ncontent-length: 999999999999\r\n\r\n";
    let refused = send(address, announced).await;
    assert_eq!(refused.status, 413);
    assert!(
        refused.text().contains("1048576 bytes"),
        "{}",
        refused.text()
    );
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let chunked = "POST /sink HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
    let endless = format!("{chunked}{}0\r\n\r\n", chunk.repeat(17));
    assert_eq!(send(address, endless).await.status, 413);
    let fits = format!("{chunked}{}0\r\n\r\n", chunk.repeat(16));
    assert_eq!(send(address, fits).await.text(), "1048576");
    assert_eq!(
        ask(address, "PUT", "/small", "", "0123456789").await.text(),
        "10"
    );
    assert_eq!(
        ask(address, "PUT", "/small", "", "0123456789x")
            .await
            .status,
        413
    );
}

#[tokio::test]
async fn nonsense_gets_400_and_harms_nobody() {
    let (_running, address) = start(loopback().site(site())).await;
    for nonsense in [
        "\r\n\r\nGET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nbad header\r\n\r\n",
        "POST /sink HTTP/1.1\r\nhost: localhost\r\ncontent-length: x\r\n\r\n",
        "POST /sink HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "POST /sink HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ] {
        assert_eq!(send(address, nonsense).await.status, 400, "{nonsense:?}");
    }
    let mut binary = TcpStream::connect(address).await.unwrap();
    binary.write_all(&[0xff; 2_000]).await.unwrap();
    closed(&mut binary).await;
    assert_eq!(get(address, "/").await.status, 200);
}

#[tokio::test]
async fn slow_heads_and_silent_clients_are_hung_up_on() {
    let (running, address) = start(loopback().site(site()).limits(hasty())).await;
    // Nothing at all; the beginning of HTTP/2's greeting; half a head; a whole
    // request and then silence.
    for begin in [
        "",
        "P",
        "PRI * HT",
        "GET / HTTP/1.1\r\nhost: lo",
        "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(begin.as_bytes()).await.unwrap();
        closed(&mut stream).await;
    }
    wait_for(|| running.counters().connections_open == 0).await;
}

#[tokio::test]
async fn a_slow_body_gets_408_and_a_slow_page_504() {
    let (_running, address) = start(loopback().site(site()).limits(hasty())).await;
    let half = "POST /sink HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nhalf";
    assert_eq!(send(address, half).await.status, 408);
    assert_eq!(get(address, "/never").await.status, 504);
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_hung_up_on() {
    let (running, address) = start(loopback().site(site()).limits(hasty())).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "GET /large HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    wait_for(|| running.counters().requests == 1).await;
    wait_for(|| running.counters().connections_open == 0).await;
}

#[tokio::test]
async fn half_open_connections_are_bounded_and_the_next_one_hears_503() {
    let limits = Limits {
        connections: 20,
        ..Limits::default()
    };
    let (running, address) = start(loopback().site(site()).limits(limits)).await;
    let mut held = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HT").await.unwrap();
        held.push(stream);
    }
    wait_for(|| running.counters().connections_open == 20).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert_eq!(answer(&mut stream).await.status, 503);
    assert_eq!(running.counters().connections_refused, 1);
    drop(held);
    wait_for(|| running.counters().connections_open == 0).await;
    assert_eq!(get(address, "/").await.status, 200);
}

#[tokio::test]
async fn too_many_requests_at_once_get_503() {
    let limits = Limits {
        requests: 3,
        ..Limits::default()
    };
    let (running, address) = start(loopback().site(site()).limits(limits)).await;
    let waiting: Vec<_> = (0..3)
        .map(|_| tokio::spawn(async move { get(address, "/never").await }))
        .collect();
    wait_for(|| running.counters().requests_open == 3).await;
    let refused = get(address, "/").await;
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("1"))
    );
    for task in waiting {
        task.abort();
    }
    // A page that only reads stops when its client has gone.
    wait_for(|| running.counters().requests_open == 0).await;
    assert_eq!(get(address, "/").await.status, 200);
}

#[tokio::test]
async fn many_requests_over_one_connection() {
    let (running, address) = start(loopback().site(site())).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    for _ in 0..200 {
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .await
            .unwrap();
        assert_eq!(answer(&mut stream).await.text(), "ok");
    }
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.ends_with(b"ok"));
    assert_eq!(running.counters().connections, 1);
}
