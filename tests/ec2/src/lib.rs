//! An EC2 of our own for tests: the query protocol of EC2 and of its load balancers
//! over HTTP on the loopback.
//!
//! It has what the real one has and simpler fakes lack: states that take their time
//! ([`Pace`]), pages everywhere, tokens by which a repeated request is known, errors
//! for what does not fit, things that are not seen at once after they were made, and a
//! log of every request ([`Seen`]). And it breaks on demand ([`Fault`]).
//!
//! It knows the requests that `redeye-cloud-ec2` sends, and one pair of keys
//! ([`KEY`]); signatures are not verified.
//!
//! ```
//! use rem_ec2_fake::FakeEc2;
//!
//! let fake = FakeEc2::start();
//! fake.with_instances(3);
//! assert!(fake.endpoint().starts_with("http://127.0.0.1:"));
//! assert_eq!(fake.instances().len(), 3);
//! assert_eq!(fake.sent("TerminateInstances"), 0);
//! ```

mod fault;
mod handle;
mod params;
mod server;
mod state;
mod world;
mod xml;

pub use fault::Fault;
pub use handle::{FakeEc2, KEY, PAGE, SECRET, Seen};
pub use params::Params;
pub use state::Pace;
pub use world::{IMAGE, SIZES, ZONES};
