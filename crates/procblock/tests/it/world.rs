//! A folder with a block and its scripts, an engine, and what it told.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use procblock::{Block, Call, Engine, EngineOptions, Event, Listener, RunError, Sample, Sink};
use serde_json::Value;

pub(crate) struct World {
    folder: tempfile::TempDir,
    pub(crate) engine: Engine,
    pub(crate) told: Arc<Told>,
}

#[derive(Default)]
pub(crate) struct Told {
    events: Mutex<Vec<Event>>,
    samples: Mutex<Vec<String>>,
}

impl Listener for Told {
    fn event(&self, event: &Event) {
        self.events.lock().unwrap().push(event.clone());
    }
}

impl Sink for Told {
    fn collect(&self, sample: &Sample<'_>) -> Result<(), String> {
        let line = format!("{} {:?}", sample.target(), sample.values);
        self.samples.lock().unwrap().push(line);
        Ok(())
    }
}

impl Told {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.events
            .lock()
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    pub(crate) fn samples(&self) -> Vec<String> {
        self.samples.lock().unwrap().clone()
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|options| options)
    }

    pub(crate) fn with(edit: impl FnOnce(EngineOptions) -> EngineOptions) -> Self {
        let told = Arc::new(Told::default());
        let options = EngineOptions::new()
            .listener(told.clone())
            .sink(told.clone())
            .env([("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())])
            .script_timeout("20s".parse().unwrap())
            .stop_grace("1s".parse().unwrap());
        Self {
            folder: tempfile::tempdir().unwrap(),
            engine: Engine::new(edit(options)),
            told,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn program(&self, name: &str, text: &str) {
        let path = self.file(name, text);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A script with this body of `ProcessBlock`.
    pub(crate) fn script(&self, name: &str, body: &str) {
        let head = "def ProcessBlock(pipe_data, block, request_state, input_data, tag=None, cwd=None, env=None, block_parent=None):\n";
        let body: Vec<String> = body.lines().map(|line| format!("    {line}\n")).collect();
        self.file(name, &format!("{head}{}", body.concat()));
    }

    pub(crate) fn block(&self, yaml: &str) -> Block {
        let path = self.file("block.yaml", yaml);
        Block::load(path).unwrap_or_else(|problems| panic!("{problems}"))
    }

    pub(crate) async fn process(&self, yaml: &str) -> Result<Value, RunError> {
        self.engine.process(&self.block(yaml), Call::new()).await
    }

    /// The result of a `run` list of these items.
    pub(crate) async fn run(&self, items: &str) -> Result<Value, RunError> {
        let items: Vec<String> = items.lines().map(|line| format!("  {line}\n")).collect();
        let result = self.process(&format!("run:\n{}", items.concat())).await?;
        Ok(result["run"].clone())
    }

    /// Why a `run` list of these items fails, without the folder.
    pub(crate) async fn failure(&self, items: &str) -> String {
        let error = self.run(items).await.unwrap_err().to_string();
        error.replace(&format!("{}/", self.path().display()), "")
    }
}

/// Waits for a state that must come.
pub(crate) async fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < limit, "still not: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
