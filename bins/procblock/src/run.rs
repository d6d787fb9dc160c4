use std::path::{Path, PathBuf};
use std::sync::Arc;

use procblock::{Block, Call, Engine, EngineOptions, PythonOptions};
use rem_command::{Asked, Exit, Signals, say, tell};
use rem_time::SystemClock;

use crate::args::Args;
use crate::output::{Narrator, shown};

/// Processes a block once; one that is `longrunning` stays until it is stopped.
pub(crate) async fn run(args: &Args) -> Exit {
    let Some((file, own)) = args.file.split_first() else {
        return Exit::Mistake;
    };
    let block = match Block::load(file) {
        Ok(block) => block,
        Err(problems) => {
            tell(&problems.to_string());
            return Exit::Mistake;
        }
    };
    let usage = block.usage();
    if own.iter().any(|arg| arg == "--help" || arg == "-h") {
        return said(usage.help(&format!("procblock {file}")).trim_end());
    }
    let input = match usage.parse(own) {
        Ok(input) => input,
        Err(error) => {
            let help = usage.help(&format!("procblock {file}"));
            tell(&format!(
                "procblock: {error}

{}",
                help.trim_end()
            ));
            return Exit::Mistake;
        }
    };
    let here = match std::env::current_dir() {
        Ok(here) => here,
        Err(error) => return failed(&format!("cannot tell the current directory: {error}")),
    };
    let cwd = usage
        .cwd
        .as_ref()
        .map_or(here.clone(), |cwd| here.join(cwd));
    let mut signals = match Signals::of_end() {
        Ok(signals) => signals,
        Err(error) => return failed(&format!("cannot listen for signals: {error}")),
    };
    let engine = Engine::new(options(args, &here));
    let call = Call::new().input(input).cwd(cwd);
    let pidfile = match usage.pidfile.as_ref().filter(|_| usage.longrunning) {
        Some(path) => match PidFile::write(&here.join(path)) {
            Ok(pidfile) => Some(pidfile),
            Err(error) => return failed(&format!("cannot write {path}: {error}")),
        },
        None => None,
    };
    let code = tokio::select! {
        code = work(&engine, &block, call, args.json) => code,
        asked = signals.next() => match asked {
            Asked::End(signal) => stopped(signal, args),
            // It was not asked to listen for that.
            Asked::Reload => Exit::Done,
        },
    };
    engine.shutdown().await;
    drop(pidfile);
    code
}

async fn work(engine: &Engine, block: &Block, call: Call, one_line: bool) -> Exit {
    // Boxed: the future of a whole block is large.
    match Box::pin(engine.process(block, call)).await {
        Ok(result) => {
            let said = said(&shown(&result, one_line));
            if said != Exit::Done {
                return said;
            }
        }
        Err(error) => {
            tell(&error.to_string());
            if let Some(traceback) = error.traceback() {
                tell(traceback.trim_end());
            }
            return Exit::Failed;
        }
    }
    if block.usage().longrunning {
        engine.until_released().await;
    }
    Exit::Done
}

fn options(args: &Args, here: &Path) -> EngineOptions {
    // A variable that is not text cannot be handed on as one.
    let env: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let mut python = PythonOptions::default().interpreter(&args.python).cwd(here);
    for (name, value) in &env {
        python = python.env(name, value);
    }
    EngineOptions::new()
        .clock(Arc::new(SystemClock))
        .env(env)
        .python(python)
        .sink(Arc::new(rem_collect::Collector::new(
            here.join(&args.series),
        )))
        .listener(Arc::new(Narrator { quiet: args.quiet }))
}

fn stopped(signal: &str, args: &Args) -> Exit {
    if !args.quiet {
        tell(&format!("procblock: stopping, {signal}"));
    }
    Exit::Done
}

/// Prints a line.
fn said(line: &str) -> Exit {
    match say(&format!("{line}\n")) {
        Ok(()) => Exit::Done,
        Err(error) => failed(&format!("cannot write to stdout: {error}")),
    }
}

fn failed(message: &str) -> Exit {
    tell(&format!("procblock: {message}"));
    Exit::Failed
}

/// Holds the process id while the program runs.
struct PidFile(PathBuf);

impl PidFile {
    fn write(path: &Path) -> std::io::Result<Self> {
        std::fs::write(path, format!("{}\n", std::process::id()))?;
        Ok(Self(path.to_path_buf()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // It may have been removed by somebody else, which is as good.
        let _ = std::fs::remove_file(&self.0);
    }
}
