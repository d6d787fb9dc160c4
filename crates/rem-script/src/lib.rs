//! Run a program and be sure of what is left of it: nothing.
//!
//! [`run`] starts a program in a process group of its own, with a clean
//! environment, a deadline (TERM, then KILL, to the whole group) and a cap on
//! the output that is kept. It tells exit, signal and time-out apart, and
//! when it returns no process of the group, no zombie and no descriptor is
//! left.
//!
//! ```
//! use std::time::Duration;
//! use rem_script::{End, Program, run};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let check = Program::shell("echo load is fine; sleep 1000 & exit 1")
//!     .deadline(Duration::from_secs(10));
//! let finished = run(&check).await?;
//! assert_eq!(finished.end, End::Exited(1));
//! assert_eq!(finished.stdout.text(), "load is fine\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! [`PythonPool`] keeps Python interpreters warm and calls functions of
//! Python files in them, in microseconds: edits of the files are live, what a
//! function changes in its first argument comes back, what it prints is
//! captured, and modules injected by the embedding program can call back into
//! it through a [`Host`].
//!
//! ```
//! use rem_script::{Call, NoHost, PythonOptions, PythonPool, Returned};
//! use serde_json::json;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! let script = folder.path().join("average.py");
//! std::fs::write(&script, "
//! def ProcessBlock(pipe_data, block, request_state, input_data, tag=None, **more):
//!     print('averaging', len(block))
//!     pipe_data['runs'] = pipe_data.get('runs', 0) + 1
//!     return {'average': sum(block) / len(block), 'tag': tag}
//! ")?;
//! let python = PythonPool::new(PythonOptions::default().workers_max(4));
//! let call = Call {
//!     positional: &[&json!({}), &[1, 2, 6], &json!({}), &json!({})],
//!     named: &[("tag", &"run")],
//!     ..Call::new(&script)
//! };
//! let called = python.call(&call, &NoHost).await?;
//! assert_eq!(called.returned, Returned::Value(json!({"average": 3.0, "tag": "run"})));
//! assert_eq!(called.set["runs"], 1);
//! assert_eq!(called.stdout.text(), "averaging 3\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Linux only: it waits by pidfd, and a child borrows the memory of its parent
//! until it executes, as with `posix_spawn`, so that a start costs the same in a
//! program of 10 MB and of 10 GB.

mod captured;
mod host;
mod program;
mod python;
mod run;
mod start;

mod drain;
mod group;
mod sys;

pub use captured::Captured;
pub use host::{FakeHost, Host, HostFuture, NoHost};
pub use program::{DEFAULT_PATH, End, Finished, Program};
pub use python::{
    Call, CallError, Called, Failure, Output, PoolState, PythonOptions, PythonPool, Reload,
    Returned, ToJson,
};
pub use run::run;
pub use start::StartError;
