//! Programs of any language, and shell commands.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path as FilePath;
use std::time::Duration;

use rem_script::{Captured, End, Finished, Program, run as run_program};
use serde_json::{Map, Value, json};

use crate::error::Reason;
use crate::event::Event;
use crate::path::Scope;
use crate::run::{Run, State};
use crate::template;
use crate::tree::{Item, ProgramScript, Shell};

mod env;
mod parse;

/// How much of standard error an error message quotes: its end.
const STDERR_SHOWN_CHARS: usize = 500;

/// Runs a program: it gets everything as JSON on standard input and `args` as
/// arguments; what it prints becomes data.
pub(crate) async fn script(
    run: &Run,
    script: &ProgramScript,
    item: &Item,
    block: &Value,
    parent: &Value,
    state: &State,
) -> Result<Map<String, Value>, Reason> {
    let Some(path) = script.file.find(state.cwd()) else {
        let path = script.file.beside.clone();
        return Err(Reason::NoScript { path });
    };
    let none = Map::new();
    let scope = run.scope(&none, &state.pipe_data);
    let mut program = match script.interpreter.split_first() {
        Some((interpreter, args)) => Program::new(interpreter).args(args).arg(&path),
        None => {
            executable(&path)?;
            Program::new(&path)
        }
    };
    for arg in &script.args {
        program = program.arg(rendered(arg, &scope)?);
    }
    program = program.stdin(input(run, block, parent, state));
    if let Some(max) = script.output_bytes_max {
        program = program.output_max(max);
    }
    let program = prepared(program, run, item, &script.env, state);
    let finished = finish(&program).await?;
    if !finished.stderr.is_empty() {
        run.engine.tell(&Event::Printed {
            item: item.label.clone(),
            text: finished.stderr.text().into_owned(),
        });
    }
    match finished.end {
        End::Exited(0) => parse::output(&script.parse, &finished.stdout),
        End::Exited(code) => Err(Reason::Exit {
            code,
            stderr: end_of(&finished.stderr),
        }),
        End::Signaled(_) | End::TimedOut { .. } => Err(ended(&finished)),
    }
}

/// Runs a command. Its exit code is added to the list `status`, its output to
/// the texts `output` and `output_error`.
pub(crate) async fn shell(
    run: &Run,
    shell: &Shell,
    item: &Item,
    state: &mut State,
) -> Result<(), Reason> {
    let mut program = Program::new(&shell.interpreter);
    if shell.pipefail {
        program = program.args(["-o", "pipefail"]);
    }
    program = program.arg("-c").arg(&shell.command);
    let program = prepared(program, run, item, &shell.env, state);
    let finished = finish(&program).await?;
    let End::Exited(code) = finished.end else {
        return Err(ended(&finished));
    };
    if shell.check && code != 0 {
        return Err(Reason::Exit {
            code,
            stderr: end_of(&finished.stderr),
        });
    }
    let output = text(&finished.stdout)?;
    let output_error = text(&finished.stderr)?;
    let data = &mut state.pipe_data;
    match data.get_mut("status") {
        Some(Value::Array(status)) => status.push(json!(code)),
        _ => {
            data.insert("status".into(), json!([code]));
        }
    }
    for (name, text) in [("output", output), ("output_error", output_error)] {
        match data.get_mut(name) {
            Some(Value::String(before)) => before.push_str(&text),
            _ => {
                data.insert(name.into(), Value::String(text));
            }
        }
    }
    if code != 0 {
        run.engine.tell(&Event::ShellFailed {
            item: item.label.clone(),
            code,
            stderr: end_of(&finished.stderr),
        });
    }
    Ok(())
}

/// Environment, directory and deadline of a program.
fn prepared(
    program: Program,
    run: &Run,
    item: &Item,
    own: &[(String, String)],
    state: &State,
) -> Program {
    let options = &run.engine.inner().options;
    let limit: Duration = item.timeout.unwrap_or(options.script_timeout).into();
    program
        .envs(env::of(&options.env, &run.env, &state.pipe_data, &run.tag))
        .envs(own.iter().map(|(name, value)| (name, value)))
        .cwd(state.cwd())
        .deadline(limit)
        .grace(GRACE.min(limit))
}

/// Between TERM and KILL.
const GRACE: Duration = Duration::from_secs(2);

async fn finish(program: &Program) -> Result<Finished, Reason> {
    let finished = run_program(program).await.map_err(|error| Reason::Start {
        message: crate::python::chained(&error),
    })?;
    let dropped = finished.stdout.dropped() + finished.stderr.dropped();
    if dropped > 0 && finished.end == End::Exited(0) {
        let written = finished.stdout.total() + finished.stderr.total();
        return Err(Reason::Output {
            message: format!("{written} bytes were written, {dropped} above the limit"),
        });
    }
    Ok(finished)
}

fn ended(finished: &Finished) -> Reason {
    match finished.end {
        End::Exited(code) => Reason::Exit {
            code,
            stderr: end_of(&finished.stderr),
        },
        End::Signaled(signal) => Reason::Signal {
            signal,
            stderr: end_of(&finished.stderr),
        },
        End::TimedOut { .. } => Reason::TimedOut {
            after: finished.took,
        },
    }
}

fn executable(path: &FilePath) -> Result<(), Reason> {
    let may = fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o111 != 0);
    match may {
        true => Ok(()),
        false => Err(Reason::Start {
            message: format!(
                "not executable, chmod +x it or name an interpreter: {}",
                path.display()
            ),
        }),
    }
}

fn rendered(text: &str, scope: &Scope<'_>) -> Result<String, Reason> {
    template::render(text, scope).map_err(|message| Reason::Template { message })
}

fn input(run: &Run, block: &Value, parent: &Value, state: &State) -> Vec<u8> {
    let env: Map<String, Value> = run
        .env
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    let input = json!({
        "pipe_data": &state.pipe_data,
        "block": block,
        "request_state": &*run.request_state,
        "input_data": &*run.input_data,
        "tag": &*run.tag,
        "cwd": state.cwd().to_string_lossy(),
        "env": env,
        "block_parent": parent,
    });
    let mut bytes = input.to_string().into_bytes();
    bytes.push(b'\n');
    bytes
}

fn text(captured: &Captured) -> Result<String, Reason> {
    String::from_utf8(captured.bytes().to_vec()).map_err(|_| Reason::Output {
        message: "not text in UTF-8".into(),
    })
}

fn end_of(captured: &Captured) -> String {
    let text = captured.text();
    let text = text.trim();
    let skip = text.chars().count().saturating_sub(STDERR_SHOWN_CHARS);
    text.chars().skip(skip).collect()
}
