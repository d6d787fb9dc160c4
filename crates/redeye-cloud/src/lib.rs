//! Many clouds and your own hardware behind one door.
//!
//! [`Cloud`] is the door: reads go through a [`Cache`], writes are [`Operation`]s of a
//! journal. `examples/embed.rs` is a whole program.
//!
//! A [`Megavisor`] is anything that holds machines: a cloud such as EC2, a rack
//! behind its controllers, a hypervisor. It lists [`Resource`]s and carries out
//! [`Request`]s; [`FakeMegavisor`] is one for tests.
//!
//! Every read is a [`Listing`], which says where it is from, how old and whether it
//! is complete, so that "nobody could look" is never taken for "nothing there".
//! Every write is one path: [`Megavisor::plan`] shows it, [`Megavisor::begin`] sends
//! it, [`Megavisor::poll`] follows it, and [`Megavisor::recover`] finds out about it
//! after a crash.
//!
//! ```
//! use redeye_cloud::{Action, Begun, FakeMegavisor, Kind, Megavisor, Request, OperationId};
//! use rem_time::{Span, Timestamp};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let fake = FakeMegavisor::new("fake/test/here".parse()?);
//! fake.with_instances(["web-1", "web-2"]);
//!
//! let scope = fake.scope();
//! let listing = fake.list(&scope, Kind::Instance).await?;
//! assert!(listing.is_proof());
//! assert_eq!(listing.items.len(), 2);
//!
//! let now = Timestamp::from_seconds(1_800_000_000);
//! let stop = Request {
//!     id: OperationId::new(now, [7; 10]),
//!     scope,
//!     action: Action::StopInstance { id: "web-1".parse()?, force: false },
//!     deadline: now + Span::from_seconds(120),
//! };
//! assert!(matches!(fake.begin(&stop).await?, Begun::Running(_)));
//! # Ok(()) }
//! ```

mod error;
mod kind;
mod name;
mod scope;

mod listing;
mod resource;

mod action;
mod capability;
mod hidden;
mod verb;

mod megavisor;
mod plan;
mod progress;
mod request;

mod cache;

mod door;
mod journal;
mod operation;
mod retry;

mod stack;

mod cost;

mod fake;

pub use action::{Action, NewInstance, NewVolume};
pub use cache::{Cache, Figures, Mode, Policy, ReadFigures};
pub use capability::Capabilities;
pub use cost::{Bill, CostError, HOURS_A_MONTH, Ledger, Line, Money, NotMoney, PriceBook, Prices};
pub use door::{Cloud, CloudFigures, DoorError, OPERATIONS_LISTED_MAX, Parts};
pub use error::{Class, CloudError};
pub use fake::{FakeMegavisor, Fault, On, Seen};
pub use hidden::Hidden;
pub use journal::{JournalError, OPERATIONS_KEPT_MAX};
pub use kind::{Kind, UnknownKind};
pub use listing::{Listing, Origin, Warning, Why};
pub use megavisor::{Answer, Info, Megavisor};
pub use name::{ID_CHARS_MAX, Id, NAME_CHARS_MAX, Name, NameError};
pub use operation::{OPERATION_LINES_MAX, Operation, OperationLine, OperationState};
pub use plan::{Plan, PlannedStep};
pub use progress::{Begun, Handle, Outcome, Progress, Recovered};
pub use request::{NotAnOperation, OperationId, Request};
pub use resource::{
    Attachment, Capacity, Direction, Firewall, FirewallRule, FloatingIp, Health, Image, ImageState,
    Instance, KeyPair, Lifecycle, Listener, LoadBalancer, Member, Peer, Power, Protocol, Region,
    Resource, Size, Snapshot, SnapshotState, Tags, UnknownProtocol, Volume, VolumeState, Zone,
};
pub use scope::{Scope, ScopeError};
pub use stack::{
    Entered, LAYERS_MAX, Layer, NextStep, Phase, StackEnd, StackError, StackRun, StackStep,
};
pub use verb::Verb;
