//! Two versions of one megavisor at once.

use std::sync::Arc;

use redeye_cloud::{
    Action, Cache, Class, Cloud, Kind, Megavisor, Mode, OperationId, Parts, Policy, Request,
};
use redeye_cloud_home::{Definition, HomeMegavisor};
use rem_time::{Clock, Span, SystemClock};
use unidist::{BucketSpec, Unidist};

/// Each writes down who started the machine.
fn file(version: u32) -> String {
    format!(
        "megavisor: rack\nversion: {version}\ndefaults: {{retries: [20ms]}}\nfunctions:\n  \
         query: {{argv: [sh, -c, 'test -e on && echo on || echo off'], match: {{on: \"^on\", off: \"^off\"}}}}\n  \
         start: {{argv: [sh, -c, 'echo {version} >>started; touch on']}}\n  \
         stop: {{argv: [rm, \"on\"]}}\nmachines: {{web-{version}: {{}}}}\n"
    )
}

#[tokio::test]
async fn two_versions_stand_side_by_side_and_one_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let versions = [1, 2].map(|version| {
        let definition = Definition::parse("rack.yaml", &file(version), folder.path()).unwrap();
        let home = HomeMegavisor::new(definition, clock.clone(), Arc::new(|_| None));
        Arc::new(home) as Arc<dyn Megavisor>
    });
    let parts = Parts {
        cache: Cache::in_memory(Policy::default(), clock.clone()),
        journal: Unidist::memory()
            .consistent("operations", BucketSpec::default())
            .unwrap(),
        clock: clock.clone(),
    };
    let newest = Cloud::new(parts, versions);
    let name = "rack".parse().unwrap();
    let older = newest.at_version(&name, 1).unwrap();
    let none = newest.at_version(&name, 3).unwrap_err();
    assert_eq!(none.class, Class::Invalid);
    assert!(none.message.contains("rack@1, rack@2"), "{none}");
    for (cloud, version) in [(&newest, 2), (&older, 1)] {
        let scopes = cloud.scopes();
        let [scope] = &scopes[..] else {
            panic!("{scopes:?}");
        };
        let machine = format!("web-{version}").parse().unwrap();
        let listing = cloud.list(scope, Kind::Instance, Mode::StrictFresh).await;
        assert_eq!(listing.unwrap().items[0].id(), &machine);
        for action in [
            Action::StartInstance {
                id: machine.clone(),
            },
            Action::StopInstance {
                id: machine.clone(),
                force: false,
            },
        ] {
            let now = clock.now();
            let request = Request {
                id: OperationId::random(now),
                scope: scope.clone(),
                action,
                deadline: now + Span::from_seconds(30),
            };
            let id = cloud.begin(request, "test").await.unwrap();
            // Whoever waits need not know which version it was.
            let limit = std::time::Duration::from_secs(30);
            let ended = newest.wait(id, limit, |_| {}).await.unwrap();
            assert_eq!(ended.state.name(), "done", "{:#?}", ended.lines);
            assert_eq!(ended.version, version);
        }
    }
    let started = std::fs::read_to_string(folder.path().join("started")).unwrap();
    assert_eq!(started, "2\n1\n");
}
