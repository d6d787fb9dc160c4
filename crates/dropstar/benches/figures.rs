//! What a request costs the server, beside a bare hyper server in the same run.
//!
//! The client and the server run on one thread each; the server's thread does
//! nothing but answer, and its CPU time is what is counted.

#![allow(missing_docs, clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use dropstar::{Call, Event, Hub, HubLimits, Listener, Response, Route, Server, Site, Templates};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use rem_bench::{Cost, Report, Who, cpu_time};
use rem_time::SystemClock;
use serde_json::json;

const REQUESTS: u64 = 20_000;
const CONNECTIONS: usize = 16;
const ROUNDS: usize = 3;

fn main() {
    rem_bench::stay_on_one_core();
    let mut report = Report::new(
        "dropstar",
        "all on one core; 20,000 requests over 16 kept connections, one server thread, its CPU, best of 3",
    );
    let bare = Target::start(|| Box::pin(bare_hyper()));
    let ours = Target::start(|| Box::pin(dropstar()));

    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let peer = bare.cost(&get("/"));
    report.row(
        "bare hyper, 13 bytes",
        peer.cpu_ns() / 1e3,
        "us CPU/req",
        "",
    );
    let mut row = |name: &str, request: &str, goal: &str| {
        let cost = ours.cost(request);
        report.row(name, cost.cpu_ns() / 1e3, "us CPU/req", goal);
        report.row(&format!("{name}: per core"), cost.per_core(), "req/s", "");
        report.ratio(
            &format!("{name}: against bare hyper"),
            cost.cpu_ns(),
            peer.cpu_ns(),
            "",
        );
    };
    row("text page", &get("/text"), "<= 50");
    row("small template page", &get("/page"), "<= 50");
    row("its JSON twin", &get("/page.json"), "<= 50");
    row("page on base.html, 3 kB", &get("/whole"), "<= 200");
    row(
        "stylesheet, compressed",
        "GET /assets/rem.css HTTP/1.1\r\nhost: localhost\r\naccept-encoding: gzip\r\n\r\n",
        "<= 50",
    );
    let json = r#"{"jsonrpc":"2.0","id":1,"method":"add","params":[1,2]}"#;
    row("JSON-RPC", &post("application/json", json), "<= 55");
    let xml = "<methodCall><methodName>add</methodName><params><param><value><i4>1</i4></value></param><param><value><i4>2</i4></value></param></params></methodCall>";
    row("XML-RPC", &post("text/xml", xml), "<= 100");

    let (idle, spread) = events();
    report.row(
        "memory of an idle event stream",
        idle,
        "KiB/client",
        "<= 64",
    );
    report.row("event to 1,000 listeners", spread, "us CPU/client", "<= 50");
}

fn post(kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /rpc HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// A server on a thread of its own that can be asked for its CPU time.
struct Target {
    address: SocketAddr,
    ask: tokio::sync::mpsc::UnboundedSender<mpsc::Sender<Duration>>,
}

type Starting = std::pin::Pin<Box<dyn Future<Output = (SocketAddr, Box<dyn std::any::Any>)>>>;

impl Target {
    fn start(server: impl FnOnce() -> Starting + Send + 'static) -> Self {
        let (ask, mut asked) = tokio::sync::mpsc::unbounded_channel::<mpsc::Sender<Duration>>();
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_all().build().unwrap().block_on(async {
                let (address, _kept) = server().await;
                tell.send(address).unwrap();
                while let Some(reply) = asked.recv().await {
                    reply.send(cpu_time(Who::Thread)).unwrap();
                }
            });
        });
        Self {
            address: told.recv().unwrap(),
            ask,
        }
    }

    fn cpu(&self) -> Duration {
        let (reply, replied) = mpsc::channel();
        self.ask.send(reply).unwrap();
        replied.recv().unwrap()
    }

    fn cost(&self, request: &str) -> Cost {
        let mut best: Option<Cost> = None;
        for _ in 0..=ROUNDS {
            let (cpu, wall) = (self.cpu(), Instant::now());
            load(self.address, request);
            let cost = Cost {
                operations: REQUESTS,
                cpu: self.cpu() - cpu,
                wall: wall.elapsed(),
            };
            if best.is_none_or(|best| cost.cpu < best.cpu) {
                best = Some(cost);
            }
        }
        best.unwrap()
    }
}

/// Sends on all connections, then reads from all, again and again.
fn load(address: SocketAddr, request: &str) {
    let mut connections: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let stream = TcpStream::connect(address).unwrap();
            stream.set_nodelay(true).unwrap();
            BufReader::new(stream)
        })
        .collect();
    for _ in 0..REQUESTS / CONNECTIONS as u64 {
        for connection in &mut connections {
            connection.get_mut().write_all(request.as_bytes()).unwrap();
        }
        for connection in &mut connections {
            read_answer(connection);
        }
    }
}

fn read_answer(connection: &mut BufReader<TcpStream>) {
    let mut line = String::new();
    let mut length = 0_u64;
    connection.read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 200"), "{line}");
    loop {
        line.clear();
        connection.read_line(&mut line).unwrap();
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
    }
    let copied = std::io::copy(&mut connection.by_ref().take(length), &mut std::io::sink());
    assert_eq!(copied.unwrap(), length);
}

async fn bare_hyper() -> (SocketAddr, Box<dyn std::any::Any>) {
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = socket.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let service = hyper::service::service_fn(async |_| {
                let body = Full::new(Bytes::from_static(b"hello, world\n"));
                Ok::<_, std::convert::Infallible>(hyper::Response::new(body))
            });
            let builder = hyper::server::conn::http1::Builder::new();
            tokio::spawn(builder.serve_connection(TokioIo::new(stream), service));
        }
    });
    (address, Box::new(()))
}

async fn dropstar() -> (SocketAddr, Box<dyn std::any::Any>) {
    let whole = r#"{% extends "base.html" %}{% from "macros.html" import pill %}
        {% block main %}{{ pill("ok") }}{% endblock %}"#;
    let templates = Templates::new()
        .embedded("page.html", "<!doctype html><title>{{ title }}</title><h1>{{ title }}</h1><ul>{% for item in items %}<li>{{ item.name }}: {{ item.value }}</li>{% endfor %}</ul>")
        .embedded("whole.html", whole);
    let items: Vec<_> = (0..5)
        .map(|n| json!({"name": format!("<item {n}>"), "value": n}))
        .collect();
    let site = Site::new("bench")
        .templates(templates)
        .page(Route::get("/text"), async |_| {
            Response::text("hello, world\n")
        })
        .page(Route::get("/page"), move |_| {
            let data = json!({"title": "Page", "items": items});
            async { Response::view("page.html", data) }
        })
        .page(Route::get("/whole"), async |_| {
            Response::view("whole.html", json!({}))
        })
        .rpc("add", async |call: Call| {
            Ok(json!(call.number(0, "a")? + call.number(1, "b")?))
        });
    let listener = Listener::on(([127, 0, 0, 1], 0)).site(site);
    let running = Server::bind([listener], Arc::new(SystemClock))
        .await
        .unwrap();
    (running.addresses()[0], Box::new(running))
}

/// Memory of one idle listener, and what one event costs for each of them.
fn events() -> (f64, f64) {
    const CLIENTS: usize = 1_000;
    const EVENTS: u32 = 20;
    let hub = Hub::with(HubLimits {
        frame_every: Duration::ZERO,
        ..HubLimits::default()
    });
    let shared = hub.clone();
    let target = Target::start(move || {
        Box::pin(async move {
            let site = Site::new("bench").events(shared);
            let listener = Listener::on(([127, 0, 0, 1], 0)).site(site);
            let running = Server::bind([listener], Arc::new(SystemClock))
                .await
                .unwrap();
            (
                running.addresses()[0],
                Box::new(running) as Box<dyn std::any::Any>,
            )
        })
    });
    let connect = || {
        let mut stream = TcpStream::connect(target.address).unwrap();
        let request = "GET /events?topics=load HTTP/1.1\r\nhost: localhost\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        read_until(&mut stream, "retry: 2000\n\n");
        stream
    };
    let mut clients = vec![connect()];
    let before = resident_kib();
    clients.extend((1..CLIENTS).map(|_| connect()));
    let idle = resident_kib().saturating_sub(before) as f64 / (CLIENTS - 1) as f64;
    let cpu = target.cpu();
    for n in 0..EVENTS {
        hub.publish("load", Event::json(&json!({ "n": n })));
        for client in &mut clients {
            read_until(client, "}\n\n\r\n");
        }
    }
    let spread = target.cpu() - cpu;
    let each = spread.as_secs_f64() * 1e6 / f64::from(EVENTS) / CLIENTS as f64;
    (idle, each)
}

fn read_until(stream: &mut TcpStream, wanted: &str) {
    let mut text = Vec::new();
    let mut piece = [0; 1024];
    while !text
        .windows(wanted.len())
        .any(|w: &[u8]| w == wanted.as_bytes())
    {
        let got = stream.read(&mut piece).unwrap();
        assert!(got > 0);
        text.extend_from_slice(&piece[..got]);
    }
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}
