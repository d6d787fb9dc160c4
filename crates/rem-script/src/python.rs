//! Warm Python workers: interpreters that stay, so that a call of a script
//! costs microseconds and not the start of an interpreter.

mod call;
mod channel;
mod frame;
mod memory;
mod message;
mod options;
mod pool;
mod worker;

pub use call::{Call, CallError, Called, Failure, Output, Returned, ToJson};
pub use options::{PythonOptions, Reload};
pub use pool::{PoolState, PythonPool};
