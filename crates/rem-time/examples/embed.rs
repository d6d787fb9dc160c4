//! A deadline that a test could move: `cargo run -p rem-time --example embed -- 1m30s`

use rem_time::{Clock, Span, SystemClock};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let patience: Span = std::env::args().nth(1).as_deref().unwrap_or("5m").parse()?;
    let now = SystemClock.now();
    println!(
        "it is {now}; {patience} from now it will be {}",
        now + patience
    );
    Ok(())
}
