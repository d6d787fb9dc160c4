//! A number of a block in an RRD file and a picture: `cargo run -p rem-collect --example embed -- FOLDER`

use std::path::PathBuf;
use std::sync::Arc;

use procblock::{Block, Call, Engine, EngineOptions};
use rem_collect::Collector;

const BLOCK: &str = "
run:
  - set: {load: 0.75}
timeseries collect:
  path: load.rrd
  interval: 1
  fields: {load: {type: GAUGE}}
  graph: [{path: load.png, title: Load, fields: [load], method: LINE, interval: 1}]
";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args()
        .nth(1)
        .map_or_else(std::env::temp_dir, PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    let sink = Arc::new(Collector::new(folder.join("series")));
    let engine = Engine::new(EngineOptions::new().sink(sink));
    let block = Block::parse("load.yaml", BLOCK)?;
    let result = engine.process(&block, Call::new().cwd(&folder)).await?;
    println!("{result}");
    println!("{} and load.png", folder.join("load.rrd").display());
    Ok(())
}
