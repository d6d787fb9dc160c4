//! A cloud in memory behind the door: list, stop a machine, list while the cloud is down.

use std::sync::Arc;
use std::time::Duration;

use redeye_cloud::{
    Action, Cache, Class, Cloud, FakeMegavisor, Fault, Kind, Megavisor, Mode, On, OperationId,
    Origin, Parts, Policy, Request,
};
use rem_time::{Clock, Span, SystemClock};
use unidist::{BucketSpec, Unidist};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let fake = Arc::new(FakeMegavisor::new("fake/test/here".parse()?));
    fake.with_instances(["web-1", "web-2"]);
    let (scope, clock) = (fake.scope(), Arc::new(SystemClock));
    let megavisor: Arc<dyn Megavisor> = fake.clone();
    let parts = Parts {
        cache: Cache::in_memory(Policy::default(), clock.clone()),
        journal: Unidist::memory().consistent("operations", BucketSpec::default())?,
        clock: clock.clone(),
    };
    let cloud = Cloud::new(parts, [megavisor]);

    let now = clock.now();
    let stop = Request {
        id: OperationId::random(now),
        scope: scope.clone(),
        action: Action::StopInstance {
            id: "web-1".parse()?,
            force: false,
        },
        deadline: now + Span::from_seconds(60),
    };
    let id = cloud.begin(stop, "ann").await?;
    let operation = cloud.wait(id, Duration::from_secs(60), |_| {}).await?;
    for line in &operation.lines {
        println!("{} {}", line.at, line.text);
    }

    cloud.list(&scope, Kind::Instance, Mode::Fresh).await?;
    fake.fail(On::Everything, 9, Fault::Error(Class::Unavailable));
    let listing = cloud.list(&scope, Kind::Instance, Mode::Fresh).await?;
    if let Origin::Cache { age, why } = &listing.origin {
        println!("{} machines, {age} old: {why:?}", listing.items.len());
    }
    Ok(())
}
