use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;
use rem_config::{Config, TaskScript};
use rem_desk::{TaskList, TaskOutput};
use rem_script::{End, Program};

use crate::record::chain;

/// What is kept of a task list.
const TASKS_BYTES_MAX: usize = 64 * 1024;

/// The task lists of roles: the output of their scripts at a hand-over. Cheap to
/// clone; clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Tasks(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    env: Vec<(String, String)>,
    scripts: RwLock<BTreeMap<String, TaskScript>>,
}

impl Tasks {
    pub(crate) fn new(env: Vec<(String, String)>) -> Self {
        Self(Arc::new(Shared {
            env,
            scripts: RwLock::default(),
        }))
    }

    /// From now on.
    pub(crate) fn set(&self, config: &Config) {
        let with_tasks = config.roles().filter_map(|duty| {
            let tasks = duty.tasks.clone()?;
            Some((duty.name.to_string(), tasks))
        });
        *self.0.scripts.write() = with_tasks.collect();
    }

    async fn run(&self, role: &str, user: &str) -> Result<String, String> {
        let Some(script) = self.0.scripts.read().get(role).cloned() else {
            return Ok(String::new());
        };
        let mut program = Program::new(&script.path)
            .args(&script.arguments)
            .env("ROLE", role)
            .env("REM_USER", user)
            .output_max(TASKS_BYTES_MAX);
        for (name, value) in &self.0.env {
            program = program.env(name, value);
        }
        if let Some(folder) = script.path.parent() {
            program = program.cwd(crate::rules::folder(folder));
        }
        let finished = rem_script::run(&program)
            .await
            .map_err(|error| chain(&error))?;
        match finished.end {
            End::Exited(0) => Ok(finished.stdout.text().into_owned()),
            end => Err(format!(
                "{}: {end}: {}",
                script.path.display(),
                finished.stderr.text()
            )),
        }
    }
}

impl TaskList for Tasks {
    fn of<'a>(&'a self, role: &'a str, user: &'a str) -> TaskOutput<'a> {
        Box::pin(self.run(role, user))
    }
}
