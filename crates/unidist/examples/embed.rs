//! Two processes' worth of coordination in one: a lock, a bounded wall of
//! messages, a counter, and a work queue, kept in a folder.
//!
//! `cargo run -p unidist --example embed -- FOLDER`
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use unidist::{BucketSpec, FileOpts, QueueSpec, Unidist};

#[allow(dead_code)]
fn main() -> unidist::Result<()> {
    let temporary = tempfile::tempdir().unwrap();
    match std::env::args().nth(1) {
        Some(dir) => run(Path::new(&dir)),
        None => run(temporary.path()),
    }
}

/// The program, which a test runs too.
#[tokio::main]
pub async fn run(dir: &Path) -> unidist::Result<()> {
    let owner = Unidist::open(dir, FileOpts::default()).await?;
    // As a second process would: it attaches to the first.
    let other = Unidist::open(dir, FileOpts::default()).await?;
    println!(
        "first owns: {}, second owns: {}",
        owner.is_owner(),
        other.is_owner()
    );

    let here = owner.consistent("shop", BucketSpec::default())?;
    let there = other.consistent("shop", BucketSpec::default())?;

    let till = here.lock("till").owner("ann").acquire().await?;
    let busy = there
        .lock("till")
        .acquire_timeout(Duration::from_millis(20))
        .await;
    println!(
        "ann has the till with token {}; bob: {}",
        till.token(),
        busy.unwrap_err()
    );
    till.release().await?;

    let wall = here.queue::<String>("wall", QueueSpec::last(25));
    let (id, ack) = wall.push_acked(&"closing at eight".into()).await?;
    println!("message {id} is {}", ack.durability);

    let jobs = there.queue::<String>("jobs", QueueSpec::default());
    jobs.push(&"sweep".into()).await?;
    for job in jobs.group("staff").take(1, Duration::from_secs(1)).await? {
        println!("doing: {}", job.value());
        job.ack_with("last job", "done").await?;
    }

    there.counter("visitors").add(3);
    there.counter("visitors").commit().await?;
    println!("visitors: {}", here.counter("visitors").value().await?);
    Ok(())
}
