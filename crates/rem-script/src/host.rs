//! Calls that a Python script makes back into the program that embeds it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// The answer to a call from a script, when it is ready.
pub type HostFuture<'a> = Pin<Box<dyn Future<Output = Result<Value, String>> + Send + 'a>>;

/// Answers `_rem.call(function, arguments)` made by a Python script, or by a
/// module that was injected with [`PythonOptions::module`](crate::PythonOptions::module).
pub trait Host: Send + Sync {
    /// Answers one call. An error is raised in the script as `_rem.Error`. The
    /// script waits meanwhile, and its deadline goes on.
    fn call(&self, function: String, arguments: Value) -> HostFuture<'_>;
}

/// Refuses every call.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHost;

impl Host for NoHost {
    fn call(&self, function: String, _: Value) -> HostFuture<'_> {
        let refusal = format!("nothing answers this call: {function}");
        Box::pin(std::future::ready(Err(refusal)))
    }
}

/// A host for tests: gives the same answer to every call and remembers the calls.
#[derive(Debug)]
pub struct FakeHost {
    answer: Result<Value, String>,
    calls: Mutex<Vec<(String, Value)>>,
}

impl FakeHost {
    /// A host that answers every call with this.
    pub fn answering(answer: Result<Value, String>) -> Self {
        Self {
            answer,
            calls: Mutex::default(),
        }
    }

    /// The calls so far, with their arguments.
    pub fn calls(&self) -> Vec<(String, Value)> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.clone()
    }
}

impl Host for FakeHost {
    fn call(&self, function: String, arguments: Value) -> HostFuture<'_> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push((function, arguments));
        Box::pin(std::future::ready(self.answer.clone()))
    }
}
