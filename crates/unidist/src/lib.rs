//! Coordination for threads and processes: locks, queues, counters, state and logs.
//!
//! A [`Bucket`] is opened as [`Consistent`] (it refuses to answer rather than
//! answer wrongly) or as [`Available`] (it answers with what it has). The two are
//! different types, and an available bucket has no locks and no comparing, so that
//! the wrong choice does not compile. Every write tells in its [`Ack`] what it
//! survives, and opening a bucket fails where the backend cannot prove the
//! [`Durability`] asked for.
//!
//! ```
//! use unidist::{BucketSpec, QueueSpec, Unidist};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> unidist::Result<()> {
//! let here = Unidist::memory();
//! let shop = here.consistent("shop", BucketSpec::default())?;
//!
//! let guard = shop.lock("till").owner("ann").acquire().await?;
//! let sales = shop.counter("sales");
//! sales.add(2);
//! guard.release().await?;
//! assert_eq!(sales.value().await?, 2);
//!
//! let wall = shop.queue::<String>("wall", QueueSpec::last(25));
//! wall.push(&"closing at eight".into()).await?;
//! assert_eq!(wall.peek_newest(25).await?[0].value, "closing at eight");
//!
//! let prices = shop.state::<u32>();
//! let first = prices.create("apple", &30).await?;
//! prices.put_if("apple", &35, first.rev).await?;
//! assert!(prices.put_if("apple", &25, first.rev).await.is_err());
//! # Ok(())
//! # }
//! ```
//!
//! Operations that wait (for a lock, a message, a change, a disk) need a tokio
//! runtime with its clock; all others only need to be polled.

mod ack;
pub mod blocking;
mod bucket;
mod clock;
pub mod conformance;
mod core;
mod counter;
mod error;
mod journal;
mod live;
mod lock;
mod node;
mod queue;
mod spec;
mod state;
mod store;
mod unidist;
mod wire;

pub use ack::{Ack, Durability, MsgId, OpId, Revision, Token};
pub use bucket::{AnyBucket, Available, Bucket, Consistency, Consistent, VALUE_BYTES_MAX};
pub use counter::Counter;
pub use error::{Error, Result};
pub use journal::{Entry, Level, Log};
pub use lock::{Fence, Guard, Holder, Lock, LockInfo, Lost};
pub use node::{FileOpts, OnRestart};
pub use queue::{Delivery, Group, Msg, Pending, Queue, QueueStats, Tail};
pub use spec::{BucketCfg, BucketSpec, Mode, Overflow, QueueSpec, Retain};
pub use state::{Event, If, State, Then, Versioned, Watch, What};
pub use store::{Cut, DirDisk, Disk, DiskFile, SimDisk};
pub use unidist::Unidist;
