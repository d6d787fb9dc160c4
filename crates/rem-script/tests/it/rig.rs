//! What the tests share.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rem_script::{Call, CallError, Called, Host, NoHost, PythonOptions, PythonPool};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{RwLock, RwLockReadGuard};

/// Tests that count the descriptors and children of the whole process run
/// alone; all others take this for reading.
pub(crate) static ALONE: RwLock<()> = RwLock::const_new(());

pub(crate) async fn among_others() -> RwLockReadGuard<'static, ()> {
    ALONE.read().await
}

/// Waits until a condition holds.
#[track_caller]
pub(crate) fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < until, "not within 30 s: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Processes of a group that are alive.
pub(crate) fn alive_in_group(group: i32) -> Vec<i32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let fields: Vec<&str> = after_name.split(' ').collect();
        fields.len() > 2 && fields[0] != "Z" && fields[2] == group.to_string()
    })
    .collect()
}

#[track_caller]
pub(crate) fn assert_group_goes(group: i32) {
    wait_for("the process group is gone", || {
        alive_in_group(group).is_empty()
    });
}

/// A pool of one worker and a folder with scripts for it.
pub(crate) struct Rig {
    pub(crate) folder: TempDir,
    pub(crate) pool: PythonPool,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(PythonOptions::default().workers_max(1))
    }

    pub(crate) fn with(options: PythonOptions) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            pool: PythonPool::new(options.grace(Duration::from_millis(200))),
        }
    }

    pub(crate) fn write(&self, name: &str, source: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, source).unwrap();
        path
    }

    /// Calls `ProcessBlock(pipe_data)` with this body.
    pub(crate) async fn body(&self, body: &str, pipe_data: Value) -> Result<Called, CallError> {
        self.body_within(body, pipe_data, Duration::from_secs(60), &NoHost)
            .await
    }

    pub(crate) async fn body_within(
        &self,
        body: &str,
        pipe_data: Value,
        deadline: Duration,
        host: &dyn Host,
    ) -> Result<Called, CallError> {
        let indented = body.replace('\n', "\n    ");
        let source = format!(
            "import os, sys, time, signal, subprocess\n\
             def ProcessBlock(pipe_data, *more, **named):\n    {indented}\n"
        );
        // A name of its own for each body, so that a test can alternate, and
        // whole at once, so that tests on many threads can share it.
        let script = self
            .folder
            .path()
            .join(format!("body_{}.py", hash(&source)));
        if !script.exists() {
            let draft = tempfile::NamedTempFile::new_in(self.folder.path()).unwrap();
            std::fs::write(draft.path(), &source).unwrap();
            draft.persist(&script).unwrap();
        }
        let call = Call {
            positional: &[&pipe_data],
            deadline,
            ..Call::new(&script)
        };
        self.pool.call(&call, host).await
    }

    /// The value that a body returns.
    pub(crate) async fn value(&self, body: &str) -> Value {
        let called = self.body(body, json!({})).await.unwrap();
        value(&called)
    }

    /// The process id of the worker, by asking it.
    pub(crate) async fn worker(&self) -> i64 {
        self.value("return os.getpid()").await.as_i64().unwrap()
    }
}

#[track_caller]
pub(crate) fn value(called: &Called) -> Value {
    match &called.returned {
        rem_script::Returned::Value(value) => value.clone(),
        rem_script::Returned::PipeData => panic!("returned its pipe data"),
    }
}

fn hash(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// How often fault loops go round: many times in the nightly run.
pub(crate) fn rounds(usual: u32, nightly: u32) -> u32 {
    if std::env::var_os("REM_NIGHTLY").is_some_and(|value| value == "1") {
        nightly
    } else {
        usual
    }
}
