//! Numbers in, a picture out. `cargo run -p rem-series --example embed -- some-folder`

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rem_series::{Graph, Line, Options, Store};
use rem_time::{Clock, Span, SystemClock};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "series".into());
    let picture = run(Path::new(&folder))?;
    println!("{}", picture.display());
    Ok(())
}

/// Leaves a picture in the folder and returns its path.
pub(crate) fn run(folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let clock = Arc::new(SystemClock);
    let store = Store::open(folder, Options::default(), clock.clone())?;

    // An hour of samples, one a minute, of what a script might have returned.
    let minute = Span::from_seconds(60);
    let end = clock.now();
    for i in 0..60_u32 {
        let time = end - Span::from_seconds(60 * u64::from(60 - i));
        let output = serde_json::json!({ "eth0": { "in": i * i, "out": 3 * i } });
        for group in rem_series::groups("net", &output).series {
            store.push(&group.name, minute, time, &group.values())?;
        }
    }

    let graph = Graph::new(end - Span::from_seconds(3600), end)
        .title("eth0")
        .line(Line::new("net/eth0", "in"))
        .line(Line::new("net/eth0", "out"));
    let picture = folder.join("eth0.png");
    std::fs::write(&picture, store.graph(&graph)?)?;
    store.close()?;
    Ok(picture)
}
