//! Pings a host and asks it for a page, and prints what was measured:
//! `cargo run -p rem-check --example embed -- www.example.com`

use rem_check::{Check, Http, HttpOptions, Ping, PingOptions, Pinger};
use rem_time::{Clock, SystemClock};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), rem_check::HttpError> {
    let host = std::env::args().nth(1).unwrap_or("localhost".into());
    // A port is the web server's; a ping has none.
    let (name, _port) = host.split_once(':').unwrap_or((&host, ""));

    let pinger = Pinger::new();
    let ping = Ping::new(&pinger, PingOptions::new(name));
    let http = Http::new(HttpOptions::new(format!("http://{host}/")))?;
    let checks: [&dyn Check; 2] = [&ping, &http];
    for check in checks {
        let report = check.run(SystemClock.now()).await;
        println!("{} {report}", check.name());
        for reading in &report.readings {
            println!("    {reading}");
        }
    }
    Ok(())
}
