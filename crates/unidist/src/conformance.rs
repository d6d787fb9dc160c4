//! What every backend has to do, as tests. [`conformance!`](crate::conformance!) makes a test
//! module of them for a backend; each function panics where the backend fails.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Map;

use crate::{
    Bucket, BucketSpec, Consistent, Durability, Error, If, Level, MsgId, Overflow, QueueSpec,
    Revision, Then, Token, Unidist, What,
};

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(40);

/// Makes a module `$name` with one test for each behaviour. `$open` is the path
/// of an `async fn() -> (Unidist, impl Sized)`; the second part is kept until
/// the test ends.
#[macro_export]
macro_rules! conformance {
    ($name:ident, $open:path) => {
        mod $name {
            $crate::conformance_tests!($open:
                a_lock_has_one_holder_and_its_tokens_grow
                waiters_are_served_in_the_order_they_came
                waiting_for_a_lock_ends_in_time
                only_the_holder_releases_a_lock
                the_lock_of_a_dead_holder_is_free_when_its_lease_ends
                a_living_holder_keeps_its_lock_beyond_the_lease
                a_waiter_that_leaves_gives_up_its_place
                a_dropped_guard_frees_its_lock
                locks_are_listed_with_holder_and_waiters
                taking_locks_in_the_wrong_order_is_refused
                a_fence_refuses_older_tokens
                a_counter_is_the_sum_of_what_was_added
                numbers_fetched_from_a_counter_are_unique
                a_counter_tells_its_rate
                counters_are_listed_by_name
                the_last_25_stay_under_eight_writers
                looking_at_a_queue_removes_nothing
                each_message_is_popped_once
                each_message_of_a_group_is_acknowledged_once
                a_late_acknowledgement_is_refused_and_touches_nobody
                a_message_given_back_comes_again
                a_message_that_always_fails_ends_with_the_dead_letters
                a_message_with_a_known_id_is_kept_once
                a_delayed_message_is_not_seen_before_its_time
                a_full_queue_that_rejects_keeps_what_it_has
                a_tail_sees_every_message_in_order
                work_and_its_result_are_kept_together
                updates_by_many_lose_nothing
                a_write_on_an_old_revision_is_refused
                a_transaction_is_done_whole_or_not_at_all
                a_key_ends_with_its_time_and_watchers_hear_of_it
                a_watch_has_no_gap
                a_watch_too_far_behind_is_told_so
                a_holder_that_lost_its_lock_writes_nothing
                a_repeated_operation_is_applied_once
                a_log_keeps_its_newest_entries
                a_bucket_keeps_its_consistency
                a_durability_that_cannot_be_proved_is_refused
            );
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ($open:path: $($test:ident)*) => {$(
        #[test]
        fn $test() {
            $crate::conformance::run(async {
                let (unidist, _kept) = $open().await;
                $crate::conformance::$test(unidist).await;
            });
        }
    )*};
}

#[doc(hidden)]
pub fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let limited = async { tokio::time::timeout(LONG * 2, test).await };
    runtime.block_on(limited).expect("the test hangs");
}

fn bucket(unidist: &Unidist) -> Bucket<Consistent> {
    unidist.consistent("suite", BucketSpec::default()).unwrap()
}

/// Runs `n` tasks and waits for all.
async fn together<F, T>(n: u64, task: impl Fn(u64) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let tasks: Vec<_> = (0..n).map(|i| tokio::spawn(task(i))).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

/// Lets other tasks run until `condition` holds.
async fn wait_for<F: Future<Output = bool>>(mut condition: impl FnMut() -> F) {
    let waiting = async {
        while !condition().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, waiting)
        .await
        .expect("the condition never held");
}

pub async fn a_lock_has_one_holder_and_its_tokens_grow(unidist: Unidist) {
    let bucket = bucket(&unidist);
    let tokens = together(8, |_| {
        let bucket = bucket.clone();
        async move {
            let mut tokens = Vec::new();
            for _ in 0..10 {
                let guard = bucket.lock("till").acquire().await.unwrap();
                let state = bucket.state::<u64>();
                let sum = state.get("sum").await.unwrap().map_or(0, |v| v.value);
                tokio::task::yield_now().await;
                state.put("sum", &(sum + 1)).await.unwrap();
                tokens.push(guard.token());
                guard.release().await.unwrap();
            }
            assert!(tokens.is_sorted_by(|a, b| a < b));
            tokens
        }
    });
    let tokens: BTreeSet<Token> = tokens.await.into_iter().flatten().collect();
    assert_eq!(tokens.len(), 80, "two grants shared a token");
    let sum = bucket.state::<u64>().get("sum").await.unwrap().unwrap();
    assert_eq!(sum.value, 80, "two holders at a time lost a write");
}

pub async fn waiters_are_served_in_the_order_they_came(unidist: Unidist) {
    let bucket = bucket(&unidist);
    let first = bucket.lock("door").acquire().await.unwrap();
    let order = bucket.queue::<u64>("order", QueueSpec::default());
    let mut tasks = Vec::new();
    for i in 0..4 {
        let (task_bucket, order) = (bucket.clone(), order.clone());
        tasks.push(tokio::spawn(async move {
            let lock = task_bucket.lock("door").owner(&format!("w{i}"));
            let guard = lock.acquire().await.unwrap();
            order.push(&i).await.unwrap();
            guard.release().await.unwrap();
        }));
        let lock = bucket.lock("door");
        wait_for(|| async { lock.info().await.unwrap().waiters.len() as u64 == i + 1 }).await;
    }
    let info = bucket.lock("door").info().await.unwrap();
    assert_eq!(info.waiters, ["w0", "w1", "w2", "w3"]);
    first.release().await.unwrap();
    for task in tasks {
        task.await.unwrap();
    }
    let served = order.peek_oldest(9).await.unwrap();
    let served: Vec<u64> = served.into_iter().map(|message| message.value).collect();
    assert_eq!(served, [0, 1, 2, 3]);
}

pub async fn waiting_for_a_lock_ends_in_time(unidist: Unidist) {
    let bucket = bucket(&unidist);
    let guard = bucket.lock("a").acquire().await.unwrap();
    assert!(bucket.lock("a").try_acquire().await.unwrap().is_none());
    let waited = bucket.lock("a").acquire_timeout(SHORT).await;
    assert!(matches!(waited, Err(Error::Timeout)));
    assert_eq!(bucket.lock("a").info().await.unwrap().waiters, [""; 0]);
    guard.release().await.unwrap();
    let _guard = bucket.lock("a").acquire_timeout(LONG).await.unwrap();
}

pub async fn only_the_holder_releases_a_lock(unidist: Unidist) {
    let bucket = bucket(&unidist);
    let guard = bucket.lock("a").acquire().await.unwrap();
    let other = Token(guard.token().0 + 1);
    let stolen = bucket.release_lock("a", other).await;
    assert!(matches!(stolen, Err(Error::LeaseLost)));
    assert!(bucket.lock("a").try_acquire().await.unwrap().is_none());
    guard.release().await.unwrap();
    let twice = bucket.release_lock("a", Token(other.0 - 1)).await;
    assert!(matches!(twice, Err(Error::LeaseLost)));
}

pub async fn the_lock_of_a_dead_holder_is_free_when_its_lease_ends(unidist: Unidist) {
    let bucket = bucket(&unidist);
    let lock = bucket.lock("a").lease(SHORT).without_renewal();
    let dead = lock.acquire().await.unwrap();
    assert!(
        dead.valid_for() < SHORT,
        "the margin of the clocks is missing"
    );
    let next = bucket.lock("a").acquire_timeout(LONG).await.unwrap();
    assert!(dead.token() < next.token());
    dead.lost().await;
    let late = dead.release().await;
    assert!(matches!(late, Err(Error::LeaseLost)));
    let holder = lock.info().await.unwrap().holder.unwrap();
    assert_eq!(
        holder.token,
        next.token(),
        "a late release freed its successor's lock"
    );
}

pub async fn a_living_holder_keeps_its_lock_beyond_the_lease(unidist: Unidist) {
    let bucket = bucket(&unidist);
    let lease = Duration::from_millis(600);
    let guard = bucket.lock("a").lease(lease).acquire().await.unwrap();
    let waited = bucket.lock("a").acquire_timeout(lease * 2).await;
    assert!(matches!(waited, Err(Error::Timeout)));
    assert_eq!(guard.run(async { 7 }).await.unwrap(), 7);
    guard.release().await.unwrap();
}

pub async fn a_waiter_that_leaves_gives_up_its_place(unidist: Unidist) {
    let bucket = bucket(&unidist);
    let guard = bucket.lock("a").acquire().await.unwrap();
    let impatient = {
        let bucket = bucket.clone();
        tokio::spawn(async move { bucket.lock("a").acquire().await.map(drop) })
    };
    let lock = bucket.lock("a");
    wait_for(|| async { lock.info().await.unwrap().waiters.len() == 1 }).await;
    impatient.abort();
    assert!(impatient.await.is_err());
    wait_for(|| async { lock.info().await.unwrap().waiters.is_empty() }).await;
    guard.release().await.unwrap();
    lock.acquire_timeout(LONG)
        .await
        .unwrap()
        .release()
        .await
        .unwrap();
}

pub async fn a_dropped_guard_frees_its_lock(unidist: Unidist) {
    let bucket = bucket(&unidist);
    drop(bucket.lock("a").acquire().await.unwrap());
    // Well below the default lease of files.
    let limit = Duration::from_secs(5);
    let _guard = bucket.lock("a").acquire_timeout(limit).await.unwrap();
}

pub async fn locks_are_listed_with_holder_and_waiters(unidist: Unidist) {
    let bucket = bucket(&unidist);
    let a = bucket.lock("room.a").owner("ann").acquire().await.unwrap();
    let _b = bucket.lock("room.b").owner("bob").acquire().await.unwrap();
    let _c = bucket.lock("other").acquire().await.unwrap();
    let list = bucket.list_locks("room.").await.unwrap();
    let owners = list
        .iter()
        .map(|lock| lock.holder.as_ref().unwrap().owner.as_str());
    assert_eq!(owners.collect::<Vec<_>>(), ["ann", "bob"]);
    let holder = list[0].holder.clone().unwrap();
    assert_eq!((holder.token, holder.pid), (a.token(), std::process::id()));
    bucket
        .lock("room.a")
        .break_lock(a.token(), "an operator")
        .await
        .unwrap();
    assert_eq!(bucket.list_locks("room.").await.unwrap().len(), 1);
    assert!(matches!(a.release().await, Err(Error::LeaseLost)));
}

pub async fn taking_locks_in_the_wrong_order_is_refused(unidist: Unidist) {
    let bucket = bucket(&unidist);
    let lock = |name, priority| bucket.lock(name).owner("ann").priority(priority);
    let _low = lock("low", 10).acquire().await.unwrap();
    let inverted = lock("high", 20).acquire().await;
    assert!(matches!(
        inverted,
        Err(Error::Order {
            held: 10,
            asked: 20
        })
    ));
    let _lower = lock("lower", 5).acquire().await.unwrap();
    let other = bucket.lock("high").owner("bob").priority(20);
    let _others_are_free_to = other.acquire().await.unwrap();
}

pub async fn a_fence_refuses_older_tokens(unidist: Unidist) {
    let bucket = bucket(&unidist);
    let fence = bucket.fence();
    fence.check("disk", Token(7)).await.unwrap();
    fence.check("disk", Token(7)).await.unwrap();
    let old = fence.check("disk", Token(6)).await;
    assert!(matches!(old, Err(Error::Fenced { seen: Token(7) })));
    fence.check("other", Token(1)).await.unwrap();
}

pub async fn a_counter_is_the_sum_of_what_was_added(unidist: Unidist) {
    let bucket = bucket(&unidist);
    let added = together(8, |_| {
        let bucket = bucket.clone();
        async move {
            let counter = bucket.counter("hits");
            for _ in 0..100 {
                counter.add(1);
                tokio::task::yield_now().await;
                if counter.value().await.unwrap() < 1 {
                    return false;
                }
            }
            counter.commit().await.is_ok()
        }
    });
    assert!(added.await.into_iter().all(|ok| ok));
    assert_eq!(bucket.counter("hits").value().await.unwrap(), 800);
    assert_eq!(bucket.counter("hits").get_set(5).await.unwrap(), 800);
    assert_eq!(bucket.counter("hits").value().await.unwrap(), 5);
    assert_eq!(bucket.counter("never used").value().await.unwrap(), 0);
}

pub async fn numbers_fetched_from_a_counter_are_unique(unidist: Unidist) {
    let bucket = bucket(&unidist);
    let fetched = together(8, |_| {
        let counter = bucket.counter("ids");
        async move {
            let mut numbers = Vec::new();
            for _ in 0..10 {
                numbers.push(counter.fetch_add(1).await.unwrap());
            }
            numbers
        }
    });
    let numbers: BTreeSet<i64> = fetched.await.into_iter().flatten().collect();
    assert_eq!(numbers, (0..80).collect());
}

pub async fn a_counter_tells_its_rate(unidist: Unidist) {
    let counter = bucket(&unidist).counter("requests");
    assert_eq!(
        counter.rate(LONG).await.unwrap(),
        None,
        "nothing to compare with"
    );
    counter.add(10);
    tokio::time::sleep(SHORT).await;
    let rate = counter.rate(LONG).await.unwrap().unwrap();
    assert!(0.0 < rate && rate <= 10.0 / SHORT.as_secs_f64(), "{rate}");
    counter.set(3).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2)).await;
    let after_reset = counter.rate(LONG).await.unwrap().unwrap();
    assert!(
        0.0 < after_reset,
        "a reset must not count as a fall: {after_reset}"
    );
}

pub async fn counters_are_listed_by_name(unidist: Unidist) {
    let bucket = bucket(&unidist);
    bucket.counter("page.b").add(2);
    bucket.counter("page.a").add(1);
    bucket.counter("other").add(9);
    let listed = bucket.counters("page.").await.unwrap();
    assert_eq!(listed, [("page.a".into(), 1), ("page.b".into(), 2)]);
}

pub async fn the_last_25_stay_under_eight_writers(unidist: Unidist) {
    let bucket = bucket(&unidist);
    together(8, |writer| {
        let wall = bucket.queue::<u64>("wall", QueueSpec::last(25));
        async move {
            for i in 0..20 {
                wall.push(&(writer * 100 + i)).await.unwrap();
                assert!(wall.len().await.unwrap() <= 25);
            }
        }
    })
    .await;
    let wall = bucket.queue::<u64>("wall", QueueSpec::last(25));
    let last = wall.peek_newest(100).await.unwrap();
    let ids: Vec<u64> = last.iter().map(|message| message.id.0).collect();
    assert_eq!(ids, (136..=160).collect::<Vec<_>>());
    for writer in 0..8 {
        let mine = last
            .iter()
            .filter(|m| m.value / 100 == writer)
            .map(|m| m.value);
        assert!(
            mine.is_sorted(),
            "one writer's messages changed their order"
        );
    }
}

pub async fn looking_at_a_queue_removes_nothing(unidist: Unidist) {
    let bucket = bucket(&unidist);
    let queue = bucket.queue::<String>("q", QueueSpec::default());
    queue
        .push_many(&["a".into(), "b".into(), "c".into()])
        .await
        .unwrap();
    let text =
        |rows: Vec<crate::Msg<String>>| rows.into_iter().map(|row| row.value).collect::<String>();
    for _ in 0..3 {
        assert_eq!(text(queue.peek_oldest(2).await.unwrap()), "ab");
        assert_eq!(text(queue.peek_newest(2).await.unwrap()), "bc");
        assert_eq!(text(queue.range(MsgId(2), 9).await.unwrap()), "bc");
    }
    let stats = queue.stats().await.unwrap();
    assert_eq!(
        (stats.len, stats.bytes, stats.pushed, stats.gone),
        (3, 9, 3, 0)
    );
    assert_eq!(queue.pop_newest().await.unwrap().unwrap().value, "c");
    assert_eq!(queue.pop_oldest().await.unwrap().unwrap().value, "a");
    assert_eq!(queue.len().await.unwrap(), 1);
}

pub async fn each_message_is_popped_once(unidist: Unidist) {
    let bucket = bucket(&unidist);
    let queue = bucket.queue::<u64>("q", QueueSpec::default());
    let equal = [7; 40];
    queue.push_many(&equal).await.unwrap();
    let popped = together(4, |_| {
        let queue = queue.clone();
        async move {
            let mut ids = Vec::new();
            while let Some(message) = queue.pop_oldest().await.unwrap() {
                ids.push(message.id.0);
            }
            ids
        }
    });
    let mut ids = popped.await.concat();
    ids.sort_unstable();
    assert_eq!(
        ids,
        (1..=40).collect::<Vec<_>>(),
        "equal messages are not the same message"
    );
}

pub async fn each_message_of_a_group_is_acknowledged_once(unidist: Unidist) {
    let bucket = bucket(&unidist);
    let queue = bucket.queue::<u64>("work", QueueSpec::default());
    queue.push_many(&(0..40).collect::<Vec<_>>()).await.unwrap();
    let done = together(4, |_| {
        let group = queue.group("workers");
        async move {
            let mut done = Vec::new();
            loop {
                let deliveries = group.take(3, Duration::ZERO).await.unwrap();
                if deliveries.is_empty() {
                    return done;
                }
                for delivery in deliveries {
                    assert_eq!(delivery.attempt(), 1);
                    done.push(*delivery.value());
                    delivery.ack().await.unwrap();
                }
            }
        }
    });
    let mut done = done.await.concat();
    done.sort_unstable();
    assert_eq!(done, (0..40).collect::<Vec<_>>());
    assert_eq!(queue.len().await.unwrap(), 0);
}

pub async fn a_late_acknowledgement_is_refused_and_touches_nobody(unidist: Unidist) {
    let bucket = bucket(&unidist);
    let spec = QueueSpec {
        visibility: SHORT,
        ..QueueSpec::default()
    };
    let queue = bucket.queue::<u64>("work", spec);
    queue.push(&1).await.unwrap();
    let group = queue.group("workers");
    let slow = group.take(1, LONG).await.unwrap().remove(0);
    let mut next = group.take(1, LONG).await.unwrap().remove(0);
    assert_eq!((next.attempt(), next.message().id), (2, slow.message().id));
    next.extend(LONG).await.unwrap();
    assert!(matches!(slow.ack().await, Err(Error::Expired)));
    let pending = group.pending().await.unwrap();
    assert_eq!(
        pending.len(),
        1,
        "the late one took its successor's work away"
    );
    next.ack().await.unwrap();
    assert!(group.pending().await.unwrap().is_empty());
}

pub async fn a_message_given_back_comes_again(unidist: Unidist) {
    let bucket = bucket(&unidist);
    let queue = bucket.queue::<u64>("work", QueueSpec::default());
    queue.push(&1).await.unwrap();
    let group = queue.group("workers");
    let first = group.take(1, LONG).await.unwrap().remove(0);
    first.nack(SHORT).await.unwrap();
    assert!(group.take(1, Duration::ZERO).await.unwrap().is_empty());
    let again = group.take(1, LONG).await.unwrap().remove(0);
    assert_eq!(again.attempt(), 2);
    again.ack().await.unwrap();
}

pub async fn a_message_that_always_fails_ends_with_the_dead_letters(unidist: Unidist) {
    let bucket = bucket(&unidist);
    let spec = QueueSpec {
        max_deliveries: 3,
        dead_letter: Some("graves".into()),
        ..QueueSpec::default()
    };
    let queue = bucket.queue::<String>("work", spec);
    queue.push(&"poison".into()).await.unwrap();
    let group = queue.group("workers");
    for attempt in 1..=3 {
        let delivery = group.take(1, LONG).await.unwrap().remove(0);
        assert_eq!(delivery.attempt(), attempt);
        delivery.nack(Duration::ZERO).await.unwrap();
    }
    assert!(group.take(1, Duration::ZERO).await.unwrap().is_empty());
    let graves = bucket.queue::<String>("graves", QueueSpec::default());
    assert_eq!(graves.pop_oldest().await.unwrap().unwrap().value, "poison");
    let stats = queue.stats().await.unwrap();
    assert_eq!((stats.dead, stats.len), (1, 0));
}

pub async fn a_message_with_a_known_id_is_kept_once(unidist: Unidist) {
    let queue = bucket(&unidist).queue::<u64>("q", QueueSpec::default());
    let first = queue.push_id("order-1", &1).await.unwrap();
    assert_eq!(queue.push_id("order-1", &1).await.unwrap(), first);
    assert_ne!(queue.push_id("order-2", &1).await.unwrap(), first);
    queue.pop_oldest().await.unwrap();
    assert_eq!(
        queue.push_id("order-1", &1).await.unwrap(),
        first,
        "gone, yet known"
    );
    assert_eq!(queue.len().await.unwrap(), 1);
}

pub async fn a_delayed_message_is_not_seen_before_its_time(unidist: Unidist) {
    let queue = bucket(&unidist).queue::<u64>("q", QueueSpec::default());
    let at = rem_time::Clock::now(&rem_time::SystemClock) + rem_time::Span::from_millis(60);
    queue.push_delayed(&1, at).await.unwrap();
    queue.push(&2).await.unwrap();
    let group = queue.group("workers");
    let order = [
        *group.take(1, LONG).await.unwrap().remove(0).value(),
        *group.take(1, LONG).await.unwrap().remove(0).value(),
    ];
    assert_eq!(order, [2, 1]);
    assert!(at <= rem_time::Clock::now(&rem_time::SystemClock) + rem_time::Span::from_millis(5));
}

pub async fn a_full_queue_that_rejects_keeps_what_it_has(unidist: Unidist) {
    let spec = QueueSpec {
        max_len: Some(2),
        overflow: Overflow::Reject,
        ..QueueSpec::default()
    };
    let queue = bucket(&unidist).queue::<u64>("q", spec);
    queue.push_many(&[1, 2]).await.unwrap();
    assert!(matches!(
        queue.push(&3).await,
        Err(Error::Full { limit: 2, .. })
    ));
    queue.pop_oldest().await.unwrap();
    queue.push(&3).await.unwrap();
    let too_long = "x".repeat(crate::VALUE_BYTES_MAX);
    let texts = bucket(&unidist).queue::<String>("t", QueueSpec::default());
    assert!(matches!(
        texts.push(&too_long).await,
        Err(Error::Full { .. })
    ));
}

pub async fn a_tail_sees_every_message_in_order(unidist: Unidist) {
    let queue = bucket(&unidist).queue::<u64>("chat", QueueSpec::default());
    queue.push(&0).await.unwrap();
    let mut tail = queue.tail(MsgId(0));
    let reader = tokio::spawn(async move {
        let mut seen = Vec::new();
        while seen.len() < 30 {
            seen.push(tail.next().await.unwrap().value);
        }
        seen
    });
    for i in 1..30 {
        queue.push(&i).await.unwrap();
    }
    assert_eq!(reader.await.unwrap(), (0..30).collect::<Vec<_>>());
}

pub async fn work_and_its_result_are_kept_together(unidist: Unidist) {
    let bucket = bucket(&unidist);
    let spec = QueueSpec {
        visibility: SHORT,
        ..QueueSpec::default()
    };
    let queue = bucket.queue::<u64>("work", spec);
    queue.push(&1).await.unwrap();
    let group = queue.group("workers");
    let late = group.take(1, LONG).await.unwrap().remove(0);
    let mut next = group.take(1, LONG).await.unwrap().remove(0);
    next.extend(LONG).await.unwrap();
    assert!(matches!(
        late.ack_with("result", &"late").await,
        Err(Error::Expired)
    ));
    let state = bucket.state::<String>();
    assert_eq!(state.get("result").await.unwrap(), None);
    next.ack_with("result", "done").await.unwrap();
    assert_eq!(state.get("result").await.unwrap().unwrap().value, "done");
}

pub async fn updates_by_many_lose_nothing(unidist: Unidist) {
    let bucket = bucket(&unidist);
    together(8, |_| {
        let state = bucket.state::<u64>();
        async move {
            for _ in 0..10 {
                let add = |old: Option<&u64>| Some(old.unwrap_or(&0) + 1);
                state.update("sum", add).await.unwrap();
            }
        }
    })
    .await;
    let sum = bucket.state::<u64>().get("sum").await.unwrap().unwrap();
    assert_eq!(sum.value, 80);
}

pub async fn a_write_on_an_old_revision_is_refused(unidist: Unidist) {
    let state = bucket(&unidist).state::<u64>();
    let first = state.create("k", &1).await.unwrap();
    let current = first.rev;
    assert!(
        matches!(state.create("k", &9).await, Err(Error::Conflict { current: c }) if c == current)
    );
    let second = state.put_if("k", &2, first.rev).await.unwrap();
    assert!(first.rev < second.rev);
    assert!(matches!(
        state.put_if("k", &9, first.rev).await,
        Err(Error::Conflict { .. })
    ));
    assert!(matches!(
        state.delete_if("k", first.rev).await,
        Err(Error::Conflict { .. })
    ));
    assert_eq!(state.get("k").await.unwrap().unwrap().value, 2);
    state.delete_if("k", second.rev).await.unwrap();
    assert_eq!(state.get("k").await.unwrap(), None);
}

pub async fn a_transaction_is_done_whole_or_not_at_all(unidist: Unidist) {
    let state = bucket(&unidist).state::<i64>();
    state
        .txn(&[], &[Then::Put("a", &10), Then::Put("b", &0)])
        .await
        .unwrap();
    let rev = state.get("a").await.unwrap().unwrap().rev;
    let moved = [Then::Put("a", &5), Then::Put("b", &5)];
    let wrong = [If::Revision("a", rev), If::Absent("b")];
    assert!(matches!(
        state.txn(&wrong, &moved).await,
        Err(Error::Conflict { .. })
    ));
    assert_eq!(state.get("a").await.unwrap().unwrap().value, 10);
    let right = [If::Revision("a", rev), If::Present("b")];
    let ack = state.txn(&right, &moved).await.unwrap();
    for key in ["a", "b"] {
        let value = state.get(key).await.unwrap().unwrap();
        assert_eq!((value.value, value.rev), (5, ack.rev));
    }
}

pub async fn a_key_ends_with_its_time_and_watchers_hear_of_it(unidist: Unidist) {
    let state = bucket(&unidist).state::<u64>();
    let from = state.revision().await.unwrap();
    state.put_for("session", &1, SHORT).await.unwrap();
    state.put("forever", &2).await.unwrap();
    state.touch("session", SHORT * 2).await.unwrap();
    let mut watch = state.watch("session", from);
    assert_eq!(watch.next().await.unwrap().what, What::Put(1));
    assert_eq!(watch.next().await.unwrap().what, What::Expired);
    assert_eq!(state.get("session").await.unwrap(), None);
    assert_eq!(state.keys("").await.unwrap(), ["forever"]);
    assert!(matches!(
        state.touch("session", LONG).await,
        Err(Error::Conflict { .. })
    ));
}

pub async fn a_watch_has_no_gap(unidist: Unidist) {
    let bucket = bucket(&unidist);
    let state = bucket.state::<u64>();
    let mut watch = state.watch("w.", Revision(0));
    let watcher = tokio::spawn(async move {
        let mut seen = Vec::new();
        loop {
            match watch.next().await.unwrap().what {
                What::Put(value) => seen.push(value),
                What::Deleted | What::Expired => return seen,
            }
        }
    });
    for i in 0..30 {
        state
            .put(if i % 2 == 0 { "w.a" } else { "w.b" }, &i)
            .await
            .unwrap();
        state.put("other", &i).await.unwrap();
    }
    state.delete("w.a").await.unwrap();
    assert_eq!(watcher.await.unwrap(), (0..30).collect::<Vec<_>>());
    let history = state.history("w.b", 2).await.unwrap();
    let values: Vec<_> = history.into_iter().map(|event| event.what).collect();
    assert_eq!(values, [What::Put(27), What::Put(29)]);
}

pub async fn a_watch_too_far_behind_is_told_so(unidist: Unidist) {
    let state = bucket(&unidist).state::<u64>();
    let keys: Vec<String> = (0..1000).map(|i| format!("k{i}")).collect();
    let puts: Vec<_> = keys.iter().map(|key| Then::Put(key, &1)).collect();
    for _ in 0..5 {
        state.txn(&[], &puts).await.unwrap();
    }
    let behind = state.watch("", Revision(0)).next().await;
    let Err(Error::Compacted { oldest }) = behind else {
        panic!("a gap was not noticed: {behind:?}");
    };
    state.watch("", oldest).next().await.unwrap();
}

pub async fn a_holder_that_lost_its_lock_writes_nothing(unidist: Unidist) {
    let bucket = bucket(&unidist);
    let state = bucket.state::<u64>();
    let slow = bucket
        .lock("a")
        .lease(SHORT)
        .without_renewal()
        .acquire()
        .await
        .unwrap();
    state.put_fenced("k", &1, &slow).await.unwrap();
    let _next = bucket.lock("a").acquire_timeout(LONG).await.unwrap();
    let late = state.put_fenced("k", &2, &slow).await;
    assert!(matches!(late, Err(Error::LeaseLost)));
    assert_eq!(state.get("k").await.unwrap().unwrap().value, 1);
}

pub async fn a_repeated_operation_is_applied_once(unidist: Unidist) {
    let bucket = bucket(&unidist);
    let once = bucket.with_op(unidist.next_op());
    let queue = |bucket: &Bucket<Consistent>| bucket.queue::<u64>("q", QueueSpec::default());
    let first = queue(&once).push(&1).await.unwrap();
    assert_eq!(queue(&once).push(&1).await.unwrap(), first);
    assert_eq!(queue(&bucket).len().await.unwrap(), 1);
    let mixed = queue(&once).push(&2).await;
    assert!(matches!(mixed, Err(Error::Invalid(_))));
    let sell = bucket.with_op(unidist.next_op());
    let state = sell.state::<u64>();
    let sold = state.create("seat", &1).await.unwrap();
    assert_eq!(
        state.create("seat", &1).await.unwrap(),
        sold,
        "the retry met its own write"
    );
}

pub async fn a_log_keeps_its_newest_entries(unidist: Unidist) {
    let log = bucket(&unidist).log("events", 3);
    for i in 0..5 {
        let fields = Map::from_iter([("i".into(), i.into())]);
        log.append(Level::Info, "test", fields).await.unwrap();
    }
    let newest = log.newest(2).await.unwrap();
    let numbers: Vec<_> = newest
        .iter()
        .map(|entry| entry.value.fields["i"].clone())
        .collect();
    assert_eq!(numbers, [3, 4]);
    assert_eq!(log.read(MsgId(0), 9).await.unwrap().len(), 3);
}

pub async fn a_bucket_keeps_its_consistency(unidist: Unidist) {
    let board = unidist.available("board", BucketSpec::default()).unwrap();
    board.state::<u64>().put("k", &1).await.unwrap();
    board.counter("c").add(2);
    assert_eq!(board.counter("c").value().await.unwrap(), 2);
    let refused = match unidist.consistent("board", BucketSpec::default()) {
        Ok(other) => other.state::<u64>().get("k").await.map(|_| ()),
        Err(error) => Err(error),
    };
    assert!(matches!(refused, Err(Error::Invalid(_))));
}

pub async fn a_durability_that_cannot_be_proved_is_refused(unidist: Unidist) {
    let spec = BucketSpec {
        durability: Some(Durability::SyncedQuorum),
    };
    let refused = unidist.consistent("money", spec);
    assert!(matches!(refused, Err(Error::Unsupported { .. })));
    let bucket = bucket(&unidist);
    let ack = bucket.state::<u64>().put("k", &1).await.unwrap();
    assert_eq!(ack.durability, unidist.best_durability());
}
