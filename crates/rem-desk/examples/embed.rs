//! An alert desk that pages by running a program: `cargo run --example embed`.
#![allow(clippy::unwrap_used)]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use rem_desk::{Desk, Parts, Reach, Report, Rules, TokenKey};
use rem_notify::{Contact, PostOffice};
use rem_time::{Clock, SystemClock};
use unidist::{BucketSpec, FileOpts, Unidist};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join("rem-desk-embed");
    let unidist = Unidist::open(&folder, FileOpts::default()).await?;
    let parts = Parts {
        bucket: unidist.consistent("alerts", BucketSpec::default())?,
        post: Arc::new(PostOffice::new()),
        clock: Arc::new(SystemClock),
        key: TokenKey::of_folder(&folder)?,
        tasks: None,
    };
    let rules = Rules {
        fallback: vec![Reach::person(Contact::script(["cat"])?)],
        ..Rules::default()
    };
    let desk = Desk::open(parts, rules).await?;
    let report = Report::fires("disk-full", "machine:here", SystemClock.now());
    desk.report(vec![report.message("96 % of / used")]).await?;

    while desk.overview().waiting != 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let number = desk.overview().alerts[0].id.number;
    let episode = desk.episode(number).await?;
    for message in episode.into_iter().flat_map(|episode| episode.messages) {
        for attempt in message.log {
            println!("{} {}: {}", attempt.at, attempt.contact, attempt.answer);
        }
    }
    desk.close(Duration::from_secs(5)).await;
    Ok(())
}
