use std::hint::black_box;

use rem_bench::{Report, Who, measure};
use unidist::{BucketSpec, QueueSpec, Unidist};

const ROUNDS: u64 = 200_000;

pub(crate) fn figures(report: &mut Report) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let bucket = Unidist::memory()
        .consistent("bench", BucketSpec::default())
        .unwrap();

    let counter = bucket.counter("requests");
    let add = measure(Who::Thread, 5, || {
        for _ in 0..5_000_000 {
            black_box(&counter).add(1);
        }
        5_000_000
    });
    let unit = "ns CPU/op";
    report.row("counter add through a handle", add.cpu_ns(), unit, "<= 10");

    let lock = bucket.lock("till");
    let held = measure(Who::Thread, 5, || {
        runtime.block_on(async {
            for _ in 0..ROUNDS {
                let lock = black_box(&lock);
                lock.acquire().await.unwrap().release().await.unwrap();
            }
        });
        ROUNDS
    });
    let name = "lock acquire and release, handle";
    report.row(name, held.cpu_ns(), unit, "<= 150");

    let named = measure(Who::Thread, 5, || {
        runtime.block_on(async {
            for _ in 0..ROUNDS {
                let lock = bucket.lock(black_box("till"));
                lock.acquire().await.unwrap().release().await.unwrap();
            }
        });
        ROUNDS
    });
    let name = "lock acquire and release, by name";
    report.row(name, named.cpu_ns(), unit, "<= 150");

    // More names than handles are kept for.
    let names: Vec<String> = (0..1000).map(|i| format!("till number {i}")).collect();
    let many = measure(Who::Thread, 5, || {
        runtime.block_on(async {
            for name in names.iter().cycle().take(ROUNDS as usize) {
                let lock = bucket.lock(black_box(name));
                lock.acquire().await.unwrap().release().await.unwrap();
            }
        });
        ROUNDS
    });
    let name = "lock acquire and release, 1,000 names in turn";
    report.row(name, many.cpu_ns(), unit, "");

    let queue = bucket.queue::<u64>("wall", QueueSpec::last(25));
    let pushed = measure(Who::Thread, 3, || {
        runtime.block_on(async {
            for i in 0..ROUNDS {
                queue.push(&i).await.unwrap();
            }
        });
        ROUNDS
    });
    report.row("queue push, last 25", pushed.cpu_ns(), unit, "");
}
