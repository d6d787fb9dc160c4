//! Blocks: YAML files of data, conditions and scripts that are processed into a
//! result.
//!
//! A block is a map. Each of its keys is a *tag*: most are data and stay what they
//! are, some have a *tag function* (`if …`, `run`, `require lock`, …) that does
//! something in its turn. [`Block`] reads a file once, with every mistake at its
//! place; an [`Engine`] processes it, any number of times and at once.
//!
//! ```
//! use procblock::{Block, Call, Engine, EngineOptions};
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let block = Block::parse(
//!     "disk.yaml",
//!     "
//! disk: /
//! run:
//!   - shell: echo used=42
//!   - set: {limit: 90}
//! if run.limit > 80 and disk in [\"/\", \"/var\"]:
//!   __priority: 900
//!   strict: true
//!   else:
//!     strict: false
//! ",
//! )?;
//! let engine = Engine::new(EngineOptions::new());
//! let result = engine.process(&block, Call::new()).await?;
//! assert_eq!(result["strict"], json!(true));
//! assert_eq!(result["run"]["output"], json!("used=42\n"));
//! # Ok(())
//! # }
//! ```
//!
//! # How a block is processed
//! Tags go by priority (`__priority` of the value, else that of the tag function,
//! else 500), equal ones by name. A map without a tag function is a block of its
//! own. When a block is done, keys that start with `__` are dropped, or
//! `__return_tag: T` makes the value of `T` the result; the result is then added to
//! the *data of the pipe*, which accumulates from block to block. Names are looked up in the
//! siblings so far, the data of the pipe, the original input and the state of the
//! request, in this order (see [`Scope`]).
//!
//! | tag | priority | what it does |
//! |---|---|---|
//! | `require lock: {name, timeout, timeout_block, timeout_exception}` | 0 | holds a lock until the block ends, however it ends |
//! | `set X: v` | 20 | into the data of the pipe |
//! | `list add X: v`, `list del X: v`, `increment X: n`, `decrement X: n` | 50 | changes the data of the pipe |
//! | anything else | 500 | data, or a block |
//! | `if C:` with `elif C:` and `else:` among its own keys; `conditions:` a list of them | 600 | the branch is merged into the block ([`Condition`]) |
//! | `run:` a list of items; `run simultaneous:` a map of lists | 800 | see below |
//! | `template:` text, or `{file}` | 900 | minijinja, or `%(name)s` where there is no `{{` |
//! | `timeseries collect` | 950 | numbers to the [`Sink`] |
//! | `put tag T in queue Q`, `release lock: name` | 9999 | |
//!
//! Programs add tags of their own with [`Tags`], files with `__tag_functions:
//! {PATTERN: {script | block, priority}}`. `__import__NAME: file.yaml` makes the contents
//! of a file the value of NAME. `__functions: {NAME: [items]}` are reached with `call`.
//! `__usage` declares options and arguments ([`Usage`]).
//!
//! # Run items
//! Each has one verb: `script` (Python with a `ProcessBlock` in a warm worker, or any
//! program: JSON on standard input, `args`, `parse`), `shell` (a text, or `{cmd,
//! interpreter, pipefail, check}`), `set`, `call`, `cd` (for its own chain), `except` (a
//! list of items for the failure of an earlier one, which it sees as `exception`), or a
//! tag with a tag function. What runs may have `timeout`, `timeseries collect` and:
//!
//! `cache: 5` (or `cache: NAME` with `interval: 5`), `thread_id`, `history`, `duration`,
//! `run_lock`: one thread runs the item at a fixed rate, and whoever evaluates it gets the last
//! result at once; only the first waits. A failed run fails those who read it until the
//! next good one. The threads stop when the lock (`__running`) is released.
//!
//! Values reach programs and shells as JSON and as environment variables
//! (`PROCBLOCK_NAME`, and `name` where it is all small letters), never spliced into a command.
//!
//! # Limits
//! 32 blocks, chains and calls within each other; 60 s for a script
//! ([`EngineOptions::SCRIPT_TIMEOUT`]); 1 MiB of each output of a program, more of it is an
//! error (`output_max`); 16 MiB of JSON to and from a Python script; 100 results of a thread
//! kept (`history`), 200 of its stages; 100,000 messages in a queue that says nothing else, then the
//! oldest go.

mod block;
mod check;
mod collect;
mod compile;
mod condition;
mod engine;
mod error;
mod event;
mod import;
mod live;
mod path;
mod program;
mod python;
mod read;
mod run;
mod shared;
mod tags;
mod template;
mod thread;
mod tree;
mod usage;

pub use block::Block;
pub use check::{Checked, check};
pub use collect::{
    Collect, CollectField, CollectGraph, FieldKind, GraphMethod, Sample, Sink, Target,
};
pub use condition::{CompareError, Condition, ConditionError};
pub use engine::{Call, Engine, EngineOptions, Processed};
pub use error::{Reason, RunError};
pub use event::{Event, Listener};
pub use live::LiveBlock;
pub use path::{Path, Scope, Term};
pub use rem_script::PythonOptions;
pub use rem_yaml::{Place, Problem, Problems};
pub use tags::{RustTag, TagCall, TagFunction, TagOutcome, TagPatternError, Tags};
pub use thread::{HistoryEntry, Stage, StageKind, ThreadInfo};
pub use usage::{OptionKind, Usage, UsageArg, UsageError, UsageOption};
