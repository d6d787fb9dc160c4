//! The monitor's pages in a program of your own, for as many seconds as the second
//! argument says: `cargo run -p rem-web --example embed -- examples/monitor/monitor.yaml 60`

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dropstar::{Listener, Server};
use rem_monitor::{Host, Reload};
use rem_notify::PostOffice;
use rem_time::{Span, SystemClock};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments
        .next()
        .unwrap_or_else(|| "examples/monitor/monitor.yaml".into());
    let seconds: u64 = arguments.next().as_deref().unwrap_or("5").parse()?;

    let config = rem_config::load(Path::new(&file))?;
    let clock = Arc::new(SystemClock);
    let data = std::env::temp_dir().join(format!("rem-web-embed-{}", std::process::id()));
    let host = Host::open(&data, clock.clone(), std::env::vars()).await?;
    let monitor = host
        .start(&config, Arc::new(PostOffice::new()), Reload::channel().0)
        .await?;

    let listener = Listener::on(([127, 0, 0, 1], 0)).site(rem_web::site(&monitor));
    let server = Server::bind([listener], clock).await?;
    println!("http://{}/system_monitor/monitor", server.addresses()[0]);

    tokio::time::sleep(Duration::from_secs(seconds)).await;
    server.shutdown(Duration::from_secs(1)).await;
    host.close(&monitor, Span::from_seconds(1)).await?;
    std::fs::remove_dir_all(&data)?;
    Ok(())
}
