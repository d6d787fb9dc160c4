//! A rack of one machine whose controller is a file, behind the door.

use std::sync::Arc;
use std::time::Duration;

use redeye_cloud::{
    Action, Cache, Cloud, Kind, Megavisor, Mode, OperationId, Parts, Policy, Request,
};
use redeye_cloud_home::{Definition, HomeMegavisor};
use rem_time::{Clock, Span, SystemClock};
use unidist::{BucketSpec, Unidist};

const FILE: &str = r#"
megavisor: rack
parameters: {controller: {required: true}}
defaults: {retries: [50ms]}
functions:
  query: {argv: [cat, "{controller}"], match: {on: "^on", off: "^off"}}
  start: {argv: [sh, -c, 'echo on >"$REM_CONTROLLER"'], until: {within: 5s}}
machines:
  web-1: {controller: web-1.power}
"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("web-1.power"), "off\n")?;
    let clock = Arc::new(SystemClock);
    let definition = Definition::parse("rack.yaml", FILE, folder.path())?;
    let rack = HomeMegavisor::new(definition, clock.clone(), Arc::new(|_| None));
    let scope = rack.scope().clone();
    let rack: Arc<dyn Megavisor> = Arc::new(rack);
    let parts = Parts {
        cache: Cache::in_memory(Policy::default(), clock.clone()),
        journal: Unidist::memory().consistent("operations", BucketSpec::default())?,
        clock: clock.clone(),
    };
    let cloud = Cloud::new(parts, [rack]);
    let now = clock.now();
    let start = Request {
        id: OperationId::random(now),
        scope: scope.clone(),
        action: Action::StartInstance {
            id: "web-1".parse()?,
        },
        deadline: now + Span::from_seconds(60),
    };
    for step in cloud.plan(&start).await?.steps {
        println!("{}: {}", step.what, step.call.join(" "));
    }
    let id = cloud.begin(start, "ann").await?;
    let operation = cloud.wait(id, Duration::from_secs(60), |_| {}).await?;
    println!("{}", operation.state.name());
    for item in cloud.list(&scope, Kind::Instance, Mode::Fresh).await?.items {
        println!("{}", serde_json::to_string(&item)?);
    }
    Ok(())
}
