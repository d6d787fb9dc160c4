use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ack::Durability;
use crate::wire::wire;

/// Which promise a bucket makes when the machines cannot all see each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Refuses to answer rather than answer wrongly.
    Consistent,
    /// Answers with what it has, and merges later.
    Available,
}

/// What is asked of a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BucketSpec {
    /// The least that an acknowledged write has to survive. `None`: the best
    /// that the backend can prove. Opening fails where it cannot prove this much;
    /// a lower level makes writes quicker.
    pub durability: Option<Durability>,
}

/// A bucket as a configuration file names it; `mode` has no default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BucketCfg {
    /// The name of the bucket.
    pub name: String,
    /// Which promise it makes.
    pub mode: Mode,
    /// The least that a write has to survive.
    #[serde(default)]
    pub durability: Option<Durability>,
}

/// What to do with a message that does not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overflow {
    /// The oldest messages go: a fresh one is worth more.
    #[default]
    DropOldest,
    /// The push fails with [`crate::Error::Full`].
    Reject,
}

/// When a message leaves a queue by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retain {
    /// When every group has acknowledged it.
    #[default]
    UntilAcked,
    /// Only when a limit is reached or it is popped.
    Keep,
}

/// The rules of a queue. They are kept with it; whoever states other rules changes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSpec {
    /// How many messages are kept, such as "the last 25".
    pub max_len: Option<u64>,
    /// How old a message may grow before it is gone.
    pub max_age: Option<Duration>,
    /// How many bytes of JSON are kept.
    pub max_bytes: Option<u64>,
    /// What happens at `max_len` and `max_bytes`.
    pub overflow: Overflow,
    /// When acknowledged messages go.
    pub retain: Retain,
    /// How long a consumer has before its delivery is given to another one.
    pub visibility: Duration,
    /// How often a message is delivered before it is dead; zero: for ever.
    pub max_deliveries: u32,
    /// The queue of the same bucket that dead messages go to; otherwise they are dropped and counted.
    pub dead_letter: Option<String>,
    /// How long an id given with a message keeps an equal one out.
    pub dedup_window: Duration,
}

impl Default for QueueSpec {
    fn default() -> Self {
        Self {
            max_len: None,
            max_age: None,
            max_bytes: None,
            overflow: Overflow::DropOldest,
            retain: Retain::UntilAcked,
            visibility: Duration::from_secs(30),
            max_deliveries: 0,
            dead_letter: None,
            dedup_window: Duration::from_secs(120),
        }
    }
}

impl QueueSpec {
    /// A queue to look at: the newest `n` messages stay until newer ones push them out.
    pub fn last(n: u64) -> Self {
        Self {
            max_len: Some(n),
            retain: Retain::Keep,
            ..Self::default()
        }
    }
}

wire!(enum Mode { 0 => Consistent, 1 => Available });
wire!(enum Overflow { 0 => DropOldest, 1 => Reject });
wire!(enum Retain { 0 => UntilAcked, 1 => Keep });
wire!(struct QueueSpec {
    max_len, max_age, max_bytes, overflow, retain, visibility, max_deliveries, dead_letter,
    dedup_window,
});

impl crate::wire::Wire for Duration {
    fn put(&self, out: &mut Vec<u8>) {
        u64::try_from(self.as_nanos()).unwrap_or(u64::MAX).put(out);
    }

    fn get(input: &mut &[u8]) -> crate::wire::Decoded<Self> {
        u64::get(input).map(Self::from_nanos)
    }
}
