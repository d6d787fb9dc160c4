//! What `timeseries collect` of a procblock block asks for, done: samples go into
//! RRD files at the paths the block names, and pictures are drawn of them.
//!
//! ```
//! use std::sync::Arc;
//!
//! use procblock::{Block, Call, Engine, EngineOptions};
//! use rem_collect::Collector;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let block = Block::parse("dice.yaml", "
//! run:
//!   - set: {dice: 4}
//! timeseries collect:
//!   path: dice.rrd
//!   interval: 5
//!   fields: {dice: {type: GAUGE}}
//! ")?;
//! let sink = Arc::new(Collector::new(folder.path().join("series")));
//! let engine = Engine::new(EngineOptions::new().sink(sink));
//! engine.process(&block, Call::new().cwd(folder.path())).await?;
//! assert!(folder.path().join("dice.rrd").is_file());
//! # Ok(())
//! # }
//! ```

mod collector;

pub use collector::Collector;
