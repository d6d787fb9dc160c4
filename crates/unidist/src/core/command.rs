//! What a bucket can be asked, and what it answers.

use std::sync::Arc;

use crate::ack::{MsgId, Revision, Token};
use crate::spec::QueueSpec;
use crate::wire::wire;

pub(crate) type Name = Arc<str>;
pub(crate) type Body = Arc<[u8]>;

/// Points in time are nanoseconds since the epoch, lengths are nanoseconds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Command {
    /// The owner of the files has changed: tokens jump ahead of any that a
    /// crash may have made us forget.
    Opened {
        release_locks: bool,
    },
    /// Removes the state keys whose time is over.
    Tick,
    LockTake {
        take: Take,
    },
    LockRenew {
        name: Name,
        token: Token,
        lease: Option<u64>,
    },
    LockRelease {
        name: Name,
        token: Token,
    },
    LockInfo {
        name: Name,
    },
    LockList {
        prefix: Name,
    },
    FenceCheck {
        resource: Name,
        token: Token,
    },
    CounterAdd {
        name: Name,
        n: i64,
    },
    CounterSwap {
        name: Name,
        value: i64,
    },
    CounterGet {
        name: Name,
    },
    CounterList {
        prefix: Name,
    },
    QueueDeclare {
        name: Name,
        spec: QueueSpec,
    },
    QueuePush {
        name: Name,
        items: Vec<Push>,
    },
    QueuePop {
        name: Name,
        newest: bool,
    },
    QueueTake {
        name: Name,
        group: Name,
        n: u64,
    },
    QueueSettle {
        name: Name,
        group: Name,
        id: MsgId,
        token: Token,
        how: Settle,
        then: Vec<Change>,
    },
    QueueRead {
        name: Name,
        from: MsgId,
        n: u64,
        newest: bool,
    },
    QueueStats {
        name: Name,
    },
    QueuePending {
        name: Name,
        group: Name,
    },
    StateTxn {
        conditions: Vec<Condition>,
        changes: Vec<Change>,
    },
    StateGet {
        key: Name,
    },
    StateKeys {
        prefix: Name,
    },
    StateEvents {
        prefix: Name,
        after: Revision,
        n: u64,
    },
}

impl Command {
    /// Whether it may change anything; a reading command never does.
    pub(crate) fn writes(&self) -> bool {
        !matches!(
            self,
            Self::LockInfo { .. }
                | Self::LockList { .. }
                | Self::CounterGet { .. }
                | Self::CounterList { .. }
                | Self::QueueRead { .. }
                | Self::QueueStats { .. }
                | Self::QueuePending { .. }
                | Self::StateGet { .. }
                | Self::StateKeys { .. }
                | Self::StateEvents { .. }
        )
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Take {
    pub name: Name,
    pub owner: Name,
    pub pid: u32,
    pub lease: Option<u64>,
    pub priority: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Push {
    pub body: Body,
    pub dedup: Option<Name>,
    /// Nobody is given it before.
    pub not_before: Option<i64>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Settle {
    Ack,
    Nack { delay: u64 },
    Extend { by: u64 },
    Dead { reason: String },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Condition {
    /// Zero: there is no such key.
    RevisionIs {
        key: Name,
        rev: Revision,
    },
    Exists {
        key: Name,
    },
    LockHeld {
        lock: Name,
        token: Token,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Put {
        key: Name,
        body: Body,
        ttl: Option<u64>,
    },
    Delete {
        key: Name,
    },
    Touch {
        key: Name,
        ttl: u64,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reply {
    Done,
    Token {
        token: Token,
    },
    Held {
        until: Option<i64>,
    },
    Lock {
        lock: LockRow,
    },
    Locks {
        locks: Vec<LockRow>,
    },
    Number {
        value: i64,
    },
    Numbers {
        values: Vec<(Name, i64)>,
    },
    Ids {
        ids: Vec<MsgId>,
    },
    Message {
        message: Option<Row>,
    },
    Messages {
        messages: Vec<Row>,
    },
    Taken {
        taken: Vec<Given>,
        retry_at: Option<i64>,
    },
    Stats {
        stats: Stats,
    },
    Pending {
        pending: Vec<Flying>,
    },
    Value {
        value: Option<Kept>,
    },
    Keys {
        keys: Vec<Name>,
    },
    Events {
        events: Vec<Happened>,
        upto: Revision,
    },
    Changed {
        removed: u64,
    },
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LockRow {
    pub name: Name,
    pub owner: Name,
    pub pid: u32,
    /// Zero: free.
    pub token: Token,
    pub since: i64,
    pub until: Option<i64>,
    pub priority: u32,
    pub waiters: Vec<Name>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub id: MsgId,
    pub at: i64,
    pub body: Body,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Given {
    pub row: Row,
    pub token: Token,
    pub attempt: u32,
    pub until: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Flying {
    pub id: MsgId,
    pub token: Token,
    pub attempt: u32,
    pub until: i64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Stats {
    pub len: u64,
    pub bytes: u64,
    pub oldest: Option<i64>,
    pub in_flight: u64,
    pub dead: u64,
    pub pushed: u64,
    pub gone: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kept {
    pub body: Body,
    pub rev: Revision,
    pub at: i64,
    pub until: Option<i64>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Happened {
    pub rev: Revision,
    pub at: i64,
    pub key: Name,
    /// `None`: deleted.
    pub body: Option<Body>,
    /// Deleted because its time was over.
    pub expired: bool,
}

wire!(struct Take { name, owner, pid, lease, priority });
wire!(struct Push { body, dedup, not_before });
wire!(enum Settle { 0 => Ack, 1 => Nack { delay }, 2 => Extend { by }, 3 => Dead { reason } });
wire!(enum Condition {
    0 => RevisionIs { key, rev },
    1 => Exists { key },
    2 => LockHeld { lock, token },
});
wire!(enum Change { 0 => Put { key, body, ttl }, 1 => Delete { key }, 2 => Touch { key, ttl } });
wire!(struct LockRow { name, owner, pid, token, since, until, priority, waiters });
wire!(struct Row { id, at, body });
wire!(struct Given { row, token, attempt, until });
wire!(struct Flying { id, token, attempt, until });
wire!(struct Stats { len, bytes, oldest, in_flight, dead, pushed, gone });
wire!(struct Kept { body, rev, at, until });
wire!(struct Happened { rev, at, key, body, expired });
wire!(enum Reply {
    0 => Done,
    1 => Token { token },
    2 => Held { until },
    3 => Lock { lock },
    4 => Locks { locks },
    5 => Number { value },
    6 => Numbers { values },
    7 => Ids { ids },
    8 => Message { message },
    9 => Messages { messages },
    10 => Taken { taken, retry_at },
    11 => Stats { stats },
    12 => Pending { pending },
    13 => Value { value },
    14 => Keys { keys },
    15 => Events { events, upto },
    16 => Changed { removed },
});

wire!(enum Command {
    0 => Opened { release_locks },
    1 => Tick,
    2 => LockTake { take },
    3 => LockRenew { name, token, lease },
    4 => LockRelease { name, token },
    5 => LockInfo { name },
    6 => LockList { prefix },
    7 => FenceCheck { resource, token },
    8 => CounterAdd { name, n },
    9 => CounterSwap { name, value },
    10 => CounterGet { name },
    11 => CounterList { prefix },
    12 => QueueDeclare { name, spec },
    13 => QueuePush { name, items },
    14 => QueuePop { name, newest },
    15 => QueueTake { name, group, n },
    16 => QueueSettle { name, group, id, token, how, then },
    17 => QueueRead { name, from, n, newest },
    18 => QueueStats { name },
    19 => QueuePending { name, group },
    20 => StateTxn { conditions, changes },
    21 => StateGet { key },
    22 => StateKeys { prefix },
    23 => StateEvents { prefix, after, n },
});
