//! Every fault, on reads and on writes. Whatever happens, exactly what was planned
//! is done, and not more.

use std::time::{Duration, Instant};

use redeye_cloud::{Action, Class, Id, Kind, Megavisor, Mode, OperationState, Origin, Tags};
use rem_ec2_fake::{FakeEc2, Fault, Pace};
use rem_time::Span;

use crate::rig::{Rig, id, impatient, settings, stop, terminate};

#[tokio::test]
async fn no_fault_of_a_read_looks_like_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let fake = FakeEc2::start();
    fake.with_instances(3);
    let rig = Rig::new(impatient(fake.endpoint()), &folder.path().join("journal")).await;
    for (fault, class) in [
        (Fault::Throttle, Class::Throttled),
        (Fault::Internal, Class::Unavailable),
        (Fault::Unavailable, Class::Unavailable),
        (Fault::Denied, Class::Denied),
        (Fault::Reset, Class::Unavailable),
        (Fault::Truncate, Class::Unavailable),
        (Fault::EmptyBody, Class::Protocol),
        (Fault::Html, Class::Protocol),
        (Fault::OtherNamespace, Class::Protocol),
        (Fault::NoSet, Class::Protocol),
        (Fault::Hang, Class::Unavailable),
    ] {
        for kind in [
            Kind::Instance,
            Kind::Volume,
            Kind::LoadBalancer,
            Kind::FloatingIp,
        ] {
            fake.forget();
            fake.fail("*", 1, fault.clone());
            let error = rig.ec2.list(&rig.scope, kind).await.unwrap_err();
            assert_eq!(error.class, class, "{fault:?} of {kind}: {error}");
            assert_eq!(fake.seen().len(), 1, "{fault:?}: tried once");
            let asked = error.retry_after.is_some();
            assert_eq!(asked, class == Class::Throttled, "{fault:?}");
        }
        // Nor does one thing look gone.
        fake.fail("*", 1, fault.clone());
        let one = id("i-00000001");
        let gone = rig.ec2.get(&rig.scope, Kind::Instance, &one);
        assert_eq!(gone.await.unwrap_err().class, class, "{fault:?}");
    }
    fake.fail("*", 1, Fault::Slow(Duration::from_millis(300)));
    assert_eq!(rig.list(Kind::Instance).await.items.len(), 3);
}

#[tokio::test]
async fn nobody_there_is_unavailable_at_once_and_answered_from_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let fake = FakeEc2::start();
    fake.with_instances(3);
    let rig = Rig::of(&fake, folder.path()).await;
    let list = || rig.cloud.list(&rig.scope, Kind::Instance, Mode::Fresh);
    assert_eq!(list().await.unwrap().origin, Origin::Live);
    drop(fake);
    let since = Instant::now();
    let listing = list().await.unwrap();
    assert!(
        since.elapsed() < Duration::from_secs(10),
        "{:?}",
        since.elapsed()
    );
    assert_eq!(listing.items.len(), 3);
    assert!(listing.origin.age().is_some());
    let error = rig.ec2.list(&rig.scope, Kind::Instance).await.unwrap_err();
    assert_eq!(error.class, Class::Unavailable);
    assert!(error.message.starts_with("cannot connect"), "{error}");
}

/// How a new machine ends that meets a fault when it is asked for, and how often it
/// is asked for.
async fn request_with(fault: Fault, ends: &str, sent: usize) {
    let folder = tempfile::tempdir().unwrap();
    let fake = FakeEc2::start();
    let others = fake.with_instances(3);
    let rig = Rig::new(impatient(fake.endpoint()), &folder.path().join("journal")).await;
    // The first one is the plan's dry run.
    fake.fail_after("RunInstances", 1, 1, fault.clone());
    let operation = rig.run(Action::RequestInstance(rig.wanted.clone())).await;
    assert_eq!(
        operation.state.name(),
        ends,
        "{fault:?}: {:#?}",
        operation.lines
    );
    let new = usize::from(ends == "done");
    let there = fake.instances();
    assert_eq!(there.len(), others.len() + new, "{fault:?}");
    let all = fake.meant("RunInstances");
    assert_eq!(all.len(), sent, "{fault:?}");
    let token = operation.request.id.to_string();
    assert!(
        all.iter().all(|one| one.get("ClientToken") == Some(&token)),
        "{fault:?}: only what was planned"
    );
    assert_eq!(fake.sent("TerminateInstances"), 0, "{fault:?}");
    if let Some(outcome) = operation.outcome() {
        assert!(there.iter().any(|(one, _)| *one == outcome.ids[0].as_str()));
    }
}

#[tokio::test]
async fn whatever_happens_to_a_request_there_is_one_machine_or_a_reason() {
    for (fault, ends, sent) in [
        (Fault::Throttle, "done", 2),
        (Fault::Internal, "done", 2),
        (Fault::Unavailable, "done", 2),
        (Fault::Denied, "failed", 1),
        (Fault::NoCapacity, "failed", 1),
        (Fault::Reset, "done", 2),
        (Fault::Lost, "done", 1),
        (Fault::Hang, "done", 2),
        (Fault::DoneAndHang, "done", 1),
        (Fault::Truncate, "done", 1),
        (Fault::EmptyBody, "done", 1),
        (Fault::Html, "done", 1),
        (Fault::OtherNamespace, "done", 1),
        (Fault::NoSet, "done", 1),
        (Fault::Slow(Duration::from_millis(300)), "done", 1),
    ] {
        request_with(fault, ends, sent).await;
    }
}

#[tokio::test]
async fn whatever_happens_only_the_planned_machine_is_terminated() {
    for fault in [
        Fault::Throttle,
        Fault::Internal,
        Fault::Reset,
        Fault::Lost,
        Fault::Hang,
        Fault::DoneAndHang,
        Fault::Truncate,
        Fault::EmptyBody,
        Fault::Html,
    ] {
        let folder = tempfile::tempdir().unwrap();
        let fake = FakeEc2::start();
        let ids = fake.with_instances(4);
        let rig = Rig::new(impatient(fake.endpoint()), &folder.path().join("journal")).await;
        fake.fail_after("TerminateInstances", 1, 1, fault.clone());
        // And while it is followed.
        fake.fail_after("DescribeInstances", 4, 2, fault.clone());
        assert!(rig.well(terminate(&id(&ids[1]))).await, "{fault:?}");
        let left: Vec<String> = fake.instances().into_iter().map(|(one, _)| one).collect();
        assert_eq!(left, [&*ids[0], &*ids[2], &*ids[3]], "{fault:?}");
        for params in fake.meant("TerminateInstances") {
            assert_eq!(params.all("InstanceId"), [ids[1].as_str()], "{fault:?}");
        }
        assert!(fake.sent("TerminateInstances") <= 2, "{fault:?}");
        assert_eq!(fake.sent("RunInstances"), 0);
    }
}

#[tokio::test]
async fn throttling_is_sat_out_until_the_deadline_without_a_storm() {
    let folder = tempfile::tempdir().unwrap();
    let fake = FakeEc2::start();
    let ids = fake.with_instances(2);
    let rig = Rig::of(&fake, folder.path()).await;
    fake.fail("*", u32::MAX, Fault::Throttle);
    let since = Instant::now();
    let request = rig.request(stop(&id(&ids[0]), false), Span::from_seconds(5));
    let stopped = rig.cloud.begin(request, "test").await.unwrap();
    let OperationState::Failed { error } = rig.end(stopped).await.state else {
        panic!("not failed");
    };
    assert!(
        Duration::from_millis(4_900) < since.elapsed(),
        "it gave up: {error}"
    );
    assert!(since.elapsed() < Duration::from_secs(30));
    assert!(fake.seen().len() <= 7, "a storm: {}", fake.seen().len());

    // And it works when there is room again.
    fake.mend();
    fake.fail("*", 4, Fault::Throttle);
    assert!(rig.well(stop(&id(&ids[1]), false)).await);
}

#[tokio::test]
async fn a_token_finds_what_is_not_seen_yet() {
    let folder = tempfile::tempdir().unwrap();
    let fake = FakeEc2::start();
    let rig = Rig::of(&fake, folder.path()).await;
    fake.hide_new_for(5);
    fake.fail_after("RunInstances", 1, 1, Fault::Lost);
    let web = rig.made(Action::RequestInstance(rig.wanted.clone())).await;
    assert_eq!(fake.instances(), [(web.to_string(), "running".to_owned())]);
    assert_eq!(
        fake.sent("RunInstances"),
        2,
        "the same token, the same machine"
    );
}

#[tokio::test]
async fn what_has_no_token_is_found_by_its_tag() {
    let folder = tempfile::tempdir().unwrap();
    let fake = FakeEc2::start();
    let rig = Rig::of(&fake, folder.path()).await;
    let tags = Tags::new;
    fake.hide_new_for(3);
    fake.fail_after("AllocateAddress", 1, 1, Fault::Lost);
    rig.made(Action::AllocateIp { tags: tags() }).await;
    assert_eq!(fake.sent("AllocateAddress"), 1);
    assert_eq!(rig.list(Kind::FloatingIp).await.items.len(), 1);

    fake.fail_after("CreateSecurityGroup", 1, 1, Fault::Truncate);
    let firewall = Action::CreateFirewall {
        name: "web".into(),
        description: None,
        tags: tags(),
    };
    rig.made(firewall).await;
    assert_eq!(fake.sent("CreateSecurityGroup"), 1);

    // The private half of a key was in the answer that nobody heard.
    fake.fail_after("CreateKeyPair", 1, 1, Fault::Lost);
    let name = "ann".to_owned();
    let operation = rig.run(Action::CreateKey { name, tags: tags() }).await;
    assert_eq!(operation.outcome().unwrap().ids, [id("ann")]);
    let secret = rig.cloud.take_secret(operation.request.id).unwrap();
    assert!(secret.reveal().starts_with("-----BEGIN"));
    assert_eq!(
        (fake.sent("CreateKeyPair"), fake.sent("DeleteKeyPair")),
        (2, 1)
    );
    fake.reveal();
    assert_eq!(rig.list(Kind::KeyPair).await.items.len(), 1);
}

#[tokio::test]
async fn a_reboot_of_which_nobody_heard_the_end_is_left_to_a_person() {
    let folder = tempfile::tempdir().unwrap();
    let fake = FakeEc2::start();
    let ids = fake.with_instances(1);
    let rig = Rig::of(&fake, folder.path()).await;
    fake.fail_after("RebootInstances", 1, 1, Fault::Lost);
    let web: Id = id(&ids[0]);
    let reboot = Action::RebootInstance {
        id: web.clone(),
        force: false,
    };
    let operation = rig.run(reboot).await;
    assert_eq!(operation.state.name(), "stuck");
    assert_eq!(fake.sent("RebootInstances"), 1);
    assert_eq!(rig.refused(stop(&web, false)).await, "conflict");
    rig.cloud
        .resolve(operation.request.id, "ann", "it was rebooted")
        .await
        .unwrap();
    assert!(rig.well(stop(&web, false)).await);
}

#[tokio::test]
async fn a_machine_that_never_comes_up_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let fake = FakeEc2::start();
    fake.pace(Pace::Hold);
    let rig = Rig::of(&fake, folder.path()).await;
    let begun = rig.begin(Action::RequestInstance(rig.wanted.clone())).await;
    while fake.instances().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let new = fake.instances()[0].0.clone();
    // Somebody else is faster.
    let other = settings(fake.endpoint());
    let other = Rig::new(other, &folder.path().join("other")).await;
    let gone = other.begin(terminate(&id(&new))).await;
    while fake.sent("TerminateInstances") == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    fake.settle();
    assert!(other.end(gone).await.outcome().is_some());
    let OperationState::Failed { error } = rig.end(begun).await.state else {
        panic!("not failed");
    };
    assert!(error.message.contains("terminated") || error.message.contains("shutting-down"));
}
