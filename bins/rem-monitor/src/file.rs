//! What a file alone answers.

use std::path::Path;

use rem_command::{Exit, Format, say, say_json, tell};
use rem_config::Config;
use rem_yaml::{Loader, Problem, Problems, Sought};
use serde_json::{Value, json};

/// Reads a file, or says what is wrong in it.
pub(crate) fn load(file: &Path) -> Result<Config, Exit> {
    load_seeking(file).0
}

/// The same, with all that was looked for.
pub(crate) fn load_seeking(file: &Path) -> (Result<Config, Exit>, Sought) {
    let (loaded, sought) = read(file);
    (loaded.map_err(|problems| said(&problems)), sought)
}

/// Reads a file, and tells what was looked for on the way.
pub(crate) fn read(file: &Path) -> (Result<Config, Problems>, Sought) {
    let loader = Loader::new();
    let seeker = loader.seeker();
    let loaded = rem_config::load_with(loader, file);
    (loaded, seeker.sought())
}

fn said(problems: &Problems) -> Exit {
    tell(&problems.to_string());
    tell(&match problems.len() {
        1 => "1 mistake; nothing was started or changed".to_owned(),
        n => format!("{n} mistakes; nothing was started or changed"),
    });
    Exit::Mistake
}

/// Lists what is wrong in a file.
pub(crate) fn check(file: &Path, format: Format) -> anyhow::Result<Exit> {
    let checked = rem_config::load(file);
    let exit = match checked {
        Ok(_) => Exit::Done,
        Err(_) => Exit::Mistake,
    };
    match (format, checked) {
        (Format::Json, checked) => {
            let problems = checked.as_ref().err().into_iter();
            let list: Vec<Value> = problems.flat_map(Problems::sorted).map(json_of).collect();
            say_json(&Value::from(list))?;
        }
        (Format::Table, Ok(config)) => {
            let (monitors, machines) = (config.monitors().len(), config.machines().len());
            let file = file.display();
            say(&format!(
                "{file}: {monitors} monitors on {machines} machines\n"
            ))?;
        }
        (Format::Table, Err(problems)) => tell(&problems.to_string()),
    }
    Ok(exit)
}

fn json_of(problem: &Problem) -> Value {
    json!({
        "place": problem.place.to_string(),
        "key": problem.key_path.to_string(),
        "message": problem.message,
        "help": problem.help,
    })
}

/// Where a definition comes from.
pub(crate) fn explain(file: &Path, name: &str, format: Format) -> anyhow::Result<Exit> {
    let config = match load(file) {
        Ok(config) => config,
        Err(exit) => return Ok(exit),
    };
    let text = rem_config::explain(&config, name)?;
    match format {
        Format::Table => say(&format!("{text}\n"))?,
        Format::Json => say_json(&json!({ "name": name, "text": text }))?,
    }
    Ok(Exit::Done)
}
