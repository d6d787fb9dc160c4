//! What is said between us and a worker, as JSON.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Call, Failure, PythonOptions};

#[derive(Serialize)]
pub(super) struct Setup<'a> {
    pub(super) modules: &'a [(String, String)],
    pub(super) message_max: usize,
    pub(super) always: bool,
}

#[derive(Deserialize)]
pub(super) struct FromScript {
    pub(super) function: String,
    pub(super) arguments: Value,
}

/// What a script leaves behind in its worker.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct Traces {
    /// It printed.
    pub(super) printed: bool,
    /// It started processes, which may have written and may still run.
    pub(super) spawned: bool,
    /// Its threads still run.
    pub(super) threads: bool,
}

#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Returning {
    pub(super) id: u64,
    pub(super) value: Value,
    pub(super) same: bool,
    pub(super) set: Map<String, Value>,
    pub(super) removed: Vec<String>,
    pub(super) traces: Traces,
}

impl Default for Returning {
    fn default() -> Self {
        Self {
            id: 0,
            value: Value::Null,
            same: false,
            set: Map::new(),
            removed: Vec::new(),
            traces: Traces::default(),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Failing {
    pub(super) id: u64,
    pub(super) failure: String,
    pub(super) kind: String,
    pub(super) message: String,
    pub(super) traceback: String,
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) hint: Option<String>,
    pub(super) bytes: u64,
    pub(super) traces: Traces,
}

impl Failing {
    pub(super) fn into_failure(self, options: &PythonOptions) -> Failure {
        match self.failure.as_str() {
            "no script" => Failure::NoScript {
                message: self.message,
            },
            "no function" => Failure::NoFunction,
            "syntax" => Failure::SyntaxError {
                file: self.file.into(),
                line: self.line,
                message: self.message,
                hint: self.hint,
            },
            "not json" => Failure::NotJson {
                message: self.message,
            },
            "too big" => Failure::TooBig {
                what: "result",
                bytes: self.bytes,
                max: options.message_max,
            },
            _ => Failure::Raised {
                kind: self.kind,
                message: self.message,
                traceback: self.traceback,
            },
        }
    }
}

/// Writes a call as the worker reads it; no argument is copied on the way.
pub(super) fn write_call(out: &mut Vec<u8>, id: u64, call: &Call<'_>) -> serde_json::Result<()> {
    out.extend_from_slice(b"{\"i\":");
    serde_json::to_writer(&mut *out, &id)?;
    out.extend_from_slice(b",\"s\":");
    serde_json::to_writer(&mut *out, &call.script.to_string_lossy())?;
    out.extend_from_slice(b",\"f\":");
    serde_json::to_writer(&mut *out, call.function)?;
    out.extend_from_slice(b",\"a\":");
    let mut before = b'[';
    for argument in call.positional {
        out.push(before);
        argument.to_json(out)?;
        before = b',';
    }
    out.extend_from_slice(if before == b'[' { b"[]" } else { b"]" });
    out.extend_from_slice(b",\"k\":");
    let mut before = b'{';
    for (name, argument) in call.named {
        out.push(before);
        serde_json::to_writer(&mut *out, name)?;
        out.push(b':');
        argument.to_json(out)?;
        before = b',';
    }
    out.extend_from_slice(if before == b'{' { b"{}" } else { b"}" });
    if let Some(cwd) = call.cwd {
        out.extend_from_slice(b",\"w\":");
        serde_json::to_writer(&mut *out, &cwd.to_string_lossy())?;
    }
    if !call.env.is_empty() {
        let env: Map<String, Value> = call
            .env
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.into()))
            .collect();
        out.extend_from_slice(b",\"e\":");
        serde_json::to_writer(&mut *out, &env)?;
    }
    out.push(b'}');
    Ok(())
}
