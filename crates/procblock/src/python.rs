//! Python scripts in warm workers.

use std::path::Path as FilePath;
use std::time::Duration;

use rem_script::{Called, Failure, PythonOptions, Returned, ToJson};
use rem_time::Span;
use serde_json::{Map, Value};

use crate::engine::Engine;
use crate::error::Reason;
use crate::event::Event;
use crate::run::{Effect, Run, State};

/// The modules that scripts import as `unidist`; each calls back into the engine.
const SHIMS: [(&str, &str); 8] = [
    ("unidist", include_str!("python/unidist.py")),
    ("unidist.sharedstate", include_str!("python/sharedstate.py")),
    ("unidist.sharedlock", include_str!("python/sharedlock.py")),
    (
        "unidist.sharedcounter",
        include_str!("python/sharedcounter.py"),
    ),
    (
        "unidist.messagequeue",
        include_str!("python/messagequeue.py"),
    ),
    ("unidist.timeseries", include_str!("python/timeseries.py")),
    ("unidist.log", include_str!("python/log.py")),
    ("unidist.runthread", include_str!("python/runthread.py")),
];

/// A call of a function in a script.
pub(crate) struct ScriptCall<'a> {
    pub script: &'a FilePath,
    pub function: &'a str,
    pub block: &'a Value,
    pub tag: &'a str,
    pub block_parent: &'a Value,
    pub timeout: Option<Span>,
    pub item: &'a str,
}

/// What a script returned, and what it changed in the data of the pipe.
pub(crate) struct Outcome {
    pub value: Value,
    set: Map<String, Value>,
}

pub(crate) fn with_shims(options: PythonOptions) -> PythonOptions {
    SHIMS.into_iter().fold(options, |options, (name, source)| {
        options.module(name, source)
    })
}

/// Calls a script. Keys it removed from the data of the pipe are gone when
/// this returns; what it set is in the outcome.
pub(crate) async fn call(
    run: &Run,
    call: &ScriptCall<'_>,
    state: &mut State,
) -> Result<Outcome, Reason> {
    let inner = run.engine.inner();
    let limit = call.timeout.unwrap_or(inner.options.script_timeout);
    let cwd = state.cwd().to_string_lossy().into_owned();
    let env: Vec<(&str, &str)> = run
        .env
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let env_map: Map<String, Value> = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
        .collect();
    let positional: [&dyn ToJson; 4] = [
        &state.pipe_data,
        call.block,
        &*run.request_state,
        &*run.input_data,
    ];
    let named: [(&str, &dyn ToJson); 4] = [
        ("tag", &call.tag),
        ("cwd", &cwd),
        ("env", &env_map),
        ("block_parent", call.block_parent),
    ];
    let request = rem_script::Call {
        script: call.script,
        function: call.function,
        positional: &positional,
        named: &named,
        deadline: Duration::from(limit),
        cwd: Some(state.cwd()),
        env: &env,
    };
    let host = ScriptHost {
        engine: &run.engine,
    };
    let called = match inner.python.call(&request, &host).await {
        Ok(called) => called,
        Err(error) => {
            tell_printed(&run.engine, call.item, &error.output.stdout.text());
            tell_printed(&run.engine, call.item, &error.output.stderr.text());
            return Err(reason(*error.failure));
        }
    };
    if !called.stdout.is_empty() {
        tell_printed(&run.engine, call.item, &called.stdout.text());
    }
    if !called.stderr.is_empty() {
        tell_printed(&run.engine, call.item, &called.stderr.text());
    }
    let Called {
        returned,
        set,
        removed,
        ..
    } = called;
    for name in &removed {
        state.pipe_data.shift_remove(name);
    }
    let value = match returned {
        Returned::Value(value) => value,
        Returned::PipeData => Value::Null,
    };
    Ok(Outcome { value, set })
}

impl Outcome {
    /// What a run item adds: what it set, then what it returned.
    pub(crate) fn into_effect(self) -> Result<Effect, Reason> {
        let mut adds = self.set;
        match self.value {
            Value::Object(mut map) if adds.is_empty() => {
                std::mem::swap(&mut adds, &mut map);
            }
            Value::Object(mut map) => adds.append(&mut map),
            Value::Null => {}
            other => {
                return Err(Reason::Output {
                    message: format!(
                        "a script returns a map or nothing, this one returned {}",
                        crate::run::short(&other)
                    ),
                });
            }
        }
        Ok(Effect::Adds(adds))
    }
}

/// Answers what scripts call through the `unidist` modules.
struct ScriptHost<'a> {
    engine: &'a Engine,
}

impl rem_script::Host for ScriptHost<'_> {
    fn call(&self, function: String, arguments: Value) -> rem_script::HostFuture<'_> {
        Box::pin(async move {
            let Value::Array(arguments) = arguments else {
                return Err(format!("arguments are a list: {function}"));
            };
            self.engine
                .inner()
                .shared
                .answer(self.engine, &function, &arguments)
                .await
        })
    }
}

fn tell_printed(engine: &Engine, item: &str, text: &str) {
    if !text.trim().is_empty() {
        engine.tell(&Event::Printed {
            item: item.into(),
            text: text.into(),
        });
    }
}

fn reason(failure: Failure) -> Reason {
    match failure {
        Failure::Raised {
            kind,
            message,
            traceback,
        } => Reason::Raised {
            kind,
            message,
            traceback: traceback.into(),
        },
        Failure::TimedOut { after } => Reason::TimedOut { after },
        Failure::TooBig { .. } | Failure::NotJson { .. } => Reason::Output {
            message: failure.to_string(),
        },
        Failure::Start(_)
        | Failure::NoPython { .. }
        | Failure::Arguments(_)
        | Failure::NoScript { .. }
        | Failure::NoFunction
        | Failure::SyntaxError { .. }
        | Failure::Died { .. } => Reason::Python {
            message: chained(&failure),
        },
    }
}

/// An error with its sources, on one line.
pub(crate) fn chained(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
