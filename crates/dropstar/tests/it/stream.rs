use std::fs;
use std::time::Duration;

use dropstar::{Event, Hub, HubLimits, Limits, Response, Route, Site};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{PATIENCE, closed, get, loopback, start, wait_for};

async fn listen(address: std::net::SocketAddr, query: &str, headers: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /events?{query} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads until `wanted` was sent; gives everything up to there.
async fn until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut bytes = Vec::new();
    let reading = async {
        loop {
            let text = String::from_utf8_lossy(&bytes);
            if text.contains(wanted) {
                return;
            }
            let mut piece = [0; 8192];
            let got = stream.read(&mut piece).await.unwrap();
            assert!(got > 0, "ended before {wanted:?}: {text}");
            bytes.extend_from_slice(&piece[..got]);
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_browser_that_comes_back_misses_nothing() {
    let hub = Hub::with(HubLimits {
        frame_every: Duration::ZERO,
        ..HubLimits::default()
    });
    let (_running, address) = start(loopback().site(Site::new("live").events(hub.clone()))).await;
    let mut stream = listen(address, "topics=load,disk", "").await;
    let head = until(&mut stream, ": connected\nretry: 2000\n\n").await;
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    hub.publish("load", Event::json(&json!({"one": 0.5})));
    let text = until(&mut stream, "\n\n").await;
    assert!(text.contains("event: load\ndata: {\"one\":0.5}"), "{text}");
    let id = text
        .split("id: ")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap()
        .to_owned();
    drop(stream);
    hub.publish("disk", Event::fragment("<p id=\"disk\">full</p>"));
    let mut again = listen(
        address,
        "topics=load,disk",
        &format!("last-event-id: {id}\r\n"),
    )
    .await;
    let text = until(&mut again, "full</p>").await;
    assert!(
        !text.contains("0.5") && !text.contains("event: disk"),
        "{text}"
    );
    let mut since = listen(address, &format!("topics=disk&since={id}"), "").await;
    until(&mut since, "full</p>").await;
}

#[tokio::test]
async fn a_thousand_idle_listeners_cost_bounded_memory() {
    const CLIENTS: usize = 1_000;
    allow_many_files();
    let hub = Hub::with(HubLimits {
        frame_every: Duration::ZERO,
        ..HubLimits::default()
    });
    let (running, address) = start(loopback().site(Site::new("live").events(hub.clone()))).await;
    // One first, so that what is set up once is not counted.
    let mut clients = vec![listen(address, "topics=load", "").await];
    wait_for(|| running.counters().streams_open == 1).await;
    let before = resident_kib();
    for _ in 1..CLIENTS {
        clients.push(listen(address, "topics=load", "").await);
    }
    wait_for(|| running.counters().streams_open == CLIENTS as u64).await;
    for client in &mut clients {
        until(client, ": connected").await;
    }
    let idle = resident_kib().saturating_sub(before);
    assert!(idle < 64 * 1024, "{idle} KiB for {CLIENTS} idle listeners");
    // Nobody reads, and 200 MB are published: nothing of it may pile up.
    let payload = "x".repeat(100_000);
    for _ in 0..2_000 {
        hub.publish("load", Event::text(payload.clone()));
    }
    for client in clients.iter_mut().take(3) {
        until(client, "event: resync\ndata: load\n\n").await;
    }
    hub.publish("load", Event::text("the end"));
    for client in clients.iter_mut().take(3) {
        until(client, "the end").await;
    }
    let busy = resident_kib().saturating_sub(before);
    assert!(busy < 256 * 1024, "{busy} KiB after 200 MB were published");
    drop(clients);
    wait_for(|| running.counters().streams_open == 0).await;
}

/// Both ends of each connection are ours, and a shell often allows 1,024 files.
fn allow_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    let all = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, all).unwrap();
}

/// Memory this process holds.
fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn one_stream_too_many_gets_503() {
    let limits = Limits {
        streams: 2,
        ..Limits::default()
    };
    let site = Site::new("live").events(Hub::new());
    let (running, address) = start(loopback().site(site).limits(limits)).await;
    let _held = [
        listen(address, "topics=a", "").await,
        listen(address, "topics=a", "").await,
    ];
    wait_for(|| running.counters().streams_open == 2).await;
    assert_eq!(get(address, "/events?topics=a").await.status, 503);
}

#[tokio::test]
async fn a_shutdown_ends_streams_and_lets_requests_finish() {
    let (enter, entered) = tokio::sync::oneshot::channel::<()>();
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let gates = std::sync::Mutex::new(Some((enter, released)));
    let site = Site::new("live")
        .events(Hub::new())
        .page(Route::get("/work"), move |_| {
            let gates = gates.lock().unwrap().take().unwrap();
            async move {
                gates.0.send(()).unwrap();
                gates.1.await.unwrap();
                Response::text("done")
            }
        });
    let (running, address) = start(loopback().site(site)).await;
    let mut stream = listen(address, "topics=a", "").await;
    until(&mut stream, ": connected").await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let working = tokio::spawn(async move { get(address, "/work").await });
    entered.await.unwrap();
    let shutting = tokio::spawn(running.shutdown(PATIENCE));
    // The stream ends although the work has not.
    closed(&mut stream).await;
    closed(&mut idle).await;
    assert!(TcpStream::connect(address).await.is_err() || !shutting.is_finished());
    release.send(()).unwrap();
    assert_eq!(working.await.unwrap().text(), "done");
    assert!(shutting.await.unwrap(), "nothing had to be cut off");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut_off() {
    let site = Site::new("x").page(Route::get("/never"), async |_| -> Response {
        std::future::pending().await
    });
    let (running, address) = start(loopback().site(site)).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET /never HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    wait_for(|| running.counters().requests_open == 1).await;
    assert!(!running.shutdown(Duration::from_millis(50)).await);
    closed(&mut stream).await;
}
