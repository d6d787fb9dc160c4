use super::*;
use crate::action::{NewInstance, NewVolume};
use crate::resource::Tags;

fn fake() -> FakeMegavisor {
    FakeMegavisor::new("fake/test/here".parse().unwrap())
}

fn request(fake: &FakeMegavisor, chance: u8, action: Action) -> Request {
    let now = Timestamp::from_seconds(1_800_000_000);
    Request {
        id: OperationId::new(now, [chance; 10]),
        scope: fake.scope(),
        action,
        deadline: now + Span::from_seconds(60),
    }
}

async fn finish(fake: &FakeMegavisor, request: &Request) -> Outcome {
    let mut handle = match fake.begin(request).await.unwrap() {
        Begun::Done(outcome) => return outcome,
        Begun::Running(handle) => handle,
    };
    loop {
        tokio::time::sleep(handle.poll_after.as_duration()).await;
        match fake.poll(request, &handle).await.unwrap() {
            Progress::Running { handle: next, .. } => handle = next,
            Progress::Done(outcome) => return outcome,
            Progress::Failed(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_stops_some_time_after_it_was_asked_to() {
    let fake = fake();
    fake.with_instances(["web-1"]);
    let id: Id = "web-1".parse().unwrap();
    let stop = request(
        &fake,
        1,
        Action::StopInstance {
            id: id.clone(),
            force: false,
        },
    );
    let begun = fake.begin(&stop).await.unwrap();
    let seen = fake.get(&fake.scope(), Kind::Instance, &id).await.unwrap();
    let during = seen.unwrap();
    assert_eq!(during.as_instance().unwrap().power, Power::On);
    assert_eq!(during.as_instance().unwrap().lifecycle, Lifecycle::Stopping);
    assert_eq!(fake.begin(&stop).await.unwrap(), begun, "sent again");

    tokio::time::sleep(Duration::from_secs(1)).await;
    let Begun::Running(handle) = begun else {
        panic!("at once");
    };
    assert!(matches!(
        fake.poll(&stop, &handle).await.unwrap(),
        Progress::Done(Outcome { changed: true, .. })
    ));
    let again = request(&fake, 2, Action::StopInstance { id, force: false });
    assert!(matches!(
        fake.begin(&again).await.unwrap(),
        Begun::Done(Outcome { changed: false, .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_answer_was_lost_is_found_again() {
    let fake = fake();
    let wanted = NewInstance {
        name: Some("web-1".into()),
        ..NewInstance::default()
    };
    let verb = Verb::RequestInstance;
    let new = request(&fake, 1, Action::RequestInstance(wanted));
    fake.fail(On::Begin(verb), 1, Fault::NotSent);
    assert_eq!(fake.begin(&new).await.unwrap_err().class, Class::Unclear);
    assert_eq!(fake.recover(&new).await.unwrap(), Recovered::SendAgain);

    fake.fail(On::Begin(verb), 1, Fault::AnswerLost);
    assert_eq!(fake.begin(&new).await.unwrap_err().class, Class::Unclear);
    assert!(matches!(
        fake.recover(&new).await.unwrap(),
        Recovered::Adopt(Begun::Running(_))
    ));
    let listing = fake.list(&fake.scope(), Kind::Instance).await.unwrap();
    assert_eq!(listing.items.len(), 1, "made once");
}

#[tokio::test(start_paused = true)]
async fn a_volume_goes_from_instance_to_snapshot_and_back() {
    let fake = fake();
    fake.with_instances(["web-1"]);
    let wanted = NewVolume {
        name: None,
        bytes: Some(1 << 30),
        zone: None,
        snapshot: None,
        sort: None,
        tags: Tags::new(),
    };
    let create = request(&fake, 1, Action::CreateVolume(wanted.clone()));
    let id = finish(&fake, &create).await.ids[0].clone();
    let attach = Action::AttachVolume {
        id: id.clone(),
        instance: "web-1".parse().unwrap(),
        device: Some("/dev/sdf".into()),
    };
    finish(&fake, &request(&fake, 2, attach)).await;
    let delete = request(&fake, 3, Action::DeleteVolume { id: id.clone() });
    let refused = fake.begin(&delete).await.unwrap_err();
    assert_eq!(refused.class, Class::Conflict);

    let snapshot = Action::CreateSnapshots {
        volumes: vec![id],
        description: None,
        tags: Tags::new(),
    };
    let of = finish(&fake, &request(&fake, 4, snapshot)).await.ids[0].clone();
    let restored = NewVolume {
        bytes: None,
        snapshot: Some(of),
        ..wanted
    };
    let restore = request(&fake, 5, Action::CreateVolume(restored));
    let id = finish(&fake, &restore).await.ids[0].clone();
    let volume = fake.get(&fake.scope(), Kind::Volume, &id).await.unwrap();
    assert_eq!(volume.unwrap().as_volume().unwrap().bytes, 1 << 30);
}

#[tokio::test(start_paused = true)]
async fn listings_fail_as_they_are_told_to() {
    let fake = fake();
    fake.with_instances(["a", "b", "c"]);
    let scope = fake.scope();
    let on = On::List(Kind::Instance);
    fake.fail(on, 1, Fault::Error(Class::Throttled));
    fake.fail(on, 1, Fault::Truncate(1));
    fake.fail(on, 1, Fault::Empty);
    let throttled = fake.list(&scope, Kind::Instance).await.unwrap_err();
    assert_eq!(throttled.class, Class::Throttled);
    let cut = fake.list(&scope, Kind::Instance).await.unwrap();
    assert!(!cut.complete);
    assert_eq!(cut.items.len(), 1);
    let empty = fake.list(&scope, Kind::Instance).await.unwrap();
    assert!(empty.items.is_empty() && empty.complete);
    assert_eq!(
        fake.list(&scope, Kind::Instance).await.unwrap().items.len(),
        3
    );
    fake.fail(on, 1, Fault::Hang);
    let limit = Duration::from_secs(60);
    let hung = tokio::time::timeout(limit, fake.list(&scope, Kind::Instance)).await;
    assert!(hung.is_err());
    assert_eq!(fake.seen().len(), 5);
}
