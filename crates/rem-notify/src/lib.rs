//! Messages to people, and what people answer by mail.
//!
//! An [`Outgoing`] message goes to one [`Contact`] of one person: a mail
//! address, a webhook, a script. [`Post`] is the one way it leaves; the real
//! one is [`PostOffice`], tests plug in [`FakePost`]. A refusal says whether
//! to try again ([`Refusal::Temporary`]) or to give the contact up
//! ([`Refusal::Permanent`]). Nothing here decides who is told what and when,
//! and nothing is kept: a message that must not be lost is in its sender's
//! outbox until [`Post::send`] said [`Sent`].
//!
//! Every attempt of one message carries the same `Message-ID` and
//! `Idempotency-Key`, so that a receiver can drop the double that a crash
//! between sending and writing it down makes.
//!
//! ```
//! use std::time::Duration;
//! use rem_notify::{Contact, FakePost, Kind, Outgoing, Post};
//! use rem_time::Timestamp;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let page = Outgoing::new(
//!     "web-down/web-01#12.1",
//!     Kind::Page,
//!     "web-01 does not answer",
//!     "apache/http: no answer for 30 s",
//!     Timestamp::from_seconds(1_282_114_491),
//! );
//! let ann = Contact::mail("ann@example.com")?;
//!
//! let post = FakePost::new();
//! let sent = post.send(&page, &ann, Duration::from_secs(30)).await?;
//! assert_eq!(sent.detail, "kept by the fake");
//! assert_eq!(post.delivered()[0].message.subject, "web-01 does not answer");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! # Ok::<(), std::io::Error>(())
//! ```

mod contact;
mod message;
mod post;

mod fake;
mod office;

mod body;
mod script;
mod template;
mod webhook;

mod mail;
mod smtp;

mod imap;
mod reply;

mod line;
mod secret;
mod trust;
mod wire;

pub use contact::{Body, Contact, ContactError, MailContact, Script, Webhook};
pub use fake::{Delivered, FakePost};
pub use imap::{ImapInbox, InboxError, InboxMail, OpenInbox};
pub use message::{Kind, Link, Outgoing, Urgency};
pub use office::PostOffice;
pub use post::{Post, Refusal, SendError, Sending, Sent};
pub use reply::{Command, Ignored, MailReply, Reply};
pub use secret::Secret;
pub use smtp::{Protection, Smtp, SmtpError};
pub use template::Template;
pub use trust::{Trust, TrustError};
