use rem_time::{Span, Timestamp};
use unidist::{BucketSpec, Unidist};

use super::*;
use crate::action::{Action, NewInstance};
use crate::cache::Policy;
use crate::fake::{FakeMegavisor, Fault, On, Seen};
use crate::progress::Outcome;
use crate::resource::Power;
use crate::verb::Verb;

/// The wall clock by tokio's.
#[derive(Debug)]
struct TokioClock(Instant);

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        let passed = Span::from_secs_f64(self.0.elapsed().as_secs_f64());
        Timestamp::from_seconds(1_800_000_000) + passed
    }
}

struct Rig {
    fake: Arc<FakeMegavisor>,
    clock: Arc<TokioClock>,
    unidist: Unidist,
    cloud: Cloud,
    numbers: std::cell::Cell<u8>,
}

fn rig_of(fake: FakeMegavisor) -> Rig {
    let fake = Arc::new(fake);
    fake.with_instances(["i-1", "i-2", "i-3"]);
    let clock = Arc::new(TokioClock(Instant::now()));
    let unidist = Unidist::memory_with(clock.clone());
    let cloud = door(&fake, &clock, &unidist);
    Rig {
        fake,
        clock,
        unidist,
        cloud,
        numbers: std::cell::Cell::new(0),
    }
}

fn rig() -> Rig {
    rig_of(FakeMegavisor::new("fake/test/here".parse().unwrap()))
}

fn door(fake: &Arc<FakeMegavisor>, clock: &Arc<TokioClock>, unidist: &Unidist) -> Cloud {
    let parts = Parts {
        cache: Cache::in_memory(Policy::default(), clock.clone()),
        journal: unidist
            .consistent("operations", BucketSpec::default())
            .unwrap(),
        clock: clock.clone(),
    };
    let megavisor: Arc<dyn Megavisor> = fake.clone();
    Cloud::new(parts, [megavisor])
}

fn stop(id: &str) -> Action {
    Action::StopInstance {
        id: id.parse().unwrap(),
        force: false,
    }
}

fn start(id: &str) -> Action {
    Action::StartInstance {
        id: id.parse().unwrap(),
    }
}

fn new_instance() -> Action {
    Action::RequestInstance(NewInstance {
        name: Some("web".into()),
        ..NewInstance::default()
    })
}

impl Rig {
    fn request(&self, action: Action) -> Request {
        self.numbers.set(self.numbers.get() + 1);
        let now = self.clock.now();
        Request {
            id: OperationId::new(now, [self.numbers.get(); 10]),
            scope: self.fake.scope(),
            action,
            deadline: now + Span::from_seconds(120),
        }
    }

    async fn begin(&self, action: Action) -> OperationId {
        self.cloud.begin(self.request(action), "ann").await.unwrap()
    }

    async fn end(&self, id: OperationId) -> Operation {
        let limit = Duration::from_secs(600);
        self.cloud.wait(id, limit, |_| {}).await.unwrap()
    }

    async fn power(&self, id: &str) -> Power {
        let id = id.parse().unwrap();
        let scope = self.fake.scope();
        let found = self.fake.get(&scope, Kind::Instance, &id).await.unwrap();
        found.unwrap().as_instance().unwrap().power
    }

    /// A process that dies, and the next one.
    async fn crash(&mut self) {
        let mut tasks = std::mem::take(&mut *self.cloud.inner.tasks.lock());
        tasks.shutdown().await;
        // Longer than the lease of whoever worked.
        tokio::time::sleep(Duration::from_secs(11)).await;
        self.cloud = door(&self.fake, &self.clock, &self.unidist);
    }
}

fn texts(operation: &Operation) -> Vec<&str> {
    let lines = operation.lines.iter();
    lines.map(|line| line.text.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn an_operation_is_written_down_sent_followed_and_done() {
    let rig = rig();
    let id = rig.begin(stop("i-1")).await;
    let operation = rig.end(id).await;
    let ids = vec!["i-1".parse().unwrap()];
    assert_eq!(operation.outcome(), Some(&Outcome::changed(ids)));
    assert_eq!(
        texts(&operation),
        [
            "accepted from ann",
            "sending",
            "under way: i-1",
            "the state changes",
            "done: i-1"
        ]
    );
    assert_eq!(rig.power("i-1").await, Power::Off);
    let again = rig.begin(stop("i-1")).await;
    let operation = rig.end(again).await;
    assert!(!operation.outcome().unwrap().changed, "it was so already");
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_tried_again_and_what_does_not_is_not() {
    let rig = rig();
    let verb = Verb::StopInstance;
    rig.fake
        .fail(On::Begin(verb), 3, Fault::Error(Class::Throttled));
    rig.fake
        .fail(On::Begin(verb), 2, Fault::Error(Class::Unavailable));
    let id = rig.begin(stop("i-1")).await;
    let operation = rig.end(id).await;
    assert!(operation.outcome().is_some(), "{:?}", operation.state);
    assert_eq!((operation.sent, rig.fake.begun(verb)), (6, 6));

    let verb = Verb::StartInstance;
    for class in [Class::Denied, Class::Invalid, Class::Quota, Class::Conflict] {
        let before = rig.fake.begun(verb);
        rig.fake.fail(On::Begin(verb), 1, Fault::Error(class));
        let id = rig.begin(start("i-1")).await;
        let OperationState::Failed { error } = rig.end(id).await.state else {
            panic!("not failed");
        };
        assert_eq!(error.class, class);
        assert_eq!(rig.fake.begun(verb), before + 1, "once");
    }
    let figures = rig.cloud.figures().await.unwrap();
    let errors = |class| figures.write_errors[&(rig.fake.scope(), class)];
    assert_eq!(errors(Class::Throttled), 3);
    assert_eq!(errors(Class::Denied), 1);
    assert_eq!(figures.ended[&(rig.fake.scope(), "failed")], 4);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_makes_no_second_machine() {
    let rig = rig();
    let verb = Verb::RequestInstance;
    for fault in [Fault::AnswerLost, Fault::NotSent] {
        rig.fake.fail(On::Begin(verb), 1, fault);
        rig.fake
            .fail(On::Recover, 1, Fault::Error(Class::Unavailable));
        let id = rig.begin(new_instance()).await;
        assert!(rig.end(id).await.outcome().is_some());
    }
    let scope = rig.fake.scope();
    let listing = rig.fake.list(&scope, Kind::Instance).await.unwrap();
    assert_eq!(listing.items.len(), 5, "two new ones");
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_process_began_is_finished_by_the_next() {
    let mut rig = rig();
    rig.fake.changes_take(Duration::from_secs(30));
    let id = rig.begin(new_instance()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = rig.cloud.operation(id).await.unwrap();
    assert_eq!(before.state.name(), "running");
    rig.crash().await;
    assert_eq!(rig.cloud.resume().await.unwrap(), [id]);
    assert!(rig.end(id).await.outcome().is_some());
    assert_eq!(rig.fake.begun(Verb::RequestInstance), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_closed_process_leaves_is_gone_on_with_at_once() {
    let mut rig = rig();
    rig.fake.changes_take(Duration::from_secs(30));
    let id = rig.begin(stop("i-1")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    rig.cloud.close().await;
    rig.cloud = door(&rig.fake, &rig.clock, &rig.unidist);
    let since = Instant::now();
    assert_eq!(rig.cloud.resume().await.unwrap(), [id]);
    assert!(since.elapsed() < Duration::from_secs(1));
    let limit = Duration::from_secs(60);
    let ended = rig.cloud.wait(id, limit, |_| {}).await.unwrap();
    assert!(ended.outcome().is_some(), "its target was free too");
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_sending_and_hearing_is_found_out_about() {
    let mut rig = rig();
    rig.fake.slow(Duration::from_secs(5));
    let id = rig.begin(new_instance()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = rig.cloud.operation(id).await.unwrap();
    assert_eq!(before.state.name(), "sending");
    rig.crash().await;
    // Whoever waits takes it over.
    assert!(rig.end(id).await.outcome().is_some());
    let recovered = |seen: &&Seen| matches!(seen, Seen::Recover(_));
    assert_eq!(rig.fake.seen().iter().filter(recovered).count(), 1);
    let scope = rig.fake.scope();
    let listing = rig.fake.list(&scope, Kind::Instance).await.unwrap();
    assert_eq!(listing.items.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn two_operations_on_one_machine_follow_each_other() {
    let rig = rig();
    rig.fake.changes_take(Duration::from_secs(3));
    let (first, second) = (rig.begin(stop("i-1")).await, rig.begin(start("i-1")).await);
    let other = rig.begin(stop("i-2")).await;
    let other = rig.end(other).await;
    let (first, second) = (rig.end(first).await, rig.end(second).await);
    assert!(first.changed <= second.changed);
    assert!(other.changed < second.changed, "others do not wait");
    assert_eq!(second.outcome().map(|done| done.changed), Some(true));
    assert_eq!(rig.power("i-1").await, Power::On);
}

#[tokio::test(start_paused = true)]
async fn two_processes_do_not_work_on_one_machine_at_once() {
    let rig = rig();
    rig.fake.changes_take(Duration::from_secs(3));
    let other = door(&rig.fake, &rig.clock, &rig.unidist);
    let first = rig.begin(stop("i-1")).await;
    let second = other.begin(rig.request(start("i-1")), "bob").await.unwrap();
    let limit = Duration::from_secs(60);
    assert!(
        other
            .wait(first, limit, |_| {})
            .await
            .unwrap()
            .outcome()
            .is_some()
    );
    let second = rig.end(second).await;
    assert_eq!(second.outcome().map(|done| done.changed), Some(true));
    assert_eq!(rig.fake.begun(Verb::StopInstance), 1);
}

#[tokio::test(start_paused = true)]
async fn a_controller_is_left_to_rest_between_two_writes() {
    let fake = FakeMegavisor::new("fake/test/here".parse().unwrap());
    let rig = rig_of(fake.treated(8, Span::from_seconds(5)));
    let since = Instant::now();
    let first = rig.begin(stop("i-1")).await;
    rig.end(first).await;
    let second = rig.begin(start("i-1")).await;
    rig.end(second).await;
    assert!(Duration::from_secs(5) <= since.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_it() {
    let rig = rig();
    let verb = Verb::StopInstance;
    rig.fake
        .fail(On::Begin(verb), 9_999, Fault::Error(Class::Unavailable));
    let id = rig.begin(stop("i-1")).await;
    let OperationState::Failed { error } = rig.end(id).await.state else {
        panic!("not failed");
    };
    assert_eq!(error.message, "the deadline passed before it was sent");
    rig.fake.mend();
    rig.fake.changes_take(Duration::from_secs(1_000));
    let id = rig.begin(stop("i-2")).await;
    let OperationState::Failed { error } = rig.end(id).await.state else {
        panic!("not failed");
    };
    assert_eq!(error.message, "the deadline passed while it was under way");
}

#[tokio::test(start_paused = true)]
async fn what_is_stuck_closes_its_target_until_a_person_has_looked() {
    let rig = rig();
    let verb = Verb::TerminateInstance;
    let terminate = Action::TerminateInstance {
        id: "i-1".parse().unwrap(),
    };
    rig.fake.fail(On::Begin(verb), 1, Fault::AnswerLost);
    rig.fake.fail(On::Recover, 1, Fault::Error(Class::Denied));
    let id = rig.begin(terminate).await;
    assert_eq!(rig.end(id).await.state.name(), "stuck");
    let open = rig.cloud.operations(false).await.unwrap();
    assert_eq!(open.len(), 1, "it is still shown");

    let refused = rig.cloud.begin(rig.request(start("i-1")), "ann").await;
    let error = refused.unwrap_err().to_string();
    let wanted =
        format!("instance start: conflict: operation {id} on it is stuck: resolve that first");
    assert_eq!(error, wanted);
    let early = rig.begin(start("i-2")).await;
    assert!(rig.cloud.resolve(early, "ann", "hm").await.is_err());
    rig.cloud
        .resolve(id, "ann", "it was terminated")
        .await
        .unwrap();
    assert!(rig.cloud.operations(false).await.unwrap().is_empty() || early != id);
    rig.cloud
        .begin(rig.request(start("i-2")), "ann")
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_operation_is_stopped_before_or_after_it_was_sent() {
    let rig = rig();
    rig.fake.changes_take(Duration::from_secs(60));
    let (first, second) = (rig.begin(stop("i-1")).await, rig.begin(start("i-1")).await);
    tokio::time::sleep(Duration::from_secs(1)).await;
    rig.cloud.cancel(second, "bob").await.unwrap();
    rig.cloud.cancel(first, "bob").await.unwrap();
    assert_eq!(rig.end(first).await.state.name(), "cancelled");
    let second = rig.end(second).await;
    let OperationState::Cancelled { why } = &second.state else {
        panic!("{:?}", second.state);
    };
    assert_eq!(why, "bob stopped it before it was sent");
    assert_eq!(rig.fake.begun(Verb::StartInstance), 0);
    assert!(rig.cloud.cancel(first, "bob").await.is_err(), "it is over");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_done_is_refused_before_it_is_written_down() {
    let able = crate::capability::Capabilities::new([Kind::Instance], [Verb::StopInstance]);
    let fake = FakeMegavisor::new("fake/test/here".parse().unwrap()).able_to(able);
    let rig = rig_of(fake);
    let refused = rig.cloud.begin(rig.request(start("i-1")), "ann").await;
    let error = refused.unwrap_err().to_string();
    assert_eq!(
        error,
        "instance start: unsupported: the megavisor fake cannot do this: instance start"
    );
    let volumes = rig
        .cloud
        .list(&rig.fake.scope(), Kind::Volume, Mode::Usual)
        .await;
    assert_eq!(volumes.unwrap_err().class, Class::Unsupported);
    let elsewhere = Request {
        scope: "mars/test/here".parse().unwrap(),
        ..rig.request(stop("i-1"))
    };
    let error = rig.cloud.begin(elsewhere, "ann").await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("there is no megavisor mars; there are: fake")
    );
    assert!(rig.cloud.operations(true).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_thousand_operations_at_once_end_well() {
    let rig = rig();
    let names: Vec<String> = (0..1_000).map(|n| format!("m-{n:04}")).collect();
    rig.fake.with_instances(names.iter().map(String::as_str));
    let now = rig.clock.now();
    let mut ids = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let mut chance = [0; 10];
        chance[..8].copy_from_slice(&(at as u64).to_be_bytes());
        let request = Request {
            id: OperationId::new(now, chance),
            scope: rig.fake.scope(),
            action: stop(name),
            deadline: now + Span::from_seconds(600),
        };
        ids.push(rig.cloud.begin(request, "ann").await.unwrap());
    }
    for id in ids {
        assert!(rig.end(id).await.outcome().is_some());
    }
    assert_eq!(rig.fake.begun(Verb::StopInstance), 1_000);
    let figures = rig.cloud.figures().await.unwrap();
    assert_eq!(figures.ended[&(rig.fake.scope(), "done")], 1_000);
    assert!(figures.open.is_empty(), "{:?}", figures.open);
    assert!(figures.write_errors.is_empty());
}
