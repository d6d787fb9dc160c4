//! What every megavisor does, whatever is behind it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use redeye_cloud::{
    Action, Cache, Class, Cloud, Id, Kind, Lifecycle, Megavisor, Mode, Operation, OperationId,
    OperationState, Parts, Policy, Power, Request, Scope,
};
use redeye_cloud_home::{HomeMegavisor, from_shipped};
use rem_time::{Clock, Span, SystemClock};
use serde::{Deserialize, Serialize};
use unidist::{BucketSpec, FileOpts, Unidist};

/// How long an operation is waited for.
const LIMIT: Duration = Duration::from_secs(150);
/// Where a child that is killed finds what it has to do.
const CHILD: &str = "REDEYE_CLOUD_HOME_CHILD";

/// Which megavisor of those that come with us, and its machines. A child process makes
/// the same from it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Spec {
    pub(crate) shipped: String,
    pub(crate) folder: PathBuf,
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) machines: Option<String>,
}

impl Spec {
    pub(crate) fn new(shipped: &str, folder: &Path) -> Self {
        Self {
            shipped: shipped.into(),
            folder: folder.join(shipped),
            settings: BTreeMap::new(),
            machines: None,
        }
    }

    pub(crate) fn setting(mut self, name: &str, value: impl Into<String>) -> Self {
        self.settings.insert(name.into(), value.into());
        self
    }

    pub(crate) fn machines(mut self, text: impl Into<String>) -> Self {
        self.machines = Some(text.into());
        self
    }

    pub(crate) fn megavisor(&self) -> HomeMegavisor {
        let mut definition = from_shipped(&self.shipped, &self.folder).unwrap();
        for (name, value) in &self.settings {
            definition = definition.with_setting(name, value).unwrap();
        }
        if let Some(machines) = &self.machines {
            definition = definition.with_machines("machines.yaml", machines).unwrap();
        }
        let env = |name: &str| match name {
            "PASS" => Some("test".to_owned()),
            "WRONG" => Some("wrong".to_owned()),
            _ => None,
        };
        HomeMegavisor::new(definition, Arc::new(SystemClock), Arc::new(env))
    }

    /// A door to it, with a journal in a folder.
    pub(crate) async fn rig(&self, journal: &Path) -> Rig {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let home = self.megavisor();
        let scope = home.scope().clone();
        let unidist = Unidist::open(journal, FileOpts::default()).await.unwrap();
        let parts = Parts {
            cache: Cache::in_memory(Policy::default(), clock.clone()),
            journal: unidist
                .consistent("operations", BucketSpec::default())
                .unwrap(),
            clock: clock.clone(),
        };
        let megavisor: Arc<dyn Megavisor> = Arc::new(home.clone());
        Rig {
            cloud: Cloud::new(parts, [megavisor]),
            scope,
            clock,
            home,
            folder: self.folder.clone(),
        }
    }
}

pub(crate) struct Rig {
    pub(crate) cloud: Cloud,
    pub(crate) scope: Scope,
    pub(crate) home: HomeMegavisor,
    folder: PathBuf,
    clock: Arc<dyn Clock>,
}

impl Rig {
    pub(crate) async fn begin(&self, action: Action) -> OperationId {
        self.begin_within(action, 120).await
    }

    async fn begin_within(&self, action: Action, seconds: u64) -> OperationId {
        let now = self.clock.now();
        let request = Request {
            id: OperationId::random(now),
            scope: self.scope.clone(),
            action,
            deadline: now + Span::from_seconds(seconds),
        };
        self.cloud.begin(request, "test").await.unwrap()
    }

    pub(crate) async fn wait(&self, id: OperationId) -> Operation {
        self.cloud.wait(id, LIMIT, |_| {}).await.unwrap()
    }

    pub(crate) async fn run(&self, action: Action) -> Operation {
        let id = self.begin(action).await;
        self.wait(id).await
    }

    /// Runs an action that fails; its class, and how often it was sent.
    pub(crate) async fn refused(&self, action: Action, within: u64) -> (Class, u32, String) {
        let id = self.begin_within(action, within).await;
        let operation = self.wait(id).await;
        match operation.state {
            OperationState::Failed { error } => (
                error.class,
                operation.sent,
                format!("{:?}", operation.lines),
            ),
            state => panic!("not failed: {state:?}: {:#?}", operation.lines),
        }
    }

    /// Runs an action to its good end; says whether anything changed.
    #[track_caller]
    pub(crate) fn well(operation: &Operation) -> bool {
        match &operation.state {
            OperationState::Done { outcome } => outcome.changed,
            state => panic!("{state:?}: {:#?}", operation.lines),
        }
    }

    /// What an action made.
    #[track_caller]
    pub(crate) fn made(operation: &Operation) -> Id {
        assert!(Self::well(operation));
        operation.outcome().unwrap().ids[0].clone()
    }

    pub(crate) async fn power(&self, id: &Id) -> Power {
        let listing = self
            .cloud
            .list(&self.scope, Kind::Instance, Mode::StrictFresh);
        let listing = listing.await.unwrap();
        let found = listing.items.iter().find(|item| item.id() == id);
        let instance = found.unwrap().as_instance().unwrap();
        match instance.lifecycle {
            Lifecycle::Lost => Power::Unknown,
            _ => instance.power,
        }
    }

    /// Programs that functions of this megavisor began and that still run: each carries
    /// the name of its folder.
    fn programs(&self) -> BTreeSet<u32> {
        let mark = format!("REM_FOLDER={}", self.folder.display());
        let carries = |environment: &[u8]| {
            let mut words = environment.split(|byte| *byte == 0);
            words.any(|word| word == mark.as_bytes())
        };
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        numbers
            .filter(|pid: &u32| {
                let environment = std::fs::read(format!("/proc/{pid}/environ"));
                environment.is_ok_and(|environment| carries(&environment))
            })
            .collect()
    }
}

pub(crate) fn start(id: &Id) -> Action {
    Action::StartInstance { id: id.clone() }
}

pub(crate) fn stop(id: &Id, force: bool) -> Action {
    Action::StopInstance {
        id: id.clone(),
        force,
    }
}

pub(crate) fn reboot(id: &Id, force: bool) -> Action {
    Action::RebootInstance {
        id: id.clone(),
        force,
    }
}

/// What a megavisor can say and do.
pub(crate) struct Manners {
    /// Whether it can tell off from out of reach.
    pub(crate) tells_off: bool,
    /// Whether it can pull the plug.
    pub(crate) forces: bool,
    /// How it reboots: asked, forced.
    pub(crate) reboots: &'static [bool],
    /// Whether its machine is known to take its time, so that it must be looked at
    /// again before it is done.
    pub(crate) is_slow: bool,
}

/// All that can be asked of a machine with a controller.
pub(crate) const FULL: Manners = Manners {
    tells_off: true,
    forces: true,
    reboots: &[false, true],
    is_slow: false,
};

/// Start, start again, stop, stop again, force, reboot, start and stop at once.
pub(crate) async fn conform(rig: &Rig, id: &Id, manners: &Manners) {
    conform_when(rig, id, manners, &mut || {}).await;
}

/// The same with machines that must have come up before they are asked to end: `is_up`
/// returns once one has, after it was started or rebooted.
pub(crate) async fn conform_when(rig: &Rig, id: &Id, manners: &Manners, is_up: &mut dyn FnMut()) {
    let off = match manners.tells_off {
        true => Power::Off,
        false => Power::Unknown,
    };
    let mut seen = vec![rig.run(start(id)).await];
    assert_eq!(rig.power(id).await, Power::On, "{:?}", seen[0].lines);
    assert!(!Rig::well(&rig.run(start(id)).await), "it ran already");
    is_up();
    for force in manners.reboots {
        let again = rig.run(reboot(id, *force)).await;
        assert!(Rig::well(&again));
        assert_eq!(rig.power(id).await, Power::On);
        is_up();
        seen.push(again);
    }
    let stopped = rig.run(stop(id, false)).await;
    assert!(Rig::well(&stopped));
    seen.push(stopped);
    assert_eq!(rig.power(id).await, off);
    if manners.tells_off {
        assert!(!Rig::well(&rig.run(stop(id, false)).await), "it was off");
    } else {
        // Nobody can say that it is off, so nobody says so.
        let (class, ..) = rig.refused(stop(id, false), 2).await;
        assert_eq!(class, Class::Unavailable);
    }
    if manners.forces {
        let begun = rig.run(start(id)).await;
        assert!(Rig::well(&begun));
        assert!(Rig::well(&rig.run(stop(id, true)).await));
        assert_eq!(rig.power(id).await, off);
        seen.push(begun);
    }
    let looked = |operation: &Operation| {
        let mut lines = operation.lines.iter();
        lines.any(|line| line.text.contains("power is"))
    };
    assert!(
        !manners.is_slow || seen.iter().any(looked),
        "accepted was taken for done: {seen:#?}"
    );

    // Both at once: one after the other, and the last one's word holds.
    let (first, second) = (
        rig.begin(start(id)).await,
        rig.begin(stop(id, manners.forces)).await,
    );
    let (first, second) = (rig.wait(first).await, rig.wait(second).await);
    assert!(Rig::well(&first) && Rig::well(&second));
    assert!(first.changed <= second.changed);
    assert_eq!(rig.power(id).await, off);
}

/// A machine whose controller takes connections and never answers is lost, its
/// operation ends by its deadline, and no program is left behind.
pub(crate) async fn hung(rig: &Rig, id: &Id, action: Action) {
    let before = rig.programs();
    let since = Instant::now();
    assert_eq!(rig.power(id).await, Power::Unknown);
    let (class, _, lines) = rig.refused(action, 3).await;
    assert_eq!(class, Class::Unavailable, "{lines}");
    assert!(since.elapsed() < Duration::from_secs(60), "{lines}");
    assert!(rig.programs().is_subset(&before), "a program is left");
}

/// Wrong credentials are tried once, and called what they are.
pub(crate) async fn denied(rig: &Rig, action: Action) {
    let (class, sent, lines) = rig.refused(action, 60).await;
    assert_eq!((class, sent), (Class::Denied, 1), "{lines}");
}

/// A process is killed between the act and the look; another one finishes its work.
/// The machine is off before.
pub(crate) async fn killed(spec: &Spec, journal: &Path, id: &Id) {
    let task = serde_json::to_string(&(spec, journal, id)).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["conformance::child_process", "--exact", "--nocapture"])
        .env(CHILD, task)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let ended = tokio::task::spawn_blocking(move || child.wait()).await;
    let signal = std::os::unix::process::ExitStatusExt::signal(&ended.unwrap().unwrap());
    assert_eq!(signal, Some(9), "it ended before it looked");
    let rig = spec.rig(journal).await;
    let open = rig.cloud.operations(false).await.unwrap();
    let [operation] = &open[..] else {
        panic!("{open:#?}");
    };
    assert_eq!(operation.state.name(), "running");
    let taken = rig.cloud.resume().await.unwrap();
    assert_eq!(taken, [operation.request.id]);
    let operation = rig.wait(operation.request.id).await;
    assert!(Rig::well(&operation));
    assert_eq!(operation.sent, 1, "{:#?}", operation.lines);
    assert_eq!(rig.power(id).await, Power::On);
    rig.cloud.close().await;
}

/// Starts a machine, and dies as soon as the start was accepted.
#[tokio::test]
async fn child_process() {
    let Ok(task) = std::env::var(CHILD) else {
        return;
    };
    let (spec, journal, id): (Spec, PathBuf, Id) = serde_json::from_str(&task).unwrap();
    let rig = spec.rig(&journal).await;
    let begun = rig.begin(start(&id)).await;
    let die = |operation: &Operation| {
        if operation.state.name() == "running" {
            let own = std::process::id().to_string();
            let _ = Command::new("kill").args(["-9", &own]).status();
        }
    };
    let ended = rig.cloud.wait(begun, LIMIT, die).await.unwrap();
    panic!("{ended:#?}");
}

/// Whether a backend can run here; if not, says why, or fails if it must.
pub(crate) fn can_run(backend: &str, missing: Option<String>) -> bool {
    let Some(why) = missing else { return true };
    let required = std::env::var("REQUIRE_BACKENDS").is_ok_and(|value| value == "1");
    assert!(!required, "{backend} must run here: {why}");
    eprintln!("skipped {backend}: {why}");
    false
}

/// Whether a backend that nobody insists on can run here; if not, says why.
pub(crate) fn may_run(backend: &str, missing: Option<&str>) -> bool {
    if let Some(why) = missing {
        eprintln!("skipped {backend}: {why}");
    }
    missing.is_none()
}

/// What keeps a program from running here.
pub(crate) fn missing(program: &str, args: &[&str]) -> Option<String> {
    match Command::new(program).args(args).output() {
        Ok(_) => None,
        Err(why) => Some(format!("{program}: {why}")),
    }
}

/// Containers and namespaces need root.
pub(crate) fn not_root() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let uid = status.lines().find(|line| line.starts_with("Uid:"));
    let is_root = uid.and_then(|line| line.split_whitespace().nth(2)) == Some("0");
    (!is_root).then(|| "it needs root".to_owned())
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn wait_for(what: &str, so: impl FnMut() -> bool) {
    wait_at_most(Duration::from_secs(30), what, so);
}

/// The same where another computer is emulated, perhaps on a busy one.
#[track_caller]
pub(crate) fn wait_for_long(what: &str, so: impl FnMut() -> bool) {
    wait_at_most(Duration::from_secs(120), what, so);
}

#[track_caller]
fn wait_at_most(limit: Duration, what: &str, mut so: impl FnMut() -> bool) {
    let until = Instant::now() + limit;
    while !so() {
        assert!(Instant::now() < until, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A program of a test, which ends with it.
pub(crate) struct Server(pub(crate) std::process::Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
