//! Listings are whole, or say that they are not.

use std::collections::BTreeSet;

use redeye_cloud::{Action, Kind, Megavisor, Mode, Origin, Tags, Why};
use rem_ec2_fake::{FakeEc2, Fault, PAGE};

use crate::rig::{Rig, id, impatient};

#[tokio::test]
async fn all_pages_of_everything_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let fake = FakeEc2::start();
    let rig = Rig::of(&fake, folder.path()).await;
    let ids: BTreeSet<String> = fake.with_instances(23).into_iter().collect();
    let listing = rig.list(Kind::Instance).await;
    let found = listing.items.iter().map(|one| one.id().to_string());
    assert_eq!(found.collect::<BTreeSet<String>>(), ids);
    assert_eq!(fake.sent("DescribeInstances"), 23_usize.div_ceil(PAGE));
    for number in 0..12 {
        let name = format!("fw-{number}");
        let tags = Tags::new();
        let firewall = Action::CreateFirewall {
            name,
            description: None,
            tags,
        };
        assert!(rig.well(firewall).await);
    }
    assert_eq!(rig.list(Kind::Firewall).await.items.len(), 13);
    assert_eq!(rig.list(Kind::Size).await.items.len(), 6);
    for kind in Kind::ALL {
        rig.list(kind).await;
    }
}

#[tokio::test]
async fn a_listing_that_breaks_off_is_never_whole() {
    let folder = tempfile::tempdir().unwrap();
    let fake = FakeEc2::start();
    fake.with_instances(23);
    let rig = Rig::new(impatient(fake.endpoint()), &folder.path().join("journal")).await;
    for fault in [
        Fault::Throttle,
        Fault::Internal,
        Fault::Denied,
        Fault::Reset,
        Fault::Truncate,
        Fault::EmptyBody,
        Fault::Html,
        Fault::NoSet,
        Fault::Hang,
    ] {
        fake.forget();
        fake.fail_after("DescribeInstances", 2, 1, fault.clone());
        let listing = rig.ec2.list(&rig.scope, Kind::Instance).await.unwrap();
        assert!(!listing.complete && !listing.is_proof(), "{fault:?}");
        assert_eq!(listing.items.len(), 2 * PAGE, "{fault:?}");
        assert_eq!(fake.seen().len(), 3, "{fault:?}: and nobody asked again");
    }
}

#[tokio::test]
async fn a_listing_that_is_suddenly_empty_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let fake = FakeEc2::start();
    let ids = fake.with_instances(8);
    let rig = Rig::of(&fake, folder.path()).await;
    let list = |mode| rig.cloud.list(&rig.scope, Kind::Instance, mode);
    assert_eq!(list(Mode::Fresh).await.unwrap().items.len(), 8);
    fake.fail("DescribeInstances", 1, Fault::EmptySet);
    let listing = list(Mode::Fresh).await.unwrap();
    assert_eq!(listing.items.len(), 8);
    let Origin::Cache { why, .. } = &listing.origin else {
        panic!("{:?}", listing.origin);
    };
    assert!(matches!(why, Why::Suspect { before: 8, now: 0 }), "{why:?}");
    assert!(listing.items.iter().any(|one| *one.id() == id(&ids[0])));
}
