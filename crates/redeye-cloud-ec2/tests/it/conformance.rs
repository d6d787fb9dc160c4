//! What every megavisor does, here by EC2.

use redeye_cloud::{Action, Class, DoorError, Kind, Lifecycle, Megavisor, Power};
use rem_ec2_fake::{FakeEc2, Pace};
use rem_time::Span;

use crate::rig::{Rig, id, settings, start, stop, terminate};

/// From nothing to a machine, on and off, and to nothing again.
pub(crate) async fn conform(rig: &Rig) {
    let web = rig.made(Action::RequestInstance(rig.wanted.clone())).await;
    assert_eq!(rig.power(&web).await, Power::On);
    let found = rig.get(Kind::Instance, &web).await.unwrap();
    let instance = found.as_instance().unwrap();
    assert_eq!(instance.name.as_deref(), Some("web"));
    assert_eq!(instance.size, rig.wanted.size);
    assert!(instance.tags.contains_key("rem:op"));

    assert!(!rig.well(start(&web)).await, "it ran already");
    assert!(rig.well(stop(&web, false)).await);
    assert_eq!(rig.power(&web).await, Power::Off);
    assert!(!rig.well(stop(&web, false)).await, "it was off");
    assert!(rig.well(start(&web)).await);
    assert!(rig.well(stop(&web, true)).await);
    assert!(rig.well(start(&web)).await);
    let reboot = Action::RebootInstance {
        id: web.clone(),
        force: false,
    };
    assert!(rig.well(reboot).await);
    assert_eq!(rig.power(&web).await, Power::On);

    // Both at once: one after the other, and the last one's word holds.
    let (first, second) = (
        rig.begin(start(&web)).await,
        rig.begin(stop(&web, true)).await,
    );
    let (first, second) = (rig.end(first).await, rig.end(second).await);
    assert!(first.outcome().is_some(), "{:#?}", first.lines);
    assert!(second.outcome().is_some(), "{:#?}", second.lines);
    assert!(first.changed <= second.changed);
    assert_eq!(rig.power(&web).await, Power::Off);

    let protect = |on| Action::ProtectInstance {
        id: web.clone(),
        on,
    };
    assert!(rig.well(protect(true)).await);
    let found = rig.get(Kind::Instance, &web).await.unwrap();
    assert!(found.as_instance().unwrap().protected);
    assert_eq!(rig.refused(terminate(&web)).await, "conflict");
    assert!(rig.well(protect(false)).await);

    assert!(rig.well(terminate(&web)).await);
    let found = rig.get(Kind::Instance, &web).await;
    let lifecycle = found.map(|one| one.as_instance().unwrap().lifecycle.clone());
    assert_eq!(lifecycle, Some(Lifecycle::Terminated));
    assert!(!rig.well(terminate(&web)).await, "it was gone already");
    let never = id("i-0123456789abcdef0");
    assert_eq!(rig.refused(terminate(&never)).await, "not_found");
    assert_eq!(rig.get(Kind::Instance, &never).await, None);
}

#[tokio::test]
async fn a_machine_comes_is_switched_and_goes() {
    let folder = tempfile::tempdir().unwrap();
    let fake = FakeEc2::start();
    let rig = Rig::of(&fake, folder.path()).await;
    conform(&rig).await;
    assert_eq!(fake.sent("RunInstances"), 1);
    assert_eq!(fake.sent("StartInstances"), 2, "what ran was left alone");
    let tokens = fake.meant("RunInstances");
    assert_eq!(tokens[0].get("ClientToken").map(str::len), Some(26));
}

#[tokio::test]
async fn slow_states_and_things_that_are_not_seen_at_once_are_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let fake = FakeEc2::start();
    fake.pace(Pace::Looks(5));
    fake.hide_new_for(4);
    let rig = Rig::of(&fake, folder.path()).await;
    conform(&rig).await;
    assert_eq!(fake.sent("RunInstances"), 1);
}

#[tokio::test]
async fn wrong_credentials_are_tried_once() {
    let folder = tempfile::tempdir().unwrap();
    let fake = FakeEc2::start();
    let mut wrong = settings(fake.endpoint());
    wrong.keys.as_mut().unwrap().id = "AKIDOTHER".into();
    let rig = Rig::new(wrong, &folder.path().join("journal")).await;
    let error = rig.ec2.list(&rig.scope, Kind::Instance).await.unwrap_err();
    assert_eq!(error.class, Class::Denied, "{error}");
    assert_eq!(error.code.as_deref(), Some("AuthFailure"));
    assert_eq!(fake.seen().len(), 1);

    let action = Action::RequestInstance(rig.wanted.clone());
    let request = rig.request(action, Span::from_seconds(60));
    let Err(DoorError::Cloud(error)) = rig.cloud.begin(request, "test").await else {
        panic!("accepted");
    };
    assert_eq!(error.class, Class::Denied);
    assert_eq!(fake.seen().len(), 2, "asked whether it would, and no more");
    assert_eq!(fake.sent("RunInstances"), 0);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_before_it_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let fake = FakeEc2::start();
    let rig = Rig::of(&fake, folder.path()).await;
    let mut wanted = rig.wanted.clone();
    wanted.image = Some(id("ami-9999"));
    assert_eq!(
        rig.refused(Action::RequestInstance(wanted.clone())).await,
        "not_found"
    );
    wanted.image = None;
    assert_eq!(
        rig.refused(Action::RequestInstance(wanted)).await,
        "invalid"
    );
    let mut wanted = rig.wanted.clone();
    wanted.size = Some(id("t9.huge"));
    assert_eq!(
        rig.refused(Action::RequestInstance(wanted)).await,
        "invalid"
    );
    let reboot = Action::RebootInstance {
        id: id("i-1"),
        force: true,
    };
    assert_eq!(rig.refused(reboot).await, "unsupported");
    assert_eq!(fake.sent("RunInstances"), 0);
    assert!(rig.cloud.operations(true).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_plan_says_what_would_be_sent_and_sends_only_dry_runs() {
    let folder = tempfile::tempdir().unwrap();
    let fake = FakeEc2::start();
    let ids = fake.with_instances(2);
    let rig = Rig::of(&fake, folder.path()).await;
    let plan = |action| {
        let request = rig.request(action, Span::from_seconds(60));
        let rig = &rig;
        async move { rig.cloud.plan(&request).await.unwrap() }
    };
    let planned = plan(terminate(&id(&ids[0]))).await;
    let call = [
        "TerminateInstances".to_owned(),
        format!("InstanceId={}", ids[0]),
    ];
    assert_eq!(planned.steps[0].call, call);
    assert_eq!(planned.steps[0].targets, [id(&ids[0])]);
    assert_eq!(planned.notes, ["EC2 says that it would do it"]);
    let planned = plan(start(&id(&ids[0]))).await;
    assert_eq!(planned.notes, ["it is so already"]);
    fake.fail("*", 9, rem_ec2_fake::Fault::Throttle);
    let planned = plan(stop(&id(&ids[0]), false)).await;
    assert!(planned.notes[0].starts_with("EC2 was not asked: RequestLimitExceeded"));
    assert_eq!(
        fake.sent("TerminateInstances") + fake.sent("StopInstances"),
        0
    );
    assert_eq!(fake.instances().len(), 2);
}
