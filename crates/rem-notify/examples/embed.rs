//! Sends one message to a mail address, a webhook or a program.
//!
//! ```text
//! embed smtp://localhost ann@example.com
//! embed - https://ntfy.sh/my-topic
//! embed - ./page.sh
//! ```
//! Without arguments the program is `cat`, which shows what it gets.
use std::time::Duration;

use rem_notify::{Contact, Kind, Outgoing, Post, PostOffice, Smtp};
use rem_time::{Clock, SystemClock};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let server = args.next().unwrap_or_else(|| "-".into());
    let to = args.next().unwrap_or_else(|| "/bin/cat".into());
    let mut post = PostOffice::new();
    if server != "-" {
        post = post.mail_through(Smtp::new(&server, "rem@localhost.localdomain")?);
    }
    let contact = match to.as_str() {
        url if url.starts_with("http") => Contact::webhook(url)?,
        address if address.contains('@') => Contact::mail(address)?,
        program => Contact::script([program])?,
    };
    let now = SystemClock.now();
    let id = format!("embed.{}", now.as_nanos());
    let message = Outgoing::new(id, Kind::Note, "a message", "from rem-notify", now);
    match post.send(&message, &contact, Duration::from_secs(30)).await {
        Ok(sent) => println!("{contact}: {}", sent.detail),
        Err(error) => println!("{contact}: {} trouble: {error}", error.kind),
    }
    Ok(())
}
