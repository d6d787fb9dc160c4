use rem_time::{ManualClock, Timestamp};

use tokio::task::JoinSet;

use super::*;
use crate::fake::{FakeMegavisor, Fault, On, Seen};
use crate::listing::Warning;
use crate::resource::{Lifecycle, Power};

struct Rig {
    fake: Arc<FakeMegavisor>,
    megavisor: Arc<dyn Megavisor>,
    clock: Arc<ManualClock>,
    cache: Cache,
    scope: Scope,
}

const START: i64 = 1_800_000_000;

fn rig_in(folder: Option<&std::path::Path>) -> Rig {
    let fake = Arc::new(FakeMegavisor::new("fake/test/here".parse().unwrap()));
    fake.with_instances(["i-1", "i-2", "i-3", "i-4", "i-5"]);
    let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(START)));
    let cache = match folder {
        Some(path) => Cache::in_folder(path, Policy::default(), clock.clone()),
        None => Cache::in_memory(Policy::default(), clock.clone()),
    };
    Rig {
        megavisor: fake.clone(),
        scope: fake.scope(),
        fake,
        clock,
        cache,
    }
}

impl Rig {
    async fn list(&self, mode: Mode) -> Result<Listing<Resource>, CloudError> {
        let kind = Kind::Instance;
        self.cache
            .list(&self.megavisor, &self.scope, kind, mode)
            .await
    }

    /// How many there are, where from, and how often the cloud was asked so far.
    #[track_caller]
    fn check(&self, answer: &Listing<Resource>, items: usize, origin: &str, asked: usize) {
        let said = match &answer.origin {
            Origin::Live => "live".to_owned(),
            Origin::Cache { age, why } => {
                let why = match why {
                    Why::Fresh => "fresh",
                    Why::Refreshing => "refreshing",
                    Why::Asked => "asked",
                    Why::Failed(error) => error.class.name(),
                    Why::LeftAlone { .. } => "left alone",
                    Why::Suspect { .. } => "suspect",
                };
                format!("{age} {why}")
            }
        };
        assert_eq!((answer.items.len(), said.as_str()), (items, origin));
        assert_eq!(self.asked(), asked, "calls of the cloud");
    }

    fn asked(&self) -> usize {
        let lists = |seen: &&Seen| matches!(seen, Seen::List(_));
        self.fake.seen().iter().filter(lists).count()
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Span::from_seconds(seconds));
    }

    fn lifecycle(answer: &Listing<Resource>, id: &str) -> Lifecycle {
        let found = answer.items.iter().find(|item| item.id().as_str() == id);
        found.unwrap().as_instance().unwrap().lifecycle.clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_young_answer_comes_from_the_cache_and_an_old_one_from_the_cloud() {
    let rig = rig_in(None);
    rig.check(&rig.list(Mode::Usual).await.unwrap(), 5, "live", 1);
    rig.advance(50);
    rig.check(&rig.list(Mode::Usual).await.unwrap(), 5, "50s fresh", 1);
    rig.advance(30);
    let answer = rig.list(Mode::Usual).await.unwrap();
    rig.check(&answer, 5, "1m20s refreshing", 1);
    rig.cache.settle(Duration::from_secs(10)).await;
    rig.check(&rig.list(Mode::Usual).await.unwrap(), 5, "0s fresh", 2);
    rig.advance(200);
    rig.check(&rig.list(Mode::Usual).await.unwrap(), 5, "live", 3);
    rig.check(&rig.list(Mode::Fresh).await.unwrap(), 5, "live", 4);
    rig.advance(86_400 * 9);
    let answer = rig.list(Mode::Cached).await.unwrap();
    rig.check(&answer, 5, "9d asked", 4);
    assert_eq!(answer.warnings, [Warning::Ancient]);
    rig.advance(1);
    let limit = Mode::MaxAge(Span::from_seconds(86_400 * 30));
    rig.check(&rig.list(limit).await.unwrap(), 5, "9d1s fresh", 4);
}

#[tokio::test(start_paused = true)]
async fn a_cloud_that_is_down_is_answered_for_by_what_is_kept() {
    let rig = rig_in(None);
    rig.list(Mode::Usual).await.unwrap();
    rig.advance(600);
    for class in [
        Class::Unavailable,
        Class::Throttled,
        Class::Protocol,
        Class::Denied,
    ] {
        rig.fake.fail(On::Everything, 1, Fault::Error(class));
        let answer = rig.list(Mode::Fresh).await.unwrap();
        assert_eq!(answer.items.len(), 5);
        let Origin::Cache {
            why: Why::Failed(error),
            age,
        } = answer.origin
        else {
            panic!("{:?}", answer.origin);
        };
        assert_eq!((error.class, age), (class, Span::from_seconds(600)));
        let error = {
            rig.fake.fail(On::Everything, 1, Fault::Error(class));
            rig.list(Mode::StrictFresh).await.unwrap_err()
        };
        assert_eq!(error.class, class);
    }
    rig.fake
        .fail(On::Everything, 1, Fault::Error(Class::Invalid));
    assert!(
        rig.list(Mode::Fresh).await.is_err(),
        "what makes no sense is an error"
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_is_never_nothing_there() {
    let rig = rig_in(None);
    rig.fake
        .fail(On::Everything, 1, Fault::Error(Class::Unavailable));
    let error = rig.list(Mode::Usual).await.unwrap_err();
    assert_eq!(error.class, Class::Unavailable);
    assert_eq!(
        rig.list(Mode::Cached).await.unwrap_err().class,
        Class::Unavailable
    );
}

#[tokio::test(start_paused = true)]
async fn a_cloud_that_hangs_costs_its_reader_three_seconds_and_then_nothing() {
    let rig = rig_in(None);
    rig.list(Mode::Usual).await.unwrap();
    rig.advance(600);
    rig.fake.fail(On::Everything, 99, Fault::Hang);
    for call in 2..=4 {
        let since = Instant::now();
        let answer = rig.list(Mode::Usual).await.unwrap();
        rig.check(&answer, 5, "10m unavailable", call);
        assert_eq!(since.elapsed(), Duration::from_secs(3));
    }
    let since = Instant::now();
    let answer = rig.list(Mode::Usual).await.unwrap();
    rig.check(&answer, 5, "10m left alone", 4);
    assert_eq!(since.elapsed(), Duration::ZERO);
    // Whoever insists is not held back.
    rig.fake.mend();
    rig.check(&rig.list(Mode::Fresh).await.unwrap(), 5, "live", 5);
    rig.advance(300);
    rig.check(&rig.list(Mode::Usual).await.unwrap(), 5, "live", 6);
}

#[tokio::test(start_paused = true)]
async fn of_many_readers_one_asks() {
    let rig = rig_in(None);
    rig.fake.slow(Duration::from_millis(200));
    let mut readers = JoinSet::new();
    for _ in 0..100 {
        let (cache, megavisor) = (rig.cache.clone(), rig.megavisor.clone());
        let scope = rig.scope.clone();
        readers.spawn(async move {
            let listing = cache
                .list(&megavisor, &scope, Kind::Instance, Mode::Fresh)
                .await;
            listing.unwrap().items.len()
        });
    }
    assert!(readers.join_all().await.iter().all(|count| *count == 5));
    assert_eq!(rig.asked(), 1);
}

#[tokio::test]
async fn of_many_processes_one_asks() {
    let folder = tempfile::tempdir().unwrap();
    let rig = rig_in(Some(folder.path()));
    rig.fake.slow(Duration::from_millis(50));
    let mut readers = JoinSet::new();
    for _ in 0..10 {
        // Each has a cache of its own, as a process of its own would.
        let cache = Cache::in_folder(folder.path(), Policy::default(), rig.clock.clone());
        let (megavisor, scope) = (rig.megavisor.clone(), rig.scope.clone());
        readers.spawn(async move {
            let listing = cache
                .list(&megavisor, &scope, Kind::Instance, Mode::Usual)
                .await;
            listing.unwrap().items.len()
        });
    }
    assert!(readers.join_all().await.iter().all(|count| *count == 5));
    assert_eq!(rig.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_survives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let rig = rig_in(Some(folder.path()));
    rig.list(Mode::Usual).await.unwrap();
    rig.fake
        .fail(On::Everything, 99, Fault::Error(Class::Unavailable));
    rig.advance(600);
    for _ in 0..3 {
        rig.list(Mode::Usual).await.unwrap();
    }
    let next = Cache::in_folder(folder.path(), Policy::default(), rig.clock.clone());
    let listing = next
        .list(&rig.megavisor, &rig.scope, Kind::Instance, Mode::Usual)
        .await;
    rig.check(&listing.unwrap(), 5, "10m left alone", 4);
}

#[tokio::test(start_paused = true)]
async fn a_part_is_never_kept_as_the_whole() {
    let rig = rig_in(None);
    let on = On::List(Kind::Instance);
    rig.fake.fail(on, 1, Fault::Truncate(2));
    let answer = rig.list(Mode::Usual).await.unwrap();
    assert!(!answer.complete, "better than nothing");
    assert_eq!(answer.items.len(), 2);
    rig.check(&rig.list(Mode::Usual).await.unwrap(), 5, "live", 2);
    rig.fake.fail(on, 1, Fault::Truncate(2));
    let answer = rig.list(Mode::Fresh).await.unwrap();
    rig.check(&answer, 5, "0s unavailable", 3);
}

#[tokio::test(start_paused = true)]
async fn an_empty_listing_is_not_believed_until_each_machine_was_asked_for() {
    let rig = rig_in(None);
    rig.list(Mode::Usual).await.unwrap();
    let on = On::List(Kind::Instance);
    rig.fake.fail(on, 99, Fault::Empty);
    rig.check(&rig.list(Mode::Fresh).await.unwrap(), 5, "0s suspect", 2);
    rig.advance(29);
    rig.check(&rig.list(Mode::Fresh).await.unwrap(), 5, "29s suspect", 3);
    rig.advance(2);
    // Confirmed by a second listing, but the machines answer.
    rig.check(&rig.list(Mode::Fresh).await.unwrap(), 5, "31s suspect", 4);
    for id in ["i-1", "i-2", "i-3", "i-4", "i-5"] {
        rig.fake.lose(Kind::Instance, &id.parse().unwrap());
    }
    rig.check(&rig.list(Mode::Fresh).await.unwrap(), 0, "live", 5);
    assert!(rig.list(Mode::Fresh).await.unwrap().is_proof());
}

#[tokio::test(start_paused = true)]
async fn a_loss_that_is_made_good_is_forgotten_and_a_small_one_is_believed() {
    let rig = rig_in(None);
    let names: Vec<String> = (0..50).map(|n| format!("m-{n:02}")).collect();
    rig.fake.with_instances(names.iter().map(String::as_str));
    rig.list(Mode::Usual).await.unwrap();
    rig.fake.fail(On::List(Kind::Instance), 1, Fault::Empty);
    rig.check(&rig.list(Mode::Fresh).await.unwrap(), 55, "0s suspect", 2);
    rig.check(&rig.list(Mode::Fresh).await.unwrap(), 55, "live", 3);
    for name in &names[..11] {
        rig.fake.lose(Kind::Instance, &name.parse().unwrap());
    }
    rig.check(&rig.list(Mode::Fresh).await.unwrap(), 44, "live", 4);
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_for_is_shown_until_a_listing_shows_it() {
    let rig = rig_in(None);
    rig.list(Mode::Usual).await.unwrap();
    let stop = Action::StopInstance {
        id: "i-1".parse().unwrap(),
        force: false,
    };
    let operation = OperationId::new(rig.clock.now(), [1; 10]);
    rig.cache.write_begins(&rig.scope, &stop, operation);
    let answer = rig.list(Mode::Cached).await.unwrap();
    assert_eq!(Rig::lifecycle(&answer, "i-1"), Lifecycle::Stopping);
    assert_eq!(Rig::lifecycle(&answer, "i-2"), Lifecycle::Active);
    assert_eq!(answer.warnings, [Warning::Expected { items: 1 }]);

    // The cloud is slow to show it.
    rig.advance(2);
    let answer = rig.list(Mode::Usual).await.unwrap();
    rig.check(&answer, 5, "live", 2);
    assert_eq!(Rig::lifecycle(&answer, "i-1"), Lifecycle::Stopping);
    assert!(!answer.is_proof());

    rig.cache.write_ends(&rig.scope, &stop, operation, true);
    let answer = rig.list(Mode::Cached).await.unwrap();
    assert_eq!(Rig::lifecycle(&answer, "i-1"), Lifecycle::Stopped);
    let shown = answer.items[0].as_instance().unwrap();
    assert_eq!(shown.power, Power::Off);

    rig.advance(1);
    let answer = rig.list(Mode::Usual).await.unwrap();
    assert_eq!(
        Rig::lifecycle(&answer, "i-1"),
        Lifecycle::Active,
        "as the cloud says"
    );
    assert!(answer.is_proof());
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_began_before_a_write_is_not_kept() {
    let rig = rig_in(None);
    rig.fake.slow(Duration::from_millis(100));
    let listing = rig.list(Mode::Usual);
    let write = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let action = Action::TerminateInstance {
            id: "i-1".parse().unwrap(),
        };
        let operation = OperationId::new(rig.clock.now(), [1; 10]);
        rig.clock.advance(Span::from_millis(50));
        rig.cache.write_begins(&rig.scope, &action, operation);
    };
    let (answer, ()) = tokio::join!(listing, write);
    let answer = answer.unwrap();
    assert_eq!(Rig::lifecycle(&answer, "i-1"), Lifecycle::Releasing);
    rig.clock.advance(Span::from_millis(50));
    rig.list(Mode::Usual).await.unwrap();
    assert_eq!(rig.asked(), 2, "it was asked again");
}

#[tokio::test(start_paused = true)]
async fn a_failed_write_leaves_no_expectation_and_an_old_one_ends() {
    let rig = rig_in(None);
    rig.list(Mode::Usual).await.unwrap();
    let start = Action::StopInstance {
        id: "i-1".parse().unwrap(),
        force: true,
    };
    let operation = OperationId::new(rig.clock.now(), [1; 10]);
    rig.cache.write_begins(&rig.scope, &start, operation);
    rig.cache.write_ends(&rig.scope, &start, operation, false);
    let answer = rig.list(Mode::Cached).await.unwrap();
    assert_eq!(Rig::lifecycle(&answer, "i-1"), Lifecycle::Active);
    rig.cache.write_begins(&rig.scope, &start, operation);
    rig.advance(301);
    let answer = rig.list(Mode::Cached).await.unwrap();
    assert_eq!(Rig::lifecycle(&answer, "i-1"), Lifecycle::Active);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_set_back_makes_no_answer_young() {
    let rig = rig_in(None);
    rig.list(Mode::Usual).await.unwrap();
    rig.clock.set(Timestamp::from_seconds(START - 3_600));
    rig.check(&rig.list(Mode::Usual).await.unwrap(), 5, "live", 2);
}

#[tokio::test(start_paused = true)]
async fn accounts_and_kinds_are_kept_apart() {
    let rig = rig_in(None);
    rig.list(Mode::Usual).await.unwrap();
    let other: Scope = "fake/other/here".parse().unwrap();
    let cached = rig
        .cache
        .list(&rig.megavisor, &other, Kind::Instance, Mode::Cached)
        .await;
    assert!(cached.is_err());
    let cached = rig
        .cache
        .list(&rig.megavisor, &rig.scope, Kind::Volume, Mode::Cached)
        .await;
    assert!(cached.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_cannot_be_written_does_not_cost_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "not a folder").unwrap();
    let rig = rig_in(Some(&path));
    let answer = rig.list(Mode::Usual).await.unwrap();
    assert_eq!(answer.items.len(), 5);
    assert!(matches!(answer.warnings[..], [Warning::NotKept { .. }]));
}

#[tokio::test(start_paused = true)]
async fn how_reads_went_is_counted() {
    let rig = rig_in(None);
    rig.list(Mode::Usual).await.unwrap();
    rig.list(Mode::Usual).await.unwrap();
    rig.advance(600);
    rig.fake
        .fail(On::Everything, 1, Fault::Error(Class::Throttled));
    rig.list(Mode::Usual).await.unwrap();
    let figures = rig.cache.figures();
    let own = &figures[&(rig.scope.clone(), Kind::Instance)];
    assert_eq!((own.live, own.hits, own.stale, own.failed), (1, 1, 1, 0));
    assert_eq!(own.errors[&Class::Throttled], 1);
    assert_eq!(own.up, Some(false));
    assert_eq!(own.observed_at, Some(Timestamp::from_seconds(START)));
}
