//! Watches what a file says and prints every change of state, for as many seconds
//! as the second argument says:
//! `cargo run -p rem-monitor --example embed -- examples/monitor/monitor.yaml 10`

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rem_monitor::{Host, Reload};
use rem_notify::PostOffice;
use rem_time::{Span, SystemClock};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments
        .next()
        .unwrap_or_else(|| "examples/monitor/monitor.yaml".into());
    let seconds: u64 = arguments.next().as_deref().unwrap_or("10").parse()?;

    let config = rem_config::load(Path::new(&file))?;
    let data = std::env::temp_dir().join(format!("rem-monitor-embed-{}", std::process::id()));
    let host = Host::open(&data, Arc::new(SystemClock), std::env::vars()).await?;
    let running = host
        .start(&config, Arc::new(PostOffice::new()), Reload::channel().0)
        .await?;

    let mut news = running.engine.subscribe();
    let end = tokio::time::sleep(Duration::from_secs(seconds));
    tokio::pin!(end);
    loop {
        tokio::select! {
            Ok(news) = news.recv() => if let Some(turn) = news.turn {
                println!("{}: {} → {}: {}", news.id, turn.from, turn.to, turn.message);
            },
            () = &mut end => break,
        }
    }
    host.close(&running, Span::from_seconds(1)).await?;
    std::fs::remove_dir_all(&data)?;
    Ok(())
}
