//! What clouds promise: a machine of this computer until it answers, many operations at
//! once, and an answer while the cloud is down.
//!
//! `cargo bench -p redeye-cloud-home --bench figures`; the machine needs root.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redeye_cloud::{
    Action, Cache, Class, Cloud, FakeMegavisor, Fault, Id, Kind, Megavisor, Mode, NewInstance, On,
    Operation, OperationId, Parts, Policy, Request, Scope,
};
use redeye_cloud_home::{HomeMegavisor, from_shipped};
use rem_bench::Report;
use rem_time::{Clock, Span, SystemClock};
use unidist::{BucketSpec, FileOpts, Unidist};

const PATIENCE: Duration = Duration::from_secs(60);
const OPERATIONS: usize = 1_000;
const STARTS: usize = 20;

struct Door {
    cloud: Cloud,
    scope: Scope,
}

impl Door {
    /// A door with its journal and its cache on disk, as the command has it.
    async fn open(folder: &Path, scope: Scope, megavisor: Arc<dyn Megavisor>) -> Self {
        let clock = Arc::new(SystemClock);
        let unidist = Unidist::open(folder.join("journal"), FileOpts::default()).await;
        let parts = Parts {
            cache: Cache::in_folder(folder.join("cache"), Policy::default(), clock.clone()),
            journal: unidist
                .unwrap()
                .consistent("operations", BucketSpec::default())
                .unwrap(),
            clock,
        };
        Self {
            cloud: Cloud::new(parts, [megavisor]),
            scope,
        }
    }

    async fn begin(&self, action: Action) -> OperationId {
        let now = SystemClock.now();
        let request = Request {
            id: OperationId::random(now),
            scope: self.scope.clone(),
            action,
            deadline: now + Span::from_seconds(60),
        };
        self.cloud.begin(request, "bench").await.unwrap()
    }

    async fn end(&self, id: OperationId) -> Operation {
        let operation = self.cloud.wait(id, PATIENCE, |_| {}).await.unwrap();
        assert!(operation.outcome().is_some(), "{:?}", operation.state);
        operation
    }
}

/// Megabytes of RAM of this process at most so far.
fn most_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes / 1024.0
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}

async fn many_at_once(table: &mut Report) {
    let folder = tempfile::tempdir().unwrap();
    let fake = Arc::new(FakeMegavisor::new("fake/test/here".parse().unwrap()));
    let names: Vec<String> = (0..OPERATIONS).map(|at| format!("m-{at:04}")).collect();
    fake.with_instances(names.iter().map(String::as_str));
    let door = Door::open(folder.path(), fake.scope(), fake.clone()).await;
    let began = Instant::now();
    let mut ids = Vec::with_capacity(OPERATIONS);
    for name in &names {
        let id: Id = name.parse().unwrap();
        ids.push(door.begin(Action::StopInstance { id, force: false }).await);
    }
    let accepted = began.elapsed();
    for id in ids {
        door.end(id).await;
    }
    let (all, memory) = (began.elapsed(), most_memory());
    let rate = OPERATIONS as f64 / accepted.as_secs_f64();
    table.row(
        "1,000 operations: accepted, on disk",
        rate,
        "operations/s",
        "",
    );
    table.row("1,000 operations: all ended", all.as_secs_f64(), "s", "");
    table.row("1,000 operations: memory at most", memory, "MB", "<= 200");

    // A listing of 1,000 machines, while nobody answers.
    let list = async |mode| {
        door.cloud
            .list(&door.scope, Kind::Instance, mode)
            .await
            .unwrap()
    };
    list(Mode::Fresh).await;
    fake.fail(On::Everything, u32::MAX, Fault::Error(Class::Unavailable));
    let began = Instant::now();
    let listing = list(Mode::Fresh).await;
    let took = millis(began.elapsed());
    assert_eq!(listing.items.len(), OPERATIONS);
    assert!(listing.origin.age().is_some(), "{:?}", listing.origin);
    table.row(
        "the cloud is down: a kept answer after",
        took,
        "ms",
        "<= 50",
    );
    door.cloud.close().await;
}

fn answers(address: IpAddr) -> bool {
    let ask = || {
        let limit = Duration::from_millis(200);
        let mut stream = TcpStream::connect_timeout(&SocketAddr::new(address, 80), limit)?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text).map(|_| text)
    };
    ask().is_ok_and(|text: String| text.contains("200"))
}

/// From the request to start a machine to its first answer.
async fn first_answer(table: &mut Report) {
    let folder = tempfile::tempdir().unwrap();
    let definition = from_shipped("local", &folder.path().join("local")).unwrap();
    let environment = Arc::new(|name: &str| std::env::var(name).ok());
    let home = HomeMegavisor::new(definition, Arc::new(SystemClock), environment);
    let scope = home.scope().clone();
    let door = Door::open(folder.path(), scope, Arc::new(home)).await;
    let wanted = NewInstance {
        image: Some("http".parse().unwrap()),
        ..NewInstance::default()
    };
    let id = door.begin(Action::RequestInstance(wanted)).await;
    let made = door.end(id).await;
    let id = made.outcome().unwrap().ids[0].clone();
    let found = door
        .cloud
        .get(&door.scope, Kind::Instance, &id, Mode::Fresh);
    let found = found.await.unwrap();
    let address = found.items[0].as_instance().unwrap().private_addresses[0];
    let mut took = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        let stopped = door.begin(Action::StopInstance {
            id: id.clone(),
            force: true,
        });
        let stopped = stopped.await;
        door.end(stopped).await;
        let began = Instant::now();
        let started = door.begin(Action::StartInstance { id: id.clone() }).await;
        let until = began + PATIENCE;
        while !tokio::task::spawn_blocking(move || answers(address))
            .await
            .unwrap()
        {
            assert!(Instant::now() < until, "no answer from {address}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        took.push(millis(began.elapsed()));
        door.end(started).await;
    }
    let gone = door.begin(Action::TerminateInstance { id }).await;
    door.end(gone).await;
    door.cloud.close().await;
    took.sort_by(f64::total_cmp);
    table.row(
        "start of a local machine to its first answer",
        took[STARTS / 2],
        "ms, middle of 20",
        "<= 200",
    );
    table.row("the same, the fastest", took[0], "ms", "");
    table.row("the same, the slowest", took[STARTS - 1], "ms", "");
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut table = Report::new("clouds", "wall time; journal and cache on disk");
    runtime.block_on(async {
        many_at_once(&mut table).await;
        first_answer(&mut table).await;
    });
}
