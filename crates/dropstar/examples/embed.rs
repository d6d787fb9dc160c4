//! A page with a live counter and a method to call: the shortest honest program.
//!
//! `cargo run -p dropstar --example embed -- [PORT [SECONDS]]`, then open the printed address and call
//! `curl -H 'content-type: application/json' -d
//! '{"jsonrpc":"2.0","id":1,"method":"count.add","params":{"by":5}}' <address>/rpc`.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use dropstar::{Call, Event, Hub, Listener, Request, Response, Route, Server, Site, Templates};
use rem_time::SystemClock;
use serde_json::json;

const PAGE: &str = r#"{% extends "base.html" %}
{% from "macros.html" import figure, pill %}
{% block body_attributes %} data-events="count" data-since="{{ since }}"{% endblock %}
{% block main %}
<div class="head"><h1>A counter</h1>{{ pill("ok", "Counting") }}</div>
<div class="grid grid-s">{{ figure("Seconds and more", value, live="count.value") }}</div>
{% endblock %}"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = std::env::args().nth(1).map_or(Ok(0), |text| text.parse())?;
    let (hub, count) = (Hub::new(), Arc::new(AtomicI64::new(0)));
    let add = {
        let (hub, count) = (hub.clone(), count.clone());
        move |by: i64| {
            let value = count.fetch_add(by, Ordering::Relaxed) + by;
            hub.publish("count", Event::json(&json!({ "value": value })));
            value
        }
    };

    let page = {
        let (hub, count) = (hub.clone(), count.clone());
        move |_: Request| {
            let (since, value) = (hub.position(), count.load(Ordering::Relaxed));
            async move { Response::view("counter.html", json!({ "value": value, "since": since })) }
        }
    };
    let method = {
        let add = add.clone();
        move |call: Call| {
            let added = call.number(0, "by").map(|by| add(by as i64));
            async move { Ok(json!({ "value": added? })) }
        }
    };
    let site = Site::new("Counter")
        .templates(Templates::new().embedded("counter.html", PAGE))
        .page(Route::get("/"), page)
        .rpc("count.add", method)
        .events(hub);

    let listener = Listener::on(([127, 0, 0, 1], port)).site(site);
    let running = Server::bind([listener], Arc::new(SystemClock)).await?;
    println!("http://{}/", running.addresses()[0]);

    // Until Ctrl-C, or for as many seconds as the second argument says.
    let last = std::env::args()
        .nth(2)
        .map_or(Ok(i64::MAX), |text| text.parse())?;
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            _ = seconds.tick() => if add(1) > last { break },
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    running.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
